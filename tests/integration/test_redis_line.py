"""A line that gives up on a reply never hands that reply to whoever asks next."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.servers import Server
from toolkit.adapters.redis_connection import LOST, RedisLine
from toolkit.adapters.redis_wire import ServerRefused, connect, packed
from toolkit.adapters.server_address import ServerAddress

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("patience", [0.0, 0.0001, 0.0003, 60.0])
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
    assert heard or patience < 60.0


async def test_requests_at_the_same_time_keep_their_order(journal_server: Server, book: str) -> None:
    line = RedisLine(journal_server.address(), reply_seconds=60)
    key = f"{{{book}}}:x"
    await asyncio.gather(*(line.ask("XADD", key, f"{number}-0", "n", number) for number in range(1, 300)))
    assert await line.ask("XLEN", key) == 299
    await line.close()


async def test_blocking_reads_at_the_same_time_do_not_wait_for_each_other(journal_server: Server, book: str) -> None:
    reader = RedisLine(journal_server.address(), reply_seconds=None, connections=8)
    keys = [f"{{{book}}}:{number}" for number in range(8)]
    waiting = [asyncio.create_task(reader.ask("XREAD", "BLOCK", 60_000, "STREAMS", key, "0")) for key in keys]
    await asyncio.sleep(0.02)
    writer = RedisLine(journal_server.address(), reply_seconds=60)
    for key in reversed(keys):
        await writer.ask("XADD", key, "1-0", "n", "1")
    async with asyncio.timeout(60):
        assert all(await asyncio.gather(*waiting))
    await reader.close()
    await writer.close()


async def test_of_several_requests_one_that_is_no_command_keeps_the_others_from_taking_effect(
    journal_server: Server, book: str
) -> None:
    line, key = RedisLine(journal_server.address(), reply_seconds=60), f"{{{book}}}:x"
    with pytest.raises(ServerRefused):
        await line.ask_all([("XADD", key, "1-0", "n", "1"), ("XADD", key)])
    assert await line.ask("XLEN", key) == 0
    taken, refused = await line.ask_all([("XADD", key, "1-0", "n", "1"), ("XADD", key, "1-0", "n", "2")])
    assert taken == b"1-0"
    assert isinstance(refused, ServerRefused)
    assert await line.ask("XLEN", key) == 1
    await line.close()


async def test_a_read_that_is_given_up_takes_its_connection_along_and_the_next_one_has_another(
    journal_server: Server, book: str
) -> None:
    line, key = RedisLine(journal_server.address(), reply_seconds=None), f"{{{book}}}:x"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await line.ask("XREAD", "BLOCK", 60_000, "STREAMS", key, "0")
    async with asyncio.timeout(60):
        assert await line.ask("XADD", key, "1-0", "n", "1") == b"1-0"
    await line.close()


async def test_who_waits_for_a_reply_when_the_line_is_closed_hears_that_it_is_lost(
    journal_server: Server, book: str
) -> None:
    line = RedisLine(journal_server.address(), reply_seconds=None)
    waiting = asyncio.create_task(line.ask("XREAD", "BLOCK", 60_000, "STREAMS", f"{{{book}}}:x", "0"))
    async with asyncio.timeout(60):
        while not waiting.done():
            await asyncio.sleep(0.01)
            await line.close()
    with pytest.raises(LOST):
        await waiting


async def test_what_a_server_says_unasked_ends_the_connection_before_it_is_taken_for_a_reply(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+what nobody asked\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(serve, str(tmp_path / "s")):
        wire = await connect(ServerAddress(f"unix://{tmp_path / 's'}"))
        async with asyncio.timeout(60):
            while wire.is_open:
                await asyncio.sleep(0.01)
        with pytest.raises(ConnectionError):
            await wire.ask(packed(("PING",)), 1)


async def test_a_reply_too_many_ends_the_connection_and_the_next_question_has_another(tmp_path: Path) -> None:
    replies = iter([b"+one\r\n+one too many\r\n", b"+one\r\n"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = next(replies)
        while await reader.read(1 << 16):
            writer.write(words)
        writer.close()

    async with await asyncio.start_unix_server(serve, str(tmp_path / "s")):
        line = RedisLine(ServerAddress(f"unix://{tmp_path / 's'}"), reply_seconds=60)
        with pytest.raises(LOST, match="nobody asked"):
            await line.ask("PING")
        assert [await line.ask("PING") for _ in range(3)] == [b"one"] * 3
        await line.close()
