"""The watchdog's process, `python -m execution.wiring.watchdog --home HOME`: pairs an engine's silence with a kill."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from execution.child import ExitCode, explain, read_secret
from execution.home import Home, find_home
from execution.services.watchdog import Watchdog
from execution.settings import Settings, read_running
from execution.settings.venue_rows import told_dead_men
from toolkit.adapters.beat_file import BeatFile
from toolkit.client.killing import Killed, KillSwitch
from toolkit.client.stopping import describe
from toolkit.domain.commands import Kill, KillMode, Who
from toolkit.domain.errors import ConfigError, ExecutionError
from toolkit.domain.instruments import Instrument
from toolkit.domain.time import NANOSECONDS
from toolkit.simulation.paper_settings import DeadMan, Keeper

WHO = Who(identity="process:watchdog", verified=False, source="watchdog")


def main(arguments: Sequence[str] | None = None) -> int:
    """Watch until told to stop; returns the exit code."""
    options = _options().parse_args(arguments)
    try:
        home = find_home(options.home)
        read_secret()
        settings = read_running(home.root)
        asyncio.run(watch(home, replace(settings, venues=told_dead_men(settings.venues, options.dead_men))))
    except ExecutionError as problem:
        return explain(problem)
    return ExitCode.DONE


async def watch(home: Home, settings: Settings) -> None:
    """One watchdog for all venues that need one; the shortest silence of theirs counts for each."""
    watched = watched_venues(settings)
    if not watched:
        raise ConfigError("config/venues.yaml: no venue says `dead_man: {by: watchdog, …}`")
    book = settings.desk.book
    switch = KillSwitch(home, book, tuple(settings.venues))
    own_beat = BeatFile(home.run / "watchdog-beat")
    known = {instrument.symbol: instrument for instrument in settings.instruments}

    async def fire(silence: float) -> None:
        for name, dead_man in watched.items():
            mode = KillMode.CANCEL_ALL if dead_man.everything else KillMode.HALT_ENTRIES
            reason = f"the engine gave no sign of life for {silence:.1f} s"
            kill = Kill(scope="venue", name=name, mode=mode, who=WHO, reason=reason)
            _say(await asyncio.to_thread(switch.throw, kill), known)

    after = min(dead_man.after for dead_man in watched.values()) / NANOSECONDS
    watchdog = Watchdog(BeatFile(home.book(book) / "engine-beat"), after, fire, own_beat.beat)
    _listen(watchdog)
    try:
        await watchdog.run()
    finally:
        own_beat.clear()


def watched_venues(settings: Settings) -> dict[str, DeadMan]:
    """The venues whose dead man is ours."""
    return {
        name: venue.dead_man
        for name, venue in settings.venues.items()
        if venue.dead_man is not None and venue.dead_man.by is Keeper.WATCHDOG
    }


def _say(killed: Killed, known: Mapping[str, Instrument]) -> None:
    print(f"{killed.kill.reason}: {killed.kill.name} is killed, latch shut", flush=True)
    for found in killed.left.open_orders:
        print(f"LEFT: {describe(found, known)}", flush=True)
    for name in killed.left.silent:
        print(f"LEFT: venue {name} does not answer", flush=True)


def _listen(watchdog: Watchdog) -> None:
    """SIGTERM means to stop; a pipe that closes alone, that the supervisor was killed."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, watchdog.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def readable() -> None:
        if os.read(0, 4096) == b"":
            loop.remove_reader(0)
            watchdog.left_alone()

    loop.add_reader(0, readable)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="execution.wiring.watchdog", description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--dead-men", help="those in force, for the supervisor; else those of config/venues.yaml")
    return parser


if __name__ == "__main__":
    sys.exit(main())
