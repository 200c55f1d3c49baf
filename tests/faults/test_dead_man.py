"""The dead-man switch (control 25): an engine that stops beating leaves no entry at the venue; its protection stays."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time

import pytest

from tests.tools.desk_kit import PATIENCE
from tests.tools.kill_kit import KillDesk, kill_desk
from toolkit.adapters.latch import Latch
from toolkit.client.exposed import without_protection
from toolkit.client.stopping import look
from toolkit.domain.orders import TradingState

pytestmark = pytest.mark.faults

AFTER = 2.5  # an engine of a machine under load beats as often as that
BY_VENUE = {"by": "venue", "after_seconds": AFTER, "cancels": "entries"}
BY_WATCHDOG = BY_VENUE | {"by": "watchdog"}
TAKES_ALL = BY_VENUE | {"cancels": "all"}


async def rest(desk: KillDesk) -> None:
    """A protected position, one without protection, and three entries that rest."""
    await desk.hold(10, stop=9_500)
    await desk.hold(7, symbol="BRAVO")
    await desk.rest(3)
    await desk.kit.caught_up()


async def until_gone(desk: KillDesk) -> float:
    """Seconds until no entry rests."""
    began = time.monotonic()
    await desk.kit.until(lambda: "entry" not in desk.classes())
    return time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.chaos)])
async def test_entries_are_gone_after_the_silence_and_protection_stays(number: signal.Signals) -> None:
    async with kill_desk(dead_man=BY_VENUE) as desk:
        await rest(desk)
        await asyncio.sleep(1.5 * AFTER)
        assert desk.classes().count("entry") == 3, "an engine that beats keeps its orders"
        desk.send_signal("engine", number)
        assert await until_gone(desk) > AFTER / 2
        assert desk.classes() == ["protective"]
        left = look({"paper": desk.switch._sockets["paper"]})
        exposed = without_protection(desk.kit.line.replica, desk.wish(), left)
        assert exposed == ("bench holds BRAVO +7",)
        desk.kill_process("engine")
        desk.kit.launch("engine")
        await desk.kit.until(lambda: [order.instrument for order in desk.kit.ledger.open_orders()] == ["ALPHA"])
        await desk.rest(2)


async def test_supervisor_and_engine_killed_together_leave_no_entry_either() -> None:
    """A venue that is left alone lives until its dead man has done its work; one that comes back counts on."""
    async with kill_desk(dead_man=BY_VENUE) as desk:
        await rest(desk)
        desk.kill_process("engine")
        venue = desk.leave_alone("venue-paper")
        await asyncio.sleep(0.2)
        assert desk.classes().count("entry") == 3
        assert await asyncio.to_thread(venue.wait, PATIENCE) == 0
        desk.kit.launch("venue-paper")
        await desk.kit.until(desk.venue_answers)
        assert desk.classes() == ["protective"]


@pytest.mark.chaos
async def test_a_venue_that_is_killed_with_the_engine_counts_from_its_start() -> None:
    async with kill_desk(dead_man=BY_VENUE) as desk:
        await rest(desk)
        desk.kill_process("engine")
        desk.kill_process("venue-paper")
        desk.kit.launch("venue-paper")
        await desk.kit.until(desk.venue_answers)
        await until_gone(desk)
        assert desk.classes() == ["protective"]


@pytest.mark.chaos
async def test_an_engine_that_ends_in_order_leaves_what_it_leaves() -> None:
    async with kill_desk(dead_man=BY_VENUE) as desk:
        await rest(desk)
        desk.send_signal("engine", signal.SIGTERM)
        assert await desk.kit.ends("engine") == 0
        await asyncio.sleep(AFTER + 0.5)
        assert desk.classes().count("entry") == 3


@pytest.mark.chaos
async def test_a_venue_that_takes_all_takes_protection_along() -> None:
    async with kill_desk(dead_man=TAKES_ALL) as desk:
        await rest(desk)
        desk.kill_process("engine")
        await until_gone(desk)
        assert desk.classes() == []


async def test_for_a_venue_without_one_our_watchdog_does_it_past_engine_and_supervisor() -> None:
    """It shuts the latch first: an engine that wakes up sends nothing, and a person decides when trading goes on."""
    async with kill_desk(dead_man=BY_WATCHDOG) as desk:
        watchdog = desk.kit.launch("watchdog")
        await desk.kit.until((desk.kit.home.run / "watchdog-beat").exists)
        await rest(desk)
        await asyncio.sleep(1.5 * AFTER)
        assert desk.classes().count("entry") == 3
        desk.kill_process("engine")
        alone = desk.leave_alone("watchdog")
        await until_gone(desk)
        assert desk.classes() == ["protective"]
        assert await asyncio.to_thread(_ended, alone)
        assert watchdog.returncode == 0
        assert not Latch(desk.kit.home.book(desk.book) / "latch").is_open("venue:paper")
        desk.kit.launch("engine")
        await desk.kit.until(lambda: "venue:paper" in desk.kit.ledger.states)
        assert desk.kit.ledger.states["venue:paper"] == {"kill": TradingState.HALTED}
        await desk.reopen("venue")
        await desk.rest(2)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    return process.wait(PATIENCE) == 0
