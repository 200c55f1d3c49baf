"""Cancels and true exits are never blocked by limits, throttles, stale prices or a stop; waiting is not refusal."""

from decimal import Decimal

import pytest

from tests.tools.core_kit import ANNA, Core, limit, limits, number
from tests.tools.venue_kit import stock
from toolkit.domain import events as ev
from toolkit.domain.commands import LimitRow, SetThrottle
from toolkit.domain.instruments import Shortable
from toolkit.domain.orders import OrderClass, Status
from toolkit.domain.ports import Lease
from toolkit.domain.requests import CancelOrder, SubmitOrder
from toolkit.engine.messages import HeldBack
from toolkit.simulation.surprises import RefuseCancels


def holding(quantity: int, rows: tuple[LimitRow, ...] | None = None, **venue: object) -> Core:
    core = Core(rows=rows, **venue)
    core.buy(quantity)
    assert core.held() == quantity
    return core


def classes(core: Core) -> list[str]:
    return [order.order_class.value for order in core.orders_received()]


TIGHT = {
    "2": limits(max_order_value="1"),
    "3": limits(max_order_quantity="1"),
    "4": limits(max_working_orders=None),
    "5": limits(message_rate="0"),
    "8": limits(max_working_orders="0"),
    "10": limits(max_position="0"),
    "13": limits(duplicate_window="1000"),
    "16": limits(permitted="MSFT"),
    "19": limits(max_quote_age="0"),
    "all": (),
}


@pytest.mark.parametrize("control", TIGHT)
def test_an_exit_passes_what_denies_an_entry(control: str) -> None:
    core = holding(10)
    core.limit(TIGHT[control])
    core.feed(seconds=5)
    core.buy(2, 10_000)
    core.buy(2, 10_000)
    core.sell(10)
    core.wait(1)
    assert core.of(ev.OrderDenied)
    assert classes(core)[-1] == "exit"
    assert core.held() <= 2


@pytest.mark.parametrize("control", TIGHT)
def test_a_cancel_passes_everything(control: str) -> None:
    core = Core()
    bought = core.buy(10, 9_000)
    core.limit(TIGHT[control])
    core.feed(seconds=5)
    core.cancel(bought)
    assert core.at_venue() == []


def test_an_exit_still_needs_an_open_session_whole_ticks_and_a_running_strategy() -> None:
    core = holding(10)
    core.sell(10, 0)
    assert core.denial().control == 18
    core.disable()
    core.sell(10)
    assert (core.denial().control, core.denial().observed) == (24, "HALTED")


def test_an_order_is_an_exit_only_if_it_shrinks_the_position_in_every_outcome() -> None:
    core = holding(10)
    flipping = core.sell(11, 10_050)
    other = core.sell(10, 10_051)
    assert classes(core)[1:] == ["entry", "entry"], "after the first one no sale is certain to shrink"
    core.cancel(flipping)
    core.cancel(other)
    core.sell(10, 10_052)
    assert classes(core)[-1] == "exit"


def test_an_unfilled_buy_is_not_certain_to_be_there_to_sell() -> None:
    core = holding(10)
    core.buy(5, 9_000)
    core.sell(15, 10_050)
    core.sell(10, 10_051)
    assert classes(core) == ["entry", "entry", "entry", "entry"]


def test_an_order_in_doubt_counts_in_the_classification() -> None:
    core = holding(10)
    core.mute = True
    core.sell(15, 10_050)
    core.wait(5)
    core.mute = False
    core.sell(1, 10_060)
    assert classes(core)[-1] == "entry"


def test_a_second_exit_waits_cancels_the_first_and_goes_out_for_the_confirmed_rest() -> None:
    core = holding(10)
    first = core.sell(10, 10_020)
    core.mute = True
    second = core.sell(10, 10_010)
    assert core.told(second) == []
    assert core.at_venue() == [], "the venue has canceled it, we have not heard so"
    core.hear_withheld()
    assert core.told(first)[-1] == "CANCELED"
    assert core.order(second).order_class is OrderClass.EXIT
    assert core.at_venue() == [number(3)]


def test_a_waiting_exit_goes_out_for_what_is_left_when_the_first_filled_meanwhile() -> None:
    core = holding(10)
    core.sell(10, 10_020)
    core.venue.process(RefuseCancels(count=1))
    second = core.sell(10, 10_010)
    core.quote(10_020, 10_022, size=6)  # six are sold before the cancel succeeds
    for _ in range(2):
        core.wait(1)
    assert core.order(second).quantity == 4


