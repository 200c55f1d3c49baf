"""The journal server dies, hangs, is full or forgets: entries stop at once, what rests is cancelled through the
lifeboat, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from execution.child import ExitCode
from tests.tools.desk_kit import DeskKit, desk
from tests.tools.parity import assert_same_as_backtest
from tests.tools.servers_kit import administrator, kill, paused
from tests.tools.truth import assert_one_story, standing_still
from toolkit.adapters.clock import mono_time
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_access import ServerRole
from toolkit.domain.events import CancelRequested
from toolkit.domain.orders import OrderClass, Status
from toolkit.domain.ports import Sealed

pytestmark = pytest.mark.faults

STEPS_AFTER = 60


async def test_without_a_journal_what_rests_is_cancelled_through_the_lifeboat_and_the_engine_ends(
    tmp_path: Path, full: bool
) -> None:
    """Once with a server that was killed, once with one that hangs longer than the lease, once with a full one."""
    async with desk(tmp_path / "home") as kit:
        for hurt in (killed, hanging, out_of_memory) * (3 if full else 1):
            async with an_entry_at_rest(kit) as resting:
                await hurt(kit)
            kit.launch("engine")
            await kit.until_step(kit.ledger.step + STEPS_AFTER)
            assert_cancelled_through_the_lifeboat(kit, resting)
        await assert_one_story(kit)


async def killed(kit: DeskKit) -> None:
    kill(kit.line.servers, ServerRole.JOURNAL)
    await ends_without_a_journal(kit)
    await asyncio.to_thread(kit.line.start_servers)


async def hanging(kit: DeskKit) -> None:
    with paused(kit.line.servers, ServerRole.JOURNAL):
        await ends_without_a_journal(kit)


async def out_of_memory(kit: DeskKit) -> None:
    with administrator(kit.line.servers) as line:
        line.ask("CONFIG", "SET", "maxmemory", "1")
        await ends_without_a_journal(kit)
        line.ask("CONFIG", "SET", "maxmemory", "0")


async def ends_without_a_journal(kit: DeskKit) -> None:
    said = len(kit.home.log("engine").read_text())
    assert await kit.ends("engine") == ExitCode.JOURNAL_GONE, kit.last_words()
    last_words = kit.home.log("engine").read_text()[said:].strip().splitlines()[-1]
    assert "Entry orders that still rest at the venue: none" in last_words


async def test_a_stream_that_lost_more_than_the_mirror_holds_is_not_traded_on(tmp_path: Path) -> None:
    async with desk(tmp_path / "home") as kit:
        await kit.until_step(kit.ledger.step + 30)
        await kit.end("engine")
        before = await journal_of(kit)
        kill(kit.line.servers, ServerRole.JOURNAL)
        book = kit.home.book(kit.settings.desk.book)
        with set_aside(journal_folder(kit)), set_aside(book / "mirror"):
            truncate_the_log(kit)
            await asyncio.to_thread(kit.line.start_servers)
            assert len(await journal_of(kit)) < len(before)
            kit.launch("engine")
            assert await kit.ends("engine") == ExitCode.FAILED
            assert "lost events" in kit.home.log("engine").read_text().strip().splitlines()[-1]
            kill(kit.line.servers, ServerRole.JOURNAL)
        await asyncio.to_thread(kit.line.start_servers)
        await resume_trading(kit)
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0


async def test_what_the_stream_lost_comes_back_from_the_mirror_byte_for_byte(tmp_path: Path) -> None:
    async with desk(tmp_path / "home") as kit:
        await kit.until_step(kit.ledger.step + 20)
        older = tmp_path / "older"
        shutil.copytree(journal_folder(kit), older)
        await kit.until_step(kit.ledger.step + 30)
        await kit.end("engine")
        before = await journal_of(kit)
        kill(kit.line.servers, ServerRole.JOURNAL)
        shutil.rmtree(journal_folder(kit))
        shutil.copytree(older, journal_folder(kit))
        await asyncio.to_thread(kit.line.start_servers)
        assert len(await journal_of(kit)) < len(before)
        await resume_trading(kit)
        assert (await journal_of(kit))[: len(before)] == before
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0


# ---------------------------------------------------------------- helpers


@contextlib.asynccontextmanager
async def an_entry_at_rest(kit: DeskKit) -> AsyncIterator[set[str]]:
    """Entry orders that are acknowledged and work at the venue; nobody cancels one while this lasts."""
    while True:
        async with standing_still(kit):
            resting = {
                order.order_id
                for order in kit.ledger.open_orders()
                if order.order_class is OrderClass.ENTRY and order.status is Status.NEW
            }
            if resting:
                yield resting
                return
        await kit.until_step(kit.ledger.step + 1)


def assert_cancelled_through_the_lifeboat(kit: DeskKit, resting: set[str]) -> None:
    """What rested is not open any more; each cancel that left without a journal is in the journal by now."""
    events = [event for batch in kit.batches for event in batch.events]
    imported = {event.order_id for event in events if isinstance(event, CancelRequested) and event.cause == "lifeboat"}
    assert imported, "nothing went through the lifeboat"
    for identifier in imported | resting:
        order = kit.ledger.order(identifier)
        assert order is None or not order.is_open, f"{identifier} is {order.shown_status}"


async def resume_trading(kit: DeskKit) -> None:
    kit.launch("engine")
    await kit.until_step(kit.ledger.step + STEPS_AFTER)


async def journal_of(kit: DeskKit) -> list[Sealed]:
    """Every batch that the server holds."""
    journal = RedisJournal(kit.line.address(ServerRole.JOURNAL), kit.settings.desk.book, mono=mono_time)
    try:
        return [sealed async for sealed in journal.read(0)]
    finally:
        await journal.close()


def journal_folder(kit: DeskKit) -> Path:
    return kit.home.servers / ServerRole.JOURNAL.value


def truncate_the_log(kit: DeskKit) -> None:
    """As a machine does that lost what the server had not synced."""
    (log,) = journal_folder(kit).glob("**/*.incr.aof")
    os.truncate(log, log.stat().st_size * 2 // 3)


@contextlib.contextmanager
def set_aside(path: Path) -> Iterator[None]:
    """Keep a copy of a file or folder and put it back at the end; a file is gone meanwhile."""
    kept = path.with_name(f"{path.name}.kept")
    if path.is_dir():
        shutil.copytree(path, kept)
    else:
        path.rename(kept)
    yield
    if path.is_dir():
        shutil.rmtree(path)
    kept.replace(path)
