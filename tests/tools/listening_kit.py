"""A live listener at work with a reader that remembers, for tests that break what it listens to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from execution.services.live_listener import ArrivalClock, FeedHealth, LiveListener, LiveSettings, Source
from execution.settings.feed_file import FeedFile
from execution.settings.reading import traded_on
from toolkit.adapters.ccxt_stream import GenericSource
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.exchange_line import RawSource
from toolkit.domain.market import MarketEvent, Step
from toolkit.engine.live_feed import LiveFeed

QUICK = LiveSettings(first_backoff=0.05, snapshot_pause=0.05, tell_every=0.05, silence=0.5)


class Reader:
    """A sink that remembers, and takes nothing while it is slow."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.is_slow = False

    async def begin(self) -> int | None:
        return 0

    async def room(self) -> int:
        return 0 if self.is_slow else 100

    async def publish(self, steps: Sequence[Step]) -> None:
        self.steps += steps

    def lost(self) -> bool:
        return False

    def events(self) -> list[MarketEvent]:
        return [event for step in self.steps for event in step.events]


class Listening:
    """A listener at work, what it read, and what it said."""

    def __init__(self, source: Source, feed: FeedFile) -> None:
        self.reader = Reader()
        self.notes: list[str] = []
        self.health: FeedHealth | None = None
        clock = SystemClock()
        _, instruments = traded_on(feed)

        def feed_from(number: int) -> LiveFeed:
            return LiveFeed(
                instruments, label="x", number=number, has_depth=source.has_depth,
                quotes_from_book=source.quotes_from_book, longest_silence=QUICK.silence,
            )  # fmt: skip

        self.listener = LiveListener(
            feed.spec, source, self.reader, feed_from, clock=clock, arrival=ArrivalClock(clock), settings=QUICK,
            show=self._show, note=self._note,
        )  # fmt: skip

    async def _show(self, health: FeedHealth) -> None:
        self.health = health

    async def _note(self, kind: str, what: str) -> None:
        self.notes.append(f"{kind}: {what}")

    async def until(self, holds: Callable[[Listening], object]) -> None:
        async with asyncio.timeout(60):
            while self.health is None or not holds(self):
                await asyncio.sleep(0.01)

    def of(self, kind: type[MarketEvent]) -> list[MarketEvent]:
        return [event for event in self.reader.events() if isinstance(event, kind)]

    @property
    def told(self) -> FeedHealth:
        assert self.health is not None
        return self.health


@asynccontextmanager
async def listening(source: RawSource | GenericSource, feed: FeedFile) -> AsyncIterator[Listening]:
    """Listening for as long as the block lasts; what was read then has numbers without a gap, and times in order."""
    async with source:
        one = Listening(source, feed)
        task = asyncio.create_task(one.listener.run())
        try:
            yield one
        finally:
            one.listener.stop()
            await asyncio.wait_for(task, 60)
    numbers = [step.number for step in one.reader.steps]
    assert numbers == list(range(1, len(numbers) + 1)), "numbers have no gap, whatever happened"
    times = [step.time for step in one.reader.steps]
    assert times == sorted(times)
