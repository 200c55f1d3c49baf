"""The monitor: follows the journal, collects all measures, shows them and has them judged; it never touches trading.

It wakes when the journal goes on, and four times a second at least; then it reads no more until it may look again. A
server that is away stops nothing: measures then say since when nothing was read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from toolkit.domain.errors import JournalError, TransportError
from toolkit.domain.time import MonoTime, WallTime
from toolkit.monitoring.collecting import collect
from toolkit.monitoring.facts import DeskFacts
from toolkit.monitoring.samples import Samples
from toolkit.monitoring.steps import Steps
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies

LOOK_MS: Final = 250
COLLECT_SECONDS: Final = 0.1
"""A busy journal would wake the monitor with each entry, far more often than anybody has to know: reading a hundred
entries at once takes it a fraction of what it takes one by one, and who trades wants the processors too."""

REST: Final = 0.001
"""Seconds between the parts of a look: nobody needs them in one go, and an order that comes by waits for no more than
one of them."""

Result = TypeVar("Result")


class Follower(Protocol):
    """Replica and tallies of a journal, and the way on in it."""

    @property
    def replica(self) -> Replica: ...

    @property
    def tallies(self) -> Tallies: ...

    @property
    def read_at_end(self) -> bool: ...

    def advance(self, wait_ms: int = 0) -> int: ...

    def keep(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class MonitorParts:
    """The outside of one monitor. `facts` gets when the journal's end was last reached, `show` takes what is served,
    each of `judges` what is fired upon, `beat` says that the process lives; `wall` reads the clock, and
    `mono` the one that nobody sets."""

    follower: Follower
    facts: Callable[[int], DeskFacts]
    wall: Callable[[], WallTime]
    mono: Callable[[], MonoTime]
    show: Callable[[Samples], None]
    beat: Callable[[str, int], None]
    say: Callable[[str], None]
    judges: Sequence[Callable[[Samples], Awaitable[None]]] = ()


class Monitor:
    """One desk's monitor. `run` returns when stopped."""

    def __init__(self, parts: MonitorParts) -> None:
        self._parts = parts
        self._stopping = False
        self._read = 0
        self._trouble = ""
        self._collected = float("-inf")
        self._unseen = False
        self._steps = Steps()
        self._thread = ThreadPoolExecutor(1, "monitor")  # one: each thread keeps memory of its own for what it did

    def stop(self) -> None:
        self._stopping = True

    async def run(self) -> None:
        """Look until stopped; then what was folded is stored for the next one."""
        try:
            while not self._stopping:
                began = time.monotonic()
                await self._aside(self._follow)
                if time.monotonic() - self._collected >= COLLECT_SECONDS:
                    await self._look()
                if self._trouble:
                    await asyncio.sleep(max(0.0, began + LOOK_MS / 1_000 - time.monotonic()))
        finally:
            await self._aside(self._end)
            self._thread.shutdown()

    async def _aside(self, work: Callable[[], Result]) -> Result:
        """What blocks, beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _follow(self) -> None:
        """Blocks until the journal has something new; once it has, until that may be looked at.

        Behind the journal's end it reads on without a rest: a monitor that begins has a long one to fold.
        """
        follower = self._parts.follower
        try:
            if self._unseen:
                if follower.read_at_end:
                    time.sleep(max(0.0, self._collected + COLLECT_SECONDS - time.monotonic()))
                follower.advance()
            else:
                self._unseen = follower.advance(LOOK_MS) > 0
        except (TransportError, JournalError) as problem:
            self._tell(f"{type(problem).__name__}: {problem}")
        else:
            self._tell("")
            if follower.read_at_end:
                self._read = int(self._parts.wall())

    async def _look(self) -> None:
        self._unseen = False
        samples = await self._aside(self._collect)
        self._collected = time.monotonic()
        for judge in self._parts.judges:
            await asyncio.sleep(REST)
            await judge(samples)

    def _collect(self) -> Samples:
        parts = self._parts
        follower = parts.follower
        facts = parts.facts(self._read)
        time.sleep(REST)
        wall = parts.wall()
        self._steps.look(wall, parts.mono())
        samples = collect(follower.replica, follower.tallies, facts, wall, self._steps.undone)
        parts.show(samples)
        parts.beat("waiting" if self._trouble else "watching", follower.replica.ledger.step)
        return samples

    def _tell(self, trouble: str) -> None:
        """A line in the log for each new trouble, and one for its end."""
        if trouble != self._trouble:
            self._parts.say(trouble or "the journal is read again")
            self._trouble = trouble

    def _end(self) -> None:
        follower = self._parts.follower
        try:
            if follower.replica.ledger.sequence:
                follower.keep()
        except TransportError as problem:
            self._parts.say(f"{problem}: the next one folds more")
        finally:
            follower.close()
