"""How much of each limit is used, as a share where both are numbers; as `execution limits list` has them, no other."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

import msgspec

from toolkit.dashboards.known import Known
from toolkit.dashboards.looks import BAD, GOOD, ODD
from toolkit.replica.limits_in_use import LimitInUse, limits_in_use, share

HIGH, FULL = 0.8, 1.0
MANY = 10_000


class LimitShare(msgspec.Struct, frozen=True, kw_only=True):
    """A limit with what is used of it; `share` is None where one of the two is no number, or nothing can be used."""

    row: LimitInUse
    share: float | None

    @property
    def of(self) -> str:
        """The scope in words: `strategy trend`."""
        return f"{self.row.scope} {self.row.name}".strip()

    @property
    def used(self) -> str:
        """What is used, with separators where it is a number; a dash where nothing can be."""
        return amount(self.row.used) or "–"

    @property
    def used_shortly(self) -> str:
        """The number alone."""
        return self.used.partition(" ")[0]

    @property
    def in_force(self) -> str:
        return amount(self.row.value)

    @property
    def how(self) -> str:
        if self.share is None:
            return ""
        return BAD if self.share >= FULL else ODD if self.share >= HIGH else GOOD

    @property
    def words(self) -> str:
        """`62 %`, or a dash."""
        if self.share is None:
            return "–"
        return "beyond all" if math.isinf(self.share) else f"{100 * self.share:.0f} %"


def limit_shares(known: Known) -> tuple[LimitShare, ...]:
    """Every limit in force, the one of which most is used first."""
    rows = limits_in_use(known.replica, known.tallies.messages.as_of(known.wall), int(known.wall))
    found = [LimitShare(row=row, share=share(row)) for row in rows]
    return tuple(sorted(found, key=lambda each: (each.share is None, -(each.share or 0.0), each.row.control)))


def amount(text: str) -> str:
    """With separators where it begins with a number, without what a hundred thousand needs no cents for."""
    head, _, rest = text.partition(" ")
    try:
        value = Decimal(head)
    except InvalidOperation:
        return text
    shown = f"{value:,.0f}" if abs(value) >= MANY else f"{value:,f}"
    return f"{shown} {rest}".strip()


def limit_words(name: str) -> str:
    """`max_daily_loss` as people say it."""
    return name.replace("_", " ").removeprefix("max ")
