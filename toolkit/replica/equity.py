"""Results over time and middles over time, thinned so that any span fits a bounded length; taken from the books."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from toolkit.domain.ledger import Ledger
from toolkit.domain.money import whole
from toolkit.domain.time import NANOSECONDS

POINTS_KEPT: Final = 4_096
MIDDLES_KEPT: Final = 2_048
FIRST_SPACING: Final = NANOSECONDS


class Point(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where a strategy stood, in quanta of the base currency. `time` is the feed's, of the newest mark, `wall` ours."""

    wall: int
    time: int
    pnl: int
    realised: int
    fees: int


class Curve(msgspec.Struct, gc=False, array_like=True):
    """Points at least `spacing` ns apart. A full one drops every second point and goes on twice as wide."""

    points: list[Point] = []
    spacing: int = FIRST_SPACING

    def note(self, point: Point) -> None:
        """The newest point always stands; one that is too near to those before takes the last one's place."""
        points = self.points
        if len(points) > 1 and point.wall - points[-2].wall < self.spacing:
            points[-1] = point
            return
        points.append(point)
        if len(points) > POINTS_KEPT:
            self.points = [*points[:-1:2], point]
            self.spacing *= 2


class Equity(msgspec.Struct, array_like=True):
    """A curve for each strategy. `stale` says that a mark came since the last points were taken."""

    curves: dict[str, Curve] = {}
    stale: bool = False
    noted: int = 0

    def note(self, wall: int, ledger: Ledger) -> None:
        """Take a point of each strategy, once a second at most and only when a mark came."""
        if not self.stale or 0 <= wall - self.noted < FIRST_SPACING:
            return
        self.stale, self.noted = False, wall
        time = max((int(mark.time) for mark in ledger.marks.values()), default=0)
        for strategy in ledger.capital:
            pnl = ledger.pnl(strategy)
            if pnl is None:
                continue
            realised, fees = realised_of(ledger, strategy), fees_of(ledger, strategy)
            if realised is not None and fees is not None:
                self.curves.setdefault(strategy, Curve()).note(Point(wall, time, pnl, realised, fees))


class Middles(msgspec.Struct, array_like=True):
    """The newest marks of each instrument: feed times (ns) and twice the middles in ticks, oldest first."""

    times: dict[str, list[int]] = {}
    twice: dict[str, list[int]] = {}

    def note(self, instrument: str, time: int, twice: int) -> None:
        times = self.times.setdefault(instrument, [])
        middles = self.twice.setdefault(instrument, [])
        times.append(time)
        middles.append(twice)
        if len(times) > 2 * MIDDLES_KEPT:
            del times[:-MIDDLES_KEPT], middles[:-MIDDLES_KEPT]


def realised_of(ledger: Ledger, strategy: str) -> int | None:
    """What closed trades brought, in quanta of the base currency at the last rates; None where a rate is missing."""
    total: int | Decimal = 0
    for symbol, position in ledger.positions.get(strategy, {}).items():
        if position.realised:
            rate = ledger.rate(ledger.instruments.require(symbol).currency)
            if rate is None:
                return None
            total += position.realised * rate
    return whole(total)


def fees_of(ledger: Ledger, strategy: str) -> int | None:
    """What was paid, in quanta of the base currency at the last rates; None where a rate is missing."""
    total: int | Decimal = 0
    for asset, quanta in ledger.fees.get(strategy, {}).items():
        rate = ledger.rate(asset)
        if rate is None:
            return None
        total += quanta * rate
    return whole(total)
