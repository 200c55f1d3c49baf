"""Commands of people, files and the supervisor: each takes effect once and leaves a record of who and why."""

from __future__ import annotations

import msgspec

from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.errors import DomainError
from toolkit.domain.ledger import Ledger
from toolkit.domain.money import LARGEST, to_quanta
from toolkit.domain.orders import EXECUTIONS, OrderClass, TradingState
from toolkit.domain.people import RESERVED, People, can_decide
from toolkit.domain.standing import DAILY_LOSS, DRAWDOWN
from toolkit.domain.sub_accounts import is_of, strategy_of
from toolkit.engine import redefining
from toolkit.engine.account_checks import check_known, venue_of
from toolkit.engine.account_desk import AccountCommand, AccountDesk
from toolkit.engine.approvals import Approvals
from toolkit.engine.command_rules import check_may_give, giver, identified, why
from toolkit.engine.kill_switch import KillSwitch, check_release, is_killed
from toolkit.engine.loosening import check_table
from toolkit.engine.order_manager import OrderManager
from toolkit.engine.overriding import OverrideCommand, OverrideDesk
from toolkit.engine.proposing import Proposer, drop_exit
from toolkit.engine.reconciliation import BREAK
from toolkit.engine.risk.guard import Guard
from toolkit.engine.risk.limits import MOST, SLOWEST_RATE, loosened, problem_with
from toolkit.engine.transaction import Transaction

DISABLED, DOWN = "disable", "down"
START = "up"

_encoder = msgspec.msgpack.Encoder()


