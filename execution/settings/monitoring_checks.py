"""What config/monitoring.yaml says that cannot work: each with file, line, the nearest known name and the mend."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from execution.settings.documents import Document, Place
from execution.settings.monitoring_file import (
    AlertRow,
    CaseRow,
    ConditionRow,
    MonitoringFile,
    SeriesRow,
    WatchRow,
)
from execution.settings.problems import dotted, nearest
from toolkit.domain.errors import ConfigError
from toolkit.monitoring.catalogue import METRICS, Kind, Metric, find
from toolkit.monitoring.label_values import VALUES, can_be
from toolkit.monitoring.promql import ALERTS, grouping_labels, selectors
from toolkit.monitoring.rules import BUT, CHANNEL_SILENT, Action
from toolkit.monitoring.series import numbers

VIEWS: Final = ("overview", "execution_latency", "fill_rate", "pnl_live", "risk_limits", "alerts")
"""The desk's own pages, to which an alert leads."""

STAMP: Final = "_timestamp_seconds"
SUMMARY_WORDS: Final = ("value", "threshold")
FEWEST_SCRAPES: Final = 2
ACTION_SCOPES: Final[Mapping[Action, frozenset[str]]] = {
    Action.DISABLE: frozenset({"strategy"}),
    Action.KILL: frozenset({"strategy", "venue", "scope", "name"}),
    Action.HALT_ENTRIES: frozenset({"strategy", "venue", "scope", "name"}),
}


def find_problems(document: Document, file: MonitoringFile, pages: Collection[str]) -> list[str]:
    """Every problem, a sentence each; `pages` are the names of what lies under runbooks/."""
    return list(dict.fromkeys(_Checks(document, file, pages).all()))


