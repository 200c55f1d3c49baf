"""Raw messages of an exchange become numbered steps: books checked, quotes conflated, trades never; it never waits.

Between reading and numbering stands an outbox. While a reader is slow, a newer quote of an instrument takes the place
of the one that nobody has read yet; trades, gaps and bells all stay, in the order in which they came. What is numbered
is published: a number is never taken back.

The depth stream proves that the line lost nothing: its numbers have no gap. When they have one, what is known of that
instrument is no longer trusted (FeedGap) until a new quote, and a snapshot is wanted. The rebuilt book is also held
against the quotes: when it differs time after time, or stays crossed, it is built anew. Of an exchange that does not
tell its quotes apart from its book, they are the top of the rebuilt book, at every change of it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

from toolkit.domain.instruments import Instrument
from toolkit.domain.market import FeedGap, SessionClosed, SessionOpened, Step
from toolkit.domain.raw_rows import RawDepth, RawMessage, RawQuote, RawTrade
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.depth_book import DepthBook, Followed, Top
from toolkit.engine.market_data import MarketDataListener, Problem

ALWAYS_OPEN = "24/7"
LONGEST_SILENCE = 30.0
DIFFERENCES = 5
"""So many comparisons in a row in which book and quote differ, or bid and ask cross, make the book unbelievable."""


class Interrupted:
    """The line was down at this time."""

    __slots__ = ("time",)

    def __init__(self, time: FeedTime) -> None:
        self.time = time


class BookGap:
    """Changes of one instrument's book were lost before this time."""

    __slots__ = ("instrument", "time")

    def __init__(self, instrument: str, time: FeedTime) -> None:
        self.instrument, self.time = instrument, time


Waiting = RawQuote | RawTrade | Interrupted | BookGap


class Outbox:
    """What is read and not yet numbered. A quote replaces the waiting one of its instrument; nothing else goes."""

    def __init__(self) -> None:
        self.conflated = 0
        self._items: dict[int, Waiting] = {}
        self._quotes: dict[str, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Waiting) -> None:
        self._count += 1
        if isinstance(item, RawQuote):
            before = self._quotes.get(item.instrument)
            if before is not None:
                del self._items[before]
                self.conflated += 1
            self._quotes[item.instrument] = self._count
        self._items[self._count] = item

    def take(self, at_most: int) -> Iterator[Waiting]:
        """The oldest ones, which are then gone from here."""
        for key in list(self._items)[:at_most]:
            item = self._items.pop(key)
            if isinstance(item, RawQuote):
                del self._quotes[item.instrument]
            yield item


class BookCheck:
    """One instrument's rebuilt book, held against its quotes, or the source of them."""

    def __init__(self) -> None:
        self.book = DepthBook()
        self._told: Top | None = None
        self._quotes: deque[RawQuote] = deque(maxlen=1)
        self._differences = 0

    def quote(self, row: RawQuote) -> None:
        self._quotes.append(row)

    def change(self, row: RawDepth) -> Followed:
        """Apply a change; GAP also for a book that differs from the quotes time after time."""
        followed = self.book.take(row)
        if followed is Followed.APPLIED and self._differs():
            self._differences += 1
            if self._differences >= DIFFERENCES:
                self.forget()
                return Followed.GAP
        elif followed is Followed.APPLIED:
            self._differences = 0
        elif followed is Followed.GAP:
            self._told = None
        return followed

    def forget(self) -> None:
        self.book.forget()
        self._quotes.clear()
        self._told = None
        self._differences = 0

    def news(self, row: RawDepth) -> RawQuote | None:
        """The book's top after this row as a quote, None while it is what it was, or none."""
        top = self.book.top()
        if top is None or top == self._told or top.is_crossed or not (top.bid or top.ask):
            return None
        self._told = top
        return RawQuote(row.instrument, row.time, top.bid, top.ask, top.bid_size, top.ask_size, row.place)

    def _differs(self) -> bool:
        """Whether the book crosses, or its top is another than that of a quote which it must have seen."""
        top = self.book.top()
        if top is not None and top.is_crossed:
            return True
        if not self._quotes or top is None or (self._quotes[0].number or 0) > self.book.last:
            return False
        quote = self._quotes[0]
        sides = (quote.bid, quote.bid_size, quote.ask, quote.ask_size)
        return top != tuple(Decimal(str(side)) for side in sides)


