"""How long a record must be before it says anything, and whether a day is out of the ordinary: numbers only."""

from __future__ import annotations

from math import ceil
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from toolkit.measures.bootstrap import FEWEST, mean_block, stationary_indices
from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import PERIODS_PER_YEAR, Floats, sharpe_ratio, sharpe_standard_error
from toolkit.measures.selection import expected_best_sharpe
from toolkit.measures.sequential import LAGS, long_run_deviation

PLAUSIBLE: Final = 1.4826
"""The standard deviation of normal values over their median absolute deviation."""


def psr(returns: Floats, above: float = 0.0, periods: int = PERIODS_PER_YEAR) -> Figure:
    """Probability that the true Sharpe ratio is above `above` (annual): Bailey and López de Prado (2012).

    `Φ((SR − SR*)·√(T−1) / √(1 − γ₃·SR + (γ₄−1)/4·SR²))` with ratios of one period and raw kurtosis γ₄. `returns` one a
    period, as fractions.
    """
    ratio, error = sharpe_ratio(returns, periods), sharpe_standard_error(returns, periods)
    if not ratio.is_known or not error.is_known:
        return unknown(ratio.reason or error.reason)
    if not error.value > 0:
        return unknown("its standard error is 0")
    return Figure(float(ndtr((ratio.value - above) / error.value)))


def deflated_sharpe(returns: Floats, ratios: Floats, trials: int, periods: int = PERIODS_PER_YEAR) -> Figure:
    """PSR against the best ratio that luck alone gives among `trials`, whose annual ratios are `ratios` (2014)."""
    luck = expected_best_sharpe(ratios, trials)
    return psr(returns, luck.value, periods) if luck.is_known else luck


def minimum_track_record(
    returns: Floats, above: float = 0.0, level: float = 0.95, periods: int = PERIODS_PER_YEAR
) -> Figure:
    """Periods after which a record like this one says that its Sharpe ratio is above `above` (annual).

    `MinTRL = 1 + (1 − γ₃·SR + (γ₄−1)/4·SR²)·(Φ⁻¹(level) / (SR − SR*))²` (Bailey and López de Prado 2012). Never, and
    so unknown, for a ratio that is not above it.
    """
    ratio, error = sharpe_ratio(returns, periods), sharpe_standard_error(returns, periods)
    if not ratio.is_known or not error.is_known:
        return unknown(ratio.reason or error.reason)
    if ratio.value <= above:
        return unknown(f"its Sharpe ratio, {ratio.value:.2f}, is not above {above:g}")
    inside = error.value**2 * (len(returns) - 1)
    return Figure(1 + inside * (float(ndtri(level)) / (ratio.value - above)) ** 2)


def sharpe_days(ratio: float, level: float = 0.95, periods: int = PERIODS_PER_YEAR) -> int:
    """Periods of normal returns that reject an annual Sharpe ratio of 0 when the true one is `ratio`, before skew.

    ValueError for a ratio that is not above 0: no record rejects it.
    """
    if not ratio > 0:
        raise ValueError(f"a Sharpe ratio of {ratio} is never found to be above 0; give one that is")
    return ceil(periods * (float(ndtri(level)) / ratio) ** 2)


def days_to_tell_apart(
    difference: float,
    correlation: float = 0.0,
    power: float = 0.8,
    level: float = 0.95,
    periods: int = PERIODS_PER_YEAR,
) -> int:
    """Periods after which two records whose annual Sharpe ratios differ by so much are told apart (two-sided test).

    `2·(1−ρ)·((z_{α/2} + z_β)/ΔSR)²·periods`: what both share on the same days cancels. ValueError for no difference.
    """
    if not difference:
        raise ValueError("two records that do not differ are never told apart")
    width = float(ndtri((1 + level) / 2) + ndtri(power))
    return ceil(2 * (1 - correlation) * (width / difference) ** 2 * periods)


def non_inferior(differences: Floats, margin: float, alpha: float = 0.05, lags: int = LAGS) -> tuple[Figure, bool]:
    """The lower confidence bound of a mean difference (new less old, higher is better), and whether it clears −margin.

    `d̄ − z_{1−α}·σ_NW/√n` with Newey and West's σ. False where it cannot be known: absence of evidence is no pass.
    """
    deviation = long_run_deviation(differences, lags)
    if not deviation.is_known:
        return deviation, False
    count = len(differences)
    bound = float(np.mean(differences)) - float(ndtri(1 - alpha)) * deviation.value / float(np.sqrt(count))
    return Figure(bound), bound > -margin


def drawdown_band(
    returns: Floats, horizon: int, level: float = 0.95, *, resamples: int = 2_000, seed: int = 7
) -> tuple[Floats, str]:
    """How deep the fall from the peak may be after 1 … `horizon` periods: the `level` quantile of the deepest so far.

    A stationary bootstrap of the backtest's returns (fractions of capital, not compounded). A live record below the
    band falls as the backtest seldom does. Fractions, 0 or below; with a reason instead where it cannot be known.
    """
    series = np.asarray(returns, dtype=np.float64)
    if len(series) < FEWEST:
        return np.full(horizon, np.nan), f"fewer than {FEWEST} periods"
    if not np.all(np.isfinite(series)):
        return np.full(horizon, np.nan), "a return is not known"
    draws = np.random.default_rng(seed)
    places = stationary_indices(horizon, mean_block(len(series)), resamples, draws, len(series))
    equity = 1 + np.cumsum(series[places], axis=1)
    falls = equity / np.maximum(np.maximum.accumulate(equity, axis=1), 1.0) - 1
    found: Floats = np.quantile(np.minimum.accumulate(np.minimum(falls, 0.0), axis=1), 1 - level, axis=0)
    return found, ""


def anomaly_scores(values: Floats, window: int = 60, fewest: int = 20) -> Floats:
    """How far each daily figure is from the days before it, in robust σ: `(x_t − median) / (1.4826·MAD)`.

    Median and median absolute deviation (Hampel 1974) of the `window` days before day t, so that one bad day spoils
    neither. NaN where fewer than `fewest` days are known, or where they do not vary.
    """
    series = np.asarray(values, dtype=np.float64)
    scores = np.full(len(series), np.nan)
    for day in range(len(series)):
        before = series[max(0, day - window) : day]
        before = before[np.isfinite(before)]
        if len(before) < fewest:
            continue
        median = float(np.median(before))
        spread = PLAUSIBLE * float(np.median(np.abs(before - median)))
        if spread > 1e-12 * max(1.0, abs(median)):
            scores[day] = (series[day] - median) / spread
    return scores
