"""Control 1 by what the venue received: market orders carry a limit, exits the wider one, and none stays here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core_kit import Core, limit, limits, without
from tests.tools.venue_kit import stock
from toolkit.domain import events as ev
from toolkit.domain.market import Quote
from toolkit.domain.orders import HeldAt, OrderType, Side, TimeInForce
from toolkit.domain.requests import SubmitOrder
from toolkit.domain.time import WallTime
from toolkit.replica.story import story

COLLARS = limits(price_collar="1", exit_collar="5")


def received(core: Core) -> tuple[OrderType, int | None, TimeInForce]:
    order = core.orders_received()[-1]
    return order.order_type, order.price, order.time_in_force


@pytest.mark.proves(1, "breach")
def test_a_market_order_reaches_the_venue_as_a_limit_that_trades_at_once_or_not_at_all() -> None:
    core = Core(rows=COLLARS)
    core.buy(1)
    assert received(core) == (OrderType.LIMIT, 10_100, TimeInForce.IOC)
    core.sell(3)
    assert received(core) == (OrderType.LIMIT, 9_900, TimeInForce.IOC)
    assert [event.order_type for event in core.of(ev.OrderSubmitted)] == [OrderType.MARKET, OrderType.MARKET]
    assert [event.cap for event in core.of(ev.OrderSubmitted)] == [10_100, 9_900]


def test_fill_or_kill_stays_fill_or_kill() -> None:
    core = Core(rows=COLLARS)
    core.buy(1, time_in_force=TimeInForce.FOK)
    assert received(core) == (OrderType.LIMIT, 10_100, TimeInForce.FOK)


def test_without_the_control_a_market_order_has_no_limit() -> None:
    core = Core(rows=COLLARS, controls=without(1))
    core.buy(1)
    assert received(core) == (OrderType.MARKET, None, TimeInForce.GTC)


def test_what_the_market_ran_away_from_is_not_bought_at_any_price() -> None:
    """The order is decided at 100.00 and arrives where 105.00 is asked."""
    core, unguarded = (
        Core(rows=COLLARS, controls=controls, submit_latency=500_000_000) for controls in (without(), without(1))
    )
    for desk in (core, unguarded):
        desk.buy(1)
        desk.quote(10_499, 10_500, seconds=0.2)
        desk.quote(10_499, 10_500)
    assert core.held() == 0
    assert unguarded.held() == 1


@pytest.mark.proves(1, "breach")
def test_an_exit_is_priced_from_the_last_good_quote_with_the_wider_collar_and_its_record_says_so() -> None:
    core = Core(rows=limits(price_collar="1", exit_collar="5", max_quote_age="10"))
    core.buy(2)
    core.quote(0, 0)
    core.sell(1)
    assert received(core) == (OrderType.LIMIT, 9_500, TimeInForce.IOC)
    (check,) = [one for one in core.of(ev.OrderSubmitted)[-1].checks if one.control == 1]
    assert check.observed == "market, last good quote"
    core.quote(9_999, 10_001)
    core.wait(100)
    core.sell(1)
    (check,) = [one for one in core.of(ev.OrderSubmitted)[-1].checks if one.control == 1]
    assert check.observed == "market, quote 100 s old"


def test_an_exit_with_a_price_far_away_goes_out_flagged() -> None:
    core = Core(rows=COLLARS)
    core.buy(1)
    core.sell(1, 20_000)
    assert core.orders_received()[-1].price == 20_000
    (check,) = [one for one in core.of(ev.OrderSubmitted)[-1].checks if one.control == 1]
    assert check.observed.startswith("20000, outside")


def test_an_exit_passes_where_nobody_set_a_collar() -> None:
    core = Core(rows=COLLARS)
    core.buy(1)
    core.limit(limits(price_collar=None, exit_collar=None))
    core.sell(1)
    assert core.held() == 0
    assert received(core)[0] is OrderType.MARKET


def test_the_collar_of_exits_is_never_the_narrower_one() -> None:
    core = Core(rows=limits(price_collar="10", exit_collar="1"))
    core.buy(1)
    core.sell(1)
    assert core.orders_received()[-1].price == 9_000


def test_a_persons_flatten_carries_the_wide_limit() -> None:
    core = Core(rows=COLLARS)
    core.buy(3)
    core.disable(flatten=True)
    assert received(core) == (OrderType.LIMIT, 9_500, TimeInForce.IOC)
    assert core.held() == 0


def test_a_stop_that_the_engine_held_is_sent_with_a_limit_from_the_prices_of_then() -> None:
    core = Core(rows=COLLARS)
    core.buy(1, stop=10_050, held_at=HeldAt.ENGINE)
    core.quote(10_059, 10_061)
    core.quote(10_059, 10_061)
    assert received(core) == (OrderType.LIMIT, 10_160, TimeInForce.IOC)


def test_drift_is_seen_over_two_windows_and_forgotten_after_them() -> None:
    core = Core(rows=limits(max_price_drift="1", drift_window="10"))
    core.quote(10_199, 10_201, seconds=9)
    core.buy(1)
    assert core.denial().control == 1
    core.quote(10_199, 10_201, seconds=10)
    core.buy(1)
    assert len(core.orders_received()) == 1


def test_drift_of_long_ago_says_nothing() -> None:
    core = Core(rows=limits(max_price_drift="1", drift_window="10"))
    core.quote(11_999, 12_001, seconds=3_000)
    core.buy(1)
    assert len(core.orders_received()) == 1


def test_the_limit_of_a_sale_is_worth_what_the_venue_asks_for_at_least() -> None:
    core = Core(rows=COLLARS, instruments=[stock(minimum_value=59_500)])
    core.sell(6)
    assert received(core) == (OrderType.LIMIT, 9_917, TimeInForce.IOC)


@pytest.mark.proves(1, "breach")
@pytest.mark.parametrize("ticks", [None, 7])
@given(
    bid=st.integers(100, 20_000), spread=st.integers(1, 50), price=st.integers(1, 40_000), side=st.sampled_from(Side)
)
def test_no_entry_outside_the_collar_reaches_the_venue(
    ticks: int | None, bid: int, spread: int, price: int, side: Side
) -> None:
    rows = limits(*([limit("price_collar_ticks", str(ticks))] if ticks else []), price_collar="10")
    core = Core(rows=rows)
    core.feed(Quote(instrument="AAPL", bid=bid, ask=bid + spread, bid_size=1_000, ask_size=1_000))
    core.place(side, 1, price)
    core.place(side, 1)
    twice = 2 * bid + spread
    inside = abs(2 * price - twice) * 10 <= twice and (ticks is None or abs(2 * price - twice) <= 2 * ticks)
    received: list[SubmitOrder] = core.orders_received()
    assert (price in {order.price for order in received if order.time_in_force is not TimeInForce.IOC}) is inside
    for order in received:
        assert order.price is not None
        assert abs(2 * order.price - twice) * 10 <= twice


def test_the_story_of_a_market_order_says_its_limit_and_its_collar() -> None:
    core = Core(rows=COLLARS)
    core.buy(1)
    batch = ev.Batch(
        book="main", schema=2, epoch=1, first=1, previous=b"", step=1, wall=WallTime(0), events=tuple(core.events)
    )
    told = story([batch], core.orders_received()[0].order_id, core.ledger)
    assert told is not None
    assert "market gtc at paper, entry, at most 101.00" in told.headline
    assert "price, and how far it may be from the middle: market, limit 1.00" in [line.detail for line in told.lines]
