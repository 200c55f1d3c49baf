"""Rules over samples: each kind, what clears it, and that neither time nor scopes let the window grow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import pytest

from toolkit.domain.time import WallTime
from toolkit.monitoring.evaluation import Evaluator, Firing
from toolkit.monitoring.growth import STEPS_KEPT, Growth
from toolkit.monitoring.rules import Comparison, Condition, Fold, Kind, Rule, Severity, Watch

SECOND = 1_000_000_000
Labels = tuple[tuple[str, str], ...]


class Buckets(msgspec.Struct, frozen=True):
    beyond: float

    def above(self, edge: float) -> float:
        assert edge == 5
        return self.beyond


class Samples:
    """Series by metric and labels, written out."""

    def __init__(self, **values: Mapping[Labels, float] | float) -> None:
        self._values = {name: value if isinstance(value, Mapping) else {(): value} for name, value in values.items()}

    def series(self, metric: str) -> Iterable[tuple[Mapping[str, str], float]]:
        return [(dict(labels), value) for labels, value in self._values.get(metric, {}).items()]

    def histograms(self, metric: str) -> Iterable[tuple[Mapping[str, str], Buckets]]:
        return [(labels, Buckets(value)) for labels, value in self.series(metric)]


def watch(kind: Kind, metric: str, threshold: float, **other: object) -> Watch:
    base = Watch(kind=kind, metric=metric, comparison=Comparison.ABOVE, threshold=threshold, clear=threshold)
    return msgspec.structs.replace(base, **other)


def rule(*watches: Watch, **other: object) -> Rule:
    base = Rule(
        name="example", summary="{value}", watches=watches, severity=Severity.WARNING, channels=("desk",),
        owner="operator", playbook="reject-burst", dashboard="overview",
    )  # fmt: skip
    return msgspec.structs.replace(base, **other)


def looks(example: Rule, *moments: tuple[float, Samples]) -> list[tuple[Firing, ...]]:
    evaluator = Evaluator([example])
    return [evaluator.look(samples, WallTime(round(second * SECOND))) for second, samples in moments]


def seconds_fired(example: Rule, *moments: tuple[float, Samples]) -> list[float]:
    return [moment[0] for moment, fired in zip(moments, looks(example, *moments), strict=True) if fired]


def test_a_level_fires_beyond_its_threshold_and_clears_where_it_says() -> None:
    use = rule(watch(Kind.LEVEL, "use", 0.8, comparison=Comparison.AT_LEAST, clear=0.7))
    path = [(second, Samples(use=value)) for second, value in enumerate([0.79, 0.8, 0.75, 0.69, 0.75])]
    assert seconds_fired(use, *path) == [1, 2]


def test_for_seconds_counts_from_when_it_began_and_anew_after_a_pause() -> None:
    late = rule(watch(Kind.LEVEL, "late", 0), for_seconds=2)
    path = [(second, Samples(late=value)) for second, value in enumerate([1, 1, 0, 1, 1, 1, 1])]
    fired = looks(late, *path)
    assert [bool(each) for each in fired] == [False, False, False, False, False, True, True]
    assert fired[5][0].since == fired[6][0].since == 3 * SECOND


def test_a_scope_is_an_alert_of_its_own() -> None:
    use = rule(watch(Kind.LEVEL, "use", 1), by=("strategy",))
    series = {(("limit", "a"), ("strategy", "trend")): 2.0, (("limit", "b"), ("strategy", "trend")): 3.0,
              (("limit", "a"), ("strategy", "other")): 1.0}  # fmt: skip
    (fired,) = looks(use, (0, Samples(use=series)))
    assert [(each.scope, each.value) for each in fired] == [((("strategy", "trend"),), 3.0)]


@pytest.mark.parametrize(("fold", "fires"), [(Fold.MAX, False), (Fold.MIN, True)])
def test_the_age_is_of_the_oldest_or_the_newest(fold: Fold, fires: bool) -> None:
    age = rule(watch(Kind.AGE, "seen", 5, fold=fold))
    series = {(("venue", "a"),): 100.0, (("venue", "b"),): 90.0}
    assert bool(looks(age, (101, Samples(seen=series)))[0]) is fires


def rejects(rejected: float, orders: float, row: float = 0) -> Samples:
    return Samples(rejected=rejected, orders=orders, row=row)


REJECTS = rule(
    watch(Kind.RATIO, "rejected", 0.03, out_of="orders", window=900, minimum_sample=20),
    watch(Kind.ROW, "row", 3, comparison=Comparison.AT_LEAST, out_of="orders", window=900, minimum_sample=20, clear=3),
)


def test_a_ratio_needs_its_sample_and_below_it_a_row_counts() -> None:
    assert seconds_fired(
        REJECTS,
        (0, rejects(0, 0)),
        (1, rejects(1, 19)),  # more than 3 %, of too few
        (2, rejects(3, 19, row=3)),  # three in a row
        (3, rejects(3, 100, row=3)),  # 3 % of enough is not above 3 %, and a row does not count any more
        (4, rejects(4, 100)),
    ) == [2, 4]


def test_a_ratio_forgets_what_is_older_than_its_window() -> None:
    start = [(0, rejects(0, 0)), (1, rejects(10, 100))]
    later = [(900, rejects(10, 150)), (901, rejects(10, 150))]
    assert seconds_fired(REJECTS, *start, *later) == [1, 900], "the window still holds its first moment, then no more"


def test_a_counter_that_starts_anew_counts_from_there() -> None:
    assert seconds_fired(REJECTS, (0, rejects(90, 900)), (1, rejects(0, 0)), (2, rejects(2, 20))) == [2]


def test_slow_counts_what_was_above_the_edge_within_the_window() -> None:
    slow = rule(watch(Kind.SLOW, "latency", 0, edge=5, window=60))
    path = [(second, Samples(latency=count)) for second, count in [(0, 3), (1, 3), (2, 4), (62, 4), (63, 4)]]
    assert seconds_fired(slow, *path) == [2]


def test_absence_is_a_finding_with_the_scope_that_was_asked_for() -> None:
    silent = rule(watch(Kind.ABSENT, "beat", 0, where=(("process", "engine"),)), by=("process",))
    there, gone = Samples(beat={(("process", "engine"),): 1.0}), Samples(beat={(("process", "runner"),): 1.0})
    first, second = looks(silent, (0, there), (1, gone))
    assert not first
    assert second[0].scope == (("process", "engine"),)


def test_conditions_of_a_part_of_the_scope_must_hold_too() -> None:
    stale = rule(
        watch(Kind.AGE, "quote", 10, fold=Fold.MIN),
        by=("calendar", "instrument"),
        conditions=(Condition(metric="open", comparison=Comparison.ABOVE, threshold=0, by=("calendar",)),),
    )
    quote = {(("calendar", "NYSE"), ("instrument", "IBM")): 0.0, (("calendar", "24/7"), ("instrument", "BTC")): 0.0}
    opened = {(("calendar", "NYSE"),): 0.0, (("calendar", "24/7"),): 1.0}
    (fired,) = looks(stale, (60, Samples(quote=quote, open=opened)))
    assert [dict(each.scope)["instrument"] for each in fired] == ["BTC"]


def test_no_series_is_no_alert() -> None:
    assert looks(REJECTS, (0, Samples()), (900, Samples())) == [(), ()]


def test_a_window_keeps_no_more_than_its_steps_however_often_it_is_looked_at() -> None:
    growth = Growth(900)
    for place in range(20_000):
        growth.hear({(): float(place)}, place * SECOND // 4)
        assert growth.kept <= STEPS_KEPT + 2
    growth.hear({}, 20_000 * SECOND)
    assert growth.kept == 0, "a scope that is gone is forgotten"
