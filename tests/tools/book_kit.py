"""Books rebuilt from what an exchange's reader makes of its messages, and what became of every change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from toolkit.adapters.exchange_line import RawStream
from toolkit.domain.raw_rows import RawDepth, RawTrade
from toolkit.domain.time import FeedTime
from toolkit.engine.depth_book import DepthBook, Followed


class Rebuilt:
    """`followed` counts changes, `loaded` snapshots (whether they fit), `trades` are all of them."""

    def __init__(self, stream: RawStream) -> None:
        self._stream = stream
        self.books: defaultdict[str, DepthBook] = defaultdict(DepthBook)
        self.followed: Counter[Followed] = Counter()
        self.loaded: Counter[bool] = Counter()
        self.proofs = self.crossed = 0
        self.refused: list[str] = []
        self.trades: list[RawTrade] = []

    def take(self, text: str, received: FeedTime) -> None:
        message = self._stream.parse(text, received)
        if message.refused:
            self.refused.append(message.refused)
        for row in message.rows:
            if isinstance(row, RawTrade):
                self.trades.append(row)
            elif isinstance(row, RawDepth):
                self._change(row)

    def take_all(self, messages: Iterable[tuple[FeedTime, str]]) -> Rebuilt:
        for received, text in messages:
            self.take(text, received)
        return self

    def _change(self, row: RawDepth) -> None:
        book = self.books[row.instrument]
        self.proofs += row.proof is not None
        if row.snapshot:
            self.loaded[book.load(row)] += 1
        else:
            self.followed[book.take(row)] += 1
        top = book.top()
        self.crossed += top is not None and top.is_crossed
