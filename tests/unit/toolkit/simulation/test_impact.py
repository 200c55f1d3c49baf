"""The square-root law against sums done by hand; slippage and half-spread stand in test_paper_settings."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.venue_kit import SECOND, Desk, bar, stock
from toolkit.domain.errors import ConfigError
from toolkit.domain.requests import Filled, VenueReport
from toolkit.simulation.impact import ImpactCurve, impact_curve
from toolkit.simulation.paper_settings import Impact, OrdinaryDay

# 2 % on an ordinary day of 1,000,000 shares: 10,000 of them cost 1 * 2 % * sqrt(1 / 100) = 0.2 %
APPLE = OrdinaryDay(volatility_percent=Decimal(2), volume=Decimal(1_000_000))


def impact(coefficient: str = "1") -> Impact:
    return Impact(coefficient=Decimal(coefficient), days={"AAPL": APPLE})


def curve(coefficient: str = "1") -> ImpactCurve:
    return impact_curve(impact(coefficient), stock())


def prices(reports: tuple[VenueReport, ...]) -> list[int]:
    return [report.price for report in reports if isinstance(report, Filled)]


def test_by_hand() -> None:
    # At 100.00 (10,000 ticks) 0.2 % are 20 ticks; four times the size costs twice as much
    assert curve().ticks(10_000, 10_000) == 20
    assert curve().ticks(10_000, 40_000) == 40
    assert curve("0.5").ticks(10_000, 10_000) == 10
    # 100 shares: 2 % * sqrt(1 / 10,000) = 0.02 %, 2 ticks; one share is 0.2 ticks and costs none, seven are 0.53
    assert curve().ticks(10_000, 100) == 2
    assert curve().ticks(10_000, 1) == 0
    assert curve().ticks(10_000, 7) == 1


def test_a_lot_is_counted_in_units() -> None:
    hundreds = impact_curve(impact(), stock(lot=Decimal(100)))
    assert hundreds.ticks(10_000, 100) == 20


def test_takers_pay_it_beyond_the_quote_on_either_side_and_up_to_their_limit() -> None:
    desk = Desk(impact=impact(), unlimited_size=True)
    desk.quote(9_998, 10_000)
    assert prices(desk.buy(10_000)) == [10_020]
    assert prices(desk.sell(10_000)) == [9_978]
    assert prices(desk.buy(10_000, 10_012)) == [10_012]


def test_makers_do_not_pay_it() -> None:
    desk = Desk(impact=impact(), unlimited_size=True)
    desk.quote(9_998, 10_000)
    desk.buy(10_000, 9_990)
    assert prices(desk.quote(9_980, 9_981)) == [9_990]


def test_it_comes_on_top_of_slippage_and_of_half_a_spread_where_there_is_no_quote() -> None:
    desk = Desk(impact=impact(), unlimited_size=True, slippage_ticks=3, half_spread_ticks=2)
    desk.feed(bar(0, (10_000, 10_010, 9_990, 10_000)))
    desk.buy(10_000)
    assert prices(desk.feed(bar(SECOND, (10_000, 10_010, 9_990, 10_000)))) == [10_025]
    desk.quote(9_998, 10_000)
    assert prices(desk.buy(10_000)) == [10_023], "the quote has its spread already"


def test_being_filled_in_parts_makes_an_order_no_cheaper_and_the_next_order_starts_anew() -> None:
    desk = Desk(impact=impact())
    desk.quote(9_998, 10_000, ask_size=2_500)
    assert prices(desk.buy(10_000, 10_100)) == [10_010]
    assert prices(desk.quote(9_998, 10_000, ask_size=7_500)) == [10_020]
    desk.quote(9_998, 10_000, ask_size=2_500)
    assert prices(desk.buy(2_500)) == [10_010], "temporary: nothing is left of the first"


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**5))
def test_more_size_never_costs_less_and_the_square_is_right_within_half_a_tick(
    price: int, lots: int, more: int
) -> None:
    worked_out = curve()
    ticks = worked_out.ticks(price, lots)
    exact_square = Decimal(price) ** 2 * lots * Decimal("0.0004") / 1_000_000
    assert (Decimal(ticks) - Decimal("0.5")).max(0) ** 2 <= exact_square <= (ticks + Decimal("0.5")) ** 2
    assert worked_out.ticks(price, lots + more) >= ticks


def test_an_instrument_without_an_ordinary_day_is_refused_with_the_line_to_add() -> None:
    with pytest.raises(ConfigError, match=r"add impact\.days\.IBM"):
        Desk(stock("IBM"), impact=impact())


@pytest.mark.parametrize(("coefficient", "volatility", "volume"), [("-1", "1", "1"), ("1", "-1", "1"), ("1", "1", "0")])
def test_numbers_that_cannot_be_are_refused(coefficient: str, volatility: str, volume: str) -> None:
    day = {"volatility_percent": Decimal(volatility), "volume": Decimal(volume)}
    with pytest.raises(ConfigError, match="impact"):
        Impact(coefficient=Decimal(coefficient), days={"AAPL": OrdinaryDay(**day)})
