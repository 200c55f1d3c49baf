"""When what was stamped by a wall clock happened, though that was set meanwhile; it reads no clock."""

from __future__ import annotations

from typing import NamedTuple

Series = tuple[str, tuple[str, ...]]
"""A metric, and the values of its labels."""


class Placed(NamedTuple):
    """A stamp as it was written, and where it belongs."""

    stamp: float
    place: float


class Instants:
    """Places stamps on a time that nobody sets: the wall clock's, plus `undone` for what it was set by. Seconds.

    A stamp that stands goes on standing where it stood. A new one may have been written just before the clock was set:
    it belongs to the later of both places that is no future, and to now where each is, as after a start anew.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._undone = self._undone_before = 0.0
        self._placed: dict[Series, Placed] = {}
        self._before: dict[Series, Placed] = {}

    def go_on_from(self, before: Instants) -> None:
        """Remember what another one saw."""
        self._undone, self._undone_before = before._undone, before._undone_before
        self._placed = dict(before._placed)

    def look(self, now: float, undone: float) -> None:
        """A moment begins, of that time. What had no stamp at the last one is forgotten."""
        if undone != self._undone:
            self._undone, self._undone_before = undone, self._undone
        self._now = now
        self._before, self._placed = self._placed, {}

    def place(self, series: Series, stamp: float) -> float:
        known = self._placed.get(series) or self._before.get(series)
        if known is None or known.stamp != stamp:
            places = (stamp + self._undone, stamp + self._undone_before)
            known = Placed(stamp, max((place for place in places if not place > self._now), default=self._now))
        self._placed[series] = known
        return known.place
