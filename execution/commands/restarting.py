"""`execution restart` and `version`: small requests that change no book."""

from __future__ import annotations

import platform
import time
from importlib import metadata
from pathlib import Path

from execution.commands.desk import Stop, running_state, the_home
from execution.commands.exits import Exit
from execution.commands.output import banner, complain, say, say_json
from toolkit.client.books import Books
from toolkit.client.commands import give, person
from toolkit.client.desk_state import ProcessState, read_desk_state
from toolkit.domain.commands import RestartProcess
from toolkit.domain.errors import TransportError

SECONDS = 30.0
RECORD_SECONDS = 2.0
SOURCE = "cli"
GIVEN_UP = "given up"
NOT_RESTARTED = ("server", "supervisor")


def restart(given: Path | None, process: str, *, reason: str, as_json: bool) -> Exit:
    """Ask the supervisor to start a process anew and wait until it runs.

    Who and why go into the journal first; an engine that hangs, which may be the reason, takes them once it is back.
    """
    if not reason.strip():
        raise Stop(Exit.USAGE, f"{process} is not restarted: --reason is empty; say why, a word is enough")
    home = the_home(given)
    state = running_state(home)
    known = [each.name for each in state.processes if each.kind not in NOT_RESTARTED]
    if process not in known:
        raise Stop(Exit.USAGE, f"no process {process!r} to restart; there are {', '.join(known)}")
    try:
        command = RestartProcess(process=process, who=person(SOURCE), reason=reason)
        outcome = give(Books(home=home, book=state.book), command, patience_seconds=RECORD_SECONDS)
    except TransportError as problem:
        complain(f"not in the journal yet: {problem}")
    else:
        if outcome.refused:
            raise Stop(Exit.REFUSED, outcome.refused)
    before = state.process(process)
    folder = home.run / "restart"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / process).touch()
    after = _wait(home.processes, process, before or ProcessState(name=process, kind=""))
    if after is None:
        raise Stop(Exit.FAILED, f"{process} does not run after {SECONDS:.0f} s; `execution logs {process}` says why")
    if after.state == GIVEN_UP:
        raise Stop(Exit.FAILED, f"{process} was given up: {after.detail}")
    if as_json:
        say_json({"process": process, "pid": after.pid})
    else:
        say(banner(state.kind, f"{process} runs, pid {after.pid}"))
    return Exit.DONE


def _wait(path: Path, process: str, before: ProcessState) -> ProcessState | None:
    """The process once it runs anew, or was given up anew; None after `SECONDS`."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        state = read_desk_state(path)
        found = state.process(process) if state else None
        if found is not None and found.state == "running" and found.pid not in (0, before.pid):
            return found
        if found is not None and found.state == GIVEN_UP and found.since != before.since:
            return found
        time.sleep(0.05)
    return None


def version(*, as_json: bool) -> Exit:
    try:
        ours = metadata.version("quarterdeck")
    except metadata.PackageNotFoundError:
        ours = "not installed"
    if as_json:
        say_json({"quarterdeck": ours, "python": platform.python_version()})
    else:
        say(f"quarterdeck {ours}, Python {platform.python_version()}")
    return Exit.DONE
