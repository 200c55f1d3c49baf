"""Lateness is of the clock as it is now: what came long ago, before somebody mended it, has no say."""

from __future__ import annotations

from execution.services.lateness import FEWEST, MOST, Lateness
from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime

SENT_BEFORE = 50_000_000


class Machine:
    """Its clock is `ahead` by so many seconds; the exchange's is right, and its messages take 50 ms."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.seconds, self.ahead = 1_000.0, ahead
        self.lateness = Lateness(self)

    def mono(self) -> MonoTime:
        return MonoTime(round(self.seconds * NANOSECONDS))

    def wall(self) -> WallTime:
        return WallTime(round((self.seconds + self.ahead) * NANOSECONDS))

    def hear(self, messages: int, every: float) -> None:
        for _ in range(messages):
            self.seconds += every
            self.lateness.hear(WallTime(round(self.seconds * NANOSECONDS) - SENT_BEFORE))


def test_it_is_the_median_and_negative_where_our_clock_is_behind() -> None:
    assert Machine().lateness.milliseconds() is None
    machine = Machine(ahead=-2.0)
    machine.hear(FEWEST - 1, 1)
    assert machine.lateness.milliseconds() is None, "too few to say"
    machine.hear(1, 1)
    assert machine.lateness.milliseconds() == -1_950


def test_a_clock_that_was_mended_is_right_a_minute_later_however_quiet_the_feed() -> None:
    machine = Machine(ahead=-3_600)
    machine.hear(MOST, 10)
    machine.ahead = 0.0
    machine.hear(7, 10)
    assert machine.lateness.milliseconds() == 50


def test_what_came_says_nothing_any_more_when_nothing_comes() -> None:
    machine = Machine(ahead=5)
    machine.hear(10, 0.1)
    assert machine.lateness.milliseconds() == 5_050
    machine.seconds += 61
    assert machine.lateness.milliseconds() is None


def test_a_clock_that_is_set_while_messages_come_makes_none_of_them_younger() -> None:
    machine = Machine()
    machine.hear(10, 1)
    machine.ahead = -3_600
    machine.seconds += 61
    assert machine.lateness.milliseconds() is None
