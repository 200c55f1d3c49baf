"""One of a desk's two venues goes away, in three ways: entries go on at the other one, and return when it does."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from execution.home import Home
from tests.faults.test_free_feed_without_a_journal import FREE
from tests.tools.desk_kit import DeskKit, make_home
from toolkit.domain import events as ev

pytestmark = pytest.mark.faults

PATIENCE = 120.0  # seconds: a lease that runs out, a late venue, a breaker that tries again after thirty

EAGER = '''
"""Bids at the bid, for a moment, at every quote: nothing rests or fills, so that a venue that is away keeps nothing."""

import toolkit as tk


class Eager(tk.Strategy):
    instruments = ("IBM", "MSFT")

    def on_quote(self, quote):
        if quote.bid < quote.ask:
            self.buy(quote.instrument, 1, quote.bid, tif="ioc", reason="eager")
'''


async def test_entries_go_on_at_the_other_venue_and_come_back(tmp_path: Path) -> None:
    kit = DeskKit(a_desk(tmp_path / "home"), speed=20)
    try:
        await kit.start()
        await enters_at(kit, "second")

        await kit.end("venue-second")
        await goes_on_without_the_second(kit)
        kit.launch("venue-second")
        await enters_at(kit, "second")

        await kit.end("venue-second")  # and an engine that has never met it
        await kit.kill("engine")
        await goes_on_without_the_second(kit)
        kit.launch("venue-second")
        await enters_at(kit, "second")

        kit.processes["venue-second"].send_signal(signal.SIGSTOP)  # there, and it says nothing
        await goes_on_without_the_second(kit)
        kit.processes["venue-second"].send_signal(signal.SIGCONT)
        await enters_at(kit, "second")
    except TimeoutError:
        raise AssertionError(kit.last_words()) from None
    finally:
        if "venue-second" in kit.processes:
            kit.processes["venue-second"].send_signal(signal.SIGCONT)
        await kit.stop()


async def enters_at(kit: DeskKit, venue: str) -> None:
    before = len(submitted(kit))
    await kit.until(lambda: sum(event.venue == venue for event in submitted(kit)[before:]) > 3, PATIENCE)


async def goes_on_without_the_second(kit: DeskKit) -> None:
    before = len(submitted(kit))

    def moved(event: ev.OrderSubmitted) -> bool:
        return event.venue == "paper" and "second has no line" in event.route

    await kit.until(lambda: sum(map(moved, submitted(kit)[before:])) > 3, PATIENCE)


def submitted(kit: DeskKit) -> list[ev.OrderSubmitted]:
    return [event for batch in kit.batches for event in batch.events if isinstance(event, ev.OrderSubmitted)]


def a_desk(folder: Path) -> Home:
    home = make_home(folder, {**FREE, "engine": {**FREE["engine"], "reconcile_seconds": 1}})
    (home.root / "notebooks/strategies/eager.py").write_text(EAGER)
    for name, change in (("strategies", only_eager), ("venues", second_first), ("limits", room_for_doubts)):
        path = home.root / f"config/{name}.yaml"
        file = yaml.safe_load(path.read_text())
        change(file)
        path.write_text(yaml.safe_dump(file))
    return home


def only_eager(file: dict[str, Any]) -> None:
    row = file["strategies"]["quoting"] | {"source": "notebooks/strategies/eager.py", "class": "Eager"}
    file["strategies"] = {"eager": row}


def second_first(file: dict[str, Any]) -> None:
    file["venues"]["second"] = {**file["venues"]["paper"], "seed": 8}
    # At this speed a session may close between decision and venue: twenty such rejects would shut either for 30 s.
    patient = file["breakers"]["paper"] | {"rejects": 10_000, "venue_rejects": 10_000, "late_answers": 10_000}
    file["breakers"] = dict.fromkeys(("paper", "second"), patient)
    file["routes"] = [{"venues": ["second", "paper"]}]


def room_for_doubts(file: dict[str, Any]) -> None:
    """What a silent venue was sent counts as working until it answers."""
    file["strategies"] = {}
    file["venues"]["second"] = file["venues"]["paper"]
    for rows in (file["book"], *file["venues"].values(), *file["instruments"].values()):
        rows["max_working_orders"] = 100_000
        rows.pop("max_position", None)
    file["book"] |= {"max_position": 1_000_000, "max_var": "*"}  # which a free feed knows after two minutes
