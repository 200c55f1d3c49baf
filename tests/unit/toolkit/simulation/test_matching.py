"""What the paper venue does with orders: taking, resting, cancelling, replacing, and saying no."""

from typing import TypeVar

import pytest

from tests.tools.venue_kit import SECOND, Desk, bar, closed, opened, order, quote, said, step, stock, submit, trade
from toolkit.domain.errors import DomainError
from toolkit.domain.market import FeedGap, TradingHalted
from toolkit.domain.orders import OrderType, Side, Status, TimeInForce
from toolkit.domain.requests import (
    Acknowledged,
    Canceled,
    CancelRefused,
    Expired,
    Filled,
    Liquidity,
    OrderFound,
    OrderNotFound,
    Rejected,
    RejectReason,
    Replaced,
    ReplaceRefused,
    VenueReport,
)
from toolkit.domain.time import FeedTime, WallTime

Kind = TypeVar("Kind")


def only(kind: type[Kind], reports: tuple[VenueReport, ...]) -> Kind:
    found = [report for report in reports if isinstance(report, kind)]
    assert len(found) == 1, reports
    return found[0]


def fills(reports: tuple[VenueReport, ...]) -> list[tuple[int, int]]:
    """(price, quantity) of each fill."""
    return [(report.price, report.quantity) for report in reports if isinstance(report, Filled)]


# ---------------------------------------------------------------- taking


def test_a_market_order_takes_the_quote() -> None:
    desk = Desk()
    desk.quote(1000, 1002)

    reports = desk.buy(40)

    assert said(reports) == ["acknowledged", "filled"]
    fill = only(Filled, reports)
    assert (fill.price, fill.quantity, fill.side, fill.liquidity) == (1002, 40, Side.BUY, Liquidity.TAKER)
    assert desk.venue.state().positions == (("AAPL", 40),)
    assert desk.venue.state().open_orders == ()


def test_a_seller_takes_the_bid_and_may_go_short() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    assert fills(desk.sell(40)) == [(1000, 40)]
    assert desk.venue.state().positions == (("AAPL", -40),)


def test_what_the_quote_does_not_show_cannot_be_had_and_a_market_order_ends() -> None:
    desk = Desk()
    desk.quote(1000, 1002, ask_size=30)

    reports = desk.buy(40)

    assert said(reports) == ["acknowledged", "filled", "canceled"]
    assert fills(reports) == [(1002, 30)]


def test_one_quote_is_taken_once() -> None:
    """Two orders against one displayed size share it; the next quote shows a new one."""
    desk = Desk()
    desk.quote(1000, 1002, ask_size=100)
    assert fills(desk.buy(70)) == [(1002, 70)]
    assert fills(desk.buy(70)) == [(1002, 30)]
    assert fills(desk.buy(70)) == []
    desk.quote(1000, 1002, ask_size=100)
    assert fills(desk.buy(70)) == [(1002, 70)]


def test_the_rest_of_a_marketable_limit_goes_on_taking_while_the_quote_is_in_reach_then_rests() -> None:
    desk = Desk()
    desk.quote(1000, 1002, ask_size=30)
    assert fills(desk.buy(100, 1005)) == [(1002, 30)]
    assert fills(desk.quote(1001, 1003, ask_size=30)) == [(1003, 30)]
    assert fills(desk.quote(1004, 1006, ask_size=30)) == []

    reports = desk.quote(1003, 1005, ask_size=30)

    assert fills(reports) == [(1005, 30)]
    assert only(Filled, reports).liquidity is Liquidity.MAKER


def test_an_ioc_order_takes_what_is_there_and_ends() -> None:
    desk = Desk()
    desk.quote(1000, 1002, ask_size=30)
    assert said(desk.buy(100, 1005, time_in_force=TimeInForce.IOC)) == ["acknowledged", "filled", "canceled"]
    assert said(desk.buy(100, 1001, time_in_force=TimeInForce.IOC)) == ["acknowledged", "canceled"]
    assert desk.venue.state().open_orders == ()


def test_without_the_other_side_there_is_nothing_to_take() -> None:
    desk = Desk()
    desk.quote(1000, 0, ask_size=0)
    assert said(desk.buy(10)) == ["acknowledged", "canceled"]


