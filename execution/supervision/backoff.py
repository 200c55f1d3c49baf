"""When a process that ended starts again, and when it is given up; pure arithmetic on times that are handed in."""

from __future__ import annotations

from collections import deque


class Backoff:
    """Delays double from `first` to `longest`; `give_up_after` failures in `within` seconds are too many (0: never)."""

    def __init__(self, *, first: float, longest: float, give_up_after: int = 0, within: float = 300.0) -> None:
        self._first = first
        self._longest = longest
        self._give_up_after = give_up_after
        self._within = within
        self._failures: deque[float] = deque()

    @property
    def failures(self) -> int:
        """Failures that still count."""
        return len(self._failures)

    def failed(self, now: float) -> float | None:
        """Note a failure at `now` (monotonic seconds): the delay until the next start, None to give up."""
        self._failures.append(now)
        while self._failures[0] <= now - self._within:
            self._failures.popleft()
        if self._give_up_after and len(self._failures) >= self._give_up_after:
            return None
        return float(min(self._longest, self._first * 2 ** (len(self._failures) - 1)))

    def forgive(self) -> None:
        """A person asked for another start: what was is forgotten."""
        self._failures.clear()
