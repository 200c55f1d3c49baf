"""How late the messages of an exchange come: their median of the last minute, held against the exchange's own clock."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final, Protocol

from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime

LATELY: Final = 60 * NANOSECONDS
"""What came longer ago says nothing of the clock as it is now: on a quiet feed one that was mended would go on as
wrong for hours."""
MOST: Final = 500
FEWEST: Final = 3
"""Of fewer, one that took its time would speak for the clock."""


class Clock(Protocol):
    def wall(self) -> WallTime: ...

    def mono(self) -> MonoTime: ...


class Lateness:
    """`hear` when each message was sent. In memory that is bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: deque[tuple[int, int]] = deque(maxlen=MOST)

    def hear(self, sent: WallTime) -> None:
        """A message that arrives now, and was sent then by the clock of its exchange."""
        self._heard.append((int(self._clock.mono()), self._clock.wall() - sent))

    def milliseconds(self) -> float | None:
        """Negative: our clock is behind. None while too little comes."""
        oldest = int(self._clock.mono()) - LATELY
        while self._heard and self._heard[0][0] < oldest:
            self._heard.popleft()
        if len(self._heard) < FEWEST:
            return None
        return round(median(late for _, late in self._heard) / 1e6, 1)
