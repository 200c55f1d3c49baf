"""What the books say is judged while they are read; what lies beside them always, so that blindness is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from execution.services.judging import BESIDE, Judgement
from execution.settings.monitoring import read_monitoring
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.rules import Rule
from toolkit.monitoring.samples import Gathering

START = 1_700_000_000


@pytest.fixture(scope="module")
def rules(repository: Path) -> tuple[Rule, ...]:
    return read_monitoring(repository).plan.rules


class Desk:
    """A judgement, and what it is shown."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._judgement = Judgement(rules)

    def look(self, second: float, *, wait: float = 0, read: float | None = None) -> list[str]:
        gathering = Gathering()
        gathering.put("order_wait_seconds", wait, "trend", "paper")
        gathering.put("process_beat_timestamp_seconds", START + second, "engine")
        gathering.put("collected_timestamp_seconds", START + second)
        if read is not None:
            gathering.put("journal_read_timestamp_seconds", START + read)
        wall = WallTime(round((START + second) * NANOSECONDS))
        return [firing.rule.name for firing in self._judgement.look(gathering.samples(wall), wall)]


def test_a_late_order_fires_with_the_look_that_sees_it(rules: Sequence[Rule]) -> None:
    desk = Desk(rules)
    assert desk.look(0, wait=4.9, read=0) == []
    assert desk.look(0.25, wait=5.1, read=0.25) == ["order_late"]
    assert desk.look(0.5, read=0.5) == []


def test_books_that_are_behind_are_not_judged(rules: Sequence[Rule]) -> None:
    """A monitor that folds a long journal sees orders waiting that were answered years ago."""
    desk = Desk(rules)
    assert desk.look(0, wait=1e6) == []
    assert desk.look(1, wait=1e5) == []
    assert desk.look(2, read=2) == []


def test_blindness_ends_nothing_and_is_told(rules: Sequence[Rule]) -> None:
    desk = Desk(rules)
    assert desk.look(0, wait=6, read=0) == ["order_late"]
    assert desk.look(10, wait=0, read=0) == ["order_late"]
    assert desk.look(30, wait=0, read=0) == ["order_late", "monitor_blind"]
    assert desk.look(31, wait=0, read=31) == []


def test_a_journal_that_was_never_read_is_told(rules: Sequence[Rule]) -> None:
    desk = Desk(rules)
    fired = [desk.look(second) for second in range(0, 30, 5)]
    assert fired[0] == []
    assert fired[-1] == ["monitor_blind"]


def test_what_lies_beside_the_books_needs_none(rules: Sequence[Rule]) -> None:
    beside = {rule.name for rule in rules if rule.metrics <= BESIDE}
    assert {"engine_silent", "runner_silent", "monitor_blind", "disk_full", "server_down", "feed_silent"} <= beside
    assert not {"order_late", "venue_rejects", "limit_used", "drawdown", "break_found"} & beside
