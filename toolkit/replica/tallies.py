"""What is counted beside the books: courses of orders, hops, outcomes by reason, equity over time; nothing is judged.

It hears each batch after the replica has folded it, takes what the books say from there, and is bounded: what is old
goes. It is stored and read back like the replica, so that nobody counts a long journal anew.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, Final

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.domain.order_tables import Fact
from toolkit.domain.orders import IN_ENGINE, Order, Status, TradingState
from toolkit.domain.requests import RejectReason
from toolkit.domain.time import NANOSECONDS
from toolkit.replica.equity import Equity, Middles
from toolkit.replica.hops import HOP_BOUNDS, Histogram, certain_skew
from toolkit.replica.message_rates import MessageRates
from toolkit.replica.order_course import KILLED, Course, cancel_word, course_of, unasked_word

TALLIES_VERSION: Final = 1
COURSES_KEPT: Final = 20_000
LATE_KEPT: Final = 200
LATE_AFTER: Final = 5 * NANOSECONDS
PENDING_NEW = Status.PENDING_NEW

Key = tuple[str, str, str]
CountKey = tuple[str, str, str, str]
KINDS: Final = ("orders", "fills", "rejected", "denied", "cancelled", "expired")
"""What `Tallies.counts` counts, by strategy, venue and type of order."""


class Kill(msgspec.Struct, gc=False, array_like=True):
    """When the journal took the last kill of a scope, and the last cancel that it led to (wall ns)."""

    thrown: int
    done: int


class Tallies(msgspec.Struct, kw_only=True):
    """Counts since event `since` and the newest courses, as of event `sequence`.

    `rejects` by strategy, venue and RejectReason; `denials` by strategy, venue and control; `cancels` by strategy,
    venue and word. `answers` by venue: what it took and what it rejected; `in_a_row` its rejects since it last took
    something. `hops` by hop and venue. `ahead` is how far (ns) the clock of a venue surely is before ours, below 0
    behind. `kills` by scope, as states are. `answered_late` are the newest roots whose venue took longer than
    LATE_AFTER.
    """

    version: int = TALLIES_VERSION
    since: int = 0
    sequence: int = 0
    courses: dict[str, Course] = {}
    unanswered: dict[str, None] = {}
    answered_late: dict[str, None] = {}
    counts: dict[CountKey, int] = {}
    rejects: dict[Key, int] = {}
    denials: dict[Key, int] = {}
    cancels: dict[Key, int] = {}
    answers: dict[tuple[str, str], int] = {}
    in_a_row: dict[str, int] = {}
    hops: dict[tuple[str, str], Histogram] = {}
    last_fill: dict[str, int] = {}
    last_decision: dict[str, int] = {}
    last_mark: dict[str, int] = {}
    sessions_idle: dict[str, int] = {}
    alarms: int = 0
    ahead: dict[str, int] = {}
    kills: dict[str, Kill] = {}
    messages: MessageRates = msgspec.field(default_factory=MessageRates)
    equity: Equity = msgspec.field(default_factory=Equity)
    middles: Middles = msgspec.field(default_factory=Middles)

    def hear(self, batch: ev.Batch, ledger: Ledger) -> None:
        """Count a batch that `ledger` has just folded."""
        self.since = self.since or batch.first
        wall = int(batch.wall)
        for event in batch.events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event, ledger, wall)
        self.sequence = batch.last
        self.equity.note(wall, ledger)
        if len(self.courses) > COURSES_KEPT + COURSES_KEPT // 20:
            self._forget()

    @classmethod
    def beside(cls, ledger: Ledger) -> Tallies:
        """To go on counting from books that were folded elsewhere: what works there is known, nothing is counted."""
        tallies = cls(since=ledger.sequence + 1, sequence=ledger.sequence)
        for order in ledger.open_orders():
            course = course_of(order)
            tallies.courses[course.order_id] = course
            if order.status is PENDING_NEW:
                tallies.unanswered[course.order_id] = None
            else:
                course.answered = course.acknowledged = course.decided
        return tallies

    def late(self, wall: int) -> list[Course]:
        """Orders without a word of their venue LATE_AFTER their decision, then the newest that got theirs too late."""
        waiting = (self.courses[root] for root in self.unanswered)
        overdue = [course for course in waiting if course.waited(wall) > LATE_AFTER]
        return overdue + [self.courses[root] for root in reversed(self.answered_late) if root in self.courses]

    def to_bytes(self) -> bytes:
        """To be stored with a replica of the same event."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Tallies | None:
        """Tallies that were stored, or None when they were stored by another version of this code."""
        try:
            tallies = msgspec.msgpack.decode(data, type=cls)
        except msgspec.MsgspecError:
            return None
        return tallies if tallies.version == TALLIES_VERSION else None

    # ---- counting, for the handlers below

    def course(self, order_id: str, ledger: Ledger) -> Course | None:
        """The course that any id of a chain names."""
        return self.courses.get(order_id) or self.courses.get(ledger.aliases.get(order_id, ""))

    def count(self, kind: str, strategy: str, venue: str, order_type: str) -> None:
        key = kind, strategy, venue, order_type
        self.counts[key] = self.counts.get(key, 0) + 1

    def hop(self, name: str, venue: str, nanoseconds: int) -> None:
        histogram = self.hops.get((name, venue))
        if histogram is None:
            histogram = self.hops[name, venue] = Histogram([0] * (len(HOP_BOUNDS) + 1))
        histogram.note(nanoseconds)

    def answer(self, course: Course, wall: int, *, rejected: bool = False) -> None:
        """The first word of its venue about an order."""
        if course.answered:
            return
        course.answered = wall
        root, venue = course.order_id, course.venue
        self.unanswered.pop(root, None)
        key = venue, "rejected" if rejected else "accepted"
        self.answers[key] = self.answers.get(key, 0) + 1
        self.in_a_row[venue] = self.in_a_row.get(venue, 0) + 1 if rejected else 0
        self.hop("decision_to_answer", venue, wall - course.decided)
        if wall - course.decided > LATE_AFTER:
            self.answered_late[root] = None
            if len(self.answered_late) > LATE_KEPT:
                del self.answered_late[next(iter(self.answered_late))]

    def sent(self, course: Course, wall: int) -> None:
        """When it was written to the line: told with the first report that knows."""
        if wall and not course.sent:
            course.sent = wall
            self.hop("journal_to_send", course.venue, wall - course.journaled)

    def _forget(self) -> None:
        for root in list(islice(self.courses, len(self.courses) - COURSES_KEPT)):
            del self.courses[root]
            self.unanswered.pop(root, None)
            self.answered_late.pop(root, None)


