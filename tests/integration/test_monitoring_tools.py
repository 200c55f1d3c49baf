"""The tools that take our files take them, and Prometheus fires when the desk's own evaluation does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from execution.commands.monitoring import all_files
from execution.settings.monitoring import read_monitoring
from tests.tools.random_alerts import random_plan
from toolkit.monitoring.alertmanager import CONFIGURATION
from toolkit.monitoring.plan import Plan
from toolkit.monitoring.prometheus import RULES, SCRAPE, prometheus_files
from toolkit.monitoring.rules import Kind

pytestmark = pytest.mark.integration


def tool(name: str) -> str:
    """Where a program is. On a machine that has none of Prometheus the test is left out; in CI it is installed."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("EXECUTION_CI"):
            raise FileNotFoundError(f"{name}: install Debian's prometheus and prometheus-alertmanager")
        pytest.skip(f"no {name} on this machine; Debian has it in prometheus and prometheus-alertmanager")
    return found


def ask(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool(name), *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def written(folder: Path, files: dict[str, str]) -> list[str]:
    """The files, and which of them are unit tests of Prometheus."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return sorted(name for name in files if "/tests/" in name)


@pytest.fixture(scope="module")
def plan(repository: Path) -> Plan:
    return read_monitoring(repository).plan


@pytest.fixture(scope="module")
def folder(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("generated")
    written(made, all_files(plan))
    return made


@pytest.mark.parametrize(
    "arguments",
    [
        ("promtool", "check", "rules", RULES),
        ("promtool", "check", "config", SCRAPE),
        ("amtool", "check-config", CONFIGURATION),
    ],
    ids=" ".join,
)
def test_generated_files_are_taken(folder: Path, arguments: tuple[str, ...]) -> None:
    done = ask(*arguments, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_goes_along_its_own_chain(plan: Plan, folder: Path) -> None:
    for rule in (plan.rules[0], plan.rules[-1]):
        done = ask("amtool", "config", "routes", "test", f"--config.file={CONFIGURATION}", f"alertname={rule.name}",
                   folder=folder)  # fmt: skip
        assert done.stdout.strip() == "-then-".join(rule.channels), done.stderr


def test_every_case_happens_in_prometheus_too(folder: Path) -> None:
    tests = sorted(str(path.relative_to(folder)) for path in (folder / "prometheus" / "tests").iterdir())
    done = ask("promtool", "test", "rules", *tests, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_case_that_does_not_happen_fails_there(plan: Plan, tmp_path: Path) -> None:
    case = next(each for each in plan.cases if any(one.alert == "venue_rejects" for one in each.fires))
    later = msgspec.structs.replace(case.fires[0], start=case.fires[0].start + case.every)
    wrong = msgspec.structs.replace(plan, cases=(msgspec.structs.replace(case, fires=(later,)),))
    done = ask("promtool", "test", "rules", *written(tmp_path, prometheus_files(wrong)), folder=tmp_path)
    assert done.returncode != 0
    assert "venue_rejects" in done.stdout + done.stderr


def test_queries_of_dashboards_are_queries(plan: Plan, tmp_path: Path) -> None:
    queries = [panel.query for dashboard in plan.dashboards for panel in dashboard.panels]
    rules = [{"record": f"panel:{place}", "expr": query} for place, query in enumerate(queries)]
    (tmp_path / "panels.yaml").write_bytes(msgspec.json.encode({"groups": [{"name": "panels", "rules": rules}]}))
    done = ask("promtool", "check", "rules", "panels.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_and_the_desk_agree_on_whatever_rules_and_series(tmp_path: Path, full: bool) -> None:
    """Each seed is a plan of its own whose case expects what the desk's evaluation found, look by look."""
    tests, fired, kinds = [], 0, set()
    for seed in range(200 if full else 8):
        made = random_plan(seed)
        kinds |= {each.alert.partition("_")[0] for each in made.cases[0].fires}
        fired += len(made.cases[0].fires)
        here = tmp_path / str(seed)
        tests += [f"{seed}/{name}" for name in written(here, prometheus_files(made))]
    done = ask("promtool", "test", "rules", *tests, folder=tmp_path)
    assert done.returncode == 0, (done.stdout + done.stderr)[:4000]
    assert kinds == {kind.value for kind in Kind}, "every kind fired somewhere"
    assert fired > 800
