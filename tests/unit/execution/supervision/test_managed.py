"""A process is kept running, told from one that is told to stop, and given up when nothing else is left."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from execution.services.runner_setup import RunnerExit
from execution.supervision.backoff import Backoff
from execution.supervision.child_process import ChildProcess, spawn
from execution.supervision.managed import Ended, Managed, Specification, State

OBEDIENT = "import sys; sys.stdin.read()"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"

Make = Callable[..., Managed]


class Told:
    """What a supervisor would hear."""

    def __init__(self) -> None:
        self.ends: list[Ended] = []

    async def ended(self, ended: Ended) -> None:
        self.ends.append(ended)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def make(tmp_path: Path, told: Told) -> AsyncIterator[Make]:
    made: list[Managed] = []

    def build(code: str, kind: str = "engine", give_up_after: int = 0, first: float = 0.01) -> Managed:
        specification = Specification(
            name="a", kind=kind, subject="a", arguments=(sys.executable, "-c", code), first_line=b"secret\n",
            log=tmp_path / "a.log", folder=tmp_path, memory_megabytes=100,
        )  # fmt: skip
        backoff = Backoff(first=first, longest=first, give_up_after=give_up_after)
        made.append(Managed(specification, backoff, changed=lambda: None, ended=told.ended))
        return made[-1]

    yield build
    for managed in made:
        await managed.stop(0.2)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.005)


async def test_the_first_line_reaches_the_child_and_nobody_else(make: Make, tmp_path: Path) -> None:
    code = (
        "import sys, os; said = sys.stdin.readline().strip(), 'secret' in str((sys.argv, os.environ)); "
        "print(*said, flush=True); sys.stdin.read()"
    )
    make(code)
    log = tmp_path / "a.log"
    await until(lambda: log.exists() and log.read_text().endswith("\n"))
    assert log.read_text() == "secret False\n"


async def test_a_child_ends_when_its_pipe_closes(make: Make) -> None:
    managed = make(OBEDIENT)
    await until(lambda: managed.pid > 0)
    pid = managed.pid
    await managed.stop(60.0)
    assert managed.state is State.STOPPED
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_child_that_does_not_listen_is_killed_and_that_is_told(make: Make, tmp_path: Path) -> None:
    managed = make(DEAF)
    log = tmp_path / "a.log"
    await until(lambda: log.exists() and "deaf" in log.read_text())
    await managed.stop(0.1)
    assert managed.state is State.STOPPED
    assert managed.detail.startswith("killed: it did not end within")


async def test_so_it_is_told_of_one_that_was_stopped_while_it_started(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()

    async def slow(*arguments: Any, **more: Any) -> ChildProcess:
        child = await spawn(*arguments, **more)
        await go_on.wait()
        return child

    monkeypatch.setattr("execution.supervision.managed.spawn", slow)
    managed = make(DEAF)
    log = tmp_path / "a.log"
    await until(lambda: log.exists() and "deaf" in log.read_text())
    stopping = asyncio.ensure_future(managed.stop(0.1))
    await asyncio.sleep(0)
    go_on.set()
    await stopping
    assert managed.detail.startswith("killed: it did not end within")


async def test_a_service_that_dies_comes_back(make: Make, told: Told) -> None:
    managed = make("import sys; sys.exit('no server')")
    await until(lambda: managed.restarts >= 3)
    assert {(end.cause, end.detail, end.given_up) for end in told.ends} == {("exit", "exit code 1: no server", False)}


async def test_it_leads_a_group_and_no_session_so_that_niceness_counts(make: Make) -> None:
    managed = make(OBEDIENT)
    await until(lambda: managed.pid > 0)
    assert (os.getpgid(managed.pid), os.getsid(managed.pid)) == (managed.pid, os.getsid(0))


async def test_a_signal_is_named(make: Make, told: Told) -> None:
    managed = make(OBEDIENT, first=60.0)
    await until(lambda: managed.pid > 0)
    os.kill(managed.pid, signal.SIGKILL)
    await until(lambda: bool(told.ends))
    assert told.ends[0].detail == "killed by SIGKILL"
    assert managed.state is State.BACKING_OFF


async def test_a_runner_that_raises_again_and_again_is_given_up(make: Make, told: Told) -> None:
    managed = make(f"import sys; sys.exit({RunnerExit.RAISED})", kind="runner", give_up_after=3)
    await until(lambda: managed.state is State.GIVEN_UP)
    assert [(end.cause, end.given_up) for end in told.ends] == [("raised", False), ("raised", False), ("raised", True)]


@pytest.mark.parametrize("code", [RunnerExit.HASH, RunnerExit.IMPORT])
async def test_a_runner_that_cannot_ever_start_is_given_up_at_once(make: Make, told: Told, code: RunnerExit) -> None:
    make(f"import sys; sys.exit({code})", kind="runner", give_up_after=5)
    await until(lambda: bool(told.ends))
    assert (told.ends[0].cause, told.ends[0].given_up) == (code.cause, True)


async def test_a_person_revives_what_was_given_up(make: Make, tmp_path: Path) -> None:
    flag = tmp_path / "mended"
    code = f"import sys, pathlib; sys.stdin.read() if pathlib.Path({str(flag)!r}).exists() else sys.exit(70)"
    managed = make(code, kind="runner", give_up_after=1)
    await until(lambda: managed.state is State.GIVEN_UP)
    flag.touch()
    await managed.restart()
    await until(lambda: managed.pid > 0)
    assert managed.state is State.STARTING


async def test_a_hung_process_is_killed_and_named_so(make: Make, told: Told) -> None:
    managed = make(DEAF, first=60.0)
    await until(lambda: managed.pid > 0)
    managed.accuse("hung", "no sign of life for 10 s")
    await until(lambda: bool(told.ends))
    assert (told.ends[0].cause, told.ends[0].detail) == ("hung", "no sign of life for 10 s")


async def test_beats_of_a_runner_are_signs_of_life_and_its_prints_go_to_the_log(make: Make, tmp_path: Path) -> None:
    code = "import sys; print('beat running 7', flush=True); print('hello', flush=True); sys.stdin.read()"
    managed = make(code, kind="runner")
    log = tmp_path / "a.log"
    await until(lambda: managed.beats == 1 and log.exists() and "hello" in log.read_text())
    assert managed.state is State.RUNNING
    assert managed.step == 7
    assert managed.heard > 0
    assert "beat" not in log.read_text()


async def test_a_runner_that_falls_behind_its_feed_says_so_where_people_look(make: Make) -> None:
    managed = make("import sys; print('beat behind 7', flush=True); sys.stdin.read()", kind="runner")
    await until(lambda: managed.beats == 1)
    assert managed.remark == "behind its feed: asked about the newest quotes alone"


@pytest.mark.parametrize("kind", ["runner", "engine"])
async def test_who_trades_on_paper_sees_nothing_of_the_environment_but_what_python_needs(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("EXCHANGE_API_KEY", "hunter2")
    code = "import os, sys; print(sorted(os.environ), flush=True); sys.stdin.read()"
    make(code, kind=kind)
    await until(lambda: (tmp_path / "a.log").exists() and "PATH" in (tmp_path / "a.log").read_text())
    assert "EXCHANGE_API_KEY" not in (tmp_path / "a.log").read_text()
