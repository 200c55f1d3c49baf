"""Measures are named by the practice of Prometheus, and no value is collected that the catalogue does not have."""

import re

import pytest

from toolkit.domain.time import WallTime
from toolkit.monitoring.catalogue import METRICS, Kind, Metric, find
from toolkit.monitoring.samples import Gathering, HistogramSample, Samples

LABELS = {
    "hop", "venue", "strategy", "order_type", "reason", "control", "cause", "answer", "scope", "name", "limit",
    "against", "kind", "instrument", "calendar", "process", "server", "report",
}  # fmt: skip
"""Of closed sets, all of them: an order id or a text would be a series without end."""


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_units_and_labels_follow_the_practice(metric: Metric) -> None:
    assert re.fullmatch(r"quarterdeck_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
    assert not re.search(r"_(bucket|sum|count|milliseconds|percent|ms|mb)$", metric.name)
    assert metric.help.endswith(".")
    assert set(metric.labels) <= LABELS
    if metric.kind is Kind.HISTOGRAM:
        assert list(metric.buckets) == sorted(set(metric.buckets))
    else:
        assert not metric.buckets
    if metric.unit in ("seconds", "bytes", "ratio"):
        assert metric.name.endswith(f"_{metric.unit}"), metric.unit


def test_names_are_unique_and_found() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(find(metric.name) is metric for metric in METRICS)
    assert find("quarterdeck_nothing") is None


def test_an_order_is_late_at_a_bound_of_the_histogram() -> None:
    hops = find("quarterdeck_order_hop_seconds")
    assert hops is not None
    assert 5.0 in hops.buckets


def test_samples_hold_what_was_gathered_and_nothing_else() -> None:
    gathering = Gathering()
    gathering.put("pnl", 12, "trend")
    gathering.add("orders_total", 2, "trend", "paper", "limit")
    gathering.add("orders_total", 3, "trend", "paper", "limit")
    gathering.at("last_fill_timestamp_seconds", 0, "trend")
    gathering.at("last_decision_timestamp_seconds", 1_500_000_000, "trend")
    gathering.spread("order_hop_seconds", (1, 0, 2), 0.25, "journal_to_send", "paper")
    samples = gathering.samples(WallTime(7))
    assert dict(samples) == {
        ("quarterdeck_pnl", ("trend",)): 12.0,
        ("quarterdeck_orders_total", ("trend", "paper", "limit")): 5.0,
        ("quarterdeck_last_decision_timestamp_seconds", ("trend",)): 1.5,
    }
    assert len(samples) == 3
    assert samples.wall == 7
    assert samples.value("quarterdeck_pnl", "trend") == samples[("quarterdeck_pnl", ("trend",))] == 12
    assert samples.value("quarterdeck_pnl", "other") is None
    assert samples.of("quarterdeck_breaks") == {}
    assert samples.histograms == {
        ("quarterdeck_order_hop_seconds", ("journal_to_send", "paper")): HistogramSample((1, 0, 2), 0.25, 3)
    }


def test_what_was_gathered_later_does_not_change_samples() -> None:
    gathering = Gathering()
    gathering.put("pnl", 1, "trend")
    samples = gathering.samples(WallTime(1))
    gathering.put("pnl", 2, "trend")
    assert samples.value("quarterdeck_pnl", "trend") == 1
    assert not Samples(WallTime(0), {})


@pytest.mark.parametrize(
    ("name", "labels"),
    [("pnls", ("trend",)), ("pnl", ()), ("pnl", ("trend", "paper")), ("order_hop_seconds", ("a", "b"))],
)
def test_a_value_that_the_catalogue_does_not_have_is_refused(name: str, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=name):
        Gathering().put(name, 1, *labels)
