"""What a stop leaves exposed, in sentences: positions without protection, orders and venues that say nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolkit.client.stopping import Leftover
from toolkit.domain.commands import Kill, KillMode
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import Order, OrderClass
from toolkit.domain.sub_accounts import is_of
from toolkit.replica.replica import Replica


def without_protection(replica: Replica | None, kill: Kill, left: Leftover) -> tuple[str, ...]:
    """Positions in the scope of a kill that no protective order covers in full, as venue and books show them."""
    if replica is None:
        return tuple(f"{venue} holds {symbol} {lots:+d} lots" for venue, symbol, lots in left.positions)
    return (*_of_strategies(replica.ledger, kill, left), *_differences(replica.ledger, kill, left))


def still_open(replica: Replica | None, kill: Kill) -> tuple[str, ...]:
    """Orders that a kill was to end and that the books still wait for."""
    if replica is None:
        return ()
    return tuple(
        f"{order.order_id} ({order.strategy} {order.side.name} {order.remaining} {order.instrument}) is "
        f"{order.shown_status} by the books"
        for order in _of_scope(replica.ledger, kill)
        if (kill.scope != "venue" or order.venue == kill.name)
        and (kill.mode is not KillMode.HALT_ENTRIES or order.order_class is OrderClass.ENTRY)
    )


def by_the_books(replica: Replica | None, kill: Kill, silent: Sequence[str]) -> tuple[str, ...]:
    """What may rest and be held at venues that do not answer."""
    if replica is None or not silent:
        return ()
    orders = [
        f"{order.venue}: {order.order_class.value} {order.order_id} {order.side.name} {order.remaining} "
        f"{order.instrument} of {order.strategy}, {order.shown_status} by the books"
        for order in _of_scope(replica.ledger, kill)
        if order.venue in silent and not order.in_engine
    ]
    held = [
        f"{venue}: position {symbol} {lots:+d} lots by the books"
        for venue in silent
        for symbol, lots in replica.ledger.venue_positions.get(venue, {}).items()
        if lots
    ]
    return (*orders, *held)


def held_at(replica: Replica, venue: str) -> str:
    """What lies at a venue by the books, "" when nothing does."""
    lots = sorted(replica.ledger.venue_positions.get(venue, {}).items())
    return ", ".join(f"{symbol} {held:+d} lots at {venue}" for symbol, held in lots if held)


def _of_scope(ledger: Ledger, kill: Kill) -> list[Order]:
    """Orders of a strategy and of every version of it, else all."""
    orders = ledger.open_orders()
    return orders if kill.scope != "strategy" else [order for order in orders if is_of(order.strategy, kill.name)]


def _of_strategies(ledger: Ledger, kill: Kill, left: Leftover) -> Iterator[str]:
    shown = {order.order_id for _, order in (*left.protective, *left.open_orders)}
    for strategy, held in sorted(ledger.positions.items()):
        if kill.scope == "strategy" and not is_of(strategy, kill.name):
            continue
        for symbol, position in sorted(held.items()):
            instrument = ledger.instruments.require(symbol)
            if not position.lots or (kill.scope == "venue" and instrument.venue != kill.name):
                continue
            covered, in_engine = _cover(ledger, strategy, symbol, position.lots, shown)
            if covered < abs(position.lots):
                words = f"{strategy} holds {symbol} {instrument.quantity_of(position.lots):+f}"
                some = instrument.quantity_of(covered)
                note = f", {some} of it protected" if covered else ""
                yield words + note
            elif in_engine:
                words = f"{strategy} holds {symbol} {instrument.quantity_of(position.lots):+f}"
                yield f"{words}, protected by the engine alone: only while it runs"


def _cover(ledger: Ledger, strategy: str, symbol: str, lots: int, shown: set[str]) -> tuple[int, bool]:
    """Lots that resting stops would close, and whether any of these stops waits in the engine."""
    covered, in_engine = 0, False
    for order in ledger.open_orders(strategy, symbol):
        protects = order.order_class is OrderClass.PROTECTIVE and order.side * lots < 0
        if protects and (order.in_engine or shown & set(order.chain)):
            covered += order.remaining
            in_engine = in_engine or order.in_engine
    return covered, in_engine


def _differences(ledger: Ledger, kill: Kill, left: Leftover) -> Iterator[str]:
    """What a venue holds otherwise than the books say: nobody looks after that."""
    if kill.scope == "strategy":
        return
    theirs = {(venue, symbol): lots for venue, symbol, lots in left.positions}
    ours = {
        (venue, symbol): lots
        for venue, held in ledger.venue_positions.items()
        for symbol, lots in held.items()
        if lots and venue not in left.silent and (kill.scope != "venue" or venue == kill.name)
    }
    for venue, symbol in sorted(theirs.keys() | ours.keys()):
        shown, known = theirs.get((venue, symbol), 0), ours.get((venue, symbol), 0)
        if shown != known:
            yield f"{venue} holds {symbol} {shown:+d} lots, the books say {known:+d}"
