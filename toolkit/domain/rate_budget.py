"""One process's part of a rate that a venue allows one key, however many send with it; it opens no connection.

    messages = processes × (reserve + share) + pool

`reserve` is for this process's cancels and exits, `share` for all that it sends: both are its own, whatever becomes of
the bus. The pool is handed out by the bus server in blocks of tokens, leased ahead (`TokenBank`): a block is spent here
without asking anybody, and the next is asked for before it runs out. A token must be spent within `TOKEN_PARTS` of the
window. The server counts what it gave out over a window and that time together, so whatever is spent of the pool within
any window was given within that span, and never is more than the pool.

Who may go when not all may: cancels, then exits and protection, then questions, then entries. A cancel always goes (the
way out is open): beyond everything else it is counted as overdrawn, which the server takes off the pool at the next
lease. An exit that finds no room is held back and goes later, an entry is refused: provably unsent, it may be asked for
again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import msgspec

from toolkit.domain.errors import ConfigError
from toolkit.domain.orders import ENTRY
from toolkit.domain.requests import CancelOrder, QueryOrder, ReplaceOrder, VenueRequest
from toolkit.domain.time import MonoTime

TOKEN_PARTS = 10
"""A token lives for so small a part of the window; the smaller, the less of the rate is lost to caution."""


class Urgency(IntEnum):
    """Who goes first."""

    CANCEL = 0
    EXIT = 1
    QUESTION = 2
    ENTRY = 3


class BudgetPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue allows one key: `messages` within `window` nanoseconds, and how they are divided."""

    key: str
    messages: int
    window: int
    processes: int
    reserve: int
    share: int
    block: int
    source: str = "config/venues.yaml"

    def __post_init__(self) -> None:
        if self.pool < 0:
            own = f"{self.processes} processes × ({self.reserve} reserve + {self.share} share)"
            raise ConfigError(f"{self.source}: {own} is more than {self.messages} messages; lower one of them")

    @property
    def pool(self) -> int:
        """Messages of a window that no process owns."""
        return self.messages - self.processes * (self.reserve + self.share)

    @property
    def token_life(self) -> int:
        return self.window // TOKEN_PARTS

    @property
    def counted_over(self) -> int:
        """Over how long the server counts what it gave out."""
        return self.window + self.token_life


class Sorted(NamedTuple):
    """What may leave now, what is held back until there is room, and what is refused; each in its order."""

    may: Sequence[VenueRequest]
    held: Sequence[VenueRequest]
    refused: Sequence[VenueRequest]


class RateBudget:
    """The budget of one key in one process. Without a place of its own (`owns` False) it has the pool alone."""

    def __init__(self, plan: BudgetPlan, *, owns: bool = True, used_at: MonoTime | None = None) -> None:
        """`used_at` is when the last holder of this place may have sent last: its part counts as used then."""
        self.plan = plan
        self._owns = owns
        self._reserve = _Window(plan.reserve if owns else 0, plan.window, used_at)
        self._share = _Window(plan.share if owns else 0, plan.window, used_at)
        self._blocks: deque[list[int]] = deque()
        self._overdrawn = 0
        self._short = False
        self._missed = 0

    def by_plan(self, plan: BudgetPlan) -> RateBudget | None:
        """The same place by another plan: what it sent counts on. None where the plan counts it differently."""
        if (plan.key, plan.window, plan.processes) != (self.plan.key, self.plan.window, self.plan.processes):
            return None
        other = RateBudget(plan, owns=self._owns)
        other._reserve.take_over(self._reserve)
        other._share.take_over(self._share)
        other.owe(self._overdrawn)
        return other

    def sort_out(self, requests: Sequence[VenueRequest], now: MonoTime) -> Sorted:
        """Decide about requests that would leave now, and count those that may."""
        urgencies = [urgency_of(request) for request in requests]
        may = [False] * len(requests)
        for index in sorted(range(len(requests)), key=urgencies.__getitem__):
            may[index] = self._takes(urgencies[index], now)
        if all(may):
            return Sorted(requests, (), ())
        stays = [
            (request, urgency) for request, urgency, left in zip(requests, urgencies, may, strict=True) if not left
        ]
        return Sorted(
            [request for request, left in zip(requests, may, strict=True) if left],
            [request for request, urgency in stays if urgency is Urgency.EXIT],
            [request for request, urgency in stays if urgency is not Urgency.EXIT],
        )

    def has_room(self, now: MonoTime) -> bool:
        """Whether an exit could leave now."""
        return bool(self._tokens(now)) or self._share.has_room(now) or self._reserve.has_room(now)

    # ---- leasing ahead

    def wanted(self, now: MonoTime) -> int:
        """Tokens to ask the bus for now; 0 while enough are left, or while nothing was sent that needed one."""
        if not self._short:
            return 0
        return max(0, self.plan.block + self._missed - self._tokens(now))

    def granted(self, tokens: int, asked: MonoTime) -> None:
        """Tokens of the pool, good from when they were asked for and not for longer than the server counts on."""
        self._short, self._missed = False, 0
        if tokens:
            self._blocks.append([int(asked) + self.plan.token_life, tokens])

    def overdrawn(self) -> int:
        """What went beyond everything since this was last asked; whoever asks tells the server."""
        count, self._overdrawn = self._overdrawn, 0
        return count

    def owe(self, count: int) -> None:
        """What could not be told to the server after all."""
        self._overdrawn += count

    # ---- spending

    def _takes(self, urgency: Urgency, now: MonoTime) -> bool:
        if self._spends(now) or self._share.takes(now):
            return True
        self._short = True
        if urgency <= Urgency.EXIT and self._reserve.takes(now):
            return True
        if urgency is Urgency.CANCEL:
            self._overdrawn += 1
            return True
        self._missed += 1
        return False

    def _spends(self, now: MonoTime) -> bool:
        left = self._tokens(now)
        if 2 * (left - 1) <= self.plan.block:
            self._short = True
        if not left:
            return False
        block = self._blocks[0]
        block[1] -= 1
        if not block[1]:
            self._blocks.popleft()
        return True

    def _tokens(self, now: MonoTime) -> int:
        while self._blocks and self._blocks[0][0] <= int(now):
            self._blocks.popleft()
        return sum(count for _, count in self._blocks)


class _Window:
    """At most so many within any window: what a process may send without asking anybody."""

    __slots__ = ("_limit", "_times", "_window")

    def __init__(self, limit: int, window: int, used_at: MonoTime | None) -> None:
        self._limit = limit
        self._window = window
        self._times: deque[MonoTime] = deque([] if used_at is None else [used_at] * limit)

    def has_room(self, now: MonoTime) -> bool:
        times = self._times
        while times and now - times[0] >= self._window:
            times.popleft()
        return len(times) < self._limit

    def takes(self, now: MonoTime) -> bool:
        if not self.has_room(now):
            return False
        self._times.append(now)
        return True

    def take_over(self, other: _Window) -> None:
        self._times = other._times.copy()


def urgency_of(request: VenueRequest) -> Urgency:
    if isinstance(request, CancelOrder) or (isinstance(request, ReplaceOrder) and request.reduces):
        return Urgency.CANCEL
    if isinstance(request, QueryOrder):
        return Urgency.QUESTION
    return Urgency.ENTRY if request.order_class is ENTRY else Urgency.EXIT
