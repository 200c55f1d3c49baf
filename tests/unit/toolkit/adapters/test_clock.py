import time

from toolkit.adapters.clock import SystemClock, mono_time, wall_time


def test_mono_time_never_goes_back() -> None:
    readings = [mono_time() for _ in range(100)]
    assert readings == sorted(readings)


def test_wall_time_is_utc() -> None:
    before, now, after = time.time_ns(), wall_time(), time.time_ns()
    assert before <= now <= after


def test_a_stepped_wall_clock_leaves_the_other_alone() -> None:
    clock = SystemClock(wall_offset=-3_600_000_000_000)
    assert wall_time() - clock.wall() >= 3_599_000_000_000
    before = mono_time()
    clock.wall_offset = 10**18
    assert 0 <= clock.mono() - before < 10**10
