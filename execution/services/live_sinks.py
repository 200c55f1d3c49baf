"""Where the steps of a live market go: the bus of a desk, or a recording."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from typing import Protocol

from toolkit.domain.beats import Beat
from toolkit.domain.errors import TransportError
from toolkit.domain.market import Step
from toolkit.domain.ports import Bus
from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime

STREAM = "feed"
PROCESS = "listener"
ENGINE = "engine"


class Clock(Protocol):
    def wall(self) -> WallTime: ...

    def mono(self) -> MonoTime: ...


class Recorder(Protocol):
    """A folder that takes steps; `last` is the newest that is safe."""

    last: int

    def take(self, steps: Sequence[Step], wall: WallTime) -> None: ...

    def close(self) -> None: ...


UNREMEMBERED = 10_000
"""More steps than can have been published after a number was last remembered."""


class BusSink:
    """The bus, never more than `window` steps ahead of the engine: an engine that is slow gets conflated quotes.

    `remembered` is a number near the last one that an earlier run of this book published, 0 when there was none. The
    venue has seen that run to its end, and the journal only what led to something: numbers must go on behind both.
    """

    def __init__(
        self, bus: Bus, clock: Clock, *, remembered: int = 0, window: int = 2_000, look_seconds: float = 0.25
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._window = window
        self._look_seconds = look_seconds
        self._remembered = remembered
        self._looked = 0.0
        self._engine = 0
        self._position = 0
        self._published = False
        self._lost = False
        self._stopped = False

    def stop(self) -> None:
        """Do not wait for an engine any more."""
        self._stopped = True

    async def begin(self) -> int | None:
        """Wait for the engine, which says where the book stands; numbers go on behind that and behind the bus's end."""
        while not self._stopped:
            try:
                await self.beat("waiting for the engine", 0)
                engine = (await self._bus.beats()).get(ENGINE)
                if engine is not None:
                    return await self._begin_behind(engine.step)
            except TransportError:
                pass  # the bus is away: asked again
            await asyncio.sleep(0.05)
        return None

    async def _begin_behind(self, engine: int) -> int:
        last = await self._bus.last(STREAM)
        if not last and self._remembered:
            last = self._remembered + UNREMEMBERED
        self._position = max(engine, last)
        self._engine = self._position if last > engine + self._window else engine
        return self._position

    async def room(self) -> int:
        """How far the engine lets us go on."""
        now = int(self._clock.mono()) / NANOSECONDS
        if now - self._looked > self._look_seconds or self._position >= self._engine + self._window:
            self._looked = now
            engine = (await self._bus.beats()).get(ENGINE)
            self._engine = max(engine.step, self._engine) if engine is not None else self._engine
        return self._engine + self._window - self._position

    async def publish(self, steps: Sequence[Step]) -> None:
        """Add them to the feed's stream."""
        await self._bus.publish(STREAM, steps)
        self._position, self._published = steps[-1].number, True

    async def beat(self, state: str, step: int) -> None:
        """Say that this process lives, and see whether the bus still ends where we left it."""
        beat = Beat(process=PROCESS, pid=os.getpid(), wall=self._clock.wall(), state=state, step=step)
        await self._bus.beat(beat)
        if self._published and await self._bus.last(STREAM) < self._position:
            self._lost, self._published = True, False

    def lost(self) -> bool:
        """Whether steps were lost since the last question: a reader that comes for them must be told of a gap."""
        was, self._lost = self._lost, False
        return was


class RecordingSink:
    """A recording, which is always ready."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._writing = threading.Lock()  # not asyncio's: a thread goes on when whoever waits for it is cancelled

    async def begin(self) -> int | None:
        return self._recorder.last

    async def room(self) -> int:
        return 1_000_000

    async def publish(self, steps: Sequence[Step]) -> None:
        """To the open part; a part that is due is written in a thread, for a slow disk must not stop the reading."""
        await asyncio.to_thread(self._take, steps)

    async def flush(self) -> None:
        """Move the open part in when it is old enough, also on a market where nothing happens."""
        await self.publish(())

    def close(self) -> None:
        """Move the open part in, after whatever is still being written."""
        with self._writing:
            self._recorder.close()

    def _take(self, steps: Sequence[Step]) -> None:
        with self._writing:
            self._recorder.take(steps, self._clock.wall())

    def lost(self) -> bool:
        return False
