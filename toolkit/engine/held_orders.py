"""The stops that the engine holds because their venue cannot, and the ends in time that it watches; it opens nothing.

A stop is journaled before it is in force, trails by journaled moves, and once it has seen its price it first makes its
rivals go, then sends a market or limit order for what is certainly left: two exits of one position never both fill.
"""

from __future__ import annotations

from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Quote, SessionClosed, Step
from toolkit.domain.orders import ENTRY, NO_DOUBT, PROTECTIVE, Order, Status, Terms, TimeInForce
from toolkit.domain.stops import is_through, prices_seen, trailed, watched
from toolkit.engine.order_facts import expired_in_engine, triggered_in_engine
from toolkit.engine.order_manager import OrderManager
from toolkit.engine.risk.guard import Guard
from toolkit.engine.risk.proposal import Proposal, Refused
from toolkit.engine.transaction import Transaction
from toolkit.engine.view import View


class HeldOrders:
    """Watches what the ledger lists as held in the engine or as timed; called only while there is any."""

    def __init__(self, ledger: Ledger, view: View, guard: Guard, orders: OrderManager) -> None:
        self._ledger = ledger
        self._view = view
        self._guard = guard
        self._orders = orders

    def look(self, transaction: Transaction, step: Step) -> None:
        """What a step means for them: ends first, then moves and triggers, then what is free to go out."""
        self._end_timed(transaction)
        closed = {event.calendar for event in step.events if isinstance(event, SessionClosed)}
        for root in list(self._ledger.in_engine):
            order = self._ledger.orders[root]
            if order.time_in_force is TimeInForce.DAY and self._calendar(order) in closed:
                transaction.emit(expired_in_engine(transaction, order, "end of session"))
            elif not order.triggered and self._trades(order):
                self._watch(transaction, order, step)
        self.release(transaction)

    def release(self, transaction: Transaction) -> None:
        """Send what was triggered, as soon as nothing else may close the same position."""
        for root in list(self._ledger.in_engine):
            order = self._ledger.orders[root]
            if not order.is_open:  # one before it was triggered as well and has just made it go
                continue
            if order.doubt is not NO_DOUBT:  # somebody canceled it without a journal; the venue is being asked
                continue
            if order.triggered and order.step < self._view.step and self._trades(order):
                if order.order_class is ENTRY:
                    self._enter(transaction, order)
                else:
                    self._exit(transaction, order)

    # ---- watching

    def _end_timed(self, transaction: Transaction) -> None:
        for root in list(self._ledger.timed):
            order = self._ledger.orders[root]
            terms = order.terms
            if terms is None or terms.expires is None or terms.expires > self._view.time:
                continue
            if order.in_engine:
                transaction.emit(expired_in_engine(transaction, order, "good till now"))
            elif (terms.watched or order.triggered) and order.status is not Status.PENDING_CANCEL:
                self._orders.cancel(transaction, order, "good till now")

    def _watch(self, transaction: Transaction, order: Order, step: Step) -> None:
        terms = order.terms or Terms()
        trigger, stop = watched(order.side, terms.trigger), terms.stop or 0
        for event in step.events:
            if getattr(event, "instrument", "") != order.instrument:
                continue
            if type(event) is Quote and not 0 < event.bid < event.ask:  # a bad quote is no price
                continue
            for price in prices_seen(event, trigger):
                if terms.offset is not None:
                    moved = trailed(order.side, stop, terms.offset, price)
                    if moved != stop:
                        stop = moved
                        self._follow(transaction, order, price, stop)
                if is_through(order.side, stop, price):
                    transaction.emit(triggered_in_engine(transaction, order, price, self._view.step))
                    return

    def _follow(self, transaction: Transaction, order: Order, price: int, stop: int) -> None:
        transaction.emit(
            ev.TrailMoved(order_id=order.order_id, price=price, stop=stop, step=self._view.step, time=transaction.time)
        )

    # ---- going out

    def _enter(self, transaction: Transaction, order: Order) -> None:
        """An entry is examined once more: limits, states and prices of now decide."""
        proposal = Proposal(
            strategy=order.strategy,
            version=order.version,
            intent_id=order.intent_id,
            instrument=self._ledger.instruments.require(order.instrument, self._view.time),
            venue=order.venue,
            side=order.side,
            quantity=order.quantity,
            order_type=order.order_type,
            price=order.price,
            time_in_force=order.time_in_force,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            order_class=order.order_class,
            reason=order.reason,
            replaces=order.chain[0],
            already_filled=order.filled,
            terms=order.terms,
        )
        answer, _, _ = self._guard.examine(proposal, transaction.now.mono)
        if isinstance(answer, Refused):
            cause = f"triggered, but control {answer.control}: {answer.observed}, limit {answer.limit}"
            self._orders.cancel(transaction, order, cause)
        else:
            self._orders.make_way(transaction, answer.cancels, order.strategy)
            self._orders.release(transaction, order, order.quantity, answer.cap)

    def _exit(self, transaction: Transaction, order: Order) -> None:
        lots = closable(self._ledger, order)
        if lots <= 0:
            self._orders.cancel(transaction, order, "nothing is left to protect")
            return
        if rivals := self._rivals(order, lots):
            for rival in rivals:
                if rival.status is not Status.PENDING_CANCEL and rival.doubt is NO_DOUBT:
                    comes_back = rival.order_class is PROTECTIVE and not _group(rival)
                    self._orders.cancel(transaction, rival, f"stop {order.order_id} was triggered", yields=comes_back)
            rivals = self._rivals(order, lots)
        if not rivals:
            cancels, cap = self._guard.cleared_for(order)
            self._orders.make_way(transaction, cancels, order.strategy)
            self._orders.release(transaction, order, order.filled + min(order.quantity - order.filled, lots), cap)

    def _rivals(self, order: Order, lots: int) -> list[Order]:
        """What closes the same lots: the rest of its bracket, and exits that find no room beside it in `lots`."""
        group = _group(order)
        others = [
            other
            for other in self._ledger.open_orders(order.strategy, order.instrument)
            if other.order_class is not ENTRY and other.chain[0] != order.chain[0]
        ]
        own = [other for other in others if group and _group(other) == group]
        free = [other for other in others if not _group(other)]
        fits = order.remaining + sum(other.remaining for other in free) <= lots
        return own if fits else own + free

    def _trades(self, order: Order) -> bool:
        return order.instrument not in self._view.halted and self._view.sessions.get(self._calendar(order)) is not None

    def _calendar(self, order: Order) -> str:
        return self._ledger.instruments.require(order.instrument, self._view.time).calendar


def _group(order: Order) -> str:
    return "" if order.terms is None else order.terms.group


def closable(ledger: Ledger, order: Order) -> int:
    """Lots of the strategy's position that an order on this side closes."""
    return max(0, -order.side * ledger.position(order.strategy, order.instrument).lots)
