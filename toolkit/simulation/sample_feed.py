"""Simulated quotes in real bars: a pure function from a step's number to the step; it never waits and never reads.

A session opens each bar into open, nearer extreme, other extreme, close (from an open as near to both the low comes
first), with a seeded path between them that never leaves the bar. After the last bar time runs back through the bars,
open and close exchanged, while dates count on over the weekdays that follow; after the first bar it runs forward
again, for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from hashlib import shake_128
from itertools import pairwise

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Currency, Instrument, describe
from toolkit.domain.market import MarketEvent, Quote, SessionClosed, SessionOpened, Step
from toolkit.domain.time import FeedTime
from toolkit.simulation.sample_bars import DailyBar, DailyBars
from toolkit.simulation.sample_calendar import CLOSE_SECOND, OPEN_SECOND, new_york_time, weekday_after

LABEL = "simulated quotes in real bars"
CALENDAR = "SAMPLE"
VENUE = "paper"
SYMBOLS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
USD = Currency(code="USD", quantum=Decimal("0.0001"))

_ANCHORS = 4  # open, nearer extreme, other extreme, close


def sample_instruments(symbols: Sequence[str] = SYMBOLS) -> tuple[Instrument, ...]:
    """The instruments of the sample: tick 0.01, lot 1, in USD kept to 0.0001, on the calendar SAMPLE at venue paper."""
    return tuple(
        describe(symbol=symbol, tick=Decimal("0.01"), lot=Decimal(1), currency=USD, calendar=CALENDAR, venue=VENUE)
        for symbol in symbols
    )


class SampleFeed:
    """Numbered steps of simulated quotes; the same arguments always give the same steps, from any number on.

    Quotes stand `spread_ticks` apart (an even number, so that their middle is the bar's price). `path_points` is how
    many quotes lie between two of open, extremes and close. Sizes are drawn evenly from `minimum_size` to
    `maximum_size` lots.
    """

    def __init__(
        self,
        bars: DailyBars,
        *,
        seed: int = 7,
        spread_ticks: int = 2,
        path_points: int = 3,
        minimum_size: int = 100,
        maximum_size: int = 2_000,
    ) -> None:
        _check(bars, spread_ticks, path_points, minimum_size, maximum_size)
        self.bars = bars
        self.symbols = tuple(sorted(bars.bars))
        self.quotes_per_session = _ANCHORS + (_ANCHORS - 1) * path_points
        self.steps_per_session = self.quotes_per_session + 2
        self._seed = seed
        self._half_spread = spread_ticks // 2
        self._path_points = path_points
        self._minimum_size = minimum_size
        self._size_range = maximum_size - minimum_size + 1
        self._words = struct.Struct(f"<{(_ANCHORS - 1) * path_points + 2 * self.quotes_per_session}I")

    def steps(self, after: int = 0) -> Iterator[Step]:
        """Every step with a number above `after`, without end."""
        index, skip = divmod(after, self.steps_per_session)
        yield from self.session(index)[skip:]
        while True:
            index += 1
            yield from self.session(index)

    def last_step(self, sessions: int) -> int:
        """The number of the step that closes the `sessions`-th session."""
        return sessions * self.steps_per_session

    def day(self, index: int) -> int:
        """The ordinal of the date of a session, counted from 0."""
        days = self.bars.days
        return days[index] if index < len(days) else weekday_after(days[-1], index - len(days) + 1)

    def session(self, index: int) -> tuple[Step, ...]:
        """The steps of one session, counted from 0."""
        day = self.day(index)
        session = date.fromordinal(day).isoformat()
        paths = [self._quotes(symbol, self._bar(symbol, index), session) for symbol in self.symbols]
        events: list[tuple[MarketEvent, ...]] = [
            (SessionOpened(calendar=CALENDAR, session=session),),
            *zip(*paths, strict=True),
            (SessionClosed(calendar=CALENDAR, session=session),),
        ]
        first = index * self.steps_per_session + 1
        return tuple(
            Step(number=first + place, time=time, label=LABEL, events=told)
            for place, (time, told) in enumerate(zip(self._times(day), events, strict=True))
        )

    def _bar(self, symbol: str, index: int) -> DailyBar:
        bars = self.bars.bars[symbol]
        leg, place = divmod(index, len(bars))
        return bars[-1 - place].reversed() if leg % 2 else bars[place]

    def _times(self, day: int) -> Iterator[FeedTime]:
        """The bells, and quotes evenly between them from a second after the first to a second before the last."""
        bell, gaps = new_york_time(day, OPEN_SECOND), self.quotes_per_session - 1
        first, last = new_york_time(day, OPEN_SECOND + 1), new_york_time(day, CLOSE_SECOND - 1)
        yield bell
        yield from (first + (last - first) * place // gaps for place in range(gaps + 1))
        yield new_york_time(day, CLOSE_SECOND)

    def _quotes(self, symbol: str, bar: DailyBar, session: str) -> Iterator[Quote]:
        draws = self._draws(symbol, session)
        prices = list(self._path(bar, draws))
        half, smallest, sizes = self._half_spread, self._minimum_size, self._size_range
        for price in prices:
            yield Quote(
                instrument=symbol, bid=price - half, ask=price + half,
                bid_size=smallest + next(draws) % sizes, ask_size=smallest + next(draws) % sizes,
            )  # fmt: skip

    def _draws(self, symbol: str, session: str) -> Iterator[int]:
        """Draws hang on seed, date and instrument alone: another choice of instruments or span changes no quote."""
        key = f"{self._seed}|{session}|{symbol}".encode()
        return iter(self._words.unpack(shake_128(key).digest(self._words.size)))

    def _path(self, bar: DailyBar, draws: Iterator[int]) -> Iterator[int]:
        """Straight lines between the anchors, shaken by up to an eighth of the bar's range, held inside of the bar."""
        anchors, parts, shake = _anchors(bar), self._path_points + 1, (bar.high - bar.low) // 8
        yield anchors[0]
        for start, end in pairwise(anchors):
            for part in range(1, parts):
                price = start + (end - start) * part // parts + next(draws) % (2 * shake + 1) - shake
                yield min(max(price, bar.low), bar.high)
            yield end


def _anchors(bar: DailyBar) -> tuple[int, int, int, int]:
    if bar.high - bar.open < bar.open - bar.low:
        return bar.open, bar.high, bar.low, bar.close
    return bar.open, bar.low, bar.high, bar.close


def _check(bars: DailyBars, spread_ticks: int, path_points: int, minimum_size: int, maximum_size: int) -> None:
    if spread_ticks < 2 or spread_ticks % 2:
        raise ConfigError(f"spread_ticks is {spread_ticks}; give an even number of ticks from 2 on")
    if path_points < 0:
        raise ConfigError(f"path_points is {path_points}; give 0 or more")
    if not 1 <= minimum_size <= maximum_size:
        raise ConfigError(f"sizes run from {minimum_size} to {maximum_size}; give 1 ≤ minimum_size ≤ maximum_size")
    lowest = min(bar.low for series in bars.bars.values() for bar in series)
    if lowest <= spread_ticks // 2:
        raise ConfigError(
            f"spread_ticks is {spread_ticks}, but a bar goes down to {lowest} ticks; give a smaller spread"
        )
