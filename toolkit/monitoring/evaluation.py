"""Which alerts fire now: rules over samples, look after look, in bounded memory; no clock, and nothing follows here.

It says what Prometheus says of the same samples at the same moments (`queries.py`); a test replays both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from toolkit.domain.time import WallTime
from toolkit.monitoring.catalogue import Metric, find
from toolkit.monitoring.growth import Growth, Scope
from toolkit.monitoring.instants import Instants
from toolkit.monitoring.rules import ANY, BUT, Condition, Fold, Kind, Rule, Watch, Where, alternatives
from toolkit.monitoring.samples import HistogramSample, Samples

Values = dict[Scope, float]

FOLDS: Final[Mapping[Fold, Callable[[Iterable[float]], float]]] = {Fold.MAX: max, Fold.MIN: min, Fold.SUM: sum}


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that holds in one scope, and has for as long as it asks. `since` is when it began to (UTC ns)."""

    rule: Rule
    scope: Scope
    value: float
    threshold: float
    since: WallTime

    @property
    def key(self) -> tuple[str, Scope]:
        """What makes two of them the same alert."""
        return self.rule.name, self.scope


class Held(NamedTuple):
    """What a rule found in one scope."""

    value: float
    watch: Watch


class Found(NamedTuple):
    """What a rule found last in one scope, and since when it does not any more; None while it does."""

    held: Held
    over: int | None


