"""Values of labels that are known before anything runs: a misspelt one is refused, and not awaited for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from toolkit.domain.orders import OrderType
from toolkit.domain.requests import RejectReason
from toolkit.monitoring.rules import ANY, alternatives
from toolkit.replica.hops import HOPS
from toolkit.replica.order_course import CANCEL_WORDS

PROCESSES: Final = (
    "supervisor", "journal-server", "bus-server", "engine", "listener", "archiver", "replayer", "monitor", "dashboards",
    "operations", "jupyter", "venue-*", "runner-*",
)  # fmt: skip
"""By what a desk calls them; a runner is one of a strategy, a venue's process one of a venue."""

VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "answer": ("accepted", "rejected"),
    "cause": CANCEL_WORDS,
    "hop": HOPS,
    "order_type": tuple(order_type.value for order_type in OrderType),
    "process": PROCESSES,
    "reason": tuple(reason.value for reason in RejectReason),
    "server": ("journal", "bus"),
}
"""Of labels whose values come from a desk's own names, such as strategies, nothing is known here."""


def can_be(label: str, value: str) -> bool:
    """Whether a series may have this value; one with ANY at its end stands for whatever begins so, BUT before some
    for all others."""
    known = VALUES.get(label)
    return known is None or all(any(_meet(asked, each) for each in known) for asked in alternatives(value))


def _meet(asked: str, known: str) -> bool:
    start, other = asked.removesuffix(ANY), known.removesuffix(ANY)
    if asked.endswith(ANY) and known.endswith(ANY):
        return start.startswith(other) or other.startswith(start)
    if asked.endswith(ANY):
        return other.startswith(start)
    return start.startswith(other) and len(start) > len(other) if known.endswith(ANY) else asked == known
