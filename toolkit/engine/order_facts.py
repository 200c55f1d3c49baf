"""A venue's reports as events of the books, and the fact each one is in the table; nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from toolkit.domain import events as ev
from toolkit.domain import requests as rq
from toolkit.domain.ledger import Ledger
from toolkit.domain.order_tables import Fact
from toolkit.domain.orders import PROTECTIVE, Doubt, Order, Status
from toolkit.domain.time import WallTime
from toolkit.engine.transaction import Transaction

Booked = tuple[ev.Event, Fact]

ACKNOWLEDGED, FILLED_PARTLY, FILLED_WHOLLY = Fact.ACKNOWLEDGED, Fact.FILLED_PARTLY, Fact.FILLED_WHOLLY


def booked(transaction: Transaction, order: Order, report: rq.VenueReport, sent: WallTime) -> Booked | None:
    """The event and the fact of a report; `sent` is when the order was written to the line.

    None for a bust or correction of a trade that is not in the books.
    """
    book = _BOOK.get(type(report))
    return None if book is None else book(transaction, order, report, sent)


def _acknowledged(_: Transaction, order: Order, report: rq.Acknowledged, sent: WallTime) -> Booked:
    acknowledged = ev.OrderAcknowledged(
        order_id=order.order_id,
        venue_order_id=report.venue_order_id,
        report=report.report,
        sent=sent,
        time=report.time,
        wall=report.wall,
    )
    return acknowledged, ACKNOWLEDGED


def _filled(transaction: Transaction, order: Order, report: rq.Filled, sent: WallTime) -> Booked:
    instrument = report.instrument
    if instrument != order.instrument and transaction.ledger.instruments.find(instrument) is None:
        instrument = order.instrument
    whole = order.filled + report.quantity >= order.quantity
    return fill(report, order.strategy, sent, instrument), FILLED_WHOLLY if whole else FILLED_PARTLY


def _canceled(_: Transaction, order: Order, report: rq.Canceled, sent: WallTime) -> Booked:
    canceled = ev.OrderCanceled(
        order_id=order.order_id, text=report.text, report=report.report, time=report.time, wall=report.wall
    )
    return canceled, Fact.CANCELED


def _expired(_: Transaction, order: Order, report: rq.Expired, sent: WallTime) -> Booked:
    expired = ev.OrderExpired(
        order_id=order.order_id, text=report.text, report=report.report, time=report.time, wall=report.wall
    )
    return expired, Fact.EXPIRED


def _rejected(_: Transaction, order: Order, report: rq.Rejected, sent: WallTime) -> Booked:
    return rejected(order, report.reason, report.text, report.report, report), Fact.REJECTED


def _replaced(_: Transaction, order: Order, report: rq.Replaced, sent: WallTime) -> Booked:
    replaced = ev.OrderReplaced(
        order_id=order.order_id,
        new_id=report.new_id,
        quantity=report.quantity,
        price=report.price,
        report=report.report,
        time=report.time,
        wall=report.wall,
        stop=report.stop,
    )
    return replaced, Fact.REPLACED


def _triggered(transaction: Transaction, order: Order, report: rq.Triggered, sent: WallTime) -> Booked:
    triggered = ev.OrderTriggered(
        order_id=order.order_id,
        price=report.price,
        step=transaction.ledger.step + 1,
        report=report.report,
        time=report.time,
        wall=report.wall,
    )
    return triggered, Fact.TRIGGERED


def _cancel_refused(_: Transaction, order: Order, report: rq.CancelRefused, sent: WallTime) -> Booked:
    refused = ev.CancelRejected(
        order_id=order.order_id,
        reason=report.reason,
        text=report.text,
        report=report.report,
        time=report.time,
        wall=report.wall,
    )
    return refused, Fact.CANCEL_REFUSED


def _replace_refused(_: Transaction, order: Order, report: rq.ReplaceRefused, sent: WallTime) -> Booked:
    return replace_rejected(order, report.reason, report.text, report.report, report), Fact.REPLACE_REFUSED


def fill(report: rq.Filled, strategy: str, sent: WallTime, instrument: str = "", *, venue: str = "") -> ev.OrderFilled:
    """A trade as the venue tells it; `instrument` stands in for one that we do not know, `venue` for an order's."""
    return ev.OrderFilled(  # by place: more than fifteen names take ten times as long
        report.order_id,
        report.venue_order_id,
        report.execution_id,
        strategy,
        instrument or report.instrument,
        report.side,
        report.price,
        report.quantity,
        report.fee,
        report.fee_asset,
        report.liquidity,
        report.report,
        sent,
        report.time,
        report.wall,
        venue,
    )


