"""Places of a rate budget: no more processes own a part than were planned for, and a place remembers what it sent."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.toolkit.domain.test_rate_budget import CANCEL, ENTRY, EXIT, PLAN
from toolkit.adapters.budget_places import Budgets
from toolkit.adapters.clock import SystemClock
from toolkit.domain.errors import ConfigError
from toolkit.domain.time import NANOSECONDS

PLANS = {"paper": PLAN, "other": PLAN}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Budgets]:
    budgets = Budgets.publish(tmp_path, PLANS)
    yield budgets
    budgets.close()


def now() -> object:
    return SystemClock().mono()


def test_venues_with_one_key_draw_from_one_budget(engine: Budgets) -> None:
    assert engine.of_venue("paper") is engine.of_venue("other")
    assert len(engine.all) == 1


def test_a_venue_without_a_budget_is_not_counted(tmp_path: Path) -> None:
    none = Budgets(tmp_path, {})
    assert not none
    assert list(none.sort_out([ENTRY] * 1_000, SystemClock().mono()).may) == [ENTRY] * 1_000


def test_a_persons_line_finds_the_plan_that_the_engine_left_and_takes_a_place_of_its_own(
    tmp_path: Path, engine: Budgets
) -> None:
    beside = Budgets.of(tmp_path, "paper")
    assert beside.all[0].plan == PLAN
    assert len(beside.sort_out([EXIT] * 20, SystemClock().mono()).may) == PLAN.reserve + PLAN.share
    beside.close()


def test_all_places_taken_an_engine_does_not_start_and_a_person_still_cancels(tmp_path: Path, engine: Budgets) -> None:
    others = [Budgets.of(tmp_path, "paper") for _ in range(PLAN.processes - 1)]
    with pytest.raises(ConfigError, match="all 3 places of rate main are taken; raise `processes`"):
        Budgets.publish(tmp_path, PLANS)
    late = Budgets.of(tmp_path, "paper")
    sorted_ = late.sort_out([CANCEL, EXIT], SystemClock().mono())
    assert (sorted_.may, sorted_.held) == ([CANCEL], [EXIT])
    for budgets in others:
        budgets.close()


def test_who_takes_a_place_right_after_another_used_it_waits_for_its_window(tmp_path: Path) -> None:
    first = Budgets.publish(tmp_path, PLANS)
    assert first.sort_out([EXIT], SystemClock().mono()).may == [EXIT]
    first.close()
    second = Budgets.publish(tmp_path, PLANS)
    assert second.sort_out([EXIT], SystemClock().mono()).held == [EXIT]
    second.close()
    place = tmp_path / "main.0"
    os.utime(place, ns=(0, place.stat().st_mtime_ns - 2 * PLAN.window))
    third = Budgets.publish(tmp_path, PLANS)
    assert third.sort_out([EXIT], SystemClock().mono()).may == [EXIT]
    third.close()


def test_another_plan_is_left_for_others_and_what_was_sent_counts_in_it(tmp_path: Path, engine: Budgets) -> None:
    assert engine.sort_out([CANCEL] * 200, SystemClock().mono()).may
    owed = engine.all[0].overdrawn()
    engine.all[0].owe(owed)
    tighter = msgspec.structs.replace(PLAN, messages=60)
    engine.replan({"paper": tighter})
    assert [budget.plan for budget in engine.all] == [tighter]
    assert engine.all[0].overdrawn() == owed > 0
    assert engine.sort_out([EXIT], SystemClock().mono()).held == [EXIT], "its part is used for this window"
    assert Budgets.of(tmp_path, "paper").all[0].plan == tighter
    assert not Budgets.of(tmp_path, "other")
    engine.replan({})
    assert not engine
    assert not Budgets.of(tmp_path, "paper")


@pytest.mark.parametrize("changes", [{"source": "config/venues.yaml:9"}, {"messages": 30}, {"share": 7, "block": 5}])
def test_a_line_that_moved_or_a_lower_rate_holds_no_exit_back(changes: dict[str, Any], engine: Budgets) -> None:
    at = SystemClock().mono()
    assert engine.sort_out([EXIT], at).may == [EXIT]
    engine.replan({"paper": msgspec.structs.replace(PLAN, **changes)})
    room = engine.all[0].plan.reserve + engine.all[0].plan.share
    sorted_ = engine.sort_out([EXIT] * room, at)
    assert (len(sorted_.may), len(sorted_.held), len(sorted_.refused)) == (room - 1, 1, 0)


def test_a_rate_over_another_time_begins_with_its_part_used(engine: Budgets) -> None:
    hourly = msgspec.structs.replace(PLAN, window=3_600 * NANOSECONDS)
    engine.replan({"paper": hourly})
    assert engine.sort_out([EXIT], SystemClock().mono()).may == [EXIT], "of a place that was never used nothing is"
    engine.replan({"paper": msgspec.structs.replace(hourly, window=2 * hourly.window)})
    assert engine.sort_out([EXIT], SystemClock().mono()).held == [EXIT]


def test_without_a_plan_there_is_no_budget_and_a_broken_one_is_told(tmp_path: Path) -> None:
    assert not Budgets.of(tmp_path, "paper")
    (tmp_path / "paper.plan").write_text("{")
    with pytest.raises(ConfigError, match="restart engine"):
        Budgets.of(tmp_path, "paper")