# ---- one handler an event that counts; a venue that tells no time told it when its word was booked


def _submitted(tallies: Tallies, event: ev.OrderSubmitted, ledger: Ledger, wall: int) -> None:
    strategy, venue, order_type, decided = event.strategy, event.venue, event.order_type, int(event.wall)
    seen = event.seen
    known = seen.bid and seen.ask
    held = event.terms is not None and event.terms.held_at is IN_ENGINE
    root = event.order_id
    tallies.courses[root] = Course(
        order_id=root, strategy=strategy, version=event.version, venue=venue, instrument=event.instrument,
        order_type=order_type, order_class=event.order_class, side=event.side, quantity=event.quantity,
        arrival=seen.bid + seen.ask if known else 0, tick=decided - seen.age if known else 0, decided=decided,
        journaled=wall, feed_decided=int(event.time),
        status="NEW" if held else "PENDING_NEW",
    )  # fmt: skip
    tallies.count("orders", strategy, venue, order_type)
    tallies.last_decision[strategy] = decided
    tallies.sessions_idle[strategy] = 0
    if known:
        tallies.hop("tick_to_decision", venue, seen.age)
    tallies.hop("decision_to_journal", venue, wall - decided)
    if not held:
        tallies.unanswered[root] = None
        tallies.messages.note(strategy, venue, int(event.time), wall)


def _released(tallies: Tallies, event: ev.OrderReleased, ledger: Ledger, wall: int) -> None:
    """A stop that the engine held goes out: its venue is asked from here on."""
    course = tallies.course(event.order_id, ledger)
    if course is not None:
        course.decided, course.journaled = int(event.wall), wall
        tallies.messages.note(course.strategy, course.venue, int(event.time), wall)
        tallies.unanswered[course.order_id] = None
        _state(course, ledger)


