"""`tk.compare`: the candidate beside what it would replace, on the same steps, with what chance alone would give."""

from typing import Any

import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError

DATA = tk.data.sample(40, ["IBM", "MSFT"])


class Rising(tk.Strategy):
    """Holds what closed above its average."""

    bar = "1d"
    warmup = 3
    size: int = 100

    def on_bar(self, bar: Any) -> None:
        closes = self.history.closes(bar.instrument, 3)
        self.target_position(bar.instrument, self.size if closes[-1] > sum(closes) / 3 else 0, reason="rises")


class Falling(Rising):
    """Holds what closed below it."""

    def on_bar(self, bar: Any) -> None:
        closes = self.history.closes(bar.instrument, 3)
        self.target_position(bar.instrument, self.size if closes[-1] < sum(closes) / 3 else 0, reason="falls")


def test_two_are_paired_session_by_session() -> None:
    found = tk.compare(Rising, Falling, DATA)
    assert len(found.pnl) == 41
    assert found.pnl["difference"].iloc[-1] == pytest.approx(float(found.a.result.pnl - found.b.result.pnl))
    assert found.pnl_difference.low < found.pnl_difference.value < found.pnl_difference.high
    assert found.agreement.value < 0.2  # one wants what the other does not


def test_a_version_beside_itself_differs_in_nothing() -> None:
    found = tk.compare(Rising, (Rising, {"size": 100}), DATA)
    assert (found.pnl_difference.low, found.pnl_difference.high) == (0, 0)
    assert not found.pnl_difference.excludes_zero
    assert found.agreement.value == 1
    assert (found.table["difference"] == 0).all()


def test_a_backtest_that_ran_already_is_taken_as_it_is_and_brings_its_data() -> None:
    before = tk.backtest(Rising, DATA)
    found = tk.compare((Rising, {"size": 200}), before)
    assert found.b.result is before
    assert found.a.name == "Rising (size=200)"
    assert found.correlation.value > 0.95


def test_what_is_not_paired_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"ran over 40 sessions .* over 20"):
        tk.compare(tk.backtest(Rising, DATA), tk.backtest(Rising, tk.data.sample(20, ["IBM", "MSFT"])))
