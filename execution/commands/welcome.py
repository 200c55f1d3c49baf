"""What `up` and `down` show: progress, one table at the end, three things to try, and what is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from execution.commands.output import RED, YELLOW, banner, command, heading, paint, say
from execution.home import Home
from execution.operations.links import link
from execution.supervisor import Stopped
from toolkit.client.desk_state import DeskState


class Progress:
    """One line per step with the time it took; on a terminal the present one is shown while it goes on."""

    def __init__(self) -> None:
        self._line = ""
        self._begun = 0.0

    def __call__(self, line: str) -> None:
        self.done()
        self._line, self._begun = line, time.monotonic()
        if sys.stdout.isatty():
            print(f"  … {line}", end="", flush=True)

    def done(self) -> None:
        """The present step is over."""
        if self._line:
            start = "\r\033[K" if sys.stdout.isatty() else ""
            print(f"{start}  ✓ {self._line}  {time.monotonic() - self._begun:.1f} s", flush=True)
            self._line = ""


def welcome(state: DeskState, home: Home) -> None:
    """What runs, where, and what to do now."""
    console = Console(highlight=False)
    say()
    say(banner(state.kind, f"desk {state.name} is up after {state.seconds_to_ready:.1f} s"))
    grid = Table(box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    for column in ("what", "pid", "state", "address"):
        grid.add_column(column, overflow="fold")
    for process in (state.supervisor, *state.processes):
        if process.kind in ("jupyter", "operations", "dashboards"):
            continue
        grid.add_row(process.name, str(process.pid or "–"), _coloured(process.state), _where(process.address, home))
    console.print(grid, soft_wrap=True)
    for name, address in state.links:
        say(f"{heading(name)}  {address}")
    for process in state.processes:
        if process.kind == "dashboards":
            say(f"{heading('Dashboards')}  {link(process.address, home.run)}")
    for problem in state.problems:
        say(paint(f"  to mend: {problem.subject}: {problem.detail}", RED))
    say("\nThree things to try:")
    name = command()
    things = (
        (f"{name} status", "what runs, what it holds, what it earns"),
        (f"{name} disable --strategy trend --reason 'a try'", "stops one strategy, proven at the venue"),
        _third(state, name),
    )
    width = max(len(line) for line, why in things if why)
    for line, why in things:
        say(f"  {line:<{width}}  {why}".rstrip())
    say()


def farewell(kind: str, stopped: Stopped | Mapping[str, Any]) -> None:
    """What the venues showed when the desk went down."""
    said = stopped.document() if isinstance(stopped, Stopped) else stopped
    on_purpose = said["left_on_purpose"]
    for line in said["left"]:
        say(paint(f"  {'stays' if on_purpose else 'LEFT'}: {line}", YELLOW if on_purpose else RED))
    for line in (*said["protective"], *said["positions"]):
        say(f"  stays: {line}")
    if said["problem"]:
        say(paint(f"  {said['problem']}", RED))
    words = "no entry rests at a venue, and that was asked there" if said["verified"] else "NOT VERIFIED: see above"
    if on_purpose and said["verified"]:
        words = "resting orders were left at the venues, as you wished"
    say(banner(kind, f"the desk is down; {words}"))


def _third(state: DeskState, name: str) -> tuple[str, str]:
    if "JupyterLab" in dict(state.links):
        return "open JupyterLab's link above, then notebooks/01_first_backtest.ipynb", ""
    return f"{name} journal tail --follow", "every fact, as it is written"


def _coloured(state: str) -> str:
    colour = {"running": "green", "given up": "red", "backing off": "yellow"}.get(state, "yellow")
    return f"[{colour}]{state}[/]"


def _where(address: str, home: Home) -> str:
    return address.removeprefix(f"{home.root}/").replace("[", r"\[")
