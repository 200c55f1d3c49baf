"""Changes at venues that change no orders: once the cancel is confirmed, the rest of the order goes out anew.

Never before: until then the old order may fill, and both together could do more than was asked for. What filled
meanwhile is not asked for again, and of an exit no more than what is left to close. The new order keeps the intent, by
which its strategy knows it, and is examined like any other; the cancel's record in the books survives a crash between.
"""

from __future__ import annotations

import msgspec

from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import ENTRY, NO_DOUBT, PROTECTIVE, Change, Order, Status, Terms
from toolkit.engine.held_orders import closable
from toolkit.engine.order_manager import OrderManager
from toolkit.engine.risk.guard import Guard
from toolkit.engine.risk.proposal import Proposal, Refused
from toolkit.engine.transaction import Transaction
from toolkit.engine.view import View


class Changes:
    """What waits for the end of the order that it changes."""

    def __init__(self, ledger: Ledger, view: View, guard: Guard, orders: OrderManager) -> None:
        self._ledger = ledger
        self._view = view
        self._guard = guard
        self._orders = orders

    def release(self, transaction: Transaction, order: Order) -> None:
        """An order has ended: if it was cancelled to be changed, its rest goes out as it was to become."""
        change = self._ledger.changes.get(order.chain[0])
        if change is None or order.status is not Status.CANCELED or order.doubt is not NO_DOUBT:
            return
        proposal = self._proposal(order, change)
        answer, seen, checks = self._guard.examine(proposal, transaction.now.mono)
        if not isinstance(answer, Refused):
            self._orders.submit(transaction, answer)
            return
        self._orders.deny(transaction, proposal, answer, seen, checks)
        if order.order_class is PROTECTIVE and proposal.quantity:
            why = f"control {answer.control}: {answer.observed}, limit {answer.limit}"
            transaction.alarm("unprotected", f"{order.strategy} {order.instrument}", why)

    def _proposal(self, order: Order, change: Change) -> Proposal:
        return Proposal(
            strategy=order.strategy,
            version=order.version,
            intent_id=order.intent_id,
            instrument=self._ledger.instruments.require(order.instrument, self._view.time),
            venue=order.venue,
            side=order.side,
            quantity=self._rest(order, change.quantity - order.filled),
            order_type=order.order_type,
            price=order.price if change.price is None else change.price,
            time_in_force=order.time_in_force,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            order_class=order.order_class,
            reason=f"in the place of {order.order_id}",
            replaces=order.chain[0],
            terms=_moved(order.terms, change.stop),
            protects=order.order_class is PROTECTIVE,
        )

    def _rest(self, order: Order, wanted: int) -> int:
        """What is certain to be left: an exit finds no more to close than what others of its kind leave."""
        if order.order_class is ENTRY:
            return max(0, wanted)
        others = sum(
            other.remaining
            for other in self._ledger.open_orders(order.strategy, order.instrument)
            if other.order_class is order.order_class and other.side is order.side
        )
        return max(0, min(wanted, closable(self._ledger, order) - others))


def _moved(terms: Terms | None, stop: int | None) -> Terms | None:
    return terms if terms is None or stop is None else msgspec.structs.replace(terms, stop=stop)
