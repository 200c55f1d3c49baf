"""Asks the journal for trades that the ledger has forgotten, when a venue revises one; it decides nothing."""

from __future__ import annotations

import msgspec

from execution.services.engine_parts import Archive, Codec
from toolkit.domain import events as ev
from toolkit.domain.errors import JournalError, TransportError
from toolkit.domain.ledger import Ledger
from toolkit.domain.ports import Journal, Sealed
from toolkit.domain.requests import Busted, Corrected, VenueReport
from toolkit.engine.messages import Recalled

Revision = Busted | Corrected


def is_forgotten(ledger: Ledger, report: VenueReport) -> bool:
    """Whether it revises a trade that only the journal can know."""
    return (
        isinstance(report, Revision)
        and ledger.order(report.order_id) is None
        and report.order_id not in ledger.strangers
        and report.order_id not in ledger.joined.ids
    )


async def remembered(journal: Journal, archive: Archive, codec: Codec, report: VenueReport) -> VenueReport | Recalled:
    """The report with the trade that it revises; the bare report when the journal has no such trade, or is away.

    Reads the archive and the journal from their first entries: a venue does this once in a blue moon.
    """
    if not isinstance(report, Revision):
        return report
    trades: dict[str, ev.OrderFilled] = {}
    after = 0
    try:
        for sealed in archive.read():
            after = sealed.last
            _take_in(trades, report.execution_id, codec, sealed)
        while chunk := await journal.batches(after, 0):
            after = chunk[-1].last
            for sealed in chunk:
                _take_in(trades, report.execution_id, codec, sealed)
    except (TransportError, JournalError):  # what cannot be read tells nothing; the revision is alarmed as unknown
        return report
    trade = trades.get(report.order_id) or (next(iter(trades.values())) if len(trades) == 1 else None)
    return report if trade is None else Recalled(report=report, trade=trade)


def _take_in(trades: dict[str, ev.OrderFilled], execution_id: str, codec: Codec, sealed: Sealed) -> None:
    """Trades by the id of their order then: a replaced order has later ones, and venues use an execution id twice."""
    if execution_id.encode() not in sealed.payload:
        return
    for event in codec.open_batch(sealed.payload).events:
        if isinstance(event, ev.OrderFilled | ev.FillBusted | ev.FillCorrected) and event.execution_id == execution_id:
            _apply(trades, event)


def _apply(trades: dict[str, ev.OrderFilled], event: ev.OrderFilled | ev.FillBusted | ev.FillCorrected) -> None:
    if isinstance(event, ev.OrderFilled):
        trades.setdefault(event.order_id, event)
        return
    name = event.order_id if event.order_id in trades else next(iter(trades), "")
    if name and isinstance(event, ev.FillBusted):
        del trades[name]
    elif name and isinstance(event, ev.FillCorrected):
        change = {"price": event.price, "quantity": event.quantity, "fee": event.fee}
        trades[name] = msgspec.structs.replace(trades[name], **change)
