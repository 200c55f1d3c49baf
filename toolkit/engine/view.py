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

    __slots__ = ("ask", "ask_size", "bid", "bid_size", "fresh", "step", "time")

    def __init__(self) -> None:
        self.bid = self.ask = self.bid_size = self.ask_size = 0
        self.step = 0
        self.time = FeedTime(0)
        self.fresh = 0

    @property
    def is_two_sided(self) -> bool:
        return self.bid > 0 and self.ask > 0

    @property
    def is_good(self) -> bool:
        """Two-sided, neither crossed nor locked."""
        return 0 < self.bid < self.ask


class View:
    """What the engine knows of the market as of the last step. Prices in ticks, sizes in lots."""

    def __init__(self) -> None:
        self.step = 0
        self.time = FeedTime(0)
        self.received: MonoTime | None = None
        self.label = ""
        self.quotes: dict[str, LastQuote] = {}
        self.sessions: dict[str, str | None] = {}
        self.halted: set[str] = set()

    def update(self, step: Step, received: MonoTime | None = None) -> None:
        """Take one step in. Steps come in the order of their numbers; `received` is None for one of long ago."""
        self.step, self.time, self.label = step.number, step.time, step.label
        self.received = received
        for event in step.events:
            if type(event) is Quote:
                self._quote(event)
            else:
                self._other(event)

    def quote(self, instrument: str) -> LastQuote | None:
        return self.quotes.get(instrument)

    def seen(self, instrument: str, now: MonoTime) -> Seen:
        """What a decision about this instrument sees now; zeros where there is no quote.

        A quote ages with the feed and, once the feed says nothing more, with the clock. In lockstep both are one.
        """
        quote = self.quotes.get(instrument)
        if quote is None:
            return Seen(step=self.step, quote_step=0, bid=0, ask=0, age=0)
        age = self.time - quote.time
        if self.received is not None and now > self.received:
            age += now - self.received
        return Seen(step=self.step, quote_step=quote.step, bid=quote.bid, ask=quote.ask, age=age)

    def _quote(self, event: Quote) -> None:
        quote = self.quotes.get(event.instrument)
        if quote is None:
            quote = self.quotes[event.instrument] = LastQuote()
        quote.bid, quote.ask = event.bid, event.ask
        quote.bid_size, quote.ask_size = event.bid_size, event.ask_size
        quote.step, quote.time = self.step, self.time
        quote.fresh = quote.fresh + 1 if 0 < event.bid < event.ask else 0

    def _other(self, event: MarketEvent) -> None:
        match event:
            case Trade():
                return
            case SessionOpened():
                self.sessions[event.calendar] = event.session
            case SessionClosed():
                self.sessions[event.calendar] = None
            case TradingHalted():
                (self.halted.add if event.halted else self.halted.discard)(event.instrument)
            case FeedGap():
                self._distrust(event.instrument)

    def _distrust(self, instrument: str) -> None:
        for symbol, quote in self.quotes.items():
            if instrument in ("", symbol):
                quote.fresh = 0
