"""A recorded market through listener, engine, venue and a quoting strategy, twice: the same intents, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.desk_kit import DeskKit
from tests.tools.limit_kit import FAR_AWAY
from tests.tools.replay_kit import SYMBOL, asked, record, replaying_home
from toolkit.adapters.step_recording import StepRecording
from toolkit.domain.events import OrderFilled, OrderSubmitted
from toolkit.domain.market import Step

pytestmark = pytest.mark.integration

MESSAGES = 3_000
LIMITS = {
    "max_order_value": 5000, "max_order_quantity": 1, "max_position": 1, "max_working_orders": 50,
    "message_rate": 1000, "cancel_reserve": 20, "duplicate_window": 0.001, "permitted": "*", "permitted_venues": "*",
    "max_quote_age": 10,
    "price_collar": 50, "exit_collar": 90, "max_price_drift": 50, "drift_window": 60, "max_executions": 1000000,
    "burst_value": 1000000000, "burst_quantity": 1000000000, "burst_window": 1, "self_match": "cancel_resting",
    **FAR_AWAY,
}  # fmt: skip
ROW = {
    "source": "notebooks/strategies/quoting.py", "class": "Quoting", "capital": 10000, "instruments": [SYMBOL],
    "parameters": {}, "enabled": True,
}  # fmt: skip
STRATEGY = '''"""Quotes around the middle, a few ticks away, and follows it."""

import msgspec

import toolkit as tk


class Quoting(tk.Strategy):
    class State(msgspec.Struct):
        bid: str = ""
        middle: float = 0.0

    def on_quote(self, quote):
        middle = (quote.bid + quote.ask) / 2
        if abs(middle - self.state.middle) < 5:
            return
        self.state.middle = middle
        if self.state.bid:
            self.cancel(self.state.bid)
            self.state.bid = ""
        if self.position < 0.05:
            self.state.bid = self.buy("BTC/USDT", 0.01, self.instrument.price(middle - 0.5))
        if self.position >= 0.01:
            self.sell("BTC/USDT", 0.01, tif="ioc", price=self.instrument.price(middle - 10))
'''


async def test_a_replay_has_the_same_steps_and_its_rerun_the_same_intents(
    tmp_path: Path, recordings: Path, full: bool
) -> None:
    steps = record(tmp_path / "recording", recordings, None if full else MESSAGES)
    assert list(StepRecording(tmp_path / "recording").steps()) == steps
    first = await intents_of_a_run(tmp_path / "first", tmp_path / "recording", steps)
    again = await intents_of_a_run(tmp_path / "again", tmp_path / "recording", steps)
    assert [pair for pair in zip(first, again, strict=True) if pair[0] != pair[1]] == []


async def intents_of_a_run(folder: Path, recording: Path, steps: list[Step]) -> list[tuple[int, bytes]]:
    """Everything that the strategy asked for and what became of it, as bytes, with the step that it answered."""
    kit = DeskKit(replaying_home(folder, recording, STRATEGY, ROW, LIMITS))
    try:
        await kit.start()
        await kit.until_engine(
            lambda beat: beat.step >= steps[-1].number, 60 + len(steps) / 50
        )  # the journal knows what led to anything
        await kit.caught_up()
        held = {symbol: lots for symbol, lots in kit.ledger.venue_positions.get("paper", {}).items() if lots}
        assert held == dict(kit.venue().positions), "books and venue agree"
    finally:
        await kit.stop()
    events = [event for batch in kit.batches for event in batch.events]
    assert sum(isinstance(event, OrderSubmitted) for event in events) > 10
    assert sum(isinstance(event, OrderFilled) for event in events) > 2
    return asked(kit.batches)
