"""The bus as a live market's sink: where numbers go on, how far the engine lets it run ahead, what a lost bus means."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress

import pytest

from execution.services.live_sinks import UNREMEMBERED, BusSink, RecordingSink
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.memory_bus import MemoryBus
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.beats import Beat
from toolkit.domain.market import FeedGap, Step
from toolkit.domain.time import FeedTime, WallTime


def step(number: int) -> Step:
    return Step(number=number, time=FeedTime(number), label="x", events=(FeedGap(),))


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus(MemoryServer())


async def engine_at(bus: MemoryBus, number: int) -> None:
    await bus.beat(Beat(process="engine", pid=1, wall=WallTime(0), epoch=1, step=number))


async def test_a_new_listener_goes_on_behind_the_bus_and_the_engine(bus: MemoryBus) -> None:
    await engine_at(bus, 3)
    await bus.publish("feed", [step(number) for number in (4, 5, 6)])
    assert await BusSink(bus, SystemClock(), remembered=2).begin() == 6
    await engine_at(bus, 9)
    assert await BusSink(bus, SystemClock(), remembered=2).begin() == 9


async def test_after_a_restart_numbers_go_on_behind_all_that_the_venue_has_seen(bus: MemoryBus) -> None:
    """The journal of an idle book stands at its beginning, and the venue is where the last run ended."""
    await engine_at(bus, 0)
    sink = BusSink(bus, SystemClock(), remembered=700, look_seconds=0)
    assert await sink.begin() == 700 + UNREMEMBERED
    assert await sink.room() == 2_000
    await sink.publish([step(700 + UNREMEMBERED + 1)])
    assert await sink.room() == 1_999


async def test_it_runs_ahead_of_the_engine_no_more_than_its_window(bus: MemoryBus) -> None:
    await engine_at(bus, 0)
    sink = BusSink(bus, SystemClock(), window=3)
    await sink.begin()
    await sink.publish([step(1), step(2), step(3)])
    assert await sink.room() == 0
    await engine_at(bus, 2)
    assert await sink.room() == 2


async def test_a_bus_that_lost_steps_is_noticed_once(bus: MemoryBus) -> None:
    await engine_at(bus, 0)
    sink = BusSink(bus, SystemClock())
    await sink.begin()
    await sink.publish([step(1)])
    await sink.beat("running", 1)
    assert not sink.lost()
    await bus.forget("feed")
    await sink.beat("running", 1)
    assert (sink.lost(), sink.lost()) == (True, False)


async def test_told_to_stop_it_waits_for_no_engine(bus: MemoryBus) -> None:
    sink = BusSink(bus, SystemClock())
    sink.stop()
    assert await sink.begin() is None


class SlowRecorder:
    """A recorder on a slow disk; `together` tells whether two ever wrote at once."""

    def __init__(self) -> None:
        self.last = 0
        self.said: list[str] = []
        self.disk = threading.Event()
        self.begun = threading.Event()
        self.together = False
        self._busy = False

    def take(self, steps: Sequence[Step], wall: WallTime) -> None:
        self._write(f"take {len(steps)}")

    def close(self) -> None:
        self._write("close")

    def _write(self, what: str) -> None:
        self.together |= self._busy
        self._busy = True
        self.begun.set()
        self.disk.wait(60)
        self.said.append(what)
        self._busy = False


async def test_a_recording_that_is_stopped_while_the_disk_is_slow_is_written_by_one_hand_at_a_time() -> None:
    recorder = SlowRecorder()
    sink = RecordingSink(recorder, SystemClock())
    publishing = asyncio.create_task(sink.publish([step(1)]))
    await asyncio.to_thread(recorder.begun.wait, 60)
    publishing.cancel()
    with suppress(asyncio.CancelledError):
        await publishing
    again = asyncio.create_task(sink.publish([step(1), step(2)]))
    await asyncio.sleep(0.05)
    recorder.disk.set()
    await again
    await asyncio.to_thread(sink.close)
    assert recorder.said == ["take 1", "take 2", "close"]
    assert not recorder.together
