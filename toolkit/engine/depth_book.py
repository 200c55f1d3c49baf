"""An order book rebuilt from a venue's snapshot and numbered changes; a gap is found, never papered over.

The rule is that of exchanges which number their changes, for instance Binance ("How to manage a local order book
correctly", developers.binance.com): a change that ends at or before the book's number is old; the next one must begin
at or before that number plus one; anything later means that changes were lost, and only a new snapshot mends it. A
venue's proof that does not fit the book, such as Kraken's checksum, means the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import StrEnum
from heapq import nlargest, nsmallest
from typing import NamedTuple

from toolkit.domain.raw_rows import ExactLevel, Level, RawDepth

KEPT = 5_000
"""Changes that wait for a snapshot: eight minutes of ten a second. Of more, the oldest go."""


class Followed(StrEnum):
    """What became of a change."""

    APPLIED = "applied"
    OLD = "old"
    WAITING = "waiting for a snapshot"
    GAP = "gap"


class Top(NamedTuple):
    """Best bid and offer with their sizes; a missing side is zero and zero."""

    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal

    @property
    def is_crossed(self) -> bool:
        return bool(self.bid and self.ask and self.bid >= self.ask)


class DepthBook:
    """The book of one instrument. `last` is the number of the last change in it, 0 before a snapshot came."""

    def __init__(self) -> None:
        self.last = 0
        self._depth = 0
        self._bids = _Side(highest=True)
        self._asks = _Side(highest=False)
        self._waiting: deque[RawDepth] = deque(maxlen=KEPT)

    @property
    def is_whole(self) -> bool:
        return self.last > 0

    def take(self, change: RawDepth) -> Followed:
        """Apply the next change; after a gap the book is empty, keeps the changes, and waits for `load`."""
        if not self.is_whole:
            self._waiting.append(change)
            return Followed.WAITING
        if change.last <= self.last:
            return Followed.OLD
        if change.first > self.last + 1:
            self.forget()
            self._waiting.append(change)
            return Followed.GAP
        self._apply(change)
        if not self._is_proven(change):
            self.forget()
            return Followed.GAP
        return Followed.APPLIED

    def load(self, snapshot: RawDepth) -> bool:
        """Begin from a snapshot and what came since. False when it is too old for that: ask for another."""
        kept = [change for change in self._waiting if change.last > snapshot.last]
        if kept and kept[0].first > snapshot.last + 1:
            return False
        self.forget()
        self._depth = snapshot.depth
        self._apply(snapshot)
        if not self._is_proven(snapshot):
            self.forget()
            return False
        for change in kept:
            self.take(change)
        return self.is_whole

    def forget(self) -> None:
        """The line was down, or changes were lost: nothing of the book is true any more."""
        self.last = 0
        self._bids.clear()
        self._asks.clear()
        self._waiting.clear()

    def top(self) -> Top | None:
        """Best bid and offer, None while the book is not whole."""
        return Top(*self._bids.best(), *self._asks.best()) if self.is_whole else None

    def _apply(self, change: RawDepth) -> None:
        self._bids.update(change.bids, self._depth)
        self._asks.update(change.asks, self._depth)
        self.last = change.last

    def _is_proven(self, change: RawDepth) -> bool:
        if change.proof is None:
            return True
        return change.proof.holds(*(side.first(change.proof.levels) for side in (self._bids, self._asks)))


class _Side:
    """Price → size of one side; the best price is looked for only when it was taken out."""

    def __init__(self, *, highest: bool) -> None:
        self._better: Callable[..., Decimal] = max if highest else min
        self._firsts, self._lasts = (nlargest, nsmallest) if highest else (nsmallest, nlargest)
        self._sizes: dict[Decimal, Decimal] = {}
        self._best: Decimal | None = None

    def update(self, levels: Iterable[Level], depth: int) -> None:
        for price, size in ((Decimal(level[0]), Decimal(level[1])) for level in levels):
            if size:
                self._sizes[price] = size
                if self._best is not None:
                    self._best = self._better(self._best, price)
            elif self._sizes.pop(price, None) is not None and price == self._best:
                self._best = None
        if depth and len(self._sizes) > depth:
            for price in self._lasts(len(self._sizes) - depth, self._sizes):
                del self._sizes[price]

    def first(self, count: int) -> list[ExactLevel]:
        """The best levels, the best first."""
        return [(price, self._sizes[price]) for price in self._firsts(count, self._sizes)]

    def best(self) -> tuple[Decimal, Decimal]:
        if not self._sizes:
            return Decimal(0), Decimal(0)
        if self._best is None:
            self._best = self._better(self._sizes)
        return self._best, self._sizes[self._best]

    def clear(self) -> None:
        self._sizes.clear()
        self._best = None