def _acknowledged(tallies: Tallies, event: ev.OrderAcknowledged, ledger: Ledger, wall: int) -> None:
    course = tallies.course(event.order_id, ledger)
    if course is None:
        return
    tallies.sent(course, int(event.sent))
    if not course.acknowledged:
        course.acknowledged = int(event.wall) or wall
        if course.sent:
            tallies.hop("send_to_acknowledge", course.venue, course.acknowledged - course.sent)
    tallies.answer(course, wall)
    tallies.ahead[course.venue] = certain_skew(int(event.wall) or wall, int(event.sent), wall)
    _state(course, ledger)


def _filled(tallies: Tallies, event: ev.OrderFilled, ledger: Ledger, wall: int) -> None:
    strategy, at = event.strategy, int(event.wall) or wall
    tallies.last_fill[strategy] = at
    course = tallies.course(event.order_id, ledger)
    if course is None:
        tallies.count("fills", strategy, event.venue or ledger.instruments.require(event.instrument).venue, "")
        return
    venue = course.venue
    tallies.count("fills", strategy, venue, course.order_type)
    tallies.sent(course, int(event.sent))
    tallies.answer(course, wall)
    course.last_fill = at
    if not course.first_fill:
        course.first_fill = at
        tallies.hop("decision_to_fill", venue, at - course.decided)
        if course.acknowledged:
            tallies.hop("acknowledge_to_fill", venue, at - course.acknowledged)
    order = _state(course, ledger)
    if order is not None and not order.is_open:
        course.ended = at


def _revised(tallies: Tallies, event: ev.FillBusted | ev.FillCorrected, ledger: Ledger, wall: int) -> None:
    course = tallies.course(event.order_id, ledger)
    if course is not None:
        _state(course, ledger)


def _rejected(tallies: Tallies, event: ev.OrderRejected, ledger: Ledger, wall: int) -> None:
    course = tallies.course(event.order_id, ledger)
    if course is None:
        return
    tallies.count("rejected", course.strategy, course.venue, course.order_type)
    course.reject = event.reason.value
    _add(tallies.rejects, (course.strategy, course.venue, course.reject))
    if event.reason is RejectReason.NOT_SENT:  # our own doing: its venue said nothing
        tallies.unanswered.pop(course.order_id, None)
    else:
        tallies.answer(course, wall, rejected=True)
    _end(course, ledger, int(event.wall) or wall)


def _asked(tallies: Tallies, event: ev.CancelRequested | ev.ReplaceRequested, ledger: Ledger, wall: int) -> None:
    course = tallies.course(event.order_id, ledger)
    if course is not None:
        if isinstance(event, ev.CancelRequested):
            course.cancel = cancel_word(event.cause)
        tallies.messages.note(course.strategy, course.venue, int(event.time), wall)
        _state(course, ledger)


def _canceled(tallies: Tallies, event: ev.OrderCanceled, ledger: Ledger, wall: int) -> None:
    course = tallies.course(event.order_id, ledger)
    if course is None:
        return
    order = _end(course, ledger, int(event.wall) or wall)
    if not course.cancel:
        course.cancel = unasked_word(event, order)
    tallies.count("cancelled", course.strategy, course.venue, course.order_type)
    _add(tallies.cancels, (course.strategy, course.venue, course.cancel))
    if course.cancel == KILLED:
        for scope in ("book:", f"venue:{course.venue}", f"strategy:{course.strategy}"):
            if scope in tallies.kills:
                tallies.kills[scope].done = wall
    if event.report:
        tallies.answer(course, wall)
    else:  # it ended here, before its venue knew of it
        tallies.unanswered.pop(course.order_id, None)


def _expired(tallies: Tallies, event: ev.OrderExpired, ledger: Ledger, wall: int) -> None:
    course = tallies.course(event.order_id, ledger)
    if course is None:
        return
    tallies.count("expired", course.strategy, course.venue, course.order_type)
    if event.report:
        tallies.answer(course, wall)
    else:
        tallies.unanswered.pop(course.order_id, None)
    _end(course, ledger, int(event.wall) or wall)


