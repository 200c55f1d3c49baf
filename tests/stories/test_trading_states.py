"""ACTIVE, REDUCING, HALTED; disable, enable, flatten: what each lets through, and that only a person lets go."""

from tests.tools.core_kit import ANNA, NEVER, Core, limits, number
from tests.tools.venue_kit import stock
from toolkit.domain import events as ev
from toolkit.domain.commands import CancelAll, EnableStrategy, MoveCash, RunnerAnswer, RunnerHello, SetLimits
from toolkit.domain.fold import apply
from toolkit.domain.market import SessionClosed, SessionOpened
from toolkit.domain.orders import Status, TradingState
from toolkit.domain.ports import Lease


def set_state(core: Core, scope: str, name: str, state: TradingState) -> None:
    event = ev.TradingStateChanged(scope=scope, name=name, state=state, cause="test", who=ANNA, reason="")
    for ledger in (core.ledger, core.shadow):
        apply(ledger, event)


def test_reducing_lets_exits_and_cancels_through_and_no_entry() -> None:
    core = Core()
    core.buy(10)
    resting = core.buy(1, 9_000)
    set_state(core, "strategy", "trend", TradingState.REDUCING)
    core.buy(1)
    assert (core.denial().observed, core.denial().would_pass) == ("REDUCING", "an exit would")
    core.cancel(resting)
    core.sell(10)
    assert (core.held(), core.at_venue()) == (0, [])


def test_of_book_venue_and_strategy_the_strictest_state_is_in_force_and_named() -> None:
    core = Core()
    set_state(core, "strategy", "trend", TradingState.REDUCING)
    set_state(core, "venue", "paper", TradingState.HALTED)
    core.buy(1)
    assert (core.denial().observed, core.denial().source) == ("HALTED", "venue:paper by test")


def test_each_cause_must_be_lifted_on_its_own() -> None:
    core = Core()
    core.disable()
    set_state(core, "book", "", TradingState.HALTED)
    core.enable()
    core.buy(1)
    assert core.denial().source == "book by test"


def test_disable_cancels_what_rests_and_holds_the_position() -> None:
    core = Core()
    core.buy(10)
    core.buy(5, 9_000)
    core.disable()
    assert (core.held(), core.at_venue()) == (10, [])


def test_a_disabled_strategy_starts_again_by_a_person_alone() -> None:
    core = Core()
    core.disable()
    core.command(RunnerHello(strategy="trend", version="v1", digest="d1"), producer="trend")
    core.take(core.engine.begin_epoch(core.now(), Lease(epoch=2, send_by=NEVER), "there", 2))
    core.buy(1)
    assert core.orders_received() == []
    core.enable()
    core.buy(1)
    assert len(core.orders_received()) == 1


def test_down_halts_the_book_and_the_next_start_lets_go_of_it() -> None:
    core = Core()
    core.buy(5, 9_000)
    core.command(CancelAll(who=ANNA, reason="down"))
    core.buy(5, 9_001)
    assert core.at_venue() == []
    core.take(core.engine.begin_epoch(core.now(), Lease(epoch=2, send_by=NEVER), "there", 2))
    core.buy(5, 9_002)
    assert len(core.at_venue()) == 1


def test_a_flatten_closes_the_position_of_a_halted_strategy() -> None:
    core = Core()
    core.buy(10)
    core.disable(flatten=True)
    assert core.held() == 0
    core.feed()
    assert core.of(ev.FlattenEnded)


def test_a_flatten_waits_for_what_rests_to_be_confirmed_gone() -> None:
    core = Core()
    core.buy(10)
    core.buy(5, 9_000)
    core.mute = True
    core.disable(flatten=True)
    assert len(core.orders_received()) == 2
    core.hear_withheld()
    assert core.held() == 0


def test_a_flatten_over_doubt_waits_until_the_doubt_is_resolved() -> None:
    core = Core()
    core.buy(10)
    core.mute = True
    unknown = core.buy(5)
    core.wait(5)
    core.disable(flatten=True)
    core.feed()
    assert core.order(unknown).shown_status == "UNKNOWN"
    assert len(core.orders_received()) == 2, "nothing is sold over an order that may have filled"
    core.hear_withheld()
    assert core.held() == 0
    assert core.orders_received()[-1].quantity == 15


def test_a_flatten_in_a_closed_market_waits_for_the_next_session() -> None:
    core = Core()
    core.buy(10)
    core.feed(SessionClosed(calendar="XNYS", session="2026-01-05"))
    core.disable(flatten=True)
    assert core.of(ev.OrderDenied) == []
    core.feed(SessionOpened(calendar="XNYS", session="2026-01-06"))
    core.quote(9_999, 10_001)
    assert core.held() == 0


