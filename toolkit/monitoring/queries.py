"""Rules as queries of Prometheus (PromQL of 2.42), so that it fires when the desk's own evaluation does; only text.

What grew is `x - min_over_time(x[w])` of a recorded sum and not `increase`: that one extrapolates, and would say 3.4
rejects of 19.7 orders. What fires stays until its clearing threshold, by the alert's own series ALERTS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from toolkit.monitoring.rules import ANY, BUT, Condition, Fold, Kind, Rule, Watch, Where, alternatives


class Record(NamedTuple):
    """A recording rule: a sum by the labels of a rule, of which the window is looked at."""

    name: str
    query: str


def records(rule: Rule) -> tuple[Record, ...]:
    """What must be recorded before `query(rule)` can be asked, in the same group and in this order."""
    return tuple(record for place in range(len(rule.watches)) for record in _records(rule, place))


def query(rule: Rule) -> str:
    """True for every scope in which the rule holds; its value is that of the first watch that does."""
    watched = " or ".join(_bracketed(_holds(rule, place), len(rule.watches) > 1) for place in range(len(rule.watches)))
    for condition in rule.conditions:
        watched = f"({watched}) and on ({', '.join(condition.by)}) ({_condition(condition)})"
    return watched


def selector(metric: str, where: Where) -> str:
    """`metric{label="value"}`."""
    inside = ", ".join(f"{name}{_matcher(value)}" for name, value in where)
    return f"{metric}{{{inside}}}" if inside else metric


def duration(seconds: float) -> str:
    """`15m`, `90s`, `250ms`: the largest unit that says it whole."""
    milliseconds = round(seconds * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def number(value: float) -> str:
    """As short as it can be without being another number."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else repr(value)


# ---- parts


def _holds(rule: Rule, place: int) -> str:
    watch = rule.watches[place]
    value = _value(rule, place)
    sign, beyond = watch.comparison.sign, number(watch.threshold)
    first = f"{value} {sign} {beyond}"
    if watch.clear == watch.threshold:
        return first
    already = f'ALERTS{{alertname="{rule.name}", alertstate="firing"}}'
    return f"({first}) or (({value} {sign} {number(watch.clear)}) and on ({', '.join(rule.by)}) {already})"


def _value(rule: Rule, place: int) -> str:
    watch = rule.watches[place]
    match watch.kind:
        case Kind.LEVEL:
            return _folded(watch, rule.by)
        case Kind.AGE:
            return f"(time() - {_folded(watch, rule.by)})"
        case Kind.GREW | Kind.SLOW:
            return _grown(_name(rule, place, "of"), watch.window)
        case Kind.RATIO:
            part = _grown(_name(rule, place, "of"), watch.window)
            whole = _grown(_name(rule, place, "out_of"), watch.window)
            return f"({part} / ({whole} >= {number(watch.minimum_sample)}))"
        case Kind.ROW:
            whole = _grown(_name(rule, place, "out_of"), watch.window)
            return f"({_folded(watch, rule.by)} and {whole} > 0 unless {whole} >= {number(watch.minimum_sample)})"
        case Kind.ABSENT:
            return f"max by ({', '.join(rule.by)}) (absent({selector(watch.metric, watch.where)}))"


def _records(rule: Rule, place: int) -> Iterator[Record]:
    watch = rule.watches[place]
    by = ", ".join(rule.by)
    part = f"sum by ({by}) ({selector(watch.metric, watch.where)})"
    match watch.kind:
        case Kind.GREW:
            yield Record(_name(rule, place, "of"), part)
        case Kind.SLOW:
            # A bucket's edge is written 5 or 5.0, whoever exports it.
            edge = number(watch.edge).replace(".", "\\\\.")
            bucket = f'le=~"{edge}(\\\\.0)?"'
            quick = selector(f"{watch.metric}_bucket", watch.where)
            quick = f"{quick[:-1]}, {bucket}}}" if watch.where else f"{quick}{{{bucket}}}"
            everything = selector(f"{watch.metric}_count", watch.where)
            yield Record(_name(rule, place, "of"), f"sum by ({by}) ({everything}) - sum by ({by}) ({quick})")
        case Kind.RATIO | Kind.ROW:
            whole = f"sum by ({by}) ({selector(watch.out_of, watch.out_of_where)})"
            yield Record(_name(rule, place, "out_of"), whole)
            if watch.kind is Kind.RATIO:
                # Before the first of them there is no series, which is none of them and not nothing known.
                yield Record(_name(rule, place, "of"), f"{part} or {whole} * 0")
        case Kind.LEVEL | Kind.AGE | Kind.ABSENT:
            return


def _name(rule: Rule, place: int, part: str) -> str:
    """Recorded names are `level:metric:operation` by habit; ours say whose they are and which part."""
    watch = rule.watches[place]
    metric = watch.metric if part == "of" else watch.out_of
    return f"{rule.name}:{metric}:{part}{place or ''}"


def _grown(recorded: str, window: float) -> str:
    return f"({recorded} - min_over_time({recorded}[{duration(window)}]))"


def _folded(watch: Watch, by: tuple[str, ...]) -> str:
    return f"{watch.fold.value} by ({', '.join(by)}) ({selector(watch.metric, watch.where)})"


def _condition(condition: Condition) -> str:
    fold = Fold.MAX if condition.comparison.is_upward else Fold.MIN
    folded = f"{fold.value} by ({', '.join(condition.by)}) ({selector(condition.metric, condition.where)})"
    return f"{folded} {condition.comparison.sign} {number(condition.threshold)}"


def _matcher(value: str) -> str:
    if value.startswith(BUT):
        return f'!~"{"|".join(map(_pattern, alternatives(value)))}"'
    return f'=~"{_pattern(value)}"' if value.endswith(ANY) else f'="{value}"'


def _pattern(value: str) -> str:
    start = re.sub(r"([.+*?()|\[\]{}^$\\])", r"\\\\\1", value.removesuffix(ANY))
    return f"{start}.*" if value.endswith(ANY) else start


def _bracketed(text: str, needed: bool) -> str:
    return f"({text})" if needed else text
