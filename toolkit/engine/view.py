"""The View: last quotes, freshness, sessions and halts as the feed left them; rebuilt from it, never persisted."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

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
from toolkit.engine.sampled_models import SampledModels

FOREVER = 1 << 62


class Watched(NamedTuple):
    """How long quotes stay fresh, in general and single ones, and the window of drift (0: none), in nanoseconds.

    `models` says whether volatility and correlation are asked for: keeping them up costs more than all of a quiet step.
    """

    stale_after: int = FOREVER
    of_instruments: Mapping[str, int] = MappingProxyType({})
    drift_window: int = 0
    models: bool = True

    def age_of(self, instrument: str) -> int:
        """How old a quote of this instrument may be."""
        return min(self.stale_after, self.of_instruments.get(instrument, FOREVER))


class LastQuote:
    """The newest quote of one instrument and how many good ones have come in a row since it was bad, lost or too old.

    `good` is the last one that was neither crossed nor one-sided. `opened` and `opened_before` are twice the mids with
    which this window of drift and the one before it began, 0 where there was none.
    """

    __slots__ = (
        "fresh",
        "good",
        "opened",
        "opened_before",
        "quote",
        "stale_after",
        "step",
        "time",
        "window",
        "window_ends",
    )

    def __init__(self, quote: Quote, stale_after: int, drift_window: int) -> None:
        self.quote = quote  # the feed's own: there are far more quotes than looks at one
        self.good: Quote | None = None
        self.step = 0
        self.time = FeedTime(0)
        self.fresh = 0
        self.watch(stale_after, drift_window)

    def watch(self, stale_after: int, drift_window: int) -> None:
        """Begin anew under other limits."""
        self.stale_after, self.window = stale_after, drift_window
        self.opened = self.opened_before = 0
        self.window_ends = FeedTime(0 if drift_window else FOREVER)

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
        return self.good is self.quote


class View:
    """What the engine knows of the market as of the last step. Prices in ticks, sizes in lots.

    `closed` are the sessions that ended with the last step. `skew` is how far the feed's clock was behind ours when the
    last step came (nanoseconds, its way here included); 0 where the feed has a clock of its own.
    """

    def __init__(self) -> None:
        self.step = 0
        self.time = FeedTime(0)
        self.received: MonoTime | None = None
        self.label = ""
        self.skew = 0
        self._watched = Watched()
        self.quotes: dict[str, LastQuote] = {}
        self.sessions: dict[str, str | None] = {}
        self.closed: list[SessionClosed] = []
        self.halted: set[str] = set()
        self.models = SampledModels()

    def update(self, step: Step, received: MonoTime | None = None) -> None:
        """Take one step in. Steps come in the order of their numbers; `received` is None for one of long ago."""
        number, time = step.number, step.time
        if time >= self.models.ends:
            self.models.end_interval(self.time, time, self.quotes)
        self.step, self.time, self.label = number, time, step.label
        self.received = received
        if self.closed:
            self.closed = []
        quotes, ends = self.quotes, None
        for event in step.events:
            if type(event) is not Quote:
                self._other(event)
                continue
            last = quotes.get(event.instrument)
            if last is None:
                last = quotes[event.instrument] = self._first(event, time)
            if time - last.time > last.stale_after:
                last.fresh = 0
            last.quote = event
            last.step = number
            last.time = time
            if 0 < event.bid < event.ask:
                last.fresh += 1
                last.good = event
                if time >= last.window_ends:  # the first good one after it begins the next
                    if ends is None:
                        ends = self._end_of_window(time)
                    last.opened_before = last.opened if time - last.window_ends < last.window else 0
                    last.opened = event.bid + event.ask
                    last.window_ends = ends
            else:
                last.fresh = 0

    def _end_of_window(self, time: FeedTime) -> FeedTime:
        """Windows lie on the clock, so that a restart finds the same."""
        window = self._watched.drift_window
        return FeedTime((int(time) // window + 1) * window)

    def watch(self, watched: Watched) -> None:
        """What the limits in force want to be watched; nothing is begun anew where they want the same."""
        if watched == self._watched:
            return
        if watched.models != self._watched.models:
            self.models.watch(watched.models)
        self._watched = watched
        for symbol, last in self.quotes.items():
            last.watch(watched.age_of(symbol), watched.drift_window)

    def _first(self, quote: Quote, time: FeedTime) -> LastQuote:
        last = LastQuote(quote, self._watched.age_of(quote.instrument), self._watched.drift_window)
        last.time = time
        return last

    def quote(self, instrument: str) -> LastQuote | None:
        return self.quotes.get(instrument)

    def seen(self, quote: LastQuote | None, now: MonoTime) -> Seen:
        """What a decision sees now that hangs on this quote; zeros where there is none."""
        if quote is None:
            return Seen(step=self.step, quote_step=0, bid=0, ask=0, age=0)
        last = quote.quote
        return Seen(step=self.step, quote_step=quote.step, bid=last.bid, ask=last.ask, age=self.age(quote.time, now))

    def age(self, time: FeedTime, now: MonoTime) -> int:
        """Nanoseconds since a moment of the feed.

        A quote ages with the feed and, once the feed says nothing more, with the clock. In lockstep both are one.
        """
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
                self.models.closed(event, self.time, self.quotes)
            case TradingHalted():
                (self.halted.add if event.halted else self.halted.discard)(event.instrument)
            case FeedGap():
                self.models.gap(event, self.time)
                self._distrust(event.instrument)

    def _distrust(self, instrument: str) -> None:
        for symbol, quote in self.quotes.items():
            if instrument in ("", symbol):
                quote.fresh = 0
