"""`tk.backtest`: what it takes, how it names things, and that what does not fit is refused with the mend."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Currency, Instrument, describe
from toolkit.research.assumptions import GIVEN, research_venue
from toolkit.research.data import FeedData


class Holder(tk.Strategy):
    """Buys `lots` of everything with the first bar it is told of, and keeps it."""

    bar = "1d"
    warmup = 1
    lots: int = 10

    def on_bar(self, bar: Any) -> None:
        if not self.position(bar.instrument):
            self.target_position(bar.instrument, self.lots, reason="hold")


class OnlyIbm(Holder):
    instruments = ("IBM",)


class LateHolder(Holder):
    warmup = 3


def test_a_class_without_instruments_trades_all_of_the_data() -> None:
    result = tk.backtest(Holder, tk.data.sample(4, ["IBM", "MSFT"]))
    assert result.strategies == ("holder",)
    assert sorted(result.positions.columns) == ["IBM", "MSFT"]
    assert result.positions.iloc[-1].tolist() == [10.0, 10.0]


def test_several_share_a_book_each_with_its_own_capital_and_parameters() -> None:
    result = tk.backtest(
        [LateHolder, OnlyIbm], tk.data.sample(6), capital={"late_holder": 5_000, "only_ibm": 7_000},
        parameters={"only_ibm": {"lots": 3}},
    )  # fmt: skip
    assert result.strategies == ("late_holder", "only_ibm")
    assert result.capital == Decimal(12_000)
    assert result.positions_by_strategy.iloc[-1]["only_ibm", "IBM"] == 3.0
    assert result.pnl == result.pnl_of("late_holder") + result.pnl_of("only_ibm")
    assert result.breakdown["capital"].to_dict() == {"late_holder": 5_000.0, "only_ibm": 7_000.0}


def test_sessions_cut_the_sample_and_last_step_any_data() -> None:
    assert tk.backtest(Holder, sessions=3).steps == 45
    assert tk.backtest(Holder, tk.data.sample(3), last_step=20).steps == 20


def test_without_limits_it_runs_under_the_research_set_and_says_so() -> None:
    result = tk.backtest(OnlyIbm, sessions=3)
    assert result.setting.limits_name == "research limits"
    assert "under research limits" in result._repr_html_()


def test_a_tightened_limit_refuses_and_names_itself() -> None:
    result = tk.backtest(OnlyIbm, sessions=3, limits={"max_order_quantity": 4})
    denial = result.denials.iloc[0]
    assert (denial["control"], denial["name"]) == (3, "maximum order quantity")
    assert (denial["observed"], denial["limit"], denial["source"]) == ("10", "4", GIVEN)
    assert denial["would_pass"] == "4 would"
    assert result.fills.empty
    assert "research limits with changes" in result._repr_html_()


def test_another_venue_can_be_given() -> None:
    free = msgspec.structs.replace(research_venue(), unlimited_size=True, rejects_per_million=0, submit_latency=0)
    result = tk.backtest(OnlyIbm, sessions=3, parameters={"lots": 5_000}, venue=free)
    assert result.fills["quantity"].sum() == 5_000
    assert result.setting.venue_name == "venue 'paper' as given"


def test_what_a_strategy_raises_goes_through_unchanged() -> None:
    class Broken(Holder):
        def on_bar(self, bar: Any) -> None:
            raise ZeroDivisionError("of mine")

    with pytest.raises(ZeroDivisionError, match="of mine"):
        tk.backtest(Broken, sessions=3)


EUR = Currency(code="EUR", quantum=Decimal("0.0001"))
BMW: Instrument = describe(
    symbol="BMW", tick=Decimal("0.01"), lot=Decimal(1), currency=EUR, calendar="X", venue="paper"
)


class Two(Holder):
    pass


Two.__name__ = "Holder"


@pytest.mark.parametrize(
    ("book", "options", "says"),
    [
        ([], {}, "no strategy given"),
        (7, {}, "7 is no strategy class"),
        ([Holder, 7], {}, "7 is no strategy class; derive one from tk.Strategy"),
        (Holder(), {}, "is no strategy class; derive one"),
        ([Holder, Two], {}, "two strategies would be called 'holder'"),
        (Holder, {"data": [1, 2]}, "data is list; give tk.data.sample"),
        (Holder, {"data": tk.data.sample(2), "sessions": 3}, "sessions belongs to the sample"),
        (Holder, {"sessions": 0}, "sessions is 0; give 1 or more"),
        (Holder, {"parameters": {"lost": 3}}, "no parameter 'lost'; did you mean 'lots'"),
        ([Holder], {"parameters": {"lots": 3}}, "parameters: there is no strategy 'lots'"),
        ([Holder], {"parameters": {"holder": 3}}, "parameters of holder: give a mapping"),
        ([Holder], {"capital": {"holdr": 3}}, "capital: there is no strategy 'holdr'; did you mean 'holder'"),
        ([Holder, OnlyIbm], {"capital": {"holder": 3}}, "capital of only_ibm is missing"),
        (Holder, {"capital": float("nan")}, "capital of holder is nan; give a number"),
        (Holder, {"capital": "much"}, "capital of holder is 'much'; give a number of USD"),
        (Holder, {"capital": -1}, "capital of holder is -1; give a number from 0 on"),
        (Holder, {"limits": {"max_ordr_value": 1}}, "no limit 'max_ordr_value'"),
        (OnlyIbm, {"data": tk.data.sample(2, ["MSFT"])}, "no data of 'IBM'; there are MSFT"),
        (Holder, {"data": tk.data.sample(2), "last_step": 0}, "no step to trade on"),
        (Holder, {"data": FeedData(lambda: iter(()), (), title="none", label="none")}, "data is in no currency"),
        (
            Holder,
            {"data": FeedData(lambda: iter(()), (*tk.data.sample(1).instruments, BMW), title="two", label="two")},
            "data is in EUR, USD",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_mend(book: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        tk.backtest(book, **options)
