"""An SMA cross that backtesting.py traded too: the same trades, prices and final equity, to the cent."""

from __future__ import annotations

import pytest

import toolkit as tk
from tests.benchmarks.peers import golden
from tests.tools import sma_cross

CENT = 0.01


@pytest.fixture(scope="module")
def ours() -> tk.BacktestResult:
    pytest.importorskip("bokeh_sampledata", reason="optional: bokeh-sampledata is not installed")
    return tk.backtest(sma_cross.SmaCross, sma_cross.data(), capital=sma_cross.CAPITAL, venue=sma_cross.venue())


def test_every_trade_is_the_peers(ours: tk.BacktestResult) -> None:
    closed = [trade for trade in golden.read()["trades"] if trade["closed"]]
    assert len(closed) == len(ours.trades) == 65
    for (closed_at, mine), peers in zip(ours.trades.iterrows(), closed, strict=True):
        assert (str(mine["opened"].date()), str(closed_at.date())) == (peers["opened"], peers["closed"])
        assert (mine["quantity"] if mine["side"] == "long" else -mine["quantity"]) == peers["shares"]
        assert (mine["entry"], mine["exit"]) == pytest.approx((peers["entry"], peers["exit"]), abs=CENT / 100)


def test_what_is_still_held_is_the_peers(ours: tk.BacktestResult) -> None:
    (held,) = [trade for trade in golden.read()["trades"] if not trade["closed"]]
    last = ours.fills.iloc[-1]
    assert ours.positions["GOOG"].iloc[-1] == held["shares"]
    assert str(last.name.date()) == held["opened"]
    assert last["price"] == pytest.approx(held["entry"], abs=CENT / 100)


def test_the_final_equity_is_the_peers_to_the_cent(ours: tk.BacktestResult) -> None:
    theirs = golden.read()["final_equity"]
    assert round(float(ours.capital + ours.pnl), 2) == round(theirs, 2)


def test_nothing_of_it_was_refused(ours: tk.BacktestResult) -> None:
    assert ours.denials.empty
