"""`execution restart` and `version`: small requests that touch no book."""

from __future__ import annotations

import platform
import time
from importlib import metadata
from pathlib import Path

from execution.commands.desk import Stop, running_state, the_home
from execution.commands.exits import Exit
from execution.commands.output import banner, say, say_json
from toolkit.client.desk_state import DeskState, read_desk_state

SECONDS = 30.0
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
    after = _wait(home.processes, process, before.pid if before else 0)
    if after is None:
        raise Stop(Exit.FAILED, f"{process} does not run after {SECONDS:.0f} s; `execution logs {process}` says why")
    found = after.process(process)
    pid = found.pid if found else 0
    if as_json:
        say_json({"process": process, "pid": pid})
    else:
        say(banner(state.kind, f"{process} runs, pid {pid}"))
    return Exit.DONE


def _wait(path: Path, process: str, old_pid: int) -> DeskState | None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        state = read_desk_state(path)
        found = state.process(process) if state else None
        if found is not None and found.state == "running" and found.pid not in (0, old_pid):
            return state
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
