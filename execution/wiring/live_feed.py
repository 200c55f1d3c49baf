"""A live market's listener put together: source by exchange, sink by purpose, health for people; it decides nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from execution.child import when_told_to_stop
from execution.home import Home
from execution.services.live_listener import ArrivalClock, FeedHealth, LiveListener, LiveSettings, Sink
from execution.services.live_sinks import BusSink
from execution.settings import Settings
from execution.settings.feed_file import FeedFile
from execution.wiring.raw_streams import RAW_STREAMS
from toolkit.adapters.ccxt_stream import GenericSource
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.exchange_line import RawSource
from toolkit.adapters.operations_log import OperationsLog
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.server_address import ServerAddress
from toolkit.domain.errors import TransportError
from toolkit.domain.instruments import Instrument
from toolkit.engine.live_feed import LiveFeed

PROCESS = "listener"
HEALTH_FILE = "feed.json"
STEP_FILE = "feed-step"

Show = Callable[[FeedHealth], Awaitable[None]]
Note = Callable[[str, str], Awaitable[None]]


async def listen_live(home: Home, settings: Settings, feed: FeedFile, bus: ServerAddress, log: ServerAddress) -> None:
    """Publish a live market on the desk's bus until told to stop."""
    clock = SystemClock()
    operations = OperationsLog(log, settings.desk.book)
    line = RedisBus(bus, settings.desk.book)
    memory = home.book(settings.desk.book) / STEP_FILE
    sink = BusSink(line, clock, remembered=remembered_step(memory))

    async def show(health: FeedHealth) -> None:
        write_beside(home.run / HEALTH_FILE, msgspec.json.encode(health))
        write_beside(memory, str(health.step).encode())
        with suppress(TransportError):
            await sink.beat(health.state, health.step)

    async def note(kind: str, what: str) -> None:
        with suppress(TransportError):
            await operations.write(kind, PROCESS, clock.wall(), what=what)

    try:
        async with live_listener(feed, settings.instruments, sink, clock, show, note) as listener:

            def stop() -> None:
                sink.stop()
                listener.stop()

            when_told_to_stop(stop)
            await listener.run()
    finally:
        await line.close()
        await operations.close()


@asynccontextmanager
async def live_listener(
    feed: FeedFile, instruments: tuple[Instrument, ...], sink: Sink, clock: SystemClock, show: Show, note: Note
) -> AsyncIterator[LiveListener]:
    """The listener of a feed, with its source open."""
    arrival = ArrivalClock(clock)
    async with source_of(feed, arrival) as source:

        def feed_from(number: int) -> LiveFeed:
            return LiveFeed(
                instruments, label=f"{feed.exchange}, live", number=number, has_depth=source.has_depth,
                quotes_from_book=source.quotes_from_book,
            )  # fmt: skip

        yield LiveListener(
            feed.spec, source, sink, feed_from, clock=clock, arrival=arrival, settings=LiveSettings(), show=show,
            note=note,
        )  # fmt: skip


def source_of(feed: FeedFile, arrival: ArrivalClock) -> RawSource | GenericSource:
    """Our own reader where there is one for the exchange, else ccxt's."""
    raw = RAW_STREAMS.get(feed.exchange)
    if raw is not None and feed.stream:
        return RawSource(raw(feed), arrival)
    return GenericSource(feed.exchange, tuple(feed.ids), arrival, rest=feed.rest, stream=feed.stream)


def remembered_step(path: Path) -> int:
    """The number that an earlier run of this book had come to, or 0."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def write_beside(path: Path, data: bytes) -> None:
    """Replace a small file that a crash may lose: unsynced, and a disk that takes nothing stops no feed."""
    beside = path.with_name(path.name + ".new")
    with suppress(OSError):
        beside.write_bytes(data)
        beside.replace(path)
