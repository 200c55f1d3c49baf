"""The View: last quotes, freshness, sessions and halts as the feed left them; rebuilt from it, never persisted."""

from __future__ import annotations

from toolkit.domain.events import Seen
from toolkit.domain.market import (
    FeedGap,
    MarketEvent,
    Quote,
    SessionClosed,
    SessionOpened,
    Step,
    Trade,
    TradingHalted,
)
from toolkit.domain.time import FeedTime, MonoTime


class LastQuote:
    """The newest quote of one instrument and how many good ones have come in a row since it was last bad or lost."""

    __slots__ = ("fresh", "quote", "step", "time")

    def __init__(self, quote: Quote) -> None:
        self.quote = quote  # the feed's own: there are far more quotes than looks at one
        self.step = 0
        self.time = FeedTime(0)
        self.fresh = 0

    @property
    def bid(self) -> int:
        return self.quote.bid

    @property
    def ask(self) -> int:
        return self.quote.ask

    @property
    def is_two_sided(self) -> bool:
        return self.quote.bid > 0 and self.quote.ask > 0

    @property
    def is_good(self) -> bool:
        """Two-sided, neither crossed nor locked."""
        return 0 < self.quote.bid < self.quote.ask


class View:
    """What the engine knows of the market as of the last step. Prices in ticks, sizes in lots.

    `closed` are the sessions that ended with the last step.
    """

    def __init__(self) -> None:
        self.step = 0
        self.time = FeedTime(0)
        self.received: MonoTime | None = None
        self.label = ""
        self.quotes: dict[str, LastQuote] = {}
        self.sessions: dict[str, str | None] = {}
        self.closed: list[SessionClosed] = []
        self.halted: set[str] = set()

    def update(self, step: Step, received: MonoTime | None = None) -> None:
        """Take one step in. Steps come in the order of their numbers; `received` is None for one of long ago."""
        number, time = step.number, step.time
        self.step, self.time, self.label = number, time, step.label
        self.received = received
        if self.closed:
            self.closed = []
        quotes = self.quotes
        for event in step.events:
            if type(event) is not Quote:
                self._other(event)
                continue
            last = quotes.get(event.instrument)
            if last is None:
                last = quotes[event.instrument] = LastQuote(event)
            last.quote, last.step, last.time = event, number, time
            if 0 < event.bid < event.ask:
                last.fresh += 1
            else:
                last.fresh = 0

    def quote(self, instrument: str) -> LastQuote | None:
        return self.quotes.get(instrument)

    def seen(self, instrument: str, now: MonoTime) -> Seen:
        """What a decision about this instrument sees now; zeros where there is no quote.

        A quote ages with the feed and, once the feed says nothing more, with the clock. In lockstep both are one.
        """
        quote = self.quotes.get(instrument)
        if quote is None:
            return Seen(step=self.step, quote_step=0, bid=0, ask=0, age=0)
        age = self.age(quote.time, now)
        return Seen(step=self.step, quote_step=quote.step, bid=quote.bid, ask=quote.ask, age=age)

    def age(self, time: FeedTime, now: MonoTime) -> int:
        """Nanoseconds since a moment of the feed."""
        if self.received is not None and now > self.received:
            return self.time - time + (now - self.received)
        return self.time - time

    def _other(self, event: MarketEvent) -> None:
        match event:
            case Trade():
                return
            case SessionOpened():
                self.sessions[event.calendar] = event.session
            case SessionClosed():
                self.sessions[event.calendar] = None
                self.closed.append(event)
            case TradingHalted():
                (self.halted.add if event.halted else self.halted.discard)(event.instrument)
            case FeedGap():
                self._distrust(event.instrument)

    def _distrust(self, instrument: str) -> None:
        for symbol, quote in self.quotes.items():
            if instrument in ("", symbol):
                quote.fresh = 0
