"""What a named person says of breaks and doubts; the venue may contradict it later, and nothing is traded for it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.breaks import ADOPTABLE, OF_ORDERS, BreakKind, break_key
from toolkit.domain.errors import DomainError
from toolkit.domain.ledger import Ledger
from toolkit.domain.order_tables import Fact
from toolkit.domain.orders import NO_DOUBT, Order
from toolkit.engine.account_checks import check_cash, check_known, check_worth, twice_of, worth_of
from toolkit.engine.order_manager import OrderManager
from toolkit.engine.reconciliation import Reconciler
from toolkit.engine.transaction import Transaction

OUTCOMES = {"working": Fact.FOUND_WORKING, "gone": Fact.PROVEN_ABSENT}
"""What a person can say of an order in doubt."""

BreakCommand = cm.AdoptBreak | cm.ResolveBreak | cm.ResolveDoubt

_encoder = msgspec.msgpack.Encoder()


class BreakDesk:
    """One method per command. A DomainError refuses the command; nothing has changed then."""

    def __init__(
        self,
        ledger: Ledger,
        orders: OrderManager,
        reconciler: Reconciler,
        follow_up: Callable[[Transaction, Order | None], None],
    ) -> None:
        self._ledger = ledger
        self._orders = orders
        self._reconciler = reconciler
        self._follow_up = follow_up

    def take(self, transaction: Transaction, body: BreakCommand) -> None:
        """Carry a command out."""
        match body:
            case cm.AdoptBreak():
                self._adopt(transaction, body)
            case cm.ResolveBreak():
                self._resolve_break(transaction, body)
            case cm.ResolveDoubt():
                self._resolve_doubt(transaction, body)

    def _adopt(self, transaction: Transaction, body: cm.AdoptBreak) -> None:
        check_known(self._ledger, body.sub_account)
        found = self._break(body.venue, body.kind, body.subject)
        if found.kind not in ADOPTABLE:
            raise DomainError(
                f"a {found.kind} of {found.subject} has an owner; wait for the venue's word, or resolve it"
            )
        if found.kind in OF_ORDERS:
            self._adopt_order(transaction, body, found)
        elif found.kind == BreakKind.POSITION:
            self._adopt_position(transaction, body, found)
        else:
            self._adopt_cash(transaction, body, found)
        outcome = f"adopted into {body.sub_account}"
        self._reconciler.resolved_by_person(transaction, found, outcome, body.who, body.reason)

    def _adopt_order(self, transaction: Transaction, body: cm.AdoptBreak, found: ev.BreakConfirmed) -> None:
        listed = found.listed
        if listed is None or self._ledger.order(found.subject) is not None:
            raise DomainError(
                f"{found.subject} cannot be adopted: the venue's account of it is missing, or it is known"
            )
        self._ledger.instruments.require(listed.instrument)
        known = sum(fill.quantity for fill in self._ledger.fills.get(found.subject, ()))
        listed = msgspec.structs.replace(listed, filled=listed.filled + known - found.ours)  # it went on since the look
        transaction.emit(
            ev.OrderAdopted(
                order_id=found.subject,
                venue=found.venue,
                sub_account=body.sub_account,
                listed=listed,
                who=body.who,
                reason=body.reason,
                time=transaction.time,
                wall=transaction.now.wall,
            )
        )

    def _adopt_position(self, transaction: Transaction, body: cm.AdoptBreak, found: ev.BreakConfirmed) -> None:
        instrument = self._ledger.instruments.require(found.subject)
        lots = found.theirs - found.ours
        twice = twice_of(self._ledger, instrument, body.price)
        check_worth(
            self._ledger, instrument, self._ledger.position(body.sub_account, instrument.symbol).lots + lots, twice
        )
        worth = worth_of(instrument, lots, twice)
        check_cash(self._ledger, (body.sub_account, -worth), asset=instrument.currency)
        event = ev.PositionAdjusted(
            sub_account=body.sub_account,
            venue=found.venue,
            instrument=instrument.symbol,
            lots=lots,
            twice=twice,
            worth=worth,
            who=body.who,
            reason=body.reason,
            time=transaction.time,
        )
        _encoder.encode(event)
        transaction.emit_change(event, ((body.sub_account, instrument.symbol),), body.reason)

    def _adopt_cash(self, transaction: Transaction, body: cm.AdoptBreak, found: ev.BreakConfirmed) -> None:
        amount = found.theirs - found.ours
        check_cash(self._ledger, (body.sub_account, amount), asset=found.subject)
        transaction.emit(
            ev.CashMoved(
                kind="adjustment",
                sub_account=body.sub_account,
                asset=found.subject,
                amount=amount,
                reference=body.reason,
                time=transaction.time,
                venue=found.venue,
            )
        )

    def _resolve_break(self, transaction: Transaction, body: cm.ResolveBreak) -> None:
        found = self._break(body.venue, body.kind, body.subject)
        if not body.outcome.strip():
            raise DomainError("say what it was: the outcome is empty")
        self._reconciler.resolved_by_person(transaction, found, body.outcome, body.who, body.reason)

    def _resolve_doubt(self, transaction: Transaction, body: cm.ResolveDoubt) -> None:
        order, fact = self._ledger.order(body.order_id), OUTCOMES.get(body.outcome)
        if fact is None:
            raise DomainError(f"{body.outcome!r} is no outcome; say {' or '.join(OUTCOMES)}")
        if order is None or order.doubt is NO_DOUBT:
            known = ", ".join(sorted(self._ledger.doubtful)) or "none"
            raise DomainError(f"{body.order_id} is not in doubt; in doubt: {known}")
        self._orders.resolved_by_person(transaction, order, fact, body.who, body.reason)
        self._follow_up(transaction, self._ledger.order(body.order_id))

    def _break(self, venue: str, kind: str, subject: str) -> ev.BreakConfirmed:
        found = self._ledger.breaks.get(break_key(venue, kind, subject))
        if found is None:
            known = ", ".join(self._ledger.breaks) or "none"
            raise DomainError(f"no break {break_key(venue, kind, subject)}; there are: {known}")
        return found
