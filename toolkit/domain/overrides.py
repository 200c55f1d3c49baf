"""Limits that two people loosened for a while or for so many orders (control 31); what has ended counts no more.

An override stands beside the table of limits and never in it: what a file says is compared with that table, and when
the override is over its row holds again by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from toolkit.domain.commands import LimitRow, Who
from toolkit.domain.sub_accounts import strategy_of
from toolkit.domain.time import WallTime

LONGEST_OVERRIDE_SECONDS = 24 * 3600
"""What is to hold for longer goes into the file. One that ends by use alone ends after so long as well."""


class Override(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="override"):
    """One row of the table with another value, until a wall time and for `orders` entries (0: any number).

    `before` is what the row said when it was approved, `used` the entries since; `who` asked for it.
    """

    scope: str
    name: str
    limit: str
    value: str
    before: str
    until: WallTime
    orders: int
    who: Who
    used: int = 0

    @property
    def key(self) -> str:
        return override_key(self.scope, self.name, self.limit)

    @property
    def is_used_up(self) -> bool:
        return 0 < self.orders <= self.used

    def speaks_of(self, strategy: str, instrument: str, venue: str, stage: str) -> bool:
        """Whether an order counts as one that used it."""
        if self.scope == "strategy":
            return self.name in ("*", strategy, strategy_of(strategy))
        about = {"book": "", "venue": venue, "account": venue, "instrument": instrument, "stage": stage}[self.scope]
        return self.name in ("", "*", about)


Overrides = Mapping[str, Override]


def override_key(scope: str, name: str, limit: str) -> str:
    """What there is one override of."""
    return f"{scope} {name} {limit}"


def not_over(overrides: Overrides, now: int) -> Overrides:
    """Those that still hold at a wall time. The engine ends what is over before it does anything else; without one the
    books still have it, and it holds no more than before."""
    return {key: each for key, each in overrides.items() if not each.is_used_up and now < int(each.until)}


def in_force(rows: tuple[LimitRow, ...], overrides: Overrides) -> tuple[LimitRow, ...]:
    """The table with what is overridden now; each such row says so where it says its place."""
    if not overrides:
        return rows
    return tuple(_overridden(row, overrides) for row in rows)


def ended_by(rows: Iterable[LimitRow], overrides: Overrides) -> list[Override]:
    """The overrides of rows that a new table no longer has as they were when they were loosened."""
    values = {override_key(row.scope, row.name, row.limit): row.value for row in rows}
    return [override for key, override in overrides.items() if values.get(key) != override.before]


def _overridden(row: LimitRow, overrides: Overrides) -> LimitRow:
    override = overrides.get(override_key(row.scope, row.name, row.limit))
    if override is None or override.is_used_up:
        return row
    return msgspec.structs.replace(row, value=override.value, source=f"override of {row.source}, there {row.value}")
