"""Keeps var/run/processes.json in step with what the supervisor knows, for everyone who looks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from execution.settings import Settings
from execution.supervision.managed import Managed
from toolkit.client.desk_state import DeskState, DriftRule, Problem, ProcessState, write_desk_state
from toolkit.client.home import Home


class StatusFile:
    """Written when something in it changed. `start_time` tells the process under a pid from a later one, `drift_rule`
    is asked with each save. Once `is_home` says no, the file at this place is another desk's."""

    def __init__(
        self, home: Home, settings: Settings, start_time: Callable[[int], str], drift_rule: Callable[[], DriftRule],
        is_home: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._drift_rule = drift_rule
        self._is_home = is_home
        self._start_time = start_time
        self._path = home.processes
        self._settings = settings
        self._supervisor = ProcessState(name="supervisor", kind="supervisor")
        self._servers: tuple[ProcessState, ...] = ()
        self._managed: tuple[ProcessState, ...] = ()
        self._problems: dict[str, Problem] = {}
        self._links: dict[str, str] = {}
        self._seconds = 0.0
        self._ready = False
        self._written: DeskState | None = None

    def begin(self) -> None:
        """This process supervises from now on."""
        pid, now = os.getpid(), time.time_ns()
        self._supervisor = ProcessState(
            name="supervisor", kind="supervisor", pid=pid, started=self._start_time(pid), state="running", since=now
        )
        write_desk_state(self._path, self.state)

    def servers(self, found: Mapping[str, tuple[int, str]]) -> None:
        """Which servers run: role → pid and start time."""
        before = {server.name: server for server in self._servers}
        self._servers = tuple(
            _server(before.get(f"{role}-server"), f"{role}-server", pid, started)
            for role, (pid, started) in found.items()
        )
        self._save()

    def link(self, name: str, address: str) -> None:
        self._links[name] = address

    def problem(self, subject: str, detail: str) -> None:
        """Something that a person should mend; an empty detail says that it is mended."""
        if not detail:
            self._problems.pop(subject, None)
        elif subject not in self._problems or self._problems[subject].detail != detail:
            self._problems[subject] = Problem(subject=subject, detail=detail, since=time.time_ns())
        self._save()

    def ready(self, seconds: float) -> None:
        self._ready, self._seconds = True, seconds

    def leaving(self) -> None:
        """The desk goes down: what stops from here on does so on purpose."""
        self._ready = False
        self._save()

    def write(self, managed: Iterable[Managed]) -> None:
        """Take over the state of all processes."""
        self._managed = tuple(self._process(each) for each in managed)
        self._save()

    def ended(self, problem: str) -> None:
        """The desk is down; a problem that is left stays to be read."""
        self._ready, self._managed, self._servers, self._links = False, (), (), {}
        self._supervisor = ProcessState(name="supervisor", kind="supervisor", state="stopped", since=time.time_ns())
        self._problems = {}
        self.problem("down", problem)
        self._save()

    @property
    def state(self) -> DeskState:
        """What is known now."""
        desk = self._settings.desk
        return DeskState(
            name=desk.name, kind=desk.kind, book=desk.book, venues=tuple(self._settings.venues),
            supervisor=self._supervisor, ready=self._ready, processes=(*self._servers, *self._managed),
            problems=tuple(self._problems.values()), links=tuple(self._links.items()), seconds_to_ready=self._seconds,
            drift_rule=self._drift_rule(),
        )  # fmt: skip

    def _process(self, managed: Managed) -> ProcessState:
        specification = managed.specification
        return ProcessState(
            name=specification.name, kind=specification.kind, pid=managed.pid,
            started=self._start_time(managed.pid) if managed.pid else "", state=managed.state.value,
            since=managed.since, restarts=managed.restarts, address=specification.address, detail=managed.remark,
        )  # fmt: skip

    def _save(self) -> None:
        """A disk that takes nothing now stops no supervisor: the watch saves again with its next look."""
        state = self.state
        if state != self._written and self._is_home():
            with suppress(OSError):
                write_desk_state(self._path, state)
                self._written = state


def _server(before: ProcessState | None, name: str, pid: int, started: str) -> ProcessState:
    """A server as it was, or anew when another process has taken its place."""
    if before is not None and (before.pid, before.started) == (pid, started):
        return before
    return ProcessState(
        name=name, kind="server", pid=pid, started=started, state="running", since=time.time_ns(),
        restarts=before.restarts + 1 if before else 0, detail="came back after it died" if before else "",
    )  # fmt: skip
