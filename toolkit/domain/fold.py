"""The fold: one handler per event, each turning a fact into a change of the ledger; it never refuses a venue's fact."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from toolkit.domain import bursts
from toolkit.domain import events as ev
from toolkit.domain.errors import JournalError
from toolkit.domain.fold_accounts import ACCOUNT_HANDLERS
from toolkit.domain.fold_joined import JOINED_HANDLERS
from toolkit.domain.fold_orders import ORDER_HANDLERS
from toolkit.domain.fold_revisions import REVISION_HANDLERS
from toolkit.domain.ledger import Deployment, Ledger, Producer, Runner
from toolkit.domain.orders import EXECUTIONS, TRADING_STATE, TradingState
from toolkit.domain.overrides import override_key
from toolkit.domain.people import People
from toolkit.domain.positions import Mark
from toolkit.domain.recent import longest_window
from toolkit.domain.results import released, session_begins


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
    ledger.duplicate_window = longest_window(event.rows)
    ledger.burst_window = bursts.window_of(event.rows)
    ledger.bursts = bursts.kept(ledger.bursts, event.rows)


def _limit_overridden(ledger: Ledger, event: ev.LimitOverridden) -> None:
    """Another mapping each time that what is let through has changed: whoever resolved limits sees that by it."""
    ledger.overrides = {**ledger.overrides, event.override.key: event.override}


def _override_ended(ledger: Ledger, event: ev.OverrideEnded) -> None:
    over = override_key(event.scope, event.name, event.limit)
    ledger.overrides = {key: override for key, override in ledger.overrides.items() if key != over}


def _breaker_moved(ledger: Ledger, event: ev.BreakerMoved) -> None:
    if event.breaker is None:
        ledger.breakers.pop(event.key, None)
    else:
        ledger.breakers[event.key] = event.breaker


def _capital_allocated(ledger: Ledger, event: ev.CapitalAllocated) -> None:
    ledger.capital[event.strategy] = event.amount
    ledger.number_inbox(event.strategy, ev.CapitalAllocated)


def _version_registered(ledger: Ledger, event: ev.VersionRegistered) -> None:
    ledger.count(event.strategy, "versions")


def _deployment_changed(ledger: Ledger, event: ev.DeploymentChanged) -> None:
    ledger.deployments[event.strategy] = Deployment(version=event.version, digest=event.digest, stage=event.stage)


def _trading_state_changed(ledger: Ledger, event: ev.TradingStateChanged) -> None:
    ledger.in_vain.clear()
    scope = f"{event.scope}:{event.name}" if event.name else f"{event.scope}:"
    causes = ledger.states.setdefault(scope, {})
    if event.state is not TradingState.ACTIVE:
        causes[event.cause] = event.state
        return
    if event.cause == EXECUTIONS:
        ledger.executed.pop(event.name, None)
    if causes.pop(event.cause, None) is not None:
        released(ledger, event.cause, event.name)
    if not causes:
        del ledger.states[scope]


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
        known,
        incarnation=event.incarnation,
        version=event.version,
        digest=event.digest,
        running=True,
        detail="",
        given_up=False,
    )
    ledger.number_inbox(event.strategy, ev.RunnerStarted)


def _runner_ended(ledger: Ledger, event: ev.RunnerEnded) -> None:
    known = ledger.runners.get(event.strategy, Runner())
    ledger.runners[event.strategy] = msgspec.structs.replace(
        known, running=False, detail=f"{event.cause}: {event.detail}", given_up=event.given_up
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
    intents = 1 + len(event.others)
    ledger.count(event.strategy, "refused", intents)
    if event.control == TRADING_STATE:
        ledger.in_vain[event.strategy] = ledger.in_vain.get(event.strategy, 0) + intents
    ledger.number_inbox(event.strategy, ev.IntentRefused, intents)


def _exit_queued(ledger: Ledger, event: ev.ExitQueued) -> None:
    ledger.waiting_exits.setdefault(event.strategy, {})[event.instrument] = event


def _exit_unqueued(ledger: Ledger, event: ev.ExitUnqueued) -> None:
    ledger.waiting_exits.get(event.strategy, {}).pop(event.instrument, None)


def _flatten_started(ledger: Ledger, event: ev.FlattenStarted) -> None:
    ledger.flattening[event.strategy] = event.accept_unknown or None


def _flatten_ended(ledger: Ledger, event: ev.FlattenEnded) -> None:
    ledger.flattening.pop(event.strategy, None)


def _marked(ledger: Ledger, event: ev.Marked) -> None:
    ledger.marks[event.instrument] = Mark(twice=event.twice, step=event.step, time=event.time)
    ledger.standing.note_mark(event.instrument, event.twice)


def _fx_marked(ledger: Ledger, event: ev.FxMarked) -> None:
    ledger.rates[event.asset], ledger.rate_times[event.asset] = event.rate, event.time
    ledger.standing.note_rate(event.asset, event.rate)


def _session_rolled(ledger: Ledger, event: ev.SessionRolled) -> None:
    ledger.session = event.session
    ledger.opening_equity = {
        strategy: equity for strategy in ledger.capital if (equity := ledger.equity(strategy)) is not None
    }
    session_begins(ledger)


def _high_water_raised(ledger: Ledger, event: ev.HighWaterRaised) -> None:
    ledger.standing.high_water.update(event.marks)


def _alarmed(ledger: Ledger, event: ev.Alarmed) -> None:
    """An alarm changes no books; a report that it tells of has been heard."""
    if event.report:
        ledger.note_report(event.venue, event.report)


def _people_changed(ledger: Ledger, event: ev.PeopleChanged) -> None:
    ledger.people = People(rows=event.rows, four_eyes=event.four_eyes, approval_hours=event.approval_hours)


def _change_proposed(ledger: Ledger, event: ev.ChangeProposed) -> None:
    ledger.proposals[event.proposal] = event


def _change_decided(ledger: Ledger, event: ev.ChangeApproved | ev.ChangeRejected | ev.ChangeExpired) -> None:
    ledger.proposals.pop(event.proposal, None)


def _nothing(ledger: Ledger, event: ev.Event) -> None:
    """It is read from the journal; it changes no books."""


_HANDLERS: dict[type, Callable[[Ledger, Any], None]] = {
    **ORDER_HANDLERS,
    **JOINED_HANDLERS,
    **REVISION_HANDLERS,
    **ACCOUNT_HANDLERS,
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
    ev.Marked: _marked,
    ev.FxMarked: _fx_marked,
    ev.SessionRolled: _session_rolled,
    ev.HighWaterRaised: _high_water_raised,
    ev.Alarmed: _alarmed,
    ev.SnapshotTaken: _nothing,
    ev.RestartAsked: _nothing,
    ev.PeopleChanged: _people_changed,
    ev.ChangeProposed: _change_proposed,
    ev.ChangeApproved: _change_decided,
    ev.ChangeRejected: _change_decided,
    ev.ChangeExpired: _change_decided,
    ev.LimitOverridden: _limit_overridden,
    ev.OverrideEnded: _override_ended,
    ev.BreakerMoved: _breaker_moved,
}
