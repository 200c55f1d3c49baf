"""Which processes hang: judged by signs of life that change, on the supervisor's own clock; it ends nothing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from types import MappingProxyType

LONGEST_NAP = 2.0
"""Seconds. When the supervisor itself slept longer than this, nobody else is blamed for silence meanwhile."""


class Pulse:
    """Remembers when each sign last changed. A clock that jumps or a machine that slept accuses nobody."""

    def __init__(self, hung_after: float) -> None:
        self._hung_after = hung_after
        self._seen: dict[str, tuple[Hashable, float]] = {}
        self._last_look = 0.0

    def look(
        self, signs: Mapping[str, Hashable], now: float, patience: Mapping[str, int] = MappingProxyType({})
    ) -> dict[str, float]:
        """The names whose sign has not changed for too long, and how long that is. Who is not in `signs` owes none, and
        starts afresh; who is in `patience` is given so many times as long."""
        if now - self._last_look > LONGEST_NAP:
            self._seen = {}
        self._last_look = now
        self._seen = {name: known for name, known in self._seen.items() if name in signs}
        for name, sign in signs.items():
            if name not in self._seen or self._seen[name][0] != sign:
                self._seen[name] = (sign, now)
        allowed = {name: self._hung_after * patience.get(name, 1) for name in signs}
        return {name: allowed[name] for name, (_, since) in self._seen.items() if now - since > allowed[name]}
