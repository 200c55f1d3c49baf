"""Which alerts are not told because a graver one says it already, as Alertmanager does by the generated file; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from toolkit.monitoring.alert_book import Scope
from toolkit.monitoring.rules import Rule

Key = tuple[str, Scope]
"""An alert: its rule's name, and where."""


def shared_labels(rule: Rule, other: Rule) -> tuple[str, ...]:
    """The labels that alerts of both have. Where these agree one may speak for the other; without any, everywhere."""
    return tuple(label for label in rule.by if label in other.by)


def spoken_for(alerts: Collection[Key], rules: Mapping[str, Rule]) -> set[Key]:
    """Of these, which are open, those for which another of them speaks, be that one told itself or not."""
    speaks: dict[str, dict[tuple[str, ...], set[tuple[str, ...]]]] = {}
    for name, scope in alerts:
        rule = rules.get(name)
        for inhibited in () if rule is None else rule.inhibits:
            other = rules.get(inhibited)
            if rule is not None and other is not None:
                labels = shared_labels(rule, other)
                speaks.setdefault(inhibited, {}).setdefault(labels, set()).add(_values(scope, labels))
    return {
        (name, scope)
        for name, scope in alerts
        if any(_values(scope, labels) in values for labels, values in speaks.get(name, {}).items())
    }


def _values(scope: Scope, labels: tuple[str, ...]) -> tuple[str, ...]:
    known = dict(scope)
    return tuple(known.get(label, "") for label in labels)
