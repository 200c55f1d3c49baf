"""What was sent of late, in value and in lots, over one short window per scope (control 14); it decides nothing.

Kept where somebody set such a limit alone. Times are of the feed. What has left the window goes, some at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from toolkit.domain.commands import LimitRow
from toolkit.domain.time import NANOSECONDS, FeedTime

LIMITS = frozenset({"burst_value", "burst_quantity"})
LONGEST_WINDOW = 2**32
COUNTED_AS = {"stage": "strategy", "account": "venue"}
"""A stage bounds each of its strategies; a venue's account is what is sent there."""
_COMPACT_AT = 256


class Sent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One order: when, of what, its value in quanta of the base currency and its lots."""

    time: FeedTime
    instrument: str
    value: int
    lots: int


class Burst(msgspec.Struct, kw_only=True, array_like=True):
    """The orders of one scope within the window, from `start` on, and their sums."""

    sent: list[Sent] = []
    start: int = 0
    value: int = 0
    lots: dict[str, int] = {}

    def note(self, order: Sent, window: int) -> None:
        """Take an order in and let go of what is older than the window."""
        sent, lots, instrument = self.sent, self.lots, order.instrument
        sent.append(order)
        self.value += order.value
        lots[instrument] = lots.get(instrument, 0) + order.lots
        if order.time - sent[self.start].time >= window:
            self._forget(order.time, window)

    def _forget(self, time: FeedTime, window: int) -> None:
        """The newest order stays: no window is without length."""
        sent, lots = self.sent, self.lots
        while time - (oldest := sent[self.start]).time >= window:
            self.start += 1
            self.value -= oldest.value
            left = lots[oldest.instrument] - oldest.lots
            if left:
                lots[oldest.instrument] = left
            else:
                del lots[oldest.instrument]
        if self.start >= _COMPACT_AT and 2 * self.start >= len(sent):
            del sent[: self.start]
            self.start = 0

    def within(self, instrument: str, time: FeedTime, window: int) -> tuple[int, int]:
        """Value of all orders and lots of one instrument in the window that ends now."""
        value, lots = self.value, self.lots.get(instrument, 0)
        sent = self.sent
        for index in range(self.start, len(sent)):
            old = sent[index]
            if time - old.time < window:
                break
            value -= old.value
            if old.instrument == instrument:
                lots -= old.lots
        return value, lots


Bursts = dict[str, dict[str, Burst]]


def window_of(rows: Iterable[LimitRow]) -> int:
    """The longest `burst_window` of a table of limits in nanoseconds, LONGEST_WINDOW seconds at most."""
    windows = (Decimal(row.value) for row in rows if row.limit == "burst_window")
    return int(min(max(windows, default=Decimal(0)), Decimal(LONGEST_WINDOW)) * NANOSECONDS)


def kept(bursts: Bursts, rows: Iterable[LimitRow]) -> Bursts:
    """What is to be kept under a table of limits: scopes that go on keep what they have."""
    scopes = sorted({COUNTED_AS.get(row.scope, row.scope) for row in rows if row.limit in LIMITS})
    return {scope: bursts.get(scope, {}) for scope in scopes}


def note(bursts: Bursts, order: Sent, strategy: str, venue: str, window: int) -> None:
    """Take an order in wherever it counts."""
    if window <= 0:
        return
    for scope, windows in bursts.items():
        name = _name(scope, strategy, order.instrument, venue)
        burst = windows.get(name)
        if burst is None:
            burst = windows[name] = Burst()
        burst.note(order, window)


def counted_as(scope: str, strategy: str, instrument: str, venue: str) -> tuple[str, str]:
    """The scope and name of the window that a limit of this scope bounds for such an order."""
    scope = COUNTED_AS.get(scope, scope)
    return scope, _name(scope, strategy, instrument, venue)


def _name(scope: str, strategy: str, instrument: str, venue: str) -> str:
    if scope == "strategy":
        return strategy
    if scope == "instrument":
        return instrument
    return venue if scope == "venue" else ""
