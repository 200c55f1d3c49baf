"""When the steps of a feed are due, in seconds that are handed in."""

from execution.services.schedules import RecordedSchedule, SteadySchedule

SECOND = 1_000_000_000


def test_the_schedule_spreads_steps_evenly() -> None:
    schedule = SteadySchedule(0.25, 10.0)
    told = [schedule.due(10.0 + tenths / 10, 0, 100) for tenths in range(11)]
    assert told == [1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1]
    assert schedule.wait(11.0, 0) == 0.25


def test_a_little_lateness_is_made_up_for_and_a_long_pause_is_not() -> None:
    schedule = SteadySchedule(0.1, 0.0)
    assert schedule.due(0.55, 0, 100) == 6
    assert schedule.due(100.0, 0, 100) == 1
    assert schedule.due(100.3, 0, 2) == 2


def test_as_fast_as_possible_is_as_many_as_may_be() -> None:
    schedule = SteadySchedule(0.0, 0.0)
    assert (schedule.due(0.0, 0, 500), schedule.wait(0.0, 0)) == (500, 0.0)


def test_a_recording_comes_as_it_came_then_and_twice_as_fast_when_told_so() -> None:
    times = [5 * SECOND, 6 * SECOND, 6 * SECOND, 9 * SECOND]
    schedule = RecordedSchedule(times, first=11, speed=2.0)
    assert schedule.due(100.0, 10, 500) == 1
    assert schedule.wait(100.0, 11) == 0.5
    assert schedule.due(100.4, 11, 500) == 0
    assert schedule.due(100.5, 11, 500) == 2
    assert schedule.due(102.0, 13, 500) == 1
    assert schedule.due(102.0, 14, 500) == 500  # the source says that the feed is over


def test_an_engine_that_was_away_for_long_does_not_get_a_recording_in_a_burst() -> None:
    schedule = RecordedSchedule([0, SECOND, 2 * SECOND, 3 * SECOND], first=1, speed=1.0)
    assert schedule.due(10.0, 0, 500) == 1
    assert schedule.due(60.0, 1, 500) == 1
    assert schedule.due(61.0, 2, 500) == 1
