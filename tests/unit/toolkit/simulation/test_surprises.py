"""What a drill can make the venue do against its rules; each is a fact that our books must take."""

import pytest

from tests.tools.venue_kit import Desk, order, said
from toolkit.domain.errors import DomainError
from toolkit.domain.orders import Status
from toolkit.domain.requests import Busted, Corrected, Filled, Liquidity, OrderFound
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.surprises import BustFill, CorrectFill, LateFill, RefuseCancels


def desk_with_a_resting_order() -> Desk:
    desk = Desk()
    desk.quote(1000, 1002)
    desk.buy(10, 990)
    return desk


def late(quantity: int) -> LateFill:
    return LateFill(order_id=order(1), price=991, quantity=quantity, liquidity=Liquidity.MAKER)


def test_so_many_cancels_are_refused_and_the_order_stays() -> None:
    desk = desk_with_a_resting_order()
    assert desk.venue.process(RefuseCancels(count=2)) == ()
    assert said(desk.cancel(1)) == ["cancel_refused"]
    desk.venue = PaperVenue.restore(desk.settings, desk.instruments, desk.venue.snapshot())
    assert said(desk.cancel(1)) == ["cancel_refused"]
    assert len(desk.venue.state().open_orders) == 1
    assert said(desk.cancel(1)) == ["canceled"]


def test_a_fill_after_the_cancel_leaves_it_canceled_with_a_position() -> None:
    desk = desk_with_a_resting_order()
    desk.cancel(1)
    (fill,) = desk.venue.process(late(4))
    assert isinstance(fill, Filled)
    assert (fill.price, fill.quantity) == (991, 4)
    found = desk.query(1)
    assert isinstance(found, OrderFound)
    assert (found.status, found.filled) == (Status.CANCELED, 4)
    assert desk.venue.state().positions == (("AAPL", 4),)


def test_an_overfill_ends_the_order_above_its_quantity() -> None:
    desk = desk_with_a_resting_order()
    assert said(desk.venue.process(late(11))) == ["filled"]
    assert desk.venue.state().open_orders == ()
    assert desk.venue.state().positions == (("AAPL", 11),)
    assert desk.quote(900, 901) == ()


def test_a_trade_can_be_corrected_and_taken_back() -> None:
    desk = desk_with_a_resting_order()
    (fill,) = desk.venue.process(late(10))
    assert isinstance(fill, Filled)
    execution = fill.execution_id

    (corrected,) = desk.venue.process(
        CorrectFill(order_id=order(1), execution_id=execution, old_quantity=10, quantity=8, price=990, fee=3)
    )
    assert isinstance(corrected, Corrected)
    assert (corrected.quantity, corrected.price, corrected.fee) == (8, 990, 3)
    assert desk.venue.state().positions == (("AAPL", 8),)

    (busted,) = desk.venue.process(BustFill(order_id=order(1), execution_id=execution, quantity=8))
    assert isinstance(busted, Busted)
    assert busted.report == corrected.report + 1
    assert desk.venue.state().positions == ()


def test_a_surprise_for_an_order_that_nobody_sent_is_refused() -> None:
    with pytest.raises(DomainError, match="does not know the order"):
        Desk().venue.process(late(1))
