"""A comparison's page and words, its agreement of signals, and what it refuses."""

from typing import Any

import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.research.assumptions import research_venue
from toolkit.research.comparison import Comparison

DATA = tk.data.sample(25, ["IBM"])


class Long(tk.Strategy):
    instruments = ("IBM",)
    bar = "1d"
    size: int = 100

    def on_bar(self, bar: Any) -> None:
        self.target_position(self.size, reason="always <long>")


class Late(Long):
    """Says the same, ten sessions later."""

    warmup = 11


class Quiet(Long):
    def on_bar(self, bar: Any) -> None:
        self.log("not a word")


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return tk.compare(Long, (Long, {"size": -100}), DATA, resamples=200)


def test_the_page_shows_both_and_the_difference(comparison: Comparison) -> None:
    page = comparison._repr_html_()
    assert all(part in page for part in ("Long less Long (size=-100)", "PnL a session", "Signals agree", "Sharpe"))
    assert "simulated quotes in real bars" in page
    assert page.count("class='qd-picture'") == 1
    assert comparison.verdict in page


def test_opposite_positions_agree_in_nothing_and_correlate_to_minus_one(comparison: Comparison) -> None:
    assert comparison.agreement.value == 0
    assert comparison.correlation.value < -0.95
    assert comparison.pnl_difference.value == pytest.approx(comparison.pnl["difference"].iloc[-1] / 25)


def test_the_table_has_both_and_their_difference(comparison: Comparison) -> None:
    table = comparison.table
    assert list(table.columns) == ["Long", "Long (size=-100)", "difference"]
    assert table.loc["PnL", "Long"] == pytest.approx(float(comparison.a.result.pnl))
    assert table.loc["fees", "difference"] == pytest.approx(
        comparison.a.result.measures.fees - comparison.b.result.measures.fees
    )


def test_the_same_seed_gives_the_same_interval() -> None:
    first, second = (tk.compare(Long, Late, DATA, resamples=200, seed=5) for _ in range(2))
    assert first.pnl_difference == second.pnl_difference
    assert repr(first) == repr(second)
    assert tk.compare(Long, Late, DATA, resamples=200, seed=6).pnl_difference != first.pnl_difference


def test_agreement_counts_from_the_first_signal_of_either() -> None:
    found = tk.compare(Long, Late, DATA, resamples=50)
    assert found.agreement.value == pytest.approx(14 / 24)  # told from the second session on; alike from the 12th


def test_where_nobody_spoke_there_is_no_agreement_and_no_sharpe() -> None:
    found = tk.compare(Quiet, Quiet, DATA, resamples=50)
    assert found.agreement.reason == "neither gave a signal"
    assert found.sharpe_difference.reason == "the returns do not vary"
    assert (found.a.name, found.b.name) == ("Quiet a", "Quiet b")
    assert "Quiet a" in found._repr_html_()


def test_few_sessions_give_no_interval() -> None:
    found = tk.compare(Long, Quiet, sessions=5)
    assert found.pnl_difference.reason == "fewer than 20 periods"
    assert found.verdict == "No conclusion: fewer than 20 periods."
    assert repr(found) == "Long less Quiet: No conclusion: fewer than 20 periods."


def test_sessions_beside_data_are_refused() -> None:
    with pytest.raises(ConfigError, match="sessions belongs to the sample"):
        tk.compare(Long, Late, DATA, sessions=3)


def test_results_of_another_capital_are_refused() -> None:
    small = tk.backtest(Long, DATA, capital=10_000)
    with pytest.raises(ConfigError, match=r"Long has a capital of 10,000, Late one of 100,000.* the same capital"):
        tk.compare(small, Late)


def test_names_say_in_which_assumptions_the_two_differ() -> None:
    usual = tk.backtest(Long, DATA)
    slow = tk.backtest(Long, DATA, venue=research_venue(submit_latency=90_000_000), limits={"max_position": 500})
    found = tk.compare(usual, slow, resamples=50)
    assert found.a.name == "Long (venue: submit_latency=50000000, limits: max_position of book=1000000)"
    assert found.b.name == "Long (venue: submit_latency=90000000, limits: max_position of book=500)"


def test_many_differences_of_venues_are_counted() -> None:
    other = research_venue(submit_latency=0, replace_latency=0, rejects_per_million=0, slippage_ticks=1, seed=9)
    found = tk.compare(tk.backtest(Long, DATA), tk.backtest(Late, DATA, venue=other), resamples=50)
    assert found.b.name == "Late (venue: rejects_per_million=0, replace_latency=0, seed=9, 2 more)"
