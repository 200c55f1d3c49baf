"""Keeps positions protected: the exits of a bracket follow the fills of its entry, a stop that was lost is put again,
one that made way for an exit comes back for what is left; it opens nothing.

All of it is worked out from the ledger whenever an order that belongs to it changed, and once after a start, before
anything else trades. What a venue refuses to hold the engine holds.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import (
    AT_VENUE,
    EXIT,
    IN_ENGINE,
    NO_DOUBT,
    PROTECTIVE,
    Bracket,
    HeldAt,
    Order,
    OrderType,
    Side,
    Status,
    Terms,
    TimeInForce,
)
from toolkit.domain.requests import RejectReason
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.held_orders import closable
from toolkit.engine.order_facts import triggered_in_engine
from toolkit.engine.order_manager import OrderManager
from toolkit.engine.order_terms import stop_type
from toolkit.engine.risk.guard import Guard
from toolkit.engine.risk.proposal import Proposal, Refused
from toolkit.engine.transaction import Transaction
from toolkit.engine.view import View

TRY_AGAIN = NANOSECONDS
ENDED = frozenset({Status.CANCELED, Status.REJECTED})


class Protector:
    """`later` and `_asked` are memory only: after a start everything is looked at.

    `_asked` keeps a change that its venue refuses from being asked for again in the same moment.
    """

    def __init__(self, ledger: Ledger, view: View, guard: Guard, orders: OrderManager) -> None:
        self._ledger = ledger
        self._view = view
        self._guard = guard
        self._orders = orders
        self.later: dict[str, FeedTime] = {}
        self._due = ""
        self._asked: dict[str, tuple[int, FeedTime]] = {}

    def follow(self, transaction: Transaction, order: Order) -> None:
        """An order with terms has changed: bring what protects the position in line with it."""
        terms = order.terms
        if not order.is_open:
            self._asked.pop(order.chain[0], None)
        if terms is None or order.strategy in self._ledger.flattening:
            return
        if terms.bracket is not None:
            self._bracket(transaction, order, has_filled=True)
        elif terms.group:
            entry = self._ledger.orders.get(terms.group)
            if entry is not None:
                self._bracket(transaction, entry, has_filled=False)
        elif order.order_class is PROTECTIVE:
            self._alone(transaction, order)

    def restore(self, transaction: Transaction) -> None:
        """After a start: all that should protect a position and does not is put again, before anything trades."""
        for order in list(self._ledger.orders.values()):
            if order.terms is None or order.strategy in self._ledger.flattening:
                continue
            if order.terms.bracket is not None:
                self._bracket(transaction, order, has_filled=False)
            elif order.order_class is PROTECTIVE and not order.terms.group:
                self._alone(transaction, order)

    def try_again(self, transaction: Transaction) -> None:
        """What could not leave when it should have is tried again, once its time has come."""
        for root, time in list(self.later.items()):
            order = self._ledger.orders.get(root)
            if transaction.time >= time:
                del self.later[root]
                self._due = root
                if order is not None:
                    self.follow(transaction, order)
                self._due = ""

    def after_exit(self, transaction: Transaction, strategy: str, instrument: str) -> None:
        """An order of a position has ended: nothing protects what is not there, and what made way comes back."""
        exposure = self._ledger.exposure.get(strategy, {}).get(instrument)
        nothing_stands = exposure is None or not exposure.exits
        if (nothing_stands and not self._ledger.yielded) or strategy in self._ledger.flattening:
            return
        self._trim(transaction, strategy, instrument)
        if instrument in self._ledger.waiting_exits.get(strategy, {}) or self._leaving(strategy, instrument):
            return
        for root in list(self._ledger.yielded):
            order = self._ledger.orders[root]
            if (order.strategy, order.instrument) == (strategy, instrument) and not order.is_open:
                free = closable(self._ledger, order) - self._covered(order)
                if (lots := min(order.quantity - order.filled, free)) > 0:
                    self._put(transaction, _successor(order), lots, _settled_terms(order))

    def _trim(self, transaction: Transaction, strategy: str, instrument: str) -> None:
        """What stands is for what is held; where there is more of it the newest gives way first."""
        standing = [order for order in self._ledger.open_orders(strategy, instrument) if _stands(order)]
        for kind in (PROTECTIVE, EXIT):
            orders = [order for order in standing if order.order_class is kind]
            beyond = sum(order.remaining for order in orders)
            beyond -= closable(self._ledger, orders[0]) if orders else 0
            for order in reversed(orders):
                cut = min(beyond, order.remaining)
                if cut > 0:
                    self._resize(transaction, order, order.remaining - cut)
                    beyond -= cut

    def _covered(self, order: Order) -> int:
        """Lots for which other orders of its kind stand already."""
        return sum(
            other.remaining
            for other in self._ledger.open_orders(order.strategy, order.instrument)
            if other.order_class is order.order_class and _stands(other) and other.chain[0] != order.chain[0]
        )

    def _leaving(self, strategy: str, instrument: str) -> bool:
        return any(
            order.order_class is EXIT and (order.terms is None or not order.terms.group)
            for order in self._ledger.open_orders(strategy, instrument)
        )

    # ---- brackets

    def _bracket(self, transaction: Transaction, entry: Order, *, has_filled: bool) -> None:
        """Stop and target of a bracket are each for what its entry filled and they have not closed yet."""
        bracket = entry.terms.bracket if entry.terms else None
        if bracket is None or not entry.filled:
            return
        root, orders = entry.chain[0], self._ledger.orders
        legs = [orders[leg] for leg in self._ledger.brackets.get(root, ()) if leg in orders]
        rest = entry.filled - sum(leg.filled for leg in legs)
        stops = [leg for leg in legs if leg.order_class is PROTECTIVE]
        targets = [leg for leg in legs if leg.order_class is not PROTECTIVE]
        self._leg(transaction, stops, _stop_order(entry, bracket), rest, has_filled)
        if bracket.target is not None:
            self._leg(transaction, targets, _target_order(entry, bracket), rest, has_filled)

    def _leg(self, transaction: Transaction, legs: Sequence[Order], wanted: Order, rest: int, has_filled: bool) -> None:
        latest = legs[-1] if legs else None
        free = closable(self._ledger, wanted) - self._covered(latest or wanted)
        rest = min(rest, free)
        if latest is None or latest.status is Status.FILLED:  # what the entry fills after its stop needs a new one
            if rest > 0:
                self._put(transaction, wanted, rest, wanted.terms or Terms())
        elif latest.is_open and latest.triggered:  # on its way for what it was: the rest gets one of its own
            if rest > latest.remaining:
                self._put(transaction, wanted, rest - latest.remaining, wanted.terms or Terms())
        elif latest.is_open:
            self._resize(transaction, latest, rest)
        elif rest > 0 and latest.chain[0] not in self._ledger.yielded:
            if latest.withdrawn and has_filled and not self._leaving(latest.strategy, latest.instrument):
                self._put(transaction, _successor(latest), rest, _settled_terms(latest))
            elif not latest.withdrawn:
                self._again(transaction, latest, rest)

    def _resize(self, transaction: Transaction, leg: Order, rest: int) -> None:
        if leg.status not in (Status.NEW, Status.PARTIALLY_FILLED) or leg.doubt is not NO_DOUBT:
            return  # the next news of it leads here again
        if rest <= 0:
            if leg.in_engine or leg.remaining:  # one without a rest is ended by its venue
                self._orders.cancel(transaction, leg, "nothing is left for it to close")
            return
        change = (leg.filled + rest, transaction.time)
        if leg.triggered or leg.quantity == leg.filled + rest or self._asked.get(leg.chain[0]) == change:
            return
        self._asked[leg.chain[0]] = change
        proposal = self._proposal(leg, leg.filled + rest, leg.terms or Terms())
        proposal = msgspec.structs.replace(proposal, replaces=leg.chain[0], already_filled=leg.filled)
        answer, _, _ = self._guard.examine(proposal, transaction.now.mono)
        if isinstance(answer, Refused):
            self._unprotected(transaction, leg, f"control {answer.control}: {answer.observed}, limit {answer.limit}")
        else:
            self._orders.replace(transaction, answer, leg)

    # ---- what was lost

    def _alone(self, transaction: Transaction, order: Order) -> None:
        newest = self._ledger.order_of_intent(order.strategy, order.intent_id)
        if order.is_open or order.withdrawn or newest is None or newest.chain[0] != order.chain[0]:
            return
        rest = min(order.quantity - order.filled, closable(self._ledger, order))
        if rest > 0:
            self._again(transaction, order, rest)

    def _again(self, transaction: Transaction, order: Order, rest: int) -> None:
        """Put an order again that ended at its venue without us asking for it.

        What the venue lost it gets again; what it refused, or ended in the moment it came, the engine holds. The rest
        of a stop that was triggered goes out with the next prices.
        """
        is_cut_short = order.triggered and order.status is Status.EXPIRED  # its venue lets no rest of it stand
        if order.status not in ENDED and not is_cut_short:
            return
        if order.reason.startswith(RejectReason.NOT_SENT.value) and order.chain[0] != self._due:
            self.later[order.chain[0]] = transaction.time + TRY_AGAIN
            return
        is_lost = order.status is Status.CANCELED and transaction.time > order.created
        if order.order_class is not PROTECTIVE:
            if is_lost:
                self._put(transaction, _successor(order), rest, order.terms or Terms())
            return
        held_at = AT_VENUE if is_lost and not order.triggered else IN_ENGINE
        if not order.triggered:
            where = "put there again" if held_at is AT_VENUE else "held in the engine from now on"
            why = f"{order.status.value} at {order.venue} without being asked: {order.reason}; {where}"
            transaction.alarm("protection_lost", order.order_id, why)
        again = self._put(transaction, _successor(order), rest, _settled_terms(order, held_at))
        if again is not None and order.triggered:
            transaction.emit(triggered_in_engine(transaction, again, _stop_of(order), self._view.step))

    # ---- placing

    def _put(self, transaction: Transaction, like: Order, lots: int, terms: Terms) -> Order | None:
        proposal = self._proposal(like, lots, terms)
        answer, seen, checks = self._guard.examine(proposal, transaction.now.mono)
        if isinstance(answer, Refused):
            self._orders.deny(transaction, proposal, answer, seen, checks)
            self._unprotected(transaction, like, f"control {answer.control}: {answer.observed}, limit {answer.limit}")
            return None
        return self._orders.submit(transaction, answer)

    def _proposal(self, like: Order, quantity: int, terms: Terms) -> Proposal:
        return Proposal(
            strategy=like.strategy,
            version=like.version,
            intent_id=like.intent_id,
            instrument=self._ledger.instruments.require(like.instrument, self._view.time),
            venue=like.venue,
            side=like.side,
            quantity=quantity,
            order_type=like.order_type,
            price=like.price,
            time_in_force=like.time_in_force,
            post_only=False,
            reduce_only=False,
            order_class=like.order_class,
            reason=like.reason,
            terms=terms,
            protects=like.order_class is PROTECTIVE,
        )

    def _unprotected(self, transaction: Transaction, order: Order, why: str) -> None:
        if order.order_class is PROTECTIVE:
            transaction.alarm("unprotected", f"{order.strategy} {order.instrument}", why)


def _successor(order: Order) -> Order:
    """What takes its place, with the same intent: its strategy goes on to know it by that."""
    return msgspec.structs.replace(order, reason=f"in the place of {order.order_id}")


def _stands(order: Order) -> bool:
    """Whether it is there to protect a position, and not on its way to close it."""
    return order.order_class is PROTECTIVE or (
        order.order_class is EXIT and order.terms is not None and bool(order.terms.group)
    )


def _stop_of(order: Order) -> int:
    return (order.terms or Terms()).stop or 0


def _settled_terms(order: Order, held_at: HeldAt | None = None) -> Terms:
    """The terms of an order that takes the place of this one."""
    terms = order.terms or Terms()
    return terms if held_at is None else msgspec.structs.replace(terms, held_at=held_at)


def _stop_order(entry: Order, bracket: Bracket) -> Order:
    """The stop as it will look; quantity and ids come when it is placed."""
    terms = Terms(
        stop=bracket.stop,
        offset=bracket.offset,
        trigger=bracket.trigger,
        held_at=bracket.held_at,
        group=entry.chain[0],
    )
    return _leg_of(entry, "stop", stop_type(bracket), bracket.limit, terms)


def _target_order(entry: Order, bracket: Bracket) -> Order:
    return _leg_of(entry, "target", OrderType.LIMIT, bracket.target, Terms(group=entry.chain[0]))


def _leg_of(entry: Order, name: str, order_type: OrderType, price: int | None, terms: Terms) -> Order:
    return msgspec.structs.replace(
        entry,
        intent_id=f"{entry.intent_id}.{name}",
        side=Side(-entry.side),
        order_type=order_type,
        order_class=PROTECTIVE if name == "stop" else EXIT,
        time_in_force=TimeInForce.GTC,
        price=price,
        terms=terms,
        reason=f"{name} of {entry.order_id}",
    )
