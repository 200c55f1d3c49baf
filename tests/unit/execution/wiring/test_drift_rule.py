"""Pages go by the file that alerts go by: read again when it was saved, and by the last valid one otherwise."""

import os
import shutil
from pathlib import Path

from execution.home import Home
from execution.wiring.drift_rule import DriftRuleFile
from toolkit.client.desk_state import DriftRule


def test_the_rule_is_that_of_the_file_and_follows_it(tmp_path: Path, repository: Path) -> None:
    for folder in ("config", "runbooks"):
        shutil.copytree(repository / folder, tmp_path / folder)
    path = tmp_path / "config/monitoring.yaml"
    shipped, saves = path.read_text(encoding="utf-8"), 0

    def save(text: str) -> None:
        nonlocal saves
        saves += 1
        path.write_text(text, encoding="utf-8")
        os.utime(path, (saves, saves))

    rule = DriftRuleFile(Home(tmp_path))
    save(shipped)
    assert rule() == DriftRule()
    save(
        shipped.replace("rule: cusum", "rule: daily_z")
        .replace("warn: 8 ", "warn: 6 ")
        .replace("freeze: 12", "freeze: 9")
    )
    assert rule() == DriftRule(warn=6, freeze=9, width=2, is_daily=True)
    save("alerts: nonsense")
    assert rule().freeze == 9
    path.unlink()
    assert rule().freeze == 9


def test_a_desk_without_the_file_has_the_shipped_rule(tmp_path: Path) -> None:
    assert DriftRuleFile(Home(tmp_path))() == DriftRule()