def _replaced(tallies: Tallies, event: ev.OrderReplaced, ledger: Ledger, wall: int) -> None:
    course = tallies.course(event.order_id, ledger)
    if course is not None:
        tallies.answer(course, wall)
        course.quantity = event.quantity
        _state(course, ledger)


def _doubt(tallies: Tallies, event: ev.OrderDoubted | ev.DoubtResolved, ledger: Ledger, wall: int) -> None:
    course = tallies.course(event.order_id, ledger)
    if course is None:
        return
    order = _state(course, ledger)
    if order is not None and not order.is_open:
        course.ended = course.ended or int(event.wall) or wall
        tallies.unanswered.pop(course.order_id, None)
    elif isinstance(event, ev.DoubtResolved) and event.outcome == Fact.FOUND_WORKING:
        tallies.answer(course, wall)  # its venue was asked, and nobody acknowledges it any more


def _denied(tallies: Tallies, event: ev.OrderDenied, ledger: Ledger, wall: int) -> None:
    tallies.count("denied", event.strategy, event.venue, event.order_type)
    tallies.last_decision[event.strategy] = int(event.wall)
    _add(tallies.denials, (event.strategy, event.venue, str(event.control)))


def _refused(tallies: Tallies, event: ev.IntentRefused, ledger: Ledger, wall: int) -> None:
    instrument = ledger.instruments.find(event.instrument)
    venue, times = "" if instrument is None else instrument.venue, 1 + len(event.others)
    key = event.strategy, venue, str(event.control)
    tallies.denials[key] = tallies.denials.get(key, 0) + times


def _marked(tallies: Tallies, event: ev.Marked, ledger: Ledger, wall: int) -> None:
    tallies.middles.note(event.instrument, int(event.time), event.twice)
    tallies.last_mark[event.instrument] = wall
    tallies.equity.stale = True


def _rolled(tallies: Tallies, event: ev.SessionRolled, ledger: Ledger, wall: int) -> None:
    """One more session went by; whose order goes out next begins anew, and who may not trade is not waited for."""
    idle = tallies.sessions_idle
    for strategy in ledger.deployments:
        state, _ = ledger.trading_state(strategy, "")
        idle[strategy] = idle.get(strategy, 0) + 1 if state is TradingState.ACTIVE else 0


def _trading_state(tallies: Tallies, event: ev.TradingStateChanged, ledger: Ledger, wall: int) -> None:
    if event.cause == KILLED and event.state is not TradingState.ACTIVE:
        tallies.kills[f"{event.scope}:{event.name}"] = Kill(wall, wall)


def _alarmed(tallies: Tallies, event: ev.Alarmed, ledger: Ledger, wall: int) -> None:
    tallies.alarms += 1


def _end(course: Course, ledger: Ledger, wall: int) -> Order | None:
    course.ended = wall
    return _state(course, ledger)


def _state(course: Course, ledger: Ledger) -> Order | None:
    """Take over what the books say of it."""
    order = ledger.orders.get(course.order_id)
    if order is not None:
        course.status, course.filled, course.cost = order.shown_status, order.filled, order.cost
    return order


def _add(counts: dict[Key, int], key: Key) -> None:
    counts[key] = counts.get(key, 0) + 1


_HANDLERS: Final[dict[type, Callable[[Tallies, Any, Ledger, int], None]]] = {
    ev.OrderSubmitted: _submitted,
    ev.OrderReleased: _released,
    ev.OrderAcknowledged: _acknowledged,
    ev.OrderFilled: _filled,
    ev.FillBusted: _revised,
    ev.FillCorrected: _revised,
    ev.OrderRejected: _rejected,
    ev.CancelRequested: _asked,
    ev.ReplaceRequested: _asked,
    ev.OrderCanceled: _canceled,
    ev.OrderExpired: _expired,
    ev.OrderReplaced: _replaced,
    ev.OrderDoubted: _doubt,
    ev.DoubtResolved: _doubt,
    ev.OrderDenied: _denied,
    ev.IntentRefused: _refused,
    ev.Marked: _marked,
    ev.SessionRolled: _rolled,
    ev.Alarmed: _alarmed,
    ev.TradingStateChanged: _trading_state,
}
