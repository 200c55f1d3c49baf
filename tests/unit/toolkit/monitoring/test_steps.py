"""Steps of a clock are found and undone; drift and a slow look are none."""

from __future__ import annotations

import pytest

from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime
from toolkit.monitoring.steps import Steps, waited

BEGIN = 1_800_000_000


def undone(*looks: tuple[float, float]) -> list[float]:
    """After looks at so many seconds of a clock that nobody sets, and of the wall clock's."""
    steps, found = Steps(), []
    for mono, wall in looks:
        steps.look(WallTime((BEGIN * NANOSECONDS) + round(wall * NANOSECONDS)), MonoTime(round(mono * NANOSECONDS)))
        found.append(steps.undone / NANOSECONDS)
    return found


def test_a_clock_that_nobody_sets_is_left_as_it_is_however_seldom_it_is_looked_at() -> None:
    assert undone((0, 0), (0.25, 0.25), (600, 600), (601, 601.4), (602, 602)) == [0, 0, 0, 0, 0]


def test_each_step_is_undone_and_one_that_is_taken_back_leaves_nothing() -> None:
    assert undone((0, 0), (1, -3_599), (2, -3_598), (3, 86_403 - 3_600), (4, 4)) == [0, 3_600, 3_600, -82_800, 0]


@pytest.mark.parametrize("back", [-3_600, 0, 3_600])
@pytest.mark.parametrize("is_newer", [False, True], ids=["began before", "began after"])
def test_what_waits_has_waited_as_long_as_it_has_whether_it_began_before_or_after_the_step(
    back: int, is_newer: bool
) -> None:
    now, since = 10_000, 9_993
    assert waited(since - back if is_newer else since, now - back, back) == 7


def test_what_begins_in_a_future_that_nobody_explains_begins_now() -> None:
    assert waited(3_600, 10, 0) == 0
