"""The listener on a live market: reads what an exchange sends, connects again when cut, hands numbered steps on.

Reading never waits for publishing: what is read goes to the `LiveFeed`, which conflates quotes while nobody takes them.
Feed time is the time of arrival, on a clock that cannot be set: the wall clock at the start and MonoTime from there on.
The exchange's own clock is used for one thing, to tell how late messages are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Protocol

import msgspec

from execution.services.lateness import Clock, Lateness
from toolkit.domain.errors import TransportError
from toolkit.domain.market import Step
from toolkit.domain.raw_rows import RawDepth, RawMessage
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.live_feed import LiveFeed

LATE_SECONDS = 1.0
"""From here on, either way, lateness is worth a line in the operations log."""

AT_ONCE = 500
POLL_SECONDS = 0.02


class Source(Protocol):
    """One exchange. `messages` connects and ends with TransportError when the line is cut."""

    @property
    def name(self) -> str: ...

    @property
    def has_depth(self) -> bool: ...

    @property
    def quotes_from_book(self) -> bool: ...

    def messages(self) -> AsyncGenerator[RawMessage, None]: ...

    async def snapshot(self, symbol: str) -> RawDepth | None: ...


class Sink(Protocol):
    """Where steps go: the bus of a desk, or a recording."""

    async def begin(self) -> int | None:
        """The number of the last step that is there; None when stopped meanwhile."""

    async def room(self) -> int:
        """How many steps it takes now. TransportError while it is away."""

    async def publish(self, steps: Sequence[Step]) -> None:
        """Take steps; those that are there already are ignored. TransportError: say it again."""

    def lost(self) -> bool:
        """Whether it lost steps since the last question."""


class ArrivalClock:
    """Feed time of what arrives now: never set, never back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall = int(clock.wall())
        self._mono = int(clock.mono())

    def __call__(self) -> FeedTime:
        return FeedTime(self._wall + int(self._clock.mono()) - self._mono)


class LiveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. A line that lived for `healthy` starts with the `first_backoff` again when it is cut."""

    first_backoff: float = 0.5
    longest_backoff: float = 30.0
    healthy: float = 30.0
    snapshot_pause: float = 1.0
    tell_every: float = 0.5
    silence: float = 30.0


class FeedHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants to know about a live feed. Lateness is the last minute's median, in ms; negative: our clock
    is behind; None while too little comes to say."""

    feed: str
    path: str
    state: str
    since: int
    step: int
    reconnects: int
    lateness_ms: float | None
    quotes: int
    trades: int
    conflated: int
    waiting: int
    gaps: int
    snapshots: int
    books_pending: int
    problems: int
    stale: tuple[str, ...]
    last_problem: str


