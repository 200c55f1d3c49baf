"""The fold: one handler per event, each turning a fact into a change of the ledger; it never refuses a venue's fact."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.errors import JournalError
from toolkit.domain.ledger import RECENT_KEPT, Deployment, Fill, Ledger, Mark, Producer, Recent, Runner
from toolkit.domain.order_tables import Fact, OrderCommand, after_command, after_fact
from toolkit.domain.orders import Doubt, Order, Side, Status, TradingState


def fold(batches: Iterable[tuple[ev.Batch, bytes]], ledger: Ledger | None = None) -> Ledger:
    """Fold batches (with their digests) into a ledger, into an empty one without it."""
    ledger = Ledger() if ledger is None else ledger
    for batch, digest in batches:
        apply_batch(ledger, batch, digest)
    return ledger


def apply_batch(ledger: Ledger, batch: ev.Batch, digest: bytes) -> None:
    """Fold one batch in, checking that it is the next one of this chain."""
    if batch.first != ledger.sequence + 1 or batch.previous != ledger.batch_digest:
        raise JournalError(
            f"batch {batch.first}–{batch.last} does not follow event {ledger.sequence}: "
            f"previous hash {batch.previous.hex()[:12]}, expected {ledger.batch_digest.hex()[:12]}"
        )
    for event in batch.events:
        apply(ledger, event)
    seal(ledger, batch, digest)


def apply(ledger: Ledger, event: ev.Event) -> None:
    """Fold one event in. Raises JournalError when it cannot follow what is here."""
    ledger.sequence += 1
    handler = _HANDLERS.get(type(event))
    if handler is None:
        raise JournalError(f"event {ledger.sequence} has no place in the ledger: {type(event).__name__}")
    handler(ledger, event)


def seal(ledger: Ledger, batch: ev.Batch, digest: bytes) -> None:
    """Note the batch that the last applied events belong to."""
    ledger.batch_digest = digest
    ledger.step = batch.step


def _book_opened(ledger: Ledger, event: ev.BookOpened) -> None:
    ledger.book, ledger.desk, ledger.base_currency = event.book, event.desk, event.base_currency
    ledger.currencies = {currency.code: currency for currency in event.currencies}
    ledger.venues = event.venues


def _epoch_began(ledger: Ledger, event: ev.EpochBegan) -> None:
    ledger.epoch = event.epoch


def _instrument_defined(ledger: Ledger, event: ev.InstrumentDefined) -> None:
    ledger.instruments.add(event.instrument)


def _limits_changed(ledger: Ledger, event: ev.LimitsChanged) -> None:
    ledger.limits, ledger.limits_checksum = event.rows, event.checksum


def _capital_allocated(ledger: Ledger, event: ev.CapitalAllocated) -> None:
    ledger.capital[event.strategy] = event.amount
    ledger.number_inbox(event.strategy, ev.CapitalAllocated)


def _version_registered(ledger: Ledger, event: ev.VersionRegistered) -> None:
    ledger.count(event.strategy, "versions")


def _deployment_changed(ledger: Ledger, event: ev.DeploymentChanged) -> None:
    ledger.deployments[event.strategy] = Deployment(version=event.version, digest=event.digest, stage=event.stage)


def _trading_state_changed(ledger: Ledger, event: ev.TradingStateChanged) -> None:
    causes = ledger.states.setdefault(f"{event.scope}:{event.name}" if event.name else f"{event.scope}:", {})
    if event.state is TradingState.ACTIVE:
        causes.pop(event.cause, None)
    else:
        causes[event.cause] = event.state


def _throttle_changed(ledger: Ledger, event: ev.ThrottleChanged) -> None:
    scope = f"{event.scope}:{event.name}"
    if event.rate is None:
        ledger.throttles.pop(scope, None)
    else:
        ledger.throttles[scope] = event.rate


def _command_taken(ledger: Ledger, event: ev.CommandTaken) -> None:
    ledger.producers[event.producer] = Producer(incarnation=event.incarnation, number=event.number)


def _runner_started(ledger: Ledger, event: ev.RunnerStarted) -> None:
    known = ledger.runners.get(event.strategy, Runner())
    ledger.runners[event.strategy] = msgspec.structs.replace(
        known, incarnation=event.incarnation, version=event.version, digest=event.digest, running=True, detail=""
    )
    ledger.number_inbox(event.strategy, ev.RunnerStarted)


def _runner_ended(ledger: Ledger, event: ev.RunnerEnded) -> None:
    known = ledger.runners.get(event.strategy, Runner())
    ledger.runners[event.strategy] = msgspec.structs.replace(
        known, running=False, detail=f"{event.cause}: {event.detail}"
    )


def _answered(ledger: Ledger, event: ev.Answered) -> None:
    known = ledger.runners.get(event.strategy, Runner())
    ledger.runners[event.strategy] = msgspec.structs.replace(
        known, step=event.step, inbox=event.inbox, state=known.state if event.state is None else event.state
    )
    ledger.producers[event.strategy] = Producer(incarnation=event.incarnation, number=event.number)


def _signal_raised(ledger: Ledger, event: ev.SignalRaised) -> None:
    ledger.count(event.strategy, "signals")


def _intent_refused(ledger: Ledger, event: ev.IntentRefused) -> None:
    ledger.count(event.strategy, "refused")
    ledger.number_inbox(event.strategy, ev.IntentRefused)


def _exit_queued(ledger: Ledger, event: ev.ExitQueued) -> None:
    ledger.waiting_exits.setdefault(event.strategy, {})[event.instrument] = event


def _exit_unqueued(ledger: Ledger, event: ev.ExitUnqueued) -> None:
    ledger.waiting_exits.get(event.strategy, {}).pop(event.instrument, None)


def _flatten_started(ledger: Ledger, event: ev.FlattenStarted) -> None:
    ledger.flattening[event.strategy] = None


def _flatten_ended(ledger: Ledger, event: ev.FlattenEnded) -> None:
    ledger.flattening.pop(event.strategy, None)


def _order_submitted(ledger: Ledger, event: ev.OrderSubmitted) -> None:
    ledger.count(event.strategy, "orders")
    recent = ledger.recent.setdefault(event.strategy, [])
    recent.append(
        Recent(
            time=event.time, instrument=event.instrument, side=event.side, quantity=event.quantity,
            order_type=event.order_type, price=event.price,
        )
    )  # fmt: skip
    del recent[:-RECENT_KEPT]
    _new_order(ledger, event, Status.PENDING_NEW, event.reason)


def _order_denied(ledger: Ledger, event: ev.OrderDenied) -> None:
    ledger.count(event.strategy, "denied")
    _new_order(ledger, event, Status.DENIED, f"control {event.control}: {event.observed}, limit {event.limit}")


def _new_order(ledger: Ledger, event: ev.OrderSubmitted | ev.OrderDenied, status: Status, reason: str) -> None:
    ledger.order_count += 1
    ledger.intents.setdefault(event.strategy, {})[event.intent_id] = event.order_id
    ledger.put(
        Order(
            order_id=event.order_id, chain=(event.order_id,), strategy=event.strategy, version=event.version,
            intent_id=event.intent_id, instrument=event.instrument, venue=event.venue, side=event.side,
            order_type=event.order_type, time_in_force=event.time_in_force, order_class=event.order_class,
            quantity=event.quantity, price=event.price, post_only=event.post_only, reduce_only=event.reduce_only,
            status=status, doubt=Doubt.NONE, step=event.seen.step, decided=event.wall, created=event.time,
            reason=reason,
        )
    )  # fmt: skip
    ledger.number_inbox(event.strategy, type(event))


def _cancel_requested(ledger: Ledger, event: ev.CancelRequested) -> None:
    order = _known(ledger, event.order_id)
    status = after_command(order.status, order.doubt, OrderCommand.CANCEL, order.order_id)
    ledger.put(msgspec.structs.replace(order, status=status))
    ledger.number_inbox(order.strategy, ev.CancelRequested)


def _replace_requested(ledger: Ledger, event: ev.ReplaceRequested) -> None:
    order = _known(ledger, event.order_id)
    status = after_command(order.status, order.doubt, OrderCommand.REPLACE, order.order_id)
    ledger.order_count += 1
    ledger.aliases[event.new_id] = order.chain[0]
    ledger.put(
        msgspec.structs.replace(
            order, status=status, chain=(*order.chain, event.new_id), replacing_id=event.new_id,
            replacing_quantity=event.quantity, replacing_price=event.price,
        )
    )  # fmt: skip
    ledger.number_inbox(order.strategy, ev.ReplaceRequested)


def _order_resubmitted(ledger: Ledger, event: ev.OrderResubmitted) -> None:
    _known(ledger, event.order_id)


def _order_acknowledged(ledger: Ledger, event: ev.OrderAcknowledged) -> None:
    order = _fact(ledger, event.order_id, Fact.ACKNOWLEDGED, event, report=event.report)
    if order is not None and event.venue_order_id:
        ledger.put(msgspec.structs.replace(order, venue_order_id=event.venue_order_id))


def _order_filled(ledger: Ledger, event: ev.OrderFilled) -> None:
    order = ledger.order(event.order_id)
    instrument = ledger.instruments.require(event.instrument)
    venue = order.venue if order is not None else instrument.venue
    ledger.note_report(venue, event.report)
    ledger.book_trade(event.strategy, venue, instrument, event.side, event.quantity, event.price)
    ledger.charge(event.strategy, event.fee_asset, event.fee)
    ledger.count(event.strategy, "fills")
    if order is None:
        return
    ledger.number_inbox(event.strategy, ev.OrderFilled)
    ledger.fills.setdefault(order.chain[0], []).append(
        Fill(
            execution_id=event.execution_id, price=event.price, quantity=event.quantity, fee=event.fee,
            fee_asset=event.fee_asset,
        )
    )  # fmt: skip
    filled = order.filled + event.quantity
    order = msgspec.structs.replace(order, filled=filled, cost=order.cost + event.price * event.quantity)
    _transit(ledger, order, Fact.FILLED_WHOLLY if filled >= order.quantity else Fact.FILLED_PARTLY)


def _fill_busted(ledger: Ledger, event: ev.FillBusted) -> None:
    _revise(ledger, event, None)


def _fill_corrected(ledger: Ledger, event: ev.FillCorrected) -> None:
    _revise(ledger, event, event)


def _revise(ledger: Ledger, event: ev.FillBusted | ev.FillCorrected, new: ev.FillCorrected | None) -> None:
    """Take a fill back and, for a correction, book it as it should have been."""
    order = _known(ledger, event.order_id)
    fills = ledger.fills.get(order.chain[0], [])
    index = next((i for i, fill in enumerate(fills) if fill.execution_id == event.execution_id), None)
    if index is None:
        raise JournalError(f"event {ledger.sequence}: {order.order_id} has no fill {event.execution_id!r}")
    old = fills.pop(index)
    instrument = ledger.instruments.require(order.instrument)
    ledger.note_report(order.venue, event.report)
    ledger.book_trade(order.strategy, order.venue, instrument, Side(-order.side), old.quantity, old.price)
    ledger.charge(order.strategy, old.fee_asset, -old.fee)
    quantity = price = 0
    if new is not None:
        quantity, price = new.quantity, new.price
        ledger.book_trade(order.strategy, order.venue, instrument, order.side, quantity, price)
        ledger.charge(order.strategy, old.fee_asset, new.fee)
        fills.insert(index, msgspec.structs.replace(old, price=price, quantity=quantity, fee=new.fee))
    order = msgspec.structs.replace(
        order,
        filled=order.filled - old.quantity + quantity,
        cost=order.cost - old.price * old.quantity + price * quantity,
    )
    ledger.number_inbox(order.strategy, type(event))
    _transit(ledger, order, Fact.BUSTED if new is None else Fact.CORRECTED)


def _order_rejected(ledger: Ledger, event: ev.OrderRejected) -> None:
    order = _fact(ledger, event.order_id, Fact.REJECTED, event, report=event.report)
    if order is not None:
        ledger.count(order.strategy, "rejected")
        ledger.put(msgspec.structs.replace(order, reason=f"{event.reason.value} {event.text}".strip()))


def _order_canceled(ledger: Ledger, event: ev.OrderCanceled) -> None:
    _fact(ledger, event.order_id, Fact.CANCELED, event, report=event.report)


def _order_expired(ledger: Ledger, event: ev.OrderExpired) -> None:
    _fact(ledger, event.order_id, Fact.EXPIRED, event, report=event.report)


def _order_replaced(ledger: Ledger, event: ev.OrderReplaced) -> None:
    order = ledger.order(event.order_id)
    if order is None:
        return
    ledger.note_report(order.venue, event.report)
    ledger.number_inbox(order.strategy, ev.OrderReplaced)
    order = msgspec.structs.replace(
        order, order_id=event.new_id, quantity=event.quantity, price=event.price, replacing_id="",
        replacing_quantity=None, replacing_price=None,
    )  # fmt: skip
    _transit(ledger, order, Fact.REPLACED)


def _cancel_rejected(ledger: Ledger, event: ev.CancelRejected) -> None:
    _fact(ledger, event.order_id, Fact.CANCEL_REFUSED, event, report=event.report)


def _replace_rejected(ledger: Ledger, event: ev.ReplaceRejected) -> None:
    order = _fact(ledger, event.order_id, Fact.REPLACE_REFUSED, event, report=event.report)
    if order is not None and order.doubt is Doubt.NONE:
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
    if order is not None:
        ledger.put(_without_replace(order))


def _marked(ledger: Ledger, event: ev.Marked) -> None:
    ledger.marks[event.instrument] = Mark(twice=event.twice, step=event.step, time=event.time)


def _fx_marked(ledger: Ledger, event: ev.FxMarked) -> None:
    ledger.rates[event.asset] = event.rate


def _session_rolled(ledger: Ledger, event: ev.SessionRolled) -> None:
    ledger.session = event.session
    ledger.opening_equity = {
        strategy: equity for strategy in ledger.capital if (equity := ledger.equity(strategy)) is not None
    }


def _cash_moved(ledger: Ledger, event: ev.CashMoved) -> None:
    ledger.move_cash(event.sub_account, event.asset, event.amount)
    if event.kind in ("deposit", "withdrawal", "transfer"):
        ledger.count(event.sub_account, "moved", event.amount)


def _nothing(ledger: Ledger, event: ev.Event) -> None:
    """Alarms and snapshots are read from the journal; they change no books."""


def _known(ledger: Ledger, identifier: str) -> Order:
    order = ledger.order(identifier)
    if order is None:
        raise JournalError(f"event {ledger.sequence} speaks of order {identifier}, which the ledger does not have")
    return order


def _fact(ledger: Ledger, identifier: str, fact: Fact, event: ev.Event, report: int = 0) -> Order | None:
    """Apply a venue's fact; one about an order that is no longer kept changes nothing but the report's number."""
    order = ledger.order(identifier)
    if order is None:
        return None
    ledger.note_report(order.venue, report)
    ledger.number_inbox(order.strategy, type(event))
    return _transit(ledger, order, fact)


def _transit(ledger: Ledger, order: Order, fact: Fact) -> Order:
    outcome = after_fact(order.status, order.doubt, fact)
    order = msgspec.structs.replace(order, status=outcome.status or _working(order), doubt=outcome.doubt)
    ledger.put(order)
    return order


def _working(order: Order) -> Status:
    if order.filled >= order.quantity:
        return Status.FILLED
    return Status.PARTIALLY_FILLED if order.filled else Status.NEW


def _without_replace(order: Order) -> Order:
    return msgspec.structs.replace(order, replacing_id="", replacing_quantity=None, replacing_price=None)


_HANDLERS: dict[type, Callable[[Ledger, Any], None]] = {
    ev.BookOpened: _book_opened,
    ev.EpochBegan: _epoch_began,
    ev.InstrumentDefined: _instrument_defined,
    ev.LimitsChanged: _limits_changed,
    ev.CapitalAllocated: _capital_allocated,
    ev.VersionRegistered: _version_registered,
    ev.DeploymentChanged: _deployment_changed,
    ev.TradingStateChanged: _trading_state_changed,
    ev.ThrottleChanged: _throttle_changed,
    ev.CommandTaken: _command_taken,
    ev.RunnerStarted: _runner_started,
    ev.RunnerEnded: _runner_ended,
    ev.Answered: _answered,
    ev.SignalRaised: _signal_raised,
    ev.IntentRefused: _intent_refused,
    ev.ExitQueued: _exit_queued,
    ev.ExitUnqueued: _exit_unqueued,
    ev.FlattenStarted: _flatten_started,
    ev.FlattenEnded: _flatten_ended,
    ev.OrderSubmitted: _order_submitted,
    ev.OrderDenied: _order_denied,
    ev.CancelRequested: _cancel_requested,
    ev.ReplaceRequested: _replace_requested,
    ev.OrderResubmitted: _order_resubmitted,
    ev.OrderAcknowledged: _order_acknowledged,
    ev.OrderFilled: _order_filled,
    ev.FillBusted: _fill_busted,
    ev.FillCorrected: _fill_corrected,
    ev.OrderRejected: _order_rejected,
    ev.OrderCanceled: _order_canceled,
    ev.OrderExpired: _order_expired,
    ev.OrderReplaced: _order_replaced,
    ev.CancelRejected: _cancel_rejected,
    ev.ReplaceRejected: _replace_rejected,
    ev.OrderDoubted: _order_doubted,
    ev.DoubtResolved: _doubt_resolved,
    ev.Marked: _marked,
    ev.FxMarked: _fx_marked,
    ev.SessionRolled: _session_rolled,
    ev.CashMoved: _cash_moved,
    ev.Alarmed: _nothing,
    ev.SnapshotTaken: _nothing,
}
