"""The engine: composes the five components into one deterministic `process`; no clock, no randomness, no I/O.

The same code decides in a backtest, on paper and live; only who feeds it differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.domain import events as ev
from toolkit.domain.commands import Envelope, RunnerAnswer, Who
from toolkit.domain.instruments import Currency
from toolkit.domain.ledger import FOLD_VERSION, Ledger, Producer
from toolkit.domain.market import FeedMode, SessionClosed, Step
from toolkit.domain.orders import Order, TradingState
from toolkit.domain.ports import Lease
from toolkit.domain.requests import VenueReport, VenueRequest, VenueState
from toolkit.domain.time import MonoTime, Now, WallTime
from toolkit.engine import lifeboat, repetition
from toolkit.engine.account_desk import AccountDesk
from toolkit.engine.aggregation import Aggregation
from toolkit.engine.answers import Answers
from toolkit.engine.break_desk import BreakDesk
from toolkit.engine.breaker import Breakers
from toolkit.engine.changes import Changes
from toolkit.engine.command_desk import DOWN, CommandDesk
from toolkit.engine.execution_router import ExecutionRouter
from toolkit.engine.held_orders import HeldOrders
from toolkit.engine.lifeboat import LeftFlatten
from toolkit.engine.loss_watch import LossWatch
from toolkit.engine.marking import Marker
from toolkit.engine.messages import (
    QUIET,
    AbsenceProven,
    EngineSettings,
    HeldBack,
    LineBack,
    LineLost,
    Looked,
    Message,
    NotSent,
    Output,
    Recalled,
    SnapshotKept,
    TimePassed,
)
from toolkit.engine.on_its_way import as_decided, as_sent
from toolkit.engine.order_manager import OrderManager
from toolkit.engine.proposing import Proposer
from toolkit.engine.protector import Protector
from toolkit.engine.reconciliation import Reconciler, doubt_unlisted
from toolkit.engine.risk import venue_limits
from toolkit.engine.risk.controls import CONTROLS, Control
from toolkit.engine.risk.guard import Guard
from toolkit.engine.risk.rates import sent_before
from toolkit.engine.router_settings import NO_RULES
from toolkit.engine.routing import Routes
from toolkit.engine.strangers import recall
from toolkit.engine.transaction import Transaction
from toolkit.engine.view import View

QUIET_ANSWERS = 1_000
ENGINE = Who(identity="engine", verified=True, source="engine")


class Engine:
    """Market data, strategy answers, risk, orders and routing of one book."""

    def __init__(self, ledger: Ledger, settings: EngineSettings, controls: Sequence[Control] = CONTROLS) -> None:
        self.ledger = ledger
        self.view = View()
        self._settings = settings
        self._is_free = settings.feed_mode is FeedMode.FREE
        breakers = Breakers(settings.router.breakers, settings.router.without_breakers)
        self._guard = Guard(ledger, self.view, controls, breakers)
        self._joined = Aggregation(
            ledger, settings.router.join_within, settings.acknowledge_within, settings.ask_again_after
        )
        self._router = ExecutionRouter(self._guard.rates, breakers, settings.abilities, self._joined)
        self._orders = OrderManager(settings, self._router)
        self._losses = LossWatch(ledger, self._guard.portfolio, self._orders, settings.mark_interval)
        self._marker = Marker(ledger, self.view, settings)
        self._routes = self._routes_of(settings)
        self._table = ledger.limits
        self._heed_table()
        self._proposer = Proposer(
            ledger, self.view, self._guard, self._orders, settings.abilities, self._routes, self._marker
        )
        self._held = HeldOrders(ledger, self.view, self._guard, self._orders)
        self._changes = Changes(ledger, self.view, self._guard, self._orders)
        self._protector = Protector(ledger, self.view, self._guard, self._orders)
        self._reconciler = Reconciler(ledger, settings.confirm_after, ENGINE)
        breaks = BreakDesk(ledger, self._orders, self._reconciler, self._follow_up)
        accounts = AccountDesk(ledger, self._guard, breaks)
        self._desk = CommandDesk(ledger, self._guard, self._orders, self._proposer, accounts)
        self._answers = Answers(ledger, self._proposer)
        self._cursors: dict[str, Producer] = {}
        self._takers = self._takers_by_kind()

    # ---- life

    def open_book(
        self,
        now: Now,
        *,
        book: str,
        desk: str,
        base: str,
        currencies: Sequence[Currency],
        venues: Sequence[str],
        first_step: int,
    ) -> Output:
        """The first event of a new book, which then trades after `first_step`; nothing for one that is open."""
        transaction = Transaction(self.ledger, now, self._guard.portfolio.note)
        if not self.ledger.book:
            self.ledger.step = first_step
            transaction.emit(
                ev.BookOpened(
                    book=book, desk=desk, base_currency=base, currencies=tuple(currencies), venues=tuple(venues)
                )
            )
            self._guard.limits_changed()
        return self._decided(transaction)

    def begin_epoch(self, now: Now, lease: Lease, host: str, pid: int) -> Output:
        """Take the book over: everything appended and unanswered is doubtful; a state set by `down` ends."""
        transaction = self.begin(now)
        transaction.emit(ev.EpochBegan(epoch=lease.epoch, wall=now.wall, host=host, pid=pid))
        self._remember(now, lease)
        self._orders.doubt_all_pending(transaction, f"unanswered when epoch {lease.epoch} began")
        if DOWN in self.ledger.states.get("book:", {}):
            transaction.emit(
                ev.TradingStateChanged(
                    scope="book", name="", state=TradingState.ACTIVE, cause=DOWN, who=ENGINE, reason="started again"
                )
            )
        return self._decided(transaction)

    def go_on(self, now: Now, lease: Lease, rounds: Mapping[str, int]) -> list[VenueRequest]:
        """Take up where another engine of this epoch stands, on the clock of the feed.

        What it had on its way to venues, as it was sent: it is awaited as if this one had sent it. `rounds` says with
        which batch each of its ids left.
        """
        self._remember(now, lease)
        waiting = as_decided(self._router.on_their_way(self.ledger.open_orders()), rounds)
        self._orders.expect(waiting)
        return as_sent(waiting, rounds, self._router.sort)

    def _remember(self, now: Now, lease: Lease) -> None:
        """What the engine before this one had opened and sent."""
        self.lease_renewed(lease)
        mode = self._settings.feed_mode
        self._router.breakers.restore(self.ledger.breakers, now, mode)
        self._guard.rates.restore(sent_before(self.ledger, now, mode))

    def lease_renewed(self, lease: Lease) -> None:
        """Requests from here on carry this epoch and must be on the line by the lease's `send_by`."""
        self._router.lease = lease

    def warm(self, step: Step) -> None:
        """Rebuild the View from a step that was processed before; decides nothing."""
        self.view.update(step)

    def cursor(self, producer: str) -> Producer:
        """How far this producer's commands have been taken."""
        known = self._cursors.get(producer) or self.ledger.producers.get(producer)
        return known or Producer(incarnation=0, number=0)

    def heeds(self, strategy: str) -> bool:
        """Whether the runner of a strategy runs what is deployed; after a promotion only the new version is heard."""
        runner, deployed = self.ledger.runners.get(strategy), self.ledger.deployments.get(strategy)
        return runner is not None and deployed is not None and runner.digest == deployed.digest

    def sent(self, requests: Sequence[VenueRequest], wall: WallTime) -> None:
        """Note when requests were written to the line; the facts that answer them will carry it."""
        if self.ledger.joined.orders:
            requests = [each for request in requests for each in self._joined.requests(request)]
        self._orders.sent(requests, wall)

    def import_cancels(self, now: Now, order_ids: Sequence[str]) -> Output:
        """Book cancels that left through the lifeboat, so that the venue's answers are expected."""
        transaction = self.begin(now)
        for order in [order for identifier in order_ids for order in self._named(identifier)]:
            if order.is_open:
                self._orders.left_by_lifeboat(transaction, order)
        return self._decided(transaction)

    def import_flattens(self, now: Now, orders: Sequence[LeftFlatten]) -> Output:
        """Book a person's flatten that left without an engine, so that what it filled is whose position it closed."""
        transaction = self.begin(now)
        for left in orders:
            lifeboat.book(transaction, left, self._orders)
        return self._decided(transaction)

    def reconcile(self, now: Now, state: VenueState, at: MonoTime | None = None) -> Output:
        """Hold what a venue says of itself against the books, with nothing in flight; then protect what is not.

        `at` is when the venue was asked, by the clock that does not stand still with the feed.
        """
        transaction = self.begin(now)
        shown = self._joined.expanded(state)
        self._reconciler.look(transaction, shown, now.mono if at is None else at, at_start=True)
        self._protector.restore(transaction)
        return self._decided(transaction)

    def alarm(self, now: Now, kind: str, subject: str, detail: str) -> Output:
        """Tell people of trouble around the engine."""
        transaction = self.begin(now)
        transaction.alarm(kind, subject, detail)
        return self._decided(transaction)

    def skip(self, envelope: Envelope) -> None:
        """Take note of a command that needs no effect any more, for instance an answer to a step long done."""
        self._cursors[envelope.producer] = Producer(incarnation=envelope.incarnation, number=envelope.number)

    def at_venue(self, order: Order) -> str:
        """The id by which a venue knows an order, which may be that of a joined one."""
        return (self._joined.known_as(order) or (order.order_id,))[-1]

    def _named(self, identifier: str) -> list[Order]:
        """The orders that an id stands for at its venue."""
        if self._joined.concerns(identifier):
            return self._joined.orders(identifier)
        order = self.ledger.order(identifier)
        return [] if order is None else [order]

    def _decided(self, transaction: Transaction) -> Output:
        if self._joined.touched:
            self._router.settle_joined(transaction)
        self._router.sort(transaction.requests)
        return self.end(transaction)

    # ---- work

    def process(self, now: Now, message: Message) -> Output:
        """One message in, its consequences out. Deterministic in (ledger, view, now, message)."""
        transaction = self.begin(now)
        self.take(transaction, now, message)
        return self.end(transaction)

    def begin(self, now: Now) -> Transaction:
        """Gathers what several messages lead to, on its way to become one batch; `end` hands it out."""
        transaction = Transaction(self.ledger, now, self._guard.portfolio.note)
        transaction.time = self.view.time
        return transaction

    def take(self, transaction: Transaction, now: Now, message: Message) -> None:
        """One message of several; what leaves because of it is sorted by itself, as if it had come alone."""
        transaction.now, transaction.time = now, self.view.time
        requests = transaction.requests
        before = len(requests)
        if self.ledger.overrides:
            self._desk.settle_overrides(transaction)
        self._takers.get(type(message), self._report)(transaction, message)
        if self.ledger.limits is not self._table:
            self._heed_table()
        if self.ledger.overrides:
            self._desk.settle_overrides(transaction)
        if self._joined.touched:
            self._router.settle_joined(transaction)
        if len(requests) > before + 1:
            made = requests[before:]
            self._router.sort(made)
            requests[before:] = made

    def end(self, transaction: Transaction) -> Output:
        """Everything that the messages since `begin` led to."""
        if not transaction.events and not transaction.requests:
            return QUIET
        return Output(transaction.events, transaction.requests, transaction.inbox)

    def _takers_by_kind(self) -> dict[type, Callable[[Transaction, Any], None]]:
        return {
            Step: self._step,
            Envelope: self._envelope,
            TimePassed: self._time_passed,
            LineLost: self._line_lost,
            LineBack: self._line_back,
            NotSent: self._not_sent,
            HeldBack: self._held_back,
            VenueState: self._venue_state,
            AbsenceProven: self._absence_proven,
            Recalled: recall,
            SnapshotKept: self._snapshot_kept,
            Looked: self._looked,
        }

    def _report(self, transaction: Transaction, report: VenueReport) -> None:
        if self.ledger.joined.orders and self._joined.concerns(report.order_id):
            for order in self._joined.hear(transaction, report, self._orders.hear_of):
                self._follow_up(transaction, self.ledger.orders.get(order.chain[0]))
            return
        self._follow_up(transaction, self._orders.report(transaction, report))

    def _time_passed(self, transaction: Transaction, _: TimePassed) -> None:
        self._pass_time(transaction)

    def _line_lost(self, transaction: Transaction, lost: LineLost) -> None:
        self._router.line_lost(lost.venue)
        self._orders.line_lost(transaction, lost)

    def _line_back(self, _: Transaction, back: LineBack) -> None:
        self._router.line_back(back.venue)

    def _held_back(self, transaction: Transaction, notice: HeldBack) -> None:
        self._orders.held_back(transaction, notice)

    def _not_sent(self, transaction: Transaction, notice: NotSent) -> None:
        if self.ledger.joined.orders:
            requests = [each for request in notice.requests for each in self._joined.requests(request)]
            self._joined.dropped(transaction, notice.requests)
            notice = NotSent(requests=tuple(requests), cause=notice.cause)
        for order in self._orders.not_sent(transaction, notice):
            self._follow_up(transaction, order)

    def _venue_state(self, transaction: Transaction, state: VenueState) -> None:
        doubt_unlisted(transaction, self._joined.expanded(state), protection_only=True)

    def _looked(self, transaction: Transaction, looked: Looked) -> None:
        shown = self._joined.expanded(looked.state)
        self._reconciler.look(transaction, shown, looked.at, at_start=looked.at_start)
        if looked.at_start:
            self._protector.restore(transaction)

    def _absence_proven(self, transaction: Transaction, proven: AbsenceProven) -> None:
        absent = [proven.order_id]
        if self._joined.concerns(proven.order_id):
            absent = self._joined.absent(transaction, proven.order_id)
        for identifier in absent:
            about = AbsenceProven(venue=proven.venue, order_id=identifier)
            self._follow_up(transaction, self._orders.absent(transaction, about))

    def _snapshot_kept(self, transaction: Transaction, kept: SnapshotKept) -> None:
        """Record that the ledger as of an event was kept; a disk that refused is told, the journal goes on without."""
        if kept.problem:
            transaction.alarm("snapshot", self.ledger.book, kept.problem)
            return
        transaction.emit(
            ev.SnapshotTaken(digest=kept.digest, fold_version=FOLD_VERSION, sequence=kept.sequence, step=kept.step)
        )

    def _step(self, transaction: Transaction, step: Step) -> None:
        self.view.update(step, transaction.now.mono)
        if self._is_free:
            self.view.skew = int(transaction.now.wall) - int(step.time)
        transaction.time = step.time
        self._pass_time(transaction)
        self._marker.mark_due(transaction)
        self._losses.look(transaction)
        if self.ledger.in_engine or self.ledger.timed:
            self._held.look(transaction, step)
        for closed in self.view.closed:
            self._roll(transaction, closed)
        for strategy, waiting in self.ledger.waiting_exits.items():
            for symbol in list(waiting):
                self._proposer.release_exit(transaction, strategy, symbol)
        if self.ledger.flattening:
            for strategy in list(self.ledger.flattening):
                self._proposer.continue_flatten(transaction, strategy)

    def _roll(self, transaction: Transaction, closed: SessionClosed) -> None:
        if closed.session <= self.ledger.session:
            return
        self._marker.mark_all(transaction)
        self._losses.look(transaction, only_due=False)
        transaction.emit(ev.SessionRolled(session=closed.session, step=self.view.step, time=transaction.time))

    def _pass_time(self, transaction: Transaction) -> None:
        self._orders.watch(transaction)
        if self._joined.waits and self.ledger.states:
            for order in self._joined.stopped():
                self._orders.cancel(transaction, order, "it waited for others, and trading was stopped meanwhile")
        self._orders.release_waiting(transaction)
        if self._protector.later:
            self._protector.try_again(transaction)
        if self.ledger.proposals:
            self._desk.expire(transaction)

    def _follow_up(self, transaction: Transaction, order: Order | None) -> None:
        if order is None:
            return
        ledger = self.ledger
        if order.instrument not in ledger.marks:
            self._marker.mark_all(transaction)
        if order.terms is not None:
            self._protector.follow(transaction, order)
        if order.filled:
            repetition.look(transaction, self._guard, order)
        if not order.is_open:
            if ledger.changes:
                self._changes.release(transaction, order)
            self._protector.after_exit(transaction, order.strategy, order.instrument)
            if ledger.in_engine:
                self._held.release(transaction)
            if order.strategy in ledger.waiting_exits:
                self._proposer.release_exit(transaction, order.strategy, order.instrument)
            if ledger.flattening:
                self._proposer.continue_flatten(transaction, order.strategy)

    def _envelope(self, transaction: Transaction, envelope: Envelope) -> None:
        producer, incarnation, number = envelope.producer, envelope.incarnation, envelope.number
        known = self._cursors.get(producer) or self.cursor(producer)
        if number != known.number + 1 or incarnation != known.incarnation:
            if (incarnation, number) <= (known.incarnation, known.number):
                return
            expected = known.number + 1 if incarnation == known.incarnation else 1
            if number != expected:
                detail = f"command {number} of incarnation {incarnation}, expected {expected}"
                transaction.alarm("command_gap", producer, detail)
        self._cursors[producer] = Producer(incarnation=incarnation, number=number)
        if isinstance(envelope.body, RunnerAnswer):
            self._answer(transaction, envelope, envelope.body)
        else:
            self._desk.take(transaction, envelope)

    def _answer(self, transaction: Transaction, envelope: Envelope, answer: RunnerAnswer) -> None:
        """Take a runner's answer in when the right one gave it and it says something."""
        if envelope.producer != answer.strategy:
            transaction.alarm("impostor", envelope.producer, f"answered for {answer.strategy}")
            return
        if not self.heeds(answer.strategy):
            return
        quiet = _is_quiet(answer) and answer.inbox <= self._inbox_read(answer.strategy)
        if quiet and not self._is_far(envelope):
            return
        self._answers.take(transaction, envelope, answer)

    def _is_far(self, envelope: Envelope) -> bool:
        """Whether so many quiet answers went by that the cursor is told, so that their stream may let go of them."""
        known = self.ledger.producers.get(envelope.producer)
        return (
            known is not None
            and known.incarnation == envelope.incarnation
            and envelope.number - known.number >= QUIET_ANSWERS
        )

    def _routes_of(self, settings: EngineSettings) -> Routes:
        router = self._router
        return Routes(
            self.ledger, self.view, settings.router, settings.abilities, router.line_is_down, router.breakers.problem
        )  # fmt: skip

    def _heed_table(self) -> None:
        """What the table in force says of venues holds, whatever file this engine was started with. A backtest, which
        chooses no venue, and a book whose first table is yet to come go by the settings."""
        self._table = table = self.ledger.limits
        if self._settings.router != NO_RULES and venue_limits.are_in(table):
            self._router.breakers.adopt(*venue_limits.breakers(table))
            self._routes.rules = venue_limits.routes(table)
            self._joined.within = venue_limits.join_within(table)

    def _inbox_read(self, strategy: str) -> int:
        runner = self.ledger.runners.get(strategy)
        return 0 if runner is None else runner.inbox


def _is_quiet(answer: RunnerAnswer) -> bool:
    return not (answer.signals or answer.intents or answer.logs or answer.held) and answer.state is None
