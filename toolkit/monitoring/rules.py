"""What an alert watches, when it fires, and what follows; frozen, without a file, a clock or a query language."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

Where = tuple[tuple[str, str], ...]
"""Labels that a series must have, for instance `(("process", "runner-*"),)`; a star at the end: whatever follows; a "!"
before it, or before several with commas: all others."""

ANY: Final = "*"
BUT: Final = "!"

CHANNEL_SILENT: Final = "channel_silent"
"""The desk's own alert about a channel that takes no message: the monitor alone sees it, no measure stands for it."""


def alternatives(wanted: str) -> tuple[str, ...]:
    """`!a, b` as the values that it is about."""
    return tuple(each.strip() for each in wanted.removeprefix(BUT).split(","))


class Kind(StrEnum):
    """How a watch makes one number per scope out of series."""

    LEVEL = "level"
    """The value of a gauge now."""
    AGE = "age"
    """Seconds since a timestamp; the oldest of a scope unless it says otherwise."""
    GREW = "grew"
    """By how much a counter grew within the window."""
    RATIO = "ratio"
    """Growth of one counter over that of another within the window, once there are `minimum_sample` of the latter."""
    ROW = "row"
    """The value of a gauge while the other counter grew within the window, by less than `minimum_sample`: three rejects
    in a row, for instance. A row ends with the window after its last step: a strategy that was stopped for it sends
    nothing that its venue could take, and the alert would stand for ever."""
    SLOW = "slow"
    """How many observations of a histogram within the window were above `edge`, which is one of its buckets."""
    ABSENT = "absent"
    """1 when there is no such series at all, which is a finding of its own."""


class Comparison(StrEnum):
    ABOVE = "above"
    AT_LEAST = "at_least"
    BELOW = "below"
    AT_MOST = "at_most"

    @property
    def sign(self) -> str:
        """For people and for queries."""
        return SIGNS[self]

    def holds(self, value: float, threshold: float) -> bool:
        match self:
            case Comparison.ABOVE:
                return value > threshold
            case Comparison.AT_LEAST:
                return value >= threshold
            case Comparison.BELOW:
                return value < threshold
            case Comparison.AT_MOST:
                return value <= threshold

    @property
    def is_upward(self) -> bool:
        return self in (Comparison.ABOVE, Comparison.AT_LEAST)


SIGNS = {Comparison.ABOVE: ">", Comparison.AT_LEAST: ">=", Comparison.BELOW: "<", Comparison.AT_MOST: "<="}


class Fold(StrEnum):
    """How the series of one scope become one number."""

    MAX = "max"
    MIN = "min"
    SUM = "sum"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Action(StrEnum):
    """What the guardian does when an alert opens; the staged rollout adds freeze and roll back."""

    NONE = "none"
    HALT_ENTRIES = "halt_entries"
    DISABLE = "disable"
    KILL = "kill"


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """One way for a rule to hold. `window` in seconds; what a kind does not use is left as it is here."""

    kind: Kind
    metric: str
    comparison: Comparison
    threshold: float
    clear: float
    """What fires goes on until the value is no longer beyond this; the threshold itself where nothing else is said."""
    where: Where = ()
    fold: Fold = Fold.MAX
    window: float = 0.0
    out_of: str = ""
    out_of_where: Where = ()
    minimum_sample: float = 0.0
    edge: float = 0.0


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What must be so besides, for instance that the market is open. `by` are labels of the rule's scope."""

    metric: str
    comparison: Comparison
    threshold: float
    where: Where = ()
    by: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """An alert: any of its watches, while all of its conditions hold, for `for_seconds` in one scope.

    A scope is a value for each label of `by`. `summary` is what a person reads, with `{value}`, `{threshold}` and the
    labels of the scope in braces.
    """

    name: str
    summary: str
    watches: tuple[Watch, ...]
    severity: Severity
    channels: tuple[str, ...]
    owner: str
    playbook: str
    """The page under runbooks/, without its ending."""
    dashboard: str
    unit: str = ""
    """seconds, ratio, sigma, bytes … of the value, as it is shown."""
    by: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    for_seconds: float = 0.0
    keep_seconds: float = 0.0
    """So long it goes on firing after it held: what it speaks for takes its time to be well again."""
    action: Action = Action.NONE
    inhibits: tuple[str, ...] = ()
    """Rules that are not told while this one fires, where the labels that both have are the same."""

    @property
    def metric(self) -> str:
        """What is watched in the first place."""
        return self.watches[0].metric

    @property
    def threshold(self) -> float:
        return self.watches[0].threshold

    @property
    def window(self) -> float:
        """The longest of its watches' windows: so long it sees less than it should, where looking begins anew."""
        return max(watch.window for watch in self.watches)

    @property
    def metrics(self) -> frozenset[str]:
        """Every metric that has a part in it."""
        watched = {watch.metric for watch in self.watches} | {watch.out_of for watch in self.watches if watch.out_of}
        return frozenset(watched | {condition.metric for condition in self.conditions})
