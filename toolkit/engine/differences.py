"""What a venue's account of itself and the books do not agree on, by comparison alone; nothing follows from it here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from toolkit.domain.breaks import BreakKind, break_key
from toolkit.domain.identifiers import belongs_to
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import NO_DOUBT, Order, Status
from toolkit.domain.requests import VenueOrder, VenueState

PENDING = frozenset({Status.PENDING_NEW, Status.PENDING_CANCEL, Status.PENDING_REPLACE})


class Difference(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that differs: lots or quanta here and there, and in words."""

    venue: str
    kind: BreakKind
    subject: str
    ours: int
    theirs: int
    detail: str
    listed: VenueOrder | None = None

    @property
    def key(self) -> str:
        return break_key(self.venue, self.kind.value, self.subject)

    @property
    def gap(self) -> int:
        """What the venue has more than the books; it stays the same while both move."""
        return self.theirs - self.ours


def in_flight(ledger: Ledger, state: VenueState) -> frozenset[str]:
    """Subjects that this look says nothing about: what is asked of an order, or doubtful, may change all of them.

    A venue that numbers its reports has told of every fill that its account contains; without numbers one may be on
    its way for each instrument with an open request.
    """
    unclear: set[str] = set()
    for order in ledger.open_orders():
        if order.venue == state.venue and _is_open_question(order):
            unclear.update(order.chain)
            if not state.last_report:
                instrument = ledger.instruments.find(order.instrument)
                unclear.add(order.instrument)
                unclear.update(ledger.currencies if instrument is None else (instrument.currency,))
    return frozenset(unclear)


def orders(ledger: Ledger, state: VenueState) -> Iterator[Difference]:
    """Orders that only the venue has, and orders that it has otherwise."""
    for listed in state.open_orders:
        order = ledger.order(listed.order_id)
        if order is None:
            yield _of_order(ledger, state, listed)
        elif not order.is_open:
            detail = f"{_listed(state, listed)}; in the books it is {order.shown_status}"
            yield _difference(state, BreakKind.CLOSED_ORDER, order.order_id, 0, listed.quantity, detail, listed)
        elif not _is_open_question(order):
            yield from _otherwise(state, listed, order)


def positions(ledger: Ledger, state: VenueState, explained: Mapping[str, int]) -> Iterator[Difference]:
    """Lots of each instrument; `explained` are those that an order's missing fills account for."""
    ours, theirs = ledger.venue_positions.get(state.venue, {}), dict(state.positions)
    unclear = in_flight(ledger, state)
    for symbol in sorted({*ours, *theirs}):
        mine, venues = ours.get(symbol, 0), theirs.get(symbol, 0)
        if mine != venues - explained.get(symbol, 0) and symbol not in unclear:
            detail = f"{mine} lots of {symbol} in the books, {venues} at {state.venue}: {venues - mine:+d}"
            yield _difference(state, BreakKind.POSITION, symbol, mine, venues, detail)


def cash(ledger: Ledger, state: VenueState) -> Iterator[Difference]:
    """Quanta of each asset, where the venue tells them."""
    if state.cash is None:
        return
    ours, theirs = dict(ledger.venue_cash.get(state.venue, {})), dict(state.cash)
    if state.cash_of_trades:
        for asset, amount in ledger.booked_cash.get(state.venue, {}).items():
            ours[asset] = ours.get(asset, 0) - amount
    unclear = in_flight(ledger, state)
    for asset in sorted({*ours, *theirs}):
        mine, venues = ours.get(asset, 0), theirs.get(asset, 0)
        if mine != venues and asset not in unclear:
            detail = f"{mine} quanta of {asset} in the books, {venues} at {state.venue}: {venues - mine:+d}"
            yield _difference(state, BreakKind.CASH, asset, mine, venues, detail)


def _of_order(ledger: Ledger, state: VenueState, listed: VenueOrder) -> Difference:
    ours = belongs_to(ledger.desk, listed.order_id)
    kind = BreakKind.LOST_ORDER if ours else BreakKind.FOREIGN_ORDER
    whose = "ours by its id, but not in the books" if ours else "foreign"
    known = sum(fill.quantity for fill in ledger.fills.get(listed.order_id, ()))
    detail = f"{_listed(state, listed)}, of which {listed.filled} have filled: {whose}"
    return _difference(state, kind, listed.order_id, known, listed.filled, detail, listed)


def _otherwise(state: VenueState, listed: VenueOrder, order: Order) -> Iterator[Difference]:
    if listed.filled != order.filled:
        kind = BreakKind.MISSING_FILL if listed.filled > order.filled else BreakKind.UNKNOWN_FILL
        detail = f"{order.order_id} has filled {listed.filled} at {state.venue}, {order.filled} in the books"
        yield _difference(state, kind, order.order_id, order.filled, listed.filled, detail, listed)
    shares = order.terms is not None and order.terms.group  # a bracket: each venue counts its shared quantity its way
    if (listed.quantity, listed.price) != (order.quantity, order.price) and not shares:
        detail = (
            f"{order.order_id} is {listed.quantity} at {listed.price} at {state.venue}, "
            f"{order.quantity} at {order.price} in the books"
        )
        yield _difference(state, BreakKind.ORDER_TERMS, order.order_id, order.quantity, listed.quantity, detail, listed)


def _is_open_question(order: Order) -> bool:
    return order.status in PENDING or order.doubt is not NO_DOUBT


def _listed(state: VenueState, listed: VenueOrder) -> str:
    return f"{state.venue} shows {listed.side.name.lower()} {listed.quantity} {listed.instrument}"


def _difference(
    state: VenueState,
    kind: BreakKind,
    subject: str,
    ours: int,
    theirs: int,
    detail: str,
    listed: VenueOrder | None = None,
) -> Difference:
    return Difference(
        venue=state.venue, kind=kind, subject=subject, ours=ours, theirs=theirs, detail=detail, listed=listed
    )
