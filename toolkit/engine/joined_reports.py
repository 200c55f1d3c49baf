"""What a venue says of orders that went there as one, as what it says of each of ours; it sends and books nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import structs

from toolkit.domain import requests as rq
from toolkit.domain.joined_orders import JoinedOrder, JoinedReduceAnswered, Part, split_amount, split_fill
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import FINAL, NO_DOUBT, Order, Status
from toolkit.domain.time import MonoTime
from toolkit.engine.order_facts import malformed
from toolkit.engine.strangers import told_of
from toolkit.engine.transaction import Transaction

Book = Callable[[Transaction, Order, rq.VenueReport], Order | None]


class JoinedReports:
    """The way back from the venue. What an answer means for the whole is noted in `touched` and `_watched`."""

    def __init__(self, ledger: Ledger, pause: int) -> None:
        self._ledger = ledger
        self._pause = pause
        self.touched: dict[str, None] = {}
        self._watched = {root: MonoTime(0) for root in ledger.joined.orders if self._open(root)}

    def hear(self, transaction: Transaction, report: rq.VenueReport, book: Book) -> list[Order]:
        """Book a report on a joined order: what it says of each of its orders, at once. Returns those it changed."""
        number = getattr(report, "report", 0)
        if number and number <= self._ledger.venue_reports.get(report.venue, 0):
            return []
        if (nonsense := malformed(report)) is not None:
            told_of(transaction, "malformed_report", report, nonsense)
            return []
        heard = [book(transaction, order, part) for order, part in self.reports(transaction, report)]
        return [order for order in heard if order is not None]

    def concerns(self, identifier: str) -> bool:
        """Whether a venue's id is that of a joined order."""
        return identifier in self._ledger.joined.ids

    def joined(self, identifier: str) -> JoinedOrder:
        return self._ledger.joined.orders[self._ledger.joined.ids[identifier]]

    def orders(self, identifier: str) -> list[Order]:
        """The orders of a joined one that are still kept, in the order in which they joined."""
        found = (self._ledger.orders.get(child) for child in self.joined(identifier).children)
        return [order for order in found if order is not None]

    def requests(self, request: rq.VenueRequest) -> list[rq.VenueRequest]:
        """A request about a joined order as requests about the orders that it concerned; any other as it is."""
        if not self.concerns(request.order_id):
            return [request]
        orders = self.orders(request.order_id)
        match request:
            case rq.SubmitOrder():
                return [structs.replace(request, order_id=order.order_id, strategy=order.strategy) for order in orders]
            case rq.ReplaceOrder():
                return [_of_part(request, order) for order in self.reduced(request.order_id)]
            case rq.CancelOrder():
                leaving = [order for order in orders if order.status is Status.PENDING_CANCEL]
                return [structs.replace(request, order_id=order.order_id, strategy=order.strategy) for order in leaving]
            case _:
                return []

    def dropped(self, transaction: Transaction, requests: Sequence[rq.VenueRequest]) -> None:
        """Reductions among what never left were not made."""
        for request in requests:
            if isinstance(request, rq.ReplaceOrder) and request.reduces:
                self.answered(transaction, request.order_id, request.new_id, made=False)

    def reduced(self, identifier: str) -> list[Order]:
        """The orders from which the pending reduction takes something."""
        joined = self.joined(identifier)
        found: list[Order] = []
        for child, cap in zip(joined.children, joined.caps, strict=False):
            order = self._ledger.orders.get(child)
            if order is not None and order.is_open and cap < order.quantity:
                found.append(order)
        return found

    def reports(self, transaction: Transaction, report: rq.VenueReport) -> list[tuple[Order, rq.VenueReport]]:
        """A report on a joined order as one on each order that it concerns."""
        orders = self.orders(report.order_id)
        still_open = [order for order in orders if order.is_open] or orders[:1]
        match report:
            case rq.Filled():
                return self._fills(orders, report)
            case rq.Busted() | rq.Corrected():
                self.touched[self._ledger.joined.ids[report.order_id]] = None  # what is over must not fill again
                return self._revisions(orders, report)
            case rq.Replaced():
                return self._replaced(transaction, report)
            case rq.ReplaceRefused():
                return self._replace_refused(transaction, report)
            case rq.CancelRefused():
                leaving = [order for order in still_open if order.status is Status.PENDING_CANCEL]
                return [(order, _about(order, report)) for order in leaving or still_open[:1]]
            case rq.OrderFound():
                return self._found(transaction, report)
            case rq.OrderNotFound():
                return []
            case _:
                return [(order, _about(order, report)) for order in still_open]

    def _fills(self, orders: list[Order], report: rq.Filled) -> list[tuple[Order, rq.VenueReport]]:
        if not report.report and self._is_booked(orders, report):
            return []
        shares = split_fill(report.quantity, self._parts(self.joined(report.order_id)))
        by_root = dict(zip(self.joined(report.order_id).children, shares, strict=True))
        lots = [by_root[order.chain[0]] for order in orders]
        lots[0] += report.quantity - sum(lots)  # what was forgotten long ago fills no more
        filled = [(order, share) for order, share in zip(orders, lots, strict=True) if share]
        fees = split_amount(report.fee, [share for _, share in filled])
        return [
            (order, structs.replace(report, order_id=order.order_id, quantity=share, fee=fee))
            for (order, share), fee in zip(filled, fees, strict=True)
        ]

    def _is_booked(self, orders: list[Order], report: rq.Filled) -> bool:
        """Whether a trade without a number is in the books: by its id, price and the sum of what was split."""
        fills = [fill for order in orders for fill in self._ledger.fills.get(order.chain[0], ())]
        known = [
            fill.quantity for fill in fills if (fill.execution_id, fill.price) == (report.execution_id, report.price)
        ]
        return sum(known) == report.quantity

    def _revisions(self, orders: list[Order], report: rq.Busted | rq.Corrected) -> list[tuple[Order, rq.VenueReport]]:
        """By the original split, whatever has become of the orders since."""
        had: list[tuple[Order, int]] = []
        for order in orders:
            fills = self._ledger.fills.get(order.chain[0], ())
            lots = sum(fill.quantity for fill in fills if fill.execution_id == report.execution_id)
            if lots:
                had.append((order, lots))
        if not had:
            return [(order, _about(order, report)) for order in orders[:1]]
        if isinstance(report, rq.Busted):
            return [(order, _about(order, report)) for order, _ in had]
        shares = split_amount(report.quantity, [lots for _, lots in had])
        fees = split_amount(report.fee, shares if report.quantity else [lots for _, lots in had])
        return [
            (order, structs.replace(report, order_id=order.order_id, quantity=share, fee=fee))
            for (order, _), share, fee in zip(had, shares, fees, strict=True)
        ]

    def _replaced(self, transaction: Transaction, report: rq.Replaced) -> list[tuple[Order, rq.VenueReport]]:
        reduced = self.reduced(report.order_id)
        caps = dict(zip(self.joined(report.order_id).children, self.joined(report.order_id).caps, strict=False))
        self.answered(transaction, report.order_id, report.new_id, made=True, number=report.report)
        return [(order, _reduced_to(order, caps[order.chain[0]], report)) for order in reduced]

    def _replace_refused(
        self, transaction: Transaction, report: rq.ReplaceRefused
    ) -> list[tuple[Order, rq.VenueReport]]:
        reduced = self.reduced(report.order_id)
        self.answered(transaction, report.order_id, report.new_id, made=False, number=report.report)
        return [(order, _refused(order, report)) for order in reduced]

    def _found(self, transaction: Transaction, report: rq.OrderFound) -> list[tuple[Order, rq.VenueReport]]:
        """The venue's word on the whole is its word on each. Fills that we do not know of are waited for."""
        joined = self.joined(report.order_id)
        told: list[tuple[Order, rq.VenueReport]] = []
        if report.status in FINAL and report.filled > sum(order.filled for order in self.orders(report.order_id)):
            return []
        if joined.reducing_id and report.order_id == joined.reducing_id:
            replaced = rq.Replaced(
                venue=report.venue,
                report=0,
                order_id=report.order_id,
                new_id=report.order_id,
                quantity=report.quantity,
                price=report.price,
                time=report.time,
                wall=report.wall,
            )
            told = self._replaced(transaction, replaced)
        elif joined.reducing_id:
            return []  # the reduction may have been made: only when that id is proven absent was it not
        gone = {order.chain[0] for order, _ in told}
        return told + [
            (order, _as_found(order, report))
            for order in self.orders(report.order_id)
            if order.doubt is not NO_DOUBT and order.chain[0] not in gone
        ]

    def absent(self, transaction: Transaction, identifier: str) -> list[str]:
        """What a joined order's proven absence says of its orders: the ids of theirs that are proven absent with it."""
        joined = self.joined(identifier)
        if joined.reducing_id and identifier == joined.reducing_id:
            changes = [order.replacing_id for order in self.reduced(identifier) if order.replacing_id]
            self.answered(transaction, identifier, identifier, made=False)
            return changes
        if identifier != joined.order_id or joined.reducing_id:
            return []  # an older id, or one of two by which it may be there
        return [order.order_id for order in self.orders(identifier)]

    def answered(self, transaction: Transaction, identifier: str, new_id: str, *, made: bool, number: int = 0) -> None:
        """Record whether a reduction was made. What came meanwhile is looked at again, after a pause if it was not."""
        root = self._ledger.joined.ids[identifier]
        if made:
            self._watched.pop(root, None)
            self.touched[root] = None
        else:
            self._watched[root] = transaction.now.mono + self._pause
        joined = self.joined(identifier)
        transaction.emit(
            JoinedReduceAnswered(
                order_id=joined.order_id,
                new_id=new_id or joined.reducing_id,
                made=made,
                report=number,
                time=transaction.time,
                wall=transaction.now.wall,
            )
        )

    def expanded(self, state: rq.VenueState) -> rq.VenueState:
        """A venue's account of itself in which each joined order is shown as the orders that it was made of.

        What it filled beyond what is booked shows on the first of them.
        """
        if not any(self.concerns(listed.order_id) for listed in state.open_orders):
            return state
        shown: list[rq.VenueOrder] = []
        for listed in state.open_orders:
            if not self.concerns(listed.order_id):
                shown.append(listed)
                continue
            orders = [order for order in self.orders(listed.order_id) if order.is_open]
            unknown = listed.filled - sum(order.filled for order in self.orders(listed.order_id))
            for order in orders:
                filled, unknown = order.filled + unknown, 0
                shown.append(structs.replace(listed, order_id=order.order_id, quantity=order.quantity, filled=filled))
            if not orders:
                shown.append(listed)
        return structs.replace(state, open_orders=tuple(shown))

    # ---- parts

    def _open(self, root: str) -> list[Order]:
        return [order for order in self.orders(root) if order.is_open]

    def _parts(self, joined: JoinedOrder) -> list[Part]:
        caps: Sequence[int | None] = joined.caps or (None,) * len(joined.children)
        parts: list[Part] = []
        for child, cap in zip(joined.children, caps, strict=True):
            order = self._ledger.orders.get(child)
            if order is None:
                parts.append(Part(filled=0, quantity=0, cap=0))
                continue
            quantity = order.quantity if order.is_open or order.status is Status.FILLED else order.filled
            parts.append(
                Part(filled=order.filled, quantity=quantity, cap=quantity if cap is None else min(cap, quantity))
            )
        return parts


