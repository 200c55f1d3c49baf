"""What the engine takes of a runner's answer: never more than an honest one carries; it decides on no order.

The rest is refused in one event that counts it, but cancels of what works always pass. A strategy that goes on asking
while it is halted reads its first refusals one by one, the later ones of an answer together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.commands import Envelope, RunnerAnswer
from toolkit.domain.intents import (
    LONGEST_TEXT,
    MOST_REQUESTS,
    CancelIntent,
    Intent,
    MalformedIntent,
    ModifyIntent,
    PlaceOrder,
    Signal,
    TargetPosition,
    shortened,
)
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import TRADING_STATE, TradingState
from toolkit.engine.proposing import Proposer
from toolkit.engine.strategy_state import MOST_STATE
from toolkit.engine.transaction import Transaction

TOLD_ONE_BY_ONE = 100
MOST_LINES = 32
REQUEST = 0


class Answers:
    """Takes answers of runners in. Who may answer, and whether it says anything, was seen to before."""

    def __init__(self, ledger: Ledger, proposer: Proposer) -> None:
        self._ledger = ledger
        self._proposer = proposer

    def take(self, transaction: Transaction, envelope: Envelope, answer: RunnerAnswer) -> None:
        """An answer as one batch: cursor and state, then signals, then intents in the order of decision."""
        state_fits = answer.state is None or len(answer.state) <= MOST_STATE
        transaction.emit(
            ev.Answered(
                strategy=answer.strategy,
                incarnation=envelope.incarnation,
                number=envelope.number,
                step=answer.step,
                inbox=answer.inbox,
                state=answer.state if state_fits else None,
                logs=_lines(answer.logs),
                held=answer.held,
            )
        )
        if not state_fits:
            _refuse(transaction, answer.strategy, "", "", f"its state is not kept: it has more than {MOST_STATE} bytes")
        for signal in answer.signals[:MOST_REQUESTS]:
            if (name := _too_long(signal)) is not None:
                _refuse(transaction, answer.strategy, "", signal.instrument, name)
                continue
            transaction.emit(
                ev.SignalRaised(
                    strategy=answer.strategy,
                    instrument=signal.instrument,
                    target=signal.target,
                    reason=signal.reason,
                    step=answer.step,
                )
            )
        self._intents(transaction, answer.strategy, answer.intents[:MOST_REQUESTS])
        if max(len(answer.intents), len(answer.signals)) > MOST_REQUESTS:
            self._rest(transaction, answer)

    def _intents(self, transaction: Transaction, strategy: str, intents: Sequence[Intent]) -> None:
        in_vain: dict[str, list[str]] = {}
        for intent in intents:
            if (name := _too_long(intent)) is not None:
                _refuse(transaction, strategy, intent.intent_id, getattr(intent, "instrument", ""), name)
            elif isinstance(intent, (PlaceOrder, TargetPosition)) and self._goes_on_in_vain(strategy, intent):
                in_vain.setdefault(intent.instrument, []).append(intent.intent_id)
            else:
                self._proposer.handle(transaction, strategy, intent)
        for instrument, (first, *others) in in_vain.items():
            reason = f"{len(others) + 1} orders asked for while HALTED, as were {TOLD_ONE_BY_ONE} before"
            transaction.emit(
                ev.IntentRefused(
                    strategy=strategy,
                    intent_id=first,
                    instrument=instrument,
                    control=TRADING_STATE,
                    reason=reason,
                    others=tuple(others),
                )
            )

    def _goes_on_in_vain(self, strategy: str, intent: PlaceOrder | TargetPosition) -> bool:
        """Whether a halted strategy asks for an order though it was denied TOLD_ONE_BY_ONE of them already."""
        ledger = self._ledger
        if ledger.in_vain.get(strategy, 0) < TOLD_ONE_BY_ONE:
            return False
        instrument = ledger.instruments.find(intent.instrument)
        if instrument is None or ledger.trading_state(strategy, instrument.venue)[0] is not TradingState.HALTED:
            return False
        held = ledger.position(strategy, instrument.symbol).lots
        return not (isinstance(intent, TargetPosition) and intent.quantity == held)

    def _rest(self, transaction: Transaction, answer: RunnerAnswer) -> None:
        """What is beyond the cap: cancels of what works, each once, and one refusal for all else."""
        strategy, beyond = answer.strategy, answer.intents[MOST_REQUESTS:]
        refused = max(0, len(answer.signals) - MOST_REQUESTS)
        named: Intent | None = None
        for intent in beyond:
            if isinstance(intent, CancelIntent) and not _too_long(intent) and self._works(strategy, intent.target):
                self._proposer.handle(transaction, strategy, intent)
            else:
                refused, named = refused + 1, named or intent
        if refused:
            reason = f"{refused} more requests in one answer, of which {MOST_REQUESTS} are taken"
            instrument = getattr(named, "instrument", "") if named else answer.signals[0].instrument
            _refuse(transaction, strategy, named.intent_id if named else "", instrument, reason)

    def _works(self, strategy: str, target: str) -> bool:
        """Whether a cancel of it would still do something."""
        order = self._ledger.order_of_intent(strategy, target)
        if order is not None and order.is_open and not order.withdrawn:
            return True
        return any(queued.intent_id == target for queued in self._ledger.waiting_exits.get(strategy, {}).values())


def _refuse(transaction: Transaction, strategy: str, intent_id: str, instrument: str, reason: str) -> None:
    transaction.emit(
        ev.IntentRefused(
            strategy=strategy,
            intent_id=shortened(intent_id),
            instrument=shortened(instrument),
            control=REQUEST,
            reason=reason,
        )
    )


def _too_long(said: Signal | Intent) -> str | None:
    """What is wrong with the texts of a request, in words; None when each can be kept."""
    for name in _TEXTS[type(said)]:
        if len(value := getattr(said, name)) > LONGEST_TEXT:
            return f"{name} has {len(value)} characters of {LONGEST_TEXT}"
    terms = said.terms if isinstance(said, PlaceOrder) else None
    if terms is not None and len(terms.group) > LONGEST_TEXT:
        return f"terms.group has {len(terms.group)} characters of {LONGEST_TEXT}"
    return None


_TEXTS: Mapping[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in msgspec.structs.fields(kind) if field.type is str)
    for kind in (Signal, PlaceOrder, CancelIntent, ModifyIntent, TargetPosition, MalformedIntent)
}


def _lines(logs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(shortened, logs[:MOST_LINES])) if logs else logs
