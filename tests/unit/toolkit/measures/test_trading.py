"""Round trips first in, first out; hit rate, turnover, exposure and slippage, with reasons where there is nothing."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.measures import trading
from toolkit.measures.trading import Deal, round_trips


def deal(time: int, quantity: int, worth: float, order: str = "", fee: float = 0.0) -> Deal:
    return Deal(time=time, order=order or f"order {time}", quantity=quantity, worth=worth, fee=fee)


def test_the_first_bought_is_the_first_sold() -> None:
    trips = round_trips([deal(1, 10, 100.0, fee=1.0), deal(2, 10, 110.0, fee=1.0), deal(3, -15, 120.0, fee=3.0)])
    assert [(trip.opened, trip.closed, trip.quantity, trip.gross) for trip in trips] == [
        (1, 3, 10, 200.0), (2, 3, 5, 50.0),
    ]  # fmt: skip
    assert [trip.fees for trip in trips] == [1.0 + 2.0, 0.5 + 1.0]
    assert [trip.pnl for trip in trips] == [197.0, 48.5]


def test_a_short_earns_when_the_price_falls() -> None:
    (trip,) = round_trips([deal(1, -4, 50.0), deal(2, 4, 40.0)])
    assert (trip.quantity, trip.entry, trip.exit, trip.pnl) == (-4, 50.0, 40.0, 40.0)


def test_an_order_that_turns_the_position_closes_and_opens() -> None:
    trips = round_trips([deal(1, 5, 10.0), deal(2, -8, 12.0), deal(3, 3, 9.0)])
    assert [(trip.quantity, trip.gross) for trip in trips] == [(5, 10.0), (-3, 9.0)]


def test_the_fills_of_one_order_are_one_trip() -> None:
    trips = round_trips(
        [deal(1, 4, 10.0, "in"), deal(2, 6, 11.0, "in"), deal(3, -3, 13.0, "out"), deal(4, -7, 14.0, "out")]
    )
    (trip,) = trips
    assert (trip.opened, trip.closed, trip.quantity) == (1, 4, 10)
    assert trip.entry == pytest.approx(10.6)
    assert trip.exit == pytest.approx(13.7)
    assert trip.gross == pytest.approx(31.0)


def test_what_is_open_is_in_no_trip() -> None:
    assert round_trips([deal(1, 5, 10.0), deal(2, 5, 11.0)]) == []


sizes = st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 500)), max_size=30)


@given(sizes)
def test_over_a_flat_position_trips_sum_to_the_cash_that_came_in(made: list[tuple[int, int]]) -> None:
    rest = -sum(quantity for quantity, _ in made)
    deals = [deal(i, quantity, float(price), fee=0.5) for i, (quantity, price) in enumerate(made)]
    if rest:
        deals.append(deal(len(deals), rest, 77.0, fee=0.5))
    cash = -sum(Decimal(one.quantity) * Decimal(one.worth) for one in deals)
    trips = round_trips(deals)
    assert sum(trip.gross for trip in trips) == pytest.approx(float(cash), abs=1e-6)
    assert sum(trip.fees for trip in trips) == pytest.approx(0.5 * len(deals))


def test_the_other_figures() -> None:
    assert trading.hit_rate([5.0, -1.0, 0.0, 2.0]).value == 0.5
    assert trading.annual_turnover(2_000.0, 1_000.0, 126).value == 2.0
    assert trading.mean_exposure(np.array([0.0, 500.0]), 1_000.0).value == 0.25
    assert trading.slippage_basis_points(5.0, 10_000.0).value == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        (trading.hit_rate([]), "no round trip has closed"),
        (trading.annual_turnover(1.0, 0.0, 5), "the capital is not above 0"),
        (trading.annual_turnover(1.0, 1.0, 0), "no period has ended"),
        (trading.mean_exposure(np.array([]), 1.0), "no period has ended"),
        (trading.mean_exposure(np.array([1.0]), 0.0), "the capital is not above 0"),
        (trading.slippage_basis_points(0.0, 0.0), "nothing traded"),
    ],
)
def test_where_there_is_nothing_the_reason_says_so(figure: trading.Figure, reason: str) -> None:
    assert not figure.is_known
    assert figure.reason == reason


def test_the_interval_of_a_hit_rate_is_wilsons() -> None:
    """Agresti and Coull (1998), for 0 of 10 and the middle."""
    none = trading.hit_rate_interval([-1.0] * 10)
    assert (none.low, none.high) == (pytest.approx(0, abs=1e-12), pytest.approx(0.2775, abs=1e-4))
    half = trading.hit_rate_interval([1.0, -1.0] * 10)
    assert (half.low, half.high) == (pytest.approx(0.2993, abs=1e-4), pytest.approx(0.7007, abs=1e-4))
    assert trading.hit_rate_interval([]).reason == "no round trip has closed"
