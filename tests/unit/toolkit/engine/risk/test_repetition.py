"""Controls 7 and 14 over time: what re-arms a strategy and what does not; many small orders; the books keep both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core_kit import ANNA, START, Core, limit, limits, without
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import SessionClosed, SessionOpened
from toolkit.domain.orders import EXECUTIONS, TradingState
from toolkit.domain.ports import Lease
from toolkit.engine.engine import Engine

WORN = limits(max_executions="2")


def worn_out() -> Core:
    core = Core(rows=WORN)
    for _ in range(2):
        core.buy(1, 10_001)
    assert len(core.orders_received()) == 2
    return core


def denied_again(core: Core) -> bool:
    before = len(core.orders_received())
    core.buy(1, 10_001)
    return len(core.orders_received()) == before


def test_the_strategy_is_off_and_says_who_turns_it_on() -> None:
    core = worn_out()
    assert core.ledger.trading_state("trend", "paper") == (TradingState.REDUCING, "strategy:trend by executions")
    assert "executions" in core.alarms()
    assert denied_again(core)
    assert core.denial().source == "config/limits.yaml:12"


def test_exits_and_cancels_pass_while_it_is_off() -> None:
    core = worn_out()
    core.sell(2)
    assert core.held() == 0


@pytest.mark.proves(7, "breach")
def test_a_new_day_does_not_arm_it() -> None:
    core = worn_out()
    core.feed(SessionClosed(calendar="XNYS", session="2026-01-05"))
    core.feed(SessionOpened(calendar="XNYS", session="2026-01-06"), seconds=60_000)
    core.quote(9_999, 10_001)
    assert denied_again(core)


@pytest.mark.proves(7, "breach")
def test_a_restart_does_not_arm_it() -> None:
    core = worn_out()
    core.engine = Engine(Ledger.from_bytes(core.ledger.to_bytes()), core.engine._settings, core.controls)
    core.take(core.engine.begin_epoch(core.now(), Lease(epoch=2, send_by=core.engine._router.lease.send_by), "here", 2))
    core.feed(SessionOpened(calendar="XNYS", session="2026-01-05"))
    core.quote(9_999, 10_001)
    assert denied_again(core)
    assert core.denial().control == 7


def test_neither_a_new_version_nor_larger_limits_arm_it() -> None:
    core = worn_out()
    core.command(
        cm.RegisterVersion(
            strategy="trend", version=2, digest="d1", path="p", instruments=("AAPL",), who=START, reason="test"
        )
    )
    core.limit(limits(max_executions="100"))
    assert denied_again(core)


def test_only_a_named_person_arms_it() -> None:
    core = worn_out()
    for who in (START, cm.Who(identity="engine", verified=True, source="engine")):
        core.command(cm.EnableStrategy(strategy="trend", who=who, reason="please"))
        assert "by a named person only" in core.of(ev.CommandTaken)[-1].refused
    core.command(cm.EnableStrategy(strategy="trend", who=ANNA, reason="looked at it"))
    assert not denied_again(core)
    assert core.ledger.executed == {"trend": 1}


def test_who_arms_before_it_is_off_starts_the_count_anew() -> None:
    core = Core(rows=WORN)
    core.buy(1, 10_001)
    core.enable()
    for _ in range(2):
        assert not denied_again(core)
    assert denied_again(core)


def test_an_order_that_fills_in_parts_is_one_execution() -> None:
    core = Core(rows=WORN, participation_percent=1)
    core.buy(30, 10_001)
    core.quote(9_999, 10_001)
    core.quote(9_999, 10_001)
    assert len(core.of(ev.OrderFilled)) == 3
    assert core.ledger.executed == {"trend": 1}
    assert core.ledger.entering == {"trend": 0}


def test_without_the_control_it_goes_on() -> None:
    core = Core(rows=WORN, controls=without(7))
    for _ in range(5):
        core.buy(1, 10_001)
    assert len(core.orders_received()) == 5
    assert EXECUTIONS not in core.ledger.states.get("strategy:trend", {})


@pytest.mark.proves(14, "breach")
def test_a_hundred_small_legal_orders_are_a_burst() -> None:
    core = Core(rows=limits(burst_value="5000", burst_window="10"))
    for _ in range(100):
        core.buy(1, 10_000)
    assert len(core.orders_received()) == 50
    assert core.denial().control == 14


def test_strategies_share_the_books_burst_and_have_their_own() -> None:
    rows = limits(limit("burst_quantity", "5", "strategy", "*"), burst_quantity="8")
    core = Core(rows=rows, strategies=("trend", "quoting"))
    core.buy(5, 10_000)
    core.buy(1, 10_000)
    assert core.denial().limit == "5"
    core.buy(4, 10_000, strategy="quoting")
    assert core.denial().limit == "8"
    core.buy(3, 10_000, strategy="quoting")
    assert sum(order.quantity for order in core.orders_received()) == 8


def test_a_change_counts_by_what_it_adds() -> None:
    core = Core(rows=limits(burst_quantity="10"))
    order = core.buy(4, 9_000)
    core.modify(order, quantity=10)
    core.modify(order, quantity=11)
    assert [request.quantity for request in core.replaces_received()] == [10]
    core.modify(order, price=9_001)
    assert len(core.replaces_received()) == 2


def test_exits_are_no_burst() -> None:
    core = Core(rows=limits(burst_quantity="10"))
    core.buy(10, 10_001)
    core.sell(10)
    assert core.held() == 0


def test_a_burst_survives_a_restart() -> None:
    core = Core(rows=limits(burst_quantity="10", burst_window="60"))
    core.buy(8, 9_000)
    again = Ledger.from_bytes(core.ledger.to_bytes())
    assert again.bursts == core.ledger.bursts
    assert again.bursts["book"][""].lots == {"AAPL": 8}


@pytest.mark.proves(14, "breach")
@pytest.mark.parametrize("window", [1, 5])
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6)), min_size=1, max_size=40))
def test_no_window_ever_holds_more_than_the_limit(window: int, orders: list[tuple[int, int]]) -> None:
    core = Core(rows=limits(burst_quantity="10", burst_window=str(window)))
    for wait, lots in orders:
        if wait:
            core.quote(9_999, 10_001, seconds=wait)
        core.buy(lots, 9_000)
    sent = [(event.time, event.quantity) for event in core.of(ev.OrderSubmitted)]
    for end, _ in sent:
        assert sum(lots for time, lots in sent if end - window * 10**9 < time <= end) <= 10
