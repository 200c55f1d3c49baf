"""A message says what, value and threshold, since when, what was done, where to look, and the line to acknowledge."""

from __future__ import annotations

import msgspec
import pytest

from toolkit.monitoring.alert_book import Alert, AlertState
from toolkit.monitoring.messages import MOST_LISTED, Desk, News, digest, figure, message

DESK = Desk(name="demo", kind="paper", dashboards="http://127.0.0.1:8601/")
WALL = 1_800_000_000_000_000_000
LATE = Alert(
    id="A7K2P9", rule="late_order", severity="critical", since=WALL - 12 * 10**9, opened=WALL, changed=WALL,
    scope=(("strategy", "trend"), ("venue", "paper")), summary="an order of trend waits for 6.1 s", value=6.1,
    threshold=5.0, comparison=">", unit="seconds", action="entries of strategy trend are halted (asked for)",
    owner="ops", playbook="late-orders", dashboard="execution_latency",
)  # fmt: skip


def test_one_alert() -> None:
    told = message(DESK, News.FIRING, [LATE], WALL)
    assert told.title == "[PAPER demo] CRITICAL late_order · strategy trend, venue paper"
    assert told.body.splitlines() == [
        "an order of trend waits for 6.1 s",
        "value: 6.1 s > 5 s · strategy trend, venue paper",
        "since: 2027-01-15 07:59:48 UTC (12 s)",
        "action: entries of strategy trend are halted (asked for)",
        "dashboard: http://127.0.0.1:8601/execution_latency?strategy=trend&venue=paper&span=1h&until=2027-01-15T08:30:00Z",
        "playbook: runbooks/late-orders.md",
        "owner: ops",
        "acknowledge: execution alerts ack A7K2P9 --reason …",
    ]


def test_without_action_dashboards_or_playbook_it_says_so_or_nothing() -> None:
    bare = msgspec.structs.replace(LATE, action="", playbook="", owner="")
    body = message(Desk(name="demo", kind="live"), News.FIRING, [bare], WALL).body
    assert "action: none was taken" in body
    assert not {"dashboard", "playbook", "owner"} & {line.partition(":")[0] for line in body.splitlines()}


def test_many_of_a_rule_are_listed_up_to_a_point() -> None:
    many = [msgspec.structs.replace(LATE, id=f"A{number}", scope=(("strategy", f"s{number}"),)) for number in range(40)]
    told = message(DESK, News.FIRING, many, WALL)
    assert told.title == "[PAPER demo] CRITICAL late_order · 40 times"
    assert f"· and {40 - MOST_LISTED} more: execution alerts list" in told.body
    assert told.body.splitlines()[-1] == "acknowledge all of them: execution alerts ack late_order --reason …"
    assert told.alerts == tuple(f"A{number}" for number in range(40))


def test_many_lead_to_the_time_of_all_of_them_and_to_no_one_of_their_scopes() -> None:
    earlier = msgspec.structs.replace(LATE, id="B", since=WALL - 7_200 * 10**9)
    for news in (News.FIRING, News.RESOLVED):
        told = message(DESK, news, [LATE, earlier], WALL)
        assert "dashboard: http://127.0.0.1:8601/execution_latency?span=4h&until=2027-01-15T08:30:00Z" in told.body


def test_that_it_is_over_asks_for_no_acknowledgement() -> None:
    over = msgspec.structs.replace(LATE, state=AlertState.RESOLVED, resolved=WALL + 3_600 * 10**9)
    told = message(DESK, News.RESOLVED, [over], WALL + 3_601 * 10**9)
    assert told.title == "[PAPER demo] resolved: late_order · strategy trend, venue paper"
    assert "acknowledge" not in told.body
    assert "/execution_latency?strategy=trend&venue=paper&span=4h&until=2027-01-15T09:05:00Z" in told.body


def test_a_digest_counts_what_was_late_and_lists_the_newest() -> None:
    missed = [
        msgspec.structs.replace(message(DESK, News.FIRING, [LATE], WALL), title=f"t{number}") for number in range(20)
    ]
    told = digest(DESK, missed, dropped=5)
    assert "25 messages were late" in told.title
    assert "· t19" in told.body
    assert "· t0\n" not in told.body


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0312, "ratio", "3.12 %"),
        (86_400.0, "seconds", "86,400 s"),
        (2.4, "standard deviations", "2.4 σ"),
        (5e9, "bytes", "5,000 MB"),
        (12.0, "orders", "12 orders"),
        (0.5, "", "0.5"),
        (1234.56, "base currency", "1,235 base currency"),
    ],
)
def test_figures_as_people_say_them(value: float, unit: str, words: str) -> None:
    assert figure(value, unit) == words
