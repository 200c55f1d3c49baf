"""At a venue without replace a change is a cancel first; what is then confirmed to be left goes out anew."""

from typing import Any

import pytest

from tests.tools.core_kit import ANNA, Core, limit, limits
from toolkit.domain import commands as cm
from toolkit.domain.orders import Ability, Status
from toolkit.domain.requests import CancelOrder, SubmitOrder

WITHOUT: dict[str, Any] = {"supports": tuple(set(Ability) - {Ability.REPLACE})}


def bought(**venue: Any) -> tuple[Core, str]:
    """A bid for 10 that rests."""
    core = Core(rows=limits(), **(WITHOUT | venue))
    return core, core.buy(10, 9_990)


def test_it_is_cancelled_and_the_rest_goes_out_with_the_same_intent() -> None:
    core, intent = bought()
    core.modify(intent, quantity=8, price=9_991)
    assert core.replaces_received() == []
    kinds = [type(one) for one in core.received if isinstance(one, CancelOrder | SubmitOrder)]
    assert kinds == [SubmitOrder, CancelOrder, SubmitOrder]
    order = core.order(intent)
    assert (order.quantity, order.price, order.status) == (8, 9_991, Status.NEW)
    assert core.at_venue() == [order.order_id]
    core.cancel(intent)
    assert core.at_venue() == []


def test_nothing_goes_out_before_the_venue_has_confirmed_the_cancel() -> None:
    core, intent = bought(cancel_latency=2_000_000_000)
    core.modify(intent, quantity=20)
    assert core.ledger.interval("trend", "AAPL").high == 10, "of both together nothing can come"
    core.quote(9_999, 10_001)
    assert len(core.orders_received()) == 1
    core.quote(9_999, 10_001)
    core.quote(9_999, 10_001)
    assert [order.quantity for order in core.orders_received()] == [10, 20]


def test_what_fills_on_the_way_is_not_asked_for_again() -> None:
    core, intent = bought(cancel_latency=2_000_000_000)
    core.modify(intent, quantity=12, price=9_980)
    core.quote(9_985, 9_988, size=4)
    for _ in range(3):
        core.quote(9_995, 9_997)
    assert core.held() == 4
    assert [order.quantity for order in core.orders_received()] == [10, 8]


def test_when_all_of_it_fills_on_the_way_nothing_is_left_to_change() -> None:
    core, intent = bought(cancel_latency=2_000_000_000)
    core.modify(intent, quantity=12, price=9_980)
    for _ in range(4):
        core.quote(9_985, 9_988)
    assert (core.held(), len(core.orders_received())) == (10, 1)
    assert core.order(intent).status is Status.FILLED


@pytest.mark.parametrize("stop", ["cancel", "disable"])
def test_who_stops_it_meanwhile_stops_the_change_too(stop: str) -> None:
    core, intent = bought(cancel_latency=2_000_000_000)
    core.modify(intent, quantity=12)
    if stop == "cancel":
        core.cancel(intent)
    else:
        core.disable()
    for _ in range(4):
        core.quote(9_999, 10_001)
    assert len(core.orders_received()) == 1
    assert (core.at_venue(), dict(core.ledger.changes)) == ([], {})
    assert len(core.cancels_received()) == 1, "one is on its way already"


@pytest.mark.parametrize("gone", ["a person says so", "the venue does not find it"])
def test_an_order_that_is_gone_without_a_cancel_may_have_filled_and_nothing_goes_out_in_its_place(gone: str) -> None:
    core, intent = bought()
    core.deaf = True
    core.modify(intent, quantity=12)
    core.wait(30)
    core.deaf = False
    order = core.order(intent)
    assert order.shown_status == "UNKNOWN"
    if gone == "a person says so":
        core.command(cm.ResolveDoubt(order_id=order.order_id, outcome="gone", who=ANNA, reason="the broker said so"))
    else:
        core.prove_absent(order.order_id)
    assert (core.order(intent).status, dict(core.ledger.changes)) == (Status.CANCELED, {})
    assert len(core.orders_received()) == 1, "it rests there still"
    assert "change_dropped" in core.alarms()
    assert core.shadow.digest() == core.ledger.digest()


def test_a_change_that_no_limit_lets_pass_cancels_nothing() -> None:
    core, intent = bought()
    core.modify(intent, quantity=1_000_000)
    assert core.cancels_received() == []
    assert core.order(intent).quantity == 10


def test_what_limits_forbid_by_then_is_denied_and_says_so() -> None:
    core, intent = bought(cancel_latency=2_000_000_000)
    core.modify(intent, quantity=12)
    core.limit(limits(limit("max_order_quantity", "5", "strategy", "trend")))
    for _ in range(4):
        core.quote(9_999, 10_001)
    assert core.denial().control == 3
    assert (core.at_venue(), dict(core.ledger.changes)) == ([], {})


def test_a_resting_exit_is_changed_for_what_is_still_held() -> None:
    core = Core(rows=limits(), **WITHOUT)
    core.buy(10, 10_001)
    target = core.sell(10, 10_050)
    core.modify(target, price=10_040)
    order = core.order(target)
    assert (order.quantity, order.price, order.status) == (10, 10_040, Status.NEW)
    core.quote(10_045, 10_047)
    assert core.held() == 0


def test_a_stop_that_is_moved_protects_again() -> None:
    core = Core(rows=limits(), **WITHOUT)
    core.buy(10, 10_001)
    stop = core.sell(10, stop=9_900)
    core.modify(stop, stop=9_950)
    core.quote(9_940, 9_942)
    core.quote(9_940, 9_942)
    assert core.held() == 0
