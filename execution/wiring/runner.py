"""The runner's process: `python -m execution.wiring.runner`; everything else comes as a `RunnerSetup` on stdin.

It loads one version of one strategy, verified, within a limit of memory, and has no other secret than the password of
its own user. Neither pandas nor numpy is imported here: a strategy that wants them, as those of `tk.from_signal` do,
pays for them itself.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from execution.child import explain, read_secret, when_told_to_stop
from execution.services.runner import RunnerService, StrategyFailed
from execution.services.runner_line import Identity, Outside, RunnerLine
from execution.services.runner_setup import RunnerExit, RunnerSetup, read_setup
from toolkit.adapters import failpoints
from toolkit.adapters.clock import mono_time, wall_time
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.versions import ChangedVersion, Loaded, NotLoadable, load_version, place_of
from toolkit.domain.errors import ConfigError, ExecutionError, StaleIncarnation
from toolkit.domain.instruments import Instrument
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_runner import StrategyContainer

LONGEST_SETUP: Final = 4 * 1024 * 1024
EXITS: Final[Mapping[type[Exception], RunnerExit]] = {
    ChangedVersion: RunnerExit.HASH,
    NotLoadable: RunnerExit.IMPORT,
    StaleIncarnation: RunnerExit.REPLACED,
}


def main() -> int:
    """Run until told to stop; returns one of `RunnerExit`."""
    sys.stdout = sys.stderr  # what a strategy prints goes to the log; the real one carries signs of life
    calculate_in_one_thread()
    setup: RunnerSetup | None = None
    try:
        setup = read_setup(read_secret(longest=LONGEST_SETUP).encode())
        limit_memory(setup.memory_mb)
        make = container_maker(setup)
        gc.collect()
        gc.freeze()  # what is loaded by now stays: no collection looks at it again
        return uvloop.run(serve(setup, make))
    except msgspec.DecodeError as problem:
        if setup is None:
            explain(ConfigError(f"the first line of stdin is no RunnerSetup: {problem}"))
        else:
            explain(ConfigError(f"inbox or feed were written by another version, move var/ away: {problem}"))
    except ExecutionError as problem:
        explain(problem)
        return EXITS.get(type(problem), RunnerExit.SETUP)
    except MemoryError as problem:
        explain(problem)
        return RunnerExit.MEMORY
    return RunnerExit.SETUP


async def serve(setup: RunnerSetup, make: Callable[[], StrategyContainer]) -> RunnerExit:
    """Run the strategy until stdin closes, or until it fails."""
    journal = RedisJournal(_address(setup, setup.journal_url), setup.book, mono=mono_time)
    bus = RedisBus(_address(setup, setup.bus_url), setup.book)
    outside = Outside(
        journal=journal,
        bus=bus,
        wall=wall_time,
        reach=failpoints.from_environment(),
        beat=Beats(setup.beat_seconds),
    )
    patience = min(0.25, setup.beat_seconds)
    line = RunnerLine(Identity(setup.strategy, setup.version, setup.digest), outside, patience)
    running = asyncio.create_task(_run(RunnerService(line, make, setup.mode), Path(setup.path)))

    def stop() -> None:
        running.cancel()

    when_told_to_stop(stop)
    try:
        return await running
    finally:
        await journal.close()
        await bus.close()


def container_maker(setup: RunnerSetup) -> Callable[[], StrategyContainer]:
    """Verify and load the version; what it returns makes a fresh container of it each time.

    Raises ChangedVersion, NotLoadable, or ConfigError when class and setup do not fit.
    """
    loaded = load_version(Path(setup.path), setup.digest)
    strategy_class = _strategy_class(loaded)
    instruments = _instruments(setup, loaded)

    def make() -> StrategyContainer:
        return StrategyContainer(
            strategy_class, loaded.manifest.parameters, instruments, setup.base_currency, name=setup.strategy
        )

    make()  # what does not fit is said now, not when the engine answers
    return make


def calculate_in_one_thread() -> None:
    """Before a strategy brings numpy along: else that begins a thread, with memory of its own, for every core there is.

    A table of closes gains nothing by them, and on a large machine they alone would pass the limit of memory.
    """
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def limit_memory(megabytes: int) -> None:
    """Limit what this process may allocate, where the system can: then MemoryError comes instead of a full machine."""
    limit = megabytes * 1024 * 1024
    kind = resource.RLIMIT_DATA if sys.platform.startswith("linux") else resource.RLIMIT_AS
    _, hard = resource.getrlimit(kind)
    if hard not in (resource.RLIM_INFINITY, -1):
        limit = min(limit, hard)
    try:
        resource.setrlimit(kind, (limit, hard))
    except (ValueError, OSError) as error:
        print(f"no memory limit here ({error}); the supervisor watches instead", file=sys.stderr, flush=True)


class Beats:
    """Says on stdout that this process lives, at most every `seconds`; never waits for a reader that does not read."""

    def __init__(self, seconds: float, descriptor: int = 1) -> None:
        self._seconds = seconds
        self._descriptor = descriptor
        self._last = (-seconds, "")
        os.set_blocking(descriptor, False)

    def __call__(self, state: str, step: int) -> None:
        now = time.monotonic()
        last, last_state = self._last
        if now - last < self._seconds and state == last_state:
            return
        self._last = now, state
        with suppress(BlockingIOError, BrokenPipeError):  # its reader is slow, or gone: then stdin has closed too
            os.write(self._descriptor, f"beat {state} {step}\n".encode())


async def _run(service: RunnerService, folder: Path) -> RunnerExit:
    try:
        try:
            await service.run()
        except asyncio.CancelledError:  # told to stop
            for text in service.stop():
                print(text, file=sys.stderr, flush=True)
    except StrategyFailed as failure:
        cause = failure.__cause__ or failure
        tell_failure(cause, folder)
        return RunnerExit.MEMORY if isinstance(cause, MemoryError) else RunnerExit.RAISED
    return RunnerExit.STOPPED


def tell_failure(cause: BaseException, folder: Path) -> None:
    """Say what the strategy did: place and error in the first line and again in the last, the whole way between."""
    place = place_of(cause, folder)
    words = ": ".join(part for part in (place, type(cause).__name__, str(cause)) if part)
    way = "".join(traceback.format_exception(cause))
    print(f"{words}\n{way}{words}", file=sys.stderr, flush=True)


def _strategy_class(loaded: Loaded) -> type[Strategy]:
    if not issubclass(loaded.strategy_class, Strategy):
        raise NotLoadable(f"{loaded.manifest.file}: {loaded.manifest.class_name} is no tk.Strategy; derive it from one")
    return loaded.strategy_class


def _instruments(setup: RunnerSetup, loaded: Loaded) -> Mapping[str, Instrument]:
    known = {instrument.symbol: instrument for instrument in setup.instruments}
    missing = [symbol for symbol in loaded.manifest.instruments if symbol not in known]
    if missing:
        raise ConfigError(f"{setup.version} trades {', '.join(missing)}; define it in config/instruments.yaml")
    return {symbol: known[symbol] for symbol in loaded.manifest.instruments}


def _address(setup: RunnerSetup, url: str) -> ServerAddress:
    return ServerAddress(url, setup.username, setup.password)


if __name__ == "__main__":
    sys.exit(main())
