"""What becomes of an append, a command or a step when the server dies, hangs, is full, or loses what it had."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.tools.journal_kit import batch_after, chain, command, end_of, entry, step
from tests.tools.lossy_proxy import Lose, LossyProxy
from tests.tools.servers_kit import administrator, kill, paused
from toolkit.adapters import codec
from toolkit.adapters.clock import mono_time, wall_time
from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.head_seen import HeadSeen
from toolkit.adapters.mirror import Mirror
from toolkit.adapters.producer import Producer
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.server_checks import Durability
from toolkit.domain.errors import AmbiguousOutcome, ConfigError, Fenced, JournalError, TransportError
from toolkit.domain.ports import Lease, Sealed

pytestmark = pytest.mark.faults

BOOK = "paper"
HASTY = 1.0  # seconds: for servers that will hang
Start = Callable[..., EmbeddedServers]


@pytest.fixture
def servers(start_servers: Start) -> EmbeddedServers:
    return start_servers()


@pytest.fixture
async def opened() -> AsyncIterator[list[RedisJournal | RedisBus]]:
    """Whatever a test opens, closed in the end."""
    lines: list[RedisJournal | RedisBus] = []
    yield lines
    for line in lines:
        with contextlib.suppress(TransportError):
            await line.close()


@pytest.fixture
def open_journal(opened: list[RedisJournal | RedisBus]) -> Callable[..., RedisJournal]:
    """Patient, as long as nobody makes a server hang."""

    def open_one(address: ServerAddress, reply_seconds: float = 30.0) -> RedisJournal:
        journal = RedisJournal(address, BOOK, mono=mono_time, lease_seconds=300, reply_seconds=reply_seconds)
        opened.append(journal)
        return journal

    return open_one


@pytest.fixture
def journal(servers: EmbeddedServers, open_journal: Callable[..., RedisJournal]) -> RedisJournal:
    return open_journal(servers.address(ServerRole.JOURNAL, "engine"))


@pytest.fixture
async def lease(journal: RedisJournal) -> Lease:
    held = await journal.acquire("first")
    assert held is not None
    return held


@pytest.fixture
async def proxy(servers: EmbeddedServers, tmp_path: Path) -> AsyncIterator[LossyProxy]:
    async with LossyProxy(servers.address(ServerRole.JOURNAL, "engine"), tmp_path / "proxy.sock", b"lost") as proxy:
        yield proxy


# ---------------------------------------------------------------- the line


async def test_an_append_whose_reply_is_lost_has_succeeded(
    proxy: LossyProxy, open_journal: Callable[..., RedisJournal]
) -> None:
    journal = open_journal(proxy.address)
    lease = await journal.acquire("first")
    assert lease is not None
    first, second = batch_after(codec.EMPTY, "found"), batch_after(end_of(batch_after(codec.EMPTY, "found")), "lost")
    await journal.append(lease, first, {})
    proxy.lose = Lose.REPLY
    await journal.append(lease, second, {"trend": [entry(1)]})
    assert await journal.head() == end_of(second)
    assert [item.number for item in await journal.inbox("trend", 0, 0)] == [1]


async def test_an_append_that_never_arrived_may_be_tried_again(
    proxy: LossyProxy, open_journal: Callable[..., RedisJournal]
) -> None:
    journal = open_journal(proxy.address)
    lease = await journal.acquire("first")
    assert lease is not None
    batch = batch_after(codec.EMPTY, "lost")
    proxy.lose = Lose.REQUEST
    with pytest.raises(TransportError, match="no effect") as failure:
        await journal.append(lease, batch, {})
    assert not isinstance(failure.value, AmbiguousOutcome)
    await journal.append(lease, batch, {})
    assert [item async for item in journal.read(0)] == [batch]


async def test_an_append_that_is_lost_while_another_takes_the_book_ends_fenced(
    proxy: LossyProxy, journal: RedisJournal, open_journal: Callable[..., RedisJournal]
) -> None:
    first = open_journal(proxy.address)
    old = await first.acquire("first")
    assert old is not None
    await journal.release(old)
    assert await journal.acquire("second") is not None
    proxy.lose = Lose.REQUEST
    with pytest.raises(Fenced):
        await first.append(old, batch_after(codec.EMPTY, "lost"), {})


@pytest.mark.parametrize("what", [Lose.REQUEST, Lose.REPLY])
async def test_a_producer_sends_again_what_was_lost_and_in_order(
    proxy: LossyProxy, journal: RedisJournal, open_journal: Callable[..., RedisJournal], what: Lose
) -> None:
    producer = Producer(open_journal(proxy.address), "operator", wall=wall_time, incarnation=5)
    await producer.send(command(1, "one").body)
    proxy.lose = what
    with pytest.raises(TransportError):
        await producer.send(command(2, "lost").body)
    assert producer.unsent == 1
    await producer.send(command(3, "three").body)
    received = [item.envelope for item in await journal.commands({"operator": "0"}, 0)]
    assert [(item.number, item.body.reason) for item in received] == [(1, "one"), (2, "lost"), (3, "three")]
    assert producer.unsent == 0


async def test_no_command_overtakes_one_that_failed(
    proxy: LossyProxy, journal: RedisJournal, open_journal: Callable[..., RedisJournal]
) -> None:
    sender = open_journal(proxy.address)
    await sender.send(command(1))
    proxy.lose = Lose.REQUEST
    sends = [sender.send(command(2, "lost")), *(sender.send(command(number)) for number in range(3, 9))]
    results = await asyncio.gather(*sends, return_exceptions=True)
    assert all(isinstance(result, TransportError) for result in results)
    assert len(await journal.commands({"operator": "0"}, 0)) == 1
    await asyncio.gather(sender.send(command(2, "lost")), *(sender.send(command(number)) for number in range(3, 9)))
    assert [item.envelope.number for item in await journal.commands({"operator": "0"}, 0)] == list(range(1, 9))


async def test_a_command_that_its_user_may_not_send_is_refused_and_nobody_waits_for_ever(
    servers: EmbeddedServers, open_journal: Callable[..., RedisJournal]
) -> None:
    stranger = open_journal(servers.address(ServerRole.JOURNAL, "runner-trend"))
    async with asyncio.timeout(60):
        results = await asyncio.gather(*(stranger.send(command(n)) for n in (1, 2, 3)), return_exceptions=True)
    assert [type(result) for result in results] == [ConfigError] * 3


# ---------------------------------------------------------------- the server


async def test_an_append_to_a_paused_server_is_ambiguous_and_has_one_effect_once_it_is_repeated(
    servers: EmbeddedServers, journal: RedisJournal, lease: Lease, open_journal: Callable[..., RedisJournal]
) -> None:
    hasty = open_journal(servers.address(ServerRole.JOURNAL, "engine"), HASTY)
    first, second = chain(2)
    await hasty.append(lease, first, {})
    with paused(servers, ServerRole.JOURNAL):
        with pytest.raises(AmbiguousOutcome, match="no reply"):
            await hasty.append(lease, second, {})
        with pytest.raises(TransportError):
            await hasty.renew(lease)
    await journal.append(lease, second, {})
    assert [item async for item in journal.read(0)] == [first, second]


@pytest.mark.parametrize("durability", list(Durability))
async def test_what_was_acknowledged_survives_the_death_of_the_server(
    start_servers: Start, open_journal: Callable[..., RedisJournal], durability: Durability
) -> None:
    servers = start_servers(durability)
    journal = open_journal(servers.address(ServerRole.JOURNAL, "engine"))
    lease = await journal.acquire("first")
    assert lease is not None
    batches = chain(50)
    for batch in batches[:-1]:
        await journal.append(lease, batch, {"trend": [entry(batch.last)]})
    await journal.send(command(1))
    kill(servers, ServerRole.JOURNAL)
    with pytest.raises(AmbiguousOutcome):
        await journal.append(lease, batches[-1], {})
    servers.start()
    assert [item async for item in journal.read(0)] == batches[:-1]
    assert len(await journal.inbox("trend", 0, 0)) == 49
    assert len(await journal.commands({"operator": "0"}, 0)) == 1
    await journal.append(await journal.renew(lease), batches[-1], {})


async def test_a_server_killed_under_load_has_every_acknowledged_batch_and_at_most_one_more(
    servers: EmbeddedServers, journal: RedisJournal, lease: Lease, full: bool
) -> None:
    head, acknowledged = codec.EMPTY, list[Sealed]()

    async def append_until_it_dies() -> None:
        nonlocal head
        while True:
            batch = batch_after(head, "event")
            await journal.append(lease, batch, {})
            acknowledged.append(batch)
            head = end_of(batch)

    for _ in range(20 if full else 3):
        asyncio.get_running_loop().call_later(0.02, kill, servers, ServerRole.JOURNAL)
        with pytest.raises(AmbiguousOutcome):
            await append_until_it_dies()
        servers.start()
        found = [item async for item in journal.read(0)]
        in_flight = batch_after(head, "event")
        assert found[: len(acknowledged)] == acknowledged
        assert found[len(acknowledged) :] in ([], [in_flight])
        await journal.append(lease, in_flight, {})
        acknowledged.append(in_flight)
        head = end_of(in_flight)


async def test_a_server_that_refuses_says_why_and_nothing_is_appended(
    servers: EmbeddedServers, journal: RedisJournal, lease: Lease
) -> None:
    batch = batch_after(codec.EMPTY, "x" * 1000)
    with administrator(servers) as line:
        for refuse, allow, words in (
            (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "maxmemory"),
            (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "replica"),
        ):
            line.ask(*refuse)
            with pytest.raises(TransportError, match=words) as failure:
                await journal.append(lease, batch, {"trend": [entry(1)]})
            assert not isinstance(failure.value, AmbiguousOutcome)
            with pytest.raises(TransportError, match=words):
                await asyncio.gather(*(journal.send(command(number)) for number in (1, 2, 3)))
            line.ask(*allow)
    assert await journal.head() == codec.EMPTY
    assert list(await journal.commands({"operator": "0"}, 0)) == []
    await journal.append(lease, batch, {"trend": [entry(1)]})


async def test_a_full_disk_is_named_and_nothing_is_appended(
    servers: EmbeddedServers, journal: RedisJournal, lease: Lease, tmp_path: Path
) -> None:
    with administrator(servers) as line:
        line.ask("CONFIG", "SET", "save", "3600 1000000")
        shutil.rmtree(tmp_path / "pair0" / "servers" / "journal")
        line.ask("BGSAVE")
        async with asyncio.timeout(60):
            while b"rdb_last_bgsave_status:err" not in line.ask("INFO", "persistence"):
                await asyncio.sleep(0.01)
        with pytest.raises(TransportError, match="free space"):
            await journal.append(lease, batch_after(codec.EMPTY), {})
        line.ask("CONFIG", "SET", "save", "")
    assert await journal.head() == codec.EMPTY


# ---------------------------------------------------------------- what the server lost


async def test_what_the_stream_lost_is_appended_again_from_the_mirror_byte_for_byte(
    servers: EmbeddedServers, journal: RedisJournal, lease: Lease, tmp_path: Path
) -> None:
    mirror, head_seen = Mirror(tmp_path / "mirror", durable=False), HeadSeen(tmp_path / "seen")
    batches = chain(20)
    for batch in batches:
        inboxes = {"trend": [entry(batch.last)]}
        await journal.append(lease, batch, inboxes)
        mirror.write(batch, inboxes)
        head_seen.record(lease.epoch, end_of(batch))
    mirror.close()
    kill(servers, ServerRole.JOURNAL)
    (aof,) = (tmp_path / "pair0" / "servers" / "journal").glob("**/*.incr.aof")
    os.truncate(aof, aof.stat().st_size - 1500)
    servers.start()

    head = await journal.head()
    assert 0 < head.sequence < 20
    with pytest.raises(JournalError, match="lost events"):
        head_seen.check(head)
    await journal.release(lease)
    successor = await journal.acquire("second", above=head_seen.epoch)
    assert successor is not None
    mirror = Mirror(tmp_path / "mirror", durable=False)
    for batch, inboxes in mirror.missing(head):
        await journal.append(successor, batch, inboxes)
    mirror.close()
    head_seen.check(await journal.head())
    assert [item async for item in journal.read(0)] == batches
    assert [item.number for item in await journal.inbox("trend", 0, 0)] == list(range(1, 21))


# ---------------------------------------------------------------- the bus


async def test_a_bus_that_dies_hangs_or_is_full_raises_nothing_but_transport_errors(
    servers: EmbeddedServers, opened: list[RedisJournal | RedisBus]
) -> None:
    bus = RedisBus(servers.address(ServerRole.BUS, "engine"), BOOK, reply_seconds=HASTY)
    opened.append(bus)
    await bus.publish("feed", [step(1)])
    with administrator(servers, ServerRole.BUS) as line:
        line.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(TransportError, match="maxmemory"):
            await bus.publish("feed", [step(2), step(3)])
        line.ask("CONFIG", "SET", "maxmemory", "0")
    with paused(servers, ServerRole.BUS):
        await every_request_fails(bus)
    kill(servers, ServerRole.BUS)
    await every_request_fails(bus)
    servers.start()
    assert await bus.last("feed") == 0
    await bus.publish("feed", [step(2)])
    assert [found.number for found in await bus.steps("feed", 0, 0, 10)] == [2]


async def every_request_fails(bus: RedisBus) -> None:
    requests: list[Awaitable[object]] = [
        bus.publish("feed", [step(2)]), bus.steps("feed", 0, 0, 10), bus.steps("feed", 5, 50, 10), bus.last("feed"),
        bus.released(1, 0, 0, 10), bus.beats(),
    ]  # fmt: skip
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert all(isinstance(result, TransportError) for result in results), results
