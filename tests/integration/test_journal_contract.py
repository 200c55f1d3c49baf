"""What every journal promises, checked on the one in memory and on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.servers import Server
from tests.tools.journal_kit import batch_after, chain, command, end_of, entry
from toolkit.adapters import codec, command_sender, keys, memory_journal, redis_journal
from toolkit.adapters.blocking_redis import BlockingLine
from toolkit.adapters.clock import mono_time
from toolkit.adapters.memory_journal import MemoryJournal
from toolkit.adapters.memory_server import MemoryServer
from toolkit.adapters.producer import Producer
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.domain.errors import Fenced, JournalError, StaleIncarnation, TransportError
from toolkit.domain.ports import Head, Journal, Lease
from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime

pytestmark = pytest.mark.integration

LEASE_SECONDS = 30.0

Open = Callable[[], MemoryJournal | RedisJournal]


class Processes:
    """Opens journals of one book, each as another process would; its lease runs out when the test says so."""

    def __init__(self, book: str, server: Server | None) -> None:
        self._book = book
        self._real = server
        self._memory = MemoryServer()
        self._opened: list[MemoryJournal | RedisJournal] = []

    def open(self) -> MemoryJournal | RedisJournal:
        times = {"mono": mono_time, "lease_seconds": LEASE_SECONDS, "margin_seconds": 0.5}
        real, memory = self._real, self._memory
        self._opened.append(
            RedisJournal(real.address(), self._book, **times, reply_seconds=60.0)
            if real
            else MemoryJournal(memory, **times)
        )
        return self._opened[-1]

    def let_lease_run_out(self) -> None:
        if self._real is None:
            self._memory.expires = MonoTime(0)
            return
        with BlockingLine(self._real.address()) as line:
            assert 0 < line.ask("PTTL", keys.lease(self._book)) <= LEASE_SECONDS * 1000
            line.ask("PEXPIRE", keys.lease(self._book), 0)

    async def close(self) -> None:
        for journal in self._opened:
            await journal.close()


@pytest.fixture(params=["memory", "redis"])
async def processes(request: pytest.FixtureRequest, book: str) -> AsyncIterator[Processes]:
    real = request.getfixturevalue("journal_server") if request.param == "redis" else None
    processes = Processes(book, real)
    yield processes
    await processes.close()


@pytest.fixture
def open_journal(processes: Processes) -> Open:
    return processes.open


@pytest.fixture
def journal(open_journal: Open) -> MemoryJournal | RedisJournal:
    return open_journal()


@pytest.fixture
async def lease(journal: Journal) -> Lease:
    held = await journal.acquire("first")
    assert held is not None
    return held


async def test_a_new_journal_is_empty(journal: Journal) -> None:
    assert await journal.head() == codec.EMPTY
    assert [batch async for batch in journal.read(0)] == []


async def test_what_is_appended_is_read_again_byte_for_byte(journal: Journal, lease: Lease) -> None:
    batches = chain(3, size=2)
    for batch in batches:
        await journal.append(lease, batch, {})
    assert [batch async for batch in journal.read(0)] == batches
    assert await journal.head() == end_of(batches[-1])


async def test_reading_starts_with_the_batch_that_holds_the_next_event(journal: Journal, lease: Lease) -> None:
    batches = chain(4, size=2)
    for batch in batches:
        await journal.append(lease, batch, {})
    assert [batch.first async for batch in journal.read(2)] == [3, 5, 7]
    assert [batch.first async for batch in journal.read(3)] == [3, 5, 7]
    assert [batch.first async for batch in journal.read(8)] == []


async def test_a_long_journal_is_read_in_several_calls(journal: Journal, lease: Lease) -> None:
    batches = chain(1201)
    for batch in batches:
        await journal.append(lease, batch, {})
    assert len(await journal.batches(0, 0)) == 500
    assert [batch.last async for batch in journal.read(0)] == list(range(1, 1202))


async def test_a_batch_that_does_not_follow_is_refused(journal: Journal, lease: Lease) -> None:
    first, second, third = chain(3)
    await journal.append(lease, first, {})
    with pytest.raises(JournalError, match=r"ends at event 1|gap"):
        await journal.append(lease, third, {})
    with pytest.raises(JournalError, match=r"history|chain"):
        await journal.append(lease, batch_after(Head(1, b"another")), {})
    await journal.append(lease, second, {})


async def test_the_same_batch_twice_has_one_effect(journal: Journal, lease: Lease) -> None:
    first, second = chain(2)
    await journal.append(lease, first, {"trend": [entry(1)]})
    await journal.append(lease, first, {"trend": [entry(1)]})
    await journal.append(lease, second, {"trend": [entry(2)]})
    assert [item.number for item in await journal.inbox("trend", 0, 0)] == [1, 2]
    with pytest.raises(JournalError):
        await journal.append(lease, first, {})


async def test_another_batch_in_place_of_the_head_is_refused(journal: Journal, lease: Lease) -> None:
    await journal.append(lease, batch_after(codec.EMPTY, "one"), {})
    with pytest.raises(JournalError):
        await journal.append(lease, batch_after(codec.EMPTY, "other"), {})


async def test_inbox_entries_come_with_their_batch_or_not_at_all(journal: Journal, lease: Lease) -> None:
    first, second = chain(2)
    await journal.append(lease, first, {"trend": [entry(1), entry(2)], "reversion": [entry(1)]})
    with pytest.raises(JournalError, match="inbox"):
        await journal.append(lease, second, {"reversion": [entry(2)], "trend": [entry(2)]})
    assert await journal.head() == end_of(first)
    assert [item.number for item in await journal.inbox("reversion", 0, 0)] == [1]
    assert [item.number for item in await journal.inbox("trend", 1, 0)] == [2]


async def test_one_process_holds_a_book(open_journal: Open, lease: Lease) -> None:
    assert await open_journal().acquire("second") is None


async def test_a_lease_that_is_given_up_is_free_at_once(open_journal: Open, journal: Journal, lease: Lease) -> None:
    await journal.release(lease)
    second = await open_journal().acquire("second")
    assert second is not None
    assert second.epoch == lease.epoch + 1


async def test_a_lease_that_ran_out_goes_to_the_next_who_fences_the_first(
    processes: Processes, open_journal: Open, journal: Journal, lease: Lease
) -> None:
    second = open_journal()
    processes.let_lease_run_out()
    taken = await second.acquire("second")
    assert taken is not None
    assert taken.epoch > lease.epoch
    for attempt in (journal.renew(lease), journal.append(lease, batch_after(codec.EMPTY), {})):
        with pytest.raises(Fenced, match=f"epoch {taken.epoch}"):
            await attempt
    await journal.release(lease)  # takes nothing from the new holder
    assert await open_journal().acquire("third") is None
    await second.append(taken, batch_after(codec.EMPTY), {})


async def test_a_lease_that_ran_out_is_prolonged_as_long_as_nobody_took_the_book(
    processes: Processes, open_journal: Open, journal: Journal, lease: Lease
) -> None:
    processes.let_lease_run_out()
    assert (await journal.renew(lease)).epoch == lease.epoch
    assert await open_journal().acquire("second") is None


async def test_requests_may_be_sent_until_before_the_lease_ends_as_counted_from_before_it_was_asked_for(
    journal: Journal,
) -> None:
    before = mono_time()
    lease = await journal.acquire("first")
    assert lease is not None
    usable = round((LEASE_SECONDS - 0.5) * NANOSECONDS)
    assert before <= lease.send_by - usable <= mono_time()
    renewed = await journal.renew(lease)
    assert renewed.send_by > lease.send_by
    assert renewed.epoch == lease.epoch


async def test_an_epoch_is_above_every_epoch_seen_elsewhere(journal: Journal) -> None:
    lease = await journal.acquire("first", above=41)
    assert lease is not None
    assert lease.epoch == 42


async def test_commands_arrive_in_their_order(journal: Journal) -> None:
    sent = [command(number) for number in range(1, 6)]
    await asyncio.gather(*(journal.send(envelope) for envelope in sent))
    received = await journal.commands({"operator": "0"}, 0)
    assert [item.envelope for item in received] == sent
    rest = await journal.commands({"operator": received[2].position, "supervisor": "0"}, 0)
    assert [item.envelope.number for item in rest] == [4, 5]


async def test_a_command_sent_twice_is_there_once(journal: Journal) -> None:
    await journal.send(command(1))
    await journal.send(command(2))
    await asyncio.gather(journal.send(command(1)), journal.send(command(2)))
    assert len(await journal.commands({"operator": "0"}, 0)) == 2


async def test_a_number_never_means_two_commands(journal: Journal) -> None:
    await journal.send(command(1, "one"))
    with pytest.raises(JournalError, match="another command"):
        await journal.send(command(1, "other"))


async def test_a_command_behind_its_stream_needs_a_larger_incarnation(journal: Journal) -> None:
    await journal.send(command(1, incarnation=7))
    with pytest.raises(StaleIncarnation, match="larger incarnation"):
        await journal.send(command(1, incarnation=5))


async def test_a_producer_that_outruns_the_engine_waits_and_nothing_is_lost(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (command_sender, memory_journal):
        monkeypatch.setattr(module, "STREAM_LENGTH", 8)
    monkeypatch.setattr(command_sender, "FULL_PATIENCE", 0.1)
    for number in range(1, 9):
        await journal.send(command(number))
    with pytest.raises(TransportError, match="wait for an engine"):
        await journal.send(command(9))
    assert [item.envelope.number for item in await journal.commands({"operator": "0"}, 0)] == list(range(1, 9))


async def test_what_has_taken_effect_makes_room_but_for_the_newest(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (command_sender, memory_journal):
        monkeypatch.setattr(module, "STREAM_LENGTH", 8)
    for module in (redis_journal, memory_journal):
        monkeypatch.setattr(module, "TAKEN_KEPT", 2)
    for number in range(1, 9):
        await journal.send(command(number))
    await journal.forget_commands({"operator": "1-6", "nobody": "0"})
    kept = [item.envelope.number for item in await journal.commands({"operator": "0"}, 0)]
    assert kept == [5, 6, 7, 8]
    await journal.send(command(5))  # sent again: it is known to be there
    await journal.send(command(9))
    assert [item.envelope.number for item in await journal.commands({"operator": "1-6"}, 0)] == [7, 8, 9]


async def test_of_a_new_incarnation_the_newest_of_the_one_before_stay_as_well(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (redis_journal, memory_journal):
        monkeypatch.setattr(module, "TAKEN_KEPT", 3)

    async def positions() -> list[str]:
        return [item.position for item in await journal.commands({"operator": "0"}, 0)]

    for incarnation, number in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)):
        await journal.send(command(number, incarnation=incarnation))
    await journal.forget_commands({"operator": "2-1"})
    assert await positions() == ["1-2", "1-3", "2-1", "2-2", "2-3"]
    await journal.forget_commands({"operator": "2-3"})
    assert await positions() == ["2-1", "2-2", "2-3"]


async def test_two_people_share_a_producer(open_journal: Open) -> None:
    wall = iter(range(100, 200))
    ada, bob = (
        Producer(open_journal(), "operator", wall=lambda: WallTime(next(wall)), incarnation=incarnation)
        for incarnation in (10, 20)
    )
    body = command(1).body
    sent = [
        await ada.send(body),
        await bob.send(body),
        await ada.send(body),
        await ada.send(body),
        await bob.send(body),
    ]
    assert [(e.incarnation, e.number) for e in sent] == [(10, 1), (20, 1), (100, 1), (100, 2), (101, 1)]
    received = await open_journal().commands({"operator": "0"}, 0)
    assert [item.envelope for item in received] == sent


async def test_a_runner_never_takes_another_incarnation(open_journal: Open) -> None:
    runner = Producer(open_journal(), "operator", wall=lambda: WallTime(9), incarnation=1, fixed=True)
    await open_journal().send(command(1, incarnation=2))
    with pytest.raises(StaleIncarnation):
        await runner.send(command(1).body)


async def test_a_reader_wakes_when_something_comes(open_journal: Open, journal: Journal, lease: Lease) -> None:
    reader = open_journal()
    waiting = [
        asyncio.create_task(reader.batches(0, 5000)),
        asyncio.create_task(reader.inbox("trend", 0, 5000)),
        asyncio.create_task(reader.commands({"operator": "0", "supervisor": "0"}, 5000)),
    ]
    await asyncio.sleep(0.02)
    await journal.append(lease, batch_after(codec.EMPTY), {"trend": [entry(1)]})
    await journal.send(command(1))
    async with asyncio.timeout(60):
        assert [len(found) for found in await asyncio.gather(*waiting)] == [1, 1, 1]


async def test_a_reader_that_finds_nothing_comes_back_empty(journal: Journal) -> None:
    assert list(await journal.batches(0, 10)) == []
    assert list(await journal.inbox("trend", 0, 10)) == []
    assert list(await journal.commands({"operator": "0"}, 10)) == []
    assert list(await journal.commands({}, 10)) == []


async def test_of_two_engines_that_race_one_writes(processes: Processes, open_journal: Open) -> None:
    first, second = open_journal(), open_journal()
    leases = await asyncio.gather(first.acquire("one"), second.acquire("two"))
    assert sum(lease is not None for lease in leases) == 1
    winner, loser = (first, second) if leases[0] else (second, first)
    old = next(lease for lease in leases if lease)
    head = codec.EMPTY
    for number in range(5):
        batch = batch_after(head, f"of the first {number}")
        await winner.append(old, batch, {})
        head = end_of(batch)
    processes.let_lease_run_out()
    new = await loser.acquire("next")
    assert new is not None
    results = await asyncio.gather(
        winner.append(old, batch_after(head, "late"), {}),
        loser.append(new, batch_after(head, "of the second"), {}),
        return_exceptions=True,
    )
    assert isinstance(results[0], Fenced)
    assert results[1] is None
    assert [batch.last async for batch in loser.read(0)] == list(range(1, 7))
