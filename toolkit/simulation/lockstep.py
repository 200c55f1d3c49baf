"""The lockstep schedule, written once: a backtest and the engine service only carry out what it asks for.

Step n: the venue matches n → its reports → what follows from them goes to the venue until it is quiet → n into the
View → the runners answer n → their answers in the order of their names → to the venue until it is quiet → n is done.
Wall time and speed change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence

import msgspec

from toolkit.domain.commands import Envelope
from toolkit.domain.events import Event
from toolkit.domain.market import Step
from toolkit.domain.requests import VenueReport, VenueRequest
from toolkit.domain.time import Now
from toolkit.engine.engine import Engine
from toolkit.engine.messages import Message, Output


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
    pending = _Pending(engine, clock(step))
    pending.process_all((yield Match(step=step)))
    if pending.requests:
        yield from _settle(pending)
    pending.process(step)
    if pending.requests:
        yield from _settle(pending)
    elif pending.events:
        yield pending.commit()
    answers = [envelope for envelope in (yield Consult(step=step)) if isinstance(envelope, Envelope)]
    if answers:
        answers.sort(key=lambda envelope: (envelope.producer, envelope.incarnation, envelope.number))
        pending.process_all(answers)
        yield from _settle(pending)
    engine.ledger.step = step.number


def settle(engine: Engine, output: Output, now: Now) -> Schedule:
    """Commit what one message led to and everything that follows from it, until the venue is quiet."""
    pending = _Pending(engine, now)
    pending.add(output)
    yield from _settle(pending)


def absorb(engine: Engine, messages: Iterable[Message], now: Now) -> Schedule:
    """Process messages that came outside of a step, and everything that follows from them."""
    pending = _Pending(engine, now)
    pending.process_all(messages)
    yield from _settle(pending)


def _settle(pending: _Pending) -> Schedule:
    while pending.events or pending.requests:
        pending.process_all((yield pending.commit()))


class _Pending:
    """What was decided and is not committed yet."""

    __slots__ = ("_decided", "_engine", "_now")

    def __init__(self, engine: Engine, now: Now) -> None:
        self._engine = engine
        self._now = now
        self._decided = engine.begin(now)

    @property
    def events(self) -> Sequence[Event]:
        return self._decided.events

    @property
    def requests(self) -> Sequence[VenueRequest]:
        return self._decided.requests

    def add(self, output: Output) -> None:
        self._decided.add(output)

    def process(self, message: Message) -> None:
        self._engine.take(self._decided, self._now, message)

    def process_all(self, messages: Iterable[Message | VenueReport]) -> None:
        for message in messages:
            self._engine.take(self._decided, self._now, message)

    def commit(self) -> Commit:
        decided, self._decided = self._decided, self._engine.begin(self._now)
        return Commit(decided.events, decided.requests, decided.inbox)
