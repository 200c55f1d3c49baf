"""`execution record`: what a live market's listener sees, into a folder of Parquet, until told to stop; no desk."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from execution.services.live_listener import FeedHealth
from execution.services.live_sinks import RecordingSink
from execution.settings.documents import parse_document
from execution.settings.feed_file import FeedFile
from execution.settings.problems import validate
from execution.settings.reading import traded_on
from execution.wiring.feeds import feed_text
from execution.wiring.live_feed import live_listener
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.step_recording import StepRecorder, StepRecording
from toolkit.domain.errors import ConfigError


def open_recorder(feed: FeedFile, folder: Path, part_seconds: float) -> StepRecorder:
    """The folder, ready to go on. ConfigError when it holds another feed's recording."""
    if any(folder.glob("steps-*.parquet")):
        text = StepRecording(folder).description.encode()
        before = validate(parse_document(text, f"the description in {folder}"), FeedFile)
        if (before.exchange, before.instruments) != (feed.exchange, feed.instruments):
            raise ConfigError(f"{folder} holds a recording of {before.spec}, or of other ticks; give another folder")
    return StepRecorder(folder, feed_text(feed), part_seconds=part_seconds)


def record(feed: FeedFile, recorder: StepRecorder, seconds: float | None, show: Callable[[FeedHealth], None]) -> None:
    """Record until Ctrl-C, SIGTERM, or for so many seconds."""
    asyncio.run(_record(feed, recorder, seconds, show))


async def _record(
    feed: FeedFile, recorder: StepRecorder, seconds: float | None, show: Callable[[FeedHealth], None]
) -> None:
    clock = SystemClock()
    sink = RecordingSink(recorder, clock)
    _, instruments = traded_on(feed)

    async def tell(health: FeedHealth) -> None:
        await sink.flush()
        show(health)

    async def note(kind: str, what: str) -> None:
        print(f"  {kind}: {what}", flush=True)

    loop = asyncio.get_running_loop()
    async with live_listener(feed, instruments, sink, clock, tell, note) as listener:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, listener.stop)
        if seconds is not None:
            loop.call_later(seconds, listener.stop)
        await listener.run()
    sink.close()
