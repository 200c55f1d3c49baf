"""The three clocks as types that do not mix; reading a clock happens elsewhere.

At run time each is a plain integer of nanoseconds, so that messages stay small and quick. For the type checker they are
three unrelated classes: comparing or subtracting two different clocks does not pass `make check`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

NANOSECONDS = 1_000_000_000

if TYPE_CHECKING:
    from typing import Self

    class _Clock:
        def __init__(self, nanoseconds: int) -> None: ...
        def __int__(self) -> int: ...
        def __hash__(self) -> int: ...
        def __index__(self) -> int: ...
        def __eq__(self, other: object) -> bool: ...
        def __lt__(self, other: Self) -> bool: ...
        def __le__(self, other: Self) -> bool: ...
        def __gt__(self, other: Self) -> bool: ...
        def __ge__(self, other: Self) -> bool: ...
        def __sub__(self, other: Self) -> int: ...
        def __add__(self, nanoseconds: int) -> Self: ...

    class FeedTime(_Clock):
        """Market data, sessions, staleness, time in force, paper latency."""

    class WallTime(_Clock):
        """UTC: audit, venue messages, lateness, alerts."""

    class MonoTime(_Clock):
        """CLOCK_BOOTTIME where there is one: lease, time-outs, rates, latency."""

else:
    FeedTime = WallTime = MonoTime = int


class Now(msgspec.Struct, frozen=True, gc=False):
    """The three readings that belong to one message; the engine never reads a clock itself."""

    feed: FeedTime
    wall: WallTime
    mono: MonoTime
