"""An order book rebuilt from a venue's snapshot and numbered changes; a gap is found, never papered over.

The rule is that of exchanges which number their changes, for instance Binance ("How to manage a local order book
correctly", developers.binance.com): a change that ends at or before the book's number is old; the next one must begin
at or before that number plus one; anything later means that changes were lost, and only a new snapshot mends it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from toolkit.domain.raw_rows import Level, RawDepth

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


class DepthBook:
    """The book of one instrument. `last` is the venue's number of the last change in it, 0 before a snapshot came."""

    def __init__(self) -> None:
        self.last = 0
        self._bids = _Side(max)
        self._asks = _Side(min)
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
        return Followed.APPLIED

    def load(self, snapshot: RawDepth) -> bool:
        """Begin from a snapshot and what came since. False when it is too old for that: ask for another."""
        kept = [change for change in self._waiting if change.last > snapshot.last]
        if kept and kept[0].first > snapshot.last + 1:
            return False
        self.forget()
        self._apply(snapshot)
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
        self._bids.update(change.bids)
        self._asks.update(change.asks)
        self.last = change.last


class _Side:
    """Price → size of one side; the best price is looked for only when it was taken out."""

    def __init__(self, better: Callable[..., Decimal]) -> None:
        self._better = better
        self._sizes: dict[Decimal, Decimal] = {}
        self._best: Decimal | None = None

    def update(self, levels: Iterable[Level]) -> None:
        for price, size in ((Decimal(level[0]), Decimal(level[1])) for level in levels):
            if size:
                self._sizes[price] = size
                if self._best is not None:
                    self._best = self._better(self._best, price)
            elif self._sizes.pop(price, None) is not None and price == self._best:
                self._best = None

    def best(self) -> tuple[Decimal, Decimal]:
        if not self._sizes:
            return Decimal(0), Decimal(0)
        if self._best is None:
            self._best = self._better(self._sizes)
        return self._best, self._sizes[self._best]

    def clear(self) -> None:
        self._sizes.clear()
        self._best = None
