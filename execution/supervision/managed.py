"""One process that is kept running: started, watched, started again later, or given up; every change is told."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from execution.services.runner_setup import RunnerExit
from execution.supervision.backoff import Backoff
from execution.supervision.child_process import ChildProcess, bare, spawn

BEHIND = "behind"  # in a beat: a runner that is slower than its feed
HEALTHY_SECONDS = 60.0
"""A process that ran this long has recovered: earlier failures of a service no longer count."""

HOPELESS = frozenset({RunnerExit.HASH, RunnerExit.IMPORT, RunnerExit.SETUP})
"""Another start would end the same way, for a runner: only a person can mend it."""

WITHOUT_SECRETS = frozenset({"runner", "engine", "venue", "watchdog"})
"""Whoever trades on paper, or simulates, holds no credentials that were lying about in somebody's shell."""


class State(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    BACKING_OFF = "backing off"
    GIVEN_UP = "given up"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Specification:
    """How to start one process. `kind` is venue, engine, listener, runner, jupyter …; `subject` what it serves."""

    name: str
    kind: str
    subject: str
    arguments: tuple[str, ...]
    first_line: bytes = field(repr=False)
    log: Path
    folder: Path
    memory_megabytes: int
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A process ended though nobody told it to."""

    specification: Specification
    cause: str
    detail: str
    given_up: bool
    delay: float


class Managed:
    """Keeps one process running until `stop`."""

    def __init__(
        self,
        specification: Specification,
        backoff: Backoff,
        *,
        changed: Callable[[], None],
        ended: Callable[[Ended], Awaitable[None]],
    ) -> None:
        self.specification = specification
        self.state = State.STARTING
        self.since = time.time_ns()
        self.restarts = 0
        self.detail = ""
        self.beats = 0
        self.heard = 0
        self.says = ""
        self.step = 0
        self.child: ChildProcess | None = None
        self._backoff = backoff
        self._changed = changed
        self._ended = ended
        self._accused = ""
        self._wanted = True
        self._again = asyncio.Event()
        self._started_at = 0.0
        self._task = asyncio.create_task(self._keep_running(), name=f"keep {specification.name}")

    @property
    def pid(self) -> int:
        return self.child.pid if self.child is not None and self.child.running else 0

    @property
    def remark(self) -> str:
        """Why it is not running, or why it was not for a while, or that it runs and does not keep up."""
        if self.state is State.RUNNING and self.says == BEHIND:
            return "behind its feed: asked about the newest quotes alone"
        return f"came back after {self.detail}" if self.detail and self.state is State.RUNNING else self.detail

    def running(self) -> None:
        """The process says that it does its work."""
        if self.state is State.STARTING and self.pid:
            self._set(State.RUNNING)

    def accuse(self, cause: str, detail: str) -> None:
        """Kill it for hanging or eating memory; it then comes back like one that ended by itself."""
        if self.child is not None and self.child.running and not self._accused:
            self._accused, self.detail = cause, detail
            self.child.kill()

    async def restart(self) -> None:
        """A person's wish: stop it in order if it runs, forget what was, start it."""
        self._backoff.forgive()
        self._again.set()
        if self.child is not None and self.child.running:
            self._accused = "asked"
            self._set(State.STOPPING)
            await self.child.stop(10.0)

    async def stop(self, patience: float) -> None:
        """End it in order and keep it ended."""
        self._wanted = False
        self._again.set()
        if self.child is not None and self.child.running:
            await self._end(self.child, patience)
        await self._task
        self._set(State.STOPPED)

    async def _end(self, child: ChildProcess, patience: float) -> None:
        self._set(State.STOPPING)
        if not await child.stop(patience):
            self.detail = f"killed: it did not end within {patience:.0f} s"

    async def _keep_running(self) -> None:
        while not self._over():
            self._again.clear()
            ended = await self._run_once()
            if ended is None or self._over():
                continue
            self.restarts += 1
            self.detail = ended.detail if ended.cause == "exit" else f"{ended.cause}: {ended.detail}"
            self._set(State.GIVEN_UP if ended.given_up else State.BACKING_OFF)
            await self._ended(ended)
            await self._pause(None if ended.given_up else ended.delay)

    async def _run_once(self) -> Ended | None:
        """None when it ended because a person asked for a restart."""
        self._set(State.STARTING)
        self._accused, self._started_at = "", time.monotonic()
        specification = self.specification
        try:
            self.child = await spawn(
                specification.arguments,
                first_line=specification.first_line,
                log=specification.log,
                folder=specification.folder,
                said=self._said if specification.kind == "runner" else None,
                environment=bare(os.environ) if specification.kind in WITHOUT_SECRETS else None,
            )
        except OSError as problem:
            return self._judge("exit", f"cannot be started: {problem}", None)
        self._changed()
        if self._over():  # told to stop while it started
            await self._end(self.child, 1.0)
        code = await self.child.wait()
        if self._over() or self._accused == "asked":
            return None
        return self._judge(self._accused or cause_of(code), self._words(code), code)

    def _over(self) -> bool:
        return not self._wanted

    def _said(self, line: str) -> None:
        """A runner says `beat <state> <step>`; whatever a strategy prints besides goes to the log."""
        words = line.split()
        if len(words) == 3 and words[0] == "beat":
            self.beats += 1
            self.heard = time.time_ns()
            self.step = int(words[2]) if words[2].isdecimal() else self.step
            self.running()
            if self.says != words[1]:
                self.says = words[1]
                self._changed()
            return
        with suppress(OSError), self.specification.log.open("a") as log:  # what is printed is not worth a process
            log.write(f"{line}\n")

    def _judge(self, cause: str, detail: str, code: int | None) -> Ended:
        is_runner = self.specification.kind == "runner"
        if not is_runner and time.monotonic() - self._started_at > HEALTHY_SECONDS:
            self._backoff.forgive()
        delay = self._backoff.failed(time.monotonic())
        given_up = delay is None or (is_runner and code in HOPELESS)
        return Ended(
            specification=self.specification, cause=cause, detail=detail, given_up=given_up, delay=delay or 0.0
        )

    def _words(self, code: int) -> str:
        if self._accused:
            return self.detail
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        words = self.child.last_words() if self.child is not None and code != -signal.SIGKILL else ""
        return f"{how}: {words}" if words else how

    async def _pause(self, delay: float | None) -> None:
        try:
            async with asyncio.timeout(delay):
                await self._again.wait()
        except TimeoutError:
            pass

    def _set(self, state: State) -> None:
        if state is not self.state:
            self.state, self.since = state, time.time_ns()
        self._changed()


def cause_of(code: int) -> str:
    """The cause that `RunnerStopped` names for an exit code."""
    return RunnerExit(code).cause if code in set(RunnerExit) else "exit"
