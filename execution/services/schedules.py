"""When the steps of a feed are due: pure arithmetic on seconds that are handed in; no clock is read here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

from toolkit.domain.time import NANOSECONDS

LONGEST_MAKE_UP = 1.0  # seconds: a longer pause is not made up for by a burst


class Schedule(Protocol):
    """When the next steps are due."""

    def due(self, now: float, position: int, at_most: int) -> int:
        """How many steps behind `position` to publish now, up to `at_most`; they count as published."""

    def wait(self, now: float, position: int) -> float:
        """Seconds until the step behind `position` is due."""


class SteadySchedule:
    """One step every `seconds_per_step`, whatever its feed time is."""

    def __init__(self, seconds_per_step: float, now: float) -> None:
        self._each = seconds_per_step
        self._next = now

    def due(self, now: float, position: int, at_most: int) -> int:
        """How many steps to publish now, up to `at_most`; they count as published."""
        if self._each == 0:
            return at_most
        if now - self._next > max(LONGEST_MAKE_UP, self._each):
            self._next = now
        count = min(at_most, int((now - self._next) / self._each) + 1) if now >= self._next else 0
        self._next += count * self._each
        return count

    def wait(self, now: float, position: int) -> float:
        """Seconds until the next step is due."""
        return max(0.0, self._next - now) if self._each else 0.0


class RecordedSchedule:
    """As the steps of a recording came, `speed` times as fast. `times` are the feed times (ns) of `first` and after."""

    def __init__(self, times: Sequence[int], first: int, speed: float) -> None:
        self._times = times
        self._first = first
        self._speed = speed
        self._anchor: tuple[float, int] | None = None

    def due(self, now: float, position: int, at_most: int) -> int:
        """How many of the steps behind `position` have come by now; a long pause is not made up for by a burst."""
        index = position + 1 - self._first
        if index >= len(self._times):
            return at_most  # the source says that the feed is over
        if self._anchor is None or self._lateness(now, index) > LONGEST_MAKE_UP:
            self._anchor = now, self._times[index]
        begun, time = self._anchor
        come = time + int((now - begun) * self._speed * NANOSECONDS)
        return min(at_most, bisect_right(self._times, come, index) - index)

    def wait(self, now: float, position: int) -> float:
        """Seconds until the step behind `position` comes."""
        index = position + 1 - self._first
        return max(0.0, -self._lateness(now, index)) if index < len(self._times) else 0.0

    def _lateness(self, now: float, index: int) -> float:
        """Seconds since a step was due; negative before."""
        if self._anchor is None:
            return 0.0
        begun, time = self._anchor
        return now - begun - (self._times[index] - time) / NANOSECONDS / self._speed
