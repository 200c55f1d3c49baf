"""The limits of a whole book and of each strategy in it, resolved when they change; reads no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Final

import msgspec

from toolkit.domain.commands import LimitRow
from toolkit.domain.money import LARGEST
from toolkit.domain.sub_accounts import is_of

AMOUNTS = ("max_gross", "max_net", "max_margin", "max_var", "max_daily_loss", "max_drawdown")
RATIOS = ("max_leverage", "max_capital_use")
NAMES = AMOUNTS + RATIOS
OF_VAR = ("var_confidence", "var_horizon", "var_sessions")
"""How `max_var` is reckoned; each has a default, and none of sessions: then no history is asked for."""

OF_EVERY_SCOPE = ("max_gross", "max_net", *RATIOS)
OPEN = "*"
OPEN_ENDED = frozenset({"max_var"})
"""Limits of which a person may say that there is none: not set is something else, and denies."""

CONFIDENCE, LEAST_CONFIDENCE, MOST_CONFIDENCE = 0.99, 0.5, 0.9999
HORIZON = 86_400.0
"""Seconds of open market: a day of a market that never closes, more than one of any that does."""

PARTS: Final = 1_000_000
"""Ratios are counted in millionths."""

MOST: Final[Mapping[str, Decimal]] = {
    **dict.fromkeys(AMOUNTS, Decimal(10**15)),
    **dict.fromkeys(RATIOS, Decimal(10**9)),
    "var_confidence": Decimal("0.9999"),
    "var_horizon": Decimal(10**9),
    "var_sessions": Decimal(1_000),
}
MEANINGLESS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(NAMES, frozenset({"venue", "account", "instrument"})),
    "max_margin": frozenset({"strategy", "stage", "instrument"}),
    **dict.fromkeys(("max_var", *OF_VAR), frozenset({"venue", "account", "instrument", "strategy", "stage"})),
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
    """What is said of a strategy holds for a version that runs beside it as well."""
    found: dict[str, Bound] = {}
    for row in rows:
        if row.limit in MOST and row.scope in about and (row.name in ("", "*") or is_of(about[row.scope], row.name)):
            bound = Bound(value=_value(row, quantum), source=row.source)
            if row.limit not in found or _is_stricter(row.limit, bound.value, found[row.limit].value):
                found[row.limit] = bound
    return found


def _value(row: LimitRow, quantum: Decimal) -> int:
    """Within bounds whatever is in the journal; LARGEST for one that is open."""
    if row.value == OPEN:
        return LARGEST
    value = min(Decimal(row.value), MOST[row.limit])
    if row.limit == "var_sessions":
        return int(value)
    scaled = value / quantum if row.limit in AMOUNTS else value * PARTS
    return min(int(scaled.to_integral_value(ROUND_FLOOR)), LARGEST)


def _is_stricter(limit: str, value: int, than: int) -> bool:
    return value > than if limit in OF_VAR else value < than
