"""What a result shows: tables that add up to the exact books, a page that says what is simulated and needs nothing."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.research.assumptions import research_venue
from toolkit.research.result import BacktestResult

LABEL = "simulated quotes in real bars"


class Flipper(tk.Strategy):
    """Long one session, short the next; asks for too much of GOOG every time."""

    instruments = ("IBM", "MSFT", "GOOG")
    bar = "1d"
    warmup = 1

    def on_bar(self, bar: Any) -> None:
        size = 300 if bar.instrument != "GOOG" else 5_000
        self.target_position(bar.instrument, -size if self.position(bar.instrument) > 0 else size, reason="flip")


class Sitter(tk.Strategy):
    """Says what it would like, and does nothing."""

    instruments = ("IBM",)
    bar = "1d"

    def on_bar(self, bar: Any) -> None:
        self.signal(10, reason="some day")


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    return tk.backtest([Flipper, Sitter], tk.data.sample(30), limits={"max_order_quantity": 2_000})


TABLES = ("orders", "fills", "equity", "positions", "positions_by_strategy", "denials", "trades", "signals", "events")


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_in_utc_and_its_numbers_are_float64(result: BacktestResult, name: str) -> None:
    table = getattr(result, name)
    assert isinstance(table.index, pd.DatetimeIndex)
    assert str(table.index.tz) == "UTC"
    assert table.index.is_monotonic_increasing
    assert len(table)
    floats = table.select_dtypes("number").drop(columns=["control", "step", "number"], errors="ignore")
    assert set(map(str, floats.dtypes)) <= {"float64"}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_nothing_has_the_same_columns(result: BacktestResult, name: str) -> None:
    empty = getattr(tk.backtest(Sitter, tk.data.sample(1)), name)
    assert isinstance(empty.index, pd.DatetimeIndex)
    if name not in ("equity", "positions", "positions_by_strategy"):
        assert list(empty.columns) == list(getattr(result, name).columns)


def test_fills_and_last_marks_add_up_to_the_exact_pnl(result: BacktestResult) -> None:
    """By hand from the table: cash of all fills less fees, and what is held at the last middle."""
    fills = result.fills
    cash = Decimal(0)
    for row in fills.to_dict("records"):
        value = Decimal(str(row["price"])) * Decimal(str(row["quantity"]))
        cash += (-value if row["side"] == "buy" else value) - Decimal(str(row["fee"]))
    for symbol, held in result.positions.iloc[-1].items():
        mid = result.setting.data.frame(symbol)["mid"].iloc[-1]
        cash += Decimal(str(held)) * Decimal(str(round(mid, 3)))
    assert cash == result.pnl
    assert result.equity["total"].iloc[-1] == pytest.approx(float(result.capital + result.pnl), abs=1e-6)
    assert result.measures.fees == pytest.approx(float(sum(Decimal(str(fee)) for fee in fills["fee"])))


def test_orders_fills_and_denials_count_each_other(result: BacktestResult) -> None:
    orders = result.orders
    sent = orders[orders["status"] != "DENIED"]
    assert sent["filled"].sum() == result.fills["quantity"].sum()
    assert len(orders) - len(sent) == len(result.denials) > 0
    assert set(result.denials["name"]) == {"maximum order quantity"}
    row = result.breakdown.loc["flipper"]
    assert (row["orders"], row["fills"], row["denials"]) == (len(sent), len(result.fills), len(result.denials))


def test_round_trips_and_what_is_open_make_up_the_pnl_before_it(result: BacktestResult) -> None:
    assert len(result.trades) > 10
    assert np.allclose(result.trades["pnl"], result.trades["gross"] - result.trades["fees"])
    assert result.measures.hit_rate.value == pytest.approx((result.trades["pnl"] > 0).mean())


def test_the_parts_of_the_costs_are_all_of_the_costs(result: BacktestResult) -> None:
    costs = result.costs
    assert list(costs.index) == ["IBM", "MSFT", "all"]
    whole = costs.loc["all"]
    assert whole["fees"] == pytest.approx(result.measures.fees)
    assert whole["spread"] + whole["delay"] + whole["impact"] == pytest.approx(result.measures.slippage_cost)
    assert whole["traded"] == pytest.approx(result.measures.traded)
    assert whole["total"] == pytest.approx(costs.loc[["IBM", "MSFT"], "total"].sum())
    bought = result.fills["quantity"].sum()
    assert whole["spread"] == pytest.approx(0.01 * bought), "the sample's quotes are two cents apart; all were takers"
    assert tk.backtest(Sitter, tk.data.sample(1)).costs.empty


def test_what_a_maker_got_better_than_the_middle_is_a_gain_on_the_spread() -> None:
    class Patient(tk.Strategy):
        instruments = ("IBM",)
        bar = "1d"

        def on_bar(self, bar: Any) -> None:
            quote = self.quote()
            assert quote is not None
            self.buy(10, quote.bid, tif="day")

    costs = tk.backtest(Patient, tk.data.sample(20, ["IBM"])).costs.loc["all"]
    assert costs["spread"] < 0
    assert costs["delay"] == costs["impact"] == 0


def test_what_the_market_does_on_the_way_is_delay_and_what_size_costs_is_impact() -> None:
    """One order of 10, decided at a middle of 100: the market moves by 1 until it is there, size costs 3 ticks."""

    class Buyer(tk.Strategy):
        def on_quote(self, quote: Any) -> None:
            if not self.orders and not self.position:
                self.buy(10)

    (acme,) = tk.data.instruments(
        pd.DataFrame([{"symbol": "ACME", "tick": "0.01", "lot": "1", "currency": "USD", "calendar": "24/7"}])
    )
    at = pd.date_range("2024-01-02 15:00", periods=5, freq="1s", tz="UTC")
    frame = pd.DataFrame({"time": at, "bid": [99.0, 100, 100, 100, 100], "ask": [101.0, 102, 102, 102, 102],
                          "bid_size": 500, "ask_size": 500})  # fmt: skip
    venue = research_venue(submit_latency=1_500_000_000, slippage_ticks=3)
    data = tk.data.from_pandas(frame, instruments=acme)
    costs = tk.backtest(Buyer, data, venue=venue).costs.loc["all"]
    assert (costs["spread"], costs["delay"], costs["impact"]) == pytest.approx((10.0, 10.0, 0.3))


def test_exposure_is_what_was_held_at_the_middle(result: BacktestResult) -> None:
    exposure = result.exposure
    held = result.positions.iloc[-1]
    worth = {symbol: held[symbol] * result.setting.data.frame(symbol)["mid"].iloc[-1] for symbol in held.index}
    assert exposure["gross"].iloc[-1] == pytest.approx(sum(map(abs, worth.values())))
    assert exposure["net"].iloc[-1] == pytest.approx(sum(worth.values()))
    assert (exposure["gross"] >= exposure["net"].abs()).all()
    assert (exposure["net"] < 0).any()


def test_every_estimate_has_an_interval_around_it(result: BacktestResult) -> None:
    within, measured = result.intervals, result.measures
    for name in ("annual_return", "volatility", "sharpe", "hit_rate"):
        found = within[name]
        assert found.value == pytest.approx(getattr(measured, name).value)
        assert found.low < found.value < found.high
    assert within["drawdown"].low < within["drawdown"].high <= 0
    short = tk.backtest(Flipper, tk.data.sample(5)).intervals["sharpe"]
    assert (short.is_known, short.reason) == (False, "fewer than 20 periods")
    assert "95 % within" in result._repr_html_()


def test_a_session_is_a_period_and_one_strategy_that_did_nothing_has_reasons(result: BacktestResult) -> None:
    assert result.measures.sessions == 30
    idle = result.measures_of("sitter")
    assert idle.total_return.value == 0.0
    assert (idle.sharpe.reason, idle.hit_rate.reason) == ("the returns do not vary", "no round trip has closed")
    assert result.signals[result.signals["strategy"] == "sitter"]["reason"].eq("some day").all()
    with pytest.raises(ConfigError, match="no strategy 'sit' in this backtest; it ran flipper, sitter"):
        result.measures_of("sit")


def test_the_page_says_what_it_is_and_leads_with_five_figures(result: BacktestResult) -> None:
    page = result._repr_html_()
    assert ">BACKTEST<" in page
    head = page[page.index("<header>") : page.index("</header>")]
    assert LABEL in head
    assert "under research limits with changes" in head
    assert page.count("class='qd-card'") == 5
    assert f"{result.pnl:+,.2f}".replace("-", "−") in page
    assert "maximum order quantity" in page
    assert "prefers-color-scheme: dark" in page


def test_every_picture_of_prices_says_that_they_are_simulated(result: BacktestResult) -> None:
    titles = re.findall(r'"name": ?"Title".{0,200}?"text": ?"([^"]*)"', result._repr_html_())
    about_prices = [title for title in titles if title not in ("Drawdown", "Position")]
    assert len(about_prices) == 3 + result.fills["instrument"].nunique(), "equity, exposure, costs, and each price"
    assert all(LABEL in title and "backtest" in title for title in about_prices)


def test_a_saved_page_is_one_file_that_fetches_nothing(result: BacktestResult, tmp_path: Path) -> None:
    page = result.save(tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "window.Bokeh" in page
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", page)


def test_a_name_that_looks_like_html_stays_text(result: BacktestResult) -> None:
    class Odd(Sitter):
        note: str = "<script>alert(1)</script>"

    assert "<script>alert(1)" not in tk.backtest(Odd, tk.data.sample(2))._repr_html_()


def test_one_picture_alone_and_a_line_for_the_log(result: BacktestResult) -> None:
    assert "IBM with fills" in result.picture("IBM")._repr_html_()
    assert "Equity in USD" in result.picture()._repr_html_()
    assert repr(result).startswith("Flipper + Sitter: ")
    assert repr(result).endswith(f"(backtest, {LABEL})")
