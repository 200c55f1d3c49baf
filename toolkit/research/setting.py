"""What a backtest ran on: book, venue, data, strategies and the names of its assumptions; nothing of what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple

import msgspec

from toolkit.engine.book import BookSpec
from toolkit.research.feed_data import FeedData
from toolkit.simulation.paper_settings import PaperSettings

_TOLD: Final = 3  # differences that a name has room for


class Traded(NamedTuple):
    """One strategy. `parameters` are those given to it, `values` all of them, `capital` in the base currency."""

    name: str
    version: str
    capital: Decimal
    instruments: tuple[str, ...]
    parameters: Mapping[str, object]
    values: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Everything that decides a backtest. `limits_name` and `venue_name` say in words what is assumed."""

    title: str
    spec: BookSpec
    venue: PaperSettings
    data: FeedData
    strategies: tuple[Traded, ...]
    limits_name: str
    venue_name: str


def differing_assumptions(a: Setting, b: Setting) -> tuple[list[str], list[str]]:
    """In words for each of the two: the settings of its venue and the limits in which it is not like the other."""
    return (
        _unlike("venue", _venue(a), _venue(b)) + _unlike("limits", _limits(a), _limits(b)),
        _unlike("venue", _venue(b), _venue(a)) + _unlike("limits", _limits(b), _limits(a)),
    )


def _unlike(kind: str, own: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    names = sorted(name for name in own.keys() | other.keys() if own.get(name) != other.get(name))
    told = [f"{name}={_said(own.get(name))}" for name in names[:_TOLD]]
    more = [f"{len(names) - _TOLD} more"] if len(names) > _TOLD else []
    return [f"{kind}: {', '.join([*told, *more])}"] if names else []


def _venue(setting: Setting) -> dict[str, object]:
    """Settings by name, those of fees, queue and impact one by one."""
    flat: dict[str, object] = {}
    for name, value in msgspec.structs.asdict(setting.venue).items():
        if isinstance(value, msgspec.Struct):
            flat |= {f"{name}.{inner}": one for inner, one in msgspec.structs.asdict(value).items()}
        else:
            flat[name] = value
    return flat


def _limits(setting: Setting) -> dict[str, object]:
    return {f"{row.limit} of {row.scope} {row.name}".rstrip(): row.value for row in setting.spec.limits}


def _said(value: object) -> str:
    return str(value.value) if isinstance(value, Enum) else str(value)
