"""Fees against sums done by hand and an independent calculation in decimals."""

from decimal import ROUND_HALF_EVEN, Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.venue_kit import FREE_OF_CHARGE, SECOND, Desk, stock
from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Currency, Instrument, describe
from toolkit.domain.requests import Filled, VenueReport
from toolkit.simulation.fees import tariff
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import BaseAsset, FeeSchedule, FeeTier, NamedAsset

BITCOIN = describe(
    symbol="BTCUSDT",
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    calendar="24/7",
    venue="paper",
    currency=Currency(code="USDT", quantum=Decimal("0.0000001")),
)


def schedule(**changes: object) -> FeeSchedule:
    return msgspec.structs.replace(FREE_OF_CHARGE, **changes)


def fees(reports: tuple[VenueReport, ...]) -> list[tuple[int, str]]:
    return [(report.fee, report.fee_asset) for report in reports if isinstance(report, Filled)]


def charge(fees: FeeSchedule, instrument: Instrument, *trades: tuple[bool, int, int]) -> int:
    """Quanta for the fills (maker, price, quantity) of one order."""
    worked_out = tariff(fees, instrument)
    most = sum(worked_out.exact_most(price, quantity) for _, price, quantity in trades)
    return worked_out.rounded(sum(worked_out.exact(*trade) for trade in trades), most)


def test_basis_points_of_the_value_for_takers_and_a_rebate_for_makers() -> None:
    both = schedule(taker_basis_points=Decimal("3"), maker_basis_points=Decimal("-1"))
    desk = Desk(fees=both)
    desk.quote(9_900, 10_000)
    # 100 shares at 100.00 are worth 10,000.00: three basis points are 3.00
    assert fees(desk.buy(100)) == [(300, "USD")]
    desk.buy(100, 9_800)
    # 100 shares at 98.00: one basis point is 0.98, given back
    assert fees(desk.quote(9_700, 9_750)) == [(-98, "USD")]


def test_an_amount_per_share_with_a_minimum_per_order() -> None:
    by_share = schedule(taker_per_unit=Decimal("0.005"), minimum=Decimal("1.00"))
    assert charge(by_share, stock(), (False, 10_000, 100)) == 100, "0.50, but at least 1.00"
    assert charge(by_share, stock(), (False, 10_000, 500)) == 250
    assert charge(by_share, stock(), (False, 10_000, 100), (False, 10_000, 300)) == 200


# Interactive Brokers, US stocks, fixed: 0.005 a share, at least 1.00 an order, at most 1 % of its value
PUBLISHED = {
    "taker_per_unit": Decimal("0.005"),
    "maker_per_unit": Decimal("0.005"),
    "minimum": Decimal("1.00"),
    "maximum_basis_points": Decimal(100),
}


@pytest.mark.parametrize(
    ("shares", "dollars", "fee"),
    [
        (100, 25, 100),  # 0.50, but at least 1.00
        (1_000, 25, 500),  # 5.00
        (1_000, Decimal("0.25"), 250),  # 5.00, but at most 1 % of 250.00
        (10, 2, 20),  # the maximum of 1 % of 20.00 wins over the minimum of 1.00
    ],
)
def test_a_published_price_list_per_share(shares: int, dollars: Decimal, fee: int) -> None:
    assert charge(schedule(**PUBLISHED), stock(), (False, int(dollars * 100), shares)) == fee


def test_while_the_maximum_holds_the_minimum_down_the_first_fills_pay_it_together() -> None:
    desk = Desk(fees=schedule(**PUBLISHED))
    desk.quote(999, 1000, ask_size=4)
    # 4 shares are worth 40.00: 0.40; then 8, 12 and 16 of them: 0.80, 1.00, 1.00
    first = fees(desk.buy(16, 1000))
    later = [fee for _ in range(3) for fee in fees(desk.quote(999, 1000, ask_size=4))]
    assert [fee for fee, _ in first + later] == [40, 40, 20, 0]


