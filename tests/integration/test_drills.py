"""`execution drill --all --short` as CI and people run it: every fault is noticed, and the report says how."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from execution.commands.exits import Exit
from execution.drills.catalogue import DRILLS

pytestmark = [pytest.mark.integration, pytest.mark.faults]


def drill(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "execution.cli", "drill", *arguments], cwd=home, env={**os.environ, "TMPDIR": str(home)},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def test_every_drill_passes_and_the_report_says_what_noticed_it(tmp_path: Path, repository: Path) -> None:
    answer = drill(tmp_path, "--all", "--short", "--reports", "reports", "--json")
    said = json.loads(answer.stdout)
    page = (tmp_path / said["report"]).read_text()
    assert (answer.returncode, said["passed"]) == (Exit.DONE, True), page + answer.stderr
    document = json.loads((tmp_path / said["report"]).with_suffix(".json").read_text())
    assert {row["name"] for row in document["drills"]} == set(DRILLS) == set(said["drills"])
    for row in document["drills"]:
        (finding,) = row["findings"]
        assert 0 <= finding["detect_seconds"] <= finding["safe_seconds"], row
        assert finding["detected_by"] != "nothing"
        assert finding["venue_says"]
        assert f"## {row['name']}" in page
        assert (repository / "runbooks" / row["page"]).is_file()
    assert list(tmp_path.glob("qd-drill-*")) == [], "the drill's desk is gone"


def test_a_drill_that_does_not_exist_is_told_with_those_that_do(tmp_path: Path) -> None:
    for wrong in ((), ("no-such",), ("bad-tick", "--all")):
        answer = drill(tmp_path, *wrong, "--reports", "reports")
        assert answer.returncode == Exit.USAGE
        assert "broker-outage" in answer.stderr
    assert not (tmp_path / "reports").exists()
