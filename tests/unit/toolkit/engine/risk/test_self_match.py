"""Control 15 by what the venue received and holds: no two orders of this book ever meet there."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core_kit import Core, limits, without
from toolkit.domain import events as ev
from toolkit.domain.orders import OrderClass, OrderType, Side
from toolkit.domain.requests import CancelOrder, SubmitOrder, VenueRequest

TWO = ("trend", "quoting")


def two(mode: str | None = "cancel_resting", **venue: Any) -> Core:
    return Core(rows=limits(self_match=mode), strategies=TWO, **venue)


def after_resting_sale(core: Core) -> str:
    core.sell(5, 10_010, strategy="quoting")
    return core.orders_received()[0].order_id


@pytest.mark.proves(15, "breach")
def test_what_rests_is_cancelled_before_the_new_order_leaves() -> None:
    core = two()
    resting = after_resting_sale(core)
    core.buy(3, 10_010)
    cancel, order = core.received[-2:]
    assert isinstance(cancel, CancelOrder)
    assert isinstance(order, SubmitOrder)
    assert cancel.order_id == resting
    assert core.of(ev.CancelRequested)[-1].cause == "would trade with an order of trend"
    assert resting not in core.at_venue()


def test_the_edge_is_a_price_that_does_not_reach() -> None:
    core = two()
    resting = after_resting_sale(core)
    core.buy(3, 10_009)
    assert not core.cancels_received()
    assert resting in core.at_venue()


def test_the_new_order_is_refused_and_told_what_would_pass() -> None:
    core = two("refuse_new")
    resting = after_resting_sale(core)
    core.buy(3, 10_010)
    assert len(core.orders_received()) == 1
    assert not core.cancels_received()
    denial = core.denial()
    assert (denial.control, denial.observed) == (15, f"would trade with {resting} of quoting")
    assert denial.would_pass == f"once {resting} has ended, or at a price that does not reach 100.10"
    core.buy(3, 10_009)
    assert len(core.orders_received()) == 2


def test_both_cancels_and_refuses() -> None:
    core = two("both")
    resting = after_resting_sale(core)
    core.buy(3, 10_010)
    assert len(core.orders_received()) == 1
    assert [cancel.order_id for cancel in core.cancels_received()] == [resting]
    core.buy(3, 10_010)
    assert len(core.orders_received()) == 2


def test_without_a_mode_nothing_enters() -> None:
    core = two(None)
    core.buy(1, 9_000)
    assert core.orders_received() == []
    assert (core.denial().observed, core.denial().limit) == ("self_match", "LIMIT_NOT_SET")


def test_without_the_control_they_meet() -> None:
    core = Core(rows=limits(self_match="both"), strategies=TWO, controls=without(15))
    after_resting_sale(core)
    core.buy(3, 10_010)
    assert len(core.orders_received()) == 2
    assert not core.cancels_received()


def test_a_market_order_meets_what_stands_before_the_best_price() -> None:
    core = two("refuse_new")
    core.sell(5, 10_001, strategy="quoting")
    core.buy(3)
    assert core.denial().control == 15


def test_the_limit_of_a_market_order_stops_short_of_what_stands_behind() -> None:
    core = two("both")
    resting = after_resting_sale(core)
    core.buy(3)
    assert core.orders_received()[-1].price == 10_009
    assert resting in core.at_venue()
    core.sell(3)
    core.sell(2)
    assert core.held() == -2
    core.buy(1, 9_990, strategy="quoting")
    core.sell(1)
    assert core.orders_received()[-1].price == 9_991


@pytest.mark.proves(15, "breach")
def test_an_exit_always_goes_and_what_rests_makes_way() -> None:
    core = two("refuse_new")
    core.buy(5, strategy="trend")
    core.buy(2, 9_990, strategy="quoting")
    resting = core.orders_received()[-1].order_id
    core.sell(5, 9_990)
    assert core.orders_received()[-1].order_class is OrderClass.EXIT
    assert [cancel.order_id for cancel in core.cancels_received()] == [resting]
    assert core.held() == 0


def test_an_entry_never_costs_an_exit_its_place() -> None:
    core = two("both")
    core.buy(5, strategy="trend")
    core.sell(5, 10_010)
    core.buy(1, 10_010, strategy="quoting")
    assert core.denial().control == 15
    assert not core.cancels_received()


def test_an_entry_waits_for_what_is_not_known() -> None:
    core = two()
    core.mute = True
    core.sell(5, 10_010, strategy="quoting")
    core.mute = False
    core.buy(3, 10_010)
    assert core.denial().control == 15
    assert not core.cancels_received()


def test_a_change_of_price_is_held_against_what_rests_too() -> None:
    core = two()
    resting = after_resting_sale(core)
    order = core.buy(3, 9_990)
    core.modify(order, price=10_010)
    assert [cancel.order_id for cancel in core.cancels_received()] == [resting]
    assert len(core.replaces_received()) == 1


def test_a_triggered_stop_of_the_engine_clears_its_way() -> None:
    core = two(supports=())
    core.buy(5, strategy="trend")
    core.sell(5, stop=9_980)
    for price in (9_979, 9_970):
        core.buy(2, price, strategy="quoting")
    before, behind = (order.order_id for order in core.orders_received()[-2:])
    core.quote(9_979, 9_981)
    core.quote(9_979, 9_981)
    assert [cancel.order_id for cancel in core.cancels_received()] == [before]
    assert behind in core.at_venue()
    assert core.orders_received()[-1].price == 9_971
    assert core.held() == 0


def test_another_instrument_or_the_same_side_is_in_nobodys_way() -> None:
    core = two("refuse_new")
    core.buy(5, 10_000, strategy="quoting")
    core.buy(3, 10_000)
    assert len(core.orders_received()) == 2


MOVES = st.tuples(
    st.sampled_from(TWO), st.sampled_from(Side), st.integers(1, 5), st.one_of(st.none(), st.integers(9_980, 10_020))
)


@pytest.mark.proves(15, "breach")
@pytest.mark.parametrize("mode", ["cancel_resting", "refuse_new", "both"])
@given(st.lists(st.one_of(MOVES, st.integers(-15, 15)), max_size=30))
def test_no_fill_against_oneself(mode: str, moves: Sequence[tuple[str, Side, int, int | None] | int]) -> None:
    """Whatever two strategies ask for, at no moment could an order that arrives trade with one that is there."""
    core = Watched(rows=limits(self_match=mode), strategies=TWO)
    for move in moves:
        if isinstance(move, int):
            core.quote(9_999 + move, 10_001 + move)
        else:
            strategy, side, quantity, price = move
            core.place(side, quantity, price, strategy=strategy)
    assert not core.met


class Watched(Core):
    """Looks at each order as it arrives at the venue: which of our own does it reach there?"""

    def _send(self, request: VenueRequest) -> None:
        if isinstance(request, SubmitOrder) and (request.price is not None or request.order_type is OrderType.MARKET):
            for resting in self.venue.state().open_orders:
                reaches = request.price is None or (request.price - (resting.price or 0)) * request.side >= 0
                if resting.side is not request.side and reaches:
                    self.met.append((request.order_id, resting.order_id))
        super()._send(request)

    @property
    def met(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = self.__dict__.setdefault("_met", [])
        return found
