"""The fold of what happens to orders: one handler per event; it never refuses a venue's fact and decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from toolkit.domain import bursts
from toolkit.domain import events as ev
from toolkit.domain.errors import JournalError
from toolkit.domain.ledger import STRANGERS_KEPT, Fill, Ledger
from toolkit.domain.order_tables import FACTS, Fact, OrderCommand, after_command
from toolkit.domain.orders import AT_VENUE, ENTRY, IN_ENGINE, NO_DOUBT, Doubt, Order, Status, Terms, TradingState
from toolkit.domain.recent import asked_for, note

# Members of enums by a name of their own: looking one up on its class costs as much as a step of the fold.
PENDING_NEW, DENIED = Status.PENDING_NEW, Status.DENIED
FILLED, PARTIALLY_FILLED, NEW = Status.FILLED, Status.PARTIALLY_FILLED, Status.NEW
ACKNOWLEDGED, FILLED_PARTLY, FILLED_WHOLLY, CANCELED = (
    Fact.ACKNOWLEDGED,
    Fact.FILLED_PARTLY,
    Fact.FILLED_WHOLLY,
    Fact.CANCELED,
)
CANCEL, REPLACE, RELEASE = OrderCommand.CANCEL, OrderCommand.REPLACE, OrderCommand.RELEASE


def _order_submitted(ledger: Ledger, event: ev.OrderSubmitted) -> None:
    ledger.count(event.strategy, "orders")
    price, terms, status = event.price, event.terms, PENDING_NEW
    if terms is not None:
        price = terms.stop if price is None else price
        status = NEW if terms.held_at is IN_ENGINE else PENDING_NEW
    if event.order_class is ENTRY:  # the entry that follows an exit through zero may be as large: it is no duplicate
        asked = asked_for(event.instrument, event.side, event.quantity, price)
        note(ledger.recent.setdefault(event.strategy, {}), asked, event.time, ledger.duplicate_window)
        if ledger.bursts:
            _note_burst(ledger, event, event.strategy, event.instrument, event.venue, event.quantity)
        if ledger.overrides:
            _note_use(ledger, event.strategy, event.instrument, event.venue)
    _new_order(ledger, event, status, event.reason)


def _note_burst(
    ledger: Ledger,
    event: ev.OrderSubmitted | ev.ReplaceRequested,
    strategy: str,
    instrument: str,
    venue: str,
    lots: int,
) -> None:
    sent = bursts.Sent(time=event.time, instrument=instrument, value=event.worth, lots=lots)
    bursts.note(ledger.bursts, sent, strategy, venue, ledger.burst_window)


def _note_use(ledger: Ledger, strategy: str, instrument: str, venue: str) -> None:
    """Count an entry, or a change of one, on each override that speaks of it; the next order sees what is used up."""
    deployment = ledger.deployments.get(strategy)
    stage = "" if deployment is None else deployment.stage
    noted = {
        key: msgspec.structs.replace(override, used=override.used + 1)
        if override.speaks_of(strategy, instrument, venue, stage)
        else override
        for key, override in ledger.overrides.items()
    }
    if any(override.is_used_up for override in noted.values()):
        ledger.overrides = noted
    else:
        ledger.overrides.update(noted)


def _order_denied(ledger: Ledger, event: ev.OrderDenied) -> None:
    ledger.count(event.strategy, "denied")
    if ledger.states and ledger.trading_state(event.strategy, event.venue)[0] is TradingState.HALTED:
        ledger.in_vain[event.strategy] = ledger.in_vain.get(event.strategy, 0) + 1
    _new_order(ledger, event, DENIED, f"control {event.control}: {event.observed}, limit {event.limit}")


def _new_order(ledger: Ledger, event: ev.OrderSubmitted | ev.OrderDenied, status: Status, reason: str) -> None:
    ledger.order_count += 1
    intents = ledger.intents.setdefault(event.strategy, {})
    if ledger.yielded:
        ledger.yielded.pop(intents.get(event.intent_id, ""), None)
    if ledger.changes:
        ledger.changes.pop(intents.get(event.intent_id, ""), None)
    if status is DENIED:  # one that is asked for again stays what became of it the first time
        intents.setdefault(event.intent_id, event.order_id)
    else:
        intents[event.intent_id] = event.order_id
    order = Order(  # by place: so many names cost as much as the rest of the fold
        event.order_id,
        (event.order_id,),
        event.strategy,
        event.version,
        event.intent_id,
        event.instrument,
        event.venue,
        event.side,
        event.order_type,
        event.time_in_force,
        event.order_class,
        event.quantity,
        event.price,
        event.post_only,
        event.reduce_only,
        status,
        NO_DOUBT,
        event.seen.step,
        event.wall,
        event.time,
        reason=reason,
        requested=event.time,
        terms=event.terms,
        cap=event.cap if type(event) is ev.OrderSubmitted else None,
    )
    ledger.put(order)
    ledger.number_inbox(event.strategy, type(event))


def _cancel_requested(ledger: Ledger, event: ev.CancelRequested) -> None:
    order = _known(ledger, event.order_id)
    status = after_command(order.status, order.doubt, CANCEL, order.order_id)
    ledger.put(msgspec.structs.replace(order, status=status, requested=event.time, withdrawn=True))
    if event.yields:
        ledger.yielded[order.chain[0]] = None
    if event.change is not None:
        ledger.changes[order.chain[0]] = event.change
    elif ledger.changes:
        ledger.changes.pop(order.chain[0], None)
    ledger.number_inbox(order.strategy, ev.CancelRequested)


def _replace_requested(ledger: Ledger, event: ev.ReplaceRequested) -> None:
    order = _known(ledger, event.order_id)
    status = after_command(order.status, order.doubt, REPLACE, order.order_id)
    ledger.order_count += 1
    if event.worth:
        _note_burst(ledger, event, order.strategy, order.instrument, order.venue, event.quantity - order.quantity)
    if ledger.overrides and order.order_class is ENTRY:
        _note_use(ledger, order.strategy, order.instrument, order.venue)
    ledger.aliases[event.new_id] = order.chain[0]
    ledger.put(
        msgspec.structs.replace(
            order,
            status=status,
            chain=(*order.chain, event.new_id),
            replacing_id=event.new_id,
            replacing_quantity=event.quantity,
            replacing_price=event.price,
            replacing_stop=event.stop,
            requested=event.time,
        )
    )
    ledger.number_inbox(order.strategy, ev.ReplaceRequested)


def _order_resubmitted(ledger: Ledger, event: ev.OrderResubmitted) -> None:
    _known(ledger, event.order_id)


def _order_acknowledged(ledger: Ledger, event: ev.OrderAcknowledged) -> None:
    if event.venue_order_id:
        _fact(ledger, event.order_id, ACKNOWLEDGED, event, event.report, venue_order_id=event.venue_order_id)
    else:
        _fact(ledger, event.order_id, ACKNOWLEDGED, event, event.report)


def _order_filled(ledger: Ledger, event: ev.OrderFilled) -> None:
    order = ledger.order(event.order_id)
    instrument = ledger.instruments.require(event.instrument)
    venue = order.venue if order is not None else event.venue or instrument.venue
    ledger.note_report(venue, event.report)
    ledger.book_trade(event.strategy, venue, instrument, event.side, event.quantity, event.price)
    ledger.charge(event.strategy, event.fee_asset, event.fee, venue)
    ledger.count(event.strategy, "fills")
    if ledger.yielded and not ledger.position(event.strategy, event.instrument).lots:
        _forget_yielded(ledger, event.strategy, event.instrument)
    root = event.order_id if order is None else order.chain[0]
    ledger.fills.setdefault(root, []).append(
        Fill(
            execution_id=event.execution_id,
            price=event.price,
            quantity=event.quantity,
            fee=event.fee,
            fee_asset=event.fee_asset,
        )
    )
    if order is None:
        _note_stranger(ledger, event, venue)
        return
    ledger.number_inbox(event.strategy, ev.OrderFilled)
    if not order.filled and order.order_class is ENTRY:
        ledger.count_execution(order)
    filled = order.filled + event.quantity
    fact = FILLED_WHOLLY if filled >= order.quantity else FILLED_PARTLY
    order = transit(ledger, order, fact, filled=filled, cost=order.cost + event.price * event.quantity)
    if order.doubt is not NO_DOUBT:
        note_doubt(ledger, order, event)
    if order.terms is not None and order.terms.group:
        _share(ledger, order, event.quantity)


def _note_stranger(ledger: Ledger, event: ev.OrderFilled, venue: str) -> None:
    """An order that is not in the books has filled: what a bust of it needs, for as long as there is room."""
    ledger.strangers.pop(event.order_id, None)
    ledger.strangers[event.order_id] = ev.PastTrade(
        strategy=event.strategy, venue=venue, instrument=event.instrument, side=event.side, fee_asset=event.fee_asset
    )
    if len(ledger.strangers) > STRANGERS_KEPT:
        oldest = next(iter(ledger.strangers))
        del ledger.strangers[oldest]
        ledger.fills.pop(oldest, None)


def _forget_yielded(ledger: Ledger, strategy: str, instrument: str) -> None:
    """A flat position has nothing left to protect; the next one is another one."""
    for root in list(ledger.yielded):
        order = ledger.orders.get(root)
        if order is None or (order.strategy, order.instrument) == (strategy, instrument):
            del ledger.yielded[root]


def _share(ledger: Ledger, order: Order, quantity: int) -> None:
    """What one order of a bracket filled, none of the others can fill any more: the group shares its quantity.

    One that came to the venue after this trade does not know of it: its acknowledgement has a later number.
    """
    for root in ledger.brackets.get(order.terms.group if order.terms else "", ()):
        other = ledger.orders.get(root)
        if other is None or root == order.chain[0] or other.status is PENDING_NEW:
            continue
        if other.is_open:
            ledger.put(msgspec.structs.replace(other, quantity=max(other.filled, other.quantity - quantity)))


def _order_rejected(ledger: Ledger, event: ev.OrderRejected) -> None:
    reason = f"{event.reason.value} {event.text}".strip()
    order = _fact(ledger, event.order_id, Fact.REJECTED, event, report=event.report, reason=reason)
    if order is not None:
        ledger.count(order.strategy, "rejected")


def _order_canceled(ledger: Ledger, event: ev.OrderCanceled) -> None:
    _fact(ledger, event.order_id, CANCELED, event, report=event.report)


def _order_expired(ledger: Ledger, event: ev.OrderExpired) -> None:
    _fact(ledger, event.order_id, Fact.EXPIRED, event, report=event.report)


def _order_replaced(ledger: Ledger, event: ev.OrderReplaced) -> None:
    order = ledger.order(event.order_id)
    if order is None:
        return
    ledger.note_report(order.venue, event.report)
    ledger.number_inbox(order.strategy, ev.OrderReplaced)
    chain = order.chain
    if event.new_id not in chain:  # a venue that gives ids of its own
        chain = (*chain, event.new_id)
        ledger.aliases[event.new_id] = chain[0]
    changes: dict[str, Any] = {}
    if event.stop is not None:
        changes["terms"] = _stopped_at(order, event.stop)
    transit(
        ledger,
        order,
        Fact.REPLACED,
        chain=chain,
        order_id=event.new_id,
        quantity=event.quantity,
        price=event.price,
        replacing_id="",
        replacing_quantity=None,
        replacing_price=None,
        replacing_stop=None,
        **changes,
    )


def _trail_moved(ledger: Ledger, event: ev.TrailMoved) -> None:
    order = _known(ledger, event.order_id)
    ledger.put(msgspec.structs.replace(order, terms=_stopped_at(order, event.stop)))


def _order_triggered(ledger: Ledger, event: ev.OrderTriggered) -> None:
    order = ledger.order(event.order_id)
    if order is None:
        return
    ledger.number_inbox(order.strategy, ev.OrderTriggered)
    if event.report:
        ledger.note_report(order.venue, event.report)
        transit(ledger, order, Fact.TRIGGERED, triggered=True)
    else:
        ledger.put(msgspec.structs.replace(order, triggered=True))


def _order_released(ledger: Ledger, event: ev.OrderReleased) -> None:
    """From here on it is at the venue, and so are its outcomes."""
    order = _known(ledger, event.order_id)
    status = after_command(order.status, order.doubt, RELEASE, order.order_id)
    terms = msgspec.structs.replace(order.terms or Terms(), held_at=AT_VENUE)
    ledger.put(
        msgspec.structs.replace(
            order, status=status, terms=terms, quantity=event.quantity, requested=event.time, cap=event.cap
        )
    )
    ledger.number_inbox(order.strategy, ev.OrderReleased)


def _stopped_at(order: Order, stop: int) -> Terms:
    return msgspec.structs.replace(order.terms or Terms(), stop=stop)


def _cancel_rejected(ledger: Ledger, event: ev.CancelRejected) -> None:
    _fact(ledger, event.order_id, Fact.CANCEL_REFUSED, event, report=event.report)


def _replace_rejected(ledger: Ledger, event: ev.ReplaceRejected) -> None:
    order = _fact(ledger, event.order_id, Fact.REPLACE_REFUSED, event, report=event.report)
    if order is not None and event.new_id in ("", order.replacing_id):
        ledger.put(_without_replace(order))


_UNANSWERED = {
    Doubt.NEW: Fact.UNANSWERED_NEW,
    Doubt.CANCEL: Fact.UNANSWERED_CANCEL,
    Doubt.REPLACE: Fact.UNANSWERED_REPLACE,
}


def _order_doubted(ledger: Ledger, event: ev.OrderDoubted) -> None:
    _fact(ledger, event.order_id, _UNANSWERED[event.doubt], event)


def _doubt_resolved(ledger: Ledger, event: ev.DoubtResolved) -> None:
    order = _fact(ledger, event.order_id, Fact(event.outcome), event)
    if order is None:
        return
    if event.outcome == Fact.PROVEN_ABSENT and ledger.changes:  # no cancel was confirmed: it may have filled
        ledger.changes.pop(order.chain[0], None)
    ledger.put(_without_replace(order))


def _known(ledger: Ledger, identifier: str) -> Order:
    order = ledger.order(identifier)
    if order is None:
        raise JournalError(f"event {ledger.sequence} speaks of order {identifier}, which the ledger does not have")
    return order


def _fact(
    ledger: Ledger, identifier: str, fact: Fact, event: ev.Event, report: int = 0, **changes: Any
) -> Order | None:
    """Apply a venue's fact; one about an order that is no longer kept changes nothing but the report's number."""
    order = ledger.order(identifier)
    if order is None:
        return None
    ledger.note_report(order.venue, report)
    ledger.number_inbox(order.strategy, type(event))
    order = transit(ledger, order, fact, **changes)
    if order.doubt is not NO_DOUBT:
        note_doubt(ledger, order, event)
    return order


def note_doubt(ledger: Ledger, order: Order, event: Any) -> None:
    """Since when it is doubtful; what comes on top does not make it younger."""
    ledger.doubted.setdefault(order.chain[0], event.wall)


def transit(ledger: Ledger, order: Order, fact: Fact, **changes: Any) -> Order:
    """Move an order by the table; `changes` are what else the fact says of it."""
    status, doubt, _ = FACTS[order.status, order.doubt, fact]
    if status is None:
        status = _working(changes.get("filled", order.filled), changes.get("quantity", order.quantity))
    order = msgspec.structs.replace(order, status=status, doubt=doubt, **changes)
    ledger.put(order)
    return order


def _working(filled: int, quantity: int) -> Status:
    if filled >= quantity:
        return FILLED
    return PARTIALLY_FILLED if filled else NEW


def _without_replace(order: Order) -> Order:
    return msgspec.structs.replace(
        order, replacing_id="", replacing_quantity=None, replacing_price=None, replacing_stop=None
    )


ORDER_HANDLERS: dict[type, Callable[[Ledger, Any], None]] = {
    ev.OrderSubmitted: _order_submitted,
    ev.OrderDenied: _order_denied,
    ev.CancelRequested: _cancel_requested,
    ev.ReplaceRequested: _replace_requested,
    ev.OrderResubmitted: _order_resubmitted,
    ev.OrderAcknowledged: _order_acknowledged,
    ev.OrderFilled: _order_filled,
    ev.OrderRejected: _order_rejected,
    ev.OrderCanceled: _order_canceled,
    ev.OrderExpired: _order_expired,
    ev.OrderReplaced: _order_replaced,
    ev.TrailMoved: _trail_moved,
    ev.OrderTriggered: _order_triggered,
    ev.OrderReleased: _order_released,
    ev.CancelRejected: _cancel_rejected,
    ev.ReplaceRejected: _replace_rejected,
    ev.OrderDoubted: _order_doubted,
    ev.DoubtResolved: _doubt_resolved,
}
