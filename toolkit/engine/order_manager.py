"""Order Manager: the life of orders by the two tables; books venue reports and watches what is unanswered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolkit.domain import events as ev
from toolkit.domain import requests as rq
from toolkit.domain.commands import Who
from toolkit.domain.errors import DomainError
from toolkit.domain.identifiers import is_of_lifeboat
from toolkit.domain.order_tables import Fact, after_fact
from toolkit.domain.orders import (
    ENTRY,
    FINAL,
    NO_DOUBT,
    PROTECTIVE,
    Ability,
    Change,
    Doubt,
    Order,
    Status,
    TradingState,
)
from toolkit.domain.requests import Filled, OrderFound, OrderNotFound
from toolkit.domain.time import FeedTime, MonoTime, WallTime
from toolkit.engine.doubts import LINE_LOST, DoubtAges, tell_dropped
from toolkit.engine.execution_router import (
    ExecutionRouter,
    cancel_requested,
    denied,
    moved_stop,
    replace_requested,
    submitted,
)
from toolkit.engine.messages import AbsenceProven, EngineSettings, HeldBack, LineLost, NotSent
from toolkit.engine.on_its_way import OnItsWay, Unanswered, answered_at
from toolkit.engine.order_facts import (
    COUNTED,
    booked,
    changed_in_engine,
    dropped,
    ended_in_engine,
    found_ended,
    is_booked,
    malformed,
    protection_first,
    proves_arrival,
    withdrawn,
)
from toolkit.engine.risk.portfolio_breach import tell_breaches
from toolkit.engine.risk.proposal import Approved, Proposal, Refused
from toolkit.engine.strangers import NOT_SENT_HERE, hear_of_stranger, told_of
from toolkit.engine.transaction import Transaction

PENDING = {
    Status.PENDING_NEW: Doubt.NEW,
    Status.PENDING_CANCEL: Doubt.CANCEL,
    Status.PENDING_REPLACE: Doubt.REPLACE,
}

ACTIVE, REDUCING = TradingState.ACTIVE, TradingState.REDUCING
NEW = Doubt.NEW
NOTHING: frozenset[Ability] = frozenset()


class OrderManager:
    """Keeps every order on its tables. `unanswered` is memory only: after a restart all of it is doubt."""

    def __init__(self, settings: EngineSettings, router: ExecutionRouter) -> None:
        self._settings = settings
        self._router = router
        self._unanswered: dict[str, Unanswered] = {}
        self._asked: dict[str, MonoTime] = {}
        self._absent: set[str] = set()
        self._sent: dict[str, WallTime] = {}
        self._ages = DoubtAges()

    # ---- our commands

    def submit(self, transaction: Transaction, approved: Approved) -> Order:
        """Record an approved order and hand it to the router; one that the engine holds goes no further."""
        if approved.cancels:
            self.make_way(transaction, approved.cancels, approved.proposal.strategy)
        event = submitted(transaction, approved)
        transaction.emit(event)
        if approved.breaches:
            tell_breaches(transaction, approved)
        order = transaction.ledger.orders[event.order_id]
        if order.in_engine:
            return order
        self._await(transaction, order, NEW)
        self._router.submit(transaction, approved, order)
        return order

    def replace(self, transaction: Transaction, approved: Approved, order: Order) -> None:
        """Record an approved change and hand it to the router; what the engine holds is changed at once.

        A venue that changes no orders is asked to cancel it first; what that leaves is for `Changes`. So is a change of
        an order that joined others, unless it only shrinks.
        """
        if not order.in_engine and not self._can_change(transaction, approved, order):
            wanted = approved.proposal
            change = Change(quantity=wanted.quantity, price=wanted.price, stop=moved_stop(wanted.terms, order.terms))
            self.cancel(transaction, order, "changed: this venue can only cancel it first", change=change)
            return
        self.make_way(transaction, approved.cancels, order.strategy)
        transaction.emit(replace_requested(transaction, approved, order))
        order = _order(transaction, order.chain[0])
        if order.in_engine:
            transaction.emit(changed_in_engine(transaction, order))
            return
        self._await(transaction, order, Doubt.REPLACE)
        self._router.replace(transaction, approved, order)

    def _can_change(self, transaction: Transaction, approved: Approved, order: Order) -> bool:
        if Ability.REPLACE not in self._settings.abilities.get(order.venue, NOTHING):
            return False
        wanted = approved.proposal
        if order.chain[0] not in transaction.ledger.joined.parts:
            return True
        return wanted.price == order.price and wanted.quantity < order.quantity

    def cancel(
        self,
        transaction: Transaction,
        order: Order,
        cause: str,
        asked: FeedTime | None = None,
        *,
        yields: bool = False,
        change: Change | None = None,
    ) -> None:
        """Record a cancel and send it; one that is already on its way is not sent again.

        `asked` is when it was first asked for, where that was not now: a venue's latency counts from there. What
        `yields` comes back when the exit that it makes way for leaves something open, what is to `change` when this
        cancel is confirmed: any other cancel takes that back.
        """
        if order.status is Status.PENDING_CANCEL and order.doubt is NO_DOUBT:
            if order.chain[0] in transaction.ledger.changes:
                transaction.emit(cancel_requested(transaction, order, cause))
            return
        order = self._withdrawn(transaction, order, cause)
        if not order.is_open:
            return
        transaction.emit(cancel_requested(transaction, order, cause, asked, yields=yields, change=change))
        order = _order(transaction, order.chain[0])
        if order.in_engine:
            transaction.emit(ended_in_engine(transaction, order, cause))
            return
        self._await(transaction, order, Doubt.CANCEL)
        self._router.cancel(transaction, order)

    def release(self, transaction: Transaction, order: Order, quantity: int, cap: int | None = None) -> None:
        """Send a triggered stop that the engine held to its venue, for this total quantity and at worst at `cap`."""
        transaction.emit(
            ev.OrderReleased(
                order_id=order.order_id, quantity=quantity, time=transaction.time, wall=transaction.now.wall, cap=cap
            )
        )
        order = _order(transaction, order.chain[0])
        self._await(transaction, order, NEW)
        self._router.release(transaction, order)

    def deny(
        self,
        transaction: Transaction,
        proposal: Proposal,
        refused: Refused,
        seen: ev.Seen,
        checks: tuple[ev.Check, ...],
    ) -> None:
        """Record a refusal that teaches."""
        self.make_way(transaction, refused.cancels, proposal.strategy)
        transaction.emit(denied(transaction, proposal, refused, seen, checks))

    def make_way(self, transaction: Transaction, roots: Sequence[str], strategy: str) -> None:
        """Cancel what an order of a strategy would trade with at the venue (control 15)."""
        for root in roots:
            order = _order(transaction, root)
            if order.is_open:
                self.cancel(transaction, order, f"would trade with an order of {strategy}")

    def _withdrawn(self, transaction: Transaction, order: Order, cause: str) -> Order:
        """Take back what still waits for the venue's rate: an order ends at once, of a change nothing has left."""
        waiting = self._router.withdraw(transaction, order)
        if waiting is None:
            return order
        del self._unanswered[order.chain[0]]
        transaction.emit(withdrawn(transaction, order, waiting, f"{cause}: withdrawn before it was sent"))
        return _order(transaction, order.chain[0])

    # ---- a venue's facts

    def report(self, transaction: Transaction, report: rq.VenueReport) -> Order | None:
        """Book a report. Returns the order it changed, None when it changed none (seen before, foreign)."""
        ledger = transaction.ledger
        number = getattr(report, "report", 0)
        if number and number <= ledger.venue_reports.get(report.venue, 0):
            return None
        if type(report) in COUNTED and (nonsense := malformed(report)) is not None:
            told_of(transaction, "malformed_report", report, nonsense)
            return None
        order = ledger.order(report.order_id)
        if order is None:
            hear_of_stranger(transaction, report)
            return None
        return self.hear_of(transaction, order, report)

    def hear_of(self, transaction: Transaction, order: Order, report: rq.VenueReport) -> Order | None:
        """Book what a venue says of an order; returns it as it is then."""
        if isinstance(report, OrderFound):
            self._found(transaction, order, report)
        elif not isinstance(report, OrderNotFound):
            self._book(transaction, order, report)
        root, orders = order.chain[0], transaction.ledger.orders
        after = orders.get(root)
        if after is not None and after.doubt is NO_DOUBT:
            self._settle(transaction, root, after)
            return orders.get(root)
        return after

    def _settle(self, transaction: Transaction, root: str, order: Order) -> None:
        """Nothing is expected any more of an order that is neither pending nor in doubt.

        One that still waits, but whose last request nobody expects to be answered (a line took it along while an
        earlier one was in doubt), is asked for: what was asked outlives the doubt.
        """
        if order.status not in PENDING:
            self._unanswered.pop(root, None)
            self._asked.pop(root, None)
            self._sent.pop(order.order_id, None)
        elif root not in self._unanswered and not self._router.keeps(root):
            self._doubt(transaction, root, PENDING[order.status], "its answer got lost")

    def _book(self, transaction: Transaction, order: Order, report: rq.VenueReport) -> None:
        filled = report if isinstance(report, Filled) else None
        if filled is not None and is_booked(transaction, order.chain[0], filled):
            return
        if isinstance(report, rq.Rejected) and proves_arrival(order, report):
            told_of(transaction, "duplicate_id", report, f"{report.venue} has it already: {report.text}")
            return
        made = booked(transaction, order, report, self._sent.get(order.order_id, NOT_SENT_HERE))
        if made is None:
            told_of(transaction, "unknown_execution", report, f"{type(report).__name__} of a trade not in the books")
            return
        event, fact = made
        if self._router.breakers.settings:
            self._judge(transaction, order, report)
        transaction.emit(event)
        if filled is not None and (filled.instrument != order.instrument or filled.side is not order.side):
            transaction.alarm("mismatched_fill", order.order_id, f"{filled.side.name} {filled.instrument}")
        elif filled is not None and (total := order.filled + filled.quantity) > order.quantity:
            transaction.alarm("overfill", order.order_id, f"filled {total} of {order.quantity}")
        elif not after_fact(order.status, order.doubt, fact).expected:
            transaction.alarm("unexpected_fact", order.order_id, f"{fact.value} in status {order.shown_status}")

    def _judge(self, transaction: Transaction, order: Order, report: rq.VenueReport) -> None:
        """Tell the breakers what became of a new order. A doubt was told of as late when it arose."""
        if order.status is not Status.PENDING_NEW or order.doubt is not NO_DOUBT:
            return
        if isinstance(report, rq.Rejected):
            self._router.breakers.rejected(transaction, order, report)
        elif (waited := self._unanswered.get(order.chain[0])) is not None:
            answered = answered_at(report, transaction.now, transaction.time, self._settings.feed_mode)
            self._router.breakers.answered(transaction, order, answered - waited.since)

    def sent(self, requests: Sequence[rq.VenueRequest], wall: WallTime) -> None:
        """Remember when requests were written to the line."""
        for request in requests:
            if isinstance(request, rq.SubmitOrder):
                self._sent[request.order_id] = wall

    def expect(self, waiting: Iterable[OnItsWay]) -> None:
        """Await the answers to what another engine sent, on the feed's clock."""
        for order, _ in waiting:
            self._unanswered[order.chain[0]] = Unanswered(PENDING[order.status], MonoTime(int(order.requested)))

    # ---- silence and doubt

    def watch(self, transaction: Transaction) -> None:
        """Put what is unanswered for too long into doubt, and ask for what is in doubt."""
        if not self._unanswered and not transaction.ledger.doubtful:
            return
        now = transaction.now.mono
        late = [
            root
            for root, open_ in self._unanswered.items()
            if now - open_.since >= self._settings.acknowledge_within and not self._router.keeps(root)
        ]
        for root in late:
            self._doubt(transaction, root, self._unanswered.pop(root).kind, "no answer in time")
            self._router.breakers.unanswered(transaction, _order(transaction, root))
        if transaction.ledger.doubted:
            self._ages.look(transaction)
        for root in protection_first(transaction.ledger):
            last = self._asked.get(root)
            if last is None or now - last >= self._settings.ask_again_after:
                self._asked[root] = now
                self._router.ask(transaction, _order(transaction, root))

    def line_lost(self, transaction: Transaction, lost: LineLost) -> None:
        """Everything unanswered at a venue is in doubt once its line is cut; questions on the way are lost with it."""
        for root in transaction.ledger.doubtful:
            if _order(transaction, root).venue == lost.venue:
                self._asked.pop(root, None)
        for root, open_ in list(self._unanswered.items()):
            if _order(transaction, root).venue == lost.venue and not self._router.keeps(root):
                del self._unanswered[root]
                self._doubt(transaction, root, open_.kind, LINE_LOST)

    def doubt_all_pending(self, transaction: Transaction, cause: str) -> None:
        """After a take-over every appended, unanswered request is doubtful."""
        for order in transaction.ledger.open_orders():
            if order.status in PENDING and order.doubt is NO_DOUBT:
                self._doubt(transaction, order.chain[0], PENDING[order.status], cause)

    def release_waiting(self, transaction: Transaction) -> None:
        """Let exits go that waited for the venue's rate; from now on an answer to them is expected."""
        if not self._router.holds_back:
            return
        for order in self._router.release_waiting(transaction):
            self._await(transaction, order, PENDING[order.status])

    def left_by_lifeboat(self, transaction: Transaction, order: Order) -> None:
        """Book a cancel that left without a record in the journal; what became of it is to be asked."""
        if order.status is not Status.PENDING_CANCEL:
            transaction.emit(
                ev.CancelRequested(
                    order_id=order.order_id, cause="lifeboat", time=transaction.time, wall=transaction.now.wall
                )
            )
        self._doubt(transaction, order.chain[0], Doubt.CANCEL, "left through the lifeboat")

    def held_back(self, transaction: Transaction, notice: HeldBack) -> None:
        """Exits that found no room in the rate wait in the router, as those that it kept back itself."""
        for request in notice.requests:
            order = transaction.ledger.order(request.order_id)
            if order is not None and order.status in (Status.PENDING_NEW, Status.PENDING_REPLACE):
                self._router.hold(order)

    def resolved_by_person(self, transaction: Transaction, order: Order, fact: Fact, who: Who, reason: str) -> None:
        """A named person says what became of an order in doubt; nothing is asked or expected of it any more."""
        root = order.chain[0]
        self._asked.pop(root, None)
        self._unanswered.pop(root, None)
        self._absent.difference_update(order.chain)
        tell_dropped(transaction, order, fact)
        transaction.emit(
            ev.DoubtResolved(
                order_id=order.order_id, outcome=fact.value, time=transaction.time, wall=transaction.now.wall, who=who,
                reason=reason,
            )
        )  # fmt: skip

    def not_sent(self, transaction: Transaction, notice: NotSent) -> list[Order]:
        """What was dropped before it reached the line ends here: an order as rejected, a replace as refused."""
        changed = []
        for request in notice.requests:
            order = transaction.ledger.order(request.order_id)
            if order is None or isinstance(request, rq.QueryOrder):
                continue
            self._unanswered.pop(order.chain[0], None)
            transaction.emit(dropped(transaction, order, request, notice.cause))
            changed.append(_order(transaction, order.chain[0]))
        return changed

    def absent(self, transaction: Transaction, proven: AbsenceProven) -> Order | None:
        """What we asked for never arrived. In lockstep feed time stood still: the same request goes out again."""
        order = transaction.ledger.order(proven.order_id)
        if order is None or order.doubt is NO_DOUBT:
            return order
        if order.replacing_id and proven.order_id not in self._absent:
            self._absent.add(proven.order_id)
            if proven.order_id == order.replacing_id:  # the order itself may have been told of before: ask once more
                self._router.ask(transaction, order)
                return order
        if proven.order_id != order.order_id or self._may_be_changed(order):
            return order
        never_arrived = order.doubt is Doubt.NEW and not order.venue_order_id and not order.filled
        if never_arrived and order.status not in FINAL and self._goes_again(transaction, order):
            self._again(transaction, order)
        else:
            self._resolve(transaction, order, Fact.PROVEN_ABSENT)
        return transaction.ledger.order(proven.order_id)

    def _found(self, transaction: Transaction, order: Order, report: rq.OrderFound) -> None:
        """The venue's word on an order in doubt. Its fills come as reports of their own, and are waited for."""
        if order.doubt is NO_DOUBT or (report.status in FINAL and report.filled > order.filled):
            return
        if order.replacing_id and report.order_id == order.replacing_id:
            order = self._found_changed(transaction, order, report)
        if report.status in FINAL:
            self._ended(transaction, order, report)
        elif order.doubt is not NO_DOUBT:
            self._still_works(transaction, order)

    def _found_changed(self, transaction: Transaction, order: Order, report: rq.OrderFound) -> Order:
        """The venue knows the order by the id of its change: the change was made."""
        transaction.emit(
            ev.OrderReplaced(
                order_id=order.order_id,
                new_id=order.replacing_id,
                quantity=report.quantity,
                price=report.price,
                report=0,
                time=report.time,
                wall=report.wall,
                stop=report.stop,
            )
        )
        return _order(transaction, order.chain[0])

    def _may_be_changed(self, order: Order) -> bool:
        """Whether the venue may still know the order by the id of its change. The old id alone proves nothing then."""
        return bool(order.replacing_id) and order.replacing_id not in self._absent

    def _ended(self, transaction: Transaction, order: Order, report: rq.OrderFound) -> None:
        event = found_ended(order, report)
        if event is None and order.doubt is not NO_DOUBT:
            self._resolve(transaction, order, Fact.FOUND_WORKING)
        elif event is not None and order.is_open:
            transaction.emit(event)

    def _still_works(self, transaction: Transaction, order: Order) -> None:
        """It works there as we knew it: a change that is proven absent goes out again, a cancel in any case."""
        unsettled = self._may_be_changed(order)
        if unsettled and order.doubt is not Doubt.CANCEL:
            return
        if order.doubt is Doubt.CANCEL or order.status is Status.PENDING_CANCEL:
            if not unsettled:
                self._resolve(transaction, order, Fact.FOUND_WORKING)
            again = _order(transaction, order.chain[0])
            asked = order.requested if self._settings.sends_again else None
            change = transaction.ledger.changes.get(order.chain[0])
            self.cancel(transaction, again, "asked again: it still works at the venue", asked, change=change)
        elif order.replacing_id and self._goes_again(transaction, order):
            self._again(transaction, order)
        else:
            self._resolve(transaction, order, Fact.FOUND_WORKING)

    def _goes_again(self, transaction: Transaction, order: Order) -> bool:
        """Whether what never arrived is sent once more: where feed time stood still, and unless it was stopped since.

        A flatten's exits are its person's; what left without an engine never goes again: there may be another by now.
        """
        if not self._settings.sends_again or order.status is Status.PENDING_CANCEL or is_of_lifeboat(order.order_id):
            return False
        ledger = transaction.ledger
        state, _ = ledger.trading_state(order.strategy, order.venue)
        if state is ACTIVE or order.order_class is ENTRY:
            return state is ACTIVE
        return state is REDUCING or order.order_class is PROTECTIVE or order.strategy in ledger.flattening

    def _again(self, transaction: Transaction, order: Order) -> None:
        transaction.emit(
            ev.OrderResubmitted(
                order_id=order.order_id, kind=order.doubt, time=transaction.time, wall=transaction.now.wall
            )
        )
        self._asked[order.chain[0]] = transaction.now.mono
        self._absent.difference_update(order.chain)
        self._router.again(transaction, order)

    def _resolve(self, transaction: Transaction, order: Order, fact: Fact) -> None:
        self._asked.pop(order.chain[0], None)
        self._absent.difference_update(order.chain)
        expected = after_fact(order.status, order.doubt, fact).expected
        shown = order.shown_status
        tell_dropped(transaction, order, fact)
        transaction.emit(
            ev.DoubtResolved(
                order_id=order.order_id, outcome=fact.value, time=transaction.time, wall=transaction.now.wall
            )
        )
        if not expected:
            transaction.alarm("unexpected_fact", order.order_id, f"{fact.value} in status {shown}")

    def _doubt(self, transaction: Transaction, root: str, kind: Doubt, cause: str) -> None:
        order = _order(transaction, root)
        if order.status in FINAL:
            return
        transaction.emit(
            ev.OrderDoubted(
                order_id=order.order_id, doubt=kind, cause=cause, time=transaction.time, wall=transaction.now.wall
            )
        )

    def _await(self, transaction: Transaction, order: Order, kind: Doubt) -> None:
        self._unanswered[order.chain[0]] = Unanswered(kind, transaction.now.mono)


def _order(transaction: Transaction, identifier: str) -> Order:
    order = transaction.ledger.order(identifier)
    if order is None:
        raise DomainError(f"order {identifier} is not in the ledger")
    return order
