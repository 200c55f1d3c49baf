"""Carries the lockstep schedule out in one process: engine, venue and strategies hand each other what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from toolkit.domain.commands import Envelope, RunnerAnswer, RunnerHello
from toolkit.domain.events import Event
from toolkit.domain.inbox import InboxEntry, InboxItem, Restored
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Step
from toolkit.domain.requests import OrderNotFound, VenueReport, VenueRequest
from toolkit.domain.time import MonoTime, Now, WallTime
from toolkit.engine.engine import Engine
from toolkit.engine.messages import AbsenceProven, Message, Output
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.lockstep import Commit, Consult, Match, Schedule, lockstep, settle

NO_WALL: Final = WallTime(0)  # a backtest has no wall clock
NEVER: Final = MonoTime(2**62)


class Recorder(Protocol):
    """Is shown every committed batch of events, with the ledger right after it."""

    def __call__(self, events: Sequence[Event], ledger: Ledger) -> None: ...


class Venue(Protocol):
    """Where requests go, and what matches the feed."""

    def advance(self, step: Step) -> Iterable[VenueReport]: ...

    def process(self, message: VenueRequest) -> Iterable[VenueReport]: ...


class InProcess:
    """One book over one stream of steps. `record` sees every event; `after_step` is called when a step is done."""

    def __init__(
        self, engine: Engine, venue: Venue, containers: Mapping[str, StrategyContainer], record: Recorder,
        after_step: Callable[[Step, Ledger], None], history: Sequence[Step],
    ) -> None:  # fmt: skip
        self.engine = engine
        self._venue = venue
        self._containers = dict(sorted(containers.items()))
        self._inboxes: dict[str, list[InboxEntry]] = {name: [] for name in self._containers}
        self._numbers = dict.fromkeys(self._containers, 0)
        self._incarnation = 1
        self._record = record
        self._after_step = after_step
        self._history = history

    def run(self, steps: Iterable[Step]) -> Ledger:
        """Go through every step; returns the ledger at the end."""
        for step in steps:
            self._carry_out(lockstep(self.engine, step, _clock))
            self._after_step(step, self.engine.ledger)
        return self.engine.ledger

    # ---- carrying out the schedule

    def _carry_out(self, schedule: Schedule) -> None:
        answer: Iterable[Message] = ()
        try:
            wish = next(schedule)
            while True:
                if type(wish) is Consult:
                    answer = self._consult(wish.step)
                elif type(wish) is Match:
                    answer = self._venue.advance(wish.step)
                elif type(wish) is Commit:
                    answer = self._commit(wish)
                wish = schedule.send(answer)
        except StopIteration:
            return

    def _commit(self, commit: Commit) -> Iterable[Message]:
        self._record(commit.events, self.engine.ledger)
        if not commit.inbox and not commit.requests:
            return ()
        for strategy, entries in commit.inbox.items():
            if strategy in self._inboxes:
                self._inboxes[strategy] += entries
        return [report for request in commit.requests for report in self._send(request)]

    def _send(self, request: VenueRequest) -> Iterator[Message]:
        for report in self._venue.process(request):
            yield _proof(report)

    def _consult(self, step: Step) -> list[Message]:
        answers: list[Message] = []
        for name, container in self._containers.items():
            items: list[tuple[int, InboxItem]] = []
            if entries := self._inboxes[name]:
                items = [(entry.number, entry.item) for entry in entries]
                self._inboxes[name] = []
            answer = container.process(items, step)
            if items or _says_something(answer):
                answers.append(self._envelope(name, answer))
        return answers

    # ---- greeting

    def _greet(self, name: str, version: str, digest: str, now: Now) -> None:
        hello = RunnerHello(strategy=name, version=version, digest=digest)
        self._absorb(self.engine.process(now, self._envelope(name, hello)), now)
        for entry in self._inboxes[name]:
            if isinstance(entry.item, Restored):
                self._containers[name].restore(entry.item, self._history)

    def _envelope(self, name: str, body: RunnerAnswer | RunnerHello) -> Envelope:
        self._numbers[name] += 1
        return Envelope(producer=name, incarnation=self._incarnation, number=self._numbers[name], body=body)

    def _absorb(self, output: Output, now: Now) -> None:
        self._carry_out(settle(self.engine, output, now))


def _clock(step: Step) -> Now:
    return Now(step.time, NO_WALL, MonoTime(int(step.time)))


def _says_something(answer: RunnerAnswer) -> bool:
    return bool(answer.signals or answer.intents or answer.logs) or answer.state is not None


def _proof(report: VenueReport) -> Message:
    """A venue in the same process cannot have lost what we asked for: its "not found" is proof."""
    if isinstance(report, OrderNotFound):
        return AbsenceProven(venue=report.venue, order_id=report.order_id)
    return report
