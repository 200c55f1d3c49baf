"""Files for Prometheus: rules with their unit tests, and what to scrape; text, which nobody writes to disk here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from toolkit.monitoring.growth import Scope
from toolkit.monitoring.plan import Case, Plan
from toolkit.monitoring.queries import duration, query, records
from toolkit.monitoring.rules import Rule
from toolkit.monitoring.series import flat

RULES: Final = "prometheus/rules.yaml"
TESTS: Final = "prometheus/tests/every_{}.yaml"
SCRAPE: Final = "prometheus/prometheus.yaml"
HEADER: Final = "# Made of config/monitoring.yaml by `execution monitoring generate`: change that file, not this one.\n"
FIRING: Final = 'ALERTS{alertstate="firing"}'
USUAL_PAGE: Final = "127.0.0.1:9464"
"""Where a desk as it is shipped shows its metrics."""
HUMAN: Final = {"seconds": "humanizeDuration", "ratio": "humanizePercentage", "bytes": "humanize1024"}


def prometheus_files(plan: Plan, page: str = USUAL_PAGE) -> dict[str, str]:
    """By path: rules, their unit tests (`promtool test rules`), and a configuration that scrapes the desk's `page`."""
    return {
        RULES: HEADER + dump({"groups": [_group(rule, plan) for rule in plan.rules]}),
        **{TESTS.format(duration(every)): HEADER + dump(_tests(plan, every)) for every in _intervals(plan)},
        SCRAPE: HEADER + dump(_configuration(plan, page)),
    }


def dump(document: object) -> str:
    """YAML for people: in the order given, wide lines."""
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120))


def alert_labels(rule: Rule) -> dict[str, str]:
    """The labels that an alert has beside its scope."""
    return {"severity": rule.severity.value, "owner": rule.owner}


# ---- rules


def _group(rule: Rule, plan: Plan) -> dict[str, Any]:
    """One group a rule: what it records is there when it is asked, and no rule waits for another one."""
    recorded = [{"record": record.name, "expr": record.query} for record in records(rule)]
    alert: dict[str, Any] = {"alert": rule.name, "expr": query(rule)}
    if rule.for_seconds:
        alert["for"] = duration(rule.for_seconds)
    if rule.keep_seconds:
        alert["keep_firing_for"] = duration(rule.keep_seconds)
    alert["labels"] = alert_labels(rule)
    alert["annotations"] = {
        "summary": _summary(rule),
        "playbook": f"runbooks/{rule.playbook}.md",
        "dashboard": rule.dashboard,
        "channels": " then ".join(rule.channels),
    }
    return {"name": rule.name, "interval": duration(plan.scrape_seconds), "rules": [*recorded, alert]}


def _summary(rule: Rule) -> str:
    """The sentence as a template of Prometheus: `{value}` is its value in its unit, `{venue}` that label."""
    human = HUMAN.get(rule.unit, "humanize")

    def filled(found: re.Match[str]) -> str:
        word = found[1]
        if word == "value":
            return f"{{{{ $value | {human} }}}}"
        if word == "threshold":
            return f"{rule.threshold:g}"
        return f"{{{{ $labels.{word} }}}}"

    return re.sub(r"\{(\w+)\}", filled, rule.summary)


# ---- unit tests


def _intervals(plan: Plan) -> list[float]:
    return sorted({case.every for case in plan.cases})


def _tests(plan: Plan, every: float) -> dict[str, Any]:
    """One file for each interval, since a file is evaluated at one."""
    return {
        "rule_files": ["../rules.yaml"],
        "evaluation_interval": duration(every),
        "tests": [_test(plan, case) for case in plan.cases if case.every == every],
    }


def _test(plan: Plan, case: Case) -> dict[str, Any]:
    """At each look everything that fires, and nothing else."""
    return {
        "name": case.name,
        "interval": duration(case.every),
        "input_series": [
            {"series": name, "values": values} for one in case.series for name, values in flat(one, case.length)
        ],
        "promql_expr_test": [*_looks(plan, case)],
    }


def _looks(plan: Plan, case: Case) -> Iterator[dict[str, Any]]:
    for place in range(case.length):
        second = place * case.every
        firing = [(each.alert, each.scope) for each in case.fires if each.holds_at(second)]
        samples = [{"labels": _alert_series(plan, name, scope), "value": 1} for name, scope in firing]
        yield {"expr": FIRING, "eval_time": duration(second), "exp_samples": samples}


def _alert_series(plan: Plan, name: str, scope: Scope) -> str:
    rule = plan.rule(name)
    fixed = {} if rule is None else alert_labels(rule)
    labels: Mapping[str, str] = {"alertname": name, "alertstate": "firing", **dict(scope), **fixed}
    # A label that is empty is none, to Prometheus.
    inside = ", ".join(f'{label}="{value}"' for label, value in labels.items() if value)
    return f"ALERTS{{{inside}}}"


# ---- what to scrape


def _configuration(plan: Plan, page: str) -> dict[str, Any]:
    return {
        "global": {
            "scrape_interval": duration(plan.scrape_seconds),
            "scrape_timeout": duration(min(plan.scrape_seconds, 5.0)),
            "evaluation_interval": duration(plan.scrape_seconds),
        },
        "rule_files": ["rules.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9093"]}]}]},
        "scrape_configs": [{"job_name": "quarterdeck", "static_configs": [{"targets": [page]}]}],
    }
