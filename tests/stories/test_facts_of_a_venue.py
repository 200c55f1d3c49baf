"""A venue's facts are never refused: they change the books in every status, count once, and alarm when unexpected."""

import pytest

from tests.tools.core_kit import Core, number
from toolkit.domain import ledger as ledger_module
from toolkit.domain import requests as rq
from toolkit.domain.events import OrderFilled
from toolkit.domain.ledger import HOUSE, MANUAL, Ledger
from toolkit.domain.market import FeedMode
from toolkit.domain.orders import Side, Status
from toolkit.domain.requests import Liquidity
from toolkit.domain.time import FeedTime, WallTime
from toolkit.engine.engine import Engine
from toolkit.engine.messages import EngineSettings, Recalled
from toolkit.simulation.surprises import BustFill, CorrectFill, LateFill


def late_fill(core: Core, identifier: str, quantity: int) -> None:
    fill = LateFill(order_id=identifier, price=9_990, quantity=quantity, liquidity=Liquidity.MAKER)
    core._hear(core.venue.process(fill))


def filled(identifier: str, quantity: int, execution: str = "E1", report: int = 0, price: int = 9_990) -> rq.Filled:
    return rq.Filled(
        venue="paper",
        report=report,
        order_id=identifier,
        venue_order_id="V1",
        execution_id=execution,
        instrument="AAPL",
        side=Side.BUY,
        price=price,
        quantity=quantity,
        fee=0,
        fee_asset="USD",
        liquidity=Liquidity.MAKER,
        time=FeedTime(0),
        wall=WallTime(0),
    )


def busted(identifier: str, execution: str, report: int = 0) -> rq.Busted:
    return rq.Busted(
        venue="paper", report=report, order_id=identifier, execution_id=execution, time=FeedTime(0), wall=WallTime(0)
    )


def corrected(identifier: str, execution: str, quantity: int, report: int = 0, price: int = 9_990) -> rq.Corrected:
    return rq.Corrected(
        venue="paper", report=report, order_id=identifier, execution_id=execution, price=price, quantity=quantity,
        fee=0, time=FeedTime(0), wall=WallTime(0),
    )  # fmt: skip


def test_fifteen_orders_reported_cancelled_that_had_all_filled() -> None:
    """pysystemtrade 1580."""
    core = Core()
    orders = [core.buy(1, 9_990 - place) for place in range(15)]
    for order in orders:
        core.cancel(order)
    for place in range(15):
        late_fill(core, number(place + 1), 1)
    assert core.held() == 15
    assert {core.order(order).status for order in orders} == {Status.FILLED}
    assert core.alarms() == ["unexpected_fact"] * 15


def test_fills_that_a_stream_dropped_come_with_the_replay_and_count_once() -> None:
    """Lean-TradeStation 101: 14 of 18 fills lost, and the algorithm sold in a loop."""
    core = Core()
    core.buy(18, 9_990)
    core.mute = True
    for _ in range(18):
        late_fill(core, number(1), 1)
    fills, core.withheld = core.withheld, []
    for report in fills[:4]:
        core.do(report)
    core.mute = False
    for report in fills:
        core.do(report)
    assert core.held() == 18
    assert core.fills_told() == [1] * 18


def test_a_recovered_order_takes_its_own_fills_and_no_others() -> None:
    """freqtrade 13399: a recovered order got the previous trade's fill."""
    core = Core()
    first = core.buy(5, 9_990)
    late_fill(core, number(1), 5)
    core.mute = True
    second = core.buy(5, 9_990)
    core.wait(5)
    core.do(filled(number(1), 5, execution="E1", report=1))
    assert core.order(first).filled == 5
    assert (core.order(second).filled, core.order(second).shown_status) == (0, "UNKNOWN")


def test_an_order_found_filled_waits_for_the_fills_themselves() -> None:
    core = Core()
    core.mute = True
    bought = core.buy(5)
    core.wait(5)
    core.do(core.venue.process(rq.QueryOrder(venue="paper", order_id=number(1)))[0])
    assert (core.held(), core.order(bought).shown_status) == (0, "UNKNOWN")
    core.hear_withheld()
    assert (core.held(), core.order(bought).status) == (5, Status.FILLED)


def test_an_overfill_is_booked_and_somebody_is_told() -> None:
    core = Core()
    core.buy(10, 9_990)
    late_fill(core, number(1), 13)
    assert core.held() == 13
    assert core.alarms() == ["overfill"]


def test_a_bust_takes_the_trade_back() -> None:
    core = Core()
    core.buy(10)
    fill = core.heard[-1]
    assert isinstance(fill, rq.Filled)
    core._hear(
        core.venue.process(BustFill(order_id=fill.order_id, execution_id=fill.execution_id, quantity=fill.quantity))
    )
    assert (core.held(), core.ledger.cash["trend"]["USD"]) == (0, 0)
    assert core.fills_told() == [10, -10]
    assert core.alarms() == ["unexpected_fact"]


def test_a_correction_books_the_trade_as_it_should_have_been() -> None:
    core = Core()
    core.buy(10)
    fill = core.heard[-1]
    assert isinstance(fill, rq.Filled)
    core._hear(
        core.venue.process(
            CorrectFill(
                order_id=fill.order_id, execution_id=fill.execution_id, old_quantity=10, quantity=7, price=10_000, fee=3
            )
        )
    )
    assert core.held() == 7
    assert core.ledger.cash["trend"]["USD"] == -7 * 10_000 - 3


