"""The hops of an order, and how often each took how long; fixed bounds, so that any number of orders fits."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import msgspec

from toolkit.domain.time import NANOSECONDS

HOPS: Final = (
    "tick_to_decision",
    "decision_to_journal",
    "journal_to_send",
    "send_to_acknowledge",
    "acknowledge_to_fill",
    "decision_to_answer",
    "decision_to_fill",
)
"""What passes between two stations of an order, then the whole way; queue and risk lie before the journal."""

HOP_BOUNDS: Final = (
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
)  # fmt: skip
"""Upper bounds of the histograms in seconds; 5 s is where an order is late."""

_BOUNDS_NS: Final = [round(bound * NANOSECONDS) for bound in HOP_BOUNDS]


class Histogram(msgspec.Struct, gc=False, array_like=True):
    """How often a hop took how long: one count a bound of HOP_BOUNDS and one beyond; `total` in ns."""

    counts: list[int]
    total: int = 0

    def note(self, nanoseconds: int) -> None:
        """Count one; clocks of two hosts may disagree, and what seems to take less than nothing took none."""
        self.counts[bisect_left(_BOUNDS_NS, nanoseconds)] += 1
        if nanoseconds > 0:
            self.total += nanoseconds


def certain_skew(told: int, sent: int, booked: int) -> int:
    """How far a venue's clock is ahead of ours at least, in the unit of the times; below 0 it is behind.

    `told` is what it put on an answer. That lies between our sending (0: not known) and our booking, or a clock is off.
    """
    return max(0, told - booked) or min(0, told - sent if sent else 0)
