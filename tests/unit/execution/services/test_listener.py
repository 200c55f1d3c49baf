import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import islice

import pytest

from execution.services.listener import Listener, Pace
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.failpoints import inert
from toolkit.adapters.memory_bus import MemoryBus
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.beats import Beat
from toolkit.domain.errors import TransportError
from toolkit.domain.market import Step
from toolkit.domain.time import WallTime
from toolkit.simulation.data import sample_histories
from toolkit.simulation.sample_bars import common_span
from toolkit.simulation.sample_feed import SampleFeed

FEED = SampleFeed(common_span(sample_histories()))
FAST = Pace(
    seconds_per_step=0, history=30, window=100, batch=40, beat_seconds=0.01, retry_seconds=0.01, poll_seconds=0.001
)


class Desk:
    """A bus in memory and an engine that is nothing but its heartbeat."""

    def __init__(self) -> None:
        self.server = MemoryServer()
        self.bus = MemoryBus(self.server)

    async def engine_is_at(self, step: int) -> None:
        await self.bus.beat(Beat(process="engine", pid=1, wall=WallTime(0), epoch=1, step=step))

    @property
    def numbers(self) -> list[int]:
        return [step.number for step in self.server.steps["feed"]]

    def lose_everything(self) -> None:
        self.server.steps.clear()
        self.server.beats.clear()

    async def holds(self, first: int, last: int) -> None:
        """Wait until the bus holds exactly these steps, and see that they are the feed's."""
        async with asyncio.timeout(60):
            while self.numbers[-1:] != [last]:
                await asyncio.sleep(0.001)
        assert self.numbers == list(range(first, last + 1))
        assert self.server.steps["feed"] == list(islice(FEED.steps(first - 1), last - first + 1))


@asynccontextmanager
async def listening(
    desk: Desk, feed: object = FEED, pace: Pace = FAST, reach: Callable[[str], None] = inert
) -> AsyncIterator[Listener]:
    assert isinstance(feed, SampleFeed | Recording)
    listener = Listener(feed, desk.bus, pace, clock=SystemClock(), reach=reach)
    running = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        listener.stop()
        await asyncio.wait_for(running, 60)


class Recording:
    """A feed with an end."""

    def __init__(self, count: int) -> None:
        self.count = count

    def steps(self, after: int = 0) -> Iterator[Step]:
        return islice(FEED.steps(after), max(0, self.count - after))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.001)


async def test_it_waits_for_the_engine_to_say_where_the_book_stands() -> None:
    desk = Desk()
    async with listening(desk) as listener:
        await until(lambda: listener.state == "waiting for the engine")
        assert desk.numbers == []
        await desk.engine_is_at(0)
        await desk.holds(1, 100)


async def test_it_is_never_more_than_a_window_ahead_of_the_engine() -> None:
    desk = Desk()
    await desk.engine_is_at(0)
    async with listening(desk) as listener:
        await desk.holds(1, 100)
        await until(lambda: listener.state == "waiting for the engine, 100 steps behind")
        await desk.engine_is_at(7)
        await desk.holds(1, 107)


async def test_it_starts_as_far_back_as_runners_need_to_warm_up() -> None:
    desk = Desk()
    await desk.engine_is_at(500)
    async with listening(desk):
        await desk.holds(471, 600)


async def test_a_second_listener_goes_on_without_a_gap_and_without_repeating() -> None:
    desk = Desk()
    await desk.engine_is_at(0)
    async with listening(desk):
        await desk.holds(1, 100)
    await desk.engine_is_at(60)
    async with listening(desk):
        await desk.holds(1, 160)


@pytest.mark.parametrize("place", ["before_publish", "after_publish"])
async def test_it_may_die_at_any_failpoint_and_its_successor_loses_nothing(place: str) -> None:
    desk = Desk()
    await desk.engine_is_at(0)
    with pytest.raises(RuntimeError, match="killed"):
        await Listener(FEED, desk.bus, FAST, clock=SystemClock(), reach=dying_at(place, 2)).run()
    assert desk.numbers == list(range(1, {"before_publish": 40, "after_publish": 80}[place] + 1))
    async with listening(desk):
        await desk.holds(1, 100)


