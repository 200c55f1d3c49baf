"""A real Prometheus scrapes the desk's own page of metrics, and fires and ends what the desk's own evaluation does."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from execution.settings.monitoring import read_monitoring
from execution.wiring.metrics_page import MetricsPage
from toolkit.domain.time import WallTime
from toolkit.monitoring.evaluation import Evaluator
from toolkit.monitoring.plan import Plan
from toolkit.monitoring.prometheus import SCRAPE, prometheus_files
from toolkit.monitoring.samples import Gathering, Samples

pytestmark = pytest.mark.integration
PATIENCE_SECONDS = 120.0
EDGE = 5.0
LOOK_SECONDS = 0.2


class Prometheus:
    """A server of our own, asked over loopback."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/api/v1"

    def firing(self) -> set[tuple[str, str]] | None:
        """Alerts with their venue, of those that fire; None while nobody answers."""
        found = self._get("/alerts", "alerts")
        if found is None:
            return None
        return {(each["labels"]["alertname"], each["labels"]["venue"]) for each in found if each["state"] == "firing"}

    def scraped(self) -> bool:
        return any(each["health"] == "up" for each in self._get("/targets", "activeTargets") or [])

    def _get(self, path: str, part: str) -> list[dict[str, Any]] | None:
        try:
            with urllib.request.urlopen(f"{self._address}{path}", timeout=60) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"][part]
        except OSError:
            return None
        return found


@pytest.fixture
def page() -> Iterator[MetricsPage]:
    served = MetricsPage("127.0.0.1", 0)
    served.show(measured(0))
    served.start()
    yield served
    served.stop()


@pytest.fixture
def plan(repository: Path) -> Plan:
    """Two of the shipped alerts, looked at every second."""
    shipped = read_monitoring(repository).plan
    rules = tuple(rule for rule in shipped.rules if rule.name in ("order_late", "venue_rejects"))
    return msgspec.structs.replace(shipped, rules=rules, cases=(), scrape_seconds=1.0)


@pytest.fixture
def prometheus(page: MetricsPage, plan: Plan, tmp_path: Path) -> Iterator[Prometheus]:
    program = shutil.which("prometheus")
    if program is None:
        if os.environ.get("EXECUTION_CI"):
            raise FileNotFoundError("prometheus: install Debian's package of that name")
        pytest.skip("no prometheus on this machine; Debian has a package of that name")
    for name, text in prometheus_files(plan, page.port).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, f"--config.file={tmp_path / SCRAPE}", f"--storage.tsdb.path={tmp_path / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield Prometheus(port)
        finally:
            server.kill()
            server.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def measured(wait: float, row: int = 0) -> Samples:
    gathering = Gathering()
    gathering.put("order_wait_seconds", wait, "trend", "paper")
    gathering.put("order_wait_seconds", 0, "trend", "other")
    gathering.put("venue_rejects_in_a_row", row, "paper")
    gathering.put("venue_answers_total", 4, "paper", "accepted")
    return gathering.samples(WallTime(time.time_ns()))


def until(wanted: set[tuple[str, str]], prometheus: Prometheus) -> set[tuple[str, str]] | None:
    """What fires once it is as wanted, or when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := prometheus.firing()) != wanted and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return found


def test_prometheus_fires_and_ends_what_the_desk_does(page: MetricsPage, plan: Plan, prometheus: Prometheus) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not prometheus.scraped() and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    evaluator, now = Evaluator(plan.rules), WallTime(time.time_ns())
    for samples in (measured(EDGE), measured(EDGE + 0.1), measured(EDGE, row=3), measured(0)):
        page.show(samples)
        firings = evaluator.look(samples, now)
        wanted = {(each.rule.name, dict(each.scope)["venue"]) for each in firings}
        assert until(wanted, prometheus) == wanted
    assert prometheus.scraped()
