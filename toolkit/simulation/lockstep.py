"""The lockstep schedule, written once: a backtest and the engine service only carry out what it asks for.

Step n: the venue matches n → its reports → what follows from them goes to the venue until it is quiet → n into the
View → the runners answer n → their answers in the order of their names → to the venue until it is quiet → n is done.
Wall time and speed change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

import msgspec

from toolkit.domain.commands import Envelope
from toolkit.domain.market import Step
from toolkit.domain.time import Now
from toolkit.engine.engine import Engine
from toolkit.engine.messages import Message, Output
from toolkit.engine.transaction import Transaction


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """Let the venue match the step; answer with its reports."""

    step: Step


class Commit(Output, frozen=True):
    """Make the events durable, then send the requests and answer with the reports they led to at once."""


class Consult(msgspec.Struct, frozen=True, kw_only=True):
    """Let every live strategy answer the step; answer with their envelopes."""

    step: Step


Schedule = Generator[Match | Commit | Consult, "Iterable[Message]", None]
Clock = Callable[[Step], Now]


def lockstep(engine: Engine, step: Step, clock: Clock) -> Schedule:
    """One step of the schedule. Afterwards the step counts as wholly processed."""
    now = clock(step)
    decided = engine.begin(now)
    for report in (yield Match(step=step)):
        engine.take(decided, now, report)
    if decided.requests:
        decided = yield from _until_quiet(engine, now, decided)
    engine.take(decided, now, step)
    if decided.requests:
        yield from _until_quiet(engine, now, decided)
    elif decided.events:
        yield _commit(decided)
    answers = [envelope for envelope in (yield Consult(step=step)) if isinstance(envelope, Envelope)]
    if answers:
        answers.sort(key=lambda envelope: (envelope.producer, envelope.incarnation, envelope.number))
        decided = engine.begin(now)
        for answer in answers:
            engine.take(decided, now, answer)
        yield from _until_quiet(engine, now, decided)
    engine.ledger.step = step.number


def settle(engine: Engine, output: Output, now: Now) -> Schedule:
    """Commit what one message led to and everything that follows from it, until the venue is quiet."""
    decided = engine.begin(now)
    decided.add(output)
    yield from _until_quiet(engine, now, decided)


def absorb(engine: Engine, messages: Iterable[Message], now: Now) -> Schedule:
    """Process messages that came outside of a step, and everything that follows from them."""
    decided = engine.begin(now)
    for message in messages:
        engine.take(decided, now, message)
    yield from _until_quiet(engine, now, decided)


def _until_quiet(
    engine: Engine, now: Now, decided: Transaction
) -> Generator[Match | Commit | Consult, Iterable[Message], Transaction]:
    """Commit what was decided and what follows from it. Returns what is decided then: nothing."""
    while decided.events or decided.requests:
        said = yield _commit(decided)
        decided = engine.begin(now)
        for message in said:
            engine.take(decided, now, message)
    return decided


def _commit(decided: Transaction) -> Commit:
    return Commit(decided.events, decided.requests, decided.inbox)
