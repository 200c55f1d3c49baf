"""By how much counters grew within a window, one a scope; bounded, and exactly what `x - min_over_time(x[w])` says."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

Scope = tuple[tuple[str, str], ...]
"""A value for each label of a rule, in the rule's order."""

STEPS_KEPT: Final = 1024
"""Looks closer to each other than this part of the window count as one, so that a scope keeps no more than this."""


class Growth:
    """The least value within the window for each scope, as a queue of which each entry is below all later ones.

    A counter that starts anew counts from there; one that is seen for the first time has grown by nothing yet.
    """

    def __init__(self, window: float) -> None:
        self._window = round(window * 1e9)
        self._step = max(1, self._window // STEPS_KEPT)
        self._lows: dict[Scope, deque[tuple[int, float]]] = {}

    def hear(self, totals: Mapping[Scope, float], wall: int) -> dict[Scope, float]:
        """Take in what the counters are now (UTC ns, never earlier than before); how much each has grown."""
        for scope, total in totals.items():
            self._add(self._lows.setdefault(scope, deque()), total, wall)
        self._forget(wall)
        return {scope: total - self._lows[scope][0][1] for scope, total in totals.items()}

    @property
    def kept(self) -> int:
        """How many entries are held, of all scopes."""
        return sum(map(len, self._lows.values()))

    def _add(self, lows: deque[tuple[int, float]], total: float, wall: int) -> None:
        while lows and lows[-1][1] >= total:
            lows.pop()
        if lows and lows[-1][0] // self._step == wall // self._step:
            lows[-1] = (wall, lows[-1][1])
        else:
            lows.append((wall, total))

    def _forget(self, wall: int) -> None:
        for scope in [*self._lows]:
            lows = self._lows[scope]
            while lows and lows[0][0] < wall - self._window:
                lows.popleft()
            if not lows:
                del self._lows[scope]
