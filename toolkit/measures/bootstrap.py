"""The stationary bootstrap: how far a statistic of a dependent series may be off; arrays in, figures out.

Politis and Romano, The Stationary Bootstrap, JASA 89 (1994): a resample is made of blocks of the series, wrapped around
its end, that begin anywhere and whose lengths are geometric with mean L. Resampling rows keeps what belongs together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.measures.performance import PERIODS_PER_YEAR, Floats

Indices = NDArray[np.int64]
FEWEST: Final = 20
_CELLS_AT_ONCE: Final = 1_000_000


class Interval(NamedTuple):
    """A figure with its interval at `level`; `above_zero` is the share of resamples above 0. NaN have a reason."""

    value: float
    low: float
    high: float
    level: float
    above_zero: float
    reason: str = ""

    @property
    def is_known(self) -> bool:
        return not self.reason

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval is on one side of 0."""
        return self.is_known and (self.low > 0 or self.high < 0)


def mean_block(count: int) -> float:
    """Mean length of blocks for `count` periods: the rate `n^(1/3)` that minimises the error of the variance."""
    return max(1.0, float(round(count ** (1 / 3))))


def stationary_indices(
    count: int, block: float, resamples: int, draws: np.random.Generator, length: int | None = None
) -> Indices:
    """`resamples` rows of `count` places: the next place follows the one before, or with probability 1/L is any.

    The places are those of a series of `length` (as long as a row, when it is left out), each as likely as any other.
    """
    among = count if length is None else length
    starts = draws.integers(among, size=(resamples, count))
    begins = draws.random((resamples, count)) < 1 / block
    begins[:, 0] = True
    places = np.arange(count)
    last = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    found: Indices = (np.take_along_axis(starts, last, axis=1) + places - last) % among
    return found


def mean_interval(
    values: Floats, *, resamples: int = 2_000, level: float = 0.95, block: float | None = None, seed: int = 7
) -> Interval:
    """The mean of a series, one value a period, with the percentiles of its resampled means."""
    series = np.asarray(values, dtype=np.float64)[:, np.newaxis]
    return _interval(series, lambda sample: sample[..., 0].mean(axis=-1), resamples, level, block, seed)


def sharpe_difference_interval(
    first: Floats, second: Floats, *, resamples: int = 2_000, level: float = 0.95, block: float | None = None,
    seed: int = 7, periods: int = PERIODS_PER_YEAR,
) -> Interval:  # fmt: skip
    """`SR₁ − SR₂`, annual, of two series of returns over the same periods, drawn together: what both share cancels.

    The studentised form is Ledoit and Wolf (2008); this one is its plain percentile interval.
    """
    pairs = np.column_stack([np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)])

    def difference(sample: Floats) -> Floats:
        spread = sample.std(axis=-2, ddof=1)
        ratios = np.divide(sample.mean(axis=-2), spread, out=np.full_like(spread, np.nan), where=spread > 1e-12)
        found: Floats = (ratios[..., 0] - ratios[..., 1]) * np.sqrt(periods)
        return found

    return _interval(pairs, difference, resamples, level, block, seed)


def period_intervals(
    returns: Floats, *, resamples: int = 1_000, level: float = 0.95, block: float | None = None, seed: int = 7,
    periods: int = PERIODS_PER_YEAR,
) -> dict[str, Interval]:  # fmt: skip
    """Of one series of returns: `annual_return`, `volatility`, `sharpe` (annual) and `drawdown`, the deepest one.

    The drawdown's is a band of what the same sessions in another order could have done: a fall is not a mean, so the
    one that was seen may lie outside.
    """
    series = np.asarray(returns, dtype=np.float64)[:, np.newaxis]
    year = np.sqrt(periods)

    def volatility(sample: Floats) -> Floats:
        found: Floats = sample[..., 0].std(axis=-1, ddof=1) * year
        return found

    def sharpe(sample: Floats) -> Floats:
        mean, spread = sample[..., 0].mean(axis=-1), sample[..., 0].std(axis=-1, ddof=1)
        found: Floats = np.divide(mean, spread, out=np.full_like(spread, np.nan), where=spread > 1e-12) * year
        return found

    statistics: dict[str, Callable[[Floats], Floats]] = {
        "annual_return": lambda sample: sample[..., 0].mean(axis=-1) * periods,
        "volatility": volatility, "sharpe": sharpe, "drawdown": _deepest_fall,
    }  # fmt: skip
    return {name: _interval(series, statistic, resamples, level, block, seed) for name, statistic in statistics.items()}


def _deepest_fall(sample: Floats) -> Floats:
    """`min_t(E_t / max_{s≤t} E_s − 1)` of equity that begins at 1 and is not compounded."""
    equity = 1 + np.cumsum(sample[..., 0], axis=-1)
    peak = np.maximum(np.maximum.accumulate(equity, axis=-1), 1)
    found: Floats = np.minimum((equity / peak - 1).min(axis=-1), 0)
    return found


def _interval(
    rows: Floats, statistic: Callable[[Floats], Floats], resamples: int, level: float, block: float | None, seed: int
) -> Interval:
    count = len(rows)
    if count < FEWEST:
        return _unknown(level, f"fewer than {FEWEST} periods")
    if not np.all(np.isfinite(rows)):
        return _unknown(level, "a value is not known in every period")
    value = float(statistic(rows))
    if not np.isfinite(value):
        return _unknown(level, "the returns do not vary")
    draws = np.random.default_rng(seed)
    parts = [statistic(rows[places]) for places in _resampled(count, block or mean_block(count), resamples, draws)]
    found = np.concatenate(parts)
    found = found[np.isfinite(found)]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), level, float(np.mean(found > 0)))


def _resampled(count: int, block: float, resamples: int, draws: np.random.Generator) -> Iterator[Indices]:
    """All resamples, so many at once that memory stays small."""
    at_once = max(1, _CELLS_AT_ONCE // count)
    for done in range(0, resamples, at_once):
        yield stationary_indices(count, block, min(at_once, resamples - done), draws)


def _unknown(level: float, reason: str) -> Interval:
    return Interval(float("nan"), float("nan"), float("nan"), level, float("nan"), reason)
