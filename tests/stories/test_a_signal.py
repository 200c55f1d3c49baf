"""`tk.from_signal`: a function of a table is a whole strategy; it trades, is checked and promoted as any other."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import toolkit as tk
from toolkit.adapters.versions import load_version
from toolkit.domain.errors import DomainError
from toolkit.research.check_result import Verdict

DATA = tk.data.sample(40, ["IBM", "MSFT"])
SEEN: list[pd.DataFrame] = []


def momentum(closes: pd.DataFrame, days: int = 5, share: float = 0.8) -> pd.Series:
    """Holds what rose, in equal parts."""
    return (closes.iloc[-1] > closes.iloc[-days]) * share / closes.shape[1]


Momentum = tk.from_signal(momentum, instruments=("IBM", "MSFT"), warmup="days")


class ByHand(tk.Strategy):
    """The same, written as a class."""

    instruments = ("IBM", "MSFT")
    bar = "1d"
    warmup = 5

    def on_bar(self, bar: Any) -> None:
        closes = self.history.closes(bar.instrument)
        weight = 0.4 if closes[-1] > closes[0] else 0.0
        self.target_position(bar.instrument, self.instruments[bar.instrument].quantity(
            weight * self.capital / bar.close, "down"))  # fmt: skip


def test_it_trades_as_the_class_that_one_would_have_written() -> None:
    signal, by_hand = tk.backtest(Momentum, DATA), tk.backtest(ByHand, DATA)
    columns = ["instrument", "side", "quantity", "price", "fee"]
    pd.testing.assert_frame_equal(signal.fills[columns], by_hand.fills[columns])
    assert len(signal.fills) > 10
    assert signal.signals["reason"].iloc[0].startswith("weight 0.")


def test_it_sees_finished_bars_only_and_each_end_of_a_bar_once() -> None:
    SEEN.clear()
    tk.backtest(Watching, DATA)
    closes = DATA.frame("IBM")["mid"].groupby(lambda time: time.date()).last()
    assert all(list(seen["IBM"]) == list(closes[place : place + 5]) for place, seen in enumerate(SEEN))
    assert [list(seen.columns) for seen in SEEN] == [["IBM", "MSFT"]] * 35
    assert str(SEEN[0].index.tz) == "UTC"
    assert SEEN[0].index[-1].date() == closes.index[4]


def test_it_passes_the_check_also_over_restarts_in_the_middle() -> None:
    result = tk.check(Momentum, DATA)
    assert result.passed, result
    assert result.fills > 10


def test_a_function_that_reaches_past_its_table_is_found_out() -> None:
    finding = tk.check(tk.from_signal(oracle, warmup=1), DATA).finding("No look-ahead")
    assert finding.verdict is Verdict.FAIL
    assert "DATA, which holds the future" in finding.causes[0]


def oracle(closes: pd.DataFrame) -> pd.Series:
    """Knows how it ends."""
    ends = DATA.frame().groupby("instrument")["mid"].last()
    return (ends > closes.iloc[-1]) * 0.4


def test_its_arguments_are_parameters_to_sweep(tmp_path: Path) -> None:
    found = tk.sweep(Momentum, {"days": [2, 5], "share": [0.4, 0.8]}, DATA, folder=tmp_path, processes=1)
    pnl = found.frame().set_index(["days", "share"])["pnl"]
    assert pnl[5, 0.8] == float(tk.backtest(Momentum, DATA).pnl)
    assert pnl.nunique() == 4


def test_it_is_promoted_with_the_source_of_its_function(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "desk.yaml").write_text("name: test\n")
    first = tk.promote(Momentum, parameters={"days": 7}, home=tmp_path)
    loaded = load_version(first.path, first.digest)
    assert (first.strategy, first.version) == ("momentum", 1)
    assert loaded.manifest.class_name == "Momentum"
    assert tk.backtest(loaded.strategy_class, DATA).digest == tk.backtest(Momentum, DATA).digest
    assert not tk.promote(Momentum, parameters={"days": 7}, home=tmp_path).fresh


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        (
            lambda closes: closes.iloc[-1] * float("nan"),
            r"weight of IBM is nan; give a finite number \(0 holds nothing\)",
        ),
        (lambda closes: {"IBM": 0.7, "MSFT": -0.7}, r"add up to 1\.4000 of the capital; leverage allows 1$"),
        (lambda closes: {"IBM": 0.7}, "no weight for MSFT; give 0 to hold nothing"),
        (lambda closes: {"IBM": 0.1, "MFST": 0.1}, r"weighs 'MFST', which it was not shown; did you mean 'MSFT'\?"),
        (lambda closes: closes.shift(1).iloc[:-1] * 0, "last row .* is not that of the newest bar"),
        (lambda closes: 0.5, r"it returned 0\.5 for IBM, MSFT"),
        (lambda closes: {"IBM": "all", "MSFT": 0}, "the weight of IBM is 'all'; give a number"),
    ],
)
def test_a_weight_that_is_none_stops_it_with_place_and_mend(weights: Any, told: str) -> None:
    def faulty(closes: pd.DataFrame) -> Any:
        return weights(closes)

    with pytest.raises(DomainError, match=rf"^faulty at 2000-03-07 21:00:00 UTC: .*{told}"):
        tk.backtest(tk.from_signal(faulty, warmup=5), DATA)


def watching(closes: pd.DataFrame) -> pd.DataFrame:
    SEEN.append(closes)
    return closes * 0


Watching = tk.from_signal(watching, warmup=5)
