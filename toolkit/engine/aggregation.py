"""Aggregation: entries that are equal in all but size and owner go to their venue as one order; off unless configured.

Why it is made this way. Each intent stays an ordinary order of its own sub-account: examined by the guard, counted in
every limit, moved by the order tables, filled in the books, told to its strategy. Only the way to the venue is shared.
On the way out, requests about such orders become requests about the joined one (the router asks here); on the way back,
a report on the joined order becomes a report on each that it concerns. So the tables, the ledger's sums and the fold
know nothing new: what an order of several filled is the sum of what its orders filled, always, and only who was joined
to whom is an event of its own. What a strategy's order shows is its own part.

What may join: entries without stops, dates or brackets, equal in instrument, venue, side, type, price, time in force
and flags, that are decided within the window, one version of a strategy at most. Exits and protection never wait for
anybody. Taking a part out (a cancel, a decrease) is a replace-down of the joined order and passes wherever a cancel
does; any other change is a new order (`proposing`). When nothing stays it is cancelled. Doubt of it is doubt of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolkit.domain import requests as rq
from toolkit.domain.joined_orders import JoinedOrder, JoinedReduceRequested, OrdersJoined
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import ENTRY, Order, Status, TimeInForce, TradingState
from toolkit.domain.ports import Lease
from toolkit.domain.sub_accounts import strategy_of
from toolkit.domain.time import FeedTime, Now
from toolkit.engine.joined_reports import JoinedReports
from toolkit.engine.transaction import Transaction

JOINABLE = frozenset({TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC})
Likeness = tuple[object, ...]


class Gathering:
    """Orders that wait for others like them: their first ids and since when."""

    __slots__ = ("feed", "mono", "owners", "quantity", "roots")

    def __init__(self, now: Now, time: FeedTime) -> None:
        self.feed, self.mono = time, now.mono
        self.roots: list[str] = []
        self.owners: dict[str, tuple[str, str]] = {}
        self.quantity = 0


class Aggregation(JoinedReports):
    """What leaves together. `within` nanoseconds of feed time orders wait for others; 0 switches it off.

    Who waits is memory only: after a restart such an order is doubtful, and its venue has never heard of it. A
    reduction without an answer for `patience` is asked about, and one that was not made is tried again, every `again`
    nanoseconds.
    """

    def __init__(self, ledger: Ledger, within: int, patience: int, again: int) -> None:
        super().__init__(ledger, again)
        self.within = within
        self._patience = patience
        self._gatherings: dict[Likeness, Gathering] = {}
        self._waits: dict[str, Likeness] = {}
        self._again: dict[str, None] = {}

    # ---- on the way out

    def takes(self, transaction: Transaction, order: Order) -> bool:
        """Let an order wait for others like it; False for one that goes alone."""
        if not self.within or order.order_class is not ENTRY or order.terms is not None or order.reduce_only:
            return False
        if order.time_in_force not in JOINABLE:
            return False
        likeness = _likeness(order)
        gathering = self._gatherings.get(likeness)
        if gathering is None:
            gathering = self._gatherings[likeness] = Gathering(transaction.now, transaction.time)
        largest = self._ledger.instruments.require(order.instrument).maximum
        owner = order.strategy, order.version  # never a champion and the candidate beside it
        if gathering.owners.setdefault(strategy_of(order.strategy), owner) != owner:
            return False
        if largest is not None and gathering.quantity + order.quantity > largest:
            return False
        gathering.roots.append(order.chain[0])
        gathering.quantity += order.quantity
        self._waits[order.chain[0]] = likeness
        return True

    @property
    def waits(self) -> bool:
        """Whether any order waits for others."""
        return bool(self._gatherings)

    def keeps(self, root: str) -> bool:
        return root in self._waits

    def withdraw(self, root: str) -> bool:
        """Take back an order that waits; whether it did."""
        likeness = self._waits.pop(root, None)
        if likeness is None:
            return False
        gathering = self._gatherings[likeness]
        gathering.roots.remove(root)
        gathering.quantity -= self._ledger.orders[root].quantity
        if not gathering.roots:
            del self._gatherings[likeness]
        return True

    def stopped(self) -> list[Order]:
        """Orders that wait for others and that would not pass any more."""
        waiting = [self._ledger.orders[root] for root in self._waits]
        state = self._ledger.trading_state
        return [order for order in waiting if state(order.strategy, order.venue)[0] is not TradingState.ACTIVE]

    def due(self, transaction: Transaction) -> Iterator[list[Order]]:
        """The orders whose time to wait is over, those that leave together in one list; they wait no more."""
        for likeness, gathering in list(self._gatherings.items()):
            waited = transaction.time - gathering.feed, transaction.now.mono - gathering.mono
            if max(waited) < self.within:
                continue
            del self._gatherings[likeness]
            for root in gathering.roots:
                del self._waits[root]
            orders = [self._ledger.orders[root] for root in gathering.roots]
            yield [order for order in orders if order.status is Status.PENDING_NEW]

    def join(self, transaction: Transaction, orders: Sequence[Order]) -> JoinedOrder:
        """Record that these go as one."""
        identifier = transaction.next_order_id()
        children = tuple(order.chain[0] for order in orders)
        transaction.emit(
            OrdersJoined(
                order_id=identifier,
                venue=orders[0].venue,
                children=children,
                time=transaction.time,
                wall=transaction.now.wall,
            )
        )
        return self._ledger.joined.orders[identifier]

    def touch(self, order: Order) -> bool:
        """Note that a part changes, if the order is one: what that means for the whole is decided once per message."""
        root = self._ledger.joined.parts.get(order.chain[0])
        if root is None:
            return False
        self.touched[root] = None
        return True

    def again(self, order: Order) -> bool:
        """Note that a part goes out once more, if the order is one."""
        root = self._ledger.joined.parts.get(order.chain[0])
        if root is None:
            return False
        self._again[root] = self.touched[root] = None
        return True

    def known_as(self, order: Order) -> tuple[str, ...]:
        """The ids by which the venue may know a part, the one it may have now first; none for an order of its own."""
        root = self._ledger.joined.parts.get(order.chain[0]) if self._ledger.joined.parts else None
        if root is None:
            return ()
        joined = self._ledger.joined.orders[root]
        return (joined.reducing_id, joined.order_id) if joined.reducing_id else (joined.order_id,)

    @property
    def watches(self) -> bool:
        return bool(self._watched)

    def watch(self, transaction: Transaction) -> list[rq.VenueRequest]:
        """Questions about reductions that nobody answered; what was not made is looked at again after this message."""
        questions: list[rq.VenueRequest] = []
        now = transaction.now.mono
        for root, due in list(self._watched.items()):
            if now < due:
                continue
            joined = self._ledger.joined.orders.get(root)
            if joined is None or not joined.reducing_id:
                del self._watched[root]
                if joined is not None:
                    self.touched[root] = None
                continue
            self._watched[root] = now + self._pause
            ids = joined.reducing_id, joined.order_id
            questions += [rq.QueryOrder(venue=joined.venue, order_id=identifier) for identifier in ids]
        return questions

    def settle(self, transaction: Transaction, lease: Lease) -> list[rq.VenueRequest]:
        """What the changes of parts since the last message mean for their wholes, as requests."""
        requests: list[rq.VenueRequest] = []
        for root in self.touched:
            if (request := self._change(transaction, root, lease)) is not None:
                requests.append(request)
        self.touched.clear()
        return requests

    def again_whole(self) -> Iterator[tuple[JoinedOrder, list[Order]]]:
        """The joined orders that go out once more, with those of theirs that are still wanted."""
        for root in self._again:
            self.touched.pop(root, None)
            if parts := [order for order in self._open(root) if order.status is not Status.PENDING_CANCEL]:
                yield self._ledger.joined.orders[root], parts
        self._again.clear()

    def _change(self, transaction: Transaction, root: str, lease: Lease) -> rq.VenueRequest | None:
        joined, still_open = self._ledger.joined.orders[root], self._open(root)
        leaving = [order for order in still_open if order.status is Status.PENDING_CANCEL]
        if not still_open:
            return None
        first = still_open[0]
        if len(leaving) == len(still_open):
            return rq.CancelOrder(
                venue=joined.venue,
                order_id=joined.order_id,
                strategy=owners(still_open),
                instrument=first.instrument,
                time=first.requested,
                epoch=lease.epoch,
                send_by=lease.send_by,
            )
        caps = tuple(_left_with(self._ledger.orders.get(child)) for child in joined.children)
        quantity = sum(caps)
        if joined.reducing_id or quantity >= joined.quantity:
            return None  # one change at a time: what came meanwhile follows its answer
        new_id = transaction.next_order_id()
        self._watched[root] = transaction.now.mono + self._patience
        transaction.emit(
            JoinedReduceRequested(
                order_id=joined.order_id,
                new_id=new_id,
                quantity=quantity,
                caps=caps,
                time=transaction.time,
                wall=transaction.now.wall,
            )
        )
        return rq.ReplaceOrder(
            venue=joined.venue,
            order_id=joined.order_id,
            new_id=new_id,
            strategy=owners(still_open),
            instrument=first.instrument,
            quantity=quantity,
            price=first.price,
            time=transaction.time,
            epoch=lease.epoch,
            send_by=lease.send_by,
            reduces=True,
        )


def _likeness(order: Order) -> Likeness:
    return (
        order.instrument,
        order.venue,
        order.side,
        order.order_type,
        order.price,
        order.time_in_force,
        order.post_only,
        order.cap,
    )


def owners(orders: Sequence[Order]) -> str:
    """The strategies of several orders, as a request names them."""
    return rq.TOGETHER.join(sorted({order.strategy for order in orders}))


def _left_with(order: Order | None) -> int:
    """The size that an order is to be left with: what has filled of one that leaves, less while it shrinks."""
    if order is None:
        return 0
    if not order.is_open or order.status is Status.PENDING_CANCEL:
        return order.filled
    return order.quantity if order.replacing_quantity is None else min(order.quantity, order.replacing_quantity)