COUNTED = frozenset({rq.Filled, rq.Corrected})
"""Reports of so many lots."""


def malformed(report: rq.VenueReport) -> str | None:
    """What no venue can mean: a trade of nothing or of less."""
    if isinstance(report, rq.Filled) and report.quantity <= 0:
        return f"a fill of {report.quantity} lots"
    if isinstance(report, rq.Corrected) and report.quantity < 0:
        return f"a correction to {report.quantity} lots"
    return None


def proves_arrival(order: Order, report: rq.Rejected) -> bool:
    """Whether a rejected second try says that the first one is there: ids are never used twice."""
    first_try = order.status is Status.PENDING_NEW and order.doubt is Doubt.NONE
    return report.reason is rq.RejectReason.DUPLICATE and not first_try


def is_booked(transaction: Transaction, root: str, report: rq.Filled) -> bool:
    """Whether this very trade is in the books: by the venue's own number, else by id, price and quantity.

    Ids alone repeat at some venues; a number that was seen before never comes this far.
    """
    if report.report:
        return False
    return any(
        (known.execution_id, known.price, known.quantity) == (report.execution_id, report.price, report.quantity)
        for known in transaction.ledger.fills.get(root, ())
    )


def dropped(transaction: Transaction, order: Order, request: rq.VenueRequest, cause: str) -> ev.Event:
    """The event of a request that never left: the order ends, a cancel or a replace was not made."""
    reason, time, wall = rq.RejectReason.NOT_SENT, transaction.time, transaction.now.wall
    match request:
        case rq.SubmitOrder():
            return ev.OrderRejected(order_id=order.order_id, reason=reason, text=cause, report=0, time=time, wall=wall)
        case rq.ReplaceOrder():
            return ev.ReplaceRejected(
                order_id=order.order_id,
                new_id=request.new_id,
                reason=reason,
                text=cause,
                report=0,
                time=time,
                wall=wall,
            )
        case _:
            return ev.CancelRejected(order_id=order.order_id, reason=reason, text=cause, report=0, time=time, wall=wall)


def withdrawn(transaction: Transaction, order: Order, request: rq.VenueRequest, cause: str) -> ev.Event:
    """The event of a request that we took back ourselves before it was sent."""
    if isinstance(request, rq.ReplaceOrder):
        return dropped(transaction, order, request, cause)
    return ev.OrderCanceled(
        order_id=order.order_id, text=cause, report=0, time=transaction.time, wall=transaction.now.wall
    )


def changed_in_engine(transaction: Transaction, order: Order) -> ev.OrderReplaced:
    """The event of a change to an order that the engine holds: nobody else needs to agree."""
    return ev.OrderReplaced(
        order_id=order.order_id,
        new_id=order.replacing_id,
        quantity=order.replacing_quantity or order.quantity,
        price=order.replacing_price,
        report=0,
        time=transaction.time,
        wall=transaction.now.wall,
        stop=order.replacing_stop,
    )


def ended_in_engine(transaction: Transaction, order: Order, cause: str) -> ev.OrderCanceled:
    """The event of a cancel of an order that the engine holds: it ends at once."""
    return ev.OrderCanceled(
        order_id=order.order_id,
        text=f"{cause}: held in the engine",
        report=0,
        time=transaction.time,
        wall=transaction.now.wall,
    )


