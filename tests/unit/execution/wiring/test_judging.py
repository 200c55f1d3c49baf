"""Rules are read when they are saved; what cannot be read leaves the last valid ones; each look is judged by them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from execution.settings import read_settings
from execution.wiring import judging
from execution.wiring.judging import Judge
from toolkit.client.home import Home
from toolkit.domain.ledger import Ledger
from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime
from toolkit.monitoring.evaluation import Firing
from toolkit.monitoring.samples import Samples

NOW = WallTime(1_800_000_000 * NANOSECONDS)


class Recorded:
    """Stands where alerts would follow."""

    made: ClassVar[list[Recorded]] = []

    def __init__(self, home: Home, settings: object, rules: Sequence[Any], telling: object, **_: object) -> None:
        self.names = {rule.name for rule in rules}
        self.taken: list[tuple[tuple[Firing, ...], bool]] = []
        self.closed = False
        Recorded.made.append(self)

    def take(self, firings: tuple[Firing, ...], wall: WallTime, *, journal_read: bool) -> None:
        self.taken.append((firings, journal_read))

    def close(self) -> None:
        self.closed = True


class Desk:
    def __init__(self, root: Path) -> None:
        self.path = root / "config" / "monitoring.yaml"
        self.said: list[str] = []
        self.saves = 0
        home, settings = Home(root), read_settings(root)
        self.judge = Judge(
            home, settings, ledger=Ledger, wall=lambda: NOW, mono=lambda: MonoTime(0), say=self.said.append
        )

    async def look(self, **values: float) -> None:
        await self.judge(Samples(NOW, {(f"quarterdeck_{name}", ()): value for name, value in values.items()}))

    def save(self, old: str, new: str) -> None:
        self.path.write_text(self.path.read_text().replace(old, new, 1))
        self.saves += 1
        os.utime(self.path, ns=(self.saves, self.saves))


@pytest.fixture
def desk(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    shutil.copytree(repository / "config", tmp_path / "config")
    shutil.copytree(repository / "runbooks", tmp_path / "runbooks")
    monkeypatch.setattr(judging, "LOOK_AT_FILE_SECONDS", 0.0)
    monkeypatch.setattr(judging, "Alerts", Recorded)
    for name in ("EXECUTION_ALERTS_DESK", "EXECUTION_ALERTS_PHONE", "EXECUTION_ALERTS_LEAD", "EXECUTION_HEARTBEAT"):
        monkeypatch.delenv(name, raising=False)
    Recorded.made = []
    return Desk(tmp_path)


async def test_a_look_is_judged_and_says_whether_the_journal_was_read(desk: Desk) -> None:
    await desk.look(problems=0.0, disk_free_bytes=1.0, journal_read_timestamp_seconds=int(NOW) / NANOSECONDS - 1)
    await desk.look(journal_read_timestamp_seconds=int(NOW) / NANOSECONDS - 60)
    await desk.look()
    (alerts,) = Recorded.made
    assert "disk_full" in {firing.rule.name for firing in alerts.taken[0][0]}
    assert [read for _, read in alerts.taken] == [True, False, False]
    assert any("channel desk tells nobody" in sentence for sentence in desk.said)


async def test_rules_that_were_saved_take_the_place_of_the_old_ones(desk: Desk) -> None:
    await desk.look()
    desk.save("disk_full:", "disk_fuller:")
    desk.path.write_text(
        desk.path.read_text().replace("disk_full,", "disk_fuller,").replace("disk_full}", "disk_fuller}")
    )
    os.utime(desk.path, ns=(99, 99))
    await desk.look()
    before, after = Recorded.made
    assert before.closed
    assert (after.names - before.names, before.names - after.names) == ({"disk_fuller"}, {"disk_full"})


async def test_a_file_that_was_saved_broken_leaves_the_last_valid_rules(desk: Desk) -> None:
    await desk.look()
    desk.save("severity: critical", "severity: dire")
    await desk.look()
    await desk.look()
    (alerts,) = Recorded.made
    assert (alerts.closed, len(alerts.taken)) == (False, 3)
    assert [sentence for sentence in desk.said if "the last valid rules stay" in sentence] == [desk.said[-1]], "once"


async def test_without_rules_nothing_is_judged_and_that_is_said(desk: Desk) -> None:
    desk.path.unlink()
    await desk.look()
    assert Recorded.made == []
    assert "nothing is watched until" in desk.said[-1]


async def test_at_the_end_what_was_said_is_written(desk: Desk) -> None:
    await desk.look()
    desk.judge.close()
    assert Recorded.made[0].closed
