"""A researcher brings prices of their own: they are checked first, and then trade as the sample does."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError

ACME, DULL = tk.data.instruments(
    pd.DataFrame({"symbol": ["ACME", "DULL"], "tick": "0.01", "lot": "1", "currency": "USD", "calendar": "XNYS"})
)


class Rising(tk.Strategy):
    """Holds a hundred of whatever closed higher than it opened, and tells what it saw."""

    bar = "1d"
    warmup = 1

    def on_bar(self, bar: Any) -> None:
        self.target_position(bar.instrument, 100 if bar.close > bar.open else 0, reason=f"{bar.open}-{bar.close}")


class Minutes(Rising):
    bar = "1m"


def prices() -> pd.DataFrame:
    """Twelve days: ACME climbs, DULL does not."""
    opens = 100.0 + np.arange(12)
    days = pd.bdate_range("2024-03-04", periods=12)
    acme = pd.DataFrame(
        {"time": days, "symbol": "ACME", "open": opens, "high": opens + 1.5, "low": opens - 0.5, "close": opens + 1}
    ).assign(volume=100_000.0)
    dull = acme.assign(symbol="DULL", close=acme["open"])
    return pd.concat([acme, dull]).sort_values("time", kind="stable")


def test_daily_bars_trade_at_the_next_open() -> None:
    result = tk.backtest(Rising, tk.data.from_pandas(prices(), [ACME, DULL]))
    assert set(result.fills["instrument"]) == {"ACME"}
    assert result.denials.empty
    first = result.fills.iloc[0]
    assert first["price"] == 101.01, "the open of the day after the first bar, half a spread up"
    assert str(first.name.date()) == "2024-03-05"
    assert "simulated quotes in own bars" in repr(result)


def test_every_bar_is_seen_once_and_as_it_was_given() -> None:
    result = tk.backtest(Rising, tk.data.from_pandas(prices(), [ACME, DULL]))
    reasons = result.signals.query("instrument == 'ACME'")["reason"]
    assert list(reasons) == [f"{100.0 + day}-{101.0 + day}" for day in range(11)]


def test_minutes_of_an_own_frame_trade_too_at_the_open_that_follows() -> None:
    times = pd.date_range("2024-03-04 09:30", periods=12, freq="1min", tz="America/New_York")
    frame = prices().query("symbol == 'ACME'").assign(time=times)
    result = tk.backtest(Minutes, tk.data.from_pandas(frame, ACME))
    assert list(result.signals["reason"]) == [f"{100.0 + minute}-{101.0 + minute}" for minute in range(12)]
    first = result.fills.iloc[0]
    assert (first["price"], str(first.name.tz_convert("America/New_York").time())[:8]) == (101.01, "09:31:00")


def test_a_split_that_nobody_adjusted_for_is_told_before_anything_trades() -> None:
    frame = prices()
    columns = ["open", "high", "low", "close"]
    frame.loc[frame["time"] >= "2024-03-12", columns] /= 2
    report = tk.data.from_pandas(frame, [ACME, DULL]).report
    assert [(one.instrument, one.fault) for one in report.warnings] == [
        ("ACME", "suspected split"), ("DULL", "suspected split"),
    ]  # fmt: skip
    assert not report.errors


def test_a_price_off_the_tick_stops_the_backtest_with_row_and_mend() -> None:
    frame = prices()
    frame.iloc[3, frame.columns.get_loc("close")] = 101.005
    data = tk.data.from_pandas(frame, [ACME, DULL])
    with pytest.raises(ConfigError, match=r"row 3: DULL: close is no multiple of 0.01; .* round_to_tick=True"):
        tk.backtest(Rising, data)
    allowed = tk.data.from_pandas(frame, [ACME, DULL], round_to_tick=True)
    assert allowed.report.count("rounded") == 1
    assert tk.backtest(Rising, allowed).setting.data is allowed
