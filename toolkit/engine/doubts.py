"""What is told of orders in doubt: how long they are, and what a doubt leaves undone; it asks and ends nothing."""

from __future__ import annotations

from toolkit.domain.order_tables import Fact
from toolkit.domain.orders import PROTECTIVE, Order
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.transaction import Transaction

LINE_LOST = "line lost"
"""Why everything that is unanswered at a venue is in doubt once the line to it is cut."""

THRESHOLDS = tuple(seconds * NANOSECONDS for seconds in (30, 300, 1800, 7200))


class DoubtAges:
    """Which thresholds each doubt has passed. After a start the highest one is told again: the doubt still stands."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def look(self, transaction: Transaction) -> None:
        """Alarm for every doubt that has passed another threshold."""
        ledger, wall = transaction.ledger, transaction.now.wall
        self._told = {root: passed for root, passed in self._told.items() if root in ledger.doubted}
        for root, since in list(ledger.doubted.items()):
            age = wall - since
            passed = sum(age >= threshold for threshold in THRESHOLDS)
            if passed <= self._told.get(root, 0):
                continue
            self._told[root] = passed
            order = ledger.orders[root]
            what = f"{order.side.name} {order.remaining} lots of {order.instrument} of {order.strategy} may still trade"
            mend = f"`execution reconcile resolve {order.order_id}` when you know better than the venue"
            detail = f"UNKNOWN for {age // NANOSECONDS} s at {order.venue}: {what}; {mend}"
            transaction.alarm("old_doubt", order.order_id, detail)


def tell_dropped(transaction: Transaction, order: Order, fact: Fact) -> None:
    """What was to go out in an order's place does not: that it is gone is no word of what it filled."""
    if fact is Fact.PROVEN_ABSENT and order.chain[0] in transaction.ledger.changes:
        why = f"{order.strategy} {order.instrument}: it is gone and no cancel was confirmed, so its change is not sent"
        transaction.alarm("change_dropped", order.order_id, why)
        if order.order_class is PROTECTIVE:
            transaction.alarm("unprotected", f"{order.strategy} {order.instrument}", "a stop that was moved is gone")
