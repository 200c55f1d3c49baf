"""Leases tokens of shared rates ahead of their need, beside the engine; an entry that found none waits for one look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from toolkit.domain.errors import TransportError
from toolkit.domain.ports import TokenBank
from toolkit.domain.rate_budget import BudgetPlan, RateBudget, Sorted
from toolkit.domain.requests import VenueRequest
from toolkit.domain.time import MonoTime

ENTRY_PATIENCE = 0.02
BUS_AWAY = 0.5


class Budgets(Protocol):
    """The budgets of this process; false when there are none."""

    @property
    def all(self) -> Sequence[RateBudget]: ...

    def __bool__(self) -> bool: ...

    def sort_out(self, requests: Sequence[VenueRequest], now: MonoTime) -> Sorted: ...

    def replan(self, plans: Mapping[str, BudgetPlan]) -> None: ...


class BudgetKeeper:
    """Keeps the blocks of a process filled while it runs. With the bus away each process has its own part alone."""

    def __init__(self, budgets: Budgets, bank: TokenBank, mono: Callable[[], MonoTime]) -> None:
        self._budgets = budgets
        self._bank = bank
        self._mono = mono
        self._need = asyncio.Event()
        self._filled = asyncio.Event()
        self.away = False

    def __bool__(self) -> bool:
        return bool(self._budgets)

    def sort_out(self, requests: Sequence[VenueRequest]) -> Sorted:
        """Decide what may leave now; never waits for anybody."""
        sorted_ = self._budgets.sort_out(requests, self._mono())
        if any(budget.wanted(self._mono()) for budget in self._budgets.all):
            self._need.set()
        return sorted_

    async def filled(self) -> None:
        """Wait for the next block, but not for a bus that is away, and never for long."""
        if self.away:
            return
        self._filled.clear()
        self._need.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(ENTRY_PATIENCE):
                await self._filled.wait()

    async def run(self) -> None:
        """Lease whenever a block runs low, until canceled."""
        while True:
            await self._need.wait()
            self._need.clear()
            try:
                for budget in self._budgets.all:
                    await self._lease(budget)
                self.away = False
            except TransportError:
                self.away = True
                await asyncio.sleep(BUS_AWAY)
                self._need.set()
            finally:
                self._filled.set()

    async def _lease(self, budget: RateBudget) -> None:
        asked = self._mono()
        wanted, overdrawn = budget.wanted(asked), budget.overdrawn()
        if not wanted and not overdrawn:
            return
        plan = budget.plan
        try:
            tokens = await self._bank.lease_tokens(plan.key, wanted, overdrawn, plan.pool, plan.counted_over)
        except TransportError:
            budget.owe(overdrawn)
            raise
        budget.granted(tokens, asked)
