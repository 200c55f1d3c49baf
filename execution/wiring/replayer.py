"""The replayer's process: `python -m execution.wiring.replayer --home HOME`; pairs its ports with adapters."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TypeVar

from execution.child import explain, read_secret, stand_back, when_told_to_stop
from execution.home import Home, find_home
from execution.services.engine import FEED
from execution.services.replayer import Replayer
from execution.services.replayer_parts import ReplayerParts, ReplayerPlan
from execution.settings import Settings, read_running
from execution.wiring.engine import FREE_HISTORY
from execution.wiring.sample import sample_feed
from toolkit.adapters import codec
from toolkit.adapters.blocking_redis import BlockingBus, BlockingJournal
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.ladder_file import LadderFile
from toolkit.client.books import Books
from toolkit.client.registry import Loaded, load_version
from toolkit.domain.beats import Beat
from toolkit.domain.errors import ExecutionError, TransportError
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode, Step
from toolkit.domain.ports import Sealed
from toolkit.engine.messages import EngineSettings
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.fees import fee_valuations
from toolkit.simulation.slim_books import slim

Answer = TypeVar("Answer")

PROCESS = "replayer"
USER = "monitor"
"""It may do what the monitor may: read everything, and say that it lives."""
ENGINE = "engine"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="execution.wiring.replayer", description=__doc__)
    parser.add_argument("--home", required=True)
    options = parser.parse_args(arguments)
    stand_back()
    try:
        home = find_home(options.home)
        read_secret()
        asyncio.run(replay(home, read_running(home.root)))
    except ExecutionError as problem:
        return explain(problem)
    return 0


async def replay(home: Home, settings: Settings) -> None:
    """Replay the desk's book beside it until told to stop."""
    outside = Outside(home, settings)
    replayer = Replayer(outside.parts(), plan_of(settings))
    when_told_to_stop(replayer.stop)
    await asyncio.to_thread(replayer.run)


def plan_of(settings: Settings) -> ReplayerPlan:
    """What the desk's files say of its engine and venues, for a replay in lockstep."""
    venues = tuple(settings.venues.values())
    return ReplayerPlan(
        settings=EngineSettings(
            feed_mode=FeedMode.LOCKSTEP,
            abilities={name: able for venue in venues for name, able in venue.abilities.items()},
            router=settings.router,
            valuations=tuple(dict.fromkeys(value for venue in venues for value in fee_valuations(venue.fees))),
            exchange_rates=settings.exchange_rates,
        ),
        venues=venues,
        history=_history(settings),
    )


def _history(settings: Settings) -> int:
    """Steps that warm a replay up: as many as the desk's own start has."""
    feed = settings.desk.feed
    if settings.feed is not None or feed.mode is FeedMode.FREE:
        return FREE_HISTORY
    return sample_feed(feed, settings.instruments).last_step(feed.history_sessions)


class Outside:
    """Journal, bus and files of one desk, for one thread."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self._home = home
        self._settings = settings
        self._books = Books(home=home, book=settings.desk.book, user=USER)
        self._journal: BlockingJournal | None = None
        self._bus: BlockingBus | None = None
        self._loaded: dict[str, tuple[str, Loaded]] = {}
        self._clock = SystemClock()

    def parts(self) -> ReplayerParts:
        return ReplayerParts(
            begin=lambda: self._books.ledger(slim),
            batches=self._batches,
            open_batch=codec.open_batch,
            steps=self._steps,
            engine_step=self._engine_step,
            source=self._source(),
            containers=self._containers,
            store=self._store(),
            wall=lambda: int(self._clock.wall()),
            beat=self._beat,
            say=lambda words: print(words, flush=True),
        )

    def _store(self) -> LadderFile:
        store = LadderFile(folder := self._home.ladder(self._settings.desk.book))
        if store.damaged:
            print(f"{folder}: {store.damaged} sessions cannot be read and do not count", flush=True)
        return store

    # ---- servers

    def _batches(self, after: int) -> Sequence[Sealed]:
        if self._journal is None:
            self._journal = self._books.journal()
        try:
            return self._journal.batches(after)
        except TransportError:
            self._journal.close()
            self._journal = None
            raise

    def _steps(self, after: int, count: int) -> Sequence[Step]:
        return self._ask(lambda bus: bus.steps(FEED, after, count))

    def _engine_step(self) -> int | None:
        found = self._ask(lambda bus: bus.beats()).get(ENGINE)
        return None if found is None else found.step

    def _beat(self, state: str, step: int) -> None:
        beat = Beat(process=PROCESS, pid=os.getpid(), wall=self._clock.wall(), state=state, step=step)
        with suppress(TransportError):
            self._ask(lambda bus: bus.beat(beat))

    def _ask(self, question: Callable[[BlockingBus], Answer]) -> Answer:
        if self._bus is None:
            self._bus = self._books.bus()
        try:
            return question(self._bus)
        except TransportError:
            self._bus.close()
            self._bus = None
            raise

    # ---- feed and strategies

    def _source(self) -> Callable[[int, int], Sequence[Step]] | None:
        """The sample is the same wherever it is asked for; of another feed the desk has the only record."""
        feed = self._settings.desk.feed
        if self._settings.feed is not None or feed.mode is FeedMode.FREE:
            return None
        sample = sample_feed(feed, self._settings.instruments)
        return lambda after, count: tuple(islice(sample.steps(after), count))

    def _containers(self, ledger: Ledger, names: Sequence[str]) -> Mapping[str, StrategyContainer]:
        return {name: self._container(ledger, name) for name in names}

    def _container(self, ledger: Ledger, name: str) -> StrategyContainer:
        deployed = ledger.deployments[name]
        loaded = self._loaded.get(name)
        if loaded is None or loaded[0] != deployed.digest:
            version = load_version(self._home.registry / name / f"v{deployed.version}", deployed.digest)
            loaded = self._loaded[name] = deployed.digest, version
        strategy, manifest = loaded[1]
        instruments = {symbol: self._settings.instrument(symbol) for symbol in manifest.instruments}
        return StrategyContainer(
            strategy, manifest.parameters, instruments, self._settings.base_currency, name=name
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