class LiveFeed:
    """One exchange's stream for some instruments, whose last published step was `number`.

    A feed that goes on (number > 0) begins with a FeedGap: nobody knows what was missed. `counts` says how often what
    happened, for whoever shows it. An instrument without a quote for `longest_silence` seconds of arrival is stale.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        *,
        label: str,
        number: int = 0,
        has_depth: bool,
        quotes_from_book: bool = False,
        longest_silence: float = LONGEST_SILENCE,
    ) -> None:
        known = tuple(instruments)
        self.counts: Counter[str] = Counter()
        self.problems: list[Problem] = []
        self.wanted: set[str] = {one.symbol for one in known} if has_depth else set()
        silence = {one.symbol: longest_silence for one in known}
        self._listener = MarketDataListener(known, label=label, longest_silence=silence, number=number)
        self._checks = {one.symbol: BookCheck() for one in known}
        self._outbox = Outbox()
        self._has_depth = has_depth
        self._quotes_from_book = quotes_from_book
        self._session = ""
        self._goes_on = number > 0

    @property
    def waiting(self) -> int:
        """How much is read and not numbered yet."""
        return len(self._outbox)

    @property
    def conflated(self) -> int:
        """How many quotes gave way to a newer one before anybody read them."""
        return self._outbox.conflated

    @property
    def silent(self) -> tuple[str, ...]:
        """The instruments that are stale now."""
        return self._listener.silent

    def stale(self, at: FeedTime) -> tuple[Problem, ...]:
        """Instruments without a quote for too long at this time of arrival; each silence is told once."""
        return self._listener.stale(at)

    def take(self, message: RawMessage) -> None:
        """Take one message in; `wanted` then names the instruments whose book needs a snapshot."""
        for row in message.rows:
            if not isinstance(row, RawDepth):
                self._outbox.put(row)
                self.counts["quotes" if isinstance(row, RawQuote) else "trades"] += 1
                if isinstance(row, RawQuote) and row.instrument in self._checks:
                    self._checks[row.instrument].quote(row)
            elif row.instrument in self._checks:
                if row.snapshot:
                    self.load(row)
                else:
                    self._change(row)

    def load(self, snapshot: RawDepth) -> bool:
        """A snapshot came. False when it was too old for the changes that wait: it is wanted still."""
        loaded = self._checks[snapshot.instrument].book.load(snapshot)
        if loaded:
            self.wanted.discard(snapshot.instrument)
            self.counts["snapshots"] += 1
            self._quote_of_book(snapshot)
        return loaded

    def interrupted(self, time: FeedTime) -> None:
        """The line was down: books are forgotten, and nothing that was known is trusted."""
        self.counts["interruptions"] += 1
        self._outbox.put(Interrupted(time))
        for symbol, check in self._checks.items():
            check.forget()
            if self._has_depth:
                self.wanted.add(symbol)

    def steps(self, at_most: int) -> list[Step]:
        """Number what waits, the oldest first; what was wrong with it is in `problems` until somebody clears them."""
        found: list[Step] = []
        for item in self._outbox.take(at_most):
            found += self._bells(item.time)
            found += self._numbered(item)
        return found

    def _change(self, row: RawDepth) -> None:
        followed = self._checks[row.instrument].change(row)
        if followed is Followed.GAP:
            self.counts["gaps"] += 1
            self._outbox.put(BookGap(row.instrument, row.time))
            self.wanted.add(row.instrument)
        elif followed is Followed.APPLIED:
            self._quote_of_book(row)

    def _quote_of_book(self, row: RawDepth) -> None:
        if self._quotes_from_book and (quote := self._checks[row.instrument].news(row)) is not None:
            self._outbox.put(quote)
            self.counts["quotes"] += 1

    def _numbered(self, item: Waiting) -> Iterator[Step]:
        if isinstance(item, Interrupted):
            yield self._listener.interrupted(item.time)
        elif isinstance(item, BookGap):
            yield self._listener.tell(item.time, FeedGap(instrument=item.instrument))
        else:
            taken = self._listener.take(item)
            self.problems += taken.problems
            if taken.step is not None:
                yield taken.step

    def _bells(self, time: FeedTime) -> Iterator[Step]:
        """An exchange that never closes has a session a day, by UTC: the book rolls, DAY orders end."""
        session = datetime.fromtimestamp(int(time) // NANOSECONDS, UTC).date().isoformat()
        if self._goes_on:
            self._goes_on = False
            yield self._listener.interrupted(time)
        if session <= self._session:
            return
        if self._session:
            yield self._listener.tell(time, SessionClosed(calendar=ALWAYS_OPEN, session=self._session))
        self._session = session
        yield self._listener.tell(time, SessionOpened(calendar=ALWAYS_OPEN, session=session))
