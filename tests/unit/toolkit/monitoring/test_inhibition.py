"""One cause, one message: of what fires, the desk tells what Alertmanager tells by the generated file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from execution.settings.monitoring import read_monitoring
from toolkit.monitoring.alertmanager import CONFIGURATION, alertmanager_files
from toolkit.monitoring.inhibition import Key, spoken_for
from toolkit.monitoring.plan import Plan
from toolkit.monitoring.replay import fired
from toolkit.monitoring.rules import Rule

PLAN = read_monitoring(Path(__file__).parents[4]).plan
RULES: Mapping[str, Rule] = {rule.name: rule for rule in PLAN.rules}
INHIBITIONS: list[dict[str, Any]] = yaml.safe_load(alertmanager_files(PLAN)[CONFIGURATION])["inhibit_rules"]


def muted(alerts: Collection[Key]) -> set[Key]:
    """What Alertmanager's documentation says of such a file: a label that is missing is one that is empty."""
    found: set[Key] = set()
    for rule in INHIBITIONS:
        (source,), (target,) = rule["source_matchers"], rule["target_matchers"]
        equal = rule.get("equal", [])
        there = {_values(each, equal) for each in alerts if source == f'alertname="{each[0]}"'}
        found |= {each for each in alerts if target == f'alertname="{each[0]}"' and _values(each, equal) in there}
    return found


def _values(alert: Key, labels: list[str]) -> tuple[str, ...]:
    return tuple(dict(alert[1]).get(label, "") for label in labels)


def moments(plan: Plan, case: str) -> list[set[Key]]:
    """What fires at each moment at which something does."""
    (found,) = [each for each in plan.cases if each.name == case]
    looks = groupby(fired(plan.rules, found), key=lambda one: one.second)
    return [{(one.alert, one.scope) for one in look} for _, look in looks]


@pytest.mark.parametrize("case", [case.name for case in PLAN.cases if case.fires])
def test_both_tell_the_same_of_every_case(case: str) -> None:
    for alerts in moments(PLAN, case):
        assert spoken_for(alerts, RULES) == muted(alerts)


def test_of_a_dead_journal_its_server_is_told_and_nothing_of_what_follows() -> None:
    looks = moments(PLAN, "with_the_journal_everybody_falls_silent")
    assert {name for alerts in looks for name, _ in alerts - spoken_for(alerts, RULES)} == {"server_down"}
    assert {name for alerts in looks for name, _ in alerts} > {"engine_silent", "runner_silent", "monitor_blind"}


@st.composite
def alert(draw: st.DrawFn) -> Key:
    rule = draw(st.sampled_from(PLAN.rules))
    return rule.name, tuple((label, draw(st.sampled_from(["", "a", "b"]))) for label in rule.by)


@given(alerts=st.sets(alert(), max_size=30))
def test_both_tell_the_same_of_whatever_fires(alerts: set[Key]) -> None:
    assert spoken_for(alerts, RULES) == muted(alerts)
