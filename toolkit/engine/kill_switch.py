"""The kill switch inside of the engine: what a kill halts and cancels, and who may let go; no latch is set here.

A kill is a cause of its own beside `disable` and `down`: no start, no file and no deployment lifts it.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.domain import events as ev
from toolkit.domain.commands import Envelope, Kill, KillMode, Reopen, Who
from toolkit.domain.errors import DomainError
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import ENTRY, Order, TradingState
from toolkit.domain.people import OPERATOR, PEOPLE
from toolkit.domain.positions import venues_of
from toolkit.domain.standing import DAILY_LOSS, DRAWDOWN
from toolkit.domain.sub_accounts import is_of
from toolkit.engine.order_manager import OrderManager
from toolkit.engine.proposing import Proposer, drop_exit
from toolkit.engine.risk.portfolio_breach import EXPOSURE
from toolkit.engine.transaction import Transaction

KILL = "kill"
REOPENED = frozenset({KILL, EXPOSURE, DAILY_LOSS, DRAWDOWN})
"""Causes of a state of the book or a venue that a person's `Reopen` ends."""

BOOK, VENUE, STRATEGY = "book", "venue", "strategy"
PERSONS = frozenset({OPERATOR, PEOPLE})
"""Producers of what people say; a supervisor, for files and restarts, and a strategy have others."""


class KillSwitch:
    """Carries out `Kill` and `Reopen`. A DomainError refuses, with its reason in the journal."""

    def __init__(self, ledger: Ledger, orders: OrderManager, proposer: Proposer) -> None:
        self._ledger = ledger
        self._orders = orders
        self._proposer = proposer

    def kill(self, transaction: Transaction, body: Kill) -> None:
        """Halt first, then give up what waits, then cancel; what flattens goes last."""
        self._check(body)
        _set_state(transaction, body.scope, body.name, TradingState.HALTED, body.who, body.reason)
        for strategy, symbol in self._waiting(body):
            drop_exit(transaction, strategy, symbol, "killed")
        for order in self._ledger.open_orders():
            if self._concerns(body, order) and (body.mode is not KillMode.HALT_ENTRIES or order.order_class is ENTRY):
                self._orders.cancel(transaction, order, KILL)
        if body.mode is KillMode.FLATTEN:
            self._flatten(transaction, body)

    def reopen(self, transaction: Transaction, envelope: Envelope, body: Reopen) -> None:
        """Lift a kill of the book or of a venue, and what a control of the whole book set; a flatten that a kill began
        ends."""
        if body.scope not in (BOOK, VENUE):
            raise DomainError(f"cannot reopen {body.scope} {body.name!r}: a strategy is enabled")
        causes = self._ledger.states.get(f"{body.scope}:{body.name}", {})
        lifted = [cause for cause in causes if cause in REOPENED]
        if not lifted:
            return
        check_release(envelope, body.who, body.reason)
        for cause in lifted:
            transaction.emit(
                ev.TradingStateChanged(
                    scope=body.scope, name=body.name, state=TradingState.ACTIVE, cause=cause, who=body.who,
                    reason=body.reason,
                )
            )  # fmt: skip
        for strategy in list(self._ledger.flattening):
            if not self.is_stopped(strategy):
                transaction.emit(ev.FlattenEnded(strategy=strategy))

    def _check(self, body: Kill) -> None:
        known: set[str] = {""}
        if body.scope == STRATEGY:
            known = {*self._ledger.deployments, *self._ledger.positions, *self._ledger.working}
        elif body.scope == VENUE:
            known = set(self._ledger.venues)
        elif body.scope != BOOK:
            raise DomainError(f"cannot kill {body.scope!r}: name a strategy, a venue or the book")
        if body.name not in known:
            raise DomainError(f"unknown {body.scope} {body.name!r}; known: {', '.join(sorted(known)) or 'none'}")
        if body.scope == VENUE and body.mode is KillMode.FLATTEN:
            for strategy in self._holders(body):
                if elsewhere := self._held_elsewhere(strategy, body.name):
                    raise DomainError(f"{strategy} also holds {elsewhere} elsewhere: flatten it by --strategy")

    def _flatten(self, transaction: Transaction, body: Kill) -> None:
        """Each strategy that holds or works something in the scope closes what it holds."""
        for strategy in self._holders(body):
            transaction.emit(
                ev.FlattenStarted(
                    strategy=strategy, who=body.who, reason=body.reason, accept_unknown=body.accept_unknown
                )
            )
            self._proposer.continue_flatten(transaction, strategy)

    def _holders(self, body: Kill) -> list[str]:
        names = {name for name, held in self._ledger.positions.items() if any(each.lots for each in held.values())}
        names |= {order.strategy for order in self._ledger.open_orders()}
        if body.scope == STRATEGY:
            return sorted(name for name in names if is_of(name, body.name))
        if body.scope == VENUE:
            names = {name for name in names if self._is_at(name, body.name)}
        return sorted(names)

    def _is_at(self, strategy: str, venue: str) -> bool:
        holds = any(venue in self._venues_of(strategy, symbol) for symbol in self._held(strategy))
        return holds or any(order.venue == venue for order in self._ledger.open_orders(strategy))

    def _held_elsewhere(self, strategy: str, venue: str) -> str:
        return ", ".join(
            symbol for symbol in self._held(strategy) if self._venues_of(strategy, symbol).keys() - {venue}
        )

    def _held(self, strategy: str) -> list[str]:
        return [symbol for symbol, held in self._ledger.positions.get(strategy, {}).items() if held.lots]

    def _venues_of(self, strategy: str, symbol: str) -> dict[str, int]:
        held = self._ledger.position(strategy, symbol).lots
        return venues_of(self._ledger.elsewhere, strategy, symbol, held, self._venue_of(symbol))

    def _venue_of(self, symbol: str) -> str:
        return self._ledger.instruments.require(symbol).venue

    def _waiting(self, body: Kill) -> Iterator[tuple[str, str]]:
        """Exits that wait for room and now will not leave."""
        for strategy, waiting in list(self._ledger.waiting_exits.items()):
            for symbol in list(waiting):
                if (
                    body.scope == BOOK
                    or (body.scope == STRATEGY and is_of(strategy, body.name))
                    or (body.scope == VENUE and self._venue_of(symbol) == body.name)
                ):
                    yield strategy, symbol

    def _concerns(self, body: Kill, order: Order) -> bool:
        if body.scope == STRATEGY:
            return is_of(order.strategy, body.name)
        return body.scope != VENUE or order.venue == body.name

    def is_stopped(self, strategy: str) -> bool:
        """Whether something else still halts this strategy."""
        held = self._held(strategy)
        venues = {venue for symbol in held for venue in self._venues_of(strategy, symbol)} or set(self._ledger.venues)
        return any(self._ledger.trading_state(strategy, venue)[0] is TradingState.HALTED for venue in venues)


def check_release(envelope: Envelope, who: Who, reason: str) -> None:
    """DomainError unless a named person says why."""
    if envelope.producer not in PERSONS or not who.identity:
        raise DomainError("a kill is let go of by a named person only")
    if not reason.strip():
        raise DomainError("a kill is let go of with a reason: say --reason")


def is_killed(ledger: Ledger, scope: str, name: str) -> bool:
    """Whether a kill of this very scope is in force."""
    return KILL in ledger.states.get(f"{scope}:{name}", {})


def _set_state(transaction: Transaction, scope: str, name: str, state: TradingState, who: Who, reason: str) -> None:
    transaction.emit(ev.TradingStateChanged(scope=scope, name=name, state=state, cause=KILL, who=who, reason=reason))
