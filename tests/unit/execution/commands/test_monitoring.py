"""`execution monitoring`: what it says of the shipped file and of others, its files, its exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from execution.commands import monitoring
from execution.commands.desk import Stop
from execution.commands.exits import Exit
from execution.commands.monitoring import check, generate, run_cases
from execution.commands.trying import fire
from execution.home import Home
from toolkit.adapters.process_identity import this_process
from toolkit.client.desk_state import DeskState, ProcessState, write_desk_state
from toolkit.domain.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, repository: Path) -> Path:
    shutil.copytree(repository / "config", tmp_path / "config")
    shutil.copytree(repository / "runbooks", tmp_path / "runbooks")
    return tmp_path


def change(home: Path, old: str, new: str) -> None:
    path = home / "config" / "monitoring.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def without_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has none of Prometheus."""
    monkeypatch.setattr(monitoring.shutil, "which", lambda _: None)


def test_check_says_what_is_inert_untold_and_what_noise_costs(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXECUTION_ALERTS_DESK", "json://127.0.0.1:1/secret")
    assert check(home, metrics=False, as_json=False) is Exit.DONE
    said = capsys.readouterr().out
    assert "report_missing: no series yet, it awaits scheduled reports" in said
    assert "channel phone tells nobody: EXECUTION_ALERTS_PHONE is not set" in said
    assert "channel desk tells nobody" not in said
    assert "→ cusum warns at 8 σ once in 369 sessions" in said
    assert "daily_z fires at 2 σ at least once with 75% in 30 sessions" in said
    assert "secret" not in said


def test_check_refuses_what_cannot_work(home: Path) -> None:
    change(home, "channels: [desk, phone]", "channels: [desk, phon]")
    with pytest.raises(ConfigError, match="'phon', no channel; did you mean 'phone'"):
        check(home, metrics=False, as_json=True)


def test_metrics_are_listed_with_the_alerts_that_look_at_them(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(home, metrics=True, as_json=False)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "quarterdeck_drawdown_ratio" in line]
    assert line.endswith("drawdown, drawdown_severe")
    check(home, metrics=True, as_json=True)
    assert len(json.loads(capsys.readouterr().out)["metrics"]) > 50


@pytest.mark.usefixtures("without_tools")
def test_files_are_written_again_but_never_over_somebody_elses(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "made"
    for _ in range(2):
        assert generate(home, folder, as_json=True) is Exit.DONE
    told = json.loads(capsys.readouterr().out.partition("}\n{")[0] + "}")
    assert {"prometheus/rules.yaml", "alertmanager/alertmanager.yaml", "metrics.md"} <= set(told["files"])
    assert told["unchecked"] == ["promtool", "amtool"]
    assert all((folder / name).is_file() for name in told["files"])
    (folder / "prometheus" / "rules.yaml").write_text("groups: []\n")
    with pytest.raises(Stop, match=r"rules\.yaml was not made by this command") as refused:
        generate(home, folder, as_json=True)
    assert refused.value.code is Exit.USAGE


@pytest.mark.usefixtures("without_tools")
def test_what_is_scraped_is_where_the_monitor_serves_else_where_it_would(home: Path, tmp_path: Path) -> None:
    """The next free port is taken where the first one is: whoever has that one is another desk."""
    path, folder, itself = home / "config" / "desk.yaml", tmp_path / "made", this_process()
    path.write_text(path.read_text().replace("address: 127.0.0.1", "address: 10.0.0.7"))

    def scraped() -> list[str]:
        assert generate(home, folder, as_json=True) is Exit.DONE
        document = yaml.safe_load((folder / "prometheus" / "prometheus.yaml").read_text())
        targets: list[str] = document["scrape_configs"][0]["static_configs"][0]["targets"]
        return targets

    assert scraped() == ["10.0.0.7:9464"]
    for started, wanted in ((itself.started, "127.0.0.1:9465"), ("of an earlier run", "10.0.0.7:9464")):
        monitor = ProcessState(
            name="monitor", kind="monitor", pid=itself.pid, started=started, address="http://127.0.0.1:9465/metrics"
        )
        supervisor = ProcessState(name="supervisor", kind="supervisor")
        write_state(home, supervisor, monitor)
        assert scraped() == [wanted]


@pytest.mark.usefixtures("without_tools")
def test_cases_pass_or_are_findings(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cases(home, as_json=True) is Exit.DONE
    assert json.loads(capsys.readouterr().out)["wrong"] == []
    change(home, "level: quarterdeck_order_wait_seconds, above: 5", "level: quarterdeck_order_wait_seconds, above: 7")
    assert run_cases(home, as_json=False) is Exit.FINDINGS
    said = capsys.readouterr().out
    assert "after 6 s order_late is silent for strategy trend, venue paper" in said
    assert "promtool is not on this machine" in said


def test_an_alert_that_nobody_knows_is_not_tried(home: Path) -> None:
    with pytest.raises(Stop, match="no alert is called 'order_lat'; did you mean 'order_late'") as refused:
        fire(home, "order_lat", reason="a trial", as_json=False)
    assert refused.value.code is Exit.USAGE


def test_a_desk_that_does_not_run_tries_nothing(home: Path) -> None:
    with pytest.raises(Stop) as refused:
        fire(home, "order_late", reason="a trial", as_json=False)
    assert refused.value.code is Exit.NOT_RUNNING


@pytest.mark.parametrize(
    ("processes", "mend"),
    [
        ((), "say `monitor: {enabled: true}` in config/desk.yaml"),
        ((ProcessState(name="monitor", kind="monitor", state="given up"),), "it is given up, `execution logs monitor`"),
    ],
)
def test_a_trial_that_nobody_would_take_up_is_refused(
    home: Path, processes: tuple[ProcessState, ...], mend: str
) -> None:
    itself = this_process()
    runs = ProcessState(name="supervisor", kind="supervisor", pid=itself.pid, started=itself.started, state="running")
    write_state(home, runs, *processes)
    with pytest.raises(Stop) as refused:
        fire(home, "order_late", reason="a trial", as_json=False)
    assert refused.value.code is Exit.NOT_RUNNING
    assert mend in str(refused.value)


def write_state(home: Path, supervisor: ProcessState, *processes: ProcessState) -> None:
    desk = Home(home)
    desk.prepare()
    state = DeskState(name="demo", kind="paper", book="paper", venues=(), supervisor=supervisor, processes=processes)
    write_desk_state(desk.processes, state)
