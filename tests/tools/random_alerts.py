"""Rules and series as nobody would write them, from a seed: what the desk's evaluation and Prometheus must agree on."""

from __future__ import annotations

import random

import msgspec

from toolkit.monitoring.catalogue import find
from toolkit.monitoring.plan import Case, Expected, Plan
from toolkit.monitoring.replay import fired
from toolkit.monitoring.rules import Comparison, Condition, Fold, Kind, Rule, Severity, Watch
from toolkit.monitoring.series import Number, Series

MOMENTS = 60
EVERY = 5.0
VENUES = ("paper", "other")
STRATEGIES = ("trend", "quoting")
OF = {
    Kind.LEVEL: "quarterdeck_order_wait_seconds",
    Kind.AGE: "quarterdeck_oldest_doubt_timestamp_seconds",
    Kind.GREW: "quarterdeck_expiries_total",
    Kind.RATIO: "quarterdeck_venue_answers_total",
    Kind.ROW: "quarterdeck_venue_rejects_in_a_row",
    Kind.SLOW: "quarterdeck_order_hop_seconds",
    Kind.ABSENT: "quarterdeck_orders_unanswered",
}
ANSWERS = OF[Kind.RATIO]


def random_plan(seed: int) -> Plan:
    """A few rules of every kind, and one case in which whatever the desk's own evaluation finds is expected."""
    draw = random.Random(seed)
    rules = tuple(_rule(draw, kind, place) for place, kind in enumerate((*Kind, *draw.choices([*Kind], k=5))))
    case = Case(name=f"seed_{seed}", every=EVERY, series=tuple(_series(draw)))
    return Plan(rules=rules, routes=(), dashboards=(), cases=(_as_found(rules, case),), scrape_seconds=EVERY)


def _rule(draw: random.Random, kind: Kind, place: int) -> Rule:
    by = draw.choice([("venue",), ("venue",), ()])
    kinds = [kind, *draw.choices([Kind.LEVEL, Kind.AGE, Kind.RATIO, Kind.ROW], k=draw.randint(0, 1))]
    if Kind.ABSENT in kinds:
        kinds, by = [kind], ("venue",)
    opened = Condition(
        metric="quarterdeck_doubts", comparison=draw.choice([*Comparison]), threshold=1, by=draw.choice([by, ()])
    )
    return Rule(
        name=f"{kind}_{place}", summary="{value}", watches=tuple(_watch(draw, each) for each in kinds), by=by,
        conditions=(opened,) if draw.random() < 0.3 else (), for_seconds=draw.choice([0, 0, 5, 15, 12]),
        keep_seconds=draw.choice([0, 0, 5, 12, 30]),
        severity=Severity.WARNING, channels=("desk",), owner="operator", playbook="order-late", dashboard="overview",
    )  # fmt: skip


def _watch(draw: random.Random, kind: Kind) -> Watch:
    comparison = draw.choice([Comparison.ABOVE, Comparison.AT_LEAST, Comparison.BELOW, Comparison.AT_MOST])
    threshold = {Kind.RATIO: draw.choice([0.03, 0.1, 0.3]), Kind.AGE: draw.choice([5, 20.0, 40])}.get(
        kind, draw.randint(0, 6)
    )
    slack = draw.choice([0, 0, 1, 2]) * (0.02 if kind is Kind.RATIO else 1)
    watch = Watch(
        kind=kind, metric=OF[kind], comparison=comparison, threshold=threshold,
        clear=threshold - slack if comparison.is_upward else threshold + slack, fold=draw.choice([*Fold]),
        window=draw.choice([10, 30, 60, 100, 300]),
    )  # fmt: skip
    match kind:
        case Kind.RATIO | Kind.ROW:
            where = (("answer", "rejected"),) if kind is Kind.RATIO else ()
            return msgspec.structs.replace(watch, where=where, out_of=ANSWERS, minimum_sample=draw.choice([1, 5, 20]))
        case Kind.SLOW:
            return msgspec.structs.replace(
                watch, edge=5.0, where=draw.choice([(), (("hop", "decision_*"),), (("hop", "!x, decision_*"),)])
            )
        case Kind.AGE:
            return msgspec.structs.replace(watch, fold=draw.choice([Fold.MIN, Fold.MAX]))
        case Kind.ABSENT:
            return msgspec.structs.replace(
                watch, comparison=Comparison.ABOVE, threshold=0, clear=0, where=(("venue", "paper"),)
            )
        case Kind.LEVEL:
            where = draw.choice([(), (), (("strategy", "!trend"),), (("strategy", "!q*, nobody"),)])
            return msgspec.structs.replace(watch, where=where)
        case _:
            return watch


