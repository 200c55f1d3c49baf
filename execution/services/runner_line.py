"""A runner's line to the desk: patient reads, commands that count once, signs of life; it never looks at a strategy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, ParamSpec, TypeVar

from toolkit.domain.commands import Command, Envelope, RunnerHello
from toolkit.domain.errors import StaleIncarnation, TransportError
from toolkit.domain.inbox import InboxEntry, Released, Restored
from toolkit.domain.market import Step
from toolkit.domain.ports import Bus, Journal
from toolkit.domain.time import NANOSECONDS, WallTime

FEED: Final = "feed"
ENGINE: Final = "engine"
LISTENER: Final = "listener"
STEPS_A_CALL: Final = 100  # few at a time: what a process once held in memory it keeps

Asked = ParamSpec("Asked")
Reply = TypeVar("Reply")


class Identity(NamedTuple):
    """Whose runner this is and which version it verified before it loaded it."""

    strategy: str
    version: str
    digest: str


class Outside(NamedTuple):
    """What a runner is given: ports, the wall clock, the failpoints, and where it says that it lives (state, step)."""

    journal: Journal
    bus: Bus
    wall: Callable[[], WallTime]
    reach: Callable[[str], None]
    beat: Callable[[str, int], None]


class EpochOver(Exception):
    """Another engine holds the book: begin again with what it restores."""


class RunnerLine:
    """`patience` (seconds) is how long a read waits before it comes back empty; with it the runner beats at least.

    Reads and sends wait while a server is away: no strategy dies of that.
    """

    def __init__(self, identity: Identity, outside: Outside, patience: float) -> None:
        self.strategy = identity.strategy
        self.patience = patience
        self.step = 0  # shown with the signs of life
        self._identity = identity
        self._outside = outside
        self._patience_ms = int(patience * 1000)
        self._epoch = 0
        self._incarnation = 0
        self._number = 0
        self._scanned = 0  # the inbox up to here holds no answer to a later hello

    @property
    def epoch(self) -> int:
        """The engine's epoch that this runner works with."""
        return self._epoch

    async def find_engine(self) -> None:
        """Wait for an engine and take its epoch."""
        while not (epoch := await self._newest_epoch()):
            self.beat("seeking-the-engine")
            await asyncio.sleep(self.patience)
        self._epoch = epoch

    async def hears_a_listener(self) -> bool:
        """Whether there is one that fills the feed."""
        return LISTENER in await self._patiently(self._outside.bus.beats)

    async def check_epoch(self) -> None:
        """Raises EpochOver when another engine holds the book."""
        if await self._newest_epoch() > self._epoch:
            raise EpochOver

    async def introduce(self) -> Restored:
        """Say hello under a fresh incarnation; what the journal kept of the strategy is the answer."""
        await self._say_hello()
        while True:
            self.beat("saying-hello")
            for entry in await self.inbox(self._scanned):
                self._scanned = entry.number
                if isinstance(entry.item, Restored) and entry.item.incarnation == self._incarnation:
                    return entry.item

    async def _say_hello(self) -> None:
        """Incarnations come from the wall clock. One that was set back would give small ones: those are leapt over."""
        incarnation, leap = max(int(self._outside.wall()), self._incarnation + 1), NANOSECONDS
        while True:
            self._incarnation, self._number = incarnation, 0
            try:
                return await self.send(RunnerHello(**self._identity._asdict()))
            except StaleIncarnation:
                incarnation, leap = incarnation + leap, 2 * leap

    async def send(self, body: Command) -> None:
        """Put a command into our stream; the same envelope until it is there, so it counts once."""
        self._number += 1
        envelope = Envelope(producer=self.strategy, incarnation=self._incarnation, number=self._number, body=body)
        self._outside.reach("before_answer")
        await self._patiently(self._outside.journal.send, envelope)
        self._outside.reach("after_answer")

    async def inbox(self, after: int) -> Sequence[InboxEntry]:
        """The next entries of the strategy's inbox, none when patience ends."""
        return await self._patiently(self._outside.journal.inbox, self.strategy, after, self._patience_ms)

    async def released(self, epoch: int, after: int, *, wait: bool) -> Sequence[Released]:
        """The next steps that the engine of an epoch released."""
        block_ms = self._patience_ms if wait else 0
        return await self._patiently(self._outside.bus.released, epoch, after, block_ms, STEPS_A_CALL)

    async def steps(self, after: int, *, wait: bool) -> Sequence[Step]:
        """The next steps of the feed."""
        block_ms = self._patience_ms if wait else 0
        return await self._patiently(self._outside.bus.steps, FEED, after, block_ms, STEPS_A_CALL)

    async def newest_step(self) -> int:
        """Number of the last step that the feed holds."""
        return await self._patiently(self._outside.bus.last, FEED)

    def beat(self, state: str) -> None:
        """Say that this process lives."""
        self._outside.beat(state, self.step)

    async def _newest_epoch(self) -> int:
        beats = await self._patiently(self._outside.bus.beats)
        return beats[ENGINE].epoch if ENGINE in beats else 0

    async def _patiently(
        self, ask: Callable[Asked, Awaitable[Reply]], *args: Asked.args, **options: Asked.kwargs
    ) -> Reply:
        while True:
            try:
                return await ask(*args, **options)
            except TransportError:
                self.beat("without-servers")
                await asyncio.sleep(self.patience)
