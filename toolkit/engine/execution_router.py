"""Execution Router: turns approved orders into venue requests within rates; cancels, exits, then entries.

Which venue an order goes to is chosen in `routing`, before it is examined. Only what is safe is sent twice: what never
reached a line (`NotSent`) ends at once and may be asked for again, a request whose outcome is unknown is asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from toolkit.domain.errors import DomainError
from toolkit.domain.events import CancelRequested, Check, OrderDenied, OrderSubmitted, ReplaceRequested, Seen
from toolkit.domain.joined_orders import JoinedOrder
from toolkit.domain.orders import (
    ENTRY,
    STOPS,
    Ability,
    Change,
    Doubt,
    Order,
    OrderClass,
    OrderType,
    Status,
    Terms,
    TimeInForce,
)
from toolkit.domain.ports import Lease
from toolkit.domain.requests import CancelOrder, QueryOrder, ReplaceOrder, SubmitOrder, VenueRequest
from toolkit.domain.time import FeedTime, MonoTime
from toolkit.engine.aggregation import Aggregation, owners
from toolkit.engine.breaker import Breakers
from toolkit.engine.on_its_way import OnItsWay, submitted_at
from toolkit.engine.order_terms import Abilities
from toolkit.engine.risk.proposal import Approved, Proposal, Refused
from toolkit.engine.risk.rates import MessageRates
from toolkit.engine.transaction import Transaction

GTD, FOK, IOC = TimeInForce.GTD, TimeInForce.FOK, TimeInForce.IOC
MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT
NOTHING: frozenset[Ability] = frozenset()


class ExecutionRouter:
    """Requests leave through here. Exits over the venue's rate wait their turn; cancels never wait."""

    def __init__(self, rates: MessageRates, breakers: Breakers, abilities: Abilities, joined: Aggregation) -> None:
        self._rates = rates
        self._abilities = abilities
        self._lines_down: set[str] = set()
        self.breakers = breakers
        self.joined = joined
        self._waiting: dict[str, str] = {}
        self.lease = Lease(epoch=0, send_by=MonoTime(0))

    def submit(self, transaction: Transaction, approved: Approved, order: Order) -> None:
        """Send a new order. Only what the guard approved has an `Approved` to show."""
        if approved.proposal.intent_id != order.intent_id:
            raise DomainError(f"order {order.order_id} is not the one that was approved")
        if self.joined.within and self._may_join(order) and self.joined.takes(transaction, order):
            return
        self._send(transaction, self._submission(order, transaction.time), order, order.order_class)

    def _may_join(self, order: Order) -> bool:
        """Where orders cannot be changed no part could be taken out again."""
        return Ability.REPLACE in self._abilities.get(order.venue, NOTHING)

    def replace(self, transaction: Transaction, approved: Approved, order: Order) -> None:
        """Send a change of quantity or price."""
        if approved.proposal.replaces != order.chain[0]:
            raise DomainError(f"the change of order {order.order_id} is not the one that was approved")
        if not self.joined.touch(order):
            self._send(transaction, self._replacement(order, transaction.time), order, approved.proposal.order_class)

    def release(self, transaction: Transaction, order: Order) -> None:
        """Send an order that the engine held until its stop was triggered."""
        self._send(transaction, self._submission(order, transaction.time), order, order.order_class)

    def cancel(self, transaction: Transaction, order: Order) -> None:
        """Send a cancel; never refused and never queued."""
        if self.joined.touch(order):
            return
        transaction.requests.append(self._cancel(order))
        self._rates.note(order.strategy, order.venue, transaction.now.mono)
        self._rates.of_venue(order.venue).note_left(transaction.now.mono)

    def again(self, transaction: Transaction, order: Order) -> None:
        """Send what never arrived once more, as it was then: proven absent, and approved when it was first sent."""
        if self.joined.again(order):
            return
        time = order.requested if order.replacing_id or order.triggered else order.created
        transaction.requests.append(self._request(order, time))

    def on_their_way(self, orders: Iterable[Order]) -> list[OnItsWay]:
        """What these orders wait for an answer to, as it was sent; nothing of those in doubt or held here.

        A breaker that is half open waits for what went to try.
        """
        found: list[OnItsWay] = []
        for order in orders:
            if order.doubt is not Doubt.NONE or order.in_engine or self.keeps(order.chain[0]):
                continue
            if order.is_on_its_way:
                time = submitted_at(order)
                self.breakers.left(order, MonoTime(int(time)))
                found.append(OnItsWay(order, self._submission(order, time)))
            if order.replacing_id:
                found.append(OnItsWay(order, self._replacement(order, order.requested)))
            if order.status is Status.PENDING_CANCEL:
                found.append(OnItsWay(order, self._cancel(order)))
        return found

    def ask(self, transaction: Transaction, order: Order) -> None:
        """Ask the venue what became of an order, by the id it may have now first."""
        own = (order.replacing_id, order.order_id) if order.replacing_id else (order.order_id,)
        joined = self.joined.known_as(order)
        for identifier in joined or own:
            question = QueryOrder(venue=order.venue, order_id=identifier)
            if not joined or question not in transaction.requests:  # one answer is for all that were joined
                transaction.requests.append(question)

    def line_lost(self, venue: str) -> None:
        """No entry is routed there until the line is back."""
        self._lines_down.add(venue)

    def line_back(self, venue: str) -> None:
        self._lines_down.discard(venue)

    def line_is_down(self, venue: str) -> bool:
        return venue in self._lines_down

    @property
    def holds_back(self) -> bool:
        """Whether anything waits here, for a venue's rate or for others to leave with."""
        return bool(self._waiting) or self.joined.waits or self.joined.watches

    def hold(self, order: Order) -> None:
        """Keep an order back until there is room in its venue's rate."""
        self._waiting[order.chain[0]] = order.venue

    def keeps(self, root: str) -> bool:
        """Whether the order's last request still waits here."""
        return root in self._waiting or self.joined.keeps(root)

    def withdraw(self, transaction: Transaction, order: Order) -> SubmitOrder | ReplaceOrder | None:
        """Take a waiting request back; None when nothing of this order waits."""
        if self._waiting.pop(order.chain[0], None) is None and not self.joined.withdraw(order.chain[0]):
            return None
        return self._request(order, transaction.time)

    def release_waiting(self, transaction: Transaction) -> list[Order]:
        """Let waiting exits go as far as the venue's rate allows, under the lease of now, and those that waited for
        others; returns their orders."""
        transaction.requests += self.joined.watch(transaction)
        released = [order for orders in self.joined.due(transaction) for order in self._together(transaction, orders)]
        for root, venue in list(self._waiting.items()):
            meter = self._rates.of_venue(venue)
            if not meter.has_room(transaction.now.mono):
                continue
            del self._waiting[root]
            order = transaction.ledger.order(root)
            if order is not None and order.status in (Status.PENDING_NEW, Status.PENDING_REPLACE):
                meter.note(transaction.now.mono)
                meter.note_left(transaction.now.mono)
                transaction.requests.append(self._request(order, transaction.time))
                released.append(order)
        return released

    def settle_joined(self, transaction: Transaction) -> None:
        """Send what the changes of orders that were joined mean for the joined ones; it counts and never waits."""
        for joined, orders in self.joined.again_whole():
            transaction.requests.append(self._whole(joined, orders))
        for request in self.joined.settle(transaction, self.lease):
            meter = self._rates.of_venue(request.venue)
            meter.note(transaction.now.mono)
            meter.note_left(transaction.now.mono)
            transaction.requests.append(request)

    def _whole(self, joined: JoinedOrder, orders: Sequence[Order]) -> SubmitOrder:
        """The one order that stands for several at their venue: as the first of them, but for owners and size."""
        return structs.replace(
            self._submission(orders[0], joined.time),
            order_id=joined.order_id,
            strategy=owners(orders),
            quantity=sum(order.quantity for order in orders),
        )

    def _together(self, transaction: Transaction, orders: list[Order]) -> list[Order]:
        """Send orders as one; a single one as itself."""
        if len(orders) > 1:
            request = self._whole(self.joined.join(transaction, orders), orders)
            self._send(transaction, request, orders[0], orders[0].order_class)
        elif orders:
            self._send(transaction, self._submission(orders[0], transaction.time), orders[0], orders[0].order_class)
        return orders

    def sort(self, requests: list[VenueRequest]) -> None:
        """Cancels, exits, then the rest, each in the order of decision; a cancel never overtakes its own order."""
        if len(requests) > 1:
            new = {request.order_id: _priority(request, {}) for request in requests if isinstance(request, SubmitOrder)}
            requests.sort(key=lambda request: _priority(request, new))

    def _send(
        self, transaction: Transaction, request: SubmitOrder | ReplaceOrder, order: Order, order_class: OrderClass
    ) -> None:
        """`order_class` is what it was examined as: what passed as an exit took no rate there, and takes it here."""
        meter = self._rates.of_venue(order.venue)
        if order_class is not ENTRY and not meter.has_room(transaction.now.mono):
            self._waiting[order.chain[0]] = order.venue
            return
        meter.note_left(transaction.now.mono)
        if self.breakers.settings and isinstance(request, SubmitOrder):
            self.breakers.left(order, transaction.now.mono)
        transaction.requests.append(request)

    def _request(self, order: Order, time: FeedTime) -> SubmitOrder | ReplaceOrder:
        return self._replacement(order, time) if order.replacing_id else self._submission(order, time)

    def _submission(self, order: Order, time: FeedTime) -> SubmitOrder:
        order_type, terms = order.order_type, order.terms
        if order.triggered and order_type in STOPS:  # the engine watched for it: the venue gets what is left to do
            order_type = OrderType.MARKET if order.price is None else OrderType.LIMIT
            terms = _shared(terms)
        time_in_force, price = order.time_in_force, order.price
        if order.cap is not None and order_type is MARKET:  # what nobody may pay more than
            order_type, price = LIMIT, order.cap
            time_in_force = FOK if time_in_force is FOK else IOC
        elif time_in_force is GTD and (terms is None or terms.watched):
            time_in_force, terms = TimeInForce.GTC, None if terms is None else _undated(terms)
        if terms is not None and terms.group and Ability.OCO not in self._abilities.get(order.venue, NOTHING):
            terms = _alone(terms)
        return SubmitOrder(  # by place: so many names take longer than all else here
            order.venue,
            order.order_id,
            order.strategy,
            order.instrument,
            order.side,
            order.quantity,
            order_type,
            price,
            time_in_force,
            order.order_class,
            order.post_only,
            order.reduce_only,
            time,
            self.lease.epoch,
            self.lease.send_by,
            terms,
        )

    def _cancel(self, order: Order) -> CancelOrder:
        return CancelOrder(
            venue=order.venue,
            order_id=order.order_id,
            strategy=order.strategy,
            instrument=order.instrument,
            time=order.requested,
            epoch=self.lease.epoch,
            send_by=self.lease.send_by,
        )

    def _replacement(self, order: Order, time: FeedTime) -> ReplaceOrder:
        return ReplaceOrder(
            venue=order.venue,
            order_id=order.order_id,
            new_id=order.replacing_id,
            strategy=order.strategy,
            instrument=order.instrument,
            quantity=order.replacing_quantity or order.quantity,
            price=order.replacing_price if order.replacing_price is not None else order.price,
            time=time,
            epoch=self.lease.epoch,
            send_by=self.lease.send_by,
            stop=order.replacing_stop,
            order_class=order.order_class,
        )