class LiveListener:
    """One exchange's way into a sink. `show` gets the feed's health, `note` what is worth a line in the log."""

    def __init__(
        self,
        spec: str,
        source: Source,
        sink: Sink,
        feed_from: Callable[[int], LiveFeed],
        *,
        clock: Clock,
        arrival: ArrivalClock,
        settings: LiveSettings,
        show: Callable[[FeedHealth], Awaitable[None]],
        note: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._spec = spec
        self._source = source
        self._sink = sink
        self._feed_from = feed_from
        self._clock = clock
        self._arrival = arrival
        self._settings = settings
        self._show = show
        self._note = note
        self._stopped = asyncio.Event()
        self._news = asyncio.Event()
        self._lateness = Lateness(clock)
        self._state, self._since = "connecting", int(clock.wall())
        self._reconnects = self._problems = self._position = 0
        self._last_problem = ""
        self._numbered: list[Step] = []
        self._stale: tuple[str, ...] = ()
        self._told_late = False

    def stop(self) -> None:
        """Finish what is in hand and return from `run`."""
        self._stopped.set()
        self._news.set()

    async def run(self) -> None:
        """Read and publish until stopped."""
        number = await self._sink.begin()
        if number is None:
            return
        self._position = number
        self._feed = self._feed_from(number)
        await self._note("feed", f"{self._spec} by {self._source.name}, from step {number + 1} on")
        work = (self._read(), self._publish(), self._mend_books(), self._tell())
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(each) for each in work]
            await self._stopped.wait()
            for task in running:
                task.cancel()
        await self._publish_rest()
        self._set("stopped")
        await self._show(self._health())

    # ---- reading

    async def _read(self) -> None:
        backoff = self._settings.first_backoff
        while True:
            begun = self._now()
            try:
                async with aclosing(self._source.messages()) as messages:
                    async for message in messages:
                        self._take(message)
            except TransportError as problem:
                self._last_problem = str(problem)
            if self._state == "running":
                self._feed.interrupted(self._arrival())
                self._news.set()
            if self._now() - begun > self._settings.healthy:
                backoff = self._settings.first_backoff
            self._reconnects += 1
            self._set(f"connecting again in {backoff:g} s")
            await self._note("reconnect", f"{self._last_problem}; again in {backoff:g} s")
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, self._settings.longest_backoff)

    def _take(self, message: RawMessage) -> None:
        if self._state != "running":
            self._set("running")
        if message.refused:
            self._problems += 1
            self._last_problem = message.refused
        if message.sent is not None:
            self._lateness.hear(message.sent)
        self._feed.take(message)
        self._news.set()

    # ---- publishing

    async def _publish(self) -> None:
        while True:
            try:
                await self._publish_some()
            except TransportError as problem:
                self._last_problem = str(problem)
                await asyncio.sleep(self._settings.first_backoff)

    async def _publish_some(self) -> None:
        """Publish what waits, or wait for news. What is numbered stays in hand until it is published."""
        self._news.clear()
        room = min(AT_ONCE, await self._sink.room())
        if self._sink.lost():
            self._feed.interrupted(self._arrival())
        if not self._numbered and room > 0:
            self._numbered = self._feed.steps(room)
        if self._numbered:
            await self._sink.publish(self._numbered)
            self._position, self._numbered = self._numbered[-1].number, []
        elif room > 0:
            await self._news.wait()
        else:
            await asyncio.sleep(POLL_SECONDS)

    async def _publish_rest(self) -> None:
        """What was read before the stop."""
        with suppress(TransportError):
            while steps := self._numbered or self._feed.steps(AT_ONCE):
                await self._sink.publish(steps)
                self._position, self._numbered = steps[-1].number, []

    # ---- books

    async def _mend_books(self) -> None:
        """A snapshot for every book that wants one: at the start, after a gap, after the line was down."""
        while True:
            for symbol in sorted(self._feed.wanted) if self._state == "running" else ():
                try:
                    if (book := await self._source.snapshot(symbol)) is not None:
                        self._feed.load(book)
                except TransportError as problem:
                    self._last_problem = str(problem)
                    await self._note("feed", str(problem))
            await asyncio.sleep(self._settings.snapshot_pause)

    # ---- telling

    async def _tell(self) -> None:
        while True:
            for problem in self._feed.problems[:10]:
                await self._note("feed", str(problem))
            self._problems += len(self._feed.problems)
            self._feed.problems.clear()
            for problem in self._feed.stale(self._arrival()):
                await self._note("feed", str(problem))
            self._stale = self._feed.silent
            await self._tell_lateness()
            await self._show(self._health())
            await asyncio.sleep(self._settings.tell_every)

    async def _tell_lateness(self) -> None:
        late = self._lateness.milliseconds()
        is_late = late is not None and abs(late) > LATE_SECONDS * 1000
        if late is not None and is_late and not self._told_late:
            what = "messages come late, or this clock is ahead" if late > 0 else "this clock is behind the exchange's"
            await self._note("feed", f"lateness {late:.0f} ms: {what}")
        self._told_late = is_late

    def _health(self) -> FeedHealth:
        counts = self._feed.counts
        return FeedHealth(
            feed=self._spec, path=self._source.name, state=self._state, since=self._since, step=self._position,
            reconnects=self._reconnects, lateness_ms=self._lateness.milliseconds(), quotes=counts["quotes"],
            trades=counts["trades"], conflated=self._feed.conflated, waiting=self._feed.waiting, gaps=counts["gaps"],
            snapshots=counts["snapshots"], books_pending=len(self._feed.wanted), problems=self._problems,
            stale=self._stale, last_problem=self._last_problem,
        )  # fmt: skip

    def _set(self, state: str) -> None:
        self._state, self._since = state, int(self._clock.wall())

    def _now(self) -> float:
        return int(self._clock.mono()) / NANOSECONDS
