"""Holds what was measured against the rules, look after look; it reads no file, and stops and tells nothing.

What the books say is judged only while they are read to their end: of a replica that is behind, an order that was
answered long ago still waits. What fired then goes on firing, since not seeing is no evidence that it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.catalogue import FRESHNESS, MACHINE, PROCESSES
from toolkit.monitoring.evaluation import Evaluator, Firing
from toolkit.monitoring.rules import Rule
from toolkit.monitoring.samples import Samples

BLIND_SECONDS: Final = 2.0
"""So long after the end of the journal was last reached the books count as read."""
READ: Final = "quarterdeck_journal_read_timestamp_seconds"
BESIDE: Final = frozenset(metric.name for metric in (*FRESHNESS, *PROCESSES, *MACHINE))
"""What is measured beside the books, and is known without them."""


class Judgement:
    """`look` at the samples of each moment, none of them earlier than the one before."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._beside = Evaluator([rule for rule in rules if rule.metrics <= BESIDE])
        self._books = Evaluator([rule for rule in rules if not rule.metrics <= BESIDE])
        self._of_the_books: tuple[Firing, ...] = ()

    def look(self, samples: Samples, wall: WallTime) -> tuple[Firing, ...]:
        """Everything that fires."""
        if was_read(samples, wall):
            self._of_the_books = self._books.look(samples, wall)
        return (*self._of_the_books, *self._beside.look(samples, wall))


def was_read(samples: Samples, wall: WallTime) -> bool:
    """Whether the books were read to their end, so that a look at them sees everything."""
    read = samples.value(READ)
    return read is not None and int(wall) / NANOSECONDS - read <= BLIND_SECONDS
