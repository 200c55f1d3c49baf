"""Controls 20 and 21: what was lost, by what the venue received; one bad tick alone trips nothing, a jump does."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.core_kit import ANNA, Core, limit, limits, without
from tests.tools.venue_kit import stock
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import SessionClosed, SessionOpened
from toolkit.domain.orders import TradingState
from toolkit.domain.results import confirmed_pnl
from toolkit.domain.standing import WHOLE_BOOK
from toolkit.engine.engine import Engine
from toolkit.engine.risk.controls import LIMIT_NOT_SET

REDUCING = TradingState.REDUCING
CONTROLS = {20: ("max_daily_loss", "daily_loss"), 21: ("max_drawdown", "drawdown")}
both = pytest.mark.parametrize("control", [20, 21])


def proving(kind: str) -> pytest.MarkDecorator:
    """Each of the two proves itself."""
    return pytest.mark.parametrize(
        "control", [pytest.param(number, marks=pytest.mark.proves(number, kind)) for number in CONTROLS]
    )


def desk(control: int, amount: str = "1000", scope: str = "book", of: str = "", off: tuple[int, ...] = ()) -> Core:
    """100 AAPL and 100 MSFT were bought at 100.01, by two strategies; all limits but one are far away."""
    name, _ = CONTROLS[control]
    rows = limits(**{name: amount}) if scope == "book" else limits(limit(name, amount, scope, of))
    core = Core(
        rows=rows,
        instruments=(stock(), stock("MSFT")),
        strategies=("trend", "quoting"),
        controls=without(*off),
    )
    core.buy(100)
    core.buy(100, symbol="MSFT", strategy="quoting")
    assert (core.held(), core.held("quoting", "MSFT")) == (100, 100)
    mid(core, 10_000)
    mid(core, 10_000, "MSFT")
    return core


def mid(core: Core, price: int, symbol: str = "AAPL") -> None:
    core.quote(price - 1, price + 1, symbol=symbol)


def enters(core: Core, strategy: str = "trend") -> bool:
    """Whether an entry of now reaches the venue."""
    before = len(core.orders_received())
    core.buy(1, core.engine.view.quotes["AAPL"].bid * 7 // 10, strategy=strategy)
    return len(core.orders_received()) > before


@proving("legal")
def test_a_loss_below_the_limit_lets_trade(control: int) -> None:
    core = desk(control)
    mid(core, 9_500)
    mid(core, 9_500)
    assert enters(core)


@proving("edge")
def test_a_loss_of_the_limit_passes_and_a_cent_more_does_not(control: int) -> None:
    """Bought at 100.01: at 90.01 the loss is 1,000.00, and that of the other strategy 1.00."""
    core = desk(control, "1000", "strategy", "trend")
    mid(core, 9_001)
    mid(core, 9_001)
    assert enters(core)
    mid(core, 9_000)
    mid(core, 9_000)
    assert not enters(core)
    assert enters(core, "quoting")


@proving("breach")
def test_a_jump_through_the_limit_stops_entries_once_a_further_mark_confirms_it(control: int) -> None:
    core, unguarded = desk(control), desk(control, off=(control,))
    for each in (core, unguarded):
        mid(each, 8_000)
        assert enters(each), "one mark alone says nothing"
        mid(each, 8_000)
    assert not enters(core)
    assert enters(unguarded), "the proof fails when the control is off"
    _, cause = CONTROLS[control]
    assert core.ledger.states == {"book:": {cause: REDUCING}, "strategy:trend": {cause: REDUCING}}
    assert (core.denial().control, core.denial().source) == (24, f"book by {cause}")
    assert core.alarms() == [cause, cause]
    detail = core.of(ev.Alarmed)[-1].detail
    assert detail.startswith(f"{cause.replace('_', ' ')} of the book 2,0")
    assert "limit 1,000.00 USD (config/limits.yaml:12)" in detail


@both
def test_one_bad_tick_alone_trips_nothing_and_raises_no_high_water_mark(control: int) -> None:
    core = desk(control)
    for bad in (5_000, 15_000, 1, 19_000):
        mid(core, bad)
        mid(core, 10_000)
        mid(core, 10_000)
    assert enters(core)
    assert not core.ledger.states
    assert all(pnl <= 0 for pnl in core.ledger.standing.high_water.values())


@both
def test_a_mark_of_another_instrument_confirms_nothing(control: int) -> None:
    core = desk(control)
    mid(core, 5_000)
    mid(core, 10_000, "MSFT")
    mid(core, 10_000, "MSFT")
    assert enters(core)


@both
def test_the_first_mark_of_a_new_position_may_be_bad_as_well(control: int) -> None:
    core = Core(rows=limits(**{CONTROLS[control][0]: "100"}))
    core.buy(100)
    mid(core, 5_000)
    assert enters(core)
    mid(core, 10_000)
    assert not core.ledger.states


@both
def test_what_was_realised_counts_at_once_and_without_any_mark(control: int) -> None:
    core = desk(control)
    core.feed()
    core.quote(8_000, 8_002)
    core.sell(100)
    core.feed()
    assert core.held() == 0
    assert not enters(core)


@both
def test_exits_pass_and_entries_that_rest_are_taken_back(control: int) -> None:
    core = desk(control)
    core.buy(5, 5_000)
    assert len(core.at_venue()) == 1
    mid(core, 8_000)
    mid(core, 8_000)
    assert core.at_venue() == []
    core.sell(100)
    assert core.held() == 0


@proving("unset")
@pytest.mark.parametrize("off", [(), (4,)], ids=["", "with control 4 off"])
def test_an_unset_limit_denies(control: int, off: tuple[int, ...]) -> None:
    name, _ = CONTROLS[control]
    core = Core(rows=limits(**{name: None}), controls=without(*off))
    core.buy(1)
    assert core.orders_received() == []
    assert (core.denial().limit, core.denial().observed) == (LIMIT_NOT_SET, name)
    assert core.denial().control == (control if off else 4)


@both
def test_a_limit_of_strategies_alone_leaves_the_book_unset(control: int) -> None:
    name, _ = CONTROLS[control]
    core = Core(rows=limits(limit(name, "1000", "strategy", "trend"), **{name: None}))
    core.buy(1)
    assert core.denial().limit == LIMIT_NOT_SET


# ---- sessions, restarts, cash, people


def roll(core: Core, day: int) -> None:
    core.feed(SessionClosed(calendar="XNYS", session=f"2026-01-{day:02d}"))
    core.feed(SessionOpened(calendar="XNYS", session=f"2026-01-{day + 1:02d}"))


def test_a_day_begins_anew_and_a_drawdown_does_not() -> None:
    daily, whole = desk(20), desk(21)
    for core in (daily, whole):
        for price in (9_400, 9_400, 9_400):
            mid(core, price)
        roll(core, 5)
        for price in (8_900, 8_900, 8_900):
            mid(core, price)
    assert enters(daily)
    assert not enters(whole)


def test_a_drawdown_counts_from_the_highest_that_was_confirmed() -> None:
    core = desk(21)
    for price in (12_000, 12_000, 11_100, 11_100):
        mid(core, price)
    assert core.ledger.standing.high_water["trend"] == 100 * (12_000 - 10_001)
    assert enters(core)
    mid(core, 10_900)
    mid(core, 10_900)
    assert not enters(core)
    assert core.ledger.states["book:"] == {"drawdown": REDUCING}


@both
def test_a_restart_forgets_nothing(control: int) -> None:
    core = desk(control)
    for price in (12_000, 12_000, 12_000):
        mid(core, price)
    roll(core, 5)
    core.engine = Engine(Ledger.from_bytes(core.ledger.to_bytes()), core.engine._settings)
    core.engine.view.step = core.ledger.step
    core.feed(SessionOpened(calendar="XNYS", session="2026-01-07"))
    mid(core, 10_000, "MSFT")
    mid(core, 10_900)
    mid(core, 10_900)
    assert core.ledger.states["book:"] == {CONTROLS[control][1]: REDUCING}


@both
def test_a_stop_survives_a_restart_and_a_new_session(control: int) -> None:
    core = desk(control)
    mid(core, 8_000)
    mid(core, 8_000)
    roll(core, 5)
    restored = Ledger.from_bytes(core.ledger.to_bytes())
    assert restored.states == core.ledger.states
    assert restored.states["book:"] == {CONTROLS[control][1]: REDUCING}
    assert restored.standing == core.ledger.standing


@both
def test_cash_and_capital_that_people_move_are_neither_loss_nor_gain(control: int) -> None:
    core = desk(control)
    for kind, amount in (("deposit", 50_000), ("withdrawal", -90_000)):
        core.command(
            cm.MoveCash(kind=kind, sub_account="trend", asset="USD", amount=Decimal(amount), who=ANNA, reason="test")
        )
        mid(core, 10_000)
        mid(core, 10_000)
    core.command(cm.AllocateCapital(strategy="trend", amount=Decimal(10), who=ANNA, reason="test"))
    mid(core, 10_000)
    assert not core.ledger.states
    assert all(pnl <= 0 for pnl in core.ledger.standing.high_water.values())


@both
def test_only_a_named_person_lets_go_and_then_it_counts_from_there(control: int) -> None:
    core = desk(control, "1000", "strategy", "trend")
    mid(core, 8_500)
    mid(core, 8_500)
    assert core.ledger.states == {"strategy:trend": {CONTROLS[control][1]: REDUCING}}
    mid(core, 8_500)
    core.enable()
    assert not core.ledger.states
    assert enters(core)
    mid(core, 7_600)
    mid(core, 7_600)
    assert enters(core)
    mid(core, 7_400)
    mid(core, 7_400)
    assert not enters(core)


@both
def test_two_strategies_jointly_over_stop_the_book_which_a_person_lets_go_of_by_its_own_command(control: int) -> None:
    core = desk(control)
    for symbol in ("AAPL", "MSFT"):
        mid(core, 9_400, symbol)
        mid(core, 9_400, symbol)
    assert core.ledger.states == {"book:": {CONTROLS[control][1]: REDUCING}}
    core.command(cm.Reopen(scope="book", name="", who=ANNA, reason="looked into"))
    assert not core.ledger.states
    assert enters(core)


@both
def test_a_result_that_is_not_known_denies(control: int) -> None:
    core = desk(control, off=(1, 11, 19, 41 - control))
    core.quote(10_001, 9_999)
    del core.ledger.standing.marks["AAPL"], core.ledger.marks["AAPL"]
    core.engine._guard.portfolio.forget_results()
    core.feed()
    assert not enters(core)
    denial = core.denial()
    assert (denial.control, denial.observed) == (control, "the result of trend is not known: no mark of AAPL")


# ---- the arithmetic


PRICES = st.lists(st.tuples(st.sampled_from(("AAPL", "MSFT")), st.integers(9_000, 11_000), st.integers(-20, 20)))


@given(PRICES)
@settings(max_examples=60)
def test_results_are_those_of_the_fills_at_the_median_of_the_last_three_marks(
    moves: list[tuple[str, int, int]],
) -> None:
    core = Core(rows=limits(), instruments=(stock(), stock("MSFT")))
    cash, lots = 0, {"AAPL": 0, "MSFT": 0}
    seen: dict[str, list[int]] = {}
    counted = 0
    for symbol, price, wanted in moves:
        mid(core, price, symbol)
        if wanted:
            (core.buy if wanted > 0 else core.sell)(abs(wanted), symbol=symbol)
        for event in core.events[counted:]:
            if isinstance(event, ev.OrderFilled):
                if not lots[event.instrument]:
                    seen[event.instrument] = [2 * event.price] * 3
                lots[event.instrument] += event.side * event.quantity
                cash -= event.side * event.quantity * event.price
            elif isinstance(event, ev.Marked):
                known = seen.get(event.instrument, [event.twice] * 3)
                seen[event.instrument] = [*known[-2:], event.twice]
        counted = len(core.events)
        worth = sum(sorted(seen[name][-3:])[1] * held for name, held in lots.items() if held)
        expected = 2 * cash + worth
        assert confirmed_pnl(core.ledger, "trend") in (expected // 2, -(-expected // 2))
        assert confirmed_pnl(core.ledger, WHOLE_BOOK) == confirmed_pnl(core.ledger, "trend")
