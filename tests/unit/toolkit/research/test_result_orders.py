"""Orders and fills of a result join by `order_id`, whatever was modified, and a quantity stays what was asked for."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pandas as pd

import toolkit as tk
from toolkit.research.assumptions import research_venue
from toolkit.research.result import BacktestResult
from toolkit.simulation.paper_settings import FeeSchedule, QuoteAsset

FREE = FeeSchedule(
    maker_basis_points=Decimal(0), taker_basis_points=Decimal(0), maker_per_unit=Decimal(0),
    taker_per_unit=Decimal(0), minimum=None, maximum_basis_points=None, asset=QuoteAsset(),
    tiers=(),
)  # fmt: skip
CALM = research_venue(
    submit_latency=0, replace_latency=0, rejects_per_million=0, partial_fills_per_million=0,
    participation_percent=100, fees=FREE,
)  # fmt: skip
INSTRUMENTS = tk.data.instruments(
    pd.DataFrame([{"symbol": "COIN", "tick": "0.01", "lot": "1", "currency": "USD", "calendar": "24/7"}])
)


class Scripted(tk.Strategy):
    """Does at each quote what a test says for its number."""

    bar = "1m"

    class State(msgspec.Struct):
        count: int = 0
        intent: str = ""

    def on_quote(self, quote: Any) -> None:
        self.state.count += 1
        self.act(self.state.count)

    def act(self, number: int) -> None:
        raise NotImplementedError


def run(act: Callable[[Any, int], None], bids: list[float], size: int = 1_000) -> BacktestResult:
    """One quote a second, two ticks wide, with `size` on each side."""
    times = pd.date_range("2024-01-02 15:00", periods=len(bids), freq="1s", tz="UTC")
    quotes = pd.DataFrame({"time": times, "bid": bids, "bid_size": size, "ask_size": size})
    data = tk.data.from_pandas(quotes.assign(ask=quotes["bid"] + 0.02), INSTRUMENTS, kind="quotes")
    strategy = type("Act", (Scripted,), {"act": act, "__module__": __name__})
    return tk.backtest(strategy, data, venue=CALM)


def test_fills_join_the_order_that_was_modified_between_them() -> None:
    def act(self: Any, number: int) -> None:
        if number == 2:
            self.state.intent = self.buy(100, 100.02)
        if number == 3:
            self.modify(self.state.intent, quantity=80)

    result = run(act, [100.0] * 8, size=30)
    joined = result.fills.merge(result.orders, on="order_id", suffixes=("", "_of_order"))
    assert list(joined["quantity"]) == [30, 30, 20]
    assert set(joined["quantity_of_order"]) == {80}
    assert result.orders["order_id"].tolist() == [result.fills["order_id"].iloc[0]]


def test_a_leg_of_a_bracket_keeps_its_quantity_when_the_other_one_fills() -> None:
    def act(self: Any, number: int) -> None:
        if number == 2:
            self.bracket("buy", 100, stop=99.0, target=103.0)

    orders = run(act, [100.0] * 5 + [97.0] * 3).orders
    assert orders[["type", "quantity", "filled"]].to_numpy().tolist() == [
        ["market", 100.0, 100.0],
        ["stop", 100.0, 100.0],
        ["limit", 100.0, 0.0],
    ]


def test_a_bracket_of_a_partly_filled_entry_shows_what_it_grew_to() -> None:
    def act(self: Any, number: int) -> None:
        if number == 2:
            self.bracket("buy", 100, 100.02, stop=99.0, target=103.0)

    result = run(act, [100.0] * 6 + [103.5] * 6, size=40)
    target = result.orders.iloc[-1]
    assert (target["quantity"], target["filled"]) == (100.0, 100.0)
    assert set(result.fills["order_id"]) <= set(result.orders["order_id"])
    assert (result.orders["filled"] <= result.orders["quantity"]).all()
