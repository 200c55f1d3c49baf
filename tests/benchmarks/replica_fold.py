"""What everyone who looks on does with a journal: open its batches, fold the books, count beside them.

The journal is that of the shipped desk: its three strategies on the sample, its venue as shipped, batch by batch as an
engine commits them. Processor time of one process; the events of the last run also show where it goes.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice
from statistics import median
from typing import Any

from execution.settings import read_settings
from execution.wiring.listener import sample_feed
from tests.benchmarks.report import Result, at_least, at_most, plain
from tests.benchmarks.workshop import BOOK, VENUE, book_spec
from tests.tools.desk_kit import PROJECT
from toolkit.adapters import codec
from toolkit.domain.events import Batch, Event
from toolkit.domain.ledger import Ledger
from toolkit.domain.ports import Sealed
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.monitoring.collecting import collect
from toolkit.monitoring.facts import DeskFacts
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies
from toolkit.simulation.backtest import Backtest
from toolkit.simulation.matching import PaperVenue

STEPS, REPEATS = 4_000, 5
EVENTS_A_SECOND, COLLECT_MS = 100_000, 25.0
BATCH_NS = NANOSECONDS // 200


def run() -> list[Result]:
    journal = shipped_journal(STEPS)
    events = journal[-1].last
    speeds, books_alone = [], []
    for _ in range(REPEATS):
        speeds.append(events / _timed(lambda: fold(journal)))
        books_alone.append(events / _timed(lambda: _books(journal)))
    replica, tallies = fold(journal)
    assert tallies.sequence == replica.ledger.sequence == events, "not all of it was folded"
    wall = WallTime(int(replica.wall) + 1)
    looks = [_timed(lambda: collect(replica, tallies, DeskFacts(), wall)) for _ in range(50)]
    stored = tallies.to_bytes()
    return [
        at_least("fold of who looks on", median(speeds), "events/s", EVENTS_A_SECOND),
        plain("fold of who looks on, books alone", median(books_alone), "events/s"),
        at_most("all measures once", 1_000 * median(looks), "ms", COLLECT_MS),
        plain("tallies stored", len(stored) / 1e6, "MB"),
    ]


def shipped_journal(steps: int) -> list[Sealed]:
    """The journal of the shipped strategies on so many steps of the sample."""
    settings = read_settings(PROJECT)
    master = {each.symbol: each for each in settings.instruments}
    containers = {name: _container(name, settings, master) for name in settings.strategies}
    committed: list[tuple[Event, ...]] = []
    backtest = Backtest(
        book_spec([*containers], tuple(settings.instruments), currency=settings.base_currency),
        PaperVenue(settings.venues[VENUE], settings.instruments),
        containers,
        lambda events, _: committed.append(tuple(events)) if events else None,
        lambda _step, _ledger: None,
    )
    feed = sample_feed(settings.desk.feed, settings.instruments)
    ledger: Ledger = backtest.run(islice(feed.steps(0), steps))
    assert ledger.order_count > 1_000, f"{ledger.order_count} orders in {steps} steps"
    return [*_sealed(committed)]


def fold(journal: Sequence[Sealed]) -> tuple[Replica, Tallies]:
    """As `Watching` does it."""
    replica, tallies = Replica(), Tallies()
    for sealed in journal:
        batch = codec.open_batch(sealed.payload)
        replica.apply(batch, sealed.digest)
        tallies.hear(batch, replica.ledger)
    return replica, tallies


def _books(journal: Sequence[Sealed]) -> Replica:
    replica = Replica()
    for sealed in journal:
        replica.apply(codec.open_batch(sealed.payload), sealed.digest)
    return replica


def _sealed(committed: Sequence[tuple[Event, ...]]) -> Iterator[Sealed]:
    first, previous = 1, b""
    for number, events in enumerate(committed, 1):
        batch = Batch(
            book=BOOK, schema=codec.SCHEMA, epoch=1, first=first, previous=previous, step=number,
            wall=WallTime(number * BATCH_NS), events=events,
        )  # fmt: skip
        sealed = codec.seal(batch)
        first, previous = sealed.last + 1, sealed.digest
        yield sealed


def _container(name: str, settings: Any, master: Any) -> StrategyContainer:
    row = settings.strategies[name]
    spec = spec_from_file_location(f"bench_{name}", PROJECT / row.source)
    assert spec is not None, row.source
    assert spec.loader is not None, row.source
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return StrategyContainer(getattr(module, row.class_name), row.parameters, master, settings.base_currency, name=name)


def _timed(work: Any) -> float:
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began