@pytest.mark.parametrize("place", ["before_publish", "after_publish"])
async def test_a_publication_whose_outcome_is_unknown_is_repeated_without_effect(place: str) -> None:
    desk = Desk()
    await desk.engine_is_at(0)
    async with listening(desk, reach=dying_at(place, 2, TransportError)):
        await desk.holds(1, 100)


def dying_at(place: str, count: int, error: type[Exception] = RuntimeError) -> Callable[[str], None]:
    reached = []

    def reach(name: str) -> None:
        reached.append(name)
        if name == place and reached.count(place) == count:
            raise error("killed")

    return reach


async def test_a_bus_that_is_away_is_waited_for() -> None:
    desk = Desk()
    await desk.engine_is_at(0)
    async with listening(desk) as listener:
        await desk.holds(1, 100)
        desk.server.away = True
        await until(lambda: listener.state.startswith("waiting for the bus: "))
        desk.server.away = False
        await desk.engine_is_at(10)
        await desk.holds(1, 110)


async def test_a_bus_that_lost_everything_is_filled_again_from_the_history_on() -> None:
    desk = Desk()
    await desk.engine_is_at(90)
    async with listening(desk):
        await desk.holds(61, 190)
        desk.lose_everything()
        await desk.engine_is_at(95)
        await desk.holds(66, 195)


async def test_a_bus_that_lost_its_steps_between_looking_and_publishing_gets_no_hole() -> None:
    """As after SIGSTOP: the bus is replaced by an empty one right before the publication."""
    desk = Desk()
    await desk.engine_is_at(0)
    lost = []

    def reach(name: str) -> None:
        if name == "before_publish" and not lost and desk.numbers:
            lost.append(len(desk.numbers))
            desk.server.steps.clear()

    async with listening(desk, reach=reach):
        await desk.holds(1, 100)
    assert lost == [40]


async def test_steps_of_another_feed_are_replaced() -> None:
    desk = Desk()
    await desk.engine_is_at(0)
    other = SampleFeed(common_span(sample_histories()), seed=99)
    async with listening(desk, feed=other) as listener:
        await until(lambda: listener.position == 100)
    async with listening(desk) as listener:
        await until(lambda: listener.position == 100)
        await desk.holds(1, 100)


async def test_a_recording_ends_when_the_engine_has_all_of_it() -> None:
    desk = Desk()
    await desk.engine_is_at(0)
    async with listening(desk, feed=Recording(70)) as listener:
        await desk.holds(1, 70)
        await until(lambda: listener.state == "the feed is over; waiting for the engine")
        desk.lose_everything()
        await desk.engine_is_at(60)
        await desk.holds(31, 70)
        await desk.engine_is_at(70)
        await until(lambda: listener.state == "the feed is over")
    assert desk.server.beats["listener"].step == 70


async def test_an_engine_past_the_end_of_a_recording_keeps_nobody_busy() -> None:
    desk = Desk()
    await desk.engine_is_at(90)
    async with listening(desk, feed=Recording(70)) as listener:
        await until(lambda: listener.state == "the feed is over")


async def test_its_heartbeat_says_how_it_is_and_how_far_it_came() -> None:
    desk = Desk()
    await desk.engine_is_at(0)
    async with listening(desk):
        await desk.holds(1, 100)
        await until(lambda: desk.server.beats["listener"].step == 100)
    assert (desk.server.beats["listener"].state, desk.server.beats["listener"].process) == ("stopped", "listener")


async def test_it_keeps_the_pace_that_it_is_given() -> None:
    """Only that it neither bursts nor stands still; how exactly is the schedule's own test."""
    desk = Desk()
    await desk.engine_is_at(0)
    slow = Pace(seconds_per_step=30, history=0, beat_seconds=0.01, poll_seconds=0.001)
    async with listening(desk, pace=slow):
        await desk.holds(1, 1)
        await asyncio.sleep(0.05)
    assert desk.numbers == [1]
