"""The fold of what happens to accounts: transfers, adjustments, corporate actions, adopted orders, breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.breaks import break_key
from toolkit.domain.ledger import Ledger, Mark
from toolkit.domain.money import divide_half_even
from toolkit.domain.orders import AT_VENUE, NO_DOUBT, Order, OrderType, Status, Terms, TimeInForce
from toolkit.domain.positions import FLAT, after_exchange
from toolkit.domain.requests import VenueOrder

NOT_OURS = "adopted"
"""The version of an order that no strategy decided."""


def _position_transferred(ledger: Ledger, event: ev.PositionTransferred) -> None:
    currency = ledger.instruments.require(event.instrument).currency
    for sub_account, sign in ((event.source, -1), (event.target, 1)):
        _exchange(ledger, sub_account, event.instrument, sign * event.lots, sign * event.worth)
        ledger.move_cash(sub_account, currency, -sign * event.worth, "")
        ledger.number_position(sub_account)


def _position_adjusted(ledger: Ledger, event: ev.PositionAdjusted) -> None:
    currency = ledger.instruments.require(event.instrument).currency
    _exchange(ledger, event.sub_account, event.instrument, event.lots, event.worth)
    ledger.move_cash(event.sub_account, currency, -event.worth, event.venue)
    ledger.move_lots(event.venue, event.instrument, event.lots)
    ledger.number_position(event.sub_account)


def _exchange(ledger: Ledger, sub_account: str, symbol: str, lots: int, worth: int) -> None:
    before = ledger.positions.setdefault(sub_account, {}).get(symbol, FLAT)
    ledger.hold(sub_account, symbol, before, after_exchange(before, lots, worth))


def _cash_transferred(ledger: Ledger, event: ev.CashTransferred) -> None:
    for sub_account, amount in ((event.source, -event.amount), (event.target, event.amount)):
        ledger.move_cash(sub_account, event.asset, amount, "")
        _note_moved(ledger, sub_account, event.asset, amount)


def _cash_moved(ledger: Ledger, event: ev.CashMoved) -> None:
    venue = event.venue or next(iter(ledger.venues), "")
    ledger.move_cash(event.sub_account, event.asset, event.amount, "" if event.kind == "transfer" else venue)
    if event.kind in ev.MOVED_BY_PEOPLE:
        _note_moved(ledger, event.sub_account, event.asset, event.amount)


def _note_moved(ledger: Ledger, sub_account: str, asset: str, amount: int) -> None:
    """What people move is no result."""
    moved = ledger.moved.setdefault(sub_account, {})
    moved[asset] = moved.get(asset, 0) + amount


def _instrument_split(ledger: Ledger, event: ev.InstrumentSplit) -> None:
    """Lots change and what they cost does not, so neither does the result: a mark is as much lower."""
    symbol = event.instrument
    for sub_account, lots in event.lots:
        before = ledger.positions.setdefault(sub_account, {}).get(symbol, FLAT)
        ledger.hold(sub_account, symbol, before, msgspec.structs.replace(before, lots=lots))
        ledger.number_position(sub_account)
    for account in ledger.venue_positions.values():
        if account.get(symbol):
            account[symbol] = sum(lots for _, lots in event.lots)
    ledger.standing.forget(symbol)
    mark = ledger.marks.get(symbol)
    if mark is not None:
        twice = divide_half_even(mark.twice * event.denominator, event.numerator)
        ledger.marks[symbol] = Mark(twice=twice, step=mark.step, time=mark.time)


def _symbol_changed(ledger: Ledger, event: ev.SymbolChanged) -> None:
    for sub_account, held in ledger.positions.items():
        position = held.get(event.old)
        if position is not None:
            ledger.hold(sub_account, event.new, held.get(event.new, FLAT), position)
            ledger.hold(sub_account, event.old, position, FLAT)
            del held[event.old]
            ledger.number_position(sub_account)
            ledger.number_position(sub_account)
    for account in ledger.venue_positions.values():
        if event.old in account:
            account[event.new] = account.get(event.new, 0) + account.pop(event.old)
    if event.old in ledger.marks:
        ledger.marks[event.new] = ledger.marks.pop(event.old)
    ledger.standing.forget(event.old)
    ledger.standing.forget(event.new)


def _order_adopted(ledger: Ledger, event: ev.OrderAdopted) -> None:
    listed = event.listed
    ledger.strangers.pop(event.order_id, None)
    known = ledger.fills.get(event.order_id, ())
    ledger.put(
        Order(
            order_id=event.order_id,
            chain=(event.order_id,),
            strategy=event.sub_account,
            version=NOT_OURS,
            intent_id=f"{NOT_OURS} {event.order_id}",
            instrument=listed.instrument,
            venue=event.venue,
            side=listed.side,
            order_type=_order_type(listed),
            time_in_force=TimeInForce.GTC,
            order_class=listed.order_class,
            quantity=listed.quantity,
            price=listed.price,
            post_only=False,
            reduce_only=False,
            status=_status(listed),
            doubt=NO_DOUBT,
            step=ledger.step,
            decided=event.wall,
            created=event.time,
            filled=listed.filled,
            cost=sum(fill.price * fill.quantity for fill in known),
            venue_order_id=listed.venue_order_id,
            reason=event.reason,
            requested=event.time,
            terms=None if listed.stop is None else Terms(stop=listed.stop, held_at=AT_VENUE),
        )
    )
    ledger.number_inbox(event.sub_account, ev.OrderAdopted)


def _status(listed: VenueOrder) -> Status:
    if listed.filled >= listed.quantity:
        return Status.FILLED
    return Status.PARTIALLY_FILLED if listed.filled else Status.NEW


def _order_type(listed: VenueOrder) -> OrderType:
    if listed.stop is not None:
        return OrderType.STOP if listed.price is None else OrderType.STOP_LIMIT
    return OrderType.MARKET if listed.price is None else OrderType.LIMIT


def _break_confirmed(ledger: Ledger, event: ev.BreakConfirmed) -> None:
    ledger.breaks[break_key(event.venue, event.kind, event.subject)] = event


def _break_resolved(ledger: Ledger, event: ev.BreakResolved) -> None:
    ledger.breaks.pop(break_key(event.venue, event.kind, event.subject), None)


ACCOUNT_HANDLERS: dict[type, Callable[[Ledger, Any], None]] = {
    ev.CashMoved: _cash_moved,
    ev.PositionTransferred: _position_transferred,
    ev.PositionAdjusted: _position_adjusted,
    ev.CashTransferred: _cash_transferred,
    ev.InstrumentSplit: _instrument_split,
    ev.SymbolChanged: _symbol_changed,
    ev.OrderAdopted: _order_adopted,
    ev.BreakConfirmed: _break_confirmed,
    ev.BreakResolved: _break_resolved,
}
