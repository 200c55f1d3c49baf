"""The listener's process: `python -m execution.wiring.listener --home HOME [--speed X | --recording FILE]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from execution.child import explain, read_secret, when_told_to_stop
from execution.home import Home, find_home
from execution.services.listener import Listener, Pace, StepSource
from execution.services.schedules import RecordedSchedule
from execution.settings import Settings, read_running
from execution.settings.feed_file import FeedFile
from execution.wiring.sample import sample_feed
from toolkit.adapters import failpoints
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.records import replace_file
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.sockets import socket_path
from toolkit.adapters.step_files import StepFile
from toolkit.domain.errors import ConfigError, ExecutionError

USER = "listener"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the exit code."""
    options = _options().parse_args(arguments)
    try:
        home = find_home(options.home)
        settings = read_running(home.root)
        secret = read_secret()
        bus, journal = (_address(home, role, secret) for role in (ServerRole.BUS, ServerRole.JOURNAL))
        if settings.feed is not None and settings.feed.kind == "ccxt":
            from execution.wiring.live_feed import listen_live  # aiohttp: not for a desk on its own data

            uvloop.run(listen_live(home, settings, settings.feed, bus, journal))
        else:
            uvloop.run(listen(home, settings, bus, speed=options.speed, recording=options.recording))
    except ExecutionError as problem:
        return explain(problem)
    return 0


async def listen(
    home: Home, settings: Settings, address: ServerAddress, *, speed: float, recording: Path | None
) -> None:
    """Publish the desk's feed until told to stop, or to the end of a recording."""
    source, pace, schedule = feed_of(settings, speed, recording)
    bus = RedisBus(address, settings.desk.book)
    reach = failpoints.from_environment()
    listener = Listener(source, bus, pace, clock=SystemClock(), reach=reach, schedule=schedule)
    when_told_to_stop(listener.stop)
    try:
        await listener.run()
    finally:
        await bus.close()


def feed_of(
    settings: Settings, speed: float, recording: Path | None
) -> tuple[StepSource, Pace, RecordedSchedule | None]:
    """What to publish and how fast. `speed` multiplies the feed's own pace, 0 is as fast as the engine follows."""
    if speed < 0:
        raise ConfigError(f"--speed {speed:g}: give a number above 0, or 0 for as fast as the engine follows")
    beat_seconds = settings.desk.supervision.beat_seconds
    if recording is not None:
        file = StepFile(recording)
        history = len(range(file.first, file.last + 1))
        return file, Pace(seconds_per_step=0, history=history, beat_seconds=beat_seconds), None
    if settings.feed is not None:
        return _replay(Home(settings.home), settings.feed, speed, beat_seconds)
    wanted = settings.desk.feed
    feed = sample_feed(wanted, settings.instruments)
    seconds = wanted.session_seconds / speed / feed.steps_per_session if speed else 0.0
    history = feed.last_step(wanted.history_sessions)
    return feed, Pace(seconds_per_step=seconds, history=history, beat_seconds=beat_seconds), None


def _replay(
    home: Home, feed: FeedFile, speed: float, beat_seconds: float
) -> tuple[StepSource, Pace, RecordedSchedule | None]:
    from toolkit.adapters.step_recording import StepRecording  # pyarrow: not for the other feeds

    recording = StepRecording(Path(feed.recording))
    how = f"{speed:g} times as fast as it came" if speed else "as fast as the desk follows"
    words = f"recorded steps {recording.first:,} to {recording.last:,}, in lockstep, {how}"
    path = f"{words}; {recording.lost}" if recording.lost else words
    said = {"feed": feed.spec, "path": path, "state": "replay", "recording_lost": recording.lost}
    replace_file(home.run / "feed.json", home.run / "feed.json.new", msgspec.json.encode(said))
    pace = Pace(seconds_per_step=0, history=0, stays=True, beat_seconds=beat_seconds)
    schedule = RecordedSchedule(recording.times(), recording.first, speed) if speed else None
    return recording, pace, schedule


def _address(home: Home, role: ServerRole, secret: str) -> ServerAddress:
    return ServerAddress(f"unix://{socket_path(home.run, role.value)}", USER, secret)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="execution.wiring.listener", description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--speed", type=float, default=1.0, help="0: as fast as the engine follows")
    parser.add_argument("--recording", type=Path, help="publish this file of steps instead of the sample")
    return parser


if __name__ == "__main__":
    sys.exit(main())
