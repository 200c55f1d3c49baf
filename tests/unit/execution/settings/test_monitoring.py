"""config/monitoring.yaml: the shipped file and its cases pass; what cannot work is told with line and nearest name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from execution.services.alerting import channel_silent
from execution.settings.monitoring import Monitoring, read_monitoring, resolve_channels
from toolkit.domain.errors import ConfigError
from toolkit.monitoring.catalogue import METRICS
from toolkit.monitoring.replay import mismatches
from toolkit.monitoring.rules import Action, Comparison, Rule, Severity


@pytest.fixture
def home(tmp_path: Path, repository: Path) -> Path:
    (tmp_path / "config").mkdir()
    shutil.copy(repository / "config" / "monitoring.yaml", tmp_path / "config")
    shutil.copytree(repository / "runbooks", tmp_path / "runbooks")
    return tmp_path


@pytest.fixture(scope="module")
def shipped(repository: Path) -> Monitoring:
    return read_monitoring(repository)


def change(home: Path, old: str, new: str) -> None:
    path = home / "config" / "monitoring.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def rule(monitoring: Monitoring, name: str) -> Rule:
    found = monitoring.plan.rule(name)
    assert found is not None
    return found


def test_every_case_of_the_shipped_file_happens(shipped: Monitoring) -> None:
    assert [str(wrong) for case in shipped.plan.cases for wrong in mismatches(shipped.plan, case)] == []


def test_a_case_that_expects_something_else_fails(home: Path) -> None:
    change(home, "from: 6, until: 9}", "from: 5, until: 9}")
    plan = read_monitoring(home).plan
    wrong = [str(each) for case in plan.cases for each in mismatches(plan, case)]
    assert len(wrong) == 1
    assert wrong[0].endswith("after 5 s order_late is silent for strategy trend, venue paper")


def test_the_users_alerts_are_what_was_asked_for(shipped: Monitoring) -> None:
    late = rule(shipped, "order_late").watches[0]
    assert (late.comparison, late.threshold) == (Comparison.ABOVE, 5)
    share, row = rule(shipped, "venue_rejects").watches
    assert (share.threshold, share.window, share.minimum_sample) == (0.03, 900, 20)
    assert (row.threshold, row.comparison, row.minimum_sample) == (3, Comparison.AT_LEAST, 20)
    used = [rule(shipped, name).threshold for name in ("limit_nearly_used", "limit_used")]
    assert used == [0.8, 1]


def test_divergence_is_the_chart_unless_the_literal_rule_is_chosen(home: Path) -> None:
    chart = [rule(read_monitoring(home), f"paper_live_divergence{end}") for end in ("", "_freeze")]
    assert [each.threshold for each in chart] == [8, 12]
    change(home, "rule: cusum ", "rule: daily_z ")
    literal, freeze = (rule(read_monitoring(home), f"paper_live_divergence{end}") for end in ("", "_freeze"))
    assert [(watch.comparison.sign, watch.threshold) for watch in literal.watches] == [(">", 2), ("<", -2)]
    assert literal.severity is Severity.INFO, "it informs"
    assert freeze.threshold == 12


def test_an_alert_names_an_owner_a_page_and_a_view(shipped: Monitoring, repository: Path) -> None:
    for each in shipped.plan.rules:
        page = repository / "runbooks" / f"{each.playbook}.md"
        assert "**You see**" in page.read_text() or "**When**" in page.read_text(), each.name
        assert each.owner in dict(shipped.plan.owners)
    assert channel_silent(resolve_channels(shipped, repository, {})[0]).owner in dict(shipped.plan.owners)


def test_what_has_no_series_yet_is_told_by_the_catalogue(shipped: Monitoring) -> None:
    awaited = {metric.name for metric in METRICS if metric.awaits}
    waiting = {each.name for each in shipped.plan.rules if each.metrics & awaited}
    assert waiting == {"report_missing", "backup_old"}


def test_only_alerts_of_their_scope_stop_anything(shipped: Monitoring) -> None:
    acting = {each.name: each.action for each in shipped.plan.rules if each.action is not Action.NONE}
    assert acting == {"doubt_unresolved": Action.HALT_ENTRIES, "drawdown_severe": Action.HALT_ENTRIES}


LATE = "{level: quarterdeck_order_wait_seconds, above: 5}"
SLOW = "{slow: quarterdeck_order_hop_seconds, within: 60, edge: 6, above: 0}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            LATE,
            "{level: quarterdeck_order_wait_second, above: 5}",
            "is 'quarterdeck_order_wait_second', no metric of the desk; did you mean 'quarterdeck_order_wait_seconds'?",
        ),
        (LATE, SLOW, "edge is 6, no bucket of quarterdeck_order_hop_seconds; it has 0.0001"),
        (
            LATE,
            "{level: quarterdeck_orders_total, above: 5}",
            "is quarterdeck_orders_total, a counter; level watches a gauge",
        ),
        (LATE, "{age: quarterdeck_order_wait_seconds, above: 5}", "is quarterdeck_order_wait_seconds, no instant"),
        (LATE, "{level: quarterdeck_order_wait_seconds}", "level takes one of above, at_least"),
        (
            "by: [strategy, venue]",
            "by: [strategy, venu]",
            "names 'venu', no label of quarterdeck_order_wait_seconds; did you mean 'venue'?",
        ),
        ("channels: [desk, phone]", "channels: [desk, phon]", "is 'phon', no channel; did you mean 'phone'?"),
        (
            "inhibits: [feed_silent, activity_missing, process_down]",
            "inhibits: [process_given_up]",
            "is process_given_up, which inhibits engine_silent in turn: with both firing neither is told; remove one",
        ),
        (
            "playbook: order-late",
            "playbook: order-lat",
            "is 'order-lat', no page under runbooks/; did you mean 'order-late'?",
        ),
        (
            "dashboard: execution_latency",
            "dashboard: latency",
            "is 'latency', no page of the desk; did you mean 'execution_latency'?",
        ),
        (" owner: operator", " owner: operato", "order_late.owner is 'operato', no owner; did you mean 'operator'?"),
        ("channels_owner: operator", "channels_owner: operations", "channels_owner is 'operations', no owner; did you"),
        ("\n  order_late:", "\n  channel_silent:", "is an alert that every desk has; give yours another name"),
        (
            "severity: critical",
            "severity: critcal",
            "severity is 'critcal'; it must be 'info', 'warning' or 'critical'",
        ),
        (
            'says: "an order of {strategy}',
            'says: "an order of {strateg}',
            "is 'strateg', no value or label of this alert",
        ),
        (
            "within: 900\n        sample: 20\n        above",
            "within: 9\n        sample: 20\n        above",
            "within is 9 s, in which Prometheus looks less than 2 times; give 10 at least",
        ),
        ("above: 0.03", "above: 3", "is 3; a ratio is a share, below 1"),
        (
            "where: {answer: rejected}",
            "where: {answers: rejected}",
            "names 'answers', no label of quarterdeck_venue_answers_total",
        ),
        (
            "at_least: 0.8, clear: 0.75",
            "at_least: 0.8, clear: 0.85",
            "clear is 0.85; it must be below the threshold 0.8",
        ),
        (
            "while: [{metric: quarterdeck_market_open, at_least: 1, by: [calendar]}]",
            "while: [{metric: quarterdeck_market_open, at_least: 1, by: [calender]}]",
            "names 'calender', no label of",
        ),
        (
            "inhibits: [order_in_doubt]",
            "inhibits: [order_in_dout]",
            "is 'order_in_dout', no alert; did you mean 'order_in_doubt'?",
        ),
        ("action: halt_entries", "action: disable", "is disable, and by has no strategy; add it, or take halt_entries"),
        ("action: halt_entries", "action: halt", "it must be 'none', 'halt_entries', 'disable' or 'kill'"),
        (
            "{alert: order_late, scope: {strategy: trend, venue: paper}, from: 6, until: 9}",
            "{alert: limit_used, scope: {limit: max_net, scope: book, name: ''}, from: 6, until: 9}",
            "alerts.order_late has no test case in which it fires",
        ),
        (
            "{alert: order_late, scope: {strategy: trend, venue: paper}",
            "{alert: order_late, scope: {strategy: trend}",
            "scope lacks venue of order_late; add it",
        ),
        ("from: 60, until: 1020}", "from: 61, until: 1020}", "is between two looks; give multiples of 60"),
        ('values: "0+1x8 0x3"', 'values: "0+1x8 zero"', "'zero' is no part of a series"),
        (
            "query: sum(quarterdeck_process_up)",
            "query: sum(quarterdeck_proces_up)",
            "is 'quarterdeck_proces_up', no metric of the desk",
        ),
        (
            "query: 'sum by (venue) (quarterdeck_doubts)'",
            "query: 'sum by (venu) (quarterdeck_doubts)'",
            "names 'venu', no label of what it asks for",
        ),
        ("query: sum(quarterdeck_pnl)", "query: sum(quarterdeck_pnl", "lacks a ); mend the query"),
        ("scrape_seconds: 5", "scrape_second: 5", "unknown key 'scrape_second'; did you mean 'scrape_seconds'?"),
        (
            'address: "${EXECUTION_ALERTS_DESK}"',
            'address: "mailto://me:secret@example.org"',
            "channels.desk.address is 'mailto://…';",
        ),
        (
            "where: {answer: rejected}",
            "where: {answer: rejectd}",
            "where.answer is 'rejectd', no answer that there is; did you mean 'rejected'?",
        ),
        (
            "{absent: quarterdeck_process_beat_timestamp_seconds, where: {process: engine}}",
            '{absent: quarterdeck_process_beat_timestamp_seconds, where: {process: "!engine"}}',
            "where begins with !; who is absent has to be named",
        ),
        (
            "where: {process: engine}, above",
            "where: {process: enigne}, above",
            "where.process is 'enigne', no process that there is; did you mean 'engine'?",
        ),
        (
            'where: {process: "runner-*"}',
            'where: {process: "runer-*"}',
            "where.process is 'runer-*', no process that there is; did you mean 'runner-*'?",
        ),
        (
            "where: {process: archiver}",
            "where: {process: archive}",
            "where.process is 'archive', no process that there is; did you mean 'archiver'?",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_its_line(home: Path, old: str, new: str, said: str) -> None:
    change(home, old, new)
    with pytest.raises(ConfigError) as refused:
        read_monitoring(home)
    assert said in str(refused.value)
    assert str(refused.value).startswith("config/monitoring.yaml:")


def test_an_address_comes_from_the_environment_or_a_file(home: Path) -> None:
    change(home, 'phone: {address: "${EXECUTION_ALERTS_PHONE}"', "phone: {file: phone.address")
    (home / "phone.address").write_text("sms://secret\n")
    (home / "phone.address").chmod(0o600)
    monitoring = read_monitoring(home)
    telling, missing = resolve_channels(monitoring, home, {"EXECUTION_ALERTS_DESK": "json://127.0.0.1:1/x"})
    assert [(channel.name, channel.address) for channel in telling.channels] == [
        ("desk", "json://127.0.0.1:1/x"),
        ("phone", "sms://secret"),
    ]
    assert missing == (
        "channel lead tells nobody: EXECUTION_ALERTS_LEAD is not set",
        "nobody notices when monitoring is dead: EXECUTION_HEARTBEAT is not set",
    )
    assert "secret" not in repr(telling)


def test_a_secret_that_others_may_read_is_none(home: Path) -> None:
    change(home, 'phone: {address: "${EXECUTION_ALERTS_PHONE}"', "phone: {file: phone.address")
    (home / "phone.address").write_text("sms://secret")
    (home / "phone.address").chmod(0o644)
    telling, missing = resolve_channels(read_monitoring(home), home, {})
    assert telling.channels == ()
    assert "phone.address may be read by others" in missing[1]
    assert "secret:" not in " ".join(missing)
