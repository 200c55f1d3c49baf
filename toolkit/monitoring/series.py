"""Series written as in unit tests of Prometheus (`0x10 1+1x5 _`), and the samples that they make, moment by moment.

A moment without a value has none: what a scrape did not bring is not known, and not the last value that it had.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from toolkit.domain.errors import ConfigError
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.catalogue import Kind, Metric, find
from toolkit.monitoring.samples import HistogramSample, Samples

Number = float | None
"""A value, or None where there is none."""

NUMBER: Final = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|Inf|NaN)"
REPEATED: Final = re.compile(rf"(?P<start>{NUMBER})(?:(?P<step>[-+]{NUMBER[5:]}))?(?:x(?P<times>\d+))?")
NOTHING: Final = re.compile(r"(?:_|stale)(?:x(?P<times>\d+))?")
MOST_MOMENTS: Final = 10_000


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One series of a test. Of a histogram, `values` are all observations and `above` those beyond each edge."""

    metric: str
    labels: tuple[tuple[str, str], ...] = ()
    values: tuple[Number, ...]
    above: tuple[tuple[float, tuple[Number, ...]], ...] = ()


def numbers(text: str) -> tuple[Number, ...]:
    """`1+2x3` is 1, 3, 5, 7; `5x2` is 5, 5, 5; `_x3` is three moments without. ConfigError for anything else."""
    found: list[Number] = []
    for word in text.split():
        found.extend(_numbers(word))
        if len(found) > MOST_MOMENTS:
            raise ConfigError(f"{word!r} makes more than {MOST_MOMENTS:,} moments; take a longer interval")
    return tuple(found)


def moments(series: Sequence[Series], every: float) -> Iterator[tuple[float, Samples]]:
    """Seconds since the beginning with what was measured then, until the longest series ends."""
    for place in range(max((len(one.values) for one in series), default=0)):
        second = place * every
        yield second, _samples(series, place, WallTime(round(second * NANOSECONDS)))


def written(values: Sequence[Number]) -> str:
    """As Prometheus takes it, one word a moment. Without a value the series ends: else it would last five minutes."""
    return " ".join("stale" if value is None else f"{value:.17g}" for value in values)


def flat(series: Series, length: int) -> Iterator[tuple[str, str]]:
    """Name with labels and values of what a scrape would bring of a series, `length` moments long."""
    metric = find(series.metric)
    values = _padded(series.values, length)
    if metric is None or metric.kind is not Kind.HISTOGRAM:
        yield _named(series.metric, series.labels), written(values)
        return
    yield _named(f"{series.metric}_count", series.labels), written(values)
    for edge, above in (*series.above, (float("inf"), ())):
        beyond = _padded(above, length) if above else (0.0,) * length
        within = [None if all_ is None else all_ - (far or 0.0) for all_, far in zip(values, beyond, strict=True)]
        label = "+Inf" if edge == float("inf") else repr(float(edge))
        yield _named(f"{series.metric}_bucket", (*series.labels, ("le", label))), written(within)


# ---- parts


def _numbers(word: str) -> list[Number]:
    if found := NOTHING.fullmatch(word):
        return [None] * int(found["times"] or 1)
    if (found := REPEATED.fullmatch(word)) is None or (found["step"] and not found["times"]):
        raise ConfigError(f"{word!r} is no part of a series; write 5, 0x10, 1+2x3, _ or _x5")
    start, step = float(found["start"]), float(found["step"] or 0)
    return [start + step * place for place in range(int(found["times"] or 0) + 1)]


def _samples(series: Sequence[Series], place: int, wall: WallTime) -> Samples:
    values: dict[tuple[str, tuple[str, ...]], float] = {}
    histograms: dict[tuple[str, tuple[str, ...]], HistogramSample] = {}
    for one in series:
        metric, value = find(one.metric), _at(one.values, place)
        if metric is None or value is None:
            continue
        labels: Mapping[str, str] = dict(one.labels)
        key = one.metric, tuple(labels[name] for name in metric.labels)
        if metric.kind is Kind.HISTOGRAM:
            histograms[key] = _histogram(metric, one, place, round(value))
        else:
            values[key] = value
    return Samples(wall, values, histograms)


def _histogram(metric: Metric, series: Series, place: int, count: int) -> HistogramSample:
    """Everything stands as near as it can below the edges that are told."""
    beyond = {edge: round(_at(values, place) or 0.0) for edge, values in series.above}
    counts = [0] * (len(metric.buckets) + 1)
    left = count
    for edge in sorted(beyond):
        counts[metric.buckets.index(edge)] = left - beyond[edge]
        left = beyond[edge]
    counts[-1] += left
    return HistogramSample(tuple(counts), 0.0, count)


def _at(values: Sequence[Number], place: int) -> Number:
    return values[place] if place < len(values) else None


def _padded(values: Sequence[Number], length: int) -> tuple[Number, ...]:
    return (*values, *[None] * (length - len(values)))


def _named(metric: str, labels: Sequence[tuple[str, str]]) -> str:
    inside = ", ".join(f'{name}="{value}"' for name, value in labels)
    return f"{metric}{{{inside}}}"