def _about(order: Order, report: rq.VenueReport) -> rq.VenueReport:
    return structs.replace(report, order_id=order.order_id)


def _as_found(order: Order, report: rq.OrderFound) -> rq.OrderFound:
    return structs.replace(
        report, order_id=order.order_id, quantity=order.quantity, price=order.price, filled=order.filled
    )


def _of_part(request: rq.ReplaceOrder, order: Order) -> rq.VenueRequest:
    """What a reduction was for one order: its cancel, or its own change."""
    if order.replacing_id and order.status is not Status.PENDING_CANCEL:
        return structs.replace(request, order_id=order.order_id, new_id=order.replacing_id, strategy=order.strategy)
    return rq.CancelOrder(
        venue=request.venue,
        order_id=order.order_id,
        strategy=order.strategy,
        instrument=request.instrument,
        time=request.time,
        epoch=request.epoch,
        send_by=request.send_by,
    )


def _reduced_to(order: Order, cap: int, report: rq.Replaced) -> rq.VenueReport:
    if order.replacing_id and order.status is not Status.PENDING_CANCEL:
        return structs.replace(report, order_id=order.order_id, new_id=order.replacing_id, quantity=cap)
    return rq.Canceled(
        venue=report.venue,
        report=report.report,
        order_id=order.order_id,
        time=report.time,
        wall=report.wall,
        text=f"its part was taken out of {report.new_id}",
    )


def _refused(order: Order, report: rq.ReplaceRefused) -> rq.VenueReport:
    if order.replacing_id and order.status is not Status.PENDING_CANCEL:
        return structs.replace(report, order_id=order.order_id, new_id=order.replacing_id)
    return rq.CancelRefused(
        venue=report.venue,
        report=report.report,
        order_id=order.order_id,
        reason=report.reason,
        text=report.text,
        time=report.time,
        wall=report.wall,
    )
