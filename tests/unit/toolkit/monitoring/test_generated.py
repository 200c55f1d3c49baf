"""Files for Alertmanager and Grafana, and the page of metrics: complete, and of nothing that is not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from execution.settings.monitoring import read_monitoring
from toolkit.monitoring.alertmanager import CONFIGURATION, alertmanager_files
from toolkit.monitoring.catalogue import METRICS
from toolkit.monitoring.grafana import WIDTH, grafana_files
from toolkit.monitoring.inventory import awaited, inventory
from toolkit.monitoring.plan import Plan
from toolkit.monitoring.prometheus import RULES, prometheus_files
from toolkit.monitoring.promql import selectors


@pytest.fixture(scope="module")
def plan(repository: Path) -> Plan:
    return read_monitoring(repository).plan


@pytest.fixture(scope="module")
def routes(plan: Plan) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(alertmanager_files(plan)[CONFIGURATION])
    return document


def exported() -> set[str]:
    """Every name that a scrape may bring, and those of Prometheus' own alerts."""
    spread = [metric.name for metric in METRICS if metric.buckets]
    names = {metric.name for metric in METRICS} | {"ALERTS"}
    return names | {f"{name}_{end}" for name in spread for end in ("bucket", "count", "sum")}


def test_every_query_of_a_dashboard_names_what_is_measured(plan: Plan) -> None:
    dashboards = [json.loads(text) for name, text in grafana_files(plan).items() if name.endswith(".json")]
    queries = [target["expr"] for board in dashboards for panel in board["panels"] for target in panel["targets"]]
    assert len(queries) > 30
    assert {name for query in queries for name, _ in selectors(query)} <= exported()


def test_panels_neither_overlap_nor_leave_the_page(plan: Plan) -> None:
    for name, text in grafana_files(plan).items():
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(text)["panels"] if name.endswith(".json") else []:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            assert not cells & taken, f"{name}: {panel['title']}"
            assert at["x"] + at["w"] <= WIDTH
            taken |= cells


def test_every_rule_asks_for_what_is_measured_or_recorded(plan: Plan) -> None:
    groups = yaml.safe_load(prometheus_files(plan)[RULES])["groups"]
    assert [group["name"] for group in groups] == [rule.name for rule in plan.rules]
    for group in groups:
        recorded = {rule["record"] for rule in group["rules"] if "record" in rule}
        asked = {name for rule in group["rules"] for name, _ in selectors(rule["expr"])}
        assert asked <= exported() | recorded


def test_every_alert_is_told_along_its_chain(plan: Plan, routes: dict[str, Any]) -> None:
    receivers = {each["name"] for each in routes["receivers"]}
    for rule in plan.rules:
        taking = [
            each for each in routes["route"]["routes"] if rule.name in each["matchers"][0].split('"')[1].split("|")
        ]
        assert [each["receiver"] for each in taking] == ["-then-".join(rule.channels)]
        assert taking[0]["receiver"] in receivers


def test_what_is_inhibited_is_so_within_its_scope(plan: Plan, routes: dict[str, Any]) -> None:
    written = [
        (each["source_matchers"][0], each["target_matchers"][0], each.get("equal")) for each in routes["inhibit_rules"]
    ]
    assert ('alertname="limit_used"', 'alertname="limit_nearly_used"', ["limit", "scope", "name"]) in written
    assert ('alertname="engine_silent"', 'alertname="feed_silent"', None) in written
    assert ('alertname="engine_silent"', 'alertname="process_down"', ["process"]) in written
    assert len(written) == sum(len(rule.inhibits) for rule in plan.rules)


def test_the_page_has_every_metric_and_every_alert(plan: Plan) -> None:
    page = inventory(plan)
    missing = [
        name for name in (*(m.name for m in METRICS), *(r.name for r in plan.rules)) if f"| `{name}` |" not in page
    ]
    assert missing == []
    inert = {rule.name for rule in plan.rules if len(awaited(rule)) == len(rule.watches)}
    assert inert == {"report_missing", "backup_old"}
