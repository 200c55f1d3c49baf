"""Message rates over a sliding second (controls 5 and 6), local to one engine: who may go now, never who goes first."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode
from toolkit.domain.orders import Status
from toolkit.domain.time import NANOSECONDS, MonoTime, Now

RATE = 5
WINDOW = NANOSECONDS
BOOK = "book:"


class Allowance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is in force for one scope: messages per window, those kept for cancels and exits, and the place."""

    messages: int
    reserve: int
    source: str
    window: int = WINDOW


class Seen(NamedTuple):
    """When messages of a scope were tried, a strategy's refused ones included, and when they left."""

    tried: deque[MonoTime]
    left: deque[MonoTime]


class SentOrder(NamedTuple):
    """A message that left before: of whom, where to, when."""

    strategy: str
    venue: str
    time: MonoTime


def sent_before(ledger: Ledger, now: Now, mode: FeedMode) -> Iterator[SentOrder]:
    """The orders that the books know, as of the clock that goes on now. Changes and cancels of them count anew: no exit
    is refused for the sake of a rate."""
    for order in ledger.orders.values():
        if order.status is not Status.DENIED and not order.in_engine:
            ago = int(now.wall) - int(order.decided)
            time = int(order.created) if mode is FeedMode.LOCKSTEP else int(now.mono) - max(0, ago)
            yield SentOrder(order.strategy, order.venue, MonoTime(time))


class Meter:
    """The messages of one scope under what is in force for it. Entries count what was tried, exits only what left."""

    __slots__ = ("_left", "allowance", "most", "of_entries", "scope", "tried", "window")

    def __init__(self, scope: str, allowance: Allowance | None, seen: Seen) -> None:
        self.scope = scope
        self.allowance = allowance
        self.tried, self._left = seen
        self.window = WINDOW if allowance is None else allowance.window
        self.of_entries = 0 if allowance is None else allowance.messages - allowance.reserve
        self.most = 0 if allowance is None else 4 * allowance.messages + 16

    def used(self, now: MonoTime) -> int:
        """Messages within the window that ends now, sent or refused."""
        tried, window = self.tried, self.window
        while tried and now - tried[0] >= window:
            tried.popleft()
        return len(tried)

    def note(self, now: MonoTime) -> None:
        """Count one message, sent or refused."""
        note((self,), now)

    def forget(self, now: MonoTime) -> None:
        """Let the oldest go of more than can count. Where nothing is in force only the last window is kept."""
        if self.most:
            self.tried.popleft()
        else:
            self.used(now)

    def note_left(self, now: MonoTime) -> None:
        """Count one message that leaves."""
        left = self._left
        while left and now - left[0] >= WINDOW:
            left.popleft()
        left.append(now)

    def has_room(self, now: MonoTime) -> bool:
        """Whether an exit may leave now: the whole rate is its own, and never less than one message a second.

        Tries that were refused take nothing from it, and neither does a throttle's longer window: the way out is open.
        """
        return self.allowance is None or _within(self._left, now, WINDOW) < max(1, self.allowance.messages)


def note(meters: Iterable[Meter], now: MonoTime) -> None:
    """Count one message on all of its meters; one call for all of them, as every order needs it."""
    for meter in meters:
        tried = meter.tried
        tried.append(now)
        if len(tried) > meter.most:
            meter.forget(now)


def _within(times: deque[MonoTime], now: MonoTime, window: int) -> int:
    while times and now - times[0] >= window:
        times.popleft()
    return len(times)


class MessageRates:
    """A meter per scope such as `venue:paper` or `strategy:trend`, resolved once and kept until limits change."""

    def __init__(self, allowance: Callable[[str], Allowance | None]) -> None:
        self._allowance = allowance
        self._seen: defaultdict[str, Seen] = defaultdict(lambda: Seen(deque(), deque()))
        self._meters: dict[str, Meter] = {}
        self._of_orders: dict[tuple[str, str], tuple[Meter, Meter, Meter]] = {}
        self._of_venues: dict[str, Meter] = {}

    def limits_changed(self) -> None:
        """Resolve what is in force anew; what was sent stays counted."""
        self._meters.clear()
        self._of_orders.clear()
        self._of_venues.clear()

    def of_order(self, strategy: str, venue: str) -> tuple[Meter, Meter, Meter]:
        """The meters that a message about an order counts on."""
        key = (strategy, venue)
        found = self._of_orders.get(key)
        if found is None:
            found = self.meter(f"strategy:{strategy}"), self.of_venue(venue), self.meter(BOOK)
            self._of_orders[key] = found
        return found

    def of_venue(self, venue: str) -> Meter:
        found = self._of_venues.get(venue)
        if found is None:
            found = self._of_venues[venue] = self.meter(f"venue:{venue}")
        return found

    def meter(self, scope: str) -> Meter:
        found = self._meters.get(scope)
        if found is None:
            found = self._meters[scope] = Meter(scope, self._allowance(scope), self._seen[scope])
        return found

    def note(self, strategy: str, venue: str, now: MonoTime) -> None:
        """Count one message of an order."""
        note(self.of_order(strategy, venue), now)

    def restore(self, sent: Iterable[SentOrder]) -> None:
        """Count what an engine before this one sent, oldest first: a restart is no way around a rate or a throttle."""
        for strategy, venue, time in sent:
            self.note(strategy, venue, time)
            self.of_venue(venue).note_left(time)

    def note_refused(self, strategy: str, venue: str, now: MonoTime) -> None:
        """Count a try that a control refused, on the strategy that made it."""
        self.of_order(strategy, venue)[0].note(now)