# ---------------------------------------------------------------- resting


def test_a_resting_order_fills_at_its_limit_when_the_other_side_comes_to_it() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    assert said(desk.buy(10, 999)) == ["acknowledged"]
    assert desk.quote(1000, 1001) == ()

    fill = only(Filled, desk.quote(997, 998))

    assert (fill.price, fill.quantity, fill.liquidity) == (999, 10, Liquidity.MAKER)


def test_a_resting_seller_fills_when_the_bid_comes_up_to_it() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    desk.sell(10, 1003)
    assert fills(desk.quote(1003, 1005)) == [(1003, 10)]


def test_better_prices_and_earlier_orders_come_first() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    for price in (998, 999, 999):
        desk.buy(10, price)

    reports = desk.quote(990, 991, ask_size=25)

    assert [report.order_id for report in reports] == [order(2), order(3), order(1)]
    assert fills(reports) == [(999, 10), (999, 10), (998, 5)]


def test_a_print_through_a_resting_order_fills_it_and_one_at_its_price_does_not() -> None:
    desk = Desk(trade_touch_fills=False)
    desk.quote(1000, 1002)
    desk.buy(10, 999)
    assert desk.feed(trade(999)) == ()
    assert fills(desk.feed(trade(998, size=4))) == [(999, 4)]
    assert fills(desk.feed(trade(998))) == [(999, 6)]


@pytest.mark.parametrize(
    ("prices", "first"), [((1000, 1005, 980, 985), Side.SELL), ((1000, 1020, 990, 1015), Side.BUY)]
)
def test_a_bar_is_walked_to_the_nearer_extreme_first(prices: tuple[int, int, int, int], first: Side) -> None:
    desk = Desk()
    desk.buy(10, 991)
    desk.sell(10, 1003)
    reports = desk.feed(bar(0, prices))
    assert sorted(fills(reports)) == [(991, 10), (1003, 10)]
    assert isinstance(reports[0], Filled)
    assert reports[0].side is first


def test_a_bar_that_opens_beyond_a_resting_limit_fills_it_at_the_open() -> None:
    desk = Desk()
    desk.buy(10, 990)
    desk.sell(10, 1010)
    assert desk.feed(bar(0, (1000, 1001, 999, 1000))) == ()
    low = only(Filled, desk.feed(bar(SECOND, (985, 995, 980, 990))))
    assert (low.price, low.liquidity) == (985, Liquidity.MAKER)
    assert fills(desk.feed(bar(2 * SECOND, (1015, 1020, 1012, 1013)))) == [(1015, 10)]


def test_market_orders_of_a_feed_with_bars_alone_take_the_next_open() -> None:
    desk = Desk()
    desk.feed(bar(0, (1000, 1001, 999, 1000)))
    assert said(desk.buy(10)) == ["acknowledged"]
    assert fills(desk.feed(bar(SECOND, (1010, 1020, 1005, 1015)))) == [(1010, 10)]


def test_an_order_that_came_after_a_bar_began_waits_for_the_next_one() -> None:
    desk = Desk()
    desk.feed(bar(0, (1000, 1001, 999, 1000)), at=10 * SECOND)
    desk.buy(10, 990)
    assert fills(desk.feed(bar(9 * SECOND, (1000, 1001, 900, 1000)), at=20 * SECOND)) == []
    assert fills(desk.feed(bar(20 * SECOND, (1000, 1001, 900, 1000)), at=30 * SECOND)) == [(990, 10)]


def test_a_market_order_that_came_after_a_bar_began_does_not_get_its_open() -> None:
    desk = Desk()
    desk.feed(bar(0, (1000, 1001, 999, 1000)), at=10 * SECOND)
    desk.buy(10)
    assert fills(desk.feed(bar(9 * SECOND, (900, 1001, 900, 1000)), at=20 * SECOND)) == []
    assert fills(desk.feed(bar(20 * SECOND, (1005, 1010, 1000, 1000)), at=30 * SECOND)) == [(1005, 10)]