def test_a_bust_of_a_trade_that_is_not_in_the_books_is_an_alarm_not_an_accident() -> None:
    core = Core()
    core.buy(10, 9_990)
    core.do(
        rq.Busted(venue="paper", report=0, order_id=number(1), execution_id="?", time=FeedTime(0), wall=WallTime(0))
    )
    assert core.alarms() == ["unknown_execution"]


def test_without_report_numbers_a_fill_counts_once_by_id_price_and_quantity() -> None:
    core = Core()
    core.buy(10, 9_990)
    core.do(filled(number(1), 4, "E1"))
    core.do(filled(number(1), 4, "E1"))
    core.do(filled(number(1), 3, "E1"))  # a millisecond clock as execution id: another trade
    assert core.held() == 7


def test_with_report_numbers_two_equal_trades_are_two() -> None:
    core = Core()
    core.buy(10, 9_990)
    core.do(filled(number(1), 4, "1699999999999", report=101))
    core.do(filled(number(1), 4, "1699999999999", report=102))
    core.do(filled(number(1), 4, "1699999999999", report=102))
    assert core.held() == 8


def test_a_fill_of_an_order_we_lost_goes_to_the_house_once() -> None:
    core = Core()
    core.do(filled(number(77), 4))
    core.do(filled(number(77), 4))
    assert core.held(HOUSE) == 4
    assert core.alarms() == ["lost_order"]
    assert core.ledger.venue_positions["paper"] == {"AAPL": 4}


def test_a_fill_of_somebody_else_s_order_is_booked_to_manual_once_and_somebody_is_told() -> None:
    core = Core()
    core.do(filled("XXX0000100000001", 4))
    core.do(filled("XXX0000100000001", 4))
    assert core.alarms() == ["foreign_order"]
    assert core.held(MANUAL) == 4
    assert core.ledger.venue_positions["paper"] == {"AAPL": 4}
    assert core.ledger.venue_cash["paper"]["USD"] == core.ledger.cash[MANUAL]["USD"] == -4 * 9_990


@pytest.mark.parametrize(("identifier", "account"), [("XXX0000100000001", MANUAL), (number(77), HOUSE)])
def test_a_bust_of_a_stranger_s_trade_takes_it_back_from_where_it_was_booked(identifier: str, account: str) -> None:
    core = Core()
    core.do(filled(identifier, 4, "E1", report=1))
    core.do(corrected(identifier, "E1", quantity=3, report=2))
    assert core.held(account) == 3
    core.do(busted(identifier, "E1", report=3))
    assert (core.held(account), core.ledger.cash[account]["USD"]) == (0, 0)
    assert core.shadow.digest() == core.ledger.digest()


def test_a_report_that_changes_nothing_is_told_of_once_also_after_a_restart() -> None:
    core = Core()
    core.buy(10, 9_990)
    nothing: tuple[rq.VenueReport, ...] = (
        busted(number(1), "?", report=101),
        filled(number(1), 0, report=102),
        rq.Canceled(venue="paper", report=103, order_id="SOMEBODY", time=FeedTime(0), wall=WallTime(0)),
        busted("SOMEBODY", "?", report=104),
        rq.Rejected(
            venue="paper", report=105, order_id=number(1), reason=rq.RejectReason.DUPLICATE, text="", time=FeedTime(0),
            wall=WallTime(0),
        ),
    )  # fmt: skip
    for report in nothing:
        core.do(report)
    told = core.alarms()
    assert len(told) == len(nothing)
    again = Engine(Ledger.from_bytes(core.ledger.to_bytes()), EngineSettings(feed_mode=FeedMode.LOCKSTEP))
    assert [again.process(core.now(), report).events for report in nothing] == [()] * len(nothing)


def test_a_bust_of_a_trade_that_the_ledger_has_forgotten_changes_the_books(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "CLOSED_ORDERS_KEPT", 3)
    core = Core()
    core.buy(10)
    trade = core.of(OrderFilled)[0]
    for _ in range(6):
        core.buy(1)
    assert core.ledger.order(trade.order_id) is None
    core.do(Recalled(report=busted(trade.order_id, trade.execution_id), trade=trade))
    assert core.held() == 6
    assert core.ledger.venue_positions["paper"] == {"AAPL": 6}
    assert core.alarms() == ["late_revision"]
    assert core.shadow.digest() == core.ledger.digest()


def test_a_fill_in_an_instrument_we_do_not_know_stops_nobody() -> None:
    core = Core()
    core.do(msg := filled(number(77), 4))
    unknown = rq.Filled(**{name: getattr(msg, name) for name in msg.__struct_fields__} | {"instrument": "???"})
    core.do(unknown)
    assert core.alarms() == ["lost_order", "lost_order"]


def test_a_trade_of_nothing_is_nonsense_and_not_a_fact() -> None:
    core = Core()
    core.buy(10, 9_990)
    core.do(filled(number(1), 0))
    core.do(filled(number(1), -5))
    assert core.alarms() == ["malformed_report"] * 2
    assert core.held() == 0


def test_a_venue_that_gives_a_changed_order_an_id_of_its_own_is_understood() -> None:
    core = Core()
    bought = core.buy(10, 9_990)
    core.do(
        rq.Replaced(
            venue="paper",
            report=0,
            order_id=number(1),
            new_id="V-7",
            quantity=8,
            price=9_990,
            time=FeedTime(0),
            wall=WallTime(0),
        )
    )
    core.do(filled("V-7", 8))
    assert (core.held(), core.order(bought).status) == (8, Status.FILLED)
