"""A trial fires as its alert would, for a while, and nothing follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from execution.settings.monitoring import read_monitoring
from toolkit.domain.time import NANOSECONDS
from toolkit.monitoring.alert_book import AlertBook, Did, answer
from toolkit.monitoring.rules import Action
from toolkit.monitoring.trial import TRIAL_SECONDS, Trials

NOW = 1_700_000_000 * NANOSECONDS


@pytest.fixture
def trials(repository: Path) -> Trials:
    return Trials(read_monitoring(repository).plan.rules)


def line(name: str, wall: int = NOW) -> dict[str, str]:
    return {
        "kind": "alert",
        "process": "people",
        "wall": str(wall),
        **answer(Did.TRY, name, who="unix:anna", reason="x"),
    }


def test_it_fires_for_its_time_along_the_chain_and_stops_nothing(trials: Trials) -> None:
    trials.hear(line("drawdown_severe"), NOW)
    (firing,) = trials.firing(NOW + NANOSECONDS)
    assert firing.rule.name == "trial_of_drawdown_severe"
    assert firing.scope == (("by", "unix:anna"),)
    assert firing.rule.channels == ("desk", "phone", "lead")
    assert firing.rule.action is Action.NONE, "the alert itself halts entries"
    assert firing.rule.summary.format(by="anna").startswith("TRIAL of drawdown_severe by anna")
    assert trials.firing(NOW + round(TRIAL_SECONDS * NANOSECONDS)) == ()


def test_what_is_old_unknown_or_no_trial_passes_by(trials: Trials) -> None:
    for told in (
        line("no_such_alert"),
        line("order_late", NOW - 60 * NANOSECONDS),
        {"kind": "alert"},
        {"kind": "feed"},
    ):
        trials.hear(told, NOW)
    assert trials.firing(NOW) == ()


def test_the_book_of_alerts_hears_of_no_alert(trials: Trials) -> None:
    assert AlertBook().hear(line("order_late")) is None


def test_every_alert_can_be_tried(trials: Trials) -> None:
    for rule in trials.rules:
        trials.hear(line(rule.name.removeprefix("trial_of_")), NOW)
    assert len(trials.firing(NOW)) == len(trials.rules) > 30
