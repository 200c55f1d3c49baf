"""What a strategy asked for of late, so that the same order is not taken twice; forgotten by age, it decides nothing.

Newer orders push nothing out: while MOST_RECENT different ones are younger than the window, control 13 takes no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import takewhile

from toolkit.domain.commands import LimitRow
from toolkit.domain.orders import Side
from toolkit.domain.time import NANOSECONDS, FeedTime

MOST_RECENT = 50_000
LONGEST_WINDOW = 2**32
_LOOK_EVERY = 64

Asked = tuple[str, int, int | None]
Recent = dict[Asked, FeedTime]


def asked_for(instrument: str, side: Side, quantity: int, price: int | None) -> Asked:
    """What makes two orders the same (no price is a market order), to be found within the window of duplicates."""
    return instrument, side * quantity, price


def longest_window(rows: Iterable[LimitRow]) -> int:
    """The largest `duplicate_window` of a table of limits in nanoseconds, LONGEST_WINDOW seconds at most."""
    windows = (Decimal(row.value) for row in rows if row.limit == "duplicate_window")
    return int(min(max(windows, default=Decimal(0)), Decimal(LONGEST_WINDOW)) * NANOSECONDS)


def note(recent: Recent, asked: Asked, time: FeedTime, window: int) -> None:
    """Keep when something was last asked for. What is older than the window goes, some at a time."""
    recent.pop(asked, None)
    count = len(recent)
    if count >= MOST_RECENT or count % _LOOK_EVERY == _LOOK_EVERY - 1:
        _forget(recent, time, window)
    recent[asked] = time


def is_full(recent: Recent, time: FeedTime, window: int) -> bool:
    """Whether one more would push out what may not be forgotten yet."""
    return len(recent) >= MOST_RECENT and time - next(iter(recent.values())) < window


def _forget(recent: Recent, time: FeedTime, window: int) -> None:
    for asked in [asked for asked, _ in takewhile(lambda entry: time - entry[1] >= window, recent.items())]:
        del recent[asked]
    if len(recent) >= MOST_RECENT:  # of a journal that no control 13 of ours watched
        del recent[next(iter(recent))]
