"""A whole desk without its supervisor, for tests that kill its processes one by one and start them again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from execution.home import Home
from execution.services.venue_drill import SetBehaviour
from execution.settings import Settings, read_settings
from execution.supervision.managed import Specification
from execution.supervision.opening import opening_commands
from execution.wiring import specifications
from execution.wiring.desk_line import DeskLine
from execution.wiring.versions import register_missing
from tests.tools.venue_process import RawLine
from toolkit.adapters.failpoints import VARIABLE
from toolkit.client.commands import ourselves
from toolkit.client.stopping import venue_state
from toolkit.domain.beats import Beat
from toolkit.domain.errors import TransportError
from toolkit.domain.events import Batch
from toolkit.domain.ledger import Ledger
from toolkit.domain.requests import VenueState
from toolkit.domain.venue_line import Sync, Synced

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds; of everything that is waited for here, on a machine that does much else."""

FAST: Mapping[str, Mapping[str, Any]] = {
    "engine": {"quarantine_seconds": 0.3, "snapshot_every": 1000},
    "feed": {"session_seconds": 1.0, "first_session": 30, "history_sessions": 60},
    "dashboards": {"enabled": False},
}


def make_home(
    folder: Path, changes: Mapping[str, Mapping[str, Any]] = FAST, venue: Mapping[str, Any] | None = None
) -> Home:
    """A copy of the shipped desk, with sections of desk.yaml changed and lines of its venue.

    Without a dead man, unless the venue is given one: what a machine under load comes to must not hang on its speed.
    Without monitor and replayer, unless `changes` say otherwise: most tests look at the desk themselves.
    """
    shutil.copytree(PROJECT / "config", folder / "config")
    shutil.copytree(PROJECT / "notebooks" / "strategies", folder / "notebooks" / "strategies")
    shutil.copytree(PROJECT / "runbooks", folder / "runbooks")
    path = folder / "config" / "desk.yaml"
    desk = yaml.safe_load(path.read_text())
    for section, values in {"monitor": {"enabled": False}, "replayer": {"enabled": False}, **changes}.items():
        desk.setdefault(section, {}).update(values)
    path.write_text(yaml.safe_dump(desk))
    _change_venue(folder / "config", {"dead_man": None} | dict(venue or {}))
    home = Home(folder)
    home.prepare()
    return home


def _change_venue(config: Path, lines: Mapping[str, Any]) -> None:
    """Other lines for the paper venue; the asset that it charges becomes a currency of the books."""
    path = config / "venues.yaml"
    venues = yaml.safe_load(path.read_text())
    venues["venues"]["paper"].update(lines)
    path.write_text(yaml.safe_dump(venues))
    asset = venues["venues"]["paper"]["fees"]["asset"]
    if "code" in asset:
        path = config / "instruments.yaml"
        instruments = yaml.safe_load(path.read_text())
        instruments["currencies"][asset["code"]] = {"quantum": asset["quantum"]}
        path.write_text(yaml.safe_dump(instruments))


