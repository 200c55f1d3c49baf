"""The figures of a record and the cost of its orders, for people: the numbers of the measures, with their reasons."""

import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.measures import performance
from toolkit.research.gate_pictures import GateExplorer, rules_fired
from toolkit.research.result import BacktestResult
from toolkit.rollout.scenarios import Scenario

RETURNS = np.random.default_rng(8).standard_normal(250) * 0.01 + 0.0005


class Buyer(tk.Strategy):
    """Buys a little of what it has none of, and sells it on the next bar."""

    instruments = ("AAPL", "IBM")
    bar = "1d"

    def on_bar(self, bar):  # type-free, as people write it
        held = self.position(bar.instrument)
        self.target_position(bar.instrument, 0 if held else 100)


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    return tk.backtest(Buyer, tk.data.sample(40))


def test_the_figures_are_those_of_the_measures() -> None:
    found = tk.kpi(RETURNS)
    assert found.value("Sharpe ratio") == performance.sharpe_ratio(RETURNS).value
    table = found.frame().loc["returns"]
    assert table.loc["Sharpe ratio", "low"] < table.loc["Sharpe ratio", "value"] < table.loc["Sharpe ratio", "high"]
    assert (table["value"].isna() == (table["reason"] != "")).all()


def test_what_cannot_be_known_says_why_on_the_page_too() -> None:
    found = tk.kpi(pd.Series(np.full(30, 0.001), name="flat"))
    assert np.isnan(found.value("Sharpe ratio"))
    assert "the returns do not vary" in found._repr_html_()


def test_prices_and_tables_of_words_are_refused_with_the_mend() -> None:
    with pytest.raises(ConfigError, match=r"give returns: prices\.pct_change"):
        tk.kpi(pd.Series([100.0, 101.0, 99.5], name="close"))
    with pytest.raises(ConfigError, match="give returns as numbers"):
        tk.kpi(pd.Series(["a", "b"]))
    with pytest.raises(ConfigError, match="no figure 'sharp'"):
        tk.kpi(RETURNS).value("sharp")


def test_the_mend_for_prices_works_and_a_gap_inside_is_told_of() -> None:
    prices = pd.Series(100 * np.cumprod(1 + RETURNS), name="close")
    assert tk.kpi(prices.pct_change()).value("Sharpe ratio") == pytest.approx(
        performance.sharpe_ratio(RETURNS[1:]).value
    )
    with_gap = pd.DataFrame({"a": np.where(np.arange(len(RETURNS)) == 100, np.nan, RETURNS)})
    for record in (with_gap, with_gap["a"]):
        table = tk.kpi(record).frame().loc["a"].drop("periods")
        assert table["value"].isna().all()
        assert set(table["reason"]) <= {"a return is not known", "equity is not known at every mark"}


def test_several_records_stand_beside_each_other() -> None:
    found = tk.kpi(pd.DataFrame({"a": RETURNS, "b": -RETURNS}))
    assert found.value("annual return", "a") == pytest.approx(-found.value("annual return", "b"))


def test_of_a_backtest_they_are_those_of_its_page(result: BacktestResult) -> None:
    assert tk.kpi(result).value("Sharpe ratio") == pytest.approx(result.measures.sharpe.value)


def test_costs_of_orders_are_those_that_the_page_of_the_backtest_shows(result: BacktestResult) -> None:
    """Slippage and fees, made in two ways: per fill there, per order here."""
    found = tk.tca(result)
    costs = result.costs.loc["all"]
    assert found.summary["fees"] == pytest.approx(costs["fees"])
    slipped = found.summary["delay"] + found.summary["spread_impact"]
    assert slipped == pytest.approx(costs["spread"] + costs["delay"] + costs["impact"])
    assert len(found.orders) == int((result.orders["status"] != "DENIED").sum())
    assert found.by("instrument")["total"].sum() == pytest.approx(found.summary["total"])


def test_a_table_of_ones_own_needs_its_columns() -> None:
    row = {
        "side": 1.0,
        "wanted": 10.0,
        "filled": 6.0,
        "paid": 101.0,
        "fee": 1.0,
        "decided": 100.0,
        "sent": 100.5,
        "ended": 102.0,
    }
    found = tk.tca(pd.DataFrame([row]))
    assert found.summary[["delay", "spread_impact", "fees", "missed"]].tolist() == [3.0, 3.0, 1.0, 8.0]
    assert "15.00" in repr(found)
    with pytest.raises(ConfigError, match="no column ended"):
        tk.tca(pd.DataFrame([row]).drop(columns="ended"))
    with pytest.raises(ConfigError, match="no column 'venue'"):
        found.by("venue")


def test_an_order_that_never_filled_counts_as_missed_on_the_page() -> None:
    row = {
        "side": -1.0,
        "wanted": 5.0,
        "filled": 0.0,
        "paid": np.nan,
        "fee": 0.0,
        "decided": 50.0,
        "sent": 50.0,
        "ended": 49.0,
    }
    found = tk.tca(pd.DataFrame([row | {"instrument": "X", "seconds": 9.0}]))
    assert found.summary["missed"] == 5.0
    assert "fewer than 50% of the orders filled" in found._repr_html_()


def test_an_order_whose_end_is_not_known_is_counted_and_in_no_sum() -> None:
    row = {"side": 1.0, "wanted": 10.0, "filled": 6.0, "paid": 101.0, "fee": 1.0, "decided": 100.0, "sent": 100.5}
    found = tk.tca(pd.DataFrame([row | {"ended": 102.0}, row | {"ended": np.nan}]))
    parts = found.summary[["delay", "spread_impact", "fees", "missed"]]
    assert parts.tolist() == [3.0, 3.0, 1.0, 8.0]
    assert found.summary["total"] == parts.sum()
    assert found.summary[["orders", "not_known", "value"]].tolist() == [2.0, 1.0, 1_000.0]
    assert "1 of 2 orders not known" in found._repr_html_()


def test_the_naive_rules_stop_honest_versions_and_the_boundary_does_not() -> None:
    daily, summed, gate = (rule.fired[-1] for rule in rules_fired(Scenario(name="honest"), 500, draws=200))
    assert daily > 0.5 > summed > 0.1 > 0.05 > gate


def test_the_controls_lead_to_a_page() -> None:
    explorer = GateExplorer(orders=200)
    assert "stopped though nothing is wrong" in explorer.page()
    explorer.worse.value = 2.0
    assert "caught within these orders" in explorer.page()
    assert explorer.scenario.worse == 2.0
