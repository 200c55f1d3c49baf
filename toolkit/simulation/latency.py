"""How long one message takes: the latency of a distribution at a draw, in integers; when it counts is not known here.

- An int is always the same.
- `Uniform`: low + d mod (high − low + 1).
- `LogNormal`: median · exp(σ · z) with σ = ln(p99 / median) / z₀.₉₉, so that the median and the 99th percentile are
  those that were written down (the quantile function of the lognormal: Johnson, Kotz and Balakrishnan, Continuous
  Univariate Distributions, vol. 1, 1994, ch. 14). z is one of 65,536 quantiles of the normal distribution,
  Φ⁻¹((n + ½) / 65,536), rounded to a millionth: it ends at ±4.3, and no machine's logarithm can move it. exp and ln
  are those of `decimal`, which rounds them correctly everywhere.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from statistics import NormalDist

from toolkit.simulation.draws import Purpose, draw, draw_key
from toolkit.simulation.paper_settings import Latency, LogNormal, Uniform

QUANTILES = 65_536
_NORMAL = NormalDist()
_Z99 = Decimal("2.326347874040841")
_CONTEXT = Context(prec=28, rounding=ROUND_HALF_EVEN)


def drawn_latency(latency: Latency, seed: int, order_id: str, purpose: Purpose, k: int) -> int:
    """Nanoseconds that the `k`-th message of this purpose takes for an order; a fixed one costs no hash."""
    if isinstance(latency, int):
        return latency
    return latency_at(latency, draw(seed, draw_key(order_id), purpose, k))


def latency_at(latency: Uniform | LogNormal, number: int) -> int:
    """Nanoseconds for a number that is uniform over 64 bits."""
    if isinstance(latency, Uniform):
        return latency.low + number % (latency.high - latency.low + 1)
    return _log_normal(latency.median, latency.p99, number % QUANTILES)


def normal_quantile(n: int) -> Decimal:
    """The `n`-th of 65,536 quantiles of the standard normal distribution, to a millionth."""
    return Decimal(f"{_NORMAL.inv_cdf((n + 0.5) / QUANTILES):.6f}")


def _log_normal(median: int, p99: int, n: int) -> int:
    factor = _CONTEXT.exp(_CONTEXT.multiply(_sigma(median, p99), normal_quantile(n)))
    return int(_CONTEXT.multiply(Decimal(median), factor).to_integral_value(ROUND_HALF_EVEN))


@cache
def _sigma(median: int, p99: int) -> Decimal:
    return _CONTEXT.divide(_CONTEXT.ln(_CONTEXT.divide(Decimal(p99), Decimal(median))), _Z99)
