"""By how much a machine's clock was set while somebody looked on, so that it can be undone; it reads no clock."""

from __future__ import annotations

from typing import Final

from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime

STEP: Final = NANOSECONDS
"""By more than this from one look to the next a clock does not drift: somebody has set it."""


class Steps:
    """`undone` is what makes of the wall clock one that nobody has set since the first look (ns): positive when it was
    set back."""

    def __init__(self) -> None:
        self.undone = 0
        self._apart: int | None = None

    def look(self, wall: WallTime, mono: MonoTime) -> None:
        apart = int(wall) - int(mono)
        step = 0 if self._apart is None else apart - self._apart
        if abs(step) > STEP:
            self.undone -= step
        self._apart = apart


def waited(since: int, wall: int, undone: int) -> int:
    """How long something waits that began at `since` by the wall clock of then: since the later of both moments that
    this may be, and that is no future."""
    now = wall + undone
    return now - max((begun for begun in (since, since + undone) if begun <= now), default=now)