def test_an_order_that_rested_at_a_print_within_a_bar_is_not_filled_by_what_came_before_it() -> None:
    desk = Desk()
    desk.feed(trade(1000), at=10 * SECOND)
    desk.buy(10, 990)
    assert desk.feed(trade(1000), at=11 * SECOND) == ()
    assert fills(desk.feed(bar(9 * SECOND, (1000, 1001, 900, 1000)), at=20 * SECOND)) == []
    assert fills(desk.feed(bar(20 * SECOND, (1000, 1001, 900, 1000)), at=30 * SECOND)) == [(990, 10)]


def test_in_a_feed_of_prints_alone_a_market_order_takes_the_next_one() -> None:
    desk = Desk()
    desk.feed(trade(1000))
    desk.buy(10)
    desk.sell(10, 1001)
    reports = desk.feed(trade(1004, size=15))
    assert fills(reports) == [(1004, 10), (1004, 5)]


def test_the_volume_of_a_bar_is_all_that_can_be_had() -> None:
    desk = Desk()
    desk.feed(bar(0, (1000, 1001, 999, 1000)))
    desk.buy(60)
    desk.buy(60, 995)
    assert fills(desk.feed(bar(SECOND, (1000, 1001, 990, 1000), volume=100))) == [(1000, 60), (995, 40)]


# ---------------------------------------------------------------- cancel and replace


def test_a_cancel_takes_the_rest_away() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    desk.buy(10, 999)
    assert said(desk.cancel(1)) == ["canceled"]
    assert desk.quote(900, 901) == ()


@pytest.mark.parametrize(("number", "reason"), [(9, RejectReason.UNKNOWN_ORDER), (1, RejectReason.TOO_LATE)])
def test_a_cancel_of_an_order_that_is_unknown_or_over_is_refused(number: int, reason: RejectReason) -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    desk.buy(10)
    assert only(CancelRefused, desk.cancel(number)).reason is reason


def test_a_replace_keeps_the_venues_id_and_takes_a_new_one_of_ours() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    venue_id = only(Acknowledged, desk.buy(10, 990)).venue_order_id

    replaced = only(Replaced, desk.replace(1, 20, 995))

    assert (replaced.order_id, replaced.new_id, replaced.quantity, replaced.price) == (order(1), order(2), 20, 995)
    (listed,) = desk.venue.state().open_orders
    assert (listed.order_id, listed.venue_order_id, listed.quantity) == (order(2), venue_id, 20)
    assert only(Canceled, desk.cancel(1)).order_id == order(2), "any id of the chain finds the order"


def test_a_smaller_quantity_keeps_the_place_in_the_queue_and_anything_else_loses_it() -> None:
    def first_to_fill(quantity: int, price: int) -> str:
        desk = Desk()
        desk.quote(1000, 1002)
        desk.buy(10, 990)
        desk.buy(10, 990)
        desk.replace(1, quantity, price)
        reports = desk.quote(980, 981, ask_size=1)
        return only(Filled, reports).order_id

    assert first_to_fill(5, 990) == order(3), "the replaced one, under its new id"
    assert first_to_fill(11, 990) == order(2)
    assert first_to_fill(10, 989) == order(2)


def test_a_replace_that_reaches_the_market_trades() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    desk.buy(10, 990)
    assert said(desk.replace(1, 10, 1002)) == ["replaced", "filled"]


@pytest.mark.parametrize(
    ("quantity", "price", "reason"),
    [
        (0, 990, RejectReason.INCORRECT_QUANTITY),
        (4, 990, RejectReason.TOO_LATE),
        (10, 0, RejectReason.PRICE),
        (99_999, 990, RejectReason.EXCEEDS_LIMIT),
    ],
)
def test_a_replace_that_cannot_be_leaves_the_order_as_it_was(quantity: int, price: int, reason: RejectReason) -> None:
    desk = Desk(stock(maximum=10_000))
    desk.quote(1000, 1002)
    desk.buy(10, 990)
    desk.quote(980, 985, ask_size=4)
    before = desk.venue.state().open_orders

    assert only(ReplaceRefused, desk.replace(1, quantity, price)).reason is reason
    assert desk.venue.state().open_orders == before


