"""The SMA cross that a peer trades too: GOOG of `bokeh_sampledata` under the peer's rules, said in our own settings.

The rules of the peer (`tests/benchmarks/peers/backtesting_py.py`): decide on the close, fill a market order wholly at
the next open, whole shares, a rate of the value as commission, no spread. Ours are the same but for the last: no entry
passes on a quote whose sides are not apart, so the quotes around a bar's prices stand two ticks apart. The tick is
10⁻⁸ dollars: all of the spread ever paid here is a hundredth of a cent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pandas as pd

import toolkit as tk
from toolkit.research.assumptions import research_venue
from toolkit.simulation.paper_settings import PaperSettings

CAPITAL = 100_000
FAST, SLOW, STAKE, COMMISSION = 10, 30, 50_000, Decimal("0.002")
TICK = "0.00000001"


class SmaCross(tk.Strategy):
    """Long when the fast average crosses the slow one upwards, short when downwards; always half of the capital."""

    bar = "1d"
    warmup = SLOW + 1

    def on_bar(self, bar: Any) -> None:
        closes = self.history.closes(SLOW + 1)
        before, now = (average(closes[:-1]), average(closes[1:]))
        shares = STAKE // bar.close
        if before < 0 < now:
            self.target_position(shares, reason="crossed upwards")
        elif before > 0 > now:
            self.target_position(-shares, reason="crossed downwards")


def average(closes: list[float]) -> float:
    """The fast average less the slow one, over the last SLOW closes."""
    return sum(closes[-FAST:]) / FAST - sum(closes) / SLOW


def goog() -> pd.DataFrame:
    """2,148 daily bars."""
    from bokeh_sampledata.stocks import GOOG

    frame = pd.DataFrame(GOOG)
    return frame[["date", "open", "high", "low", "close", "volume"]].rename(columns={"date": "time"})


def data() -> tk.data.FeedData:
    table = pd.DataFrame(
        [{"symbol": "GOOG", "tick": TICK, "lot": "1", "currency": "USD", "quantum": TICK, "calendar": "XNYS"}]
    )
    return tk.data.from_pandas(goog(), tk.data.instruments(table))


def venue() -> PaperSettings:
    """Everything at once and at the quote, for the peer's commission."""
    shipped = research_venue()
    return msgspec.structs.replace(
        shipped,
        submit_latency=0, cancel_latency=0, replace_latency=0, rejects_per_million=0, partial_fills_per_million=0,
        unlimited_size=True,
        fees=msgspec.structs.replace(
            shipped.fees, taker_basis_points=COMMISSION * 10_000, taker_per_unit=Decimal(0)
        ),
    )  # fmt: skip
