"""Rules for tests of what follows once one fires."""

from __future__ import annotations

from typing import Any

from toolkit.monitoring.rules import Comparison, Kind, Rule, Severity, Watch

CHAIN = ("chat", "phone", "mail")


def rule(name: str = "late_order", **changes: Any) -> Rule:
    watch = Watch(kind=Kind.LEVEL, metric="m", comparison=Comparison.ABOVE, threshold=5.0, clear=5.0)
    fields = {
        "name": name, "summary": "an order of {strategy} waits for {value}", "watches": (watch,), "by": ("strategy",),
        "severity": Severity.CRITICAL, "channels": CHAIN, "owner": "ops", "playbook": "late", "dashboard": "fill_rate",
        "unit": "seconds",
    }  # fmt: skip
    return Rule(**{**fields, **changes})
