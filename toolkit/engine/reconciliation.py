"""A venue's account of itself held against the books: differences are told and reduce trading, never traded away."""

from __future__ import annotations

from toolkit.domain.commands import Who
from toolkit.domain.events import OrderDoubted, TradingStateChanged
from toolkit.domain.identifiers import belongs_to
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import PROTECTIVE, Doubt, TradingState
from toolkit.domain.requests import VenueState
from toolkit.engine.transaction import Transaction

BREAK = "break"


def reconcile(transaction: Transaction, state: VenueState, who: Who) -> None:
    """Compare open orders and positions. An order that the venue does not list is in doubt and will be asked for.

    Orders that only the venue has, and positions that differ, are breaks: the venue's scope is REDUCING until a later
    look finds none.
    """
    ledger = transaction.ledger
    doubt_unlisted(transaction, state)
    breaks = [*_unknown_orders(ledger, state), *_positions(ledger, state)]
    for subject, detail in breaks:
        transaction.alarm(BREAK, subject, detail)
    known = BREAK in ledger.states.get(f"venue:{state.venue}", {})
    if bool(breaks) != known:
        transaction.emit(
            TradingStateChanged(
                scope="venue",
                name=state.venue,
                state=TradingState.REDUCING if breaks else TradingState.ACTIVE,
                cause=BREAK,
                who=who,
                reason=f"{len(breaks)} differences to the venue" if breaks else "books and venue agree",
            )
        )


def doubt_unlisted(transaction: Transaction, state: VenueState, *, protection_only: bool = False) -> None:
    """An open order that the venue does not list is in doubt, and will be asked for."""
    listed = {order.order_id for order in state.open_orders}
    for order in transaction.ledger.open_orders():
        if order.in_engine or (protection_only and order.order_class is not PROTECTIVE):
            continue
        if order.venue == state.venue and order.doubt is Doubt.NONE and not listed & set(order.chain):
            transaction.emit(
                OrderDoubted(
                    order_id=order.order_id,
                    doubt=Doubt.NEW,
                    cause="the venue does not list it",
                    time=transaction.time,
                    wall=transaction.now.wall,
                )
            )


def _unknown_orders(ledger: Ledger, state: VenueState) -> list[tuple[str, str]]:
    found = []
    for listed in state.open_orders:
        order = ledger.order(listed.order_id)
        if order is None or not order.is_open:
            whose = (
                "ours by its id, but not open in the books" if belongs_to(ledger.desk, listed.order_id) else "foreign"
            )
            side = listed.side.name.lower()
            found.append(
                (listed.order_id, f"{state.venue} shows {side} {listed.quantity} {listed.instrument}: {whose}")
            )
    return found


def _positions(ledger: Ledger, state: VenueState) -> list[tuple[str, str]]:
    ours = ledger.venue_positions.get(state.venue, {})
    theirs = dict(state.positions)
    return [
        (symbol, f"{ours.get(symbol, 0)} lots in the books, {theirs.get(symbol, 0)} at {state.venue}")
        for symbol in sorted({*ours, *theirs})
        if ours.get(symbol, 0) != theirs.get(symbol, 0)
    ]
