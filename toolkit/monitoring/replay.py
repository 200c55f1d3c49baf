"""Cases through the desk's own evaluation: what fires when, and where that is not what the case expects; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.evaluation import Evaluator
from toolkit.monitoring.growth import Scope
from toolkit.monitoring.plan import Case, Plan
from toolkit.monitoring.rules import Rule
from toolkit.monitoring.series import moments


class Fired(NamedTuple):
    """An alert at one moment of a case."""

    second: float
    alert: str
    scope: Scope


class Mismatch(NamedTuple):
    """What a case expects otherwise; `fires` is what happened."""

    case: str
    second: float
    alert: str
    scope: Scope
    fires: bool
    source: str

    def __str__(self) -> str:
        where = ", ".join(f"{label} {value}" for label, value in self.scope) or "the desk"
        happened = "fires" if self.fires else "is silent"
        return f"{self.source}: {self.case}: after {self.second:g} s {self.alert} {happened} for {where}"


def fired(rules: Sequence[Rule], case: Case) -> list[Fired]:
    """Everything that fires, look by look."""
    evaluator = Evaluator(rules)
    return [
        Fired(second, firing.rule.name, firing.scope)
        for second, samples in moments(case.series, case.every)
        for firing in evaluator.look(samples, WallTime(round(second * NANOSECONDS)))
    ]


def expected(case: Case) -> list[Fired]:
    """Everything that should."""
    seconds = [place * case.every for place in range(case.length)]
    return [Fired(second, each.alert, each.scope) for second in seconds for each in case.fires if each.holds_at(second)]


def mismatches(plan: Plan, case: Case) -> Iterator[Mismatch]:
    """The first moment of each alert and scope at which something else happens; nothing when the case passes."""
    happened, wanted = set(fired(plan.rules, case)), set(expected(case))
    told: set[tuple[str, Scope, bool]] = set()
    for one in sorted(happened ^ wanted):
        key = one.alert, one.scope, one in happened
        if key not in told:
            told.add(key)
            yield Mismatch(case.name, one.second, one.alert, one.scope, one in happened, case.source)
