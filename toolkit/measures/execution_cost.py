"""What executing decisions cost: shortfall by part, spreads, markouts, fill ratios, waiting times; arrays in, no books.

Prices, mids and money are float64 in one currency; a side is +1 for a buy and −1 for a sale. A cost is positive, and
NaN where a price that it hangs on is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import Floats

HORIZONS: Final[Mapping[str, float]] = {"1 s": 1.0, "10 s": 10.0, "1 min": 60.0, "5 min": 300.0}
"""After how many seconds a markout looks back at a fill."""

HOPS: Final = ("tick", "decision", "queue", "risk", "journal", "send", "acknowledge", "fill")
"""The stations of an order; a hop is what passes between two of them."""


class Shortfall(NamedTuple):
    """Implementation shortfall (Perold 1988), one entry an order, in money; the parts add up to `total`.

    `delay` is how far the middle moved between decision and send, on what filled; `spread_impact` is what fills cost
    against the middle at send; `missed` is how far the middle moved from the decision to the end, on what did not fill.
    """

    delay: Floats
    spread_impact: Floats
    fees: Floats
    missed: Floats

    @property
    def total(self) -> Floats:
        found: Floats = self.delay + self.spread_impact + self.fees + self.missed
        return found

    def basis_points(self, value: Floats) -> Floats:
        """The total in bp of what was decided (`value`: decision price · wanted quantity, in money)."""
        return _bp(self.total, value)


def shortfall(
    side: Floats,
    wanted: Floats,
    filled: Floats,
    paid: Floats,
    fees: Floats,
    decided: Floats,
    sent: Floats,
    ended: Floats,
) -> Shortfall:
    """The cost of each order against its decision price; unfilled orders stay in.

    `wanted` and `filled` are quantities (with the multiplier: money for a move of 1), `paid` the mean price of what
    filled (ignored where nothing did), `decided`, `sent` and `ended` the middle at those moments.
    """
    some = filled > 0
    price = np.where(some, paid, 0.0)
    return Shortfall(
        delay=np.where(some, side * filled * (sent - decided), 0.0),
        spread_impact=np.where(some, side * filled * (price - np.where(some, sent, 0.0)), 0.0),
        fees=np.asarray(fees, dtype=np.float64),
        missed=np.where(wanted > filled, side * (wanted - filled) * (ended - decided), 0.0),
    )


def arrival_slippage(side: Floats, price: Floats, arrival: Floats) -> Floats:
    """`side·(p − m)/m·10⁴` in bp: positive is worse than the middle at arrival (at the decision, or at send)."""
    return _bp(side * (price - arrival), arrival)


def effective_spread(side: Floats, price: Floats, middle: Floats) -> Floats:
    """`2·side·(p − m)/m·10⁴` in bp of the middle at the trade (Huang and Stoll 1996)."""
    return _bp(2 * side * (price - middle), middle)


def realised_spread(side: Floats, price: Floats, middle: Floats, later: Floats) -> Floats:
    """`2·side·(p − m_{+h})/m·10⁴` in bp: what the other side kept once the price had h to move."""
    return _bp(2 * side * (price - later), middle)


def price_impact(side: Floats, middle: Floats, later: Floats) -> Floats:
    """`2·side·(m_{+h} − m)/m·10⁴` in bp: effective less realised spread."""
    return _bp(2 * side * (later - middle), middle)


def markouts(
    side: Floats, price: Floats, time: Floats, quote_time: Floats, quote_middle: Floats,
    horizons: Mapping[str, float] = HORIZONS,
) -> dict[str, Floats]:  # fmt: skip
    """How far the middle went in our favour after each fill, in bp of the fill's price, by horizon.

    `side·(m_{t+h} − p)/p·10⁴` with the last quote at or before t+h. Times in seconds, quotes in order of time. NaN
    where the recording ends before the horizon does.
    """
    return {
        name: _bp(side * (middle_at(time + seconds, quote_time, quote_middle) - price), price)
        for name, seconds in horizons.items()
    }


def middle_at(times: Floats, quote_time: Floats, quote_middle: Floats) -> Floats:
    """The middle of the last quote at or before each time; NaN before the first quote and after the last one."""
    if not len(quote_time):
        return np.full(len(times), np.nan)
    places = np.searchsorted(quote_time, times, side="right") - 1
    within = (places >= 0) & (times <= quote_time[-1])
    found: Floats = np.where(within, quote_middle[np.clip(places, 0, None)], np.nan)
    return found


class FillRatio(NamedTuple):
    """Shares of what was sent: orders that filled wholly or partly, orders that filled wholly, and quantity."""

    by_order: Figure
    wholly: Figure
    by_quantity: Figure


def fill_ratio(wanted: Floats, filled: Floats) -> FillRatio:
    """Of orders that reached a venue, one entry each."""
    if not len(wanted):
        nothing = unknown("no order was sent")
        return FillRatio(nothing, nothing, nothing)
    return FillRatio(
        by_order=Figure(float(np.mean(filled > 0))),
        wholly=Figure(float(np.mean(filled >= wanted))),
        by_quantity=Figure(float(filled.sum() / wanted.sum())) if wanted.sum() else unknown("no quantity was sent"),
    )


def time_to_fill(seconds: Floats, filled: NDArray[np.bool_], share: float = 0.5) -> Figure:
    """Seconds until this share of orders has filled, with those that did not as censored (Kaplan and Meier 1958).

    `seconds` until the fill, or until the order ended without one. Leaving the unfilled out would make slow markets
    look quick. Unknown when fewer than the share would ever fill.
    """
    return times_to_fill(seconds, filled, (share,))[0]


def times_to_fill(seconds: Floats, filled: NDArray[np.bool_], shares: Sequence[float]) -> tuple[Figure, ...]:
    """`time_to_fill` of each share, with the orders sorted once."""
    if not len(seconds):
        return tuple(unknown("no order was sent") for _ in shares)
    order = np.lexsort((~filled, seconds))
    times, happened = seconds[order], filled[order]
    at_risk = np.arange(len(times), 0, -1)
    unfilled = np.cumprod(np.where(happened, 1 - 1 / at_risk, 1.0))
    places = np.searchsorted(-unfilled, [share - 1 - 1e-12 for share in shares])  # the first that is as low
    return tuple(
        Figure(float(times[place])) if place < len(times) else unknown(f"fewer than {share:.0%} of the orders filled")
        for share, place in zip(shares, places, strict=True)
    )


def hop_latencies(stations: Mapping[str, Floats]) -> dict[str, Floats]:
    """Time of each hop between stations that are known, in the unit of the stations, one entry an order.

    Stations in the order of `HOPS`; one that was not passed is NaN, and so are its hops. ValueError for an unknown one.
    """
    unknown_ones = sorted(set(stations) - set(HOPS))
    if unknown_ones:
        raise ValueError(f"no station is called {', '.join(unknown_ones)}; there are {', '.join(HOPS)}")
    known = [name for name in HOPS if name in stations]
    return {f"{first}→{second}": stations[second] - stations[first] for first, second in pairwise(known)}


def percentiles(values: Floats, levels: tuple[float, ...] = (0.5, 0.95, 0.99)) -> tuple[Figure, ...]:
    """Quantiles of what is known; a level that so few values cannot show is unknown (p99 takes 100 of them)."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    takes = {level: ceil(1 / (1 - level) - 1e-9) for level in levels}
    found = np.quantile(known, levels) if len(known) else np.empty(len(levels))
    return tuple(
        Figure(float(value))
        if len(known) >= takes[level]
        else unknown(f"{len(known)} observations, p{100 * level:g} takes {takes[level]}")
        for level, value in zip(levels, found, strict=True)
    )


def _bp(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(np.asarray(whole) != 0, part / whole * 1e4, np.nan)
    return found
