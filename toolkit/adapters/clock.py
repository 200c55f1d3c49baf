"""Reads the machine's two clocks; feed time comes with the feed and is never read here."""

from __future__ import annotations

import time
from typing import Final

from toolkit.domain.time import MonoTime, WallTime

_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def mono_time() -> MonoTime:
    """Nanoseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps; CLOCK_MONOTONIC where there is none."""
    return MonoTime(time.clock_gettime_ns(_CLOCK))


def wall_time() -> WallTime:
    """UTC nanoseconds."""
    return WallTime(time.time_ns())


class SystemClock:
    """Both clocks in one object to hand around. `wall_offset` (ns) steps the wall clock in tests."""

    def __init__(self, wall_offset: int = 0) -> None:
        self.wall_offset = wall_offset

    def wall(self) -> WallTime:
        return WallTime(time.time_ns() + self.wall_offset)

    def mono(self) -> MonoTime:
        return mono_time()