def test_an_exit_that_waits_in_vain_is_told_so() -> None:
    core = holding(10)
    core.sell(10, 10_020)
    core.venue.process(RefuseCancels(count=1))
    second = core.sell(10, 10_010)
    core.quote(10_020, 10_022)
    core.wait(1)
    assert core.held() == 0
    assert core.told(second) == ["DENIED"]
    assert "nothing certain is left to close" in core.of(ev.IntentRefused)[-1].reason


def test_a_newer_exit_takes_the_place_of_a_waiting_one_which_is_told_so() -> None:
    core = holding(10)
    core.sell(10, 10_020)
    core.mute = True
    second, third = core.sell(10, 10_010), core.sell(9, 10_005)
    core.hear_withheld()
    assert core.told(second) == ["DENIED"]
    assert core.order(third).quantity == 9


def test_a_waiting_exit_can_be_canceled() -> None:
    core = holding(10)
    core.sell(10, 10_020)
    core.mute = True
    second = core.sell(10, 10_010)
    core.cancel(second)
    core.hear_withheld()
    assert core.told(second) == ["DENIED"]
    assert core.at_venue() == []


def test_exits_of_one_position_count_once_in_the_worst_case() -> None:
    core = holding(10, limits(max_position="10"))
    core.sell(10, 10_020)
    core.sell(10, 10_010)
    assert core.ledger.interval("trend", "AAPL").low == 0


def test_exits_over_the_rate_wait_their_turn_and_cancels_go_at_once() -> None:
    core = Core(rows=limits(limit("message_rate", "2", "venue", "paper")))
    resting = core.buy(10, 9_000)
    core.buy(10)
    core.sell(10)
    core.cancel(resting)
    assert isinstance(core.received[-1], CancelOrder)
    assert core.held() == 10
    core.wait(1)
    assert isinstance(core.received[-1], SubmitOrder)
    assert core.held() == 0


def test_a_waiting_exit_leaves_under_the_lease_of_its_own_moment() -> None:
    core = Core(rows=limits(limit("message_rate", "1", "venue", "paper")))
    core.buy(10)
    core.sell(10)
    core.engine.lease_renewed(Lease(epoch=1, send_by=core.now().mono + 7))
    core.wait(1)
    assert core.orders_received()[-1].send_by < 2**62


def test_an_exit_that_waits_for_the_rate_is_not_in_doubt() -> None:
    symbols = [f"S{count}" for count in range(8)]
    core = Core(rows=limits(), instruments=[stock(symbol) for symbol in symbols])
    for symbol in symbols:
        core.buy(10, symbol=symbol)
    core.throttle_venue("1")
    core.wait(1)
    sold = [core.sell(10, symbol=symbol) for symbol in symbols]
    for _ in range(6):
        core.wait(1)
    assert core.order(sold[-1]).shown_status == "PENDING_NEW"
    core.wait(1)
    assert [core.held(symbol=symbol) for symbol in symbols] == [0] * 8


@pytest.mark.parametrize("rate", ["0", "0.001", "5"])
def test_tries_of_others_that_are_refused_take_nothing_from_a_flatten(rate: str) -> None:
    core = Core(strategies=("trend", "rogue"), rows=limits())
    core.buy(10)
    core.throttle_venue(rate)
    core.wait(1)
    core.disable(flatten=True)
    for _ in range(4):
        for _ in range(10):
            core.buy(1, 9_000, strategy="rogue")
        core.wait(0.5)
        core.quote(9_999, 10_001, seconds=0.001)
    assert core.held() == 0


def test_an_entry_does_not_turn_into_an_exit_beside_another_one() -> None:
    """Each of them would only shrink the position; both together would turn it round."""
    core = Core(rows=limits(max_position="100"))
    resting = core.sell(1, 10_100)
    core.buy(99)
    core.sell(98, 10_050)
    core.command(SetThrottle(scope="strategy", name="trend", rate=Decimal(0), who=ANNA, reason="no entries"))
    core.modify(resting, 99, 10_040)
    assert "limit 0 for entries" in core.of(ev.IntentRefused)[-1].reason
    core.quote(10_200, 10_202)
    assert core.held() == 0


def test_a_change_that_shrinks_the_position_takes_its_turn_in_the_rate() -> None:
    core = Core(rows=limits())
    resting = core.sell(10, 10_100)
    core.buy(20)
    core.throttle_venue("2")
    core.wait(1)
    for price in (10_099, 10_098, 10_097):
        core.modify(resting, 10, price)
    assert [request.price for request in core.replaces_received()] == [10_099, 10_098]
    core.wait(1)
    assert core.replaces_received()[-1].price == 10_097


def test_a_throttle_to_nothing_stops_entries_and_still_lets_exits_through() -> None:
    core = holding(10)
    core.throttle_venue("0")
    core.wait(1)
    core.buy(1)
    assert core.denial().source == "throttle of venue:paper"
    core.wait(1)
    core.sell(10)
    core.wait(1)
    assert core.held() == 0


