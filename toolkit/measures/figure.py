"""A figure that may be missing: a float, or NaN together with why there is none; no measure returns bare nonsense."""

from __future__ import annotations

from math import isnan, nan
from typing import NamedTuple


class Figure(NamedTuple):
    """`value` as a float; where it is NaN, `reason` says why in a few words."""

    value: float
    reason: str = ""

    @property
    def is_known(self) -> bool:
        return not isnan(self.value)


def unknown(reason: str) -> Figure:
    """NaN with its reason."""
    return Figure(nan, reason)
