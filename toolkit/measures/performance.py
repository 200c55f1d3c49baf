"""Return, risk and drawdown of a book whose profits are not compounded: arrays in, figures out, never a table.

A return is the change of PnL in one period as a fraction of the capital, which stays what it was allocated. So periods
add up: a year is `periods` times the mean, not a power.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.measures.figure import Figure, unknown

Floats = NDArray[np.float64]
PERIODS_PER_YEAR = 252
NOT_KNOWN: Final = "a return is not known"
PRICES: Final = "these are prices; give returns"
_NO_SPREAD = 1e-12


class Drawdown(NamedTuple):
    """The deepest fall of an equity curve, as a fraction of its peak (0 or negative).

    `peak`, `trough` and `recovered` are places in the curve; `recovered` is the first at or above the peak again, None
    when there is none. `reason` says why `depth` is NaN.
    """

    depth: float
    peak: int
    trough: int
    recovered: int | None
    reason: str = ""


def looks_like_prices(returns: Floats) -> bool:
    """Whether a series is nowhere negative and above 1 somewhere: nobody earns that, so it is not of returns."""
    return len(returns) > 1 and bool(np.min(returns) >= 0) and bool(np.max(returns) > 1)


def period_returns(pnl: Floats, capital: float) -> Floats:
    """Returns of consecutive periods (fractions of capital) from cumulative PnL, whose first entry is the start.

    `r_t = (PnL_t − PnL_{t−1}) / capital`; one entry less than `pnl`. All NaN when the capital is not above 0.
    """
    changes = np.diff(np.asarray(pnl, dtype=np.float64))
    return changes / capital if capital > 0 else np.full_like(changes, np.nan)


def total_return(pnl: float, capital: float) -> Figure:
    """PnL as a fraction of the capital."""
    return Figure(pnl / capital) if capital > 0 else unknown("the capital is not above 0")


def annual_return(returns: Floats, periods: int = PERIODS_PER_YEAR) -> Figure:
    """`mean(r) · periods`, a fraction a year. Arithmetic, since profits are not compounded."""
    if not len(returns):
        return unknown("no period has ended")
    return Figure(float(np.mean(returns)) * periods) if np.all(np.isfinite(returns)) else unknown(NOT_KNOWN)


def annual_volatility(returns: Floats, periods: int = PERIODS_PER_YEAR) -> Figure:
    """`sd(r) · √periods` with the sample's standard deviation (n − 1), a fraction a year."""
    if len(returns) < 2:
        return unknown("fewer than two periods")
    if not np.all(np.isfinite(returns)):
        return unknown(NOT_KNOWN)
    return Figure(float(np.std(returns, ddof=1) * np.sqrt(periods)))


def sharpe_ratio(returns: Floats, periods: int = PERIODS_PER_YEAR) -> Figure:
    """`mean(r) / sd(r) · √periods`, annual, without a risk-free rate (Sharpe 1994). NaN for constant returns."""
    ratio = _sharpe_per_period(returns)
    return ratio if not ratio.is_known else Figure(ratio.value * float(np.sqrt(periods)))


def sharpe_standard_error(returns: Floats, periods: int = PERIODS_PER_YEAR) -> Figure:
    """Standard error of the annual Sharpe ratio for returns that are independent but not normal (Mertens 2002).

    `√periods · √((1 − γ₃·SR + (γ₄ − 1)/4 · SR²) / (T − 1))` with the ratio of one period, its skewness γ₃ and its raw
    kurtosis γ₄: the denominator of the probabilistic Sharpe ratio (Bailey and López de Prado 2012).
    """
    ratio = _sharpe_per_period(returns)
    if not ratio.is_known:
        return ratio
    centred = returns - np.mean(returns)
    variance = float(np.mean(centred**2))
    skewness = float(np.mean(centred**3)) / variance**1.5
    kurtosis = float(np.mean(centred**4)) / variance**2
    inside = 1 - skewness * ratio.value + (kurtosis - 1) / 4 * ratio.value**2
    return Figure(float(np.sqrt(periods * inside / (len(returns) - 1))))


def max_drawdown(equity: Floats) -> Drawdown:
    """`min_t(E_t / max_{s≤t} E_s − 1)` with its peak and trough; the earliest of equally deep ones."""
    curve = np.asarray(equity, dtype=np.float64)
    if not len(curve):
        return Drawdown(float("nan"), 0, 0, None, "no equity")
    if not np.all(np.isfinite(curve)):
        return Drawdown(float("nan"), 0, 0, None, "equity is not known at every mark")
    if float(np.maximum.accumulate(curve)[0]) <= 0:
        return Drawdown(float("nan"), 0, 0, None, "equity does not begin above 0")
    falls = drawdowns(curve)
    trough = int(np.argmin(falls))
    peak = int(np.argmax(curve[: trough + 1]))
    higher = np.flatnonzero(curve[trough:] >= curve[peak])
    return Drawdown(float(falls[trough]), peak, trough, trough + int(higher[0]) if len(higher) else None)


def drawdowns(equity: Floats) -> Floats:
    """`E_t / max_{s≤t} E_s − 1` at every point, 0 or negative."""
    curve = np.asarray(equity, dtype=np.float64)
    falls: Floats = curve / np.maximum.accumulate(curve) - 1
    return falls


def _sharpe_per_period(returns: Floats) -> Figure:
    if len(returns) < 2:
        return unknown("fewer than two periods")
    deviation = float(np.std(returns, ddof=1))
    if not np.isfinite(deviation):
        return unknown(NOT_KNOWN)
    if looks_like_prices(returns):
        return unknown(PRICES)
    if deviation <= _NO_SPREAD * max(1.0, float(np.max(np.abs(returns)))):
        return unknown("the returns do not vary")
    return Figure(float(np.mean(returns)) / deviation)
