"""What the books say is judged while they are read; what lies beside them always, so that blindness is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from execution.services.judging import BESIDE, LOOKS_AGAIN, Judgement
from execution.settings.monitoring import read_monitoring
from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime
from toolkit.monitoring.rules import Rule
from toolkit.monitoring.samples import Gathering, Samples

START = 1_700_000_000


@pytest.fixture(scope="module")
def rules(repository: Path) -> tuple[Rule, ...]:
    return read_monitoring(repository).plan.rules


class Desk:
    """A judgement, and what it is shown."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._judgement = Judgement(rules)

    def look(self, second: float, *, wait: float = 0, read: float | None = None, set_back: float = 0) -> list[str]:
        """`second` is of a clock that nobody sets; `read` of the one that was set back, as all that is stamped."""
        gathering = Gathering()
        gathering.put("order_wait_seconds", wait, "trend", "paper")
        gathering.put("process_beat_timestamp_seconds", START + second - set_back, "engine")
        gathering.put("collected_timestamp_seconds", START + second - set_back)
        if read is not None:
            gathering.put("journal_read_timestamp_seconds", START + read)
        wall = at(second - set_back)
        return [firing.rule.name for firing in self._judgement.look(gathering.samples(wall), wall, mono(second))]


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


def answers(second: float, rejected: int) -> Samples:
    """Thirty answers of a venue until then, so many of them rejects."""
    gathering = Gathering()
    gathering.put("venue_answers_total", rejected, "paper", "rejected")
    gathering.put("venue_answers_total", 30 - rejected if rejected else 0, "paper", "accepted")
    gathering.put("journal_read_timestamp_seconds", START + second)
    return gathering.samples(at(second))


def mono(second: float) -> MonoTime:
    return MonoTime(round(second * NANOSECONDS))


def at(second: float) -> WallTime:
    return WallTime(START * NANOSECONDS + round(second * NANOSECONDS))


def names(judgement: Judgement, second: float, rejected: int) -> set[str]:
    fired = judgement.look(answers(second, rejected), at(second), mono(second))
    return {firing.rule.name for firing in fired} & {"venue_rejects"}


def test_what_went_by_while_nobody_looked_fills_the_windows_and_tells_nobody(rules: Sequence[Rule]) -> None:
    cold, warm = Judgement(rules), Judgement(rules)
    assert warm.looks_back == 900
    warm.look_again(lambda: answers(0, 0), at(0))
    assert names(cold, 600, 3) == set()
    assert names(warm, 600, 3) == {"venue_rejects"}
    assert names(warm, 1501, 3) == set(), "a quarter of an hour after the last of them"


def test_looks_at_what_went_by_are_no_more_than_a_window_needs(rules: Sequence[Rule]) -> None:
    looks: list[int] = []
    judgement = Judgement(rules)

    def measured() -> Samples:
        looks.append(1)
        return answers(0, 0)

    for tenth in range(9_000):
        judgement.look_again(measured, at(tenth / 10))
    assert len(looks) == LOOKS_AGAIN


def test_rules_that_are_saved_go_on_with_the_windows_of_those_that_did_not_change(rules: Sequence[Rule]) -> None:
    before = Judgement(rules)
    assert names(before, 0, 0) == set()
    assert names(before, 10, 3) == {"venue_rejects"}
    assert names(Judgement(rules, before), 20, 3) == {"venue_rejects"}
    changed = [msgspec.structs.replace(rule, owner="risk") for rule in rules]
    assert names(Judgement(changed, before), 20, 3) == set(), "another rule begins anew"


def test_books_that_were_read_by_a_clock_that_was_set_back_since_are_not_judged_and_that_is_told(
    rules: Sequence[Rule],
) -> None:
    desk = Desk(rules)
    assert desk.look(0, read=0) == []
    back = [desk.look(second, wait=6, read=0, set_back=3_600) for second in (1, 6, 12)]
    assert back == [[], [], ["monitor_blind"]]
    assert desk.look(13, wait=6, read=-3_587, set_back=3_600) == ["order_late"]


def test_what_lies_beside_the_books_needs_none(rules: Sequence[Rule]) -> None:
    beside = {rule.name for rule in rules if rule.metrics <= BESIDE}
    assert {"engine_silent", "runner_silent", "monitor_blind", "disk_full", "server_down", "feed_silent"} <= beside
    assert not {"order_late", "venue_rejects", "limit_used", "drawdown", "break_found"} & beside
