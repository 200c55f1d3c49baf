import asyncio
from collections.abc import Awaitable

import pytest

from tests.tools.journal_kit import batch_after, command, step
from toolkit.adapters import codec
from toolkit.adapters.clock import mono_time
from toolkit.adapters.memory_bus import MemoryBus
from toolkit.adapters.memory_journal import MemoryJournal
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.errors import TransportError


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


async def test_a_server_that_is_away_fails_every_request_and_has_kept_everything_when_it_is_back(
    server: MemoryServer,
) -> None:
    journal, bus = MemoryJournal(server, mono=mono_time), MemoryBus(server)
    lease = await journal.acquire("first")
    assert lease is not None
    await journal.append(lease, batch_after(codec.EMPTY), {})
    server.away = True
    requests: list[Awaitable[object]] = [
        journal.acquire("second"), journal.renew(lease), journal.release(lease), journal.head(), journal.batches(0, 0),
        journal.append(lease, batch_after(codec.EMPTY), {}), journal.commands({"operator": "0"}, 0),
        journal.inbox("trend", 0, 0), journal.send(command(1)), bus.publish("feed", [step(1)]),
        bus.steps("feed", 0, 0, 1), bus.last("feed"), bus.beats(), bus.released(1, 0, 0, 1),
    ]  # fmt: skip
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert [type(result) for result in results] == [TransportError] * len(requests)
    server.away = False
    assert [batch.last async for batch in journal.read(0)] == [1]


async def test_what_goes_through_memory_has_been_bytes_in_between(server: MemoryServer) -> None:
    bus = MemoryBus(server)
    published = step(1)
    await bus.publish("feed", [published])
    (read,) = await bus.steps("feed", 0, 0, 1)
    assert read == published
    assert read is not published
