"""The bus may be lost at any moment: trading in lockstep waits, goes on, and every fill is still the backtest's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.tools.desk_kit import desk
from tests.tools.parity import assert_same_as_backtest
from tests.tools.servers_kit import kill, paused
from tests.tools.truth import assert_one_story
from toolkit.adapters.server_access import ServerRole

pytestmark = pytest.mark.faults

STEPS_BETWEEN = 15
STEPS_AFTER = 80


async def test_trading_goes_on_where_it_was_when_the_bus_is_back(tmp_path: Path, full: bool) -> None:
    """It is killed, paused, and once dies together with the engine."""
    async with desk(tmp_path / "home") as kit:
        await kit.until_step(kit.ledger.step + STEPS_BETWEEN)
        for _ in range(5 if full else 2):
            kill(kit.line.servers, ServerRole.BUS)
            await asyncio.to_thread(kit.line.start_servers)
            await kit.until_step(kit.ledger.step + STEPS_BETWEEN)
            with paused(kit.line.servers, ServerRole.BUS):
                await asyncio.sleep(0.5)
            await kit.until_step(kit.ledger.step + STEPS_BETWEEN)
        assert not await kit.revive(), kit.last_words()
        kill(kit.line.servers, ServerRole.BUS)
        await kit.kill("engine")
        await asyncio.to_thread(kit.line.start_servers)
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0
