"""`execution restart` and `version`: small requests that touch no book."""

from __future__ import annotations

import platform
import time
from importlib import metadata
from pathlib import Path

from execution.commands.desk import Stop, running_state, the_home
from execution.commands.exits import Exit
from execution.commands.output import banner, say, say_json
from toolkit.client.desk_state import ProcessState, read_desk_state

SECONDS = 30.0
GIVEN_UP = "given up"
NOT_RESTARTED = ("server", "supervisor")


def restart(given: Path | None, process: str, *, as_json: bool) -> Exit:
    """Ask the supervisor to start a process anew and wait until it runs."""
    home = the_home(given)
    state = running_state(home)
    known = [each.name for each in state.processes if each.kind not in NOT_RESTARTED]
    if process not in known:
        raise Stop(Exit.USAGE, f"no process {process!r} to restart; there are {', '.join(known)}")
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
