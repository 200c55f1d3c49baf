"""Decides which alert becomes a command: one a scope and minute, only ever stricter, never of its own doing.

A command is given by `give`, in a thread of its own and by the same ways as a person's; nothing here waits for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from toolkit.domain.time import NANOSECONDS
from toolkit.monitoring.alert_book import Alert, Scope
from toolkit.monitoring.messages import found
from toolkit.monitoring.rules import Action, Rule

BETWEEN_SECONDS: Final = 60
"""At most one command a scope in this time. What begins within it after one may be its consequence: it is acted on when
the time is over, if it holds still."""

MOVED_BY_A_HALT: Final = frozenset(
    f"quarterdeck_{name}"
    for name in (
        "cancels_total", "denials_total", "expiries_total", "fills_total", "kill_duration_seconds",
        "kill_timestamp_seconds", "last_decision_timestamp_seconds", "last_fill_timestamp_seconds", "orders_total",
        "trading_state",
    )
)  # fmt: skip
"""Measures that a halt itself changes: a scope that was stopped is silent, denies, and is known to be stopped."""


class Strictness(IntEnum):
    """How far a stop goes; a command is only given where it goes further than what holds."""

    OPEN = 0
    HALT_ENTRIES = 1
    DISABLE = 2
    KILL = 3


STRICTNESS: Final = {
    Action.NONE: Strictness.OPEN,
    Action.HALT_ENTRIES: Strictness.HALT_ENTRIES,
    Action.DISABLE: Strictness.DISABLE,
    Action.KILL: Strictness.KILL,
}
DOING: Final = {
    Action.HALT_ENTRIES: "entries of {} are halted",
    Action.DISABLE: "{} is disabled",
    Action.KILL: "{} is killed: all orders are cancelled",
}


ASKED: Final = "(asked for)"
"""How the words about a command end until it is known what became of it."""
WAITS: Final = "waits: "
"""How they begin while the minute between two commands is not over."""


class Place(NamedTuple):
    """What a command is about: `book` without a name, `venue` or `strategy` with one."""

    scope: str
    name: str

    def __str__(self) -> str:
        return f"{self.scope} {self.name}" if self.name else "the whole book"

    def touches(self, other: Place) -> bool:
        """Whether a stop of one may show in the other. A venue and a strategy may always meet in an order."""
        return self == other or self.scope != other.scope


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One command to give: what, where, and why as it will stand in the journal."""

    action: Action
    place: Place
    reason: str


class Verdict(NamedTuple):
    """What becomes of an alert's action. Not `settled`: ask again later. `words` are for people."""

    settled: bool
    words: str
    given: bool = False


class Done(NamedTuple):
    """How a command ended: which alert it was for, whether it is proven at the venues, and what was found."""

    alert: str
    proven: bool
    words: str


class _Given(NamedTuple):
    strictness: Strictness
    wall: int


class Guardian:
    """`give` carries an order out and blocks; `held` says how strictly a place is stopped now, by whomever."""

    def __init__(
        self, give: Callable[[Order], tuple[bool, str]], held: Callable[[Place], Strictness], executor: Executor
    ) -> None:
        self._give = give
        self._held = held
        self._executor = executor
        self._given: dict[Place, _Given] = {}
        self._running: dict[str, Future[tuple[bool, str]]] = {}

    def remember(self, alert: Alert, action: Action) -> None:
        """What was given before a restart."""
        place = place_of(alert.scope)
        if place not in self._given or self._given[place].wall < alert.acted:
            self._given[place] = _Given(STRICTNESS[action], alert.acted)

    def clock_set_back(self, by: int) -> None:
        """By so many ns: what was given was given as long ago as before."""
        self._given = {place: given._replace(wall=given.wall - by) for place, given in self._given.items()}

    def consider(self, alert: Alert, rule: Rule, wall: int) -> Verdict:
        """Give the rule's command for an alert that is open, say why none is given, or wait for the minute to pass."""
        place, wanted = place_of(alert.scope), STRICTNESS[rule.action]
        if rule.action is Action.DISABLE and place.scope != "strategy":
            return Verdict(True, f"nothing was done: only a strategy is disabled, and this is about {place}")
        self._forget_what_was_let_go(wall)
        if rule.metrics & MOVED_BY_A_HALT and any(self._after(alert, place)):
            return Verdict(True, "nothing was done: it comes of the guardian's own halt; a person decides")
        if self._strictness(place) >= wanted:
            return Verdict(True, f"nothing was done: {place} is stopped as far as that already")
        for other in (place, *self._after(alert, place)):
            if other in self._given and wall - self._given[other].wall < BETWEEN_SECONDS * NANOSECONDS:
                return Verdict(False, f"{WAITS}{other} had a command less than {BETWEEN_SECONDS} s ago")
        self._start(alert, Order(action=rule.action, place=place, reason=_reason(alert)), wall)
        return Verdict(True, f"{DOING[rule.action].format(place)} {ASKED}", given=True)

    def done(self) -> tuple[Done, ...]:
        """Commands that ended since the last time."""
        ended = {alert: future for alert, future in self._running.items() if future.done()}
        for alert in ended:
            del self._running[alert]
        return tuple(Done(alert, *_outcome(future)) for alert, future in ended.items())

    # ---- parts

    def _start(self, alert: Alert, order: Order, wall: int) -> None:
        self._given[order.place] = _Given(STRICTNESS[order.action], wall)
        self._running[alert.id] = self._executor.submit(self._give, order)

    def _strictness(self, place: Place) -> Strictness:
        """How strictly this place is stopped: by itself, or with the whole book."""
        around = {place, Place("book", "")}
        own = max((self._given[each].strictness for each in around if each in self._given), default=Strictness.OPEN)
        return max(own, *(self._held(each) for each in around))

    def _after(self, alert: Alert, place: Place) -> Iterator[Place]:
        """Where a command is in force of which the alert may be the consequence, since it began after it."""
        for other, given in self._given.items():
            if other.touches(place) and alert.since >= given.wall:
                yield other

    def _forget_what_was_let_go(self, wall: int) -> None:
        """A person released it, once the command had its time to show."""
        for place, given in list(self._given.items()):
            if wall - given.wall > BETWEEN_SECONDS * NANOSECONDS and self._held(place) is Strictness.OPEN:
                del self._given[place]


def place_of(scope: Scope) -> Place:
    """What an alert's labels are about; the whole book where they name neither strategy nor venue."""
    labels = dict(scope)
    if labels.get("scope") in ("strategy", "venue") and labels.get("name"):
        return Place(labels["scope"], labels["name"])
    for label in ("strategy", "venue"):
        if labels.get(label):
            return Place(label, labels[label])
    if labels.get("process", "").startswith("runner-"):
        return Place("strategy", labels["process"].removeprefix("runner-"))
    return Place("book", "")


def _reason(alert: Alert) -> str:
    return f"alert {alert.id} {alert.rule} in {alert.where}: {found(alert)}"


def _outcome(future: Future[tuple[bool, str]]) -> tuple[bool, str]:
    problem = future.exception()
    return (False, f"NOT DONE: {problem}") if problem is not None else future.result()
