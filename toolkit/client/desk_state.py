"""What runs on a desk, as its supervisor writes it into var/run/processes.json and everyone reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from toolkit.adapters.process_identity import ProcessIdentity, is_running

MOST_TO_MEND: Final = 40


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One process. `state` is starting, running, backing off, given up, stopping or stopped; `since` in UTC ns.

    `started` tells this process from a later one under the same pid. `detail` says why it is not running.
    """

    name: str
    kind: str
    pid: int = 0
    started: str = ""
    state: str = "starting"
    since: int = 0
    restarts: int = 0
    address: str = ""
    detail: str = ""

    def is_alive(self) -> bool:
        """Whether this very process runs right now, whatever the file says."""
        return self.pid > 0 and is_running(ProcessIdentity(pid=self.pid, started=self.started))


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person should mend, for instance a configuration file that was saved broken."""

    subject: str
    detail: str
    since: int


class DriftRule(msgspec.Struct, frozen=True, kw_only=True):
    """By which people are told of drift: `warn` and `freeze` of Page's sums; with `is_daily` single sessions beyond
    `width` inform instead of `warn`. All in σ."""

    warn: float = 8.0
    freeze: float = 12.0
    width: float = 2.0
    is_daily: bool = False


SHIPPED_DRIFT_RULE: Final = DriftRule()


class DeskState(msgspec.Struct, frozen=True, kw_only=True):
    """All processes of one desk. `ready` once all of them run; `kind` is what every screen shows, `drift_rule` what
    alerts and pages go by."""

    name: str
    kind: str
    book: str
    venues: tuple[str, ...]
    supervisor: ProcessState
    ready: bool = False
    processes: tuple[ProcessState, ...] = ()
    problems: tuple[Problem, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    seconds_to_ready: float = 0.0
    drift_rule: DriftRule = SHIPPED_DRIFT_RULE

    def process(self, name: str) -> ProcessState | None:
        return next((process for process in self.processes if process.name == name), None)


_decoder = msgspec.json.Decoder(DeskState)


def read_desk_state(path: Path) -> DeskState | None:
    """The state of a desk, None when it was never started. What it says may be old: look at the pids."""
    try:
        return _decoder.decode(path.read_bytes())
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def to_mend(state: DeskState | None) -> tuple[Problem, ...]:
    """What a person should mend, as the supervisor says it, and which processes do not run."""
    if state is None:
        return (Problem(subject="desk", detail="was never started; `execution up` starts it", since=0),)
    found = list(state.problems)
    if not state.supervisor.is_alive():
        found.append(Problem(subject="supervisor", detail="does not run: nobody watches this desk", since=0))
    for process in state.processes:
        if not process.is_alive():
            detail = process.detail or f"does not run ({process.state})"
            found.append(Problem(subject=process.name, detail=detail, since=process.since))
    return tuple(found[:MOST_TO_MEND])


def write_desk_state(path: Path, state: DeskState) -> None:
    """Replace the file at once, so that no reader sees half of it. For this user alone: it holds login links."""
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(state), indent=1))
    draft.replace(path)
