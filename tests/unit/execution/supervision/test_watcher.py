"""The watcher of a desk goes on looking, also while more processes are being started."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from execution.alive import Alive
from execution.supervision import watcher as watcher_module
from execution.supervision.managed import State
from execution.supervision.watcher import Watcher
from toolkit.domain.beats import Beat
from toolkit.domain.time import WallTime


def process(kind: str, name: str, state: State) -> Any:
    """As much of a managed process as is looked at."""
    managed = SimpleNamespace(
        specification=SimpleNamespace(kind=kind, name=name, subject="paper", memory_megabytes=0),
        state=state,
        pid=7,
        child=None,
        heard=0,
        accuse=lambda cause, detail: None,
    )
    managed.running = lambda: setattr(managed, "state", State.RUNNING)
    return managed


async def test_a_process_that_is_started_while_a_venue_is_asked_is_seen_to_be_ready(tmp_path: Path) -> None:
    managed = {"venue-paper": process("venue", "venue-paper", State.RUNNING)}

    def venue_answers(_: str) -> bool:
        managed.setdefault("listener", process("listener", "listener", State.STARTING))
        return True

    async def beats() -> Mapping[str, Beat]:
        return {"listener": Beat(process="listener", pid=7, wall=WallTime(0), state="running", step=1)}

    async def nothing() -> None:
        """No servers to look after."""

    watcher = Watcher(
        managed, hung_after=60.0, requests=tmp_path, beats=beats, venue_answers=venue_answers, each_round=nothing,
        revive=lambda name: False, changed=lambda: None, pass_on=lambda beat: nothing(),
    )  # fmt: skip
    task = asyncio.create_task(watcher.run())
    async with asyncio.timeout(60):
        while not task.done() and managed.get("listener", managed["venue-paper"]).specification.kind != "listener":
            await asyncio.sleep(0.01)
        while not task.done() and managed["listener"].state is not State.RUNNING:
            await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()


async def test_a_page_is_not_ready_while_another_desk_answers_at_its_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    managed = {"dashboards": process("dashboards", "dashboards", State.STARTING)}
    managed["dashboards"].specification.subject = "8601"
    answers = [Alive(book="paper", pid=8)]
    asked: list[int] = []

    def who_lives(port: int) -> Alive:
        asked.append(port)
        return answers[-1]

    async def beats() -> Mapping[str, Beat]:
        return {}

    async def nothing() -> None:
        """No servers to look after."""

    monkeypatch.setattr(watcher_module, "who_lives", who_lives)
    watcher = Watcher(
        managed, hung_after=60.0, requests=tmp_path, beats=beats, venue_answers=lambda _: True, each_round=nothing,
        revive=lambda name: False, changed=lambda: None, pass_on=lambda beat: nothing(),
    )  # fmt: skip
    task = asyncio.create_task(watcher.run())
    async with asyncio.timeout(60):
        while len(asked) < 3:
            await asyncio.sleep(0.01)
        assert managed["dashboards"].state is State.STARTING
        answers.append(Alive(book="paper", pid=7))
        while managed["dashboards"].state is not State.RUNNING:
            await asyncio.sleep(0.01)
    task.cancel()


async def test_beats_of_a_runner_are_passed_on_each_once(tmp_path: Path) -> None:
    runner = process("runner", "runner-trend", State.RUNNING)
    runner.heard, runner.beats, runner.says, runner.step = 100, 1, "running", 7
    managed = {"runner-trend": runner, "engine": process("engine", "engine", State.RUNNING)}
    passed: list[Beat] = []

    async def pass_on(beat: Beat) -> None:
        passed.append(beat)

    async def beats() -> Mapping[str, Beat]:
        return {}

    async def nothing() -> None:
        """No servers to look after."""

    watcher = Watcher(
        managed, hung_after=60.0, requests=tmp_path, beats=beats, venue_answers=lambda _: True, each_round=nothing,
        revive=lambda name: False, changed=lambda: None, pass_on=pass_on,
    )  # fmt: skip
    task = asyncio.create_task(watcher.run())
    async with asyncio.timeout(60):
        while not passed:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.6)  # two more looks, at which it has said nothing new
        runner.heard = 200
        while len(passed) < 2:
            await asyncio.sleep(0.01)
    task.cancel()
    expected = [
        Beat(process="runner-trend", pid=7, wall=WallTime(wall), state="running", step=7) for wall in (100, 200)
    ]
    assert passed == expected


def test_who_stands_back_may_be_silent_for_longer_than_who_trades_or_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accused: list[tuple[str, str]] = []
    managed = {}
    for kind in ("monitor", "venue", "dashboards", "replayer"):
        managed[kind] = process(kind, kind, State.RUNNING)
        managed[kind].accuse = lambda cause, detail, kind=kind: accused.append((kind, detail))
    said = {name: Beat(process=name, pid=7, wall=WallTime(1), state="running", step=1) for name in managed}

    async def nothing() -> None:
        """No servers to look after."""

    watcher = Watcher(
        managed, hung_after=10.0, requests=tmp_path, beats=lambda: nothing(), venue_answers=lambda _: True,
        each_round=nothing, revive=lambda name: False, changed=lambda: None, pass_on=lambda beat: nothing(),
    )  # fmt: skip
    for second in range(122):
        monkeypatch.setattr(watcher_module.time, "monotonic", lambda second=second: 1_000.0 + second)
        watcher._accuse_silent(said)
        if second in (10, 11, 120):
            assert {kind for kind, _ in accused} == (set() if second == 10 else {"monitor", "venue"})
    assert accused[-1] == ("replayer", "no sign of life for 120 s")
    assert ("dashboards", "no sign of life for 120 s") in accused
