import asyncio

import pytest

from tests.tools.journal_kit import command
from toolkit.adapters.producer import Producer
from toolkit.domain.commands import Envelope
from toolkit.domain.errors import StaleIncarnation, TransportError
from toolkit.domain.time import WallTime

BODY = command(1).body


class Stream:
    """Takes envelopes, fails when told to, and refuses to go back."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.away = False

    async def send(self, envelope: Envelope) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise TransportError("away")
        if self.taken and (envelope.incarnation, envelope.number) < (self.taken[-1].incarnation, self.taken[-1].number):
            raise StaleIncarnation("past it")
        self.taken.append(envelope)

    @property
    def numbers(self) -> list[tuple[int, int]]:
        return [(envelope.incarnation, envelope.number) for envelope in self.taken]


@pytest.fixture
def stream() -> Stream:
    return Stream()


async def test_numbers_are_contiguous_from_one(stream: Stream) -> None:
    producer = Producer(stream, "operator", wall=lambda: WallTime(77))
    await asyncio.gather(*(producer.send(BODY) for _ in range(3)))
    assert stream.numbers == [(77, 1), (77, 2), (77, 3)]


async def test_what_failed_goes_first_once_the_server_is_back(stream: Stream) -> None:
    producer = Producer(stream, "operator", wall=lambda: WallTime(1))
    stream.away = True
    for _ in range(2):
        with pytest.raises(TransportError):
            await producer.send(BODY)
    assert producer.unsent == 2
    stream.away = False
    assert (await producer.send(BODY)).number == 3
    assert stream.numbers == [(1, 1), (1, 2), (1, 3)]


async def test_flush_sends_the_rest_and_nothing_when_there_is_none(stream: Stream) -> None:
    producer = Producer(stream, "operator", wall=lambda: WallTime(1))
    await producer.flush()
    stream.away = True
    with pytest.raises(TransportError):
        await producer.send(BODY)
    stream.away = False
    await producer.flush()
    assert stream.numbers == [(1, 1)]
    assert producer.unsent == 0


async def test_who_comes_late_takes_a_larger_incarnation_even_when_the_clock_stands_still(stream: Stream) -> None:
    stream.taken.append(command(9, incarnation=5))
    producer = Producer(stream, "operator", wall=lambda: WallTime(3))
    assert (await producer.send(BODY)).incarnation > 5
    assert [number for _, number in stream.numbers] == [9, 1]


async def test_a_fixed_producer_is_told_instead(stream: Stream) -> None:
    stream.taken.append(command(9, incarnation=5))
    producer = Producer(stream, "trend", wall=lambda: WallTime(3), fixed=True)
    with pytest.raises(StaleIncarnation):
        await producer.send(BODY)


async def test_a_wall_clock_that_was_set_back_is_leapt_over(stream: Stream) -> None:
    await Producer(stream, "operator", wall=lambda: WallTime(10**18)).send(BODY)
    hour_ago = Producer(stream, "operator", wall=lambda: WallTime(10**18 - 3600 * 10**9))
    async with asyncio.timeout(60):
        await hour_ago.send(BODY)
    incarnation, number = stream.numbers[-1]
    assert incarnation > 10**18
    assert number == 1
