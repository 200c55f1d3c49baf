"""The ladder of books: why live, twin, double, replay and backtest earn different sums, as folds over pairs of fills.

B4 is live, B3 its twin (the live intents, filled by the paper model), B2 the double (a runner that decides on its own
paper fills), B1 the replay of the double over the recorded feed, B0 the backtest. All money is in half quanta, since a
middle may stand on half a tick: whole numbers, so the parts add up to the last one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class PairedFill(NamedTuple):
    """One fill of an order, live or on paper. `twice` prices: bid + ask, or 2·price, in ticks; `fee` in quanta.

    `middle` is the market's at the fill. `quantity` in lots, above 0.
    """

    quantity: int
    price: int
    middle: int
    fee: int = 0


class OrderPair(NamedTuple):
    """One intent twice: as it filled live, and as the paper model filled it; `ended` is twice the middle at its end.

    `side` is +1 or −1, `tick_value` the quanta that one tick on one lot is worth. When the live order ends the twin's
    rest is cancelled and its position set to the live one at `ended`, so that the twin carries no position of its own.
    """

    side: int
    tick_value: int
    live: tuple[PairedFill, ...]
    twin: tuple[PairedFill, ...]
    ended: int


class Execution(NamedTuple):
    """B4 − B3 in half quanta, negative when live did worse: the market moved before the live fill (`delay`), the fill
    was further from the middle (`spread_impact`), quantity that only one of the two got (`missed`), and fees."""

    delay: int = 0
    spread_impact: int = 0
    missed: int = 0
    fees: int = 0

    @property
    def total(self) -> int:
        return self.delay + self.spread_impact + self.missed + self.fees

    def __add__(self, other: object) -> Execution:
        if not isinstance(other, Execution):
            return NotImplemented
        return Execution(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Rungs(NamedTuple):
    """PnL of the five books over one span, all marked alike, in half quanta."""

    live: int
    twin: int
    double: int
    replay: int
    backtest: int


class Divergence(NamedTuple):
    """Live less backtest in half quanta, by cause; the four parts add up exactly."""

    execution: int
    path_and_signal: int
    plumbing: int
    data: int

    @property
    def total(self) -> int:
        return sum(self)


def divergence(rungs: Rungs) -> Divergence:
    """(B4−B3) execution, (B3−B2) path and signal, (B2−B1) plumbing, (B1−B0) data."""
    return Divergence(
        execution=rungs.live - rungs.twin,
        path_and_signal=rungs.twin - rungs.double,
        plumbing=rungs.double - rungs.replay,
        data=rungs.replay - rungs.backtest,
    )


def execution_of(pair: OrderPair) -> Execution:
    """B4 − B3 of one order by part. Fills are matched lot by lot, first in first out on either side."""
    worth = pair.side * pair.tick_value
    delay = spread_impact = 0
    left_live, left_twin = _Queue(pair.live), _Queue(pair.twin)
    while left_live.quantity and left_twin.quantity:
        live, twin = left_live.first, left_twin.first
        size = min(left_live.size, left_twin.size)
        delay += worth * size * (twin.middle - live.middle)
        spread_impact += worth * size * ((twin.price - twin.middle) - (live.price - live.middle))
        left_live.take(size)
        left_twin.take(size)
    missed = sum(worth * size * (pair.ended - fill.price) for fill, size in left_live.rest())
    missed -= sum(worth * size * (pair.ended - fill.price) for fill, size in left_twin.rest())
    fees = 2 * (sum(fill.fee for fill in pair.twin) - sum(fill.fee for fill in pair.live))
    return Execution(delay, spread_impact, missed, fees)


def execution(pairs: Iterable[OrderPair]) -> Execution:
    """The parts of many orders, summed."""
    total = Execution()
    for pair in pairs:
        total += execution_of(pair)
    return total


def cash_of(pair: OrderPair) -> tuple[int, int]:
    """Cash in half quanta that the order left live and at its re-based twin, which hold the same afterwards."""
    worth = pair.side * pair.tick_value
    live = -sum(worth * fill.quantity * fill.price + 2 * fill.fee for fill in pair.live)
    twin = -sum(worth * fill.quantity * fill.price + 2 * fill.fee for fill in pair.twin)
    moved = sum(fill.quantity for fill in pair.live) - sum(fill.quantity for fill in pair.twin)
    return live, twin - worth * moved * pair.ended


class _Queue:
    """Fills that are used up lot by lot."""

    def __init__(self, fills: Sequence[PairedFill]) -> None:
        self._fills = deque(fills)
        self.quantity = sum(fill.quantity for fill in fills)
        self.size = fills[0].quantity if fills else 0

    @property
    def first(self) -> PairedFill:
        return self._fills[0]

    def take(self, size: int) -> None:
        self.quantity -= size
        self.size -= size
        if not self.size:
            self._fills.popleft()
            self.size = self._fills[0].quantity if self._fills else 0

    def rest(self) -> Iterator[tuple[PairedFill, int]]:
        """What nobody matched, with the size that is left of it."""
        for place, fill in enumerate(self._fills):
            yield fill, self.size if place == 0 else fill.quantity
