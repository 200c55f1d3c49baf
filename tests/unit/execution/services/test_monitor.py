"""The monitor goes on whatever becomes of servers: what it shows then says since when nothing was read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from execution.services import monitor as service
from execution.services.monitor import Monitor, MonitorParts
from tests.tools.folded_desk import Journal, folded
from toolkit.domain.errors import JournalError, TransportError
from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime
from toolkit.monitoring.facts import DeskFacts
from toolkit.monitoring.samples import Samples
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies


class Follower:
    """Folds of a random desk; `trouble` is what the next looks find."""

    def __init__(self) -> None:
        journal = Journal(3)
        journal.act(60)
        self.replica: Replica
        self.tallies: Tallies
        self.replica, self.tallies = folded(journal)
        self.read_at_end = True
        self.trouble: Exception | None = None
        self.looks = 0
        self.pause = 0.002
        self.kept = self.closed = 0
        self.full = False
        self.found = 0
        self.waits: list[int] = []

    def advance(self, wait_ms: int = 0) -> int:
        self.looks += 1
        self.waits.append(wait_ms)
        time.sleep(self.pause)
        if self.trouble is not None:
            raise self.trouble
        return self.found

    def keep(self) -> None:
        self.kept += 1
        if self.full:
            raise TransportError("the disk is full")

    def close(self) -> None:
        self.closed += 1


class Outside:
    """Everything that a monitor is given, and what it gave."""

    def __init__(self) -> None:
        self.follower = Follower()
        self.shown: list[Samples] = []
        self.judged: list[Samples] = []
        self.beats: list[tuple[str, int]] = []
        self.said: list[str] = []
        self.wall = 100 * NANOSECONDS
        self.monitor = Monitor(
            MonitorParts(
                follower=self.follower,
                facts=lambda read: DeskFacts(journal_read=read),
                wall=lambda: WallTime(self.wall),
                mono=lambda: MonoTime(self.wall),
                show=self.shown.append,
                beat=lambda state, step: self.beats.append((state, step)),
                say=self.said.append,
                judges=(self._judge,),
            )
        )

    async def _judge(self, samples: Samples) -> None:
        self.judged.append(samples)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "COLLECT_SECONDS", 0.0)
    monkeypatch.setattr(service, "LOOK_MS", 5)


@pytest.fixture
def outside() -> Outside:
    return Outside()


async def until(outside: Outside, true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.001)


async def stop(outside: Outside, running: asyncio.Task[None]) -> None:
    outside.monitor.stop()
    async with asyncio.timeout(60):
        await running


async def test_each_look_is_shown_then_judged_and_the_last_fold_is_stored(outside: Outside) -> None:
    running = asyncio.create_task(outside.monitor.run())
    await until(outside, lambda: len(outside.judged) > 2)
    await stop(outside, running)
    assert outside.judged == outside.shown
    assert outside.shown[-1].value("quarterdeck_journal_events_total") == outside.follower.replica.ledger.sequence
    assert set(outside.beats) == {("watching", outside.follower.replica.ledger.step)}
    assert (outside.follower.kept, outside.follower.closed) == (1, 1)
    assert outside.said == []


@pytest.mark.parametrize("trouble", [TransportError("no server"), JournalError("a batch does not follow")])
async def test_trouble_is_told_once_and_shows_as_a_time_that_stands_still(outside: Outside, trouble: Exception) -> None:
    running = asyncio.create_task(outside.monitor.run())
    await until(outside, lambda: bool(outside.shown))
    outside.follower.trouble = trouble
    await until(outside, lambda: bool(outside.said))
    outside.wall += 50 * NANOSECONDS
    seen = len(outside.shown)
    await until(outside, lambda: len(outside.shown) > seen + 3)
    newest = outside.shown[-1]
    assert newest.value("quarterdeck_journal_read_timestamp_seconds") == 100
    assert newest.value("quarterdeck_collected_timestamp_seconds") == 150
    assert outside.beats[-1][0] == "waiting"
    assert outside.said == [f"{type(trouble).__name__}: {trouble}"]
    outside.follower.trouble = None
    await until(outside, lambda: outside.shown[-1].value("quarterdeck_journal_read_timestamp_seconds") == 150)
    await stop(outside, running)
    assert outside.said[1:] == ["the journal is read again"]


async def test_a_busy_journal_is_folded_more_often_than_it_is_measured(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "COLLECT_SECONDS", 1.0)
    running = asyncio.create_task(outside.monitor.run())
    await until(outside, lambda: outside.follower.looks > 40 and len(outside.shown) > 0)
    await stop(outside, running)
    assert len(outside.shown) < outside.follower.looks / 2


async def test_what_was_folded_too_soon_after_a_look_waits_for_no_other_entry(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or an alert would be told with the next event, or a quarter of a second later."""
    monkeypatch.setattr(service, "COLLECT_SECONDS", 0.2)
    monkeypatch.setattr(service, "LOOK_MS", 60_000)
    outside.follower.found = 1
    running = asyncio.create_task(outside.monitor.run())
    await until(outside, lambda: len(outside.shown) > 1)
    await stop(outside, running)
    soon = [wait for wait in outside.follower.waits if 1 <= wait <= 200]
    assert len(soon) > len(outside.follower.waits) - 2 * len(outside.shown) - 1, "but for one after each look"


async def test_behind_the_end_of_the_journal_it_reads_on_without_a_rest(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "COLLECT_SECONDS", 600.0)
    outside.follower.found, outside.follower.read_at_end = 1, False
    running = asyncio.create_task(outside.monitor.run())
    await until(outside, lambda: outside.follower.looks > 40)
    await stop(outside, running)


async def test_a_full_disk_does_not_keep_it_from_ending(outside: Outside) -> None:
    outside.follower.full = True
    running = asyncio.create_task(outside.monitor.run())
    await until(outside, lambda: bool(outside.shown))
    await stop(outside, running)
    assert outside.said == ["the disk is full: the next one folds more"]
    assert outside.follower.closed == 1


async def test_a_fault_of_its_own_is_not_hidden(outside: Outside) -> None:
    outside.follower.trouble = ZeroDivisionError("a mistake")
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(60):
            await outside.monitor.run()
