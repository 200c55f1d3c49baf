"""Reports about orders that are not in the books: what they filled is booked all the same, and somebody is told."""

from __future__ import annotations

from toolkit.domain import events as ev
from toolkit.domain import requests as rq
from toolkit.domain.identifiers import belongs_to
from toolkit.domain.ledger import HOUSE, MANUAL, Fill, Ledger
from toolkit.domain.time import WallTime
from toolkit.engine.messages import Recalled
from toolkit.engine.order_facts import fill, is_booked
from toolkit.engine.transaction import Transaction

NOT_SENT_HERE = WallTime(0)


def hear_of_stranger(transaction: Transaction, report: rq.VenueReport) -> None:
    """A trade goes to `house` if the order is ours by its id, else to `manual`; a revision to where the trade went."""
    if isinstance(report, rq.OrderFound | rq.OrderNotFound):
        return
    ours = belongs_to(transaction.ledger.desk, report.order_id)
    if isinstance(report, rq.Filled):
        if transaction.ledger.instruments.find(report.instrument) is not None:
            if is_booked(transaction, report.order_id, report):
                return
            transaction.emit(fill(report, HOUSE if ours else MANUAL, NOT_SENT_HERE, venue=report.venue))
    elif isinstance(report, rq.Busted | rq.Corrected):
        revised = _revised(transaction.ledger, report)
        if revised is None:
            told_of(transaction, "unknown_execution", report, f"{type(report).__name__} of a trade not in the books")
            return
        transaction.emit(revised)
    kind = "lost_order" if ours else "foreign_order"
    told_of(transaction, kind, report, f"{type(report).__name__} from {report.venue}: {_what(report)}")


def recall(transaction: Transaction, recalled: Recalled) -> None:
    """A revision of a trade that the ledger has forgotten: the journal remembered it."""
    report, trade = recalled.report, recalled.trade
    if report.report and report.report <= transaction.ledger.venue_reports.get(report.venue, 0):
        return
    past = ev.PastTrade(
        strategy=trade.strategy,
        venue=report.venue,
        instrument=trade.instrument,
        side=trade.side,
        fee_asset=trade.fee_asset,
    )
    transaction.emit(_revision(report, past, trade.price, trade.quantity, trade.fee))
    what = "taken back" if isinstance(report, rq.Busted) else "corrected"
    transaction.alarm("late_revision", report.order_id, f"trade {report.execution_id} of long ago was {what}")


def told_of(transaction: Transaction, kind: str, report: rq.VenueReport, detail: str) -> None:
    """Alarm for a report that changes nothing else: it counts as heard, so that no start hears it again."""
    transaction.alarm(kind, report.order_id, detail, venue=report.venue, report=getattr(report, "report", 0))


def _revised(ledger: Ledger, report: rq.Busted | rq.Corrected) -> ev.Event | None:
    past = ledger.strangers.get(report.order_id)
    known = _known_fill(ledger, report)
    if past is None or known is None:
        return None
    return _revision(report, past, known.price, known.quantity, known.fee)


def _known_fill(ledger: Ledger, report: rq.Busted | rq.Corrected) -> Fill | None:
    fills = ledger.fills.get(report.order_id, ())
    return next((known for known in fills if known.execution_id == report.execution_id), None)


def _revision(
    report: rq.Busted | rq.Corrected, past: ev.PastTrade, price: int, quantity: int, fee: int
) -> ev.FillBusted | ev.FillCorrected:
    if isinstance(report, rq.Busted):
        return ev.FillBusted(
            order_id=report.order_id,
            execution_id=report.execution_id,
            price=price,
            quantity=quantity,
            fee=fee,
            report=report.report,
            time=report.time,
            wall=report.wall,
            past=past,
        )
    return ev.FillCorrected(
        order_id=report.order_id,
        execution_id=report.execution_id,
        old_price=price,
        old_quantity=quantity,
        old_fee=fee,
        price=report.price,
        quantity=report.quantity,
        fee=report.fee,
        report=report.report,
        time=report.time,
        wall=report.wall,
        past=past,
    )


def _what(report: rq.VenueReport) -> str:
    if isinstance(report, rq.Filled):
        return f"{report.side.name} {report.quantity} lots of {report.instrument} at {report.price} ticks"
    return "an order that is not in the books"