def expired_in_engine(transaction: Transaction, order: Order, cause: str) -> ev.OrderExpired:
    """The event of an order that the engine holds and whose time is over."""
    return ev.OrderExpired(
        order_id=order.order_id, text=cause, report=0, time=transaction.time, wall=transaction.now.wall
    )


def triggered_in_engine(transaction: Transaction, order: Order, price: int, step: int) -> ev.OrderTriggered:
    """The event of a stop that the engine holds and that has seen its price."""
    return ev.OrderTriggered(
        order_id=order.order_id, price=price, step=step, report=0, time=transaction.time, wall=transaction.now.wall
    )


def protection_first(ledger: Ledger) -> list[str]:
    """The orders in doubt in the order in which they are asked for, and sent again: what protects, then the rest."""
    if not ledger.doubtful:
        return []
    return sorted(ledger.doubtful, key=lambda root: ledger.orders[root].order_class is not PROTECTIVE)


def found_ended(order: Order, report: rq.OrderFound) -> ev.Event | None:
    """The event of an order that the venue says has ended without a trade we do not know; None for a filled one."""
    status = report.status.value
    if status == "CANCELED":
        return ev.OrderCanceled(
            order_id=order.order_id, text="found canceled", report=0, time=report.time, wall=report.wall
        )
    if status == "EXPIRED":
        return ev.OrderExpired(
            order_id=order.order_id, text="found expired", report=0, time=report.time, wall=report.wall
        )
    if status in ("REJECTED", "DENIED"):
        return rejected(order, rq.RejectReason.OTHER, "found rejected", 0, report)
    return None


def rejected(order: Order, reason: rq.RejectReason, text: str, number: int, report: rq.VenueReport) -> ev.OrderRejected:
    return ev.OrderRejected(
        order_id=order.order_id, reason=reason, text=text, report=number, time=report.time, wall=report.wall
    )


def replace_rejected(
    order: Order, reason: rq.RejectReason, text: str, number: int, report: rq.ReplaceRefused
) -> ev.ReplaceRejected:
    return ev.ReplaceRejected(
        order_id=order.order_id,
        new_id=report.new_id,
        reason=reason,
        text=text,
        report=number,
        time=report.time,
        wall=report.wall,
    )


def _revised(transaction: Transaction, order: Order, report: rq.Busted | rq.Corrected, sent: WallTime) -> Booked | None:
    for known in transaction.ledger.fills.get(order.chain[0], ()):
        if known.execution_id != report.execution_id:
            continue
        if isinstance(report, rq.Busted):
            busted = ev.FillBusted(
                order_id=order.order_id,
                execution_id=known.execution_id,
                price=known.price,
                quantity=known.quantity,
                fee=known.fee,
                report=report.report,
                time=report.time,
                wall=report.wall,
            )
            return busted, Fact.BUSTED
        corrected = ev.FillCorrected(
            order_id=order.order_id,
            execution_id=known.execution_id,
            old_price=known.price,
            old_quantity=known.quantity,
            old_fee=known.fee,
            price=report.price,
            quantity=report.quantity,
            fee=report.fee,
            report=report.report,
            time=report.time,
            wall=report.wall,
        )
        return corrected, Fact.CORRECTED
    return None


_BOOK: Mapping[type, Callable[[Transaction, Order, Any, WallTime], Booked | None]] = {
    rq.Acknowledged: _acknowledged,
    rq.Filled: _filled,
    rq.Canceled: _canceled,
    rq.Expired: _expired,
    rq.Rejected: _rejected,
    rq.Replaced: _replaced,
    rq.Triggered: _triggered,
    rq.CancelRefused: _cancel_refused,
    rq.ReplaceRefused: _replace_refused,
    rq.Busted: _revised,
    rq.Corrected: _revised,
}