def _priority(request: VenueRequest, new: Mapping[str, int]) -> int:
    """A cancel goes first, or right behind its own order: it may make way for one that was decided after it."""
    if isinstance(request, CancelOrder) or (isinstance(request, ReplaceOrder) and request.reduces):
        return new.get(request.order_id, 0)
    if isinstance(request, SubmitOrder) and request.order_class is not ENTRY:
        return 1
    return 2


def submitted(transaction: Transaction, approved: Approved) -> OrderSubmitted:
    """The record of an approved order."""
    wanted = approved.proposal
    return OrderSubmitted(  # by place, as above
        transaction.next_order_id(),
        wanted.strategy,
        wanted.version,
        wanted.intent_id,
        wanted.instrument.symbol,
        wanted.venue,
        wanted.side,
        wanted.order_type,
        wanted.time_in_force,
        wanted.order_class,
        wanted.quantity,
        wanted.price,
        wanted.post_only,
        wanted.reduce_only,
        wanted.reason,
        approved.seen,
        approved.checks,
        transaction.time,
        transaction.now.wall,
        wanted.terms,
        wanted.route,
        approved.cap,
        approved.worth,
    )


def denied(
    transaction: Transaction, proposal: Proposal, refused: Refused, seen: Seen, checks: tuple[Check, ...]
) -> OrderDenied:
    """The record of a refused order."""
    return OrderDenied(  # by place, as above
        transaction.next_order_id(),
        proposal.strategy,
        proposal.version,
        proposal.intent_id,
        proposal.instrument.symbol,
        proposal.venue,
        proposal.side,
        proposal.order_type,
        proposal.time_in_force,
        proposal.order_class,
        proposal.quantity,
        proposal.price,
        proposal.post_only,
        proposal.reduce_only,
        proposal.reason,
        seen,
        checks,
        refused.control,
        refused.observed,
        refused.limit,
        refused.source,
        refused.would_pass,
        transaction.time,
        transaction.now.wall,
        proposal.terms,
        proposal.route,
    )


