"""Ratios and tails of a series of returns: arrays in, figures out; what has no sense is NaN with its reason.

`returns` are fractions of the capital, one a period. Prices are refused: a series that is nowhere negative and has a
value above 1 is taken for prices by other libraries in silence, here it has no figure.
"""

from __future__ import annotations

import numpy as np

from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import (
    NOT_KNOWN,
    PERIODS_PER_YEAR,
    PRICES,
    Floats,
    annual_return,
    looks_like_prices,
    max_drawdown,
)

FEWEST_FOR_TAILS = 20


def problem_with(returns: Floats, fewest: int = 2) -> str:
    """Why a series of returns has no figures; "" when it has."""
    if len(returns) < fewest:
        return f"fewer than {fewest} periods"
    if not np.all(np.isfinite(returns)):
        return NOT_KNOWN
    return PRICES if looks_like_prices(returns) else ""


def sortino_ratio(returns: Floats, periods: int = PERIODS_PER_YEAR) -> Figure:
    """`mean(r) / √(mean(min(r, 0)²)) · √periods`, annual, with a target of 0 (Sortino and Price 1994)."""
    if problem := problem_with(returns):
        return unknown(problem)
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0) ** 2)))
    if downside <= 1e-12:
        return unknown("no period lost")
    return Figure(float(np.mean(returns)) / downside * float(np.sqrt(periods)))


def calmar_ratio(returns: Floats, periods: int = PERIODS_PER_YEAR) -> Figure:
    """Annual return over the deepest drawdown of `1 + Σr` (Young 1991), both not compounded."""
    if problem := problem_with(returns):
        return unknown(problem)
    deepest = max_drawdown(np.concatenate(([1.0], 1 + np.cumsum(returns))))
    if deepest.reason:
        return unknown(deepest.reason)
    if not deepest.depth:
        return unknown("equity never fell")
    return Figure(annual_return(returns, periods).value / -deepest.depth)


def value_at_risk(returns: Floats, level: float = 0.95) -> Figure:
    """The return that one period in `1/(1−level)` falls below, as it was (historical): a fraction, a loss is negative.

    The quantile with linear interpolation (Hyndman and Fan's type 7).
    """
    if problem := problem_with(returns, FEWEST_FOR_TAILS):
        return unknown(problem)
    return Figure(float(np.quantile(returns, 1 - level)))


def expected_shortfall(returns: Floats, level: float = 0.95) -> Figure:
    """The mean of the returns at or below the value at risk: what a bad period costs (Acerbi and Tasche 2002)."""
    edge = value_at_risk(returns, level)
    if not edge.is_known:
        return edge
    return Figure(float(np.mean(returns[returns <= edge.value])))


def tail_ratio(returns: Floats, level: float = 0.95) -> Figure:
    """`|q_{level}| / |q_{1−level}|`: how far good periods reach over how far bad ones do."""
    if problem := problem_with(returns, FEWEST_FOR_TAILS):
        return unknown(problem)
    low, high = np.quantile(returns, [1 - level, level])
    return Figure(float(abs(high) / abs(low))) if low else unknown("the lower tail is 0")


def omega_ratio(returns: Floats) -> Figure:
    """`Σ max(r, 0) / Σ max(−r, 0)` (Keating and Shadwick 2002), threshold 0."""
    if problem := problem_with(returns):
        return unknown(problem)
    lost = float(np.sum(np.maximum(-returns, 0)))
    return Figure(float(np.sum(np.maximum(returns, 0))) / lost) if lost else unknown("no period lost")


def skewness(returns: Floats) -> Figure:
    """`γ₃ = m₃ / m₂^{3/2}` with moments over n."""
    return _standardised_moment(returns, 3)


def kurtosis(returns: Floats) -> Figure:
    """`γ₄ = m₄ / m₂²`, raw: 3 for a normal series."""
    return _standardised_moment(returns, 4)


def _standardised_moment(returns: Floats, order: int) -> Figure:
    if problem := problem_with(returns):
        return unknown(problem)
    centred = returns - np.mean(returns)
    variance = float(np.mean(centred**2))
    if variance <= 1e-24:
        return unknown("the returns do not vary")
    return Figure(float(np.mean(centred**order)) / variance ** (order / 2))
