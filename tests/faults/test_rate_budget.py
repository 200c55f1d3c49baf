"""A rate budget with the bus dead, and two engines of one key on a real server: what a venue would see of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from execution.services.budget_keeper import BudgetKeeper
from tests.servers import Server
from tests.unit.toolkit.domain.test_rate_budget import CANCEL, ENTRY, EXIT
from toolkit.adapters.budget_places import Budgets
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.memory_bus import MemoryBus
from toolkit.adapters.memory_server import MemoryServer
from toolkit.adapters.redis_bus import RedisBus
from toolkit.domain.ports import TokenBank
from toolkit.domain.rate_budget import BudgetPlan, RateBudget, Sorted
from toolkit.domain.requests import VenueRequest
from toolkit.domain.time import NANOSECONDS, MonoTime

pytestmark = pytest.mark.faults

PLAN = BudgetPlan(key="main", messages=60, window=500_000_000, processes=2, reserve=5, share=5, block=10)
SLEWED = 10_000_000  # the bus server counts by the wall clock
OF_AN_HOUR = msgspec.structs.replace(PLAN, window=3_600 * NANOSECONDS)


class Watched:
    """Budgets that remember when they let messages leave."""

    def __init__(self, budgets: Budgets) -> None:
        self._budgets = budgets
        self.left: list[MonoTime] = []

    @property
    def all(self) -> Sequence[RateBudget]:
        return self._budgets.all

    def sort_out(self, requests: Sequence[VenueRequest], now: MonoTime) -> Sorted:
        found = self._budgets.sort_out(requests, now)
        self.left += [now] * len(found.may)
        return found


@asynccontextmanager
async def engine(folder: Path, bank: TokenBank, plan: BudgetPlan = PLAN) -> AsyncIterator[tuple[BudgetKeeper, Watched]]:
    budgets = Budgets.publish(folder, {"paper": plan})
    watched = Watched(budgets)
    keeper = BudgetKeeper(watched, bank, SystemClock().mono)
    running = asyncio.create_task(keeper.run())
    try:
        yield keeper, watched
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


def at_once(sending: Coroutine[Any, Any, int]) -> int:
    """What it returns, and that it waits for nobody."""
    try:
        sending.send(None)
    except StopIteration as done:
        return int(done.value)
    sending.close()
    raise AssertionError("it waits")


async def test_a_burst_beyond_the_share_leaves_with_the_block_that_is_leased_for_it(tmp_path: Path) -> None:
    async with engine(tmp_path, MemoryBus(MemoryServer())) as (keeper, _):
        assert await send(keeper, *[ENTRY] * 20) == 20


async def test_with_the_bus_dead_cancels_and_exits_never_wait_and_a_share_of_entries_goes_on(tmp_path: Path) -> None:
    server = MemoryServer()
    server.away = True
    async with engine(tmp_path, MemoryBus(server), OF_AN_HOUR) as (keeper, _):
        assert await send(keeper, *[ENTRY] * 20) == PLAN.share
        await until(lambda: keeper.away)
        assert at_once(send(keeper, *[CANCEL] * 20, *[EXIT] * 3)) == 20
        assert at_once(send(keeper, *[ENTRY] * 20)) == 0
        server.away = False
        await until(lambda: not keeper.away)
        assert await send(keeper, *[ENTRY] * 10) > 0


async def test_a_bus_that_says_nothing_holds_entries_up_for_a_moment_only(tmp_path: Path) -> None:
    async with engine(tmp_path, Mute(), OF_AN_HOUR) as (keeper, _), asyncio.timeout(60):
        assert await send(keeper, *[ENTRY] * 20) == PLAN.share


@pytest.mark.integration
async def test_two_engines_together_never_send_more_than_the_venue_allows(tmp_path: Path, bus_server: Server) -> None:
    """Both want far more than the rate, until each has sent for some windows; neither gets nearly all of it."""
    banks = [RedisBus(bus_server.address(), "main") for _ in range(2)]
    async with engine(tmp_path, banks[0]) as (first, left), engine(tmp_path, banks[1]) as (second, right):
        async with asyncio.timeout(60):
            while min(len(left.left), len(right.left)) < 2 * PLAN.messages:
                for keeper in (first, second):
                    await send(keeper, *[ENTRY] * 4)
                await asyncio.sleep(0.002)
    for bank in banks:
        await bank.close()
    together = sorted([*left.left, *right.left])
    assert (
        max(sum(begin <= at < begin + PLAN.window - SLEWED for at in together) for begin in together) <= PLAN.messages
    )
    assert min(len(left.left), len(right.left)) > len(together) / 5


class Mute:
    async def lease_tokens(self, *_: object) -> int:
        await asyncio.Event().wait()
        return 0


async def until(reached: object, seconds: float = 60) -> None:
    assert callable(reached)
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.01)
