"""Rules over samples: each kind, what clears it, and that neither time nor scopes let the window grow."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from toolkit.domain.time import WallTime
from toolkit.monitoring.catalogue import Kind as MetricKind
from toolkit.monitoring.catalogue import find
from toolkit.monitoring.evaluation import Evaluator, Firing
from toolkit.monitoring.growth import STEPS_KEPT, Growth
from toolkit.monitoring.rules import Comparison, Condition, Fold, Kind, Rule, Severity, Watch
from toolkit.monitoring.samples import Gathering, Samples

SECOND = 1_000_000_000
Labels = tuple[str, ...]


def samples(**values: Mapping[Labels, float] | float) -> Samples:
    """Series by metric (without its prefix) and label values; a number alone has the labels "x"."""
    gathering = Gathering()
    for name, given in values.items():
        metric = find(f"quarterdeck_{name}")
        assert metric is not None
        series = given if isinstance(given, Mapping) else {("x",) * len(metric.labels): given}
        for labels, value in series.items():
            if metric.kind is MetricKind.HISTOGRAM:
                edge = metric.buckets.index(5) + 1
                counts = [10] * edge + [0] * (len(metric.buckets) - edge) + [int(value)]
                gathering.spread(name, counts, 0.0, *labels)
            else:
                gathering.put(name, value, *labels)
    return gathering.samples(WallTime(0))


def watch(kind: Kind, metric: str, threshold: float, **other: object) -> Watch:
    base = Watch(
        kind=kind, metric=f"quarterdeck_{metric}", comparison=Comparison.ABOVE, threshold=threshold, clear=threshold
    )
    return msgspec.structs.replace(base, **other)


def rule(*watches: Watch, **other: object) -> Rule:
    base = Rule(
        name="example", summary="{value}", watches=watches, severity=Severity.WARNING, channels=("desk",),
        owner="operator", playbook="reject-burst", dashboard="overview",
    )  # fmt: skip
    return msgspec.structs.replace(base, **other)


def looks(example: Rule, *moments: tuple[float, Samples]) -> list[tuple[Firing, ...]]:
    evaluator = Evaluator([example])
    return [evaluator.look(measured, WallTime(round(second * SECOND))) for second, measured in moments]


def seconds_fired(example: Rule, *moments: tuple[float, Samples]) -> list[float]:
    return [moment[0] for moment, fired in zip(moments, looks(example, *moments), strict=True) if fired]


def test_a_level_fires_beyond_its_threshold_and_clears_where_it_says() -> None:
    use = rule(watch(Kind.LEVEL, "limit_use_ratio", 0.8, comparison=Comparison.AT_LEAST, clear=0.7))
    path = [(second, samples(limit_use_ratio=value)) for second, value in enumerate([0.79, 0.8, 0.75, 0.69, 0.75])]
    assert seconds_fired(use, *path) == [1, 2]


def test_for_seconds_counts_from_when_it_began_and_anew_after_a_pause() -> None:
    doubts = rule(watch(Kind.LEVEL, "doubts", 0), for_seconds=2)
    path = [(second, samples(doubts=value)) for second, value in enumerate([1, 1, 0, 1, 1, 1, 1])]
    fired = looks(doubts, *path)
    assert [bool(each) for each in fired] == [False, False, False, False, False, True, True]
    assert fired[5][0].since == fired[6][0].since == 3 * SECOND


BEGIN = 100_000
Look = tuple[float, float, float | None]
"""A second, what the clock has been set by until then, and the stamp that is read; None for none."""


def ages(age: Rule, *path: Look) -> list[list[float]]:
    """What fires in each look, as old as it is found."""
    evaluator = Evaluator((age,))
    found = []
    for second, set_by, stamp in path:
        measured = samples() if stamp is None else samples(last_fill_timestamp_seconds={("trend",): BEGIN + stamp})
        wall = WallTime(round((BEGIN + second + set_by) * SECOND))
        found.append([each.value for each in evaluator.look(measured, wall, -round(set_by * SECOND))])
    return found


SILENT = rule(watch(Kind.AGE, "last_fill_timestamp_seconds", 5))


@pytest.mark.parametrize("set_by", [-3_600, 3_600, -86_400 * 365])
def test_what_is_silent_grows_older_whatever_the_clock_is_set_by(set_by: float) -> None:
    path = [(0, 0, 0), (4, 0, 0), (5, set_by, 0), (6, set_by, 0), (3_700, set_by, 0), (3_701, set_by, set_by + 3_700)]
    assert ages(SILENT, *path) == [[], [], [], [6], [3_700], []]


@pytest.mark.parametrize("set_by", [-3_600, 3_600])
def test_a_stamp_of_just_before_the_clock_was_set_is_of_then(set_by: float) -> None:
    path = [(0, 0, 0), (1, set_by, 0.5), (5, set_by, 0.5), (6, set_by, 0.5)]
    assert ages(SILENT, *path) == [[], [], [], [5.5]]


def test_a_stamp_of_the_future_that_nobody_explains_is_of_when_it_was_seen_first() -> None:
    """A monitor that starts after the clock was set back."""
    assert ages(SILENT, (0, 0, 3_600), (5, 0, 3_600), (6, 0, 3_600)) == [[], [], [6]]


@pytest.mark.parametrize("set_by", [-3_600, 3_600])
def test_what_holds_has_held_and_what_fires_goes_on_whatever_the_clock_is_set_by(set_by: float) -> None:
    doubts = rule(watch(Kind.LEVEL, "doubts", 0), for_seconds=2, keep_seconds=3)
    evaluator = Evaluator((doubts,))
    found = []
    for second, count in ((0, 1), (1, 1), (2, 1), (4, 0), (6, 0), (7, 0)):
        by = set_by if second else 0
        wall = WallTime(round((BEGIN + second + by) * SECOND))
        firings = evaluator.look(samples(doubts=count), wall, -round(by * SECOND))
        found.append([(int(wall) - int(each.since)) // SECOND for each in firings])
    assert found == [[], [], [2], [4], [6], []], "since when it holds is said by the clock as it is now"


def test_a_scope_is_an_alert_of_its_own() -> None:
    use = rule(watch(Kind.LEVEL, "limit_use_ratio", 1), by=("name",))
    series = {("max_net", "strategy", "a"): 2.0, ("max_gross", "strategy", "a"): 3.0, ("max_net", "strategy", "b"): 1.0}
    (fired,) = looks(use, (0, samples(limit_use_ratio=series)))
    assert [(each.scope, each.value) for each in fired] == [((("name", "a"),), 3.0)]


@pytest.mark.parametrize(("fold", "fires"), [(Fold.MAX, False), (Fold.MIN, True)])
def test_the_age_is_of_the_oldest_or_the_newest(fold: Fold, fires: bool) -> None:
    age = rule(watch(Kind.AGE, "last_fill_timestamp_seconds", 5, fold=fold))
    series = {("trend",): 100.0, ("quoting",): 90.0}
    assert bool(looks(age, (101, samples(last_fill_timestamp_seconds=series)))[0]) is fires


def answers(rejected: float, accepted: float, row: float = 0) -> Samples:
    series = {("paper", "rejected"): rejected, ("paper", "accepted"): accepted}
    return samples(venue_answers_total=series, venue_rejects_in_a_row={("paper",): row})


OF_ALL = {"out_of": "quarterdeck_venue_answers_total", "window": 900, "minimum_sample": 20}
REJECTS = rule(
    watch(Kind.RATIO, "venue_answers_total", 0.03, where=(("answer", "rejected"),), **OF_ALL),
    watch(Kind.ROW, "venue_rejects_in_a_row", 3, comparison=Comparison.AT_LEAST, clear=3, **OF_ALL),
    by=("venue",),
)


def test_a_ratio_needs_its_sample_and_below_it_a_row_counts() -> None:
    assert seconds_fired(
        REJECTS,
        (0, answers(0, 0)),
        (1, answers(1, 18)),  # more than 3 %, of too few
        (2, answers(3, 16, row=3)),  # three in a row
        (3, answers(3, 97, row=3)),  # 3 % of enough is not above 3 %, and a row does not count any more
        (4, answers(4, 97)),
    ) == [2, 4]


def test_a_ratio_forgets_what_is_older_than_its_window() -> None:
    start = [(0, answers(0, 0)), (1, answers(10, 90))]
    assert seconds_fired(REJECTS, *start, (902, answers(10, 140))) == [1], "what grew before the window is no growth"
    later = [(900, answers(10, 140)), (901, answers(10, 140))]
    assert seconds_fired(REJECTS, *start, *later) == [1, 900], "the window still holds its first moment, then no more"


def test_the_first_reject_counts_though_there_was_no_series_before() -> None:
    only_accepted = samples(venue_answers_total={("paper", "accepted"): 100.0})
    assert seconds_fired(REJECTS, (0, only_accepted), (1, answers(1, 120))) == [1]


def test_a_counter_that_starts_anew_counts_from_there() -> None:
    assert seconds_fired(REJECTS, (0, answers(90, 810)), (1, answers(0, 0)), (2, answers(2, 18))) == [2]


def test_slow_counts_what_was_above_the_edge_within_the_window() -> None:
    slow = rule(watch(Kind.SLOW, "order_hop_seconds", 0, edge=5, window=60), by=("venue",))
    path = [(second, samples(order_hop_seconds=count)) for second, count in [(0, 3), (1, 3), (2, 4), (62, 4), (63, 4)]]
    assert seconds_fired(slow, *path) == [2]


def test_absence_is_a_finding_with_the_scope_that_was_asked_for() -> None:
    silent = rule(watch(Kind.ABSENT, "process_up", 0, where=(("process", "engine"),)), by=("process",))
    there, gone = samples(process_up={("engine",): 1.0}), samples(process_up={("runner",): 1.0})
    first, second = looks(silent, (0, there), (1, gone))
    assert not first
    assert second[0].scope == (("process", "engine"),)


def test_a_star_stands_for_whatever_follows() -> None:
    down = rule(
        watch(
            Kind.LEVEL, "process_up", 1, comparison=Comparison.BELOW, fold=Fold.MIN, where=(("process", "runner:*"),)
        ),
        by=("process",),
    )
    (fired,) = looks(down, (0, samples(process_up={("engine",): 0.0, ("runner:a",): 0.0, ("runner:b",): 1.0})))
    assert [each.scope for each in fired] == [(("process", "runner:a"),)]


def test_but_for_some_stands_for_all_others() -> None:
    idle = rule(
        watch(Kind.LEVEL, "sessions_idle", 60, where=(("strategy", "!quoting, hourly*"),)),
        watch(Kind.LEVEL, "sessions_idle", 2, where=(("strategy", "quoting"),)),
        by=("strategy",),
    )
    sessions = {("trend",): 61.0, ("quoting",): 3.0, ("hourly-1",): 99.0, ("other",): 3.0}
    (fired,) = looks(idle, (0, samples(sessions_idle=sessions)))
    assert [(each.scope[0][1], each.threshold) for each in fired] == [("quoting", 2), ("trend", 60)]


def test_conditions_of_a_part_of_the_scope_must_hold_too() -> None:
    stale = rule(
        watch(Kind.AGE, "quote_timestamp_seconds", 10, fold=Fold.MIN),
        by=("calendar", "instrument"),
        conditions=(
            Condition(metric="quarterdeck_market_open", comparison=Comparison.ABOVE, threshold=0, by=("calendar",)),
        ),
    )
    quotes, opened = {("IBM", "NYSE"): 0.0, ("BTC/USDT", "24/7"): 0.0}, {("NYSE",): 0.0, ("24/7",): 1.0}
    (fired,) = looks(stale, (60, samples(quote_timestamp_seconds=quotes, market_open=opened)))
    assert [dict(each.scope)["instrument"] for each in fired] == ["BTC/USDT"]


def test_no_series_is_no_alert() -> None:
    assert looks(REJECTS, (0, samples()), (900, samples())) == [(), ()]


def test_a_window_keeps_no_more_than_its_steps_however_often_it_is_looked_at() -> None:
    growth = Growth(900)
    for place in range(20_000):
        growth.hear({(): float(place)}, place * SECOND // 4)
        assert growth.kept <= STEPS_KEPT + 2
    growth.hear({}, 20_000 * SECOND)
    assert growth.kept == 0, "a scope that is gone is forgotten"
