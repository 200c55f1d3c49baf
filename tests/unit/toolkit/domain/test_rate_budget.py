"""A rate shared by several processes: on virtual clocks, over random bursts, no window sees more than the limit."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.core_kit import number
from tests.tools.venue_kit import cancel, submit
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.errors import ConfigError
from toolkit.domain.orders import OrderClass, Side
from toolkit.domain.rate_budget import BudgetPlan, RateBudget, Sorted, Urgency, urgency_of
from toolkit.domain.requests import QueryOrder, VenueRequest
from toolkit.domain.time import MonoTime

MILLISECOND = 1_000_000
WINDOW = 1_000 * MILLISECOND
PLAN = BudgetPlan(key="main", messages=40, window=WINDOW, processes=3, reserve=4, share=2, block=5)

CANCEL = cancel(number(1))
EXIT = submit(number(2), Side.SELL, 1, order_class=OrderClass.EXIT)
PROTECTION = submit(number(3), Side.SELL, 1, order_class=OrderClass.PROTECTIVE)
ENTRY = submit(number(4), Side.BUY, 1)
QUESTION = QueryOrder(venue="paper", order_id=number(1))
KINDS: dict[str, VenueRequest] = {"c": CANCEL, "x": EXIT, "p": PROTECTION, "e": ENTRY, "q": QUESTION}


class Left(NamedTuple):
    """A message that left, and whether it went beyond everything (cancels alone do)."""

    at: int
    overdrawn: bool


class Process:
    """One sender; its leases travel for as long as the test says, or get lost."""

    def __init__(self, plan: BudgetPlan, server: MemoryServer, *, owns: bool = True) -> None:
        self.plan, self.server = plan, server
        self.budget = RateBudget(plan, owns=owns)
        self.coming: list[tuple[int, int, int]] = []
        self.left: list[Left] = []

    def send(self, kinds: str, now: int) -> Sorted:
        before = self.budget._overdrawn
        sorted_ = self.budget.sort_out([KINDS[kind] for kind in kinds], MonoTime(now))
        beyond = self.budget._overdrawn - before
        cancels = [request for request in sorted_.may if request is CANCEL]
        assert len(cancels) == kinds.count("c"), "the way out is open"
        assert beyond <= len(cancels)
        self.left += [Left(now, index < beyond) for index in range(len(sorted_.may))]
        return sorted_

    def lease(self, now: int, travels: int, *, lost: bool = False) -> None:
        self.server.clock = lambda: now + travels // 2
        wanted, overdrawn = self.budget.wanted(MonoTime(now)), self.budget.overdrawn()
        tokens = self.server.lease_tokens(self.plan.key, wanted, overdrawn, self.plan.pool, self.plan.counted_over)
        if not lost:
            self.coming.append((now + travels, tokens, now))

    def hear(self, now: int) -> None:
        for arrives, tokens, asked in [reply for reply in self.coming if reply[0] <= now]:
            self.coming.remove((arrives, tokens, asked))
            self.budget.granted(tokens, MonoTime(asked))


MOVES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 400),
        st.one_of(
            st.text("xpeq", max_size=30), st.text("cxpeq", max_size=12), st.sampled_from(["lease", "lease", "lost"])
        ),
        st.integers(0, 300),
    ),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(MOVES)
def test_in_no_window_more_than_the_limit_leaves_whatever_several_processes_want(moves: list[Any]) -> None:
    server = MemoryServer()
    processes = [Process(PLAN, server) for _ in range(PLAN.processes)]
    now = 0
    for who, milliseconds, what, travels in moves:
        now += milliseconds * MILLISECOND
        for process in processes:
            process.hear(now)
        if what in ("lease", "lost"):
            processes[who].lease(now, travels * MILLISECOND, lost=what == "lost")
        else:
            processes[who].send(what, now)
    left = sorted(each for process in processes for each in process.left)
    for index, first in enumerate(left):
        window = [each for each in left[index:] if each.at - first.at < WINDOW]
        assert sum(not each.overdrawn for each in window) <= PLAN.messages


@settings(max_examples=200, deadline=None)
@given(st.text("cxpeq", max_size=60))
def test_of_what_leaves_at_once_cancels_go_first_then_exits_then_questions_then_entries(kinds: str) -> None:
    process = Process(PLAN, MemoryServer())
    process.send("e", 0)
    process.lease(0, 0)
    process.hear(0)
    sorted_ = process.send(kinds, 0)
    stays = [urgency_of(request) for request in (*sorted_.held, *sorted_.refused)]
    leaves = [urgency_of(request) for request in sorted_.may]
    without_reserve = [urgency for urgency in leaves if urgency > Urgency.EXIT]
    assert all(urgency is Urgency.EXIT for urgency in map(urgency_of, sorted_.held))
    if Urgency.EXIT in stays:
        assert not without_reserve, "nothing leaves before an exit that waits"
    if Urgency.QUESTION in stays:
        assert Urgency.ENTRY not in leaves
    assert len(sorted_.may) + len(stays) == len(kinds)
    asked = iter([KINDS[kind] for kind in kinds])
    assert all(any(request is each for each in asked) for request in sorted_.may), "in the order they were decided in"


def test_with_the_bus_gone_a_share_stays_and_exits_and_cancels_have_their_reserve() -> None:
    process = Process(PLAN, MemoryServer())
    assert len(process.send("e" * 10, 0).may) == PLAN.share
    assert len(process.send("x" * 10, 0).may) == PLAN.reserve
    assert len(process.send("c" * 10, 0).may) == 10
    assert process.send("e", WINDOW - 1).refused == [ENTRY]
    assert process.send("e", WINDOW).may == [ENTRY]


def test_a_block_is_asked_for_before_the_last_one_runs_out() -> None:
    process = Process(PLAN, MemoryServer())
    assert process.budget.wanted(MonoTime(0)) == 0, "whoever sends nothing takes nothing"
    process.send("e", 0)
    process.lease(0, 0)
    process.hear(0)
    process.send("e" * 2, 1)
    assert process.budget.wanted(MonoTime(1)) == 0
    process.send("e", 1)
    assert process.budget.wanted(MonoTime(1)) == 3, "two are left of five"


def test_a_token_that_was_not_spent_in_time_is_worth_nothing() -> None:
    process = Process(PLAN, MemoryServer())
    process.send("ee", 0)
    process.lease(0, 0)
    process.hear(0)
    assert len(process.send("e" * 3, PLAN.token_life - 1).may) == 3
    assert process.send("e", PLAN.token_life).refused == [ENTRY]


def test_of_the_rate_that_two_want_all_the_time_caution_costs_less_than_a_third() -> None:
    plan = BudgetPlan(key="main", messages=60, window=WINDOW // 2, processes=2, reserve=5, share=5, block=10)
    server = MemoryServer()
    both = [Process(plan, server) for _ in range(plan.processes)]
    for now in range(0, 2 * WINDOW, 2 * MILLISECOND):
        for process in both:
            process.hear(now)
            process.send("eeee", now)
            process.lease(now, MILLISECOND)
    counts = [len(process.left) for process in both]
    assert sum(counts) >= 0.7 * plan.messages * 2 * WINDOW / plan.window
    assert min(counts) > sum(counts) / 3


def test_what_cancels_took_beyond_everything_comes_off_the_pool() -> None:
    server = MemoryServer()
    canceling, other = Process(PLAN, server), Process(PLAN, server)
    canceling.send("c" * 26, 0)
    canceling.lease(0, 0)
    other.send("e" * 10, 0)
    other.lease(0, 0)
    other.hear(0)
    assert [tokens for _, tokens, _ in canceling.coming] == [PLAN.pool - 20]
    assert other.send("e" * 10, 0).may == [], "nothing is left for anybody else"


def test_a_process_without_a_place_of_its_own_has_the_pool_alone() -> None:
    process = Process(PLAN, MemoryServer(), owns=False)
    assert process.send("ex", 0).held == [EXIT]
    assert process.send("c", 0).may == [CANCEL]
    process.lease(0, 0)
    process.hear(0)
    assert process.send("x", 0).may == [EXIT]


def test_whoever_takes_a_place_over_starts_as_if_its_part_had_just_been_used() -> None:
    budget = RateBudget(PLAN, used_at=MonoTime(0))
    assert budget.sort_out([EXIT], MonoTime(WINDOW - 1)).held == [EXIT]
    assert budget.sort_out([EXIT], MonoTime(WINDOW)).may == [EXIT]


def test_parts_beyond_the_whole_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"3 processes × \(4 reserve \+ 2 share\) is more than 17 messages"):
        BudgetPlan(key="main", messages=17, window=WINDOW, processes=3, reserve=4, share=2, block=5)