def _series(draw: random.Random) -> list[Series]:
    found = []
    for venue in VENUES:
        for strategy in STRATEGIES:
            labels = (("strategy", strategy), ("venue", venue))
            found.append(Series(metric=OF[Kind.LEVEL], labels=labels, values=_wandering(draw)))
            found.append(Series(metric=OF[Kind.GREW], labels=labels, values=_growing(draw, 2)))
        at = (("venue", venue),)
        found.append(Series(metric=OF[Kind.AGE], labels=at, values=_instants(draw)))
        found.append(Series(metric=OF[Kind.ROW], labels=at, values=_wandering(draw)))
        found.append(Series(metric=OF[Kind.ABSENT], labels=at, values=_wandering(draw)))
        found.append(Series(metric="quarterdeck_doubts", labels=at, values=_wandering(draw)))
        for answer, most in (("accepted", 4), ("rejected", 1)):
            values = _growing(draw, most)
            found.append(Series(metric=ANSWERS, labels=(("venue", venue), ("answer", answer)), values=values))
        found += [_histogram(draw, hop, venue) for hop in ("decision_to_answer", "journal_to_send")]
    return found


def _wandering(draw: random.Random) -> tuple[Number, ...]:
    value, values = draw.randint(0, 5), []
    for _ in range(MOMENTS):
        value = max(0, value + draw.choice([-1, 0, 0, 1]))
        values.append(None if draw.random() < 0.05 else float(value))
    return tuple(values)


def _growing(draw: random.Random, most: int) -> tuple[Number, ...]:
    """A counter that is sometimes away, sometimes pauses, and once in a while starts anew."""
    total, values = 0, []
    begins = draw.choice([0, 0, 7])
    pauses = draw.randint(10, 50)
    for place in range(MOMENTS):
        total += 0 if pauses < place < pauses + 15 else draw.randint(0, most)
        total = 0 if draw.random() < 0.01 else total
        values.append(None if place < begins or draw.random() < 0.03 else float(total))
    return tuple(values)


def _instants(draw: random.Random) -> tuple[Number, ...]:
    latest, values = 0.0, []
    for place in range(MOMENTS):
        latest = place * EVERY - draw.choice([0, 0.25, 3]) if draw.random() < 0.2 else latest
        values.append(None if draw.random() < 0.1 else latest)
    return tuple(values)


def _histogram(draw: random.Random, hop: str, venue: str) -> Series:
    metric = find(OF[Kind.SLOW])
    assert metric is not None
    assert 5.0 in metric.buckets
    slow, total, values, above = 0, 0, [], []
    for _ in range(MOMENTS):
        more = draw.randint(0, 1)
        slow, total = slow + more, total + more + draw.randint(0, 3)
        values.append(float(total))
        above.append(float(slow))
    return Series(
        metric=metric.name, labels=(("hop", hop), ("venue", venue)), values=tuple(values), above=((5.0, tuple(above)),)
    )


def _as_found(rules: tuple[Rule, ...], case: Case) -> Case:
    expected = [
        Expected(alert=one.alert, start=one.second, until=one.second + EVERY, scope=one.scope)
        for one in fired(rules, case)
    ]
    return msgspec.structs.replace(case, fires=tuple(expected))
