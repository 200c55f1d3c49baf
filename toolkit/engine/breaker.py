"""Control 23's state: circuit breakers per venue and per route, as a pure fold over what became of orders; no I/O.

A route is one strategy's way to one venue. `rejects` rejections of a route within the window open its breaker,
`venue_rejects` of all strategies, or `late` answers, that of the venue. Open, it lets no entry pass. After `open_for`
it is half open: one entry goes as a probe. Answered well it closes; answered badly it opens for twice as long, up to
`LONGEST` times as long. Exits and cancels never ask a breaker.

What is open is in the books and stays open over a restart: the venue that misbehaved is the same one afterwards. What
has not opened anything yet lives in memory, for a window of seconds is over before an engine that starts again sends.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import NamedTuple

from toolkit.domain.breakers import BreakerMoved, OpenBreaker
from toolkit.domain.market import FeedMode
from toolkit.domain.orders import ENTRY, Order
from toolkit.domain.requests import Rejected, RejectReason
from toolkit.domain.time import NANOSECONDS, MonoTime, Now, WallTime
from toolkit.engine.router_settings import ALL_VENUES, BreakerSettings
from toolkit.engine.transaction import Transaction

LONGEST = 16
HARMLESS = frozenset({RejectReason.NOT_SENT, RejectReason.POST_ONLY_WOULD_TRADE})
"""What is no sign of trouble: it never left, or the market moved under a quote that must not trade."""


class BreakerState(NamedTuple):
    """The bad answers of the window; until when it is shut (None: closed), for how many times `open_for`, and when its
    probe left."""

    bad: tuple[MonoTime, ...] = ()
    shut_until: MonoTime | None = None
    times: int = 0
    probe: MonoTime | None = None


CLOSED = BreakerState()


def after_bad(state: BreakerState, most: int, settings: BreakerSettings, now: MonoTime) -> BreakerState:
    """A bad answer: it counts, and opens what has had `most` of them; a bad probe opens for twice as long."""
    if state.probe is not None:
        return _opened(min(2 * state.times, LONGEST), settings, now)
    if state.shut_until is not None:  # an answer to what left before it opened says nothing new
        return state
    bad = (*(time for time in state.bad if now - time < settings.within), now)
    return _opened(1, settings, now) if len(bad) >= most else BreakerState(bad=bad)


def after_good(state: BreakerState) -> BreakerState:
    """A good answer: a probe's closes the breaker, any other leaves it as it is."""
    return state if state.probe is None else CLOSED


def after_entry(state: BreakerState, now: MonoTime) -> BreakerState:
    """An entry left: through a half-open breaker as its probe."""
    return state._replace(probe=now) if state.shut_until is not None and now >= state.shut_until else state


def lets_pass(state: BreakerState, settings: BreakerSettings, now: MonoTime) -> bool:
    """Whether an entry may pass now. A probe whose answer never came does not keep the next one for ever."""
    if state.shut_until is None:
        return True
    return now >= state.shut_until and (state.probe is None or now - state.probe >= settings.open_for)


def _opened(times: int, settings: BreakerSettings, now: MonoTime) -> BreakerState:
    return BreakerState(shut_until=now + settings.open_for * times, times=times)


class Shut(NamedTuple):
    """A breaker that lets no entry pass, in words."""

    what: str
    again: str
    source: str


