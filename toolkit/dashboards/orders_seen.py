"""The courses of orders that a choice takes, as columns; how long things took, in words; nothing is judged."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.known import Known
from toolkit.domain.time import NANOSECONDS
from toolkit.replica.order_course import Course
from toolkit.replica.tallies import COURSES_KEPT

Floats = NDArray[np.float64]
Moments = NDArray[np.int64]


class Hop(NamedTuple):
    """What passes between two moments of an order, in a person's words."""

    name: str
    words: str
    begins: str
    ends: str

    def nanoseconds(self, course: Course) -> int | None:
        """None while one of the two has not come; clocks of two hosts may disagree: less than nothing is nothing."""
        begun, ended = getattr(course, self.begins), getattr(course, self.ends)
        return max(0, ended - begun) if begun and ended else None

    def seconds(self, courses: Sequence[Course]) -> Floats:
        """Of those that have passed it."""
        return self.passed(courses)[1] / NANOSECONDS

    def passed(self, courses: Sequence[Course]) -> tuple[Moments, Moments]:
        """Of those that have passed it: when each was decided, and the nanoseconds that it took."""
        begun, ended = moments(courses, self.begins), moments(courses, self.ends)
        have = (begun != 0) & (ended != 0)
        return moments(courses, "decided")[have], np.maximum(ended - begun, 0)[have]


STRATEGY: Final = Hop("strategy", "Strategy: quote seen → decided", "tick", "decided")
QUEUE: Final = Hop("queue", "Queue: decided → sent", "decided", "sent")
BROKER: Final = Hop("broker", "Broker: sent → acknowledged", "sent", "acknowledged")
ANSWER: Final = Hop("answer", "Decided → first answer", "decided", "answered")
FILL: Final = Hop("fill", "Decided → first fill", "decided", "first_fill")
HOPS: Final = (STRATEGY, QUEUE, BROKER, ANSWER, FILL)
STEPS: Final = (
    Hop("decide", "quote seen → decided", "tick", "decided"),
    Hop("journal", "decided → journaled", "decided", "journaled"),
    Hop("send", "journaled → sent", "journaled", "sent"),
    Hop("acknowledge", "sent → acknowledged", "sent", "acknowledged"),
    Hop("fill", "acknowledged → first fill", "acknowledged", "first_fill"),
    Hop("last", "first fill → last fill", "first_fill", "last_fill"),
)
"""One after the other: a waterfall."""


def courses_of(known: Known, choice: Choice) -> list[Course]:
    """Orders that were let through, decided within the span, oldest first."""
    begins, ends = known.begins(choice), choice.until or inf
    return [
        course
        for course in known.tallies.courses.values()
        if begins <= course.decided <= ends and takes(choice, course)
    ]


def takes(choice: Choice, course: Course) -> bool:
    return choice.takes(course.strategy) and choice.takes_venue(course.venue)


def left_out(known: Known, choice: Choice) -> tuple[str, ...]:
    """What a page has to say about orders that are no longer kept one by one."""
    kept = known.tallies.courses
    if len(kept) < COURSES_KEPT:
        return ()
    oldest = next(iter(kept.values())).decided
    if oldest <= known.begins(choice):
        return ()
    since = known.zone.clock(oldest, known.wall)
    return (f"Of the newest {COURSES_KEPT:,} orders, since {since}; older ones are counted only.",)


def duration(seconds: float) -> str:
    """`420 µs`, `12.3 ms`, `1.25 s`, `3.2 min`; a dash for what is not known."""
    if np.isnan(seconds):
        return "–"
    if seconds < 1e-3:
        return f"{1e6 * seconds:,.0f} µs"
    if seconds < 1:
        return f"{1e3 * seconds:,.1f} ms" if seconds < 0.1 else f"{1e3 * seconds:,.0f} ms"
    return f"{seconds:,.2f} s" if seconds < 120 else f"{seconds / 60:,.1f} min"


def share_words(share: float) -> str:
    """`62.5 %`, or a dash."""
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def moments(courses: Sequence[Course], name: str) -> Moments:
    """One of their times, ns; 0 while it has not come so far."""
    return np.fromiter(map(attrgetter(name), courses), dtype=np.int64, count=len(courses))


def amounts(courses: Sequence[Course], name: str) -> Floats:
    """One of their quantities, or their cost."""
    return np.fromiter(map(attrgetter(name), courses), dtype=np.float64, count=len(courses))