def _shared(terms: Terms | None) -> Terms | None:
    """What is left of a stop's terms once it was triggered: its bracket, whose orders go on sharing one quantity."""
    return None if terms is None or not terms.group else Terms(group=terms.group)


def _alone(terms: Terms) -> Terms | None:
    """The terms without their bracket, which such a venue would not understand: the engine sees to it alone."""
    alone = structs.replace(terms, group="")
    return None if alone.stop is None and alone.expires is None and alone.bracket is None else alone


def _undated(terms: Terms) -> Terms:
    return structs.replace(terms, expires=None)


def cancel_requested(
    transaction: Transaction,
    order: Order,
    cause: str,
    asked: FeedTime | None = None,
    *,
    yields: bool = False,
    change: Change | None = None,
) -> CancelRequested:
    """The record of a cancel; `asked` where it was asked for earlier."""
    return CancelRequested(
        order_id=order.order_id,
        cause=cause,
        time=asked or transaction.time,
        wall=transaction.now.wall,
        yields=yields,
        change=change,
    )


def moved_stop(wanted: Terms | None, present: Terms | None) -> int | None:
    """Where a stop is moved to; None where it stays, wherever it has trailed to by now."""
    if wanted is None or present is None or wanted.stop == present.stop:
        return None
    return wanted.stop


def replace_requested(transaction: Transaction, approved: Approved, order: Order) -> ReplaceRequested:
    """The record of an approved change."""
    wanted = approved.proposal
    return ReplaceRequested(
        order_id=order.order_id,
        new_id=transaction.next_order_id(),
        quantity=wanted.quantity,
        price=wanted.price,
        seen=approved.seen,
        checks=approved.checks,
        time=transaction.time,
        wall=transaction.now.wall,
        stop=moved_stop(wanted.terms, order.terms),
        worth=approved.worth,
    )