class _Checks:
    def __init__(self, document: Document, file: MonitoringFile, pages: Collection[str]) -> None:
        self._document = document
        self._file = file
        self._pages = pages

    def all(self) -> Iterator[str]:
        if self._file.channels_owner is not None:
            yield from self._known(("channels_owner",), self._file.channels_owner, self._file.owners, "owner")
        if CHANNEL_SILENT in self._file.alerts:
            yield self._says(("alerts", CHANNEL_SILENT), "is an alert that every desk has; give yours another name")
        for name, alert in self._file.alerts.items():
            yield from self._alert(("alerts", name), name, alert)
        for name, dashboard in self._file.dashboards.items():
            yield from self._known(("dashboards", name), name, VIEWS, "page of the desk")
            for index, panel in enumerate(dashboard.panels):
                yield from self._query(("dashboards", name, "panels", index, "query"), panel.query)
        for index, row in enumerate(self._file.background):
            yield from self._measured(("background", index), row.metric, row.labels)
        for name, case in self._file.tests.items():
            yield from self._case(("tests", name), case)
        yield from self._untested()

    # ---- alerts

    def _alert(self, place: Place, name: str, alert: AlertRow) -> Iterator[str]:
        for index, channel in enumerate(alert.channels):
            yield from self._known((*place, "channels", index), channel, self._file.channels, "channel")
        yield from self._known((*place, "owner"), alert.owner, self._file.owners, "owner")
        yield from self._known((*place, "playbook"), alert.playbook, self._pages, "page under runbooks/")
        yield from self._known((*place, "dashboard"), alert.dashboard, VIEWS, "page of the desk")
        for index, other in enumerate(alert.inhibits):
            yield from self._known((*place, "inhibits", index), other, self._file.alerts, "alert")
            if other == name:
                yield self._says((*place, "inhibits", index), "is the alert itself; remove it")
            elif name in self._silenced_by(other):
                yield self._says(
                    (*place, "inhibits", index),
                    f"is {other}, which inhibits {name} in turn: with both firing neither is told; remove one",
                )
        for index, watch in enumerate(alert.watch):
            yield from self._watch((*place, "watch", index), watch, alert)
        for index, condition in enumerate(alert.conditions):
            yield from self._condition((*place, "while", index), condition, alert)
        yield from self._summary((*place, "says"), alert)
        yield from self._action((*place, "action"), alert)

    def _silenced_by(self, name: str) -> set[str]:
        """The alerts that are not told while this one fires, or while one of those does."""
        found, ahead = set[str](), [name]
        while ahead:
            alert = self._file.alerts.get(ahead.pop())
            new = set(() if alert is None else alert.inhibits) - found
            found |= new
            ahead += new
        return found

    def _watch(self, place: Place, watch: WatchRow, alert: AlertRow) -> Iterator[str]:
        if watch.divergence is not None:
            yield from self._labels(place, alert.by, DIVERGENCE_LABELS, "the divergence")
            return
        kind = watch.kind.value
        metric = find(watch.metric)
        if metric is None:
            yield self._unknown_metric((*place, kind), watch.metric)
            return
        yield from self._of_kind((*place, kind), kind, metric)
        yield from self._where((*place, "where"), watch.where, metric)
        if kind == "absent" and any(value.startswith(BUT) for value in watch.where.values()):
            yield self._says((*place, "where"), f"begins with {BUT}; who is absent has to be named")
        allowed = [*watch.where] if kind == "absent" else metric.labels
        yield from self._labels((*place[:2], "by"), alert.by, allowed, metric.name)
        if watch.of is not None:
            yield from self._other((*place, "of"), watch, alert)
        yield from self._numbers(place, watch, metric)

    def _other(self, place: Place, watch: WatchRow, alert: AlertRow) -> Iterator[str]:
        other = find(str(watch.of))
        if other is None:
            yield self._unknown_metric(place, str(watch.of))
            return
        if other.kind is not Kind.COUNTER:
            yield self._says(place, f"is {other.name}, a {other.kind}; only a counter grows")
        yield from self._where((*place[:-1], "of_where"), watch.of_where, other)
        yield from self._labels((*place[:2], "by"), alert.by, other.labels, other.name)

    def _of_kind(self, place: Place, kind: str, metric: Metric) -> Iterator[str]:
        wanted = Kind.GAUGE
        if kind in ("grew", "ratio"):
            wanted = Kind.COUNTER
        elif kind == "slow":
            wanted = Kind.HISTOGRAM
        if kind != "absent" and metric.kind is not wanted:
            known = nearest(metric.name, [each.name for each in METRICS if each.kind is wanted])
            yield self._says(place, f"is {metric.name}, a {metric.kind}; {kind} watches a {wanted}. {known}")
        if kind == "age" and not metric.name.endswith(STAMP):
            known = nearest(metric.name, [each.name for each in METRICS if each.name.endswith(STAMP)])
            yield self._says(place, f"is {metric.name}, no instant; {known}")

    def _numbers(self, place: Place, watch: WatchRow, metric: Metric) -> Iterator[str]:
        shortest = FEWEST_SCRAPES * self._file.scrape_seconds
        if watch.within is not None and watch.within < shortest:
            yield self._says((*place, "within"), f"is {watch.within:g} s, in which Prometheus looks less than "
                             f"{FEWEST_SCRAPES} times; give {shortest:g} at least")  # fmt: skip
        if watch.edge is not None and watch.edge not in metric.buckets:
            edges = ", ".join(f"{edge:g}" for edge in metric.buckets)
            yield self._says(
                (*place, "edge"), f"is {watch.edge:g}, no bucket of {metric.name}; it has {edges or 'none'}"
            )
        if watch.clear is not None and watch.comparison.is_upward != (watch.clear <= watch.threshold):
            side = "below" if watch.comparison.is_upward else "above"
            yield self._says((*place, "clear"), f"is {watch.clear:g}; it must be {side} the threshold "
                             f"{watch.threshold:g}, or what fires ends at once")  # fmt: skip
        if watch.kind.value == "ratio" and watch.comparison.is_upward and watch.threshold >= 1:
            yield self._says((*place, watch.comparison.value), f"is {watch.threshold:g}; a ratio is a share, below 1")
        if metric.name.endswith("_ratio") and watch.comparison.is_upward and watch.threshold > 100:
            yield self._says((*place, watch.comparison.value), f"is {watch.threshold:g}; 0.8 is 80 %")

    def _condition(self, place: Place, condition: ConditionRow, alert: AlertRow) -> Iterator[str]:
        metric = find(condition.metric)
        if metric is None:
            yield self._unknown_metric((*place, "metric"), condition.metric)
            return
        if metric.kind is not Kind.GAUGE:
            yield self._says((*place, "metric"), f"is {metric.name}, a {metric.kind}; a condition reads a gauge")
        yield from self._where((*place, "where"), condition.where, metric)
        yield from self._labels((*place, "by"), condition.by, metric.labels, metric.name)
        yield from self._labels((*place, "by"), condition.by, alert.by, "the alert's own by")

    def _summary(self, place: Place, alert: AlertRow) -> Iterator[str]:
        try:
            words = [word for _, word, _, _ in string.Formatter().parse(alert.says) if word is not None]
        except ValueError as wrong:
            yield self._says(place, f"cannot be filled in ({wrong}); write {{value}} and the like")
            return
        for word in words:
            yield from self._known(place, word, [*SUMMARY_WORDS, *alert.by], "value or label of this alert")

    def _action(self, place: Place, alert: AlertRow) -> Iterator[str]:
        scopes = ACTION_SCOPES.get(alert.action)
        if scopes is None:
            return
        if alert.action is Action.DISABLE and "strategy" not in alert.by:
            yield self._says(place, "is disable, and by has no strategy; add it, or take halt_entries")
        if strange := sorted(set(alert.by) - scopes - {"limit", "kind", "calendar", "against"}):
            yield self._says(place, f"stops a strategy, a venue or the book, and {', '.join(strange)} is none of them")

    # ---- dashboards

    def _query(self, place: Place, query: str) -> Iterator[str]:
        try:
            named = selectors(query)
        except ConfigError as wrong:
            yield self._says(place, str(wrong))
            return
        labels: set[str] = set()
        for metric_name, used in named:
            known = ALERTS if metric_name == "ALERTS" else _exported_labels(metric_name)
            if known is None:
                yield self._unknown_metric(place, metric_name)
                continue
            labels |= set(known)
            yield from self._labels(place, used, known, metric_name)
        yield from self._labels(place, grouping_labels(query), labels, "what it asks for")

    # ---- cases

    def _case(self, place: Place, case: CaseRow) -> Iterator[str]:
        for index, series in enumerate(case.series):
            yield from self._series((*place, "series", index), series)
        seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
        for index, fires in enumerate(case.fires):
            here = (*place, "fires", index)
            alert = self._file.alerts.get(fires.alert)
            if alert is None:
                yield from self._known((*here, "alert"), fires.alert, self._file.alerts, "alert")
                continue
            yield from self._exactly((*here, "scope"), fires.scope, alert.by, fires.alert)
            if fires.start % case.every or (fires.until or 0) % case.every:
                yield self._says(here, f"is between two looks; give multiples of {case.every:g}")
            if fires.until is not None and fires.until <= fires.start:
                yield self._says((*here, "until"), f"is {fires.until:g}, not after {fires.start:g}")
            key = fires.alert, tuple(sorted(fires.scope.items()))
            if fires.start == 0 and fires.until is None and key in seen:
                yield self._says(here, "says the same twice; remove one")
            seen.add(key)

    def _measured(self, place: Place, name: str, labels: Mapping[str, str]) -> Iterator[str]:
        metric = find(name)
        if metric is None:
            yield self._unknown_metric((*place, "metric"), name)
        else:
            yield from self._exactly((*place, "labels"), labels, metric.labels, name)

    def _series(self, place: Place, series: SeriesRow) -> Iterator[str]:
        yield from self._measured(place, series.metric, series.labels)
        metric = find(series.metric)
        if metric is None:
            return
        for key, text in (("values", series.values), *series.above.items()):
            inside = (*place, "above", key) if key in series.above else (*place, key)
            try:
                numbers(text)
            except ConfigError as wrong:
                yield self._says(inside, str(wrong))
        for edge in series.above:
            if _number(edge) not in metric.buckets:
                edges = ", ".join(f"{each:g}" for each in metric.buckets) or "none"
                yield self._says((*place, "above"), f"has {edge!r}, no bucket of {metric.name}; it has {edges}")

    def _untested(self) -> Iterator[str]:
        tested = {fires.alert for case in self._file.tests.values() for fires in case.fires}
        for name in self._file.alerts:
            if name not in tested:
                yield self._says(("alerts", name), "has no test case in which it fires; add one below tests")

    # ---- sentences

    def _says(self, place: Place, sentence: str) -> str:
        return f"{self._document.source(place)}: {dotted(place)} {sentence}"

    def _known(self, place: Place, name: str, known: Iterable[str], what: str) -> Iterator[str]:
        names = list(known)
        if name not in names:
            yield self._says(place, f"is {name!r}, no {what}; {nearest(name, names)}")

    def _unknown_metric(self, place: Place, name: str) -> str:
        close = nearest(name, [metric.name for metric in METRICS]).partition("Known:")[0].strip()
        where = "`execution monitoring check --metrics` lists them"
        return self._says(place, f"is {name!r}, no metric of the desk; {close + ' ' if close else ''}{where}")

    def _where(self, place: Place, where: Mapping[str, str], metric: Metric) -> Iterator[str]:
        yield from self._labels(place, where, metric.labels, metric.name)
        for label, value in where.items():
            if label in metric.labels and not can_be(label, value):
                yield self._says((*place, label), f"is {value!r}, no {label} that there is; "
                                 f"{nearest(value, VALUES[label])}")  # fmt: skip

    def _labels(self, place: Place, named: Iterable[str], known: Iterable[str], of: str) -> Iterator[str]:
        names = list(known)
        for label in named:
            if label not in names:
                yield self._says(place, f"names {label!r}, no label of {of}; {nearest(label, names)}")

    def _exactly(self, place: Place, given: Mapping[str, str], wanted: Iterable[str], of: str) -> Iterator[str]:
        names = list(wanted)
        yield from self._labels(place, given, names, of)
        if missing := [label for label in names if label not in given]:
            yield self._says(place, f"lacks {', '.join(missing)} of {of}; add {'it' if len(missing) == 1 else 'them'}")


DIVERGENCE_LABELS: Final = ("strategy", "against")


def _exported_labels(name: str) -> tuple[str, ...] | None:
    """The labels of a series as it is exported: a histogram is three of them."""
    metric = find(name)
    if metric is not None and metric.kind is not Kind.HISTOGRAM:
        return metric.labels
    for ending, more in (("_bucket", ("le",)), ("_count", ()), ("_sum", ())):
        metric = find(name.removesuffix(ending)) if name.endswith(ending) else None
        if metric is not None and metric.kind is Kind.HISTOGRAM:
            return (*metric.labels, *more)
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
