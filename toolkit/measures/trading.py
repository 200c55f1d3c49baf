"""What trading did: round trips for display, hit rate, turnover, exposure, slippage; numbers in and out, no tables."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from toolkit.measures.bootstrap import Interval
from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import PERIODS_PER_YEAR, Floats


class Deal(NamedTuple):
    """One fill of one instrument. Quantity in lots (positive is a buy), `worth` in money a lot, `fee` in money.

    `order` groups the fills of one order.
    """

    time: int
    order: str
    quantity: int
    worth: float
    fee: float


class RoundTrip(NamedTuple):
    """A position opened by one order and closed by another, as first in, first out pairs them.

    `quantity` in lots, negative for a short; `entry` and `exit` are mean worths a lot; `gross` before and `pnl` after
    fees.
    """

    opened: int
    closed: int
    quantity: int
    entry: float
    exit: float
    gross: float
    fees: float

    @property
    def pnl(self) -> float:
        return self.gross - self.fees


class _Open(NamedTuple):
    deal: Deal
    left: int


def round_trips(deals: Iterable[Deal]) -> list[RoundTrip]:
    """Pair the deals of one instrument first in, first out; deals in order of time.

    For display: the books keep cost at average, so single trips differ from their realised PnL. Over a flat position
    both sum to the same. What is still open is in no trip.
    """
    waiting: deque[_Open] = deque()
    pieces: dict[tuple[str, str], list[RoundTrip]] = {}
    for deal in deals:
        left = deal.quantity
        while left and waiting and (waiting[0].left > 0) != (left > 0):
            first = waiting.popleft()
            size = min(abs(left), abs(first.left))
            key = (first.deal.order, deal.order)
            pieces.setdefault(key, []).append(_piece(first, deal, size))
            left -= size if left > 0 else -size
            if abs(first.left) > size:
                waiting.appendleft(_Open(first.deal, first.left - (size if first.left > 0 else -size)))
        if left:
            waiting.append(_Open(deal, left))
    return sorted(map(_joined, pieces.values()), key=lambda trip: (trip.closed, trip.opened))


def hit_rate(profits: Sequence[float]) -> Figure:
    """The fraction of round trips that earned more than their fees."""
    if not profits:
        return unknown("no round trip has closed")
    return Figure(sum(profit > 0 for profit in profits) / len(profits))


def hit_rate_interval(profits: Sequence[float], level: float = 0.95) -> Interval:
    """Wilson's score interval (1927) of the hit rate, for round trips that do not depend on each other."""
    count = len(profits)
    if not count:
        return Interval(nan, nan, nan, level, nan, "no round trip has closed")
    rate, z = hit_rate(profits).value, float(ndtri((1 + level) / 2))
    middle = (rate + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2))
    return Interval(rate, middle - reach, middle + reach, level, 1.0)


def annual_turnover(traded: float, capital: float, periods_seen: int, periods: int = PERIODS_PER_YEAR) -> Figure:
    """`traded / 2 / capital · periods / periods seen`: how often a year the capital goes in and out (one way)."""
    if capital <= 0:
        return unknown("the capital is not above 0")
    if not periods_seen:
        return unknown("no period has ended")
    return Figure(traded / 2 / capital * periods / periods_seen)


def mean_exposure(gross: Floats, capital: float) -> Figure:
    """Mean of `Σ|position · mark|` at the periods' ends, as a fraction of the capital."""
    if capital <= 0:
        return unknown("the capital is not above 0")
    return Figure(float(np.mean(gross)) / capital) if len(gross) else unknown("no period has ended")


def slippage_basis_points(cost: float, traded: float) -> Figure:
    """What fills cost against the middle at their decisions, in bp of the value traded; negative is a gain."""
    return Figure(cost / traded * 1e4) if traded else unknown("nothing traded")


def _piece(first: _Open, deal: Deal, size: int) -> RoundTrip:
    signed = size if first.left > 0 else -size
    fees = first.deal.fee * size / abs(first.deal.quantity) + deal.fee * size / abs(deal.quantity)
    gross = signed * (deal.worth - first.deal.worth)
    return RoundTrip(first.deal.time, deal.time, signed, first.deal.worth, deal.worth, gross, fees)


def _joined(pieces: Sequence[RoundTrip]) -> RoundTrip:
    """The pieces between one pair of orders as one trip."""
    quantity = sum(piece.quantity for piece in pieces)
    return RoundTrip(
        opened=min(piece.opened for piece in pieces),
        closed=max(piece.closed for piece in pieces),
        quantity=quantity,
        entry=sum(piece.entry * piece.quantity for piece in pieces) / quantity,
        exit=sum(piece.exit * piece.quantity for piece in pieces) / quantity,
        gross=sum(piece.gross for piece in pieces),
        fees=sum(piece.fees for piece in pieces),
    )
