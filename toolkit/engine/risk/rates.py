"""Message rates over a sliding second (controls 5 and 6), local to one engine: who may go now, never who goes first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from toolkit.domain.time import NANOSECONDS, MonoTime

WINDOW = NANOSECONDS
BOOK = "book:"


class Allowance(NamedTuple):
    """What is in force for one scope: messages per window, those kept for cancels and exits, and the place."""

    messages: int
    reserve: int
    source: str
    window: int = WINDOW


class MessageRates:
    """Counts every message, refused tries included, per scope such as `venue:paper` or `strategy:trend`."""

    def __init__(self, allowance: Callable[[str], Allowance | None]) -> None:
        self._allowance = allowance
        self._sent: dict[str, deque[MonoTime]] = {}
        self._windows: dict[str, int] = {}

    def allowance(self, scope: str) -> Allowance | None:
        return self._allowance(scope)

    def used(self, scope: str, now: MonoTime) -> int:
        """Messages within the window that ends now."""
        sent = self._sent.get(scope)
        if not sent:
            return 0
        allowance = self._allowance(scope)
        window = WINDOW if allowance is None else allowance.window
        while sent and now - sent[0] >= window:
            sent.popleft()
        return len(sent)

    def note(self, scope: str, now: MonoTime) -> None:
        """Count one message, sent or refused. Where nothing is in force only the last window is kept."""
        allowance = self._allowance(scope)
        sent = self._sent.get(scope)
        if sent is None:
            sent = self._sent[scope] = deque()
        sent.append(now)
        if allowance is None:
            while now - sent[0] >= WINDOW:
                sent.popleft()
        elif len(sent) > 4 * allowance.messages + 16:
            sent.popleft()

    def has_room(self, scope: str, now: MonoTime) -> bool:
        """Whether an exit that waited may go now: the whole rate is its own, and never less than one message."""
        allowance = self._allowance(scope)
        return allowance is None or self.used(scope, now) < max(1, allowance.messages)

    def exceeded(self, scope: str, now: MonoTime) -> bool:
        """Whether an exit that was counted already has to wait."""
        allowance = self._allowance(scope)
        return allowance is not None and self.used(scope, now) > max(1, allowance.messages)