class Breakers:
    """The breakers of all venues that have `settings`. Those of `without` have none on purpose; a venue that is in
    neither is sent no entries."""

    def __init__(self, settings: Mapping[str, BreakerSettings], without: Container[str] = (ALL_VENUES,)) -> None:
        self._states: dict[str, BreakerState] = {}
        self.adopt(settings, without)

    def adopt(self, settings: Mapping[str, BreakerSettings], without: Container[str]) -> None:
        """From now on these hold. What is open stays so, but for a venue that is to have none."""
        self.settings = settings
        self._without = without
        self.guards_all = ALL_VENUES not in without

    def is_unset(self, venue: str) -> bool:
        """Whether nobody has said when its breakers open, or that it has none."""
        return self.guards_all and venue not in self.settings and venue not in self._without

    def restore(self, known: Mapping[str, OpenBreaker], now: Now, mode: FeedMode) -> None:
        """Those that were open when the last engine ended, for what was left; a clock that jumped adds nothing."""
        for key, breaker in known.items():
            settings = self.settings.get(breaker.venue)
            if settings is None:
                continue
            left = min(max(0, int(breaker.until) - int(now.wall)), settings.open_for * breaker.times)
            until = breaker.mono if mode is FeedMode.LOCKSTEP else MonoTime(int(now.mono) + left)
            self._states[key] = BreakerState(shut_until=until, times=breaker.times)

    def refuses(self, strategy: str, venue: str, now: MonoTime) -> Shut | None:
        """What keeps an entry of this strategy from this venue now; None lets it pass."""
        settings = self.settings.get(venue)
        if not self._states or settings is None:
            return None
        for key in _keys(strategy, venue):
            state = self._states.get(key)
            if state is None or lets_pass(state, settings, now):
                continue
            left = 0 if state.shut_until is None else max(0, state.shut_until - now)
            again = f"one to try in {left / NANOSECONDS:g} s" if left else "once the one that tries is answered"
            return Shut(f"breaker of {key} open", again, settings.source)
        return None

    def problem(self, strategy: str, venue: str, now: MonoTime) -> str:
        """Why an entry would not pass, in words; "" when it would."""
        if self.is_unset(venue):
            return "has no breakers set"
        shut = self.refuses(strategy, venue, now)
        return "" if shut is None else f"has its {shut.what}"

    def left(self, order: Order, now: MonoTime) -> None:
        """An order is on its way; what is half open waits for its answer."""
        if not self._states or order.order_class is not ENTRY:
            return
        for key in _keys(order.strategy, order.venue):
            if key in self._states:
                self._states[key] = after_entry(self._states[key], now)

    def rejected(self, transaction: Transaction, order: Order, report: Rejected) -> None:
        """The venue refused a new order, which says that it answers."""
        settings = self.settings.get(order.venue)
        if settings is None:
            return
        route, rejects, late = _keys(order.strategy, order.venue)
        if report.reason in HARMLESS:
            self._good(transaction, (route, rejects, late))
            return
        why = f"{order.order_id} {report.text or report.reason.value}"
        self._bad(transaction, order.venue, route, settings.rejects, why)
        self._bad(transaction, order.venue, rejects, settings.venue_rejects, why)
        self._good(transaction, (late,))

    def answered(self, transaction: Transaction, order: Order, took: int) -> None:
        """The venue took a new order, `took` nanoseconds after it was decided."""
        settings = self.settings.get(order.venue)
        if settings is None:
            return
        route, rejects, late = _keys(order.strategy, order.venue)
        self._good(transaction, (route, rejects))
        if took > settings.late_after:
            why = f"{order.order_id} answered after {took / NANOSECONDS:g} s"
            self._bad(transaction, order.venue, late, settings.late, why)
        else:
            self._good(transaction, (late,))

    def unanswered(self, transaction: Transaction, order: Order) -> None:
        """The venue did not answer in time at all; a probe that is not answered was in vain."""
        settings = self.settings.get(order.venue)
        if settings is None:
            return
        route, rejects, late = _keys(order.strategy, order.venue)
        why = f"{order.order_id} not answered"
        self._bad(transaction, order.venue, late, settings.late, why)
        for key in (route, rejects):
            state = self._states.get(key)
            if state is not None and state.probe is not None:
                self._bad(transaction, order.venue, key, 1, why)

    def _good(self, transaction: Transaction, keys: tuple[str, ...]) -> None:
        if not self._states:
            return
        for key in keys:
            state = self._states.get(key)
            if state is not None and after_good(state) is not state:
                del self._states[key]
                if key in transaction.ledger.breakers:
                    transaction.emit(BreakerMoved(key=key, breaker=None))
                transaction.alarm("breaker_closed", key, "the order that was to try was answered well")

    def _bad(self, transaction: Transaction, venue: str, key: str, most: int, why: str) -> None:
        now, before = transaction.now.mono, self._states.get(key, CLOSED)
        after = self._states[key] = after_bad(before, most, self.settings[venue], now)
        if after.shut_until is not None and after.shut_until != before.shut_until:
            wait = (after.shut_until - now) / NANOSECONDS
            until = WallTime(int(transaction.now.wall) + int(after.shut_until) - int(now))
            opened = OpenBreaker(venue=venue, until=until, mono=after.shut_until, times=after.times)
            transaction.emit(BreakerMoved(key=key, breaker=opened))
            transaction.alarm("breaker_open", key, f"no entry for {wait:g} s, then one to try; the last: {why}")


def _keys(strategy: str, venue: str) -> tuple[str, str, str]:
    return f"route {strategy} → {venue}", f"venue {venue} (rejects)", f"venue {venue} (late answers)"
