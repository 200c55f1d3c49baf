"""The operations log keeps what happened around the books, newest last, and only so much of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.servers import Server
from toolkit.adapters.operations_log import OperationsLog
from toolkit.domain.time import WallTime

pytestmark = pytest.mark.integration


@pytest.fixture
async def log(journal_server: Server, book: str) -> AsyncIterator[OperationsLog]:
    log = OperationsLog(journal_server.address("supervisor"), book, kept=100, reply_seconds=60.0)
    yield log
    await log.close()


async def test_lines_are_read_in_order_from_any_position(log: OperationsLog) -> None:
    await log.write("start", "engine", WallTime(1), pid="77")
    await log.write("stop", "engine", WallTime(2))
    first, second = await log.after("0", 0)
    assert (first.kind, first.process, first.wall, first.detail) == ("start", "engine", 1, {"pid": "77"})
    assert list(await log.after(first.position, 0)) == [second]
    assert list(await log.newest(1)) == [second]


async def test_a_reader_waits_for_the_next_line(log: OperationsLog) -> None:
    waiting = asyncio.create_task(log.after("0", 5000))
    await asyncio.sleep(0.02)
    await log.write("feed", "listener", WallTime(3), state="stale")
    async with asyncio.timeout(60):
        assert [line.kind for line in await waiting] == ["feed"]


async def test_old_lines_go(log: OperationsLog) -> None:
    await asyncio.gather(*(log.write("log", "engine", WallTime(number)) for number in range(600)))
    kept = await log.newest(1000)
    assert len(kept) < 300
    assert max(line.wall for line in kept) == 599
