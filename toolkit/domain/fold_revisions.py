"""The fold of busts and corrections, of trades that the ledger has and of those that it forgot or never had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.errors import JournalError
from toolkit.domain.fold_orders import note_doubt, transit
from toolkit.domain.ledger import Fill, Ledger
from toolkit.domain.order_tables import Fact
from toolkit.domain.orders import ENTRY, NO_DOUBT, Side


def _fill_busted(ledger: Ledger, event: ev.FillBusted) -> None:
    _revise(ledger, event, None)


def _fill_corrected(ledger: Ledger, event: ev.FillCorrected) -> None:
    _revise(ledger, event, event)


def _revise(ledger: Ledger, event: ev.FillBusted | ev.FillCorrected, new: ev.FillCorrected | None) -> None:
    """Take a fill back and, for a correction, book it as it should have been."""
    order = ledger.order(event.order_id)
    if order is None:
        if event.past is None:
            raise JournalError(f"event {ledger.sequence} revises order {event.order_id}, which the ledger never had")
        _revise_past(ledger, event, event.past, new)
        return
    old = _revise_fill(ledger, order.chain[0], event, new)
    if old is None:
        raise JournalError(f"event {ledger.sequence}: {order.order_id} has no fill {event.execution_id!r}")
    past = ev.PastTrade(
        strategy=old.owner or order.strategy, venue=order.venue, instrument=order.instrument, side=order.side,
        fee_asset="",
    )  # fmt: skip
    quantity = price = 0
    if new is not None:
        quantity, price = new.quantity, new.price
    _book_anew(ledger, past, old, new, event.report)
    ledger.number_inbox(order.strategy, type(event))
    if order.is_open and order.order_class is ENTRY and order.filled == old.quantity and not quantity:
        ledger.entering[order.strategy] = ledger.entering.get(order.strategy, 0) + 1
    order = transit(
        ledger,
        order,
        Fact.BUSTED if new is None else Fact.CORRECTED,
        filled=order.filled - old.quantity + quantity,
        cost=order.cost - old.price * old.quantity + price * quantity,
    )
    if order.doubt is not NO_DOUBT:
        note_doubt(ledger, order, event)


def _revise_past(
    ledger: Ledger, event: ev.FillBusted | ev.FillCorrected, past: ev.PastTrade, new: ev.FillCorrected | None
) -> None:
    """A trade of long ago, or of somebody else's order: the event itself says what it was."""
    old_price, old_quantity, old_fee = (
        (event.price, event.quantity, event.fee)
        if isinstance(event, ev.FillBusted)
        else (event.old_price, event.old_quantity, event.old_fee)
    )
    old = Fill(
        execution_id=event.execution_id,
        price=old_price,
        quantity=old_quantity,
        fee=old_fee,
        fee_asset=past.fee_asset,
    )
    _revise_fill(ledger, event.order_id, event, new)
    _book_anew(ledger, past, old, new, event.report)


def _revise_fill(
    ledger: Ledger, root: str, event: ev.FillBusted | ev.FillCorrected, new: ev.FillCorrected | None
) -> Fill | None:
    """Change the fill where it is kept; returns what it was, None where it is not."""
    fills = ledger.fills.get(root, [])
    index = next((i for i, fill in enumerate(fills) if fill.execution_id == event.execution_id), None)
    if index is None:
        return None
    old = fills.pop(index)
    if new is not None:
        fills.insert(index, msgspec.structs.replace(old, price=new.price, quantity=new.quantity, fee=new.fee))
    return old


def _book_anew(ledger: Ledger, past: ev.PastTrade, old: Fill, new: ev.FillCorrected | None, report: int) -> None:
    instrument = ledger.instruments.require(past.instrument)
    ledger.note_report(past.venue, report)
    ledger.book_trade(past.strategy, past.venue, instrument, Side(-past.side), old.quantity, old.price)
    ledger.charge(past.strategy, old.fee_asset, -old.fee, past.venue)
    if new is not None:
        ledger.book_trade(past.strategy, past.venue, instrument, past.side, new.quantity, new.price)
        ledger.charge(past.strategy, old.fee_asset, new.fee, past.venue)


REVISION_HANDLERS: dict[type, Callable[[Ledger, Any], None]] = {
    ev.FillBusted: _fill_busted,
    ev.FillCorrected: _fill_corrected,
}
