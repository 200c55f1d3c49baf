"""A desk as its people run it: up in the background, asked by its command line; for tests that look at all of it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.adapters.process_identity import ProcessIdentity
from toolkit.client.desk_state import ProcessState, read_desk_state

PATIENCE = 120.0
"""Seconds; a command line takes several to start on a machine that does much else."""

Answer = subprocess.CompletedProcess[str]


class Desk:
    """A desk of its own and the command line for it."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str, **environment: str) -> Answer:
        return subprocess.run(
            [sys.executable, "-m", "execution.cli", *arguments],
            env={**os.environ, "EXECUTION_HOME": str(self.home), **environment},
            cwd=self.home, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def json(self, *arguments: str) -> Any:
        answer = self.run(*arguments, "--json")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return json.loads(answer.stdout)

    def findings(self) -> list[dict[str, Any]]:
        """What `doctor` finds wrong and goes on finding: a process that has just been started again is no fault."""
        wrong: list[dict[str, Any]] = []

        def nothing() -> bool:
            answer = self.run("doctor", "--json")
            assert answer.stdout.startswith("["), answer.stdout + answer.stderr
            wrong[:] = [row for row in json.loads(answer.stdout) if row["verdict"] == "wrong"]
            return not wrong

        until(nothing)
        return wrong

    def process(self, name: str) -> ProcessState:
        state = read_desk_state(self.home / "var/run/processes.json")
        assert state is not None
        found = state.process(name)
        assert found is not None
        return found

    def strategy(self, name: str) -> dict[str, Any]:
        return next(row for row in self.json("status")["strategies"] if row["name"] == name)

    def processes(self) -> list[ProcessIdentity]:
        state = read_desk_state(self.home / "var/run/processes.json")
        assert state is not None
        found = (state.supervisor, *state.processes)
        return [ProcessIdentity(pid=each.pid, started=each.started) for each in found if each.pid]


@contextmanager
def running(home: Path, **environment: str) -> Iterator[Desk]:
    """A desk that runs quickly and whose monitor is up; down again afterwards."""
    desk = Desk(home)
    answer = desk.run("up", "-d", "--speed", "5", **environment)
    try:
        assert answer.returncode == 0, answer.stderr
        assert until(lambda: desk.process("monitor").state == "running")
        yield desk
    finally:
        desk.run("down")


def until(true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
