"""Calls the heartbeat address as long as alerts would get through; whoever watches it notices when they would not."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

FRESH_SECONDS: Final = 5.0
"""So old may the last sign of the path be: rules evaluated, journal read, a channel that takes messages."""


class Snitch:
    """`alive` is said at each look at which the whole path lives; `call` blocks, and says what was wrong."""

    def __init__(self, call: Callable[[], str], every: float, problem: Callable[[str], None] = lambda _: None) -> None:
        self._call = call
        self._every = every
        self._problem = problem
        self._last: float | None = None
        self._stop = Event()
        Thread(target=self._work, name="heartbeat", daemon=True).start()

    def alive(self) -> None:
        self._last = time.monotonic()

    def close(self) -> None:
        self._stop.set()

    def _work(self) -> None:
        told = ""
        while not self._stop.wait(self._pause()):
            if not self._is_fresh():
                continue
            problem = self._call()
            if problem != told:
                told = problem
                self._problem(problem)

    def _is_fresh(self) -> bool:
        return self._last is not None and time.monotonic() - self._last <= FRESH_SECONDS

    def _pause(self) -> float:
        """The first call comes as soon as the path lives."""
        return self._every if self._last is not None else min(self._every, 0.1)
