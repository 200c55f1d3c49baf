"""Series as they are written, and the samples that they make."""

from __future__ import annotations

import pytest

from toolkit.domain.errors import ConfigError
from toolkit.monitoring.series import Series, flat, moments, numbers


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("5", (5,)),
        ("0x3", (0, 0, 0, 0)),
        ("1+2x3", (1, 3, 5, 7)),
        ("5-1x2 -2.5", (5, 4, 3, -2.5)),
        ("-1+0.5x2", (-1, -0.5, 0)),
        ("_ _x2 stale 1e3", (None, None, None, None, 1000)),
    ],
)
def test_the_notation_of_prometheus(text: str, made: tuple[float | None, ...]) -> None:
    assert numbers(text) == made


@pytest.mark.parametrize("text", ["five", "1+2", "x3", "1++2x3", "1x99999"])
def test_what_is_no_series_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        numbers(text)


def test_a_moment_without_a_value_has_none() -> None:
    series = Series(metric="quarterdeck_doubts", labels=(("venue", "paper"),), values=numbers("1 _ 3"))
    found = [(second, samples.value("quarterdeck_doubts", "paper")) for second, samples in moments([series], 5)]
    assert found == [(0, 1), (5, None), (10, 3)]


def test_a_histogram_is_its_count_and_its_buckets() -> None:
    series = Series(
        metric="quarterdeck_order_hop_seconds", labels=(("hop", "decision_to_answer"), ("venue", "paper")),
        values=numbers("10 12"), above=((5.0, numbers("1 3")),),
    )  # fmt: skip
    ((_, first), (_, second)) = moments([series], 5)
    key = "quarterdeck_order_hop_seconds", ("decision_to_answer", "paper")
    assert [sum(each.histograms[key].counts) for each in (first, second)] == [10, 12]
    labels = 'hop="decision_to_answer", venue="paper"'
    assert dict(flat(series, 3)) == {
        f"quarterdeck_order_hop_seconds_count{{{labels}}}": "10 12 stale",
        f'quarterdeck_order_hop_seconds_bucket{{{labels}, le="5.0"}}': "9 9 stale",
        f'quarterdeck_order_hop_seconds_bucket{{{labels}, le="+Inf"}}': "10 12 stale",
    }
