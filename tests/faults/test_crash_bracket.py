"""The engine dies between an entry's fill and the protection of it, again and again: the position is protected when it
has recovered, nothing is protected twice, and every fill is the backtest's."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from execution.home import Home
from tests.tools.desk_kit import DeskKit, make_home
from tests.tools.parity import assert_same_as_backtest
from tests.tools.truth import assert_one_story, standing_still
from toolkit.domain.events import OrderAcknowledged, OrderSubmitted, TrailMoved
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import OrderClass

pytestmark = pytest.mark.faults

STEPS_AFTER = 30
PLACES = ("before_protection_leaves", "before_append", "after_report_before_append", "before_protection_leaves")

GUARDED = '''
import msgspec

import toolkit as tk


class Guarded(tk.Strategy):
    """Opens what is flat with each bar; in turn a stop with a target, one that the engine holds, one that trails."""

    class State(msgspec.Struct):
        count: int = 0

    def on_bar(self, bar):
        quote = self.quote(bar.instrument)
        if self.position(bar.instrument) or any(order.instrument == bar.instrument for order in self.orders):
            return
        self.state.count += 1
        sign, price = (1 if self.state.count % 2 else -1), self.instruments[bar.instrument].price
        kind = self.state.count % 3
        self.bracket(
            "buy" if sign > 0 else "sell", bar.instrument, 50,
            stop=price(quote.mid * (1 - sign * 0.01)),
            target=price(quote.mid * (1 + sign * 0.02)) if kind else None,
            trail=price(quote.mid * 0.01) if kind == 2 else None,
            held="engine" if kind else None,
            reason="flat",
        )
'''


async def test_what_an_entry_filled_is_protected_after_the_engine_died_before_the_stop_left(tmp_path: Path) -> None:
    kit = DeskKit(guarded_home(tmp_path / "home"))
    try:
        await kit.start()
        await kit.until_step(kit.ledger.step + 1)
        for place in PLACES:
            await kit.die_at("engine", place)
            await kit.until_step(kit.ledger.step + 2)
        assert died_before_its_stop_left(kit)
        async with standing_still(kit):
            assert_protected(kit.ledger)
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0
        assert any(isinstance(event, TrailMoved) for batch in kit.batches for event in batch.events)
    finally:
        await kit.stop()


def died_before_its_stop_left(kit: DeskKit) -> list[str]:
    """Stops that one epoch journaled as its last word and another one brought to the venue."""
    arrived = {
        event.order_id for batch in kit.batches for event in batch.events if isinstance(event, OrderAcknowledged)
    }
    return [
        event.order_id
        for batch, following in pairwise(kit.batches)
        for event in batch.events
        if following.epoch > batch.epoch
        and isinstance(event, OrderSubmitted)
        and event.order_class is OrderClass.PROTECTIVE
        and event.order_id in arrived
    ]


def assert_protected(ledger: Ledger) -> None:
    """Each position has stops for all of it, at the venue or in the engine, and no more."""
    held = {symbol: position.lots for symbol, position in ledger.positions.get("guarded", {}).items() if position.lots}
    stops = dict.fromkeys(held, 0)
    for order in ledger.open_orders("guarded"):
        if order.order_class is OrderClass.PROTECTIVE:
            stops[order.instrument] = stops.get(order.instrument, 0) - order.side * order.remaining
    assert stops == held


def guarded_home(folder: Path) -> Home:
    """The shipped desk with this one strategy."""
    home = make_home(folder)
    (folder / "notebooks" / "strategies" / "guarded.py").write_text(GUARDED)
    row = {
        "source": "notebooks/strategies/guarded.py",
        "class": "Guarded",
        "capital": 100_000,
        "instruments": ["AAPL", "IBM", "MSFT"],
        "parameters": {},
        "enabled": True,
    }
    limits = yaml.safe_load((folder / "config" / "limits.yaml").read_text())
    limits["strategies"] = {"guarded": limits["strategies"]["trend"]}
    (folder / "config" / "limits.yaml").write_text(yaml.safe_dump(limits))
    (folder / "config" / "strategies.yaml").write_text(yaml.safe_dump({"strategies": {"guarded": row}}))
    return home
