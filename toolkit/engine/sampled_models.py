"""Volatility, correlation and session returns as risk sees them: price models that look at the ends of intervals only.

`PriceModels` samples the mid at the end of each interval and wants to see every quote for that. The View keeps each
last quote anyway, so here the models are told only those that were last when an interval ended: the same figures at no
cost per quote. A locked or crossed quote, or one from before a gap, gives no sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Protocol

from toolkit.domain.market import FeedGap, MarketEvent, Quote, SessionClosed, Step
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.price_models import PriceModels

INTERVAL = 60.0
HALF_LIFE = 234_000.0
"""Seconds of feed time: ten days of 6.5 hours, near the decay of 0.94 a day of RiskMetrics (1996)."""

SESSIONS_KEPT = 1_000
NEVER = FeedTime(1 << 62)


class Seen(Protocol):
    """A last quote as the View keeps it, and how many good ones have come in a row."""

    @property
    def quote(self) -> Quote: ...

    @property
    def fresh(self) -> int: ...


class SampledModels:
    """`version` grows whenever a figure may have changed; `ends` is when the present interval does, NEVER unwatched."""

    def __init__(self, interval: float = INTERVAL, half_life: float = HALF_LIFE) -> None:
        self.version = 0
        self.returns: dict[str, dict[str, float]] = {}
        self._models = PriceModels({}, interval=interval, half_life=half_life)
        self._interval = round(interval * NANOSECONDS)
        self._calendars: dict[str, str] = {}
        self._closes: dict[str, float] = {}
        self._told: dict[str, Quote] = {}
        self.ends = FeedTime(0)

    def watch(self, wanted: bool) -> None:
        """Begin with the next step, or end: figures of before stay as they are until they are asked for again."""
        self.ends = FeedTime(0) if wanted else NEVER

    def trades_on(self, calendars: Mapping[str, str]) -> None:
        """Which sessions break the returns of which instruments."""
        self._calendars.update(calendars)
        for symbol, calendar in calendars.items():
            self._models.trades_on(symbol, calendar)

    def volatility(self, instrument: str) -> float:
        """Standard deviation of log returns per square root of a second of open market; NaN before the first."""
        return self._models.volatility(instrument)

    def correlation(self, one: str, other: str) -> float:
        """−1 to 1; NaN before both moved together."""
        return self._models.correlation(one, other)

    def end_interval(self, last: FeedTime, now: FeedTime, quotes: Mapping[str, Seen]) -> None:
        """A step of `now` comes, and the interval of the `last` one is over: what was last in it is sampled."""
        if self.ends > last:
            self._tell(quotes, list(quotes), last)
        self._take((), now)
        self.ends = FeedTime((int(now) // self._interval + 1) * self._interval)
        self.version += 1

    def closed(self, event: SessionClosed, time: FeedTime, quotes: Mapping[str, Seen]) -> None:
        """A session ended: its last quotes are sampled, and nothing reaches over it but the return of the session."""
        if self.ends is NEVER:
            return
        theirs = [symbol for symbol in quotes if self._calendars.get(symbol) == event.calendar]
        self._note_closes(event.session, theirs, quotes)
        self._tell(quotes, theirs, time)
        self._take((event,), time)
        self.version += 1

    def gap(self, event: FeedGap, time: FeedTime) -> None:
        """Messages were lost: no return reaches over that."""
        if self.ends is NEVER:
            return
        self._take((event,), time)

    def _take(self, events: tuple[MarketEvent, ...], time: FeedTime) -> None:
        self._models.take(Step(number=1, time=time, label="", events=events))

    def _tell(self, quotes: Mapping[str, Seen], symbols: list[str], time: FeedTime) -> None:
        """The last good quotes that were not told yet; they belong to the interval that is ending."""
        news: list[Quote] = []
        for symbol in symbols:
            last = quotes[symbol]
            if last.fresh and self._told.get(symbol) is not last.quote:
                self._told[symbol] = last.quote
                news.append(last.quote)
        if news:
            self._take(tuple(news), time)

    def _note_closes(self, session: str, symbols: list[str], quotes: Mapping[str, Seen]) -> None:
        for symbol in symbols:
            last = quotes[symbol]
            if not last.fresh:
                self._closes.pop(symbol, None)
                continue
            close = log(last.quote.bid + last.quote.ask)
            before = self._closes.get(symbol)
            self._closes[symbol] = close
            if before is not None:
                kept = self.returns.setdefault(symbol, {})
                kept[session] = close - before
                if len(kept) > SESSIONS_KEPT:
                    del kept[next(iter(kept))]
