"""A desk whose rules send entries to two paper venues: each fills its own, exits follow the lots, one may go away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from execution.wiring import specifications
from tests.tools.desk_kit import FAST, DeskKit, make_home
from toolkit.client.stopping import venue_state
from toolkit.domain import events as ev
from toolkit.domain.orders import OrderClass

pytestmark = pytest.mark.integration

FREE = {**FAST, "feed": {**FAST["feed"], "mode": "free"}}


def two_venues(folder: Path, changes: Any) -> DeskKit:
    home = make_home(folder, changes)
    path = home.root / "config/venues.yaml"
    file = yaml.safe_load(path.read_text())
    file["venues"]["second"] = {**file["venues"]["paper"], "seed": 8}
    file["routes"] = [{"venues": ["second", "paper"], "strategies": ["mean_reversion"]}]
    file["breakers"]["second"] = file["breakers"]["paper"]
    path.write_text(yaml.safe_dump(file))
    path = home.root / "config/limits.yaml"
    limits = yaml.safe_load(path.read_text())
    limits["venues"]["second"] = limits["venues"]["paper"]
    limits["book"]["max_var"] = "*"  # what it asks for is known after two minutes of a free feed
    path.write_text(yaml.safe_dump(limits))
    return DeskKit(home)


def submitted(kit: DeskKit, strategy: str = "mean_reversion") -> list[ev.OrderSubmitted]:
    made = [event for batch in kit.batches for event in batch.events if isinstance(event, ev.OrderSubmitted)]
    return [event for event in made if event.strategy == strategy]


def agree(kit: DeskKit, venue: str) -> bool:
    """Whether positions and cash of the books are those of the venue: none on either side where nothing has filled."""
    told = venue_state(specifications.venue_socket(kit.home, venue), timeout=5.0)
    lots = {symbol: lots for symbol, lots in told.positions if lots}
    booked = {symbol: lots for symbol, lots in kit.ledger.venue_positions.get(venue, {}).items() if lots}
    return lots == booked and dict(told.cash) == kit.ledger.venue_cash.get(venue, {})


@pytest.mark.parametrize("changes", [FAST, FREE], ids=["lockstep", "free"])
async def test_entries_go_where_the_rules_say_and_the_books_agree_with_both(tmp_path: Path, changes: Any) -> None:
    kit = two_venues(tmp_path / "home", changes)
    try:
        await kit.start()
        await kit.until(lambda: len(submitted(kit)) > 3 and "second" in kit.ledger.venue_positions)
        await kit.until(lambda: bool(submitted(kit, "quoting")))
        entries = [event for event in submitted(kit) if event.order_class is OrderClass.ENTRY]
        assert {event.venue for event in entries} == {"second"}
        assert all(event.route.startswith("config/venues.yaml:") for event in entries)
        assert {event.venue for event in submitted(kit, "quoting")} == {"paper"}
        await kit.end("listener")
        await kit.caught_up()
        await kit.until(lambda: all(agree(kit, venue) for venue in ("paper", "second")))
        assert "second" in kit.ledger.venue_positions, "what traded there may be flat again by now"
        assert kit.ledger.breaks == {}
    finally:
        await kit.stop()
