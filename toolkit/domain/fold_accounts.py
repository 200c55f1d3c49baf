"""The fold of what happens to accounts: transfers, adjustments, corporate actions, adopted orders, breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.breaks import break_key
from toolkit.domain.ledger import Fill, Ledger
from toolkit.domain.money import divide_half_even
from toolkit.domain.orders import AT_VENUE, NO_DOUBT, Order, OrderType, Status, Terms, TimeInForce
from toolkit.domain.positions import FLAT, Mark, after_exchange, note_elsewhere
from toolkit.domain.requests import VenueOrder

NOT_OURS = "adopted"
"""The version of an order that no strategy decided."""


def _position_transferred(ledger: Ledger, event: ev.PositionTransferred) -> None:
    currency = ledger.instruments.require(event.instrument).currency
    if event.source in ledger.elsewhere:
        _give_elsewhere(ledger, event)
    for sub_account, sign in ((event.source, -1), (event.target, 1)):
        _exchange(ledger, sub_account, event.instrument, sign * event.lots, sign * event.worth)
        ledger.move_cash(sub_account, currency, -sign * event.worth, "")
        ledger.number_position(sub_account)


def _give_elsewhere(ledger: Ledger, event: ev.PositionTransferred) -> None:
    """What lies at the instrument's own venue goes first, then lots at others, by the names of these."""
    lots_at = dict(ledger.elsewhere[event.source].get(event.instrument, {}))
    sign = 1 if event.lots > 0 else -1
    at_home = ledger.position(event.source, event.instrument).lots - sum(lots_at.values())
    left = abs(event.lots) - max(0, sign * at_home)
    for venue, lots in sorted(lots_at.items()):
        given = sign * min(max(0, left), max(0, sign * lots))
        if given:
            note_elsewhere(ledger.elsewhere, event.source, event.instrument, venue, -given)
            note_elsewhere(ledger.elsewhere, event.target, event.instrument, venue, given)
            left -= abs(given)


def _position_adjusted(ledger: Ledger, event: ev.PositionAdjusted) -> None:
    instrument = ledger.instruments.require(event.instrument)
    currency = instrument.currency
    if event.venue != instrument.venue:
        note_elsewhere(ledger.elsewhere, event.sub_account, event.instrument, event.venue, event.lots)
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
    if event.kind not in AS_THE_VENUE_SAYS:
        booked = ledger.booked_cash.setdefault(venue, {})
        booked[event.asset] = booked.get(event.asset, 0) + event.amount
    if event.kind in ev.MOVED_BY_PEOPLE:
        _note_moved(ledger, event.sub_account, event.asset, event.amount)


AS_THE_VENUE_SAYS = frozenset({"transfer", "adjustment"})
"""What moves no account of a venue, and what brings our books to what it says."""


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
    _split_at_venues(ledger, event)
    ledger.standing.forget(symbol)
    mark = ledger.marks.get(symbol)
    if mark is not None:
        twice = divide_half_even(mark.twice * event.denominator, event.numerator)
        ledger.marks[symbol] = Mark(twice=twice, step=mark.step, time=mark.time)


def _split_at_venues(ledger: Ledger, event: ev.InstrumentSplit) -> None:
    """Whole lots of each strategy at venues that are not the instrument's own; all that is left lies there."""
    symbol, home = event.instrument, ledger.instruments.require(event.instrument).venue
    there: dict[str, int] = {}
    for held in ledger.elsewhere.values():
        for venue, before in list(held.get(symbol, {}).items()):
            lots = abs(before) * event.numerator // event.denominator * (1 if before > 0 else -1)
            there[venue] = there.get(venue, 0) + lots
            held[symbol][venue] = lots
            if not lots:
                del held[symbol][venue]
    for venue, account in ledger.venue_positions.items():
        if venue != home and symbol in account:
            account[symbol] = there.get(venue, 0)
    total = sum(position[symbol].lots for position in ledger.positions.values() if symbol in position)
    if total - sum(there.values()) or symbol in ledger.venue_positions.get(home, {}):
        ledger.venue_positions.setdefault(home, {})[symbol] = total - sum(there.values())


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
    for lots_at in ledger.elsewhere.values():
        if event.old in lots_at:
            lots_at[event.new] = lots_at.pop(event.old)
    if event.old in ledger.marks:
        ledger.marks[event.new] = ledger.marks.pop(event.old)
    ledger.standing.forget(event.old)
    ledger.standing.forget(event.new)


def _order_adopted(ledger: Ledger, event: ev.OrderAdopted) -> None:
    listed = event.listed
    known = _owned_already(ledger, event)
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


def _owned_already(ledger: Ledger, event: ev.OrderAdopted) -> list[Fill]:
    """What it filled before stays whose it is, also when the venue takes it back."""
    known = ledger.fills.get(event.order_id, [])
    past = ledger.strangers.pop(event.order_id, None)
    if known and past is not None and past.strategy != event.sub_account:
        known = [msgspec.structs.replace(fill, owner=past.strategy) for fill in known]
        ledger.fills[event.order_id] = known
    return known


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
