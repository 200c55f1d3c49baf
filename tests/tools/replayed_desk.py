"""A desk's book in one process with its journal, and a replayer beside it: steps, batches and files, no servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from execution.services.replayer import Replayer
from execution.services.replayer_parts import ReplayerParts, ReplayerPlan
from execution.settings import Settings
from tests.integration.test_strategy_restart import example, spec_of
from toolkit.adapters import codec
from toolkit.adapters.ladder_file import LadderFile
from toolkit.domain.commands import Command, Envelope
from toolkit.domain.events import Batch, Event
from toolkit.domain.fold import apply_batch
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Quote, Step
from toolkit.domain.ports import Sealed
from toolkit.domain.rungs import SessionRungs
from toolkit.domain.time import MonoTime, Now, WallTime
from toolkit.engine.messages import EngineSettings
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.research.data import sample
from toolkit.simulation.backtest import Backtest, engine_settings
from toolkit.simulation.lockstep import absorb
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import PaperSettings

STEPS_A_SESSION = 15
FEED = tuple(sample(sessions=90))


class ReplayedDesk:
    """The shipped desk on the sample, trading at `venue`; the replayer believes in the shipped one.

    `trade` lets sessions go by, the replayer looking after each step of `looks` (in steps). Of the feed the steps up to
    `lost` are not there any more, and of the journal the first `trimmed` batches.
    """

    def __init__(
        self, settings: Settings, folder: Path, venue: PaperSettings | None = None, engine: EngineSettings | None = None
    ) -> None:  # fmt: skip
        self._settings, self._folder = settings, folder
        self.make: Callable[[str], StrategyContainer] = self.container
        self.journal: list[Sealed] = []
        self.lost = self.trimmed = 0
        self.said: list[str] = []
        self.feed: Sequence[Step] = FEED
        self.source: Sequence[Step] = FEED
        believed = next(iter(settings.venues.values()))
        self._paper = PaperVenue(venue or believed, settings.instruments)
        self._done = 0
        self.book = Backtest(
            spec_of(settings), self._paper, {name: self.container(name) for name in settings.strategies},
            self._seal, lambda step, ledger: None, settings=engine,
        )  # fmt: skip
        told = engine or engine_settings(believed)
        self._plan = ReplayerPlan(settings=told, venues=(believed,), history=900)
        self.start()

    def start(self) -> None:
        """A replayer that knows what its files say."""
        self.store = LadderFile(self._folder)
        parts = ReplayerParts(
            begin=self._ledger, batches=self._after, open_batch=codec.open_batch, steps=self._steps,
            engine_step=self._engine_step, source=lambda after, count: tuple(self.source[after : after + count]),
            containers=self._containers, store=self.store, wall=lambda: self._done, beat=lambda state, step: None,
            say=self.said.append,
        )  # fmt: skip
        self.replayer = Replayer(parts, self._plan)
        self.replayer.look()

    def trade(self, sessions: float, *, looks: bool = True) -> None:
        for step in islice(self.feed, self._done, self._done + round(sessions * STEPS_A_SESSION)):
            self.book.run((step,))
            self._done = step.number
            if looks and step.number % 5 == 0:
                self.replayer.look()

    def command(self, number: int, command: Command) -> None:
        """What a person asks for, between two steps or within one."""
        time = self.book.engine.view.time
        now = Now(time, WallTime(0), MonoTime(int(time)))
        envelope = Envelope(producer="operator", incarnation=1, number=number, body=command)
        self.book._carry_out(absorb(self.book.engine, [envelope], now))

    def container(
        self, name: str, kind: type[StrategyContainer] = StrategyContainer, **parameters: object
    ) -> StrategyContainer:
        """The strategy as the desk has it, but for these parameters."""
        row = self._settings.strategies[name]
        instruments = {symbol: self._settings.instrument(symbol) for symbol in row.instruments}
        strategy = example(self._settings.home / row.source, row.class_name)
        given = {**row.parameters, **parameters}
        return kind(strategy, given, instruments, self._settings.base_currency, name=name)

    @property
    def sessions(self) -> Sequence[SessionRungs]:
        return self.store.sessions

    # ---- parts

    def _seal(self, events: Sequence[Event], ledger: Ledger) -> None:
        if not events:
            return
        first = self.journal[-1].last + 1 if self.journal else 1
        previous = self.journal[-1].digest if self.journal else b""
        batch = Batch(
            book="paper", schema=codec.SCHEMA, epoch=1, first=first, previous=previous, step=ledger.step,
            wall=WallTime(self._done), events=tuple(events),
        )  # fmt: skip
        self.journal.append(codec.seal(batch))

    def _engine_step(self) -> int:
        return self._done

    def _ledger(self) -> Ledger:
        """As whoever opens the books gets them: up to the end of the journal."""
        ledger = Ledger()
        for sealed in self.journal:
            batch = codec.open_batch(sealed.payload)
            apply_batch(ledger, batch, sealed.digest)
        return ledger

    def _after(self, sequence: int) -> Sequence[Sealed]:
        place = len(self.journal)
        while place and self.journal[place - 1].first > sequence:
            place -= 1
        place = max(place, self.trimmed)
        return self.journal[place : place + 500]

    def _steps(self, after: int, count: int) -> Sequence[Step]:
        return tuple(step for step in self.feed[after : after + count] if step.number > self.lost)

    def _containers(self, ledger: Ledger, names: Sequence[str]) -> Mapping[str, StrategyContainer]:
        return {name: self.make(name) for name in names}


def dearer(settings: Settings, **fees: object) -> PaperSettings:
    """The shipped venue with other fees."""
    venue = next(iter(settings.venues.values()))
    return msgspec.structs.replace(venue, fees=msgspec.structs.replace(venue.fees, **fees))


def other_prices(feed: Sequence[Step], after: int) -> Sequence[Step]:
    """The same feed with every bid and ask a tick higher from a step on."""
    return tuple(step if step.number <= after else _higher(step) for step in feed)


def _higher(step: Step) -> Step:
    events = tuple(
        msgspec.structs.replace(event, bid=event.bid + 1, ask=event.ask + 1) if isinstance(event, Quote) else event
        for event in step.events
    )
    return msgspec.structs.replace(step, events=events)