class DeskKit:
    """Starts, kills and restarts the processes of one desk. `speed` 0 runs the feed as fast as the engine follows.

    Without `failpoints` no process looks for a file of them at every named place, as on a real desk.
    """

    def __init__(self, home: Home, *, speed: float = 0.0, failpoints: bool = True) -> None:
        self.home = home
        self.settings: Settings = read_settings(home.root)
        self.line = DeskLine(home, self.settings)
        self.speed = speed
        self.failpoints = failpoints
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: list[Any] = []
        self._follower: asyncio.Task[None] | None = None
        self.batches: list[Batch] = []
        self.digests: list[bytes] = []
        self.listener_arguments: tuple[str, ...] = ()
        self.venue_arguments: tuple[str, ...] = ()

    @property
    def strategies(self) -> tuple[str, ...]:
        return tuple(name for name, row in self.settings.strategies.items() if row.enabled)

    @property
    def names(self) -> tuple[str, ...]:
        """Every process, in the order of starting."""
        venues = (f"venue-{name}" for name in self.settings.venues)
        return (*venues, "engine", *(f"runner-{name}" for name in self.strategies), "listener")

    # ---- life

    async def start(self) -> None:
        """Everything, up to running strategies."""
        await asyncio.to_thread(self.line.start_servers)
        await self.line.open()
        self.line.latch().close()
        self._follower = asyncio.create_task(self._follow())
        for name in self.settings.venues:
            self.launch(f"venue-{name}")
        self.launch("engine")
        await self.until_engine()
        await register_missing(self.home, self.settings, self.line, say=lambda _: None, problem=_raise)
        for command in opening_commands(self.settings, self.line.replica.ledger, ourselves("up")):
            taken = await self.line.give(command, PATIENCE)
            assert not taken.refused, taken.refused
        for name in self.strategies:
            self.launch(f"runner-{name}")
        self.launch("listener")

    async def stop(self) -> None:
        """End every process in order; the servers last."""
        try:
            for name in reversed(list(self.processes)):
                self._end(self.processes.pop(name))
            if self._follower is not None:
                self._follower.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._follower
            await self.line.close()
        finally:
            await asyncio.to_thread(self.line.stop_servers)
            for log in self._logs:
                log.close()

    def launch(self, name: str, known_as: str | None = None) -> subprocess.Popen[bytes]:
        """Start one process of the desk; it looks for its failpoints in a file of its own.

        `known_as` is for a second one of a kind, such as `engine-2`.
        """
        return self.launch_as(self.specification(name), known_as)

    def launch_as(self, wanted: Specification, known_as: str | None = None) -> subprocess.Popen[bytes]:
        """The same of a specification that is at hand, such as one with a port of its own."""
        name = wanted.name
        more = {"listener": self.listener_arguments, "venue-paper": self.venue_arguments}
        arguments = (*wanted.arguments, *more.get(name, ()))
        log = wanted.log.open("ab")
        self._logs.append(log)
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=wanted.folder,
            env={**os.environ, VARIABLE: str(self._failpoints(known_as or name)) if self.failpoints else ""},
            process_group=0,  # as the supervisor does
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(wanted.first_line)
            process.stdin.flush()
        self.processes[known_as or name] = process
        return process

    def specification(self, name: str) -> Specification:
        kind, _, subject = name.partition("-")
        if kind == "venue":
            return specifications.venue(self.home, self.settings, self.line, subject)
        if kind == "engine":
            return specifications.engine(self.home, self.settings, self.line)
        if kind == "watchdog":
            return specifications.watchdog(self.home, self.settings, self.line)
        if kind == "listener":
            return specifications.listener(self.home, self.settings, self.line, self.speed)
        if kind == "monitor":
            return specifications.monitor(self.home, self.settings, self.line, free_port())
        return specifications.runner(self.home, self.settings, self.line, subject)

    def script(self, behaviour: SetBehaviour) -> None:
        """Make the venue misbehave, or behave again; it must have been started with `--scriptable`."""
        line = RawLine(specifications.venue_socket(self.home, "paper"), trading=False)
        line.say(behaviour, Sync(token=1))
        line.hear(Synced)
        line.close()

    async def ends(self, name: str, seconds: float = PATIENCE) -> int:
        """Wait until a process has ended by itself; returns its exit code. It is no part of the desk any more."""
        process = self.processes[name]
        try:
            await self.until(lambda: process.poll() is not None, seconds)
        except TimeoutError:
            raise AssertionError(f"{name} goes on\n{self.last_words()}") from None
        del self.processes[name]
        if process.stdin is not None:
            process.stdin.close()
        return process.returncode

    async def end(self, name: str) -> None:
        """End one process in order, as a supervisor does; it stays away."""
        stdin = self.processes[name].stdin
        assert stdin is not None
        stdin.close()
        assert (code := await self.ends(name)) == 0, f"{name} ended with {code}\n{self.last_words()}"

    async def kill(self, name: str) -> None:
        """kill -9 one process and start it again, as the supervisor would."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        await self.restart(name, process)

    def arm(self, name: str, *lines: str) -> None:
        """Set failpoints of one process, each `name:action[:count]`; none disarms it."""
        path = self._failpoints(name)
        beside = path.with_suffix(".new")
        beside.write_text("\n".join(lines))
        beside.replace(path)

    async def die_at(self, name: str, failpoint: str, count: int = 1, seconds: float = PATIENCE) -> None:
        """Let one process reach a failpoint for the `count`-th time and die there; then start it again at once."""
        process = self.processes[name]
        self.arm(name, f"{failpoint}:kill:{count}")
        try:
            await self.until(lambda: process.poll() is not None, seconds)
        except TimeoutError:
            raise AssertionError(f"{name} never reached {failpoint}\n{self.last_words()}") from None
        assert process.returncode == -signal.SIGKILL, f"{name} ended with {process.returncode}\n{self.last_words()}"
        self.arm(name)
        del self.processes[name]
        await self.restart(name, process)

    async def until_stopped(self, name: str, seconds: float = PATIENCE) -> None:
        """Wait until a process stands at a failpoint that stops it."""
        pid = self.processes[name].pid
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(is_stopped, pid):
                await asyncio.sleep(0.01)

    def _failpoints(self, name: str) -> Path:
        return self.home.root / f"failpoints-{name}"

    async def restart(self, name: str, dead: subprocess.Popen[bytes]) -> None:
        """Start a process again that has died."""
        await asyncio.to_thread(dead.wait)
        if dead.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                dead.stdin.close()
        self.launch("engine" if name.startswith("engine") else name, known_as=name)

    async def revive(self) -> list[str]:
        """Start every process again that has died by itself; returns their names."""
        dead = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in dead:
            await self.restart(name, self.processes.pop(name))
        return dead

    # ---- looking

    @property
    def ledger(self) -> Ledger:
        """The books as the journal tells them."""
        return self.line.replica.ledger

    def venue(self) -> VenueState:
        """What the venue says of itself."""
        return venue_state(specifications.venue_socket(self.home, "paper"), timeout=PATIENCE)

    async def head(self) -> int:
        """The number of the journal's last event, of a server that may get no turn for a second."""
        while True:
            with contextlib.suppress(TransportError):
                return (await self.line.head()).sequence
            await asyncio.sleep(0.1)

    async def caught_up(self, seconds: float = PATIENCE) -> None:
        """Wait until we have read what the journal holds now."""
        head = await self.head()
        await self.until(lambda: self.ledger.sequence >= head, seconds)

    async def until(self, reached: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait for something, reviving what dies meanwhile is the caller's business."""
        async with asyncio.timeout(seconds):
            while not reached():
                await asyncio.sleep(0.01)

    async def until_engine(self, says: Callable[[Beat], bool] = lambda _: True, seconds: float = PATIENCE) -> None:
        """Wait for a beat of the engine, of which the journal may know nothing: that it is there, or a step."""
        async with asyncio.timeout(seconds):
            while (beat := (await self.line.beats() or {}).get("engine")) is None or not says(beat):
                await asyncio.sleep(0.02)

    async def until_step(self, step: int, seconds: float = PATIENCE) -> None:
        try:
            await self.until(lambda: self.ledger.step >= step, seconds)
        except TimeoutError:
            raise AssertionError(f"stands at step {self.ledger.step} of {step}\n{self.last_words()}") from None

    def last_words(self) -> str:
        """The ends of all logs, for a failure's message."""
        parts = []
        for path in sorted(self.home.logs.glob("*.log")):
            lines = [line for line in path.read_text(errors="replace").splitlines() if not line.startswith("beat ")]
            parts.append("\n".join((f"--- {path.name}", *lines[-25:])))
        return "\n".join(parts)

    async def _follow(self) -> None:
        while True:
            try:
                await self.line.follow(self._keep)
            except TransportError:
                await asyncio.sleep(0.1)

    def _keep(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.digests.append(self.ledger.batch_digest)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)


@contextlib.asynccontextmanager
async def desk(
    folder: Path,
    *,
    speed: float = 0.0,
    changes: Mapping[str, Mapping[str, Any]] = FAST,
    venue: Mapping[str, Any] | None = None,
) -> AsyncIterator[DeskKit]:
    """A running desk in an empty folder, ended in any case."""
    kit = DeskKit(make_home(folder, changes, venue), speed=speed)
    try:
        await kit.start()
        yield kit
    finally:
        await kit.stop()


def is_stopped(pid: int) -> bool:
    """Whether a process stands still because of a signal."""
    shown = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return shown.stdout.strip().startswith("T")


def free_port() -> int:
    """One that no other desk of this machine looks for."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _raise(subject: str, problem: str) -> None:
    if problem:
        raise AssertionError(f"{subject}: {problem}")