def test_a_replace_to_a_used_id_or_of_an_unknown_order_is_refused() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    desk.buy(10, 990)
    assert only(ReplaceRefused, desk.replace(77, 10, 990)).reason is RejectReason.UNKNOWN_ORDER
    desk.ids = iter([order(1)])
    assert only(ReplaceRefused, desk.replace(1, 10, 990)).reason is RejectReason.DUPLICATE


# ---------------------------------------------------------------- saying no


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"instrument": "NOPE"}, RejectReason.UNKNOWN_SYMBOL),
        ({"quantity": 0}, RejectReason.INCORRECT_QUANTITY),
        ({"quantity": -5}, RejectReason.INCORRECT_QUANTITY),
        ({"quantity": 1}, RejectReason.INCORRECT_QUANTITY),
        ({"quantity": 10_001}, RejectReason.EXCEEDS_LIMIT),
        ({"quantity": 2, "price": 999}, RejectReason.INCORRECT_QUANTITY),
        ({"price": 0}, RejectReason.PRICE),
        ({"price": -3}, RejectReason.PRICE),
        ({"price": None}, RejectReason.PRICE),
        ({"order_type": OrderType.MARKET}, RejectReason.PRICE),
        ({"order_type": OrderType.MARKET, "price": None, "post_only": True}, RejectReason.OTHER),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, RejectReason.OTHER),
        ({"post_only": True, "price": 1002}, RejectReason.POST_ONLY_WOULD_TRADE),
    ],
)
def test_a_malformed_order_is_rejected_with_its_reason(change: dict[str, object], reason: RejectReason) -> None:
    desk = Desk(stock(minimum=2, maximum=10_000, minimum_value=20 * 100))
    desk.quote(1000, 1002)
    plain = {"quantity": 10, "price": 990, "order_type": OrderType.LIMIT, "side": Side.BUY, "identifier": order(1)}

    reports = desk.venue.process(submit(**(plain | change)))

    assert only(Rejected, reports).reason is reason
    assert only(Rejected, reports).text or reason is RejectReason.UNKNOWN_SYMBOL
    assert desk.venue.state().open_orders == ()


def test_a_post_only_order_that_does_not_trade_rests() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    assert said(desk.buy(10, 1001, post_only=True)) == ["acknowledged"]
    replaced = desk.replace(1, 10, 1002)
    assert only(ReplaceRefused, replaced).reason is RejectReason.POST_ONLY_WOULD_TRADE


def test_a_post_only_order_that_the_opening_would_trade_is_canceled() -> None:
    desk = Desk(closed_until_opened=True)
    assert said(desk.buy(10, 1005, post_only=True)) == ["acknowledged"]
    assert said(desk.feed(opened(), quote(1000, 1002))) == ["canceled"]


def test_a_used_id_is_rejected_and_the_first_order_lives_on() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    desk.buy(10, 990)
    again = desk.venue.process(submit(order(1), Side.SELL, 5, 2000))
    assert only(Rejected, again).reason is RejectReason.DUPLICATE
    (listed,) = desk.venue.state().open_orders
    assert (listed.side, listed.quantity) == (Side.BUY, 10)


def test_before_the_first_price_a_market_order_is_rejected() -> None:
    desk = Desk()
    assert "no price yet" in only(Rejected, desk.buy(10)).text


# ---------------------------------------------------------------- sessions


def test_outside_of_a_session_market_orders_are_rejected_and_limit_orders_wait() -> None:
    desk = Desk()
    desk.feed(opened(), quote(1000, 1002))
    desk.feed(closed())

    assert only(Rejected, desk.buy(10)).reason is RejectReason.EXCHANGE_CLOSED
    assert only(Rejected, desk.buy(10, 1005, time_in_force=TimeInForce.IOC)).reason is RejectReason.EXCHANGE_CLOSED
    assert said(desk.buy(10, 1005)) == ["acknowledged"]
    assert desk.quote(1000, 1002) == (), "a quote outside of the session fills nothing"

    assert fills(desk.feed(opened(), quote(1001, 1003))) == [(1003, 10)]


