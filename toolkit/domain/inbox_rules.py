"""Which event tells its strategy what: the one place that turns events into inbox items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolkit.domain import events as ev
from toolkit.domain.inbox import INBOX_ITEMS, CapitalChanged, FillBooked, InboxItem, OrderChanged, Restored
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import Doubt, Order, Side, Status

Told = tuple[str, tuple[InboxItem, ...]] | None


def order_changed(order: Order) -> OrderChanged:
    """An order as its strategy is told of it."""
    return OrderChanged(
        order_id=order.order_id,
        intent_id=order.intent_id,
        instrument=order.instrument,
        side=order.side,
        quantity=order.quantity,
        filled=order.filled,
        price=order.price,
        status=order.status,
        doubt=order.doubt,
        reason=order.reason,
        terms=order.terms,
    )


def restored(ledger: Ledger, strategy: str, incarnation: int) -> Restored:
    """Everything of a strategy that survives its process.

    Steps up to the engine's own cursor that the runner answered quietly need no answer again: they changed nothing.
    """
    runner = ledger.runners[strategy]
    step = max(runner.step, ledger.step)
    return Restored(
        incarnation=incarnation,
        step=step,
        inbox=runner.inbox,
        state=runner.state,
        capital=ledger.capital.get(strategy, 0),
        base_currency=ledger.base_currency,
        positions=tuple((symbol, held.lots) for symbol, held in ledger.positions.get(strategy, {}).items()),
        orders=tuple(order_changed(order) for order in ledger.open_orders(strategy)),
    )


def _booked(
    ledger: Ledger,
    order: Order,
    event: ev.OrderFilled | ev.FillBusted | ev.FillCorrected,
    quantity: int,
    fee_asset: str = "",
) -> FillBooked:
    return FillBooked(
        order_id=order.order_id,
        intent_id=order.intent_id,
        instrument=order.instrument,
        side=order.side,
        quantity=quantity,
        price=event.price,
        fee=event.fee,
        fee_asset=fee_asset,
        position=ledger.position(order.strategy, order.instrument).lots,
        time=event.time,
    )


def _refused(event: ev.IntentRefused, intent_id: str) -> OrderChanged:
    return OrderChanged(
        order_id="",
        intent_id=intent_id,
        instrument=event.instrument,
        side=Side.BUY,
        quantity=0,
        filled=0,
        price=None,
        status=Status.DENIED,
        doubt=Doubt.NONE,
        reason=event.reason,
    )


def _tell_capital(ledger: Ledger, event: ev.CapitalAllocated) -> Told:
    return event.strategy, (CapitalChanged(amount=event.amount),)


def _tell_restored(ledger: Ledger, event: ev.RunnerStarted) -> Told:
    return event.strategy, (restored(ledger, event.strategy, event.incarnation),)


def _tell_refusal(ledger: Ledger, event: ev.IntentRefused) -> Told:
    return event.strategy, tuple(_refused(event, intent_id) for intent_id in (event.intent_id, *event.others))


def _tell_fill(ledger: Ledger, event: ev.OrderFilled) -> Told:
    order = ledger.order(event.order_id)
    if order is None:
        return None
    return order.strategy, (_booked(ledger, order, event, event.quantity, event.fee_asset), order_changed(order))


def _tell_revision(ledger: Ledger, event: ev.FillBusted | ev.FillCorrected) -> Told:
    order = ledger.order(event.order_id)
    if order is None:
        return None
    quantity = -event.quantity if isinstance(event, ev.FillBusted) else event.quantity - event.old_quantity
    return order.strategy, (_booked(ledger, order, event, quantity), order_changed(order))


def _tell_change(ledger: Ledger, event: Any) -> Told:
    order = ledger.order(event.order_id)
    return None if order is None else (order.strategy, (order_changed(order),))


# The strategy and the items that an event makes, given the ledger right after it; None, or no place here, for none.
TELL: dict[type, Callable[[Ledger, Any], Told]] = {
    **dict.fromkeys(INBOX_ITEMS, _tell_change),
    ev.CapitalAllocated: _tell_capital,
    ev.RunnerStarted: _tell_restored,
    ev.IntentRefused: _tell_refusal,
    ev.OrderFilled: _tell_fill,
    ev.FillBusted: _tell_revision,
    ev.FillCorrected: _tell_revision,
}
