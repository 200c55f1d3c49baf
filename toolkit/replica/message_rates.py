"""How many messages of a strategy, a venue and the book go out in a second of the feed, as control 5 counts them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from toolkit.domain.time import NANOSECONDS

BOOK = "book:"
FORGOTTEN_AFTER = 2 * NANOSECONDS
"""Without another message for so long (wall clock) nothing is in use any more, be the feed where it is."""


class Second(msgspec.Struct, gc=False, array_like=True):
    """The messages of one scope: in the newest second that had any, in the one before; when the last came."""

    number: int = 0
    count: int = 0
    before: int = 0
    wall: int = 0


class MessageRates(msgspec.Struct, array_like=True):
    """By scope, `strategy:trend`; as of `time` of the feed (ns)."""

    seconds: dict[str, Second] = {}
    time: int = 0

    def note(self, strategy: str, venue: str, time: int, wall: int) -> None:
        """A message that was let through."""
        self.time = max(self.time, time)
        number = time // NANOSECONDS
        for scope in (f"strategy:{strategy}", f"venue:{venue}", BOOK):
            second = self.seconds.get(scope)
            if second is None:
                second = self.seconds[scope] = Second()
            if number != second.number:
                second.before = second.count if number == second.number + 1 else 0
                second.number, second.count = number, 0
            second.count += 1
            second.wall = wall

    def as_of(self, wall: int) -> Callable[[str, str], int]:
        """Asked for scope and name: of the second that went by last and the one that runs, the one with more."""
        return partial(self._used, wall)

    def _used(self, wall: int, scope: str, name: str) -> int:
        second = self.seconds.get(f"{'venue' if scope == 'account' else scope}:{name}")
        if second is None or wall - second.wall > FORGOTTEN_AFTER:
            return 0
        behind = self.time // NANOSECONDS - second.number
        return max(second.count, second.before) if behind <= 0 else second.count if behind == 1 else 0