@pytest.mark.parametrize("field", ["minimum", "maximum_basis_points"])
def test_a_minimum_or_maximum_below_nothing_is_refused(field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        FeeSchedule(**(msgspec.structs.asdict(FREE_OF_CHARGE) | {field: Decimal(-1)}))


def test_the_minimum_is_paid_once_and_the_parts_add_up_to_the_whole() -> None:
    desk = Desk(fees=schedule(taker_per_unit=Decimal("0.005"), minimum=Decimal("1.00")))
    desk.quote(1000, 1002, ask_size=100)
    first = fees(desk.buy(400, 1002))
    later = [fee for _ in range(3) for fee in fees(desk.quote(1000, 1002, ask_size=100))]
    assert [fee for fee, _ in first + later] == [100, 0, 50, 50]


def test_halves_of_a_quantum_go_to_the_even_one() -> None:
    half = schedule(taker_per_unit=Decimal("0.005"))
    assert [charge(half, stock(), (False, 1000, shares)) for shares in (1, 3, 5)] == [0, 2, 2]


def test_fees_in_what_is_bought() -> None:
    in_kind = schedule(
        taker_basis_points=Decimal(10), asset=BaseAsset(codes={"BTCUSDT": "BTC"}, quantum=Decimal("0.00000001"))
    )
    # 0.5 BTC at any price: 10 basis points are 0.0005 BTC
    assert charge(in_kind, BITCOIN, (False, 6_000_000, 50_000)) == 50_000
    assert tariff(in_kind, BITCOIN).asset == "BTC"
    with pytest.raises(ConfigError, match="AAPL"):
        tariff(in_kind, stock())


def test_fees_in_a_third_asset_at_its_fixed_price() -> None:
    third = schedule(
        taker_basis_points=Decimal("7.5"),
        asset=NamedAsset(code="BNB", quantum=Decimal("0.00000001"), price=Decimal(500)),
    )
    # 0.5 BTC at 60,000.00 are 30,000 USDT; 7.5 basis points are 22.5 USDT, at 500 USDT each 0.045 BNB
    assert charge(third, BITCOIN, (False, 6_000_000, 50_000)) == 4_500_000


@given(
    points=st.decimals(-20, 20, places=2),
    per_unit=st.decimals("-0.01", "0.01", places=4),
    minimum=st.none() | st.decimals(0, 2, places=2),
    maximum=st.none() | st.decimals(0, 200, places=1),
    trades=st.lists(st.tuples(st.integers(1, 100_000), st.integers(1, 5_000)), min_size=1, max_size=6),
)
def test_equals_an_independent_sum_in_decimals(
    points: Decimal,
    per_unit: Decimal,
    minimum: Decimal | None,
    maximum: Decimal | None,
    trades: list[tuple[int, int]],
) -> None:
    value = sum(Decimal(price) / 100 * quantity for price, quantity in trades)
    total = value * points / 10_000 + per_unit * sum(quantity for _, quantity in trades)
    if minimum is not None:
        total = max(total, minimum)
    if maximum is not None:
        total = min(total, value * maximum / 10_000)
    expected = total.quantize(Decimal("0.01"), ROUND_HALF_EVEN)

    rates = schedule(maker_basis_points=points, maker_per_unit=per_unit, minimum=minimum, maximum_basis_points=maximum)

    assert charge(rates, stock(), *((True, price, quantity) for price, quantity in trades)) == expected * 100


@given(
    points=st.decimals(0, 20, places=2),
    per_unit=st.decimals(0, "0.01", places=4),
    minimum=st.none() | st.decimals(0, 2, places=2),
    maximum=st.none() | st.decimals(0, 200, places=1),
    trades=st.lists(st.tuples(st.integers(1, 100_000), st.integers(1, 5_000)), min_size=2, max_size=6),
)
def test_without_rebates_another_fill_never_lowers_what_an_order_has_paid(
    points: Decimal,
    per_unit: Decimal,
    minimum: Decimal | None,
    maximum: Decimal | None,
    trades: list[tuple[int, int]],
) -> None:
    rates = schedule(taker_basis_points=points, taker_per_unit=per_unit, minimum=minimum, maximum_basis_points=maximum)
    fills = [(False, price, quantity) for price, quantity in trades]
    paid = [charge(rates, stock(), *fills[:count]) for count in range(1, len(fills) + 1)]
    assert paid == sorted(paid)
    assert paid[0] >= 0


TIERS = (
    FeeTier(from_volume=Decimal(1_000), maker_basis_points=Decimal(1), taker_basis_points=Decimal(4)),
    FeeTier(from_volume=Decimal(3_000), maker_basis_points=Decimal(0), taker_basis_points=Decimal(2)),
)
TIERED = schedule(maker_basis_points=Decimal(5), taker_basis_points=Decimal(10), tiers=TIERS)
DAY_SECONDS = 86_400


def on_day(desk: Desk, day: int) -> Desk:
    """The market of that day, in which one share costs 100.00."""
    desk.time = day * DAY_SECONDS * SECOND
    desk.quote(9_900, 10_000)
    return desk


def test_a_tier_is_that_of_the_thirty_days_before_and_a_days_own_trades_count_from_midnight() -> None:
    desk = Desk(fees=TIERED)
    # 10 shares are 1,000.00: ten basis points are 1.00
    assert fees(on_day(desk, 100).buy(10)) == [(100, "USD")]
    assert fees(desk.buy(10)) == [(100, "USD")], "of the same day"
    assert fees(on_day(desk, 101).buy(10)) == [(40, "USD")], "2,000 before"
    assert fees(on_day(desk, 102).buy(10)) == [(20, "USD")], "3,000 before: it is reached"
    assert fees(on_day(desk, 131).buy(10)) == [(40, "USD")], "the days 101 to 130: 2,000"
    assert fees(on_day(desk, 133).buy(10)) == [(40, "USD")], "the days 103 to 132: 1,000"
    assert fees(on_day(desk, 190).buy(10)) == [(100, "USD")]


def test_makers_have_tiers_of_their_own_and_the_venue_remembers_over_a_restart() -> None:
    desk = Desk(fees=TIERED)
    on_day(desk, 100).buy(40)
    desk.venue = PaperVenue.restore(desk.settings, desk.instruments, desk.venue.snapshot())
    on_day(desk, 101).buy(10, 9_800)
    assert fees(desk.quote(9_700, 9_750)) == [(0, "USD")], "3,000 were reached: makers pay nothing"


@given(
    st.lists(st.tuples(st.integers(0, 70), st.integers(1, 40)), min_size=1, max_size=25).map(sorted),
)
def test_tiers_equal_a_calculation_from_all_trades(trades: list[tuple[int, int]]) -> None:
    desk, done = Desk(fees=TIERED), list[tuple[int, int]]()
    for day, shares in trades:
        volume = sum(value for earlier, value in done if day - 30 <= earlier < day)
        points = 10 if volume < 1_000 else 4 if volume < 3_000 else 2
        ((fee, _),) = fees(on_day(desk, 100 + day).buy(shares))
        assert fee == shares * 100 * points // 100
        done.append((day, shares * 100))


def test_tiers_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ConfigError, match="let them rise"):
        schedule(tiers=(TIERS[1], TIERS[0]))
