from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.tools.venue_kit import stock
from toolkit.domain.money import divide_half_even
from toolkit.domain.orders import Side
from toolkit.domain.positions import FLAT, Interval, Position, after_trade, average_price

AAPL = stock()
TRADES = st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(1, 50), st.integers(1, 20_000)), max_size=30)


def trades(*made: tuple[Side, int, int]) -> Position:
    position = FLAT
    for side, quantity, price in made:
        position = after_trade(position, side, quantity, price, AAPL)
    return position


def test_a_partial_close_realises_its_share_of_the_cost_half_to_even() -> None:
    opened = trades((Side.BUY, 1, 100), (Side.BUY, 1, 101))  # 201 for two lots
    closed = after_trade(opened, Side.SELL, 1, 110, AAPL)
    assert (closed.cost, closed.realised) == (101, 110 - 100)  # 100.5 goes to the even 100


def test_a_flip_closes_all_and_opens_the_rest_at_the_new_price() -> None:
    position = trades((Side.BUY, 10, 100), (Side.SELL, 15, 120))
    assert position == Position(lots=-5, cost=-600, realised=200, bought=10, sold=15)


def test_a_short_earns_when_the_price_falls() -> None:
    position = trades((Side.SELL, 10, 100), (Side.BUY, 10, 90))
    assert (position.lots, position.cost, position.realised) == (0, 0, 100)


def test_unrealised_takes_a_mid_on_half_a_tick() -> None:
    assert trades((Side.BUY, 2, 100)).unrealised(twice_mark=100 + 103, instrument=AAPL) == 3


def test_the_average_is_for_people_alone() -> None:
    assert average_price(trades((Side.BUY, 1, 100), (Side.BUY, 1, 101)), AAPL) == Decimal("1.005")
    assert average_price(FLAT, AAPL) is None


@given(TRADES)
def test_cost_and_result_account_for_every_cent_that_changed_hands(made: list[tuple[Side, int, int]]) -> None:
    position = trades(*made)
    paid = sum(int(side) * quantity * price for side, quantity, price in made)
    assert position.cost - position.realised == paid
    assert position.lots == sum(int(side) * quantity for side, quantity, _ in made) == position.bought - position.sold


@given(TRADES)
def test_the_cost_has_the_sign_of_the_lots_and_nothing_costs_nothing(made: list[tuple[Side, int, int]]) -> None:
    position = trades(*made)
    assert position.cost * position.lots >= 0
    assert position.lots or position.cost == 0


@given(st.integers(1, 10**6), st.integers(1, 1000), st.data())
def test_closing_in_pieces_releases_the_whole_cost(cost: int, lots: int, data: st.DataObject) -> None:
    position = Position(lots=lots, cost=cost)
    while position.lots:
        piece = data.draw(st.integers(1, position.lots))
        share = divide_half_even(position.cost * piece, position.lots)
        after = after_trade(position, Side.SELL, piece, 1, AAPL)
        assert after.cost == position.cost - share
        position = after
    assert position.cost == 0


def test_an_interval_widens_on_the_side_of_the_order() -> None:
    interval = Interval(low=-2, high=5)
    assert interval.worst_after(Side.BUY, 3) == 8
    assert interval.worst_after(Side.SELL, 3) == 5
    assert (interval.largest, Interval(low=-9, high=5).largest) == (5, 9)
