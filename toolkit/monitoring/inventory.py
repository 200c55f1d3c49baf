"""What is measured and what is an alert, as a page for people (Markdown); made of catalogue and plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from toolkit.monitoring.catalogue import METRICS, Kind, Metric, find
from toolkit.monitoring.plan import Plan
from toolkit.monitoring.rules import BUT, Action, Rule, Watch
from toolkit.monitoring.rules import Kind as WatchKind

PAGE: Final = "metrics.md"


def inventory_files(plan: Plan) -> dict[str, str]:
    """By path: one page with all metrics and all alerts."""
    return {PAGE: inventory(plan)}


def inventory(plan: Plan) -> str:
    """The page."""
    return "\n".join(
        (
            "# What the desk measures, and when it alarms",
            "",
            "Made of `config/monitoring.yaml` by `execution monitoring generate`.",
            "",
            *metrics_table(plan),
            "",
            "Histograms have these bounds: "
            + "; ".join(f"`{each.name}` " + ", ".join(f"{edge:g}" for edge in each.buckets)
                        for each in METRICS if each.kind is Kind.HISTOGRAM) + ".",
            "",
            *alerts_table(plan),
            "",
        )
    )  # fmt: skip


def metrics_table(plan: Plan) -> Iterator[str]:
    """A line each: name, kind, unit, labels, meaning, and the alerts that look at it."""
    watched = {name: [rule.name for rule in plan.rules if name in rule.metrics] for name in (m.name for m in METRICS)}
    rows = (
        (
            f"`{each.name}`",
            each.kind.value,
            each.unit or "–",
            ", ".join(each.labels) or "–",
            each.help + (f" No series yet: it awaits {each.awaits}." if each.awaits else ""),
            ", ".join(watched[each.name]) or "–",
        )
        for each in METRICS
    )
    return _table(("metric", "kind", "unit", "labels", "meaning", "alerts"), rows)


def alerts_table(plan: Plan) -> Iterator[str]:
    """A line each: when it fires and where, what follows, who answers."""
    rows = (
        (
            f"`{rule.name}`",
            condition(rule),
            ", ".join(rule.by) or "the desk",
            rule.severity.value,
            " → ".join(rule.channels),
            "–" if rule.action is Action.NONE else rule.action.value,
            rule.owner,
            f"[{rule.playbook}](runbooks/{rule.playbook}.md)",
        )
        for rule in plan.rules
    )
    return _table(("alert", "fires when", "for each", "severity", "told", "action", "owner", "playbook"), rows)


def condition(rule: Rule) -> str:
    """When a rule fires, in words."""
    watched = ", or ".join(map(_words, rule.watches))
    lasting = f" for {rule.for_seconds:g} s" if rule.for_seconds else ""
    lasting += f", and {rule.keep_seconds:g} s longer" if rule.keep_seconds else ""
    beside = "".join(
        f", while `{_short(each.metric)}` {each.comparison.sign} {each.threshold:g}" for each in rule.conditions
    )
    return f"{watched}{beside}{lasting}"


def awaited(rule: Rule) -> tuple[Metric, ...]:
    """The metrics of a rule that have no series yet; with all of its watches among them it is inert."""
    found = (find(watch.metric) for watch in rule.watches)
    return tuple(metric for metric in found if metric is not None and metric.awaits)


# ---- parts


def _words(watch: Watch) -> str:
    name, sign = f"`{_short(watch.metric)}`", watch.comparison.sign
    labels = ", ".join(f"{label} {value.replace(BUT, 'but ')}" for label, value in watch.where)
    name = f"{name} ({labels})" if labels else name
    cleared = "" if watch.clear == watch.threshold else f" (until {watch.clear:g})"
    match watch.kind:
        case WatchKind.LEVEL:
            return f"{name} {sign} {watch.threshold:g}{cleared}"
        case WatchKind.AGE:
            return f"{name} is {sign} {watch.threshold:g} s ago{cleared}"
        case WatchKind.GREW:
            return f"{name} grew {sign} {watch.threshold:g} within {watch.window:g} s{cleared}"
        case WatchKind.RATIO:
            return (
                f"{name} {sign} {watch.threshold:.4g} of `{_short(watch.out_of)}` within {watch.window:g} s, of at "
                f"least {watch.minimum_sample:g}"
            )
        case WatchKind.ROW:
            return f"{name} {sign} {watch.threshold:g} while there are some, but fewer than {watch.minimum_sample:g}"
        case WatchKind.SLOW:
            return f"{sign} {watch.threshold:g} of {name} took longer than {watch.edge:g} s within {watch.window:g} s"
        case WatchKind.ABSENT:
            return f"there is no {name}"


def _short(metric: str) -> str:
    return metric.removeprefix("quarterdeck_")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '∣') for cell in row)} |"
