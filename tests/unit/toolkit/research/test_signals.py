"""What `from_signal` makes of a function: declarations, rounding, the band, the table it shows; and what it refuses."""

from functools import partial
from typing import Any

import pandas as pd
import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.engine.strategy_parameters import parameter_values
from toolkit.research.strategy_source import strategy_source

DATA = tk.data.sample(12, ["IBM", "MSFT"])


def half(closes: pd.DataFrame, days: int = 5, side: float = 1.0, *, mark: str = "a") -> pd.Series:
    return closes.iloc[-1] * 0 + side / 2


Half = tk.from_signal(half, instruments=("IBM", "MSFT"), warmup="days", leverage=2)
Anything = tk.from_signal(half, warmup=3, name="Renamed")


def run(strategy: Any, **parameters: Any) -> Any:
    return tk.backtest(strategy, DATA, parameters=parameters)


def test_arguments_become_parameters_with_their_types() -> None:
    assert parameter_values(Half, {"days": 7, "leverage": 3}) == {
        "days": 7, "side": 1.0, "mark": "a", "leverage": 3.0, "band": 0.0,
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"Half\.days = 'x' must be int"):
        parameter_values(Half, {"days": "x"})
    with pytest.raises(ConfigError, match="follows from other parameters"):
        parameter_values(Half, {"warmup": 9})
    assert parameter_values(Anything, {"warmup": 9})["warmup"] == 9


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_weights_become_whole_lots_toward_zero(side: float) -> None:
    result = run(Half, side=side)
    first = result.signals.groupby("instrument")["target"].first()
    closes = DATA.frame().groupby("instrument")["mid"].apply(lambda mids: mids.groupby(mids.index.date).last().iloc[4])
    wanted = 50_000 / closes
    assert (wanted % 1 > 0.5).any(), "else rounding to the nearest would do the same"
    assert list(first * side) == [int(one) for one in wanted]


def test_small_changes_wait_within_the_band_and_a_close_never_does() -> None:
    free, calm = run(Half, side=0.2), run(Half, side=0.2, band=0.05)
    assert len(calm.orders) == 2 < len(free.orders)
    assert len(calm.signals) == len(free.signals)
    assert "near enough" in calm.signals["reason"].iloc[-1]
    closing = run(tk.from_signal(until_the_ninth, warmup=1, band=0.9))
    assert (closing.positions.iloc[-1] == 0).all()


def until_the_ninth(closes: pd.DataFrame) -> pd.Series:
    return closes.iloc[-1] * 0 + (0.45 if closes.index[-1].day < 9 else 0.0)


def test_with_bars_it_sees_every_field() -> None:
    seen = []

    def ranges(bars: pd.DataFrame) -> pd.Series:
        seen.append(bars)
        return (bars["high"].iloc[-1] > bars["low"].iloc[-1]) * 0.1

    result = run(tk.from_signal(ranges, warmup=2, sees="bars"))
    assert list(seen[0].columns.unique("field")) == ["open", "high", "low", "close", "volume"]
    assert (seen[0]["low"] <= seen[0]["close"]).all().all()
    assert len(result.fills) >= 2


def test_an_instrument_without_a_full_history_is_no_column_yet() -> None:
    columns: list[list[str]] = []

    def watch(closes: pd.DataFrame) -> pd.Series:
        columns.append(list(closes.columns))
        return closes.iloc[-1] * 0

    late = pd.DataFrame({"time": pd.bdate_range("2024-03-04", periods=10), "instrument": "LATE", "open": 10.0})
    frame = pd.concat([late.iloc[4:], late.assign(instrument="OLD")]).sort_values("time", kind="stable")
    frame = frame.assign(high=10.0, low=10.0, close=10.0, volume=1e5)
    instruments = tk.data.instruments(
        pd.DataFrame({"symbol": ["LATE", "OLD"], "tick": "0.01", "lot": "1", "currency": "USD", "calendar": "XNYS"})
    )
    tk.backtest(tk.from_signal(watch, warmup=3), tk.data.from_pandas(frame, instruments))
    assert columns == [["OLD"]] * 4 + [["LATE", "OLD"]] * 3


def test_a_number_is_enough_for_one_instrument() -> None:
    def always(closes: pd.DataFrame) -> float:
        return 0.5

    assert len(tk.backtest(tk.from_signal(always, warmup=1), tk.data.sample(5, ["IBM"])).fills) > 0


def no_table() -> None: ...
def no_default(closes: Any, days: int) -> None: ...
def anything(closes: Any, *more: int) -> None: ...
def taken(closes: Any, band: float = 0.1) -> None: ...
def word(closes: Any, capital: float = 0.1) -> None: ...
def plain(closes: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "arguments", "told"),
    [
        (no_table, {}, "needs an argument: the table of bars"),
        (no_default, {}, "parameter days of no_default needs a default"),
        (anything, {}, r"takes \*more: int; give each parameter a name"),
        (taken, {}, "every signal has a band of its own"),
        (word, {}, "every strategy has a capital of its own"),
        (plain, {"warmup": 0}, "warmup is 0; give the number of bars"),
        (plain, {"warmup": "dyas"}, "warmup names 'dyas', which is no parameter"),
        (plain, {"sees": "quotes"}, "sees='closes' or 'bars'"),
        (plain, {"instruments": "IBM"}, r"instruments=\('AAPL', …\)"),
        (lambda closes: 0, {}, "a function with a name"),
        (partial(plain), {}, "a function with a name"),
    ],
)
def test_what_no_strategy_can_be_made_of_is_refused(function: Any, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        tk.from_signal(function, **({"warmup": 1} | arguments))


def test_bad_leverage_and_band_are_refused_when_it_starts() -> None:
    with pytest.raises(ConfigError, match=r"leverage is 0\.0, band is 0\.0"):
        run(Half, leverage=0)
    with pytest.raises(ConfigError, match=r"band is 1\.5"):
        run(Half, band=1.5)


def test_a_class_is_found_under_the_name_that_its_file_gives_it() -> None:
    assert Anything.__name__ == "Renamed"
    assert strategy_source(Anything).class_name == "Anything"
    with pytest.raises(ConfigError, match=r"Plain has no name in its file; write Plain = tk\.from_signal"):
        strategy_source(tk.from_signal(plain, warmup=1))