def test_what_waits_for_the_rate_is_canceled_without_ever_being_sent() -> None:
    core = Core(rows=limits(limit("message_rate", "1", "venue", "paper")))
    core.buy(10)
    sold = core.sell(10)
    core.cancel(sold)
    core.wait(5)
    assert len(core.orders_received()) == 1
    assert core.cancels_received() == []
    assert core.order(sold).status is Status.CANCELED


def test_an_exit_that_is_changed_stays_an_exit_or_is_refused() -> None:
    core = Core()
    core.buy(10)
    exit_ = core.sell(10, 20_000)
    core.modify(exit_, quantity=5)
    assert [(order.quantity, order.order_class.value) for order in core.ledger.open_orders()] == [(5, "exit")]
    core.modify(exit_, quantity=50)
    assert [order.quantity for order in core.ledger.open_orders()] == [5]
    assert "50 lots would no longer only shrink the position" in core.of(ev.IntentRefused)[-1].reason


def test_reduce_only_is_refused_where_it_could_grow_the_position() -> None:
    core = holding(10)
    core.sell(11, 10_050, reduce_only=True)
    core.buy(1, 9_000, reduce_only=True)
    assert [event.control for event in core.of(ev.IntentRefused)] == [10, 10]
    assert len(core.orders_received()) == 1


def test_reduce_only_is_passed_on_only_if_the_account_shrinks_too() -> None:
    core = Core(strategies=("trend", "quoting"))
    core.buy(10)
    core.sell(10, strategy="quoting")  # the account is flat: to the venue no sale reduces it
    core.sell(10, 10_050, reduce_only=True)
    assert core.orders_received()[-1].reduce_only is False
    alone = holding(10)
    alone.sell(10, 10_050, reduce_only=True)
    assert alone.orders_received()[-1].reduce_only is True


def test_a_sale_is_short_by_the_account_not_by_the_strategy() -> None:
    core = Core(strategies=("trend", "quoting"), instruments=(stock(shortable=Shortable.NO),))
    core.buy(10)
    core.sell(10, 10_050, strategy="quoting")
    core.sell(1, 10_060, strategy="quoting")
    assert len(core.orders_received()) == 2
    assert core.denial().control == 16


def test_exits_that_find_room_beside_each_other_all_stand() -> None:
    core = holding(100)
    first, second = core.sell(50, 10_010), core.sell(50, 10_020)
    assert [core.order(each).status for each in (first, second)] == [Status.NEW, Status.NEW]
    assert core.ledger.interval("trend", "AAPL").low == 0
    third = core.sell(1, 10_030)
    assert [core.order(each).status for each in (first, second, third)] == [
        Status.CANCELED,
        Status.CANCELED,
        Status.NEW,
    ]


def test_an_exit_that_grows_beyond_its_room_is_refused() -> None:
    core = holding(100)
    first, _ = core.sell(50, 10_010), core.sell(50, 10_020)
    core.modify(first, 51, 10_010)
    assert "no longer only shrink" in core.of(ev.IntentRefused)[-1].reason
    assert core.order(first).quantity == 50


def test_a_target_takes_back_the_entries_that_lead_away_from_it() -> None:
    core = Core()
    resting = core.buy(10, 9_000)
    core.target(0)
    assert core.order(resting).status is Status.CANCELED
    assert len(core.orders_received()) == 1, "nothing is sold against it"


def test_an_exit_that_the_venues_shared_rate_had_no_room_for_waits_and_is_neither_lost_nor_in_doubt() -> None:
    core = holding(10)
    core.deaf = True
    sold = core.sell(10)
    core.deaf = False
    core.do(HeldBack(requests=tuple(request for request in core.lost if isinstance(request, SubmitOrder))))
    assert core.order(sold).shown_status == "PENDING_NEW"
    core.wait(0.25)
    assert core.held() == 0


def test_what_is_held_back_can_be_canceled_and_then_never_leaves() -> None:
    core = holding(10)
    core.deaf = True
    sold = core.sell(10)
    core.deaf = False
    core.do(HeldBack(requests=tuple(request for request in core.lost if isinstance(request, SubmitOrder))))
    core.cancel(sold)
    core.wait(5)
    assert core.order(sold).status is Status.CANCELED
    assert (core.cancels_received(), len(core.orders_received())) == ([], 1)


def test_an_exit_that_is_held_back_again_and_again_goes_on_waiting() -> None:
    core = holding(10)
    core.deaf = True
    sold = core.sell(10)
    for _ in range(8):
        core.do(HeldBack(requests=(next(each for each in core.lost if isinstance(each, SubmitOrder)),)))
        core.wait(1)
    assert core.order(sold).shown_status == "PENDING_NEW"