class CommandDesk:
    """One method per command. A DomainError refuses the command, with its reason in the journal.

    So does a number that no event can hold: a command stays in its stream, and one that ended the engine would end it
    again at each start.
    """

    def __init__(
        self, ledger: Ledger, guard: Guard, orders: OrderManager, proposer: Proposer, accounts: AccountDesk
    ) -> None:
        self._ledger = ledger
        self._guard = guard
        self._orders = orders
        self._proposer = proposer
        self._kill_switch = KillSwitch(ledger, orders, proposer)
        self._accounts = accounts
        self._overrides = OverrideDesk(ledger, guard)
        self._approvals = Approvals(ledger, self._do)

    def take(self, transaction: Transaction, envelope: cm.Envelope) -> None:
        """Carry a command out and record that it was taken, or why it was refused."""
        body, refused, proposal = identified(self._ledger, envelope), "", ""
        before = len(transaction.events)
        try:
            check_may_give(self._ledger, envelope.producer, body)
            self._check_no_strategy(envelope.producer, body)
            proposal = self._approvals.park(transaction, envelope, body)
            if not proposal:
                self._do(transaction, envelope, body)
            self._approvals.heed_stops(transaction, before)
        except DomainError as error:
            refused = str(error)
        except ArithmeticError as error:
            if len(transaction.events) > before:  # half done is not refused
                raise
            refused = f"a number in {type(body).__name__} is beyond what the books can hold ({type(error).__name__})"
        transaction.emit(
            ev.CommandTaken(
                producer=envelope.producer,
                incarnation=envelope.incarnation,
                number=envelope.number,
                command=type(body).__name__,
                who=getattr(body, "who", None) or giver(envelope),
                reason=why(body),
                refused=refused,
                proposal=proposal,
            )
        )

    def expire(self, transaction: Transaction) -> None:
        """Time has passed: proposals end that nobody approved."""
        self._approvals.expire(transaction)

    def settle_overrides(self, transaction: Transaction) -> None:
        """Overrides end that are over."""
        self._overrides.settle(transaction)

    def _do(self, transaction: Transaction, envelope: cm.Envelope, body: cm.Command) -> None:
        if isinstance(body, AccountCommand):
            self._accounts.take(transaction, body)
        elif isinstance(body, OverrideCommand):
            self._overrides.take(transaction, body)
        elif isinstance(body, cm.RestartProcess):
            _record(transaction, ev.RestartAsked(process=body.process, who=body.who, reason=body.reason))
        else:
            self._carry_out(transaction, envelope, body)

    def _check_no_strategy(self, producer: str, body: cm.Command) -> None:
        if producer in self._ledger.deployments and not isinstance(body, cm.RunnerHello):
            raise DomainError(f"{producer} is a strategy: it answers, it gives no command")

    def _carry_out(self, transaction: Transaction, envelope: cm.Envelope, body: cm.Command) -> None:
        match body:
            case cm.RunnerHello():
                self._hello(transaction, envelope, body)
            case cm.RunnerStopped():
                _record(
                    transaction,
                    ev.RunnerEnded(
                        strategy=body.strategy, cause=body.cause, detail=body.detail, given_up=body.given_up
                    ),
                )
            case cm.EnableStrategy():
                self._enable(transaction, envelope, body)
            case cm.DisableStrategy():
                self._disable(transaction, body)
            case cm.CancelAll():
                self._cancel_all(transaction, body)
            case cm.SetPeople() | cm.ApproveChange() | cm.RejectChange():
                self._decide(transaction, envelope, body)
            case cm.Kill():
                self._kill_switch.kill(transaction, body)
            case cm.Reopen():
                self._kill_switch.reopen(transaction, envelope, body)
            case cm.AllocateCapital() | cm.MoveCash():
                self._money(transaction, body)
            case cm.RunnerAnswer():
                raise DomainError("an answer is not a command of this desk")
            case cm.SetThrottle() | cm.SetLimits() | cm.DefineInstruments() | cm.RegisterVersion():
                self._configure(transaction, body)

    def _configure(
        self,
        transaction: Transaction,
        body: cm.SetThrottle | cm.SetLimits | cm.DefineInstruments | cm.RegisterVersion,
    ) -> None:
        match body:
            case cm.SetThrottle():
                _check_throttle(body)
                _record(
                    transaction,
                    ev.ThrottleChanged(
                        scope=body.scope, name=body.name, rate=body.rate, who=body.who, reason=body.reason
                    ),
                )
            case cm.SetLimits():
                self._limits(transaction, body)
            case cm.DefineInstruments():
                redefining.check(self._ledger, body)
                find = self._ledger.instruments.find
                _record(
                    transaction,
                    *(
                        ev.InstrumentDefined(instrument=instrument)
                        for instrument in body.instruments
                        if find(instrument.symbol, instrument.effective_from) != instrument
                    ),
                )
            case cm.RegisterVersion():
                self._register(transaction, body)
        self._guard.limits_changed()

    def _hello(self, transaction: Transaction, envelope: cm.Envelope, body: cm.RunnerHello) -> None:
        deployment = self._ledger.deployments.get(body.strategy)
        if envelope.producer != body.strategy:
            raise DomainError(f"{envelope.producer} may not speak for {body.strategy}")
        if deployment is None:
            raise DomainError(f"{body.strategy} has no registered version")
        if deployment.digest != body.digest:
            problem = f"runs {body.digest[:12]}, registered is v{deployment.version} ({deployment.digest[:12]})"
            transaction.emit(ev.RunnerEnded(strategy=body.strategy, cause="hash", detail=problem, given_up=True))
            raise DomainError(f"{body.strategy} {problem}")
        _record(
            transaction,
            ev.RunnerStarted(
                strategy=body.strategy, version=body.version, digest=body.digest, incarnation=envelope.incarnation
            ),
        )

    def _enable(self, transaction: Transaction, envelope: cm.Envelope, body: cm.EnableStrategy) -> None:
        if body.strategy not in self._ledger.deployments:
            raise DomainError(f"{body.strategy} has no registered version; register one first")
        if is_killed(self._ledger, "strategy", body.strategy) or self._lost_too_much(body.strategy):
            check_release(envelope, body.who, body.reason)
        causes = list(self._ledger.states.get(f"strategy:{body.strategy}", {}))
        if EXECUTIONS in causes or self._ledger.executed.get(body.strategy):
            _check_person(body)
            causes = [*(cause for cause in causes if cause != EXECUTIONS), EXECUTIONS]
        for cause in causes:
            if cause == BREAK:  # it ends when books and venue agree, or when a person resolves the break
                continue
            transaction.emit(
                ev.TradingStateChanged(
                    scope="strategy",
                    name=body.strategy,
                    state=TradingState.ACTIVE,
                    cause=cause,
                    who=body.who,
                    reason=body.reason,
                )
            )
        for name in self._sub_accounts(body.strategy):
            if name in self._ledger.flattening and not self._kill_switch.is_stopped(name):
                transaction.emit(ev.FlattenEnded(strategy=name))

    def _lost_too_much(self, strategy: str) -> bool:
        return not {DAILY_LOSS, DRAWDOWN}.isdisjoint(self._ledger.states.get(f"strategy:{strategy}", {}))

    def _disable(self, transaction: Transaction, body: cm.DisableStrategy) -> None:
        if body.strategy not in self._ledger.deployments and body.strategy not in self._ledger.positions:
            known = ", ".join(sorted(self._ledger.deployments)) or "none"
            raise DomainError(f"unknown strategy {body.strategy!r}; known: {known}")
        transaction.emit(
            ev.TradingStateChanged(
                scope="strategy",
                name=body.strategy,
                state=TradingState.HALTED,
                cause=DISABLED,
                who=body.who,
                reason=body.reason,
            )
        )
        for name in self._sub_accounts(body.strategy):
            for symbol in list(self._ledger.waiting_exits.get(name, {})):
                drop_exit(transaction, name, symbol, "disabled")
            self._cancel_orders(transaction, name, spare_protective=not body.flatten, cause=DISABLED)
            if body.flatten:
                transaction.emit(ev.FlattenStarted(strategy=name, who=body.who, reason=body.reason))
                self._proposer.continue_flatten(transaction, name)

    def _sub_accounts(self, strategy: str) -> list[str]:
        """Its own, and those of its versions that run beside it."""
        names = {*self._ledger.deployments, *self._ledger.positions, *self._ledger.working}
        return [strategy, *sorted(name for name in names if name != strategy and is_of(name, strategy))]

    def _cancel_all(self, transaction: Transaction, body: cm.CancelAll) -> None:
        transaction.emit(
            ev.TradingStateChanged(
                scope="book", name="", state=TradingState.HALTED, cause=DOWN, who=body.who, reason=body.reason
            )
        )
        self._cancel_orders(transaction, None, spare_protective=True, cause=DOWN)

    def _cancel_orders(
        self, transaction: Transaction, strategy: str | None, *, spare_protective: bool, cause: str
    ) -> None:
        for order in self._ledger.open_orders(strategy):
            if not (spare_protective and order.order_class is OrderClass.PROTECTIVE):
                self._orders.cancel(transaction, order, cause)

    def _limits(self, transaction: Transaction, body: cm.SetLimits) -> None:
        if body.checksum == self._ledger.limits_checksum:
            return
        if problems := [problem for row in body.rows if (problem := problem_with(row))]:
            raise DomainError("; ".join(problems))
        unasked = not self._ledger.people.rows and body.who.source != START
        if unasked and (looser := loosened(self._ledger.limits, body.rows)):
            raise DomainError("loosening is refused where nobody is named to approve it: " + "; ".join(looser))
        _record(transaction, ev.LimitsChanged(rows=body.rows, checksum=body.checksum, who=body.who, reason=body.reason))
        self._overrides.table_changed(transaction)

    def _decide(
        self,
        transaction: Transaction,
        envelope: cm.Envelope,
        body: cm.SetPeople | cm.ApproveChange | cm.RejectChange,
    ) -> None:
        match body:
            case cm.ApproveChange():
                self._approvals.approve(transaction, envelope, body)
            case cm.RejectChange():
                self._approvals.reject(transaction, body)
            case cm.SetPeople():
                self._people(transaction, body)

    def _people(self, transaction: Transaction, body: cm.SetPeople) -> None:
        people = People(rows=body.rows, four_eyes=body.four_eyes, approval_hours=body.approval_hours)
        if people == self._ledger.people:
            return
        check_table(body)
        if not can_decide(people):
            raise DomainError(
                "nobody could approve anything: give one person role risk, and with four eyes a second one"
            )
        _record(
            transaction,
            ev.PeopleChanged(
                rows=body.rows,
                four_eyes=body.four_eyes,
                who=body.who,
                reason=body.reason,
                approval_hours=body.approval_hours,
            ),
        )

    def _register(self, transaction: Transaction, body: cm.RegisterVersion) -> None:
        if strategy_of(body.strategy) in RESERVED:  # commands and positions of others go under that name
            raise DomainError(f"no strategy may be called {body.strategy}; give it another name")
        current = self._ledger.deployments.get(body.strategy)
        if current is not None and (current.version, current.digest) == (body.version, body.digest):
            return
        _record(
            transaction,
            ev.VersionRegistered(
                strategy=body.strategy,
                version=body.version,
                digest=body.digest,
                path=body.path,
                instruments=body.instruments,
                who=body.who,
            ),
            ev.DeploymentChanged(strategy=body.strategy, version=body.version, digest=body.digest, stage="PAPER"),
        )

    def _money(self, transaction: Transaction, body: cm.AllocateCapital | cm.MoveCash) -> None:
        asset = self._ledger.base_currency if isinstance(body, cm.AllocateCapital) else body.asset
        currency = self._ledger.currencies.get(asset)
        if currency is None:
            known = ", ".join(self._ledger.currencies)
            raise DomainError(f"unknown currency {asset!r}; known: {known}")
        amount = to_quanta(body.amount, currency.quantum, f"amount of {asset}")
        if isinstance(body, cm.MoveCash):
            if body.kind not in ev.CASH_KINDS:
                raise DomainError(
                    f"unknown kind of cash movement {body.kind!r}; known: {', '.join(sorted(ev.CASH_KINDS))}"
                )
            check_known(self._ledger, body.sub_account)
            if body.kind == "transfer":
                raise DomainError("a transfer has two sides: give TransferCash, which names both")
            venue = venue_of(self._ledger, body.venue, self._ledger.venues)
            balance = self._ledger.cash.get(body.sub_account, {}).get(asset, 0) + amount
            if abs(balance) > LARGEST:
                raise DomainError(
                    f"{body.sub_account} would hold {balance} quanta of {asset}; the books keep {LARGEST}"
                )
            _record(
                transaction,
                ev.CashMoved(
                    kind=body.kind,
                    sub_account=body.sub_account,
                    asset=asset,
                    amount=amount,
                    reference=body.reason,
                    time=transaction.time,
                    venue=venue,
                ),
            )
        elif amount < 0:
            raise DomainError(f"capital of {body.strategy} is {body.amount}; give 0 or more")
        elif self._ledger.capital.get(body.strategy) != amount:
            _record(
                transaction,
                ev.CapitalAllocated(strategy=body.strategy, amount=amount, who=body.who, reason=body.reason),
            )


def _record(transaction: Transaction, *events: ev.Event) -> None:
    """Fold events that carry a command's values: all of them are encoded first, so what cannot be changes nothing."""
    for event in events:
        _encoder.encode(event)
    for event in events:
        transaction.emit(event)


def _check_person(body: cm.EnableStrategy) -> None:
    """Control 7: nothing but a named person arms a strategy again."""
    kind, _, name = body.who.identity.partition(":")
    if not name:
        raise DomainError(f"{body.strategy} is armed again by a named person only, not by {kind!r}")


def _check_throttle(body: cm.SetThrottle) -> None:
    if body.scope not in ("venue", "strategy") or not body.name:
        raise DomainError(f"cannot throttle {body.scope} {body.name!r}: name a venue or a strategy")
    if body.rate is not None and (not body.rate.is_finite() or body.rate < 0):
        raise DomainError(f"throttle of {body.scope} {body.name} is {body.rate}; give messages per second, 0 or more")
    if body.rate and not SLOWEST_RATE <= body.rate <= MOST["message_rate"]:
        raise DomainError(
            f"throttle of {body.scope} {body.name} is {body.rate}; "
            f"give 0 or from {SLOWEST_RATE} to {MOST['message_rate']} messages per second"
        )
