"""On a free feed an engine without its journal ends as in lockstep: what rests is cancelled, then it is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from execution.child import ExitCode
from tests.tools.desk_kit import FAST, DeskKit, desk
from tests.tools.servers_kit import administrator, kill
from toolkit.adapters import keys
from toolkit.adapters.server_access import ServerRole
from toolkit.domain.orders import OrderClass, Status

pytestmark = pytest.mark.faults

FREE = {**FAST, "feed": {**FAST["feed"], "mode": "free"}}


async def test_a_dead_journal_ends_it_with_nothing_resting(tmp_path: Path) -> None:
    async with desk(tmp_path / "home", speed=20, changes=FREE) as kit:
        await until_an_entry_rests(kit)
        kill(kit.line.servers, ServerRole.JOURNAL)
        assert await kit.ends("engine") == ExitCode.JOURNAL_GONE, kit.last_words()
        assert "still rest at the venue: none" in last_line(kit)
        assert not kit.venue().open_orders
        await asyncio.to_thread(kit.line.start_servers)


async def test_a_successor_ends_it_fenced(tmp_path: Path) -> None:
    async with desk(tmp_path / "home", speed=20, changes=FREE) as kit:
        await until_an_entry_rests(kit)
        with administrator(kit.line.servers) as line:
            line.ask("HINCRBY", keys.head(kit.settings.desk.book), "epoch", "1")
        assert await kit.ends("engine") == ExitCode.FENCED, kit.last_words()


async def until_an_entry_rests(kit: DeskKit) -> None:
    def rests() -> bool:
        orders = kit.ledger.open_orders()
        return any(order.order_class is OrderClass.ENTRY and order.status is Status.NEW for order in orders)

    await kit.until(rests)


def last_line(kit: DeskKit) -> str:
    return kit.home.log("engine").read_text().strip().splitlines()[-1]
