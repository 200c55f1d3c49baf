"""A real Prometheus, with the files that a desk generates, scrapes that desk: all is there, and both fire the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from execution.settings.monitoring import read_monitoring
from tests.tools.desk_kit import FAST, free_port, make_home
from tests.tools.whole_desk import Desk, running, until
from toolkit.adapters.ladder_file import LadderFile
from toolkit.domain.rungs import Rung, SessionRungs
from toolkit.measures.divergence import FEWEST
from toolkit.monitoring.catalogue import METRICS
from toolkit.monitoring.plan import Plan
from toolkit.monitoring.prometheus import SCRAPE
from toolkit.monitoring.promql import grouping_labels, selectors
from toolkit.monitoring.queries import records

pytestmark = pytest.mark.integration

Alerts = set[tuple[str, frozenset[tuple[str, str]]]]
Labels = dict[str, set[str]]

NOT_HERE = {
    "quarterdeck_feed_lateness_seconds": "only what a live feed sends comes late",
    "quarterdeck_instrument_stale": "only a live feed falls silent in one instrument",
    "quarterdeck_breaks": "books and venue agree",
    "quarterdeck_oldest_break_timestamp_seconds": "books and venue agree",
    "quarterdeck_oldest_doubt_timestamp_seconds": "the venue answers every order",
    **{metric.name: f"it awaits {metric.awaits}" for metric in METRICS if metric.awaits},
}
"""What a desk on paper that is well cannot have. Another one that is missing fails, and one of these that is there."""
EVENTFUL = {f"quarterdeck_{name}" for name in ("denials_total", "kill_timestamp_seconds", "kill_duration_seconds")}
"""What has no series before a strategy was killed that wants to go on."""
SPREAD = ("_bucket", "_count", "_sum")
OF_THE_SCRAPE = {"instance", "job"}
OF_THE_ALERT = {"alertname", "severity", "owner"}


class Prometheus:
    """A server of our own, asked over loopback."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/api/v1"

    def answers(self) -> bool:
        try:
            return bool(self._get("/status/runtimeinfo"))
        except OSError:
            return False

    def labels(self) -> Labels:
        """Every name that it has series of, with the labels of any."""
        found: Labels = {}
        for series in self._get("/series", ("match[]", '{__name__=~".+"}')):
            found.setdefault(series["__name__"], set()).update(set(series) - {"__name__"})
        return found

    def firing(self) -> Alerts:
        return {
            (each["labels"]["alertname"], scope_of({k: v for k, v in each["labels"].items() if k not in OF_THE_ALERT}))
            for each in self._get("/alerts")["alerts"]
            if each["state"] == "firing"
        }

    def result(self, query: str) -> list[Any]:
        found: list[Any] = self._get("/query", ("query", query))["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self._get("/rules")["groups"] for rule in group["rules"]]

    def _get(self, path: str, *asked: tuple[str, str]) -> Any:
        with urlopen(f"{self._address}{path}?{urlencode(asked)}", timeout=60) as answer:
            return json.load(answer)["data"]


def scope_of(labels: dict[str, str]) -> frozenset[tuple[str, str]]:
    """A label that is empty is none, to Prometheus."""
    return frozenset((label, value) for label, value in labels.items() if value)


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        assert "EXECUTION_CI" not in os.environ, f"{name} is missing: .ci/run installs prometheus"
        pytest.skip(f"no {name} on this machine; Debian has it in prometheus")
    return found


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One that has sessions behind it, so that σ is known; who stands still is not started again, and Prometheus looks
    often."""
    changes = {
        **FAST, "monitor": {"enabled": True}, "replayer": {"enabled": True}, "supervision": {"hung_after_seconds": 600},
    }  # fmt: skip
    home = make_home(tmp_path_factory.mktemp("scraped"), changes)
    path = home.root / "config" / "monitoring.yaml"
    path.write_text(path.read_text().replace("scrape_seconds: 5 ", "scrape_seconds: 2 "))
    rung = Rung(strategy="trend", version="v1", live=0, replay=0, backtest=0, orders=10, noise=50_000.0)
    for day in range(1, FEWEST + 2):
        LadderFile(home.ladder("paper")).add(
            SessionRungs(session=f"2012-01-{day:02}", step=day, time=day, wall=day, rungs=(rung,))
        )
    with running(home.root) as desk:
        yield desk


@pytest.fixture(scope="module")
def generated(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    answer = desk.run("monitoring", "generate", str(folder))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return folder


@pytest.fixture(scope="module")
def prometheus(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [program("prometheus"), f"--config.file={generated / SCRAPE}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            found = Prometheus(port)
            assert until(found.answers), (folder / "log").read_text()
            yield found
        finally:
            server.kill()
            server.wait()


def test_all_that_a_desk_measures_is_scraped_and_what_happens_to_it_fires_in_both(
    desk: Desk, prometheus: Prometheus, generated: Path
) -> None:
    """One run, since what a desk measures grows with what happens to it."""
    expected = {metric.name for metric in METRICS} - set(NOT_HERE)
    quiet = expected - EVENTFUL
    assert until(lambda: quiet <= measures(prometheus)), sorted(quiet - measures(prometheus))

    assert desk.run("kill", "--strategy", "quoting", "--reason", "a trial").returncode == 0
    halted = ("trading_halted", scope_of({"scope": "strategy", "name": "quoting"}))
    assert until(lambda: halted in prometheus.firing() and halted in fired(desk)), fired(desk)
    assert until(lambda: measures(prometheus) == expected), measures(prometheus) ^ expected
    promtool_takes(page(desk))
    shows_something(prometheus, generated)
    asks_for_what_is_there(prometheus, plan(desk), generated)

    runner = desk.process("runner-trend").pid
    silent = ("runner_silent", scope_of({"process": "runner-trend"}))
    os.kill(runner, signal.SIGSTOP)
    try:
        assert until(lambda: silent in fired(desk) and level(desk, prometheus.firing()) == level(desk, fired(desk)))
    finally:
        os.kill(runner, signal.SIGCONT)
    assert until(lambda: silent not in prometheus.firing() and silent not in fired(desk)), fired(desk)

    monitor = desk.process("monitor").pid
    os.kill(monitor, signal.SIGSTOP)  # and can say nothing of itself
    try:
        assert until(lambda: ("monitor_silent", scope_of({})) in prometheus.firing()), prometheus.firing()
    finally:
        os.kill(monitor, signal.SIGCONT)


def promtool_takes(page: str) -> None:
    found = subprocess.run(
        [program("promtool"), "check", "metrics"], input=page, capture_output=True, text=True, check=False, timeout=300
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def shows_something(prometheus: Prometheus, generated: Path) -> None:
    """No panel of a dashboard is empty but for what a desk like this one has not."""
    for query in panels(generated):
        if not {name for name, _ in selectors(query)} <= NOT_HERE.keys():
            assert until(partial(prometheus.result, query)), query


def asks_for_what_is_there(prometheus: Prometheus, plan: Plan, generated: Path) -> None:
    """Every rule is evaluated, and every name and label of a rule or a panel is one of a series."""
    assert until(lambda: {rule["health"] for rule in prometheus.rules()} == {"ok"}), prometheus.rules()
    rules, labels = prometheus.rules(), prometheus.labels()
    assert {rule["name"] for rule in rules if rule["type"] == "alerting"} == {rule.name for rule in plan.rules}
    absent = NOT_HERE.keys() | {record.name for rule in plan.rules for record in records(rule)}
    for query in [*panels(generated), *(rule["query"] for rule in rules)]:
        asked = dict(selectors(query))
        assert asked.keys() - labels.keys() <= absent, query
        assert all(set(named) <= labels[name] for name, named in selectors(query) if name in labels), query
        if asked.keys() <= labels.keys():
            assert set(grouping_labels(query)) <= set().union(*(labels[name] for name in asked)), query


def panels(generated: Path) -> list[str]:
    boards = [json.loads(path.read_text()) for path in (generated / "grafana" / "dashboards").iterdir()]
    return [target["expr"] for board in boards for panel in board["panels"] for target in panel["targets"]]


def page(desk: Desk) -> str:
    with urlopen(desk.process("monitor").address, timeout=60) as answer:
        text: str = answer.read().decode()
        return text


def plan(desk: Desk) -> Plan:
    return read_monitoring(desk.home).plan


def measures(prometheus: Prometheus) -> set[str]:
    """The measures of the catalogue that it has series of, and any other that is the desk's."""
    spread = {f"{metric.name}{end}": metric.name for metric in METRICS if metric.buckets for end in SPREAD}
    return {
        spread.get(name, name)
        for name, labels in prometheus.labels().items()
        if name.startswith("quarterdeck_") and labels >= OF_THE_SCRAPE
    }


def fired(desk: Desk) -> Alerts:
    """What the desk's own evaluation has open, of what Prometheus is told to look at too."""
    known = {rule.name for rule in plan(desk).rules}
    opened = desk.json("alerts", "list")["open"]
    return {(alert["rule"], scope_of(alert["scope"])) for alert in opened if alert["rule"] in known}


def level(desk: Desk, alerts: Alerts) -> Alerts:
    """Those that end where they begin: what fires on for a while may have begun between two looks of Prometheus."""
    rules = {rule.name for rule in plan(desk).rules if all(watch.clear == watch.threshold for watch in rule.watches)}
    return {(name, scope) for name, scope in alerts if name in rules}