def test_a_day_order_expires_with_its_own_calendars_session() -> None:
    desk = Desk()
    desk.feed(opened(), quote(1000, 1002))
    desk.buy(10, 990, time_in_force=TimeInForce.DAY)
    desk.buy(10, 990, time_in_force=TimeInForce.GTC)
    assert desk.feed(closed("XTKS")) == ()

    reports = desk.feed(closed())

    assert [only(Expired, reports).order_id] == [order(1)]
    assert [listed.order_id for listed in desk.venue.state().open_orders] == [order(2)]


def test_in_a_halt_nothing_trades_and_cancels_pass() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    desk.buy(10, 990)
    desk.buy(10, 990)
    desk.feed(TradingHalted(instrument="AAPL", halted=True))

    assert only(Rejected, desk.buy(10)).reason is RejectReason.EXCHANGE_CLOSED
    assert desk.quote(900, 901) == ()
    assert said(desk.cancel(1)) == ["canceled"]
    desk.feed(TradingHalted(instrument="AAPL", halted=False))
    assert fills(desk.quote(900, 901)) == [(990, 10)]


def test_an_expired_instrument_takes_no_market_orders() -> None:
    desk = Desk(stock(expiry=FeedTime(5 * SECOND)))
    desk.quote(1000, 1002)
    assert fills(desk.buy(10))
    desk.feed(quote(1000, 1002), at=5 * SECOND)
    assert "expired" in only(Rejected, desk.buy(10)).text


def test_a_new_definition_holds_from_its_session_on() -> None:
    later = stock(maximum=5, effective_from=FeedTime(10 * SECOND))
    desk = Desk(stock(), later)
    desk.feed(opened(), quote(1000, 1002))
    assert fills(desk.buy(10))
    desk.feed(opened(), quote(1000, 1002), at=10 * SECOND)
    assert only(Rejected, desk.buy(10)).reason is RejectReason.EXCEEDS_LIMIT


# ---------------------------------------------------------------- questions, numbers, steps


def test_the_venue_says_what_became_of_an_order() -> None:
    desk = Desk()
    desk.quote(1000, 1002, ask_size=4)
    desk.buy(10, 1002)
    desk.buy(10, 990)
    desk.cancel(2)
    desk.buy(0)

    def seen(number: int) -> tuple[Status, int]:
        answer = desk.query(number)
        assert isinstance(answer, OrderFound)
        return answer.status, answer.filled

    assert seen(1) == (Status.PARTIALLY_FILLED, 4)
    assert seen(2) == (Status.CANCELED, 0)
    assert seen(3) == (Status.REJECTED, 0)
    assert isinstance(desk.query(4), OrderNotFound)


def test_reports_are_numbered_without_a_gap_and_questions_take_no_number() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    reports = [*desk.buy(10), desk.query(1), *desk.buy(10, 990), *desk.cancel(2), *desk.cancel(2), *desk.buy(-1)]
    numbers = [report.report for report in reports if not isinstance(report, OrderFound)]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert desk.venue.state().last_report == 6


def test_the_hosts_wall_clock_is_copied_into_the_reports_and_decides_nothing() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    (report,) = desk.venue.process(submit(order(1), Side.BUY, 1, 990), WallTime(123))
    assert isinstance(report, Acknowledged)
    assert (report.wall, report.time) == (123, desk.time)


def test_a_step_that_was_matched_before_says_nothing_and_does_nothing() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    desk.buy(10, 990)
    assert said(desk.quote(980, 981)) == ["filled"]
    before = desk.venue.snapshot()
    assert desk.venue.advance(step(desk.venue.last_step, desk.time, quote(900, 901))) == ()
    assert desk.venue.snapshot() == before


def test_a_step_that_jumps_or_goes_back_is_refused_by_name() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    with pytest.raises(DomainError, match="step 5 follows step 1"):
        desk.venue.advance(step(5, 2 * SECOND))
    with pytest.raises(DomainError, match="goes back"):
        desk.venue.advance(step(2, SECOND // 2))
    desk.venue.advance(step(5, 2 * SECOND, FeedGap()))
    assert desk.venue.last_step == 5


def test_instruments_of_other_venues_are_ignored() -> None:
    desk = Desk()
    assert desk.feed(quote(1, 2, symbol="ELSE"), trade(1, symbol="ELSE"), bar(0, (1, 2, 1, 1), symbol="ELSE")) == ()
