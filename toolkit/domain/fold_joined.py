"""The fold of orders that went to a venue as one: who belongs to what, and by which id it is known; nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from toolkit.domain.joined_orders import JoinedOrder, JoinedReduceAnswered, JoinedReduceRequested, OrdersJoined
from toolkit.domain.ledger import Ledger


def _orders_joined(ledger: Ledger, event: OrdersJoined) -> None:
    ledger.order_count += 1
    ledger.joined.orders[event.order_id] = JoinedOrder(
        order_id=event.order_id,
        ids=(event.order_id,),
        venue=event.venue,
        children=event.children,
        quantity=sum(ledger.orders[child].quantity for child in event.children),
        time=event.time,
    )
    ledger.joined.ids[event.order_id] = event.order_id
    for child in event.children:
        ledger.joined.parts[child] = event.order_id


def _reduce_requested(ledger: Ledger, event: JoinedReduceRequested) -> None:
    ledger.order_count += 1
    root = ledger.joined.ids[event.order_id]
    known = ledger.joined.orders[root]
    ledger.joined.ids[event.new_id] = root
    ledger.joined.orders[root] = msgspec.structs.replace(
        known,
        ids=(*known.ids, event.new_id),
        reducing_id=event.new_id,
        reducing_to=event.quantity,
        caps=event.caps,
    )


def _reduce_answered(ledger: Ledger, event: JoinedReduceAnswered) -> None:
    root = ledger.joined.ids[event.order_id]
    known = ledger.joined.orders[root]
    if event.new_id not in known.ids:  # a venue that gives ids of its own
        ledger.joined.ids[event.new_id] = root
        known = msgspec.structs.replace(known, ids=(*known.ids, event.new_id))
    ledger.note_report(known.venue, event.report)
    if event.made:
        known = msgspec.structs.replace(known, order_id=event.new_id, quantity=known.reducing_to or known.quantity)
    ledger.joined.orders[root] = msgspec.structs.replace(known, reducing_id="", reducing_to=0, caps=())


JOINED_HANDLERS: dict[type, Callable[[Ledger, Any], None]] = {
    OrdersJoined: _orders_joined,
    JoinedReduceRequested: _reduce_requested,
    JoinedReduceAnswered: _reduce_answered,
}
