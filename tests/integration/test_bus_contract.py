"""What every bus promises, checked on the one in memory and on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.servers import Server
from tests.tools.journal_kit import step
from toolkit.adapters.memory_bus import MemoryBus
from toolkit.adapters.memory_server import MemoryServer
from toolkit.adapters.redis_bus import RedisBus
from toolkit.domain.beats import Beat
from toolkit.domain.inbox import Released
from toolkit.domain.ports import Bus, TokenBank
from toolkit.domain.time import WallTime

pytestmark = pytest.mark.integration


@pytest.fixture(params=["memory", "redis"])
async def bus(request: pytest.FixtureRequest, book: str) -> AsyncIterator[MemoryBus | RedisBus]:
    if request.param == "memory":
        yield MemoryBus(MemoryServer())
        return
    server: Server = request.getfixturevalue("bus_server")
    real = RedisBus(server.address(), book, reply_seconds=60.0)
    yield real
    await real.close()


async def test_steps_are_read_as_published(bus: Bus) -> None:
    steps = [step(number) for number in range(1, 6)]
    await bus.publish("feed", steps)
    assert list(await bus.steps("feed", 0, 0, 100)) == steps
    assert list(await bus.steps("feed", 3, 0, 100)) == steps[3:]
    assert list(await bus.steps("feed", 0, 0, 2)) == steps[:2]
    assert await bus.last("feed") == 5


async def test_a_step_published_again_is_ignored(bus: Bus) -> None:
    await bus.publish("feed", [step(1), step(2)])
    await bus.publish("feed", [step(2), step(3)])
    await bus.publish("feed", [step(1)])
    await bus.publish("feed", [])
    assert [found.number for found in await bus.steps("feed", 0, 0, 100)] == [1, 2, 3]


async def test_an_empty_stream_has_no_last_step(bus: Bus) -> None:
    assert await bus.last("feed") == 0
    assert list(await bus.steps("feed", 0, 10, 100)) == []


async def test_a_forgotten_stream_begins_anew(bus: Bus) -> None:
    await bus.publish("feed", [step(7)])
    await bus.forget("feed")
    await bus.publish("feed", [step(1)])
    assert [found.number for found in await bus.steps("feed", 0, 0, 100)] == [1]


async def test_a_reader_wakes_when_a_step_comes(bus: Bus) -> None:
    waiting = asyncio.create_task(bus.steps("feed", 0, 5000, 100))
    await asyncio.sleep(0.02)
    await bus.publish("feed", [step(1)])
    async with asyncio.timeout(60):
        assert [found.number for found in await waiting] == [1]


async def test_each_epoch_releases_steps_of_its_own(bus: MemoryBus | RedisBus) -> None:
    released = [Released(step=b"..", number=number, inboxes=(("trend", number),)) for number in (4, 5)]
    await bus.release(1, released)
    await bus.release(1, released[:1])
    await bus.release(2, released[1:])
    assert list(await bus.released(1, 0, 0, 100)) == released
    assert list(await bus.released(1, 4, 0, 100)) == released[1:]
    assert list(await bus.released(2, 0, 0, 100)) == released[1:]
    await bus.forget_epoch(1)
    assert list(await bus.released(1, 0, 10, 100)) == []


async def test_the_last_beat_of_each_process_is_kept(bus: Bus) -> None:
    assert await bus.beats() == {}
    old, new, other = (
        Beat(process=process, pid=1, wall=WallTime(wall), epoch=3, step=9)
        for process, wall in (("engine", 1), ("engine", 2), ("listener", 1))
    )
    for beat in (old, other, new):
        await bus.beat(beat)
    assert await bus.beats() == {"engine": new, "listener": other}


HOUR, SPAN = 3_600_000_000_000, 400_000_000


async def test_of_a_rates_pool_no_more_is_given_than_there_is(bus: TokenBank) -> None:
    assert await bus.lease_tokens("main", 6, 0, 10, HOUR) == 6
    assert await bus.lease_tokens("main", 6, 0, 10, HOUR) == 4
    assert await bus.lease_tokens("main", 6, 0, 10, HOUR) == 0
    assert await bus.lease_tokens("other", 6, 0, 10, HOUR) == 6, "each key has a pool of its own"


async def test_what_was_given_comes_back_to_the_pool_after_the_span(bus: TokenBank) -> None:
    assert await bus.lease_tokens("again", 10, 0, 10, SPAN) == 10
    await asyncio.sleep(SPAN / 1e9 + 0.05)
    assert await bus.lease_tokens("again", 7, 0, 10, SPAN) == 7
    assert await bus.lease_tokens("again", 7, 0, 10, SPAN) == 3


async def test_what_is_overdrawn_comes_off_the_pool_first_and_even_beyond_it(bus: TokenBank) -> None:
    assert await bus.lease_tokens("owed", 4, 8, 10, HOUR) == 2
    assert await bus.lease_tokens("owed", 4, 5, 10, HOUR) == 0
    assert await bus.lease_tokens("owed", 4, 0, 20, HOUR) == 4


async def test_two_that_lease_at_once_share_the_pool(bus: TokenBank) -> None:
    given = await asyncio.gather(*(bus.lease_tokens("both", 3, 0, 10, HOUR) for _ in range(8)))
    assert sum(given) == 10
