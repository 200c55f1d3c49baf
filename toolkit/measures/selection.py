"""What choosing the best of many does to a Sharpe ratio: numbers in, figures out, never a strategy.

Bailey and López de Prado, The Sharpe Ratio Efficient Frontier (2012) and The Deflated Sharpe Ratio (2014).
"""

from __future__ import annotations

from math import e
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import Floats

_EULER: Final = float(np.euler_gamma)


def expected_best_sharpe(ratios: Floats, trials: int) -> Figure:
    """What the best of `trials` ratios is expected to be when none is above 0 but by chance, in the unit of `ratios`.

    `sd · ((1 − γ)·Φ⁻¹(1 − 1/N) + γ·Φ⁻¹(1 − 1/(N·e)))` with Euler's γ and the standard deviation of the ratios that are
    known. Trials that resemble each other count as if they did not: then it is too high, which errs on the safe side.
    """
    known = np.asarray(ratios, dtype=np.float64)
    known = known[np.isfinite(known)]
    if len(known) < 2 or trials < 2:
        return unknown("fewer than two variants")
    best = (1 - _EULER) * ndtri(1 - 1 / trials) + _EULER * ndtri(1 - 1 / (trials * e))
    return Figure(float(np.std(known, ddof=1) * best))


def probabilistic_sharpe(ratio: Figure, error: Figure, above: Figure) -> Figure:
    """The probability `Φ((SR − SR*) / se)` that the true ratio is above `above`; deflated when that is luck of many.

    All three in one unit, the standard error as `sharpe_standard_error` gives it.
    """
    for figure in (ratio, error, above):
        if not figure.is_known:
            return unknown(figure.reason or "a Sharpe ratio is not known")
    return Figure(float(ndtr((ratio.value - above.value) / error.value)))
