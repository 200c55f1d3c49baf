"""What an order's own size costs its taker, in whole ticks; exact integers, because a price is no estimate.

The square-root law: an order that has taken q in all pays, beyond the market's price p,

    round(Y · p · σ · √(q / V))  ticks

with σ the volatility of an ordinary day's return, V that day's volume and Y a coefficient of order one. Sources:
Almgren, Thum, Hauptmann and Li, "Direct estimation of equity market impact", Risk, July 2005 (a power of 0.600 ± 0.038
for the temporary part, near the square root); Tóth, Lempérière, Deremble, de Lataillade, Kockelkoren and Bouchaud,
"Anomalous price impact and the critical nature of liquidity in financial markets", Physical Review X 1, 021006, 2011
(the square root, Y about one, for orders of any style).

q counts everything the order has traded with this fill, so that being cut into parts makes no order cheaper. The impact
is temporary only: the next order meets the market as the feed shows it. It neither moves prices nor decays, and the
permanent part of those papers is left out.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import NamedTuple

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Instrument
from toolkit.simulation.paper_settings import Impact


class ImpactCurve(NamedTuple):
    """The law for one instrument: (Y · σ)² / V per lot, as a fraction in integers."""

    numerator: int
    denominator: int

    def ticks(self, price: int, lots: int) -> int:
        """Ticks beyond `price` that an order pays which has taken `lots` in all; the nearest, a half upwards."""
        square = 4 * price * price * lots * self.numerator // self.denominator
        return (isqrt(square) + 1) // 2


def impact_curve(impact: Impact, instrument: Instrument) -> ImpactCurve:
    """Work the law out for one instrument. ConfigError when its ordinary day was not written down."""
    day = impact.days.get(instrument.symbol)
    if day is None:
        raise ConfigError(
            f"impact: {instrument.symbol} has no ordinary day; add impact.days.{instrument.symbol} with its "
            "volatility_percent and volume, or set impact: null"
        )
    move = Fraction(impact.coefficient) * Fraction(day.volatility_percent) / 100
    return ImpactCurve(*(move * move * Fraction(instrument.lot) / Fraction(day.volume)).as_integer_ratio())