def test_a_flatten_of_more_than_one_order_may_hold_goes_in_pieces() -> None:
    core = Core(instruments=(stock(maximum=4),))
    for _ in range(3):
        core.buy(4)
    core.disable(flatten=True)
    for _ in range(3):
        core.feed()
    assert [order.quantity for order in core.orders_received()[3:]] == [4, 4, 4]
    assert core.held() == 0


def test_a_flatten_tries_again_each_step_until_it_is_flat() -> None:
    core = Core()
    core.buy(10)
    core.quote(9_999, 10_001, size=4)
    core.disable(flatten=True)
    assert core.held() == 6
    core.quote(9_999, 10_001, size=4)
    core.quote(9_999, 10_001, size=4)
    assert core.held() == 0


def test_a_fill_that_races_the_stop_is_booked() -> None:
    core = Core()
    core.buy(10, 9_990)
    core.mute = True
    core.quote(9_985, 9_990)  # it fills at the venue
    core.disable()  # and we stop without having heard so
    core.hear_withheld()
    assert core.held() == 10
    assert core.order("i1").status is Status.FILLED


def test_a_strategy_gives_no_commands_not_even_to_let_itself_go() -> None:
    core = Core()
    core.disable()
    for body in (
        EnableStrategy(strategy="trend", who=ANNA, reason="please"),
        SetLimits(rows=(), checksum="x", who=ANNA, reason="please"),
        MoveCash(kind="deposit", sub_account="trend", asset="USD", amount=1, who=ANNA, reason="please"),
    ):
        core.command(body, producer="trend")
        assert "it gives no command" in core.of(ev.CommandTaken)[-1].refused
    core.buy(1)
    assert core.orders_received() == []


def test_a_strategy_answers_for_itself_alone() -> None:
    core = Core(strategies=("trend", "quoting"))
    core.command(RunnerAnswer(strategy="quoting", step=2, inbox=0, logs=("hello",)), producer="trend")
    assert core.alarms() == ["impostor"]
    assert core.of(ev.Answered) == []


def test_an_unregistered_strategy_trades_nothing() -> None:
    core = Core()
    core.buy(1, strategy="stranger")
    assert core.orders_received() == []


def test_an_edited_file_does_not_start() -> None:
    core = Core()
    core.command(RunnerHello(strategy="trend", version="v1", digest="edited"), producer="trend")
    assert core.of(ev.RunnerEnded)[-1].cause == "hash"


def test_a_target_is_reached_through_zero_by_an_exit_and_an_entry() -> None:
    core = Core()
    core.target(10)
    core.target(-5)
    assert core.held() == -5
    assert [(order.order_class.value, order.quantity) for order in core.orders_received()] == [
        ("entry", 10),
        ("exit", 10),
        ("entry", 5),
    ]


def test_a_target_as_far_on_the_other_side_of_zero_is_no_order_given_twice() -> None:
    core = Core(rows=limits(duplicate_window="5"))
    core.target(10)
    core.target(-10)
    assert (core.held(), core.of(ev.OrderDenied)) == (-10, [])


def test_a_target_that_is_on_its_way_asks_for_nothing_more() -> None:
    core = Core()
    core.mute = True
    core.target(10)
    core.target(10)
    core.target(10)
    assert [order.quantity for order in core.orders_received()] == [10]


def test_a_new_target_counts_the_exits_it_takes_the_place_of() -> None:
    core = Core()
    core.buy(10)
    core.sell(6, 10_050)
    core.target(0)
    assert (core.held(), core.at_venue()) == (0, [])
    assert core.orders_received()[-1].quantity == 10


def test_a_target_through_zero_waits_with_both_orders_for_the_exit_it_replaces() -> None:
    core = Core()
    core.buy(10)
    core.sell(10, 10_050)
    core.mute = True
    core.target(-5)
    assert len(core.orders_received()) == 2
    core.hear_withheld()
    assert (core.held(), core.at_venue()) == (-5, [])


def test_a_target_of_what_is_held_takes_back_the_exits_that_work() -> None:
    core = Core()
    core.buy(10)
    core.sell(10, 10_050)
    core.target(10)
    assert (core.held(), core.at_venue()) == (10, [])


def test_in_reducing_a_target_through_zero_stops_at_zero() -> None:
    core = Core()
    core.buy(10)
    set_state(core, "book", "", TradingState.REDUCING)
    core.target(-5)
    assert core.held() == 0
    assert core.denial().control == 24
    assert number(3) not in core.at_venue()