class Evaluator:
    """Looks at samples again and again. Every look is given its moment by the wall clock, and by how much that has been
    set back since the first (`undone`, in ns; less than 0 for a clock that was set forward). By itself it goes by the
    sum of both, which nobody sets: what holds has held, what fires goes on, and what is silent grows older."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._growth: dict[tuple[str, int, str], Growth] = {}
        self._since: dict[tuple[str, Scope], int] = {}
        self._firing: set[tuple[str, Scope]] = set()
        self._found: dict[str, dict[Scope, Found]] = {}
        self._instants = Instants()

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self._rules

    def go_on_from(self, before: Evaluator) -> None:
        """Remember what another one saw of the rules that both have, word for word."""
        same = {rule.name for rule in self._rules if rule in before.rules}
        self._growth |= {key: growth for key, growth in before._growth.items() if key[0] in same}
        self._since |= {key: since for key, since in before._since.items() if key[0] in same}
        self._found |= {name: found for name, found in before._found.items() if name in same}
        self._firing |= {key for key in before._firing if key[0] in same}
        self._instants.go_on_from(before._instants)

    def look(self, samples: Samples, wall: WallTime, undone: int = 0) -> tuple[Firing, ...]:
        """Everything that fires at this moment, rule by rule, scopes in their order."""
        at = int(wall) + undone
        self._instants.look(at / 1e9, undone / 1e9)
        found = [
            Firing(rule=rule, scope=scope, value=value, threshold=watch.threshold, since=WallTime(since - undone))
            for rule in self._rules
            for scope, (value, watch), since in self._look_at(rule, samples, at)
        ]
        self._firing = {firing.key for firing in found}
        return tuple(found)

    def _look_at(self, rule: Rule, samples: Samples, at: int) -> Iterable[tuple[Scope, Held, int]]:
        """What fires, and since when it holds."""
        held = self._kept(rule, self._held(rule, samples, at), at)
        for key in [key for key in self._since if key[0] == rule.name and key[1] not in held]:
            del self._since[key]
        for scope in sorted(held):
            since = self._since[rule.name, scope] = min(self._since.get((rule.name, scope), at), at)
            if at - since >= round(rule.for_seconds * 1e9):
                yield scope, held[scope], since

    def _kept(self, rule: Rule, held: dict[Scope, Held], at: int) -> dict[Scope, Held]:
        """What holds, and what fired and has not been over for as long as the rule says, as it was found last."""
        if not rule.keep_seconds:
            return held
        found = {scope: Found(each, None) for scope, each in held.items()}
        for scope, (last, over) in self._found.get(rule.name, {}).items():
            since = at if over is None else over
            fires = (rule.name, scope) in self._firing and at - since < round(rule.keep_seconds * 1e9)
            if scope not in held and fires:
                found[scope] = Found(last, since)
        self._found[rule.name] = found
        return {scope: last for scope, (last, _) in found.items()}

    def _held(self, rule: Rule, samples: Samples, at: int) -> dict[Scope, Held]:
        held: dict[Scope, Held] = {}
        for place, watch in enumerate(rule.watches):
            for scope, value in self._values(rule, place, samples, at).items():
                fires = (rule.name, scope) in self._firing
                if scope not in held and watch.comparison.holds(value, watch.clear if fires else watch.threshold):
                    held[scope] = Held(value, watch)
        for condition in rule.conditions:
            met = _met(condition, samples)
            held = {scope: each for scope, each in held.items() if _narrow(scope, condition.by) in met}
        return held

    def _values(self, rule: Rule, place: int, samples: Samples, at: int) -> Values:
        watch = rule.watches[place]
        match watch.kind:
            case Kind.LEVEL:
                return _folded(samples, watch.metric, watch.where, rule.by, watch.fold)
            case Kind.AGE:
                places = _gathered(self._placed(samples, watch.metric), watch.where, rule.by, watch.fold)
                return {scope: at / 1e9 - place for scope, place in places.items()}
            case Kind.GREW:
                totals = _folded(samples, watch.metric, watch.where, rule.by, Fold.SUM)
                return self._grown(rule, place, "of", watch.window, totals, at)
            case Kind.RATIO:
                return self._ratios(rule, place, samples, at)
            case Kind.ROW:
                grown = self._grown_out_of(rule, place, samples, at)
                row = _folded(samples, watch.metric, watch.where, rule.by, watch.fold)
                few = {scope for scope, count in grown.items() if 0 < count < watch.minimum_sample}
                return {scope: value for scope, value in row.items() if scope in few}
            case Kind.SLOW:
                totals = _slow(samples, watch, rule.by)
                return self._grown(rule, place, "of", watch.window, totals, at)
            case Kind.ABSENT:
                there = any(_has(labels, watch.where) for labels, _ in _series(samples, watch.metric))
                return {} if there else {_narrow(watch.where, rule.by): 1.0}

    def _placed(self, samples: Samples, metric: str) -> Iterator[tuple[Mapping[str, str], float]]:
        """Each stamp of a metric where it belongs, however the clock was set since."""
        for labels, stamp in _series(samples, metric):
            yield labels, self._instants.place((metric, tuple(labels.values())), stamp)

    def _ratios(self, rule: Rule, place: int, samples: Samples, at: int) -> Values:
        watch = rule.watches[place]
        whole = _folded(samples, watch.out_of, watch.out_of_where, rule.by, Fold.SUM)
        part = _folded(samples, watch.metric, watch.where, rule.by, Fold.SUM)
        totals = dict.fromkeys(whole, 0.0) | part
        grown = self._grown(rule, place, "of", watch.window, totals, at)
        counts = self._grown_out_of(rule, place, samples, at)
        return {scope: grown[scope] / count for scope, count in counts.items() if count >= watch.minimum_sample}

    def _grown_out_of(self, rule: Rule, place: int, samples: Samples, at: int) -> Values:
        """By how much the other counter grew."""
        watch = rule.watches[place]
        whole = _folded(samples, watch.out_of, watch.out_of_where, rule.by, Fold.SUM)
        return self._grown(rule, place, "out_of", watch.window, whole, at)

    def _grown(self, rule: Rule, place: int, part: str, window: float, totals: Values, at: int) -> Values:
        key = (rule.name, place, part)
        if key not in self._growth:
            self._growth[key] = Growth(window)
        return self._growth[key].hear(totals, at)


def _folded(samples: Samples, metric: str, where: Where, by: tuple[str, ...], fold: Fold) -> Values:
    """The series of a metric as one number per scope."""
    return _gathered(_series(samples, metric), where, by, fold)


def _gathered(
    series: Iterable[tuple[Mapping[str, str], float]], where: Where, by: tuple[str, ...], fold: Fold
) -> Values:
    """One number per scope; a series without a number has no say, but spoils a sum."""
    gathered: dict[Scope, list[float]] = {}
    for labels, value in series:
        if _has(labels, where) and (fold is Fold.SUM or not math.isnan(value)):
            gathered.setdefault(tuple((name, labels[name]) for name in by), []).append(value)
    return {scope: FOLDS[fold](values) for scope, values in gathered.items()}


def _slow(samples: Samples, watch: Watch, by: tuple[str, ...]) -> Values:
    totals: Values = {}
    metric = find(watch.metric)
    for (name, values), histogram in samples.histograms.items():
        if metric is None or name != watch.metric:
            continue
        labels = dict(zip(metric.labels, values, strict=True))
        if _has(labels, watch.where):
            scope = tuple((name, labels[name]) for name in by)
            totals[scope] = totals.get(scope, 0.0) + _above(metric, histogram, watch.edge)
    return totals


def _above(metric: Metric, histogram: HistogramSample, edge: float) -> int:
    """How many observations were above one of the buckets' edges."""
    return sum(histogram.counts[metric.buckets.index(edge) + 1 :])


def _met(condition: Condition, samples: Samples) -> set[Scope]:
    fold = Fold.MAX if condition.comparison.is_upward else Fold.MIN
    values = _folded(samples, condition.metric, condition.where, condition.by, fold)
    return {scope for scope, value in values.items() if condition.comparison.holds(value, condition.threshold)}


def _series(samples: Samples, metric: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """Every value of a metric with its labels by name; none of a metric that nobody knows."""
    known = find(metric)
    names = () if known is None else known.labels
    for values, value in samples.of(metric).items():
        yield dict(zip(names, values, strict=True)), value


def _has(labels: Mapping[str, str], where: Where) -> bool:
    return all(_matches(labels.get(name, ""), wanted) for name, wanted in where)


def _matches(value: str, wanted: str) -> bool:
    if wanted.startswith(BUT):
        return not any(_matches(value, each) for each in alternatives(wanted))
    return value.startswith(wanted.removesuffix(ANY)) if wanted.endswith(ANY) else value == wanted


def _narrow(scope: Scope, by: tuple[str, ...]) -> Scope:
    known = dict(scope)
    return tuple((name, known[name]) for name in by)
