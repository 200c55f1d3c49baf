"""A person's flatten that left without an engine, on its way into the books; it sends nothing."""

from __future__ import annotations

from typing import NamedTuple

from toolkit.domain import events as ev
from toolkit.domain.commands import Who
from toolkit.domain.ledger import HOUSE
from toolkit.domain.order_events import Seen
from toolkit.domain.requests import SubmitOrder, VenueOrder
from toolkit.domain.time import WallTime
from toolkit.engine.order_manager import OrderManager
from toolkit.engine.transaction import Transaction

UNSEEN = Seen(step=0, quote_step=0, bid=0, ask=0, age=0)


class LeftFlatten(NamedTuple):
    """An order that closed a position straight at its venue: when, for whom, why."""

    order: SubmitOrder
    wall: WallTime
    who: Who
    reason: str


def book(transaction: Transaction, left: LeftFlatten, orders: OrderManager) -> None:
    """Make its order known, in doubt until the venue is asked; what an engine heard of it before goes to its owner."""
    ledger, order = transaction.ledger, left.order
    if ledger.order(order.order_id) is not None:
        return
    if order.order_id in ledger.strangers:
        _hand_over(transaction, left)
        return
    deployment = ledger.deployments.get(order.strategy)
    transaction.emit(
        ev.OrderSubmitted(
            order_id=order.order_id,
            strategy=order.strategy,
            version=f"v{deployment.version}" if deployment else "",
            intent_id=f"flatten.{order.order_id}",
            instrument=order.instrument,
            venue=order.venue,
            side=order.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            order_class=order.order_class,
            quantity=order.quantity,
            price=order.price,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            reason=f"flatten without an engine by {left.who.identity}: {left.reason}",
            seen=UNSEEN,
            checks=(),
            time=transaction.time,
            wall=left.wall,
        )
    )
    orders.doubt_all_pending(transaction, "left through the lifeboat")


def _hand_over(transaction: Transaction, left: LeftFlatten) -> None:
    """An engine that ran on heard of its trades without knowing it, and gave them to `house`; then it is known."""
    ledger, order = transaction.ledger, left.order
    instrument, fills = ledger.instruments.require(order.instrument), ledger.fills.get(order.order_id, [])
    reason = f"flatten without an engine: {left.reason}"
    for fill in list(fills):
        lots = order.side * fill.quantity
        event = ev.PositionTransferred(
            source=HOUSE,
            target=order.strategy,
            instrument=order.instrument,
            lots=lots,
            twice=2 * fill.price,
            worth=instrument.value(fill.price, lots),
            who=left.who,
            reason=reason,
            time=transaction.time,
        )
        transaction.emit_change(event, ((HOUSE, order.instrument), (order.strategy, order.instrument)), reason)
    filled = sum(fill.quantity for fill in fills)
    transaction.emit(
        ev.OrderAdopted(
            order_id=order.order_id,
            venue=order.venue,
            sub_account=order.strategy,
            listed=VenueOrder(
                order_id=order.order_id,
                venue_order_id="",
                instrument=order.instrument,
                side=order.side,
                quantity=filled,
                filled=filled,
                price=None,
                order_class=order.order_class,
            ),
            who=left.who,
            reason=reason,
            time=transaction.time,
            wall=transaction.now.wall,
        )
    )
