"""Holds what was measured against the rules, look after look; it reads no file, and stops and tells nothing.

What the books say is judged only while they are read to their end: of a replica that is behind, an order that was
answered long ago still waits. What fired then goes on firing, since not seeing is no evidence that it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime
from toolkit.monitoring.catalogue import FRESHNESS, MACHINE, PROCESSES
from toolkit.monitoring.evaluation import Evaluator, Firing
from toolkit.monitoring.rules import Rule
from toolkit.monitoring.samples import Samples
from toolkit.monitoring.steps import Steps

BLIND_SECONDS: Final = 2.0
"""So long after the end of the journal was last reached the books count as read."""
READ: Final = "quarterdeck_journal_read_timestamp_seconds"
LOOKS_AGAIN: Final = 300
"""So many looks at what went by are enough for a window's length."""
BESIDE: Final = frozenset(metric.name for metric in (*FRESHNESS, *PROCESSES, *MACHINE))
"""What is measured beside the books, and is known without them."""


class Judgement:
    """`look` at the samples of each moment, whatever the clock was set by since the one before.

    What a monitor that was away has missed it may `look_again` at first, so that windows are as full as if it had
    always been there. A judgement by rules that were saved anew goes on where the one `before` stood.
    """

    def __init__(self, rules: Sequence[Rule], before: Judgement | None = None) -> None:
        self._beside = Evaluator([rule for rule in rules if rule.metrics <= BESIDE])
        self._books = Evaluator([rule for rule in rules if not rule.metrics <= BESIDE])
        self._of_the_books: tuple[Firing, ...] = ()
        self._looked_again = 0
        self._steps: Steps = Steps() if before is None else before._steps
        if before is not None:
            self._beside.go_on_from(before._beside)
            self._books.go_on_from(before._books)

    @property
    def looks_back(self) -> float:
        """How many seconds its rules ask of the books."""
        return max((rule.window + rule.for_seconds for rule in self._books.rules), default=0.0)

    def look_again(self, measured: Callable[[], Samples], wall: WallTime) -> None:
        """At the books as they were at an earlier moment, unless that is too near to the last; nothing follows."""
        if int(wall) - self._looked_again >= self.looks_back * NANOSECONDS / LOOKS_AGAIN:
            self._looked_again = int(wall)
            self._books.look(measured(), wall)

    def look(self, samples: Samples, wall: WallTime, mono: MonoTime) -> tuple[Firing, ...]:
        """Everything that fires. `mono` is of a clock that nobody sets."""
        self._steps.look(wall, mono)
        undone = self._steps.undone
        if was_read(samples, wall):
            self._of_the_books = self._books.look(samples, wall, undone)
        return (*self._of_the_books, *self._beside.look(samples, wall, undone))


def was_read(samples: Samples, wall: WallTime) -> bool:
    """Whether the books were read to their end, so that a look at them sees everything. When they were read by a clock
    that was set back since then, nobody can tell."""
    read = samples.value(READ)
    return read is not None and 0 <= int(wall) / NANOSECONDS - read <= BLIND_SECONDS
