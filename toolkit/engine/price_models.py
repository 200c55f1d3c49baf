"""Prices that are computed, not quoted: mid, micro-price, EWMA volatility and correlation, as a fold over steps.

Every consumer of a feed runs this fold and gets the same floats; the engine's copy decides. Prices stay integers of
ticks until a statistic is made of them. A quote costs O(1); pairs of instruments are touched once an interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import exp2, inf, log, nan, sqrt

from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Bar, FeedGap, Quote, SessionClosed, Step, Trade
from toolkit.domain.time import NANOSECONDS, FeedTime


class Prices:
    """What is known of one instrument: its last quote in ticks and lots, since when, and its last trade in ticks."""

    __slots__ = (
        "ask",
        "ask_size",
        "bid",
        "bid_size",
        "gapped",
        "last",
        "sampled",
        "sampled_at",
        "step",
        "time",
        "total",
        "weight",
    )

    def __init__(self) -> None:
        self.bid = self.ask = self.bid_size = self.ask_size = self.last = 0
        self.step = 0
        self.time = FeedTime(0)
        self.gapped = False  # messages were lost since the last quote
        self.sampled = 0.0  # log of the mid of the last sample, if there is one
        self.sampled_at = -1  # number of the interval that the last sample closed
        self.total = self.weight = 0.0  # of the squared returns

    @property
    def sound(self) -> bool:
        """Both sides are there and not crossed."""
        return 0 < self.bid <= self.ask

    @property
    def mid(self) -> float:
        """Middle of bid and ask in ticks; NaN without a sound quote."""
        return (self.bid + self.ask) / 2 if self.sound else nan

    @property
    def micro_price(self) -> float:
        """Bid and ask weighted by the size on the *other* side, in ticks; NaN without a sound quote with sizes."""
        sizes = self.bid_size + self.ask_size
        if not (self.sound and sizes > 0):
            return nan
        return (self.bid * self.ask_size + self.ask * self.bid_size) / sizes


class PriceModels:
    """The fold. Mids are sampled at the ends of intervals of `interval` seconds of feed time, counted from 1970.

    An interval that does not end on a sound quote of its own gives no sample. A return lies between two samples of one
    session (`calendars` names each instrument's calendar) without a gap in the feed between them; over k intervals it
    counts as k. With r its logarithm and w = 2^(−k·interval/half_life): S ← w·S + (1−w)·r²/k, W ← w·W + (1−w), and the
    variance per interval is S/W (RiskMetrics 1996: no mean; corrected for the start). Correlation is made likewise of
    r·r′ where two instruments were sampled together.
    """

    def __init__(self, calendars: Mapping[str, str], *, interval: float = 60.0, half_life: float = 3_600.0) -> None:
        if not 0 < interval < inf or not 0 < half_life < inf:
            raise ConfigError(f"interval {interval} and half_life {half_life} must be seconds above 0")
        self._calendars = dict(calendars)
        self._interval = round(interval * NANOSECONDS)
        self._seconds = interval
        self._decay = interval / half_life
        self._prices: dict[str, Prices] = {}
        self._pairs: dict[tuple[str, str], _Pair] = {}
        self._now = -1  # number of the present interval
        self._touched: dict[str, Prices] = {}  # had a sound quote in it

    def trades_on(self, instrument: str, calendar: str) -> None:
        """An instrument that became known later, or moved."""
        self._calendars[instrument] = calendar

    def take(self, step: Step) -> None:
        """Fold one step in."""
        now = int(step.time) // self._interval
        if now != self._now:
            self._sample(self._touched)
            self._now = now
        for event in step.events:
            if isinstance(event, Quote):
                self._quote(event, step)
            elif isinstance(event, Trade):
                self._of(event.instrument).last = event.price
            elif isinstance(event, Bar):
                self._of(event.instrument).last = event.close
            elif isinstance(event, SessionClosed):
                self._close_session(event.calendar)
            elif isinstance(event, FeedGap):
                self._gap(event.instrument)

    def prices(self, instrument: str) -> Prices | None:
        """What is known of an instrument, or None when the feed never named it. Read it, do not keep it."""
        return self._prices.get(instrument)

    def age(self, instrument: str, at: FeedTime) -> int | None:
        """Nanoseconds of feed time since the last quote, or None when there was none."""
        found = self._prices.get(instrument)
        return at - found.time if found and found.step else None

    def volatility(self, instrument: str) -> float:
        """Standard deviation of log returns per square root of a second of open market; NaN before the first return."""
        found = self._prices.get(instrument)
        return sqrt(found.total / found.weight / self._seconds) if found and found.weight else nan

    def correlation(self, one: str, other: str) -> float:
        """Correlation of log returns, −1 to 1; NaN before both moved together."""
        if one == other:
            return 1.0 if self.volatility(one) > 0 else nan
        pair = self._pairs.get((one, other) if one < other else (other, one))
        return pair.correlation if pair else nan

    def _of(self, instrument: str) -> Prices:
        found = self._prices.get(instrument)
        if found is None:
            found = self._prices[instrument] = Prices()
        return found

    def _quote(self, quote: Quote, step: Step) -> None:
        prices = self._of(quote.instrument)
        prices.bid, prices.ask = quote.bid, quote.ask
        prices.bid_size, prices.ask_size = quote.bid_size, quote.ask_size
        prices.step, prices.time, prices.gapped = step.number, step.time, False
        if 0 < quote.bid <= quote.ask:
            self._touched[quote.instrument] = prices
        else:
            self._touched.pop(quote.instrument, None)

    def _gap(self, instrument: str) -> None:
        lost = {instrument: self._of(instrument)} if instrument else self._prices
        for prices in lost.values():
            prices.gapped = True
        self._forget_samples(lost)

    def _close_session(self, calendar: str) -> None:
        theirs = {symbol: found for symbol, found in self._prices.items() if self._calendars.get(symbol) == calendar}
        self._sample({symbol: found for symbol, found in theirs.items() if symbol in self._touched})
        self._forget_samples(theirs)

    def _forget_samples(self, whose: dict[str, Prices]) -> None:
        for symbol, prices in whose.items():
            prices.sampled_at = -1
            self._touched.pop(symbol, None)

    def _sample(self, whose: dict[str, Prices]) -> None:
        moved: dict[str, tuple[int, float]] = {}
        for symbol in sorted(whose):  # sorted: the same pairs for every consumer
            prices, sample = whose[symbol], log(whose[symbol].mid)
            if 0 <= prices.sampled_at < self._now:
                moved[symbol] = self._now - prices.sampled_at, sample - prices.sampled
                self._move(prices, *moved[symbol])
            prices.sampled, prices.sampled_at = sample, self._now
        self._move_pairs(moved)
        for symbol in tuple(whose):
            del self._touched[symbol]

    def _move_pairs(self, moved: dict[str, tuple[int, float]]) -> None:
        for one, other in combinations(moved, 2):
            (intervals, change), (other_intervals, other_change) = moved[one], moved[other]
            if intervals == other_intervals:
                pair = self._pairs.get((one, other)) or self._pairs.setdefault((one, other), _Pair())
                pair.move(change, other_change, intervals, exp2(-self._decay * intervals))

    def _move(self, prices: Prices, intervals: int, change: float) -> None:
        keep = exp2(-self._decay * intervals)
        prices.total = keep * prices.total + (1 - keep) * change * change / intervals
        prices.weight = keep * prices.weight + (1 - keep)


class _Pair:
    """Weighted sums over the returns of two instruments that were sampled together; common factors cancel."""

    __slots__ = ("both", "one", "other")

    def __init__(self) -> None:
        self.both = self.one = self.other = 0.0

    def move(self, one: float, other: float, intervals: int, keep: float) -> None:
        share = (1 - keep) / intervals
        self.both = keep * self.both + share * one * other
        self.one = keep * self.one + share * one * one
        self.other = keep * self.other + share * other * other

    @property
    def correlation(self) -> float:
        scale = sqrt(self.one) * sqrt(self.other)
        return min(1.0, max(-1.0, self.both / scale)) if scale > 0 else nan
