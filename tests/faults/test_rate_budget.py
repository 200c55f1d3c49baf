"""A rate budget with the bus dead, and two engines of one key on a real server: what a venue would see of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from execution.services.budget_keeper import ENTRY_PATIENCE, BudgetKeeper
from tests.servers import Server
from tests.unit.toolkit.domain.test_rate_budget import CANCEL, ENTRY, EXIT
from toolkit.adapters.budget_places import Budgets
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.memory_bus import MemoryBus
from toolkit.adapters.memory_server import MemoryServer
from toolkit.adapters.redis_bus import RedisBus
from toolkit.domain.ports import TokenBank
from toolkit.domain.rate_budget import BudgetPlan
from toolkit.domain.requests import VenueRequest

pytestmark = pytest.mark.faults

PLAN = BudgetPlan(key="main", messages=60, window=500_000_000, processes=2, reserve=5, share=5, block=10)


@asynccontextmanager
async def engine(folder: Path, bank: TokenBank) -> AsyncIterator[BudgetKeeper]:
    budgets = Budgets.publish(folder, {"paper": PLAN})
    keeper = BudgetKeeper(budgets, bank, SystemClock().mono)
    running = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        running.cancel()
        budgets.close()


async def send(keeper: BudgetKeeper, *requests: VenueRequest) -> int:
    """As the engine does: at once what may, then what is refused with the next block; how many left."""
    may, _, refused = keeper.sort_out(requests)
    if not refused:
        return len(may)
    await keeper.filled()
    return len(may) + len(keeper.sort_out(refused).may)


async def test_a_burst_beyond_the_share_leaves_with_the_block_that_is_leased_for_it(tmp_path: Path) -> None:
    async with engine(tmp_path, MemoryBus(MemoryServer())) as keeper:
        assert await send(keeper, *[ENTRY] * 20) == 20


async def test_with_the_bus_dead_cancels_and_exits_never_wait_and_a_share_of_entries_goes_on(tmp_path: Path) -> None:
    server = MemoryServer()
    server.away = True
    async with engine(tmp_path, MemoryBus(server)) as keeper:
        assert await send(keeper, *[ENTRY] * 20) == PLAN.share
        await asyncio.sleep(0)
        began = time.monotonic()
        assert await send(keeper, *[CANCEL] * 20, *[EXIT] * 3) == 20
        assert await send(keeper, *[ENTRY] * 20) == 0
        assert time.monotonic() - began < ENTRY_PATIENCE, "nobody waits for a bus that is known to be away"
        server.away = False
        await until(lambda: not keeper.away)
        assert await send(keeper, *[ENTRY] * 10) > 0


async def test_a_bus_that_says_nothing_holds_entries_up_for_a_moment_only(tmp_path: Path) -> None:
    async with engine(tmp_path, Mute()) as keeper:
        began = time.monotonic()
        assert await send(keeper, *[ENTRY] * 20) == PLAN.share
        assert time.monotonic() - began < 10 * ENTRY_PATIENCE


@pytest.mark.integration
async def test_two_engines_together_never_send_more_than_the_venue_allows(tmp_path: Path, bus_server: Server) -> None:
    """Both want far more than the rate for two seconds, and each gets a good part of it."""
    left: list[tuple[float, int]] = []
    banks = [RedisBus(bus_server.address(), "main") for _ in range(2)]
    async with engine(tmp_path, banks[0]) as first, engine(tmp_path, banks[1]) as second:
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            for who, keeper in enumerate((first, second)):
                count = await send(keeper, *[ENTRY] * 4)
                left += [(time.monotonic(), who)] * count
            await asyncio.sleep(0.002)
    for bank in banks:
        await bank.close()
    window = PLAN.window / 1e9
    busiest = max(sum(begin <= at < begin + window - 0.01 for at, _ in left) for begin, _ in left)
    assert busiest <= PLAN.messages
    assert len(left) >= 0.7 * PLAN.messages * 2 / window, "caution costs less than a third of the rate"
    assert min(sum(who == each for _, who in left) for each in (0, 1)) > len(left) / 5


class Mute:
    async def lease_tokens(self, *_: object) -> int:
        await asyncio.Event().wait()
        return 0


async def until(reached: object, seconds: float = 5) -> None:
    assert callable(reached)
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.01)
