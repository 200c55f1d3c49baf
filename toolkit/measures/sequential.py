"""Charts and boundaries that may be looked at after every observation: numbers in, paths out; they decide nothing.

A test that is made once may be wrong once in twenty times; the same test made every day is wrong sooner or later. What
stands here is made for looking as often as one likes. The textbook of charts is Montgomery's.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri
from scipy.stats import chi2

from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import Floats

LAGS: Final = 4
LOOKS: Final = 7.3
"""`p` of the boundary: it is lowest, in units of its σ·√t, at about 8·p observations, here about 60."""

Places = NDArray[np.int64]


class Chart(NamedTuple):
    """Two one-sided sums, each 0 or above: how far the series has drifted `up` and `down`, in σ."""

    up: Floats
    down: Floats

    def first_above(self, limit: float) -> int | None:
        """The first place at which either side is above a limit, None when none is."""
        places: Places = np.flatnonzero(np.maximum(self.up, self.down) > limit)
        return int(places[0]) if len(places) else None


def cusum(values: Floats, sigma: float, allowance: float = 0.25) -> Chart:
    """Page's cumulative sums (1954) of `z = d/σ`: `C⁺_t = max(0, C⁺_{t−1} + z_t − k)` and the same of `−z`.

    `values` are one a period, unit free after division by `sigma` (above 0, ValueError else); `allowance` k is half of
    the shift, in σ, that should be found. NaN in `values` are periods without an observation: the sums stay.
    """
    if not sigma > 0:
        raise ValueError(f"sigma is {sigma}; give a number above 0")
    scores = np.asarray(values, dtype=np.float64) / sigma
    return Chart(_one_sided(scores - allowance), _one_sided(-scores - allowance))


def cusum_run_length(limit: float, allowance: float = 0.25) -> float:
    """Periods between two false alarms of either side of `cusum`, on average, of independent normal values.

    Siegmund's approximation (1985) for one side, `(e^{2kb} − 2kb − 1) / (2k²)` with `b = h + 1.166`; two sides are
    wrong twice as often. ValueError for a `limit` h or an `allowance` k that is not above 0.
    """
    if not limit > 0 or not allowance > 0:
        raise ValueError(f"limit {limit} and allowance {allowance} must be above 0")
    reach = 2 * allowance * (limit + 1.166)
    return float((np.exp(reach) - reach - 1) / (4 * allowance**2))


def _one_sided(steps: Floats) -> Floats:
    """`C_t = max(0, C_{t−1} + s_t)` at once: the sum so far less the lowest that it was."""
    total = np.cumsum(np.nan_to_num(steps, nan=0.0))
    found: Floats = total - np.minimum(np.minimum.accumulate(total), 0.0)
    return found


class Ewma(NamedTuple):
    """An exponentially weighted mean and the limit that it stays within while nothing has changed, one a period."""

    mean: Floats
    limit: Floats

    @property
    def is_outside(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.abs(self.mean) > self.limit
        return found


def ewma(values: Floats, sigma: float, weight: float = 0.2, width: float = 3.0) -> Ewma:
    """Roberts' chart (1959): `m_t = λ·d_t + (1−λ)·m_{t−1}` with limits `L·σ·√(λ/(2−λ)·(1−(1−λ)^{2t}))`.

    `values` have mean 0 while nothing has changed; in their unit are mean and limit. NaN in `values` are periods
    without an observation: mean and limit stay. ValueError for a `sigma` that is not above 0 or a `weight` λ outside
    of (0, 1].
    """
    if not sigma > 0 or not 0 < weight <= 1:
        raise ValueError(f"sigma {sigma} must be above 0, weight {weight} above 0 and at most 1")
    series = np.asarray(values, dtype=np.float64)
    known = np.isfinite(series)
    seen = np.cumsum(known)
    mean: Floats = np.concatenate(([0.0], lfilter([weight], [1, weight - 1], series[known])))[seen]
    limit = width * sigma * np.sqrt(weight / (2 - weight) * (1 - (1 - weight) ** (2.0 * seen)))
    return Ewma(mean, limit)


def long_run_deviation(values: Floats, lags: int = LAGS) -> Figure:
    """σ of the *sum* of a series that depends on itself, per √observation (Newey and West, 1987).

    `σ² = γ₀ + 2·Σ_{l≤L} (1 − l/(L+1))·γ_l` with Bartlett's weights, which keep it from being negative. In the unit of
    the values.
    """
    series = np.asarray(values, dtype=np.float64)
    count = len(series)
    if count < 2 * (lags + 1):
        return unknown(f"fewer than {2 * (lags + 1)} observations")
    if not np.all(np.isfinite(series)):
        return unknown("a value is not known")
    centred = series - series.mean()
    variance = float(centred @ centred) / count
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(centred[lag:] @ centred[:-lag]) / count
    if variance <= 1e-24 * max(1.0, float(np.max(np.abs(series))) ** 2):
        return unknown("the values do not vary")
    return Figure(float(np.sqrt(variance)))


def caution(count: int, lags: int = LAGS) -> float:
    """`c = √(ν / χ²₀.₁(ν))` with `ν = 1.5·n₀/(L+1)`: by how much a σ from n₀ observations is taken larger.

    ν is the number of degrees of freedom of a Newey-West estimate; with probability 0.9 σ is below c·σ̂. ValueError
    for no observation.
    """
    if count < 1:
        raise ValueError("σ comes from no observation")
    freedom = 1.5 * count / (lags + 1)
    return float(np.sqrt(freedom / chi2.ppf(0.1, freedom)))


class Boundary(NamedTuple):
    """A one-sided confidence boundary for a sum of differences, of which each one may be the last that is looked at.

    `−S_t > δ·t + σ̂·c·√((t+p)·log((t+p)/(p·α²)))` says that the mean is below −δ; while it is not, that is said with
    probability α at most. Robbins' normal mixture (1970) with an estimated σ: `sigma` in the unit of the differences,
    from `behind` observations that are not among them; `tolerated` is δ; `alpha` is α.
    """

    sigma: float
    behind: int
    tolerated: float = 0.0
    alpha: float = 0.025
    looks: float = LOOKS
    lags: int = LAGS

    def at(self, times: Floats | Places) -> Floats:
        """The height after so many observations, in the unit of the differences."""
        total = np.asarray(times, dtype=np.float64) + self.looks
        spread = self.sigma * caution(self.behind, self.lags)
        found: Floats = self.tolerated * (total - self.looks) + spread * np.sqrt(
            total * np.log(total / (self.looks * self.alpha**2))
        )
        return found

    def path(self, differences: Floats) -> Floats:
        """`−S_t` over the boundary, one an observation: above 1 the mean is below −δ. NaN counts as not observed."""
        series = np.asarray(differences, dtype=np.float64)
        known = np.isfinite(series)
        losses = -np.cumsum(np.where(known, series, 0.0))
        found: Floats = losses / self.at(np.maximum(np.cumsum(known), 1))
        return found

    def detectable(self, count: int, power: float = 0.8) -> float:
        """How much worse than −δ a mean must be to be found within so many observations with this probability.

        `(boundary(n) + z·σ·√n) / n − δ`, in the unit of the differences. One look at the end; looking all the time
        finds a little more.
        """
        height = float(self.at(np.array([count]))[0]) - self.tolerated * count
        return (height + float(ndtri(power)) * self.sigma * float(np.sqrt(count))) / count


def share_evidence(events: Floats, tolerated: float) -> Floats:
    """Evidence that a share is above `tolerated`, one an observation; 1/α and more says so at level α, look after look.

    `events` are 0 or 1, NaN where nothing was observed. A mixture of likelihood ratios against `tolerated`: over how
    large the share is (`worse_shares`), and over with which observation k it began, with weight 6/(π·k)², so that a
    burst after a thousand quiet orders is seen as soon as one at the start. Its mean stays 1 while the share is no
    larger than tolerated, so it reaches 1/α with probability α at most (Ville 1939), whatever is looked at and when.
    Cut off at e^700. ValueError for a `tolerated` outside of (0, 1).
    """
    if not 0 < tolerated < 1:
        raise ValueError(f"a tolerated share of {tolerated}; give one between 0 and 1")
    series = np.asarray(events, dtype=np.float64)
    if not len(series):
        return np.empty(0)
    known = np.isfinite(series)
    weights = 6 / (np.pi * np.arange(1, len(series) + 1)) ** 2
    begins_later = np.log(np.maximum(1 - np.cumsum(weights), 1e-300))
    paths = []
    for share in worse_shares(tolerated):
        steps = np.where(series > 0, np.log(share / tolerated), np.log((1 - share) / (1 - tolerated)))
        total = np.cumsum(np.where(known, steps, 0.0))
        begun = np.logaddexp.accumulate(np.log(weights) - np.concatenate(([0.0], total[:-1])))
        paths.append(np.logaddexp(total + begun, begins_later))
    mixture = np.logaddexp.reduce(paths, axis=0) - np.log(len(paths))
    found: Floats = np.exp(np.minimum(mixture, 700.0))
    return found


def worse_shares(tolerated: float) -> tuple[float, ...]:
    """What the evidence of a share looks for: twice and five times what is tolerated, and most or all of it."""
    most = max(0.9, (1 + tolerated) / 2)
    return tuple(share for share in (2 * tolerated, 5 * tolerated, 0.25, 0.5, most) if tolerated < share < 1)


def worst_likelihood_ratio(happened: Floats, seen: Floats, tolerated: float) -> Floats:
    """By how much the seen share explains what was seen better than `tolerated`; 1 where it is no larger.

    `(p̂/p₀)^k·((1−p̂)/(1−p₀))^{n−k}` with `p̂ = k/n`. A description of one window, no test: it may not be looked at again
    and again.
    """
    share = happened / np.maximum(seen, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = happened * np.log(share / tolerated) + (seen - happened) * np.log((1 - share) / (1 - tolerated))
    log_ratio = np.where(share >= 1, -happened * np.log(tolerated), ratio)
    found: Floats = np.where(share > tolerated, np.exp(np.minimum(log_ratio, 700.0)), 1.0)
    return found


def daily_rule(differences: Floats, sigma: float, width: float = 2.0) -> NDArray[np.bool_]:
    """The literal rule "more than 2 σ", one a day: `|d_t| > width·σ`. It informs; its false alarms are many.

    A day without an observation (NaN) does not fire. ValueError for a `sigma` that is not above 0.
    """
    if not sigma > 0:
        raise ValueError(f"sigma is {sigma}; give a number above 0")
    found: NDArray[np.bool_] = np.abs(np.asarray(differences, dtype=np.float64)) > width * sigma
    return found


def daily_rule_false_alarms(days: int, width: float = 2.0) -> float:
    """Probability that the daily rule fires at least once in so many days of independent normal differences."""
    return float(1 - (1 - 2 * ndtr(-width)) ** days)
