"""The limits of a whole book and of each strategy in it, resolved when they change; reads no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Final

import msgspec

from toolkit.domain.commands import LimitRow
from toolkit.domain.money import LARGEST

AMOUNTS = ("max_gross", "max_net", "max_margin")
RATIOS = ("max_leverage", "max_capital_use")
NAMES = AMOUNTS + RATIOS
PARTS: Final = 1_000_000
"""Ratios are counted in millionths."""

MOST: Final[Mapping[str, Decimal]] = {
    **dict.fromkeys(AMOUNTS, Decimal(10**15)),
    **dict.fromkeys(RATIOS, Decimal(10**9)),
}
MEANINGLESS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(NAMES, frozenset({"venue", "account", "instrument"})),
    "max_margin": frozenset({"strategy", "stage", "instrument"}),
}
"""Where a limit means nothing: a book and its strategies have an exposure, a venue asks for margin."""


class Bound(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A limit in force: quanta or millionths, and where it stands."""

    value: int
    source: str


Bounds = Mapping[str, Bound]


def bounds_of_strategy(rows: Sequence[LimitRow], strategy: str, stage: str, quantum: Decimal) -> Bounds:
    """What holds for one strategy: its own limits, those of its stage, and the book's, the strictest of each."""
    return _bounds(rows, {"book": "", "strategy": strategy, "stage": stage}, quantum)


def bounds_of_book(rows: Sequence[LimitRow], quantum: Decimal) -> Bounds:
    return _bounds(rows, {"book": ""}, quantum)


def bounds_of_venue(rows: Sequence[LimitRow], venue: str, quantum: Decimal) -> Bounds:
    return _bounds(rows, {"book": "", "venue": venue, "account": venue}, quantum)


def _bounds(rows: Sequence[LimitRow], about: Mapping[str, str], quantum: Decimal) -> Bounds:
    found: dict[str, Bound] = {}
    for row in rows:
        if row.limit in MOST and row.scope in about and row.name in ("", "*", about[row.scope]):
            bound = Bound(value=_value(row, quantum), source=row.source)
            if row.limit not in found or bound.value < found[row.limit].value:
                found[row.limit] = bound
    return found


def _value(row: LimitRow, quantum: Decimal) -> int:
    """Within bounds whatever is in the journal."""
    value = min(Decimal(row.value), MOST[row.limit])
    scaled = value * PARTS if row.limit in RATIOS else value / quantum
    return min(int(scaled.to_integral_value(ROUND_FLOOR)), LARGEST)
