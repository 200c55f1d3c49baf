"""Bars as a fold over quotes, trades or a feed's own bars, in exact integers; floats never appear here."""

from __future__ import annotations

import re
from typing import NamedTuple

from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Bar
from toolkit.domain.time import NANOSECONDS

SESSION = 0
NEVER = 1 << 63
BAR_PRICES = ("mid", "trade")

_UNITS = {"s": NANOSECONDS, "m": 60 * NANOSECONDS, "h": 3600 * NANOSECONDS}


class FinishedBar(NamedTuple):
    """Prices in half ticks, so that any mid is exact; volume in lots; `start` and `end` in feed time."""

    start: int
    end: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    whole: bool


def bar_size(text: str) -> int:
    """Nanoseconds of a declared size such as "1m", "5m" or "1h"; SESSION for "1d", which is as long as its session."""
    if text == "1d":
        return SESSION
    match = re.fullmatch(r"([1-9]\d{0,4})([smh])", text)
    if match is None:
        raise ConfigError(f"bar size {text!r} is not known; give seconds, minutes, hours or a session: 30s, 5m, 1h, 1d")
    return int(match[1]) * _UNITS[match[2]]


class BarFold:
    """The bar of one instrument that is being built.

    A timed bar covers [start, start + size) on the grid of the epoch; an interval without a price has no bar. A session
    bar runs until `finish` is called for its session. `whole` is False when data of the bar was lost. Once the feed
    sends bars of its own, quotes and trades no longer count.
    """

    __slots__ = (
        "_close",
        "_high",
        "_low",
        "_open",
        "_size",
        "_start",
        "_volume",
        "_whole",
        "due",
        "takes",
        "uses_feed_bars",
    )

    def __init__(self, size: int, price: str = "mid") -> None:
        self._size = size
        self.takes = price
        self.uses_feed_bars = False
        self._whole = True
        self._start = -1
        self._open = self._high = self._low = self._close = self._volume = 0
        self.due = NEVER  # the first feed time that proves the bar finished

    def add(self, twice: int, time: int) -> None:
        """Count a price of `twice` half ticks at `time`."""
        if self._start < 0:
            self._begin(time, twice)
            return
        self._close = twice
        if twice > self._high:
            self._high = twice
        elif twice < self._low:
            self._low = twice

    def add_volume(self, lots: int) -> None:
        """Count traded lots; those before the bar's first price belong to none."""
        self._volume += lots

    def add_bar(self, bar: Bar, end: int) -> None:
        """Count a bar of the feed that ended at `end`. ConfigError when it is longer than the declared size."""
        if self._size and end - int(bar.start) > self._size:
            raise ConfigError(
                f"{bar.instrument}: the feed has bars of {(end - int(bar.start)) / NANOSECONDS:g} s, longer than the "
                f"declared {self._size / NANOSECONDS:g} s; declare that size or use a finer feed"
            )
        if not self.uses_feed_bars:
            self.uses_feed_bars, self.takes = True, "bar"
            self._start = -1
        for price in (bar.open, bar.low, bar.high, bar.close):
            self.add(2 * price, int(bar.start))
        self._volume += bar.volume

    def begin_whole(self) -> None:
        """From here on nothing is missing: the next bar counts as whole."""
        if self._start < 0:
            self._whole = True

    def lose(self) -> None:
        """Data was lost: the bar that is being built is not whole."""
        self._whole = False

    def finish(self, end: int) -> FinishedBar | None:
        """End the bar and hand it out; None when there is none."""
        if self._start < 0:
            return None
        finished = FinishedBar(
            self._start, end, self._open, self._high, self._low, self._close, self._volume, self._whole
        )
        self._start, self.due, self._whole = -1, NEVER, True
        return finished

    def end_of_interval(self) -> int:
        """Where a timed bar ends."""
        return self._start + self._size

    def _begin(self, time: int, twice: int) -> None:
        self._open = self._high = self._low = self._close = twice
        self._volume = 0
        if self._size == SESSION:
            self._start = time
            return
        self._start = time - time % self._size
        # A bar of the feed that ends at our end still belongs to us, so for those only a later time proves the end.
        self.due = self._start + self._size + self.uses_feed_bars
