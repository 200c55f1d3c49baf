"""Stops, brackets, fill-or-kill and good-till-date at the paper venue: when they are triggered and at what price."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.venue_kit import SECOND, Desk, bar, order, quote, said, settings, stock, submit, trade
from toolkit.domain.orders import Ability, Side, TimeInForce, Trigger
from toolkit.domain.requests import Canceled, Expired, Filled, Rejected, ReplaceRefused, Triggered, VenueReport
from toolkit.domain.stops import is_through, trailed, walk
from toolkit.domain.time import FeedTime
from toolkit.simulation.matching import PaperVenue


def fills(reports: tuple[VenueReport, ...]) -> list[tuple[int, int]]:
    """(price, quantity) of each fill."""
    return [(report.price, report.quantity) for report in reports if isinstance(report, Filled)]


def quoted(bid: int = 9_999, ask: int = 10_001, **changes: Any) -> Desk:
    desk = Desk(**changes)
    desk.quote(bid, ask)
    return desk


# ---------------------------------------------------------------- stops on quotes and prints


def test_a_stop_to_sell_waits_until_the_bid_comes_down_to_it() -> None:
    desk = quoted()
    assert said(desk.sell(10, stop=9_950)) == ["acknowledged"]
    assert desk.quote(9_951, 9_953) == ()
    assert said(desk.quote(9_950, 9_952)) == ["triggered", "filled"]


def test_a_stop_to_buy_waits_until_the_ask_comes_up_to_it() -> None:
    desk = quoted()
    desk.buy(10, stop=10_050)
    assert desk.quote(10_050 - 3, 10_049) == ()
    assert fills(desk.quote(10_048, 10_050)) == [(10_050, 10)]


def test_after_a_gap_a_stop_trades_at_the_price_behind_it_and_not_at_its_own() -> None:
    desk = quoted()
    desk.sell(10, stop=9_950)
    assert fills(desk.quote(9_800, 9_802)) == [(9_800, 10)]


def test_slippage_counts_against_a_stop_too() -> None:
    desk = quoted(slippage_ticks=3)
    desk.sell(10, stop=9_950)
    assert fills(desk.quote(9_940, 9_942)) == [(9_937, 10)]


def test_a_stop_that_watches_prints_does_not_look_at_quotes() -> None:
    desk = quoted()
    desk.sell(10, stop=9_950, trigger=Trigger.LAST)
    assert desk.quote(9_900, 9_990) == ()
    assert fills(desk.feed(trade(9_950))) == [(9_900, 10)]


def test_a_stop_beyond_which_the_market_stands_already_trades_at_once() -> None:
    desk = quoted()
    assert said(desk.sell(10, stop=10_000)) == ["acknowledged", "triggered", "filled"]


def test_what_a_triggered_stop_cannot_sell_at_once_is_given_up_like_the_rest_of_a_market_order() -> None:
    desk = quoted()
    desk.sell(150, stop=9_950)
    assert said(desk.quote(9_950, 9_952)) == ["triggered", "filled", "canceled"]


def test_a_stop_limit_never_trades_beyond_its_limit_and_rests_there() -> None:
    desk = quoted()
    desk.sell(10, 9_940, stop=9_950)
    assert said(desk.quote(9_900, 9_902)) == ["triggered"]
    assert fills(desk.quote(9_945, 9_947)) == [(9_940, 10)]


def test_a_stop_triggers_once_and_only_while_the_market_trades() -> None:
    desk = quoted()
    desk.sell(10, 9_990, stop=9_950)
    desk.quote(9_940, 9_942)
    assert desk.quote(9_930, 9_932) == ()


def test_a_stop_can_be_moved_while_it_waits_and_not_afterwards() -> None:
    desk = quoted()
    desk.sell(10, 9_990, stop=9_950)
    assert said(desk.replace(1, 10, 9_990, stop=9_960)) == ["replaced"]
    assert said(desk.quote(9_960, 9_962)) == ["triggered"]
    assert said(desk.replace(2, 10, 9_990, stop=9_900)) == ["replace_refused"]


def test_a_waiting_stop_outlives_a_restart_of_the_venue() -> None:
    desk = quoted()
    desk.sell(10, stop=9_950)
    desk.sell(10, offset=30, stop=9_969)
    desk.quote(10_019, 10_021)
    desk.venue = PaperVenue.restore(desk.settings, desk.instruments, desk.venue.snapshot())
    assert [listed.stop for listed in desk.venue.state().open_orders] == [9_950, 9_989]
    assert fills(desk.quote(9_989, 9_991)) == [(9_989, 10)]


# ---------------------------------------------------------------- trailing


def test_a_trailing_stop_follows_the_best_price_and_never_goes_back() -> None:
    desk = quoted()
    desk.sell(10, stop=9_949, offset=50)
    desk.quote(10_049, 10_051)
    desk.quote(10_010, 10_012)
    assert desk.venue.state().open_orders[0].stop == 9_999
    assert fills(desk.quote(9_999, 10_001)) == [(9_999, 10)]


@given(
    side=st.sampled_from(Side), offset=st.integers(1, 50), path=st.lists(st.integers(100, 400), min_size=1, max_size=30)
)
def test_a_trailing_stop_stands_its_offset_behind_the_best_price_so_far(
    side: Side, offset: int, path: list[int]
) -> None:
    stop = path[0] - side * -offset
    for index, price in enumerate(path):
        stop = trailed(side, stop, offset, price)
        best = max(path[: index + 1]) if side is Side.SELL else min(path[: index + 1])
        assert stop == best - offset * (1 if side is Side.SELL else -1)
        assert is_through(side, stop, price) == ((best - price) * (1 if side is Side.SELL else -1) >= offset)


# ---------------------------------------------------------------- bars


def barred(**changes: Any) -> Desk:
    """A desk in a feed that has only bars: orders come with the step before the bar begins."""
    desk = Desk(**changes)
    desk.feed(bar(0, (100, 101, 99, 100)))
    return desk


def next_bar(desk: Desk, *prices: int) -> tuple[VenueReport, ...]:
    return desk.feed(bar(desk.time, (prices[0], prices[1], prices[2], prices[3])))


def test_a_bar_that_goes_through_a_stop_fills_it_at_its_own_price() -> None:
    desk = barred()
    desk.sell(10, stop=95)
    assert fills(next_bar(desk, 100, 102, 90, 98)) == [(95, 10)]


def test_a_bar_that_opens_beyond_a_stop_fills_it_at_the_open() -> None:
    desk = barred()
    desk.sell(10, stop=95)
    assert fills(next_bar(desk, 92, 97, 90, 96)) == [(92, 10)]


def test_a_trailing_stop_goes_with_the_bar_as_it_is_walked() -> None:
    desk = barred()
    desk.sell(10, stop=90, offset=10)
    assert fills(next_bar(desk, 100, 112, 99, 102)) == [(102, 10)]


def test_a_stop_limit_rests_when_the_bar_opens_beyond_its_limit() -> None:
    desk = barred()
    desk.sell(10, 94, stop=95)
    assert fills(next_bar(desk, 90, 91, 88, 89)) == []
    assert fills(next_bar(desk, 96, 97, 95, 96)) == [(96, 10)]


def bracket(desk: Desk, stop: int, target: int, quantity: int = 10) -> None:
    desk.sell(quantity, stop=stop, group="G")
    desk.sell(quantity, target, group="G")


def test_of_stop_and_target_in_one_bar_the_stop_is_taken() -> None:
    desk = barred()
    bracket(desk, 95, 105)
    reports = next_bar(desk, 100, 110, 90, 108)
    assert said(reports) == ["triggered", "filled", "canceled"]
    assert fills(reports) == [(95, 10)]


def test_a_target_that_the_open_is_beyond_came_before_the_rest_of_the_bar() -> None:
    desk = barred()
    bracket(desk, 95, 105)
    assert fills(next_bar(desk, 107, 110, 90, 92)) == [(107, 10)]


@given(
    prices=st.tuples(*[st.integers(80, 120)] * 4),
    stop=st.integers(85, 99),
    target=st.integers(101, 115),
)
def test_a_bracket_sells_once_at_most_and_never_better_than_its_orders_allow(
    prices: tuple[int, int, int, int], stop: int, target: int
) -> None:
    first, *rest = prices
    high, low = max(prices), min(prices)
    desk = barred(trade_touch_fills=True)
    bracket(desk, stop, target)
    sold = fills(next_bar(desk, first, high, low, rest[-1]))
    assert sum(quantity for _, quantity in sold) in (0, 10)
    if low <= stop and first < target:
        assert sold == [(min(first, stop), 10)], "the stop lies in the bar"
    elif first >= target:
        assert sold == [(first, 10)]
    elif high >= target:
        assert sold == [(target, 10)]
    else:
        assert sold == []


def test_the_walk_of_a_bar_goes_to_the_nearer_extreme_first() -> None:
    assert walk(bar(0, (100, 103, 90, 95))) == (100, 103, 90, 95)
    assert walk(bar(0, (100, 130, 99, 95))) == (100, 99, 130, 95)


# ---------------------------------------------------------------- one cancels the other


def test_what_one_side_of_a_bracket_fills_the_other_cannot_fill_any_more() -> None:
    desk = quoted()
    bracket(desk, 9_950, 10_050, quantity=100)
    assert fills(desk.quote(10_051, 10_053, bid_size=30)) == [(10_050, 30)]
    assert fills(desk.quote(9_950, 9_952)) == [(9_950, 70)]
    assert desk.venue.state().open_orders == ()


def test_the_end_of_one_side_by_a_cancel_leaves_the_other_alone() -> None:
    desk = quoted()
    bracket(desk, 9_950, 10_050)
    desk.cancel(2)
    assert [listed.order_id for listed in desk.venue.state().open_orders] == [order(1)]


@given(
    st.lists(st.tuples(st.integers(9_900, 10_100), st.integers(1, 60)), min_size=1, max_size=25), st.integers(1, 200)
)
def test_a_bracket_never_sells_more_than_it_protects(path: list[tuple[int, int]], quantity: int) -> None:
    desk = quoted()
    bracket(desk, 9_950, 10_050, quantity)
    sold = [lots for bid, size in path for _, lots in fills(desk.quote(bid, bid + 2, bid_size=size))]
    assert sum(sold) <= quantity
    assert sum(listed.quantity - listed.filled for listed in desk.venue.state().open_orders) in (
        0,
        quantity - sum(sold),
        2 * (quantity - sum(sold)),
    )


# ---------------------------------------------------------------- fill or kill, good till a date


def test_fill_or_kill_trades_whole_or_not_at_all() -> None:
    desk = quoted()
    assert said(desk.buy(101, 10_001, time_in_force=TimeInForce.FOK)) == ["acknowledged", "canceled"]
    assert fills(desk.buy(100, 10_001, time_in_force=TimeInForce.FOK)) == [(10_001, 100)]


def test_fill_or_kill_knows_no_drawn_parts() -> None:
    desk = quoted(partial_fills_per_million=1_000_000)
    assert fills(desk.buy(100, 10_001, time_in_force=TimeInForce.FOK)) == [(10_001, 100)]


def test_an_order_good_till_an_instant_ends_before_what_that_instant_brings() -> None:
    desk = quoted()
    desk.buy(10, 9_990, time_in_force=TimeInForce.GTD, expires=FeedTime(desk.time + 2 * SECOND))
    assert desk.quote(9_995, 9_997) == ()
    (report,) = desk.quote(9_980, 9_982)
    assert isinstance(report, Expired)


def test_an_order_good_till_an_instant_that_has_passed_is_rejected() -> None:
    desk = quoted()
    (report,) = desk.buy(10, 9_990, time_in_force=TimeInForce.GTD, expires=FeedTime(desk.time))
    assert isinstance(report, Rejected)


def test_the_end_of_a_dated_order_outlives_a_restart_of_the_venue() -> None:
    desk = quoted()
    desk.buy(10, 9_990, time_in_force=TimeInForce.GTD, expires=FeedTime(desk.time + SECOND))
    desk.venue = PaperVenue.restore(desk.settings, desk.instruments, desk.venue.snapshot())
    assert isinstance(desk.feed()[0], Expired)


# ---------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"stop": 0}, "needs the price"),
        ({"stop": 9_950, "offset": 0}, "offset of at least one tick"),
        ({"stop": 9_950, "post_only": True}, "post-only"),
        ({"expires": FeedTime(9 * SECOND)}, "good till a date"),
        ({"time_in_force": TimeInForce.GTD}, "good till a date"),
    ],
)
def test_terms_that_make_no_sense_are_rejected_with_the_reason(wrong: dict[str, Any], words: str) -> None:
    (report,) = quoted().sell(10, **wrong)
    assert isinstance(report, Rejected)
    assert words in report.text


@pytest.mark.parametrize("ability", sorted(set(Ability) - {Ability.OCO, Ability.REPLACE}))
def test_what_a_venue_does_not_support_it_rejects(ability: Ability) -> None:
    venue = PaperVenue(settings(supports=tuple(set(Ability) - {ability})), (stock(),))
    terms: dict[Ability, dict[str, Any]] = {
        Ability.STOP: {"stop": 9_950},
        Ability.STOP_LIMIT: {"stop": 9_950, "price": 9_940},
        Ability.TRAILING_STOP: {"stop": 9_950, "offset": 10},
        Ability.FOK: {"price": 10_000, "time_in_force": TimeInForce.FOK},
        Ability.GTD: {"price": 10_000, "time_in_force": TimeInForce.GTD, "expires": FeedTime(SECOND)},
    }
    (report,) = venue.process(submit(order(1), Side.SELL, 10, **terms[ability]))
    assert isinstance(report, Rejected)
    assert f"does not take {ability.value} orders" in report.text


def test_a_venue_that_changes_no_orders_says_so_and_the_order_stands() -> None:
    desk = Desk(supports=tuple(set(Ability) - {Ability.REPLACE}))
    desk.quote(10_000, 10_002)
    desk.buy(10, 9_990)
    (refused,) = desk.replace(1, 5, 9_991)
    assert isinstance(refused, ReplaceRefused)
    assert "changes no orders" in refused.text
    assert [(order.quantity, order.price) for order in desk.venue.state().open_orders] == [(10, 9_990)]


def test_a_bracket_means_nothing_to_a_venue_whose_orders_cancel_nothing() -> None:
    venue = PaperVenue(settings(supports=(Ability.STOP,)), (stock(),))
    (report,) = venue.process(submit(order(1), Side.SELL, 10, stop=9_950, group="DSK0000100000009"))
    assert isinstance(report, Rejected)
    assert "of which one cancels the other" in report.text


def test_a_trigger_is_told_with_the_price_that_did_it() -> None:
    desk = quoted()
    desk.sell(10, stop=9_950)
    triggered, _ = desk.feed(quote(9_940, 9_942))
    assert isinstance(triggered, Triggered)
    assert triggered.price == 9_940
    assert not any(isinstance(report, Canceled) for report in desk.quote(9_930, 9_932))
