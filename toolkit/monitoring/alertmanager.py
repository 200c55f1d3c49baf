"""Files for Alertmanager: who is told along which chain, and what is not told beside what; text, never an address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from toolkit.monitoring.inhibition import shared_labels
from toolkit.monitoring.plan import Plan
from toolkit.monitoring.prometheus import HEADER, dump
from toolkit.monitoring.queries import duration
from toolkit.monitoring.rules import Rule

CONFIGURATION: Final = "alertmanager/alertmanager.yaml"
GROUP_WAIT: Final = 1.0
GROUP_INTERVAL: Final = 10.0
REPEAT: Final = 4 * 3600.0
NOBODY: Final = "nobody"


def alertmanager_files(plan: Plan) -> dict[str, str]:
    """By path: routes by chain of channels, receivers, inhibitions.

    The desk itself goes on to the next channel when nobody acknowledges, which Alertmanager cannot: it tells the whole
    chain of an alert at once. A channel without a `webhook` is a receiver that tells nobody.
    """
    return {CONFIGURATION: HEADER + dump(_configuration(plan))}


def _configuration(plan: Plan) -> dict[str, Any]:
    return {
        "route": {
            "receiver": NOBODY,
            "group_by": ["alertname", "severity"],
            "group_wait": duration(GROUP_WAIT),
            "group_interval": duration(GROUP_INTERVAL),
            "repeat_interval": duration(REPEAT),
            "routes": [*_routes(plan)],
        },
        "inhibit_rules": [rule for each in plan.rules for rule in _inhibitions(each, plan)],
        "receivers": [{"name": NOBODY}, *(_receiver(chain, plan) for chain in _chains(plan))],
    }


def _chains(plan: Plan) -> list[tuple[str, ...]]:
    return sorted({rule.channels for rule in plan.rules})


def _routes(plan: Plan) -> Iterator[dict[str, Any]]:
    for chain in _chains(plan):
        names = "|".join(rule.name for rule in plan.rules if rule.channels == chain)
        yield {"receiver": _name(chain), "matchers": [f'alertname=~"{names}"']}


def _receiver(chain: tuple[str, ...], plan: Plan) -> dict[str, Any]:
    webhooks = {route.channel: route.webhook for route in plan.routes}
    told = [{"url": webhooks[channel], "send_resolved": True} for channel in chain if webhooks.get(channel)]
    return {"name": _name(chain), **({"webhook_configs": told} if told else {})}


def _inhibitions(rule: Rule, plan: Plan) -> Iterator[dict[str, Any]]:
    """What is not told while `rule` fires: where the labels that both have are the same."""
    for name in rule.inhibits:
        other = plan.rule(name)
        if other is not None:
            same = [*shared_labels(rule, other)]
            yield {
                "source_matchers": [f'alertname="{rule.name}"'],
                "target_matchers": [f'alertname="{name}"'],
                **({"equal": same} if same else {}),
            }


def _name(chain: tuple[str, ...]) -> str:
    return "-then-".join(chain)
