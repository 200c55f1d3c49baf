"""The values of all measures at one moment, immutable; whoever collects puts them in through `Gathering`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.catalogue import Kind, find

Labels = tuple[str, ...]
Key = tuple[str, Labels]


class HistogramSample(NamedTuple):
    """One histogram: a count for each of its bounds and one for what lies beyond, not cumulated; `sum` in its unit."""

    counts: tuple[int, ...]
    sum: float
    observed: int


class Samples(Mapping[Key, float]):
    """By name and label values, in the order of the metric's labels. What is not known is not here.

    As of `wall`. Histograms stand beside, in `histograms`.
    """

    def __init__(
        self, wall: WallTime, values: Mapping[Key, float], histograms: Mapping[Key, HistogramSample] | None = None
    ) -> None:
        self.wall: Final = wall
        self.histograms: Final = MappingProxyType(dict(histograms or {}))
        by_name: dict[str, dict[Labels, float]] = {}
        for (name, labels), value in values.items():
            by_name.setdefault(name, {})[labels] = value
        self._by_name: Final = by_name

    def of(self, name: str) -> Mapping[Labels, float]:
        """All values of one metric by its labels; empty when it was not collected."""
        return MappingProxyType(self._by_name.get(name, {}))

    def value(self, name: str, *labels: str) -> float | None:
        """One value, None when it was not collected."""
        return self._by_name.get(name, {}).get(labels)

    def __getitem__(self, key: Key) -> float:
        name, labels = key
        try:
            return self._by_name[name][labels]
        except KeyError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[Key]:
        return ((name, labels) for name, values in self._by_name.items() for labels in values)

    def __len__(self) -> int:
        return sum(map(len, self._by_name.values()))


class Gathering:
    """Takes values in and makes Samples of them. ValueError for a name or labels that the catalogue does not have."""

    def __init__(self) -> None:
        self._values: dict[Key, float] = {}
        self._histograms: dict[Key, HistogramSample] = {}

    def put(self, name: str, value: float, *labels: str) -> None:
        """One value of a counter or gauge; `name` without its prefix."""
        self._values[_key(name, labels, histogram=False)] = float(value)

    def add(self, name: str, value: float, *labels: str) -> None:
        """The same on top of what is there."""
        key = _key(name, labels, histogram=False)
        self._values[key] = self._values.get(key, 0.0) + value

    def at(self, name: str, wall: int, *labels: str) -> None:
        """An instant in ns since 1970; 0 is none."""
        if wall:
            self.put(name, wall / NANOSECONDS, *labels)

    def spread(self, name: str, counts: Sequence[int], total: float, *labels: str) -> None:
        """One histogram; `total` in its unit."""
        key = _key(name, labels, histogram=True)
        self._histograms[key] = HistogramSample(tuple(counts), total, sum(counts))

    def samples(self, wall: WallTime) -> Samples:
        return Samples(wall, self._values, self._histograms)


def _key(name: str, labels: Labels, *, histogram: bool) -> Key:
    metric = find(f"quarterdeck_{name}")
    if metric is None or (metric.kind is Kind.HISTOGRAM) is not histogram:
        raise ValueError(f"the catalogue has no such measure: {name}")
    if len(labels) != len(metric.labels):
        raise ValueError(f"{metric.name} has the labels {', '.join(metric.labels) or '(none)'}, not {labels}")
    return metric.name, labels
