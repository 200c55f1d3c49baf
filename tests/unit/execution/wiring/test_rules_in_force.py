"""What was in force is watched by a monitor that starts beside a broken file, until that is mended."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from execution.settings import read_settings
from execution.wiring import judging
from execution.wiring.judging import Judge
from toolkit.client.home import Home
from toolkit.domain.ledger import Ledger
from toolkit.domain.time import MonoTime, WallTime
from toolkit.monitoring.evaluation import Firing
from toolkit.monitoring.rules import Rule
from toolkit.monitoring.samples import Samples

NOW = WallTime(1_800_000_000_000_000_000)


class Heard:
    """Stands for the desk of alerts: which rules it has, and what fires."""

    def __init__(self, home: Home, settings: Any, rules: Sequence[Rule], telling: Any, **_: Any) -> None:
        self.rules = {rule.name for rule in rules}
        self.fires: set[str] = set()

    def take(self, firings: Sequence[Firing], wall: WallTime, *, journal_read: bool) -> None:
        self.fires = {firing.rule.name for firing in firings}

    def close(self) -> None:
        pass


@pytest.fixture
def begin(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], Judge]:
    """A monitor's judge on a desk of its own, as often as one is started there."""
    shutil.copytree(repository / "config", tmp_path / "config")
    home = Home(tmp_path)
    home.prepare()
    settings = read_settings(repository)
    monkeypatch.setattr(judging, "Alerts", Heard)
    monkeypatch.setattr(judging, "LOOK_AT_FILE_SECONDS", 0.0)
    return lambda said: Judge(
        home, settings, ledger=Ledger, wall=lambda: NOW, mono=lambda: MonoTime(0), say=said.append
    )


def look(judge: Judge) -> set[str]:
    full = Samples(NOW, {("quarterdeck_disk_free_bytes", ()): 1.0}, {})
    asyncio.run(judge(full))
    return judge.alerts.fires if isinstance(judge.alerts, Heard) else set()


def test_a_monitor_that_starts_beside_a_broken_file_watches_what_was_in_force(
    begin: Callable[[list[str]], Judge], tmp_path: Path
) -> None:
    file = tmp_path / judging.SOURCE
    valid = file.read_text()
    assert "disk_full" in look(begin([]))
    file.write_text(valid.replace("severity: critical", "severity: critcal"))
    said: list[str] = []
    judge = begin(said)
    assert "disk_full" in look(judge)
    assert "critcal" in said[-1]
    assert said[-1].endswith("the last valid rules stay")
    file.write_text(valid.replace("  disk_full:", "  disk_gone:").replace("alert: disk_full", "alert: disk_gone"))
    assert "disk_gone" in look(judge), "mended"


def test_without_any_valid_file_that_is_said(begin: Callable[[list[str]], Judge], tmp_path: Path) -> None:
    (tmp_path / judging.SOURCE).write_text("alerts: [")
    said: list[str] = []
    assert look(begin(said)) == set()
    assert said[-1].endswith("nothing is watched until it is mended")
