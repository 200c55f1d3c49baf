"""Trials of alerts: somebody tries the whole way to a person; told as the real one would be, and nothing follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from toolkit.domain.alerts import AlertDeed
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.alert_book import LINE
from toolkit.monitoring.evaluation import Firing
from toolkit.monitoring.rules import Action, Comparison, Kind, Rule, Watch

TRIAL_SECONDS: Final = 30.0
"""How long a trial fires; then it is resolved by itself."""
MARK: Final = "trial_of_"


def trial_rule(rule: Rule) -> Rule:
    """The same chain, severity, owner and page under a name of its own, so that no real alert is taken for it."""
    return msgspec.structs.replace(
        rule, name=f"{MARK}{rule.name}", by=("by",), action=Action.NONE, inhibits=(), conditions=(), for_seconds=0.0,
        keep_seconds=0.0, summary=f"TRIAL of {rule.name} by {{by}}: nothing is wrong", unit="",
        watches=(Watch(kind=Kind.LEVEL, metric=rule.metric, comparison=Comparison.ABOVE, threshold=0.0, clear=0.0),),
    )  # fmt: skip


class Trials:
    """`hear` each line of the operations log; `firing` is what is tried now. Bounded by the count of rules."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = {rule.name: trial_rule(rule) for rule in rules}
        self._begun: dict[str, tuple[int, str]] = {}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """One for each rule that may be tried."""
        return tuple(self._rules.values())

    def hear(self, line: Mapping[str, str], wall: int) -> None:
        """One line as it stands in the log; what is no trial, of an unknown rule or long over passes by."""
        if line.get("kind") != LINE or line.get("did") != AlertDeed.TRY:
            return
        rule = self._rules.get(line.get("id", ""))
        begun = line.get("wall", "")
        if rule is not None and begun.isdecimal() and _lasts(int(begun), wall):
            self._begun[rule.name] = int(begun), line.get("who", "")

    def firing(self, wall: int) -> tuple[Firing, ...]:
        """Every trial that has not lasted TRIAL_SECONDS."""
        self._begun = {name: begun for name, begun in self._begun.items() if _lasts(begun[0], wall)}
        rules = {rule.name: rule for rule in self._rules.values()}
        return tuple(
            Firing(rule=rules[name], scope=(("by", who),), value=1.0, threshold=0.0, since=WallTime(begun))
            for name, (begun, who) in sorted(self._begun.items())
        )


def _lasts(begun: int, wall: int) -> bool:
    return abs(wall - begun) < TRIAL_SECONDS * NANOSECONDS
