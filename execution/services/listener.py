"""The listener: publishes a feed's numbered steps on the bus, paced, ahead of the engine; it knows no server.

A step's number is its identity: publishing one again changes nothing, so a listener may die anywhere and its successor
goes on from what the bus holds. A bus that lost steps, or holds those of another feed, is filled anew from as far back
as runners need to warm up. Without an engine it waits, for the engine says where the book stands.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Protocol

import msgspec

from execution.services.schedules import Schedule, SteadySchedule
from toolkit.domain.beats import Beat
from toolkit.domain.errors import TransportError
from toolkit.domain.market import Step
from toolkit.domain.ports import Bus
from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime

STREAM = "feed"
PROCESS = "listener"
ENGINE = "engine"

COMPARED = 3  # steps: bells are the same in every sample, and no more than two follow each other


class StepSource(Protocol):
    """A feed that can start anywhere: the sample, or a recording."""

    def steps(self, after: int = 0) -> Iterator[Step]:
        """Every step with a number above `after`, in order, without a gap."""


class Clock(Protocol):
    def wall(self) -> WallTime: ...

    def mono(self) -> MonoTime: ...


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast and how far ahead.

    `seconds_per_step` of wall time (0: as fast as the engine follows). `history` steps before the engine's are
    published at once, for warm-up. The bus is never more than `window` steps ahead of the engine. With `stays` the
    listener lives on when the feed is over, for a desk that is looked at then.
    """

    seconds_per_step: float
    history: int
    stays: bool = False
    window: int = 2_000
    batch: int = 500
    beat_seconds: float = 0.5
    retry_seconds: float = 0.2
    poll_seconds: float = 0.02


class Listener:
    """One feed's way to the bus. `run` ends after `stop`, or when the feed is over and the engine has it all."""

    def __init__(
        self,
        source: StepSource,
        bus: Bus,
        pace: Pace,
        *,
        clock: Clock,
        reach: Callable[[str], None],
        schedule: Schedule | None = None,
    ) -> None:
        self.position = 0
        self.state = "starting"
        self._source = source
        self._bus = bus
        self._pace = pace
        self._clock = clock
        self._reach = reach
        self._stopped = asyncio.Event()
        self._ahead: Iterator[Step] = iter(())
        self._engine: int | None = None
        self._looked: float | None = None
        self._schedule = schedule or SteadySchedule(pace.seconds_per_step, self._now())
        self._over = False

    def stop(self) -> None:
        """Finish what is in hand and return from `run`."""
        self._stopped.set()

    async def run(self) -> None:
        """Publish until stopped. A bus that is away is waited for; nothing is lost by it."""
        while not self._done:
            try:
                await self._join()
                while await self._go_on():
                    pass
            except TransportError as problem:
                self.state = f"waiting for the bus: {problem}"
                self._looked = None
                await self._pause(self._pace.retry_seconds)
        if self._pace.stays:
            await self._stay()
        self.state = "stopped" if self._stopped.is_set() else "the feed is over"
        with suppress(TransportError):
            await self._beat()

    async def _stay(self) -> None:
        self.state = "the feed is over"
        while not self._stopped.is_set():
            with suppress(TransportError):
                await self._beat()
            await self._pause(self._pace.beat_seconds)

    @property
    def _done(self) -> bool:
        return self._stopped.is_set() or self._over

    # ------------------------------------------------------------------ finding the place

    async def _join(self) -> None:
        """Learn where the book stands and make the bus hold the history before it; `position` is where it then ends."""
        engine = await self._wait_for_engine()
        start = max(0, engine - self._pace.history)
        last = await self._bus.last(STREAM)
        if last and not await self._holds(start, last):
            await self._bus.forget(STREAM)
            last = 0
        self._go_on_after(last or start)
        more = True
        while more and self.position < engine and not self._done:
            more = await self._publish(min(self._pace.batch, engine - self.position))

    async def _wait_for_engine(self) -> int:
        self._looked = None
        while (engine := await self._look()) is None and not self._done:
            self.state = "waiting for the engine"
            await self._pause(self._pace.poll_seconds)
        return engine or 0

    async def _holds(self, start: int, last: int) -> bool:
        """Whether the bus holds this feed, from `start` on (another seed makes other steps; a lost bus has none)."""
        first = await self._bus.steps(STREAM, start, 0, 1)
        if not first or first[0].number != start + 1:
            return False
        newest = await self._bus.steps(STREAM, max(0, last - COMPARED), 0, COMPARED)
        own = self._source.steps(newest[0].number - 1) if newest else ()
        return list(newest) == list(islice(own, len(newest)))

    def _go_on_after(self, position: int) -> None:
        self.position = position
        self._ahead = self._source.steps(position)

    # ------------------------------------------------------------------ going on

    async def _go_on(self) -> bool:
        """Publish what is due; False at the end, and when the bus is not as we left it: find the place anew."""
        engine = await self._look(at_once=self._room <= 0)
        if engine is None or not await self._reaches_back_to(engine):
            return False
        if self._room <= 0:
            self.state = f"waiting for the engine, {self._pace.window} steps behind"
            await self._pause(self._pace.poll_seconds)
            return not self._done
        self.state = "running"
        now = self._now()
        count = self._schedule.due(now, self.position, min(self._pace.batch, self._room))
        if count and not await self._publish(count):
            return await self._end_when_delivered(engine)
        await self._pause(min(self._schedule.wait(now, self.position), self._pace.beat_seconds))
        return not self._done

    @property
    def _room(self) -> int:
        return (self._engine or 0) + self._pace.window - self.position

    async def _reaches_back_to(self, engine: int) -> bool:
        """Whether the bus ends where we left it and holds what the engine wants next."""
        if await self._bus.last(STREAM) != self.position:
            return False
        wanted = await self._bus.steps(STREAM, engine, 0, 1)
        return self.position <= engine or (bool(wanted) and wanted[0].number == engine + 1)

    async def _publish(self, count: int) -> bool:
        """Publish the next steps; False when the feed is over."""
        steps = tuple(islice(self._ahead, count))
        if steps:
            self._reach("before_publish")
            await self._bus.publish(STREAM, steps)
            self._reach("after_publish")
            self.position = steps[-1].number
        return bool(steps)

    async def _end_when_delivered(self, engine: int) -> bool:
        """Stay until the engine has the last step: the bus may still lose it."""
        self.state = "the feed is over; waiting for the engine"
        self._over = engine >= self.position
        await self._pause(self._pace.poll_seconds)
        return not self._done

    # ------------------------------------------------------------------ heartbeats

    async def _look(self, *, at_once: bool = False) -> int | None:
        """The engine's last step by its heartbeat, or None; beats ourselves when it is time."""
        due = self._looked is None or self._now() - self._looked >= self._pace.beat_seconds
        if due:
            self._looked = self._now()
            await self._beat()
        if due or at_once or self._engine is None:
            engine = (await self._bus.beats()).get(ENGINE)
            self._engine = engine.step if engine else None
        return self._engine

    async def _beat(self) -> None:
        beat = Beat(
            process=PROCESS, pid=os.getpid(), wall=self._clock.wall(), state=self.state, step=self.position
        )  # fmt: skip
        await self._bus.beat(beat)

    async def _pause(self, seconds: float) -> None:
        """Sleep, or less when told to stop; others get a turn in any case."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()

    def _now(self) -> float:
        return int(self._clock.mono()) / NANOSECONDS
