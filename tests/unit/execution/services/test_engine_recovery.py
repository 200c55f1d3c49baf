"""How an engine comes by its ledger when the server has only the end, and what it leaves behind of older ones."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from execution.services import engine
from execution.services.engine_recovery import forget_old_releases, recover_ledger, take_book
from execution.wiring.engine import BookLifeboat, BookSnapshots, WireCodec
from tests.tools.journal_kit import chain, end_of, step
from toolkit.adapters.journal_archive import JournalArchive
from toolkit.adapters.lifeboat import Lifeboat
from toolkit.adapters.memory_bus import MemoryBus
from toolkit.adapters.memory_journal import MemoryJournal
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.beats import Beat
from toolkit.domain.inbox import EPOCHS_KEPT, Released
from toolkit.domain.ledger import FOLD_VERSION
from toolkit.domain.market import FeedMode, Step
from toolkit.domain.ports import Head, Sealed
from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime

BATCHES = chain(40, size=5)


class KilledOnTheWay:
    """An archive whose reader is killed after so many batches."""

    def __init__(self, archive: JournalArchive, after: int) -> None:
        self._archive, self._after = archive, after

    def read(self, after: int = 0) -> Iterator[Sealed]:
        for number, batch in enumerate(self._archive.read(after)):
            if number == self._after:
                raise KeyboardInterrupt
            yield batch


async def test_an_engine_that_comes_back_with_the_journal_waits_for_who_closes_positions_past_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution.services.engine_recovery.LOOK_AGAIN", 0)
    now, stopping = 0, asyncio.Event()
    journal = MemoryJournal(MemoryServer(), mono=lambda: MonoTime(now))
    boat = BookLifeboat(tmp_path / "lifeboat")
    parts = SimpleNamespace(journal=journal, lifeboat=boat, owner="engine 1", seen=SimpleNamespace(epoch=0))
    with Lifeboat(tmp_path / "lifeboat").in_hand():
        taking = asyncio.create_task(take_book(parts, stopping))
        for _ in range(500):  # longer than a lease
            now += NANOSECONDS // 10
            await asyncio.sleep(0)
        assert not taking.done()
        assert await journal.acquire("engine 2") is None
    lease = await asyncio.wait_for(taking, 60)
    assert lease is not None
    assert lease.send_by > now
    await journal.release(lease)
    with Lifeboat(tmp_path / "lifeboat").in_hand():
        taking = asyncio.create_task(take_book(parts, stopping))
        await asyncio.sleep(0)
        stopping.set()
        assert await asyncio.wait_for(taking, 60) is None


async def test_a_long_recovery_from_the_archive_gets_further_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor waits for a minute; millions of events take longer."""
    monkeypatch.setattr("execution.services.engine_recovery.KEPT_EVERY", 50)
    server, snapshots = MemoryServer(), BookSnapshots(tmp_path / "snapshots")
    server.batches[:], server.head = BATCHES[30:], end_of(BATCHES[-1])
    archive = JournalArchive(tmp_path / "archive", "paper")
    archive.add(BATCHES[:35])
    journal = MemoryJournal(server, mono=lambda: MonoTime(0))
    nothing = SimpleNamespace(missing=lambda head: [], begin=lambda head: None, check=lambda head: None,
                              record=lambda epoch, head: None, epoch=0)  # fmt: skip
    parts = SimpleNamespace(
        journal=journal, mirror=nothing, seen=nothing, snapshots=snapshots, codec=WireCodec(),
        archive=KilledOnTheWay(archive, after=15),
    )  # fmt: skip
    plan, lease = SimpleNamespace(book="paper"), await journal.acquire("test")
    for reached in (50, 100):
        with pytest.raises(KeyboardInterrupt):
            await recover_ledger(parts, plan, lease)
        kept = snapshots.newest("paper", FOLD_VERSION)
        assert kept is not None
        assert kept.sequence == reached
    parts.archive = archive
    ledger = await recover_ledger(parts, plan, lease)
    assert Head(ledger.sequence, ledger.batch_digest) == end_of(BATCHES[-1])


async def test_released_steps_are_kept_for_as_long_as_a_runner_looks_back_and_no_longer() -> None:
    server = MemoryServer()
    bus = MemoryBus(server)
    for epoch in range(1, 60):
        await bus.release(epoch, [Released(step=b"", number=epoch, inboxes=())])
        await forget_old_releases(bus, epoch)
    assert sorted(server.released) == list(range(59 - EPOCHS_KEPT, 60))


@pytest.mark.parametrize("is_listening", [False, True], ids=["a listener that starts late", "a feed without a history"])
async def test_in_lockstep_the_view_waits_for_a_listener_and_not_for_a_history_that_is_lost(
    monkeypatch: pytest.MonkeyPatch, is_listening: bool
) -> None:
    monkeypatch.setattr(engine, "FEED_PATIENCE", 0.05)
    bus, warmed = MemoryBus(MemoryServer()), list[Step]()
    listener = Beat(process="listener", pid=1, wall=WallTime(0))
    parts, plan = SimpleNamespace(bus=bus), SimpleNamespace(feed_mode=FeedMode.LOCKSTEP, history_steps=10)
    core = SimpleNamespace(engine=SimpleNamespace(ledger=SimpleNamespace(step=3), warm=warmed.append))
    if is_listening:
        await bus.beat(listener)
    warming = asyncio.create_task(engine.EngineService(cast(Any, parts), cast(Any, plan))._warm_view(cast(Any, core)))
    if not is_listening:
        await asyncio.sleep(0.3)
        await bus.publish("feed", [step(number) for number in range(1, 5)])
        await bus.beat(listener)
    async with asyncio.timeout(60):
        await warming
    assert [each.number for each in warmed] == ([] if is_listening else [1, 2, 3])


async def test_a_bus_that_is_away_keeps_no_engine_from_starting() -> None:
    server = MemoryServer()
    server.away = True
    await forget_old_releases(MemoryBus(server), 40)
