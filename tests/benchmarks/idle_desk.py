"""A desk at the shipped pace without JupyterLab: processor and memory of each process, where the system tells them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.report import Result, at_most, plain
from tests.tools.desk_kit import PROJECT, make_home
from toolkit.client.desk_state import read_desk_state
from toolkit.client.home import Home

SETTLE, WATCH = 10.0, 30.0
WHOLE_MB, RUNNER_MB = 600, 40
TICKS = os.sysconf("SC_CLK_TCK")


def run() -> list[Result]:
    if not Path("/proc/self/smaps_rollup").exists():
        print("idle desk: left out, this system does not tell the memory of a process by its share", file=sys.stderr)
        return []
    folder = Path(tempfile.mkdtemp(prefix="qd-bench-"))
    try:
        home = make_home(folder, {"monitor": {"enabled": True}, "replayer": {"enabled": True}})
        _execution("up", "-d", home=home)
        try:
            return _watch(_processes(home))
        finally:
            _execution("down", home=home)
    finally:
        shutil.rmtree(folder)


def _watch(processes: Mapping[str, int]) -> list[Result]:
    time.sleep(SETTLE)
    before, began = {name: _seconds(pid) for name, pid in processes.items()}, time.monotonic()
    time.sleep(WATCH)
    took = time.monotonic() - began
    used = {name: 100 * (_seconds(pid) - before[name]) / took for name, pid in processes.items()}
    memory = {name: _megabytes(pid) for name, pid in processes.items()}
    runners = [size for name, size in memory.items() if name.startswith("runner-")]
    return [
        at_most("idle desk, memory", sum(memory.values()), "MB", WHOLE_MB),
        at_most("idle desk, largest runner", max(runners), "MB", RUNNER_MB),
        plain("idle desk, processor", sum(used.values()), "% of one core"),
        *(plain(f"idle desk, memory of {name}", size, "MB") for name, size in memory.items()),
        *(plain(f"idle desk, processor of {name}", share, "% of one core") for name, share in used.items()),
    ]


def _execution(*words: str, home: Home) -> None:
    done = subprocess.run(
        (sys.executable, str(PROJECT / "execution" / "cli.py"), *words, "--home", str(home.root)),
        capture_output=True, cwd=PROJECT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"execution {' '.join(words)}: {done.stdout.decode()}{done.stderr.decode()}"


def _processes(home: Home) -> dict[str, int]:
    """Everything that runs for this desk, by name."""
    state = read_desk_state(home.processes)
    assert state is not None, "the desk wrote no state"
    found = {process.name: process.pid for process in (state.supervisor, *state.processes) if process.pid}
    assert len(found) >= 9, f"not all of the desk runs: {', '.join(found)}"
    return found


def _seconds(pid: int) -> float:
    """Processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _megabytes(pid: int) -> float:
    """Its share of memory: what is shared with others counts in parts."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1000
    return 0.0
