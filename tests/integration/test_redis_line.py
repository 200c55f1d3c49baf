"""A line that gives up on a reply never hands that reply to whoever asks next."""

from __future__ import annotations

import asyncio

import pytest

from tests.servers import Server
from toolkit.adapters.redis_connection import LOST, RedisLine

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("patience", [0.0, 0.0001, 0.0003, 5.0])
async def test_a_reply_that_came_too_late_is_never_taken_for_another(
    journal_server: Server, book: str, patience: float, full: bool
) -> None:
    hasty, key = RedisLine(journal_server.address(), reply_seconds=patience), f"{{{book}}}:x"
    heard = 0
    for number in range(2000 if full else 200):
        text = f"word {number}".encode()
        try:
            assert await hasty.ask("SET", key, text) == b"OK"
            many = await hasty.ask_all([("GET", key), ("STRLEN", key), ("GET", key)])
        except LOST:
            continue
        heard += 1
        assert many == [text, len(text), text]
    await hasty.close()
    assert heard or patience < 5.0


async def test_requests_at_the_same_time_keep_their_order(journal_server: Server, book: str) -> None:
    line = RedisLine(journal_server.address(), reply_seconds=5)
    key = f"{{{book}}}:x"
    await asyncio.gather(*(line.ask("XADD", key, f"{number}-0", "n", number) for number in range(1, 300)))
    assert await line.ask("XLEN", key) == 299
    await line.close()


async def test_blocking_reads_at_the_same_time_do_not_wait_for_each_other(journal_server: Server, book: str) -> None:
    reader = RedisLine(journal_server.address(), reply_seconds=None, connections=8)
    keys = [f"{{{book}}}:{number}" for number in range(8)]
    waiting = [asyncio.create_task(reader.ask("XREAD", "BLOCK", 5000, "STREAMS", key, "0")) for key in keys]
    await asyncio.sleep(0.02)
    writer = RedisLine(journal_server.address(), reply_seconds=1)
    for key in reversed(keys):
        await writer.ask("XADD", key, "1-0", "n", "1")
    async with asyncio.timeout(2):
        assert all(await asyncio.gather(*waiting))
    await reader.close()
    await writer.close()
