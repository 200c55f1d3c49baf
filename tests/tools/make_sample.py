"""Makes the shipped sample file from `bokeh_sampledata`: `python -m tests.tools.make_sample`; always the same bytes.

Rules, applied in this order to the daily bars of AAPL, FB, GOOG, IBM and MSFT:

1. A split shows as a jump of adj_close/close by a whole number from 2 on (2.0000); a dividend moves that ratio by far
   less (the largest, MSFT 2004-11-15, by 1.11), and a crash (AAPL 2000-09-29, −52 %) not at all.
2. Open, high, low and close are divided by every split that came later. The last bars are the prices as traded.
   Dividends are not adjusted for: adj_close itself holds them, and splits after 2013, and would be no traded price.
3. Each price goes to the nearest tick of 0.01, half to even. Rounding keeps order: low ≤ open, close ≤ high stays true.
"""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from toolkit.simulation import data
from toolkit.simulation.sample_bars import BarHistory, DailyBar, encode_bars

SYMBOLS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
TICK = Decimal("0.01")


def sample_file() -> bytes:
    """The bytes of the file."""
    from bokeh_sampledata import stocks

    return encode_bars({symbol: history(getattr(stocks, symbol)) for symbol in SYMBOLS})


def history(columns: dict[str, list[Any]]) -> BarHistory:
    days = tuple(date.fromisoformat(day).toordinal() for day in columns["date"])
    prices = zip(columns["open"], columns["high"], columns["low"], columns["close"], strict=True)
    factors = later_splits(
        [adjusted / close for adjusted, close in zip(columns["adj_close"], columns["close"], strict=True)]
    )
    bars = tuple(
        DailyBar(*(ticks(price, factor) for price in bar)) for bar, factor in zip(prices, factors, strict=True)
    )
    return BarHistory(days, bars)


def later_splits(ratios: list[float]) -> list[int]:
    """For each session the product of the splits after it."""
    factors = [1]
    for earlier, later in reversed(list(pairwise(ratios))):
        factors.append(factors[-1] * split_between(earlier, later))
    return factors[::-1]


def split_between(earlier: float, later: float) -> int:
    jump = later / earlier
    whole = round(jump)
    return whole if whole >= 2 and abs(jump - whole) < 0.02 else 1


def ticks(price: float, factor: int) -> int:
    return int((Decimal(repr(price)) / factor / TICK).to_integral_value(ROUND_HALF_EVEN))


if __name__ == "__main__":
    (Path(data.__file__).parent / data.FILE).write_bytes(sample_file())
