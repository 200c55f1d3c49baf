"""Absence of evidence is not evidence of absence: what we do not know is shown as UNKNOWN, counted, and asked for."""

import pytest

from tests.tools.core_kit import NEVER, Core, asked, limits, number
from toolkit.domain import requests as rq
from toolkit.domain.market import FeedMode
from toolkit.domain.orders import Doubt, Status
from toolkit.domain.ports import Lease
from toolkit.domain.positions import Interval
from toolkit.domain.requests import RejectReason
from toolkit.domain.time import FeedTime, WallTime
from toolkit.engine.messages import AbsenceProven, LineLost, NotSent, TimePassed
from toolkit.simulation.surprises import RefuseCancels


def not_found(identifier: str) -> rq.OrderNotFound:
    return rq.OrderNotFound(venue="paper", order_id=identifier, time=FeedTime(0), wall=WallTime(0))


def test_an_order_without_an_answer_becomes_unknown_and_the_venue_is_asked() -> None:
    core = Core()
    core.mute = True
    bought = core.buy(10, 9_990)
    core.wait(4.9)
    assert core.order(bought).shown_status == "PENDING_NEW"
    core.wait(0.1)
    assert core.told(bought) == ["PENDING_NEW", "UNKNOWN"]
    assert asked(core) == [number(1)]


def test_it_is_asked_for_again_and_again_until_the_venue_answers() -> None:
    core = Core()
    core.deaf = True
    bought = core.buy(10, 9_990)
    for _ in range(5):
        core.wait(5)
    assert asked(core) == [number(1)] * 5
    assert core.order(bought).shown_status == "UNKNOWN"


def test_an_unknown_order_counts_in_the_worst_case() -> None:
    core = Core(rows=limits(max_position="15"))
    core.mute = True
    core.buy(10, 9_990)
    core.wait(5)
    core.mute = False
    core.buy(6, 9_990)
    core.buy(5, 9_990)
    assert [order.quantity for order in core.orders_received()] == [10, 5]
    assert core.denial().observed == "16"


def test_not_found_alone_changes_nothing_however_often_it_is_said() -> None:
    """Hummingbot 8457: "not found" three times during a DNS outage, and six live orders were dropped."""
    core = Core()
    core.mute = True
    bought = core.buy(10, 9_990)
    core.wait(5)
    for _ in range(10):
        core.do(not_found(number(1)))
    assert core.order(bought).shown_status == "UNKNOWN"
    assert core.ledger.interval("trend", "AAPL") == Interval(low=0, high=10)


def test_an_order_found_working_is_working() -> None:
    core = Core()
    core.mute = True
    bought = core.buy(10, 9_990)
    core.mute = False
    core.wait(5)
    assert core.told(bought) == ["PENDING_NEW", "UNKNOWN", "NEW"]
    core.quote(9_985, 9_990)
    assert core.held() == 10


def test_what_never_arrived_goes_out_again_in_lockstep_with_the_same_id() -> None:
    core = Core()
    core.deaf = True
    bought = core.buy(10, 9_990)
    core.wait(5)
    core.deaf = False
    core.prove_absent(number(1))
    assert core.at_venue() == [number(1)]
    assert core.order(bought).shown_status == "NEW"
    core.prove_absent(number(1))
    assert len(core.orders_received()) == 1, "an answered order is not sent twice"


def test_what_never_arrived_is_rejected_on_a_free_feed_where_time_went_on() -> None:
    core = Core(mode=FeedMode.FREE)
    core.deaf = True
    bought = core.buy(10, 9_990)
    core.wait(5)
    core.deaf = False
    core.prove_absent(number(1))
    assert core.told(bought) == ["PENDING_NEW", "UNKNOWN", "REJECTED"]
    assert core.at_venue() == []


def test_a_second_copy_refused_as_duplicate_says_that_the_first_is_there() -> None:
    core = Core()
    core.deaf = True
    bought = core.buy(10, 9_990)
    core.wait(5)
    core.prove_absent(number(1))  # it goes out again, and both copies reach the venue after all
    core.deaf = core.mute = False
    for request in [request for request in core.lost if isinstance(request, rq.SubmitOrder)]:
        core._send(request)
    assert core.order(bought).shown_status == "NEW"
    assert core.alarms() == ["duplicate_id"]


def test_a_lost_line_puts_what_is_unanswered_into_doubt_and_nothing_else() -> None:
    core = Core()
    resting = core.buy(1, 9_990)
    core.mute = True
    unanswered = core.buy(2, 9_991)
    core.do(LineLost(venue="paper"))
    assert core.order(resting).shown_status == "NEW"
    assert core.order(unanswered).shown_status == "UNKNOWN"


def test_a_cancel_that_is_refused_proves_nothing_and_is_asked_again_until_the_order_is_gone() -> None:
    core = Core()
    bought = core.buy(10, 9_990)
    core.venue.process(RefuseCancels(count=2))
    core.cancel(bought)
    for _ in range(3):
        core.wait(1)
    assert core.at_venue() == []
    assert core.order(bought).status is Status.CANCELED
    assert len(core.cancels_received()) == 3


def test_a_cancel_lost_on_its_way_is_made_again() -> None:
    core = Core()
    bought = core.buy(10, 9_990)
    core.deaf = True
    core.cancel(bought)
    core.wait(5)
    core.deaf = False
    core.wait(1)
    assert core.at_venue() == []
    assert core.told(bought)[-1] == "CANCELED"


def test_a_change_is_only_believed_to_be_absent_by_its_own_id() -> None:
    """The old id was found working; the change may still be on its way, so its size counts."""
    core = Core(mode=FeedMode.FREE)
    bought = core.buy(10, 9_990)
    core.deaf = True
    core.modify(bought, quantity=50)
    core.wait(5)
    core.deaf = False
    core.wait(1)
    assert core.order(bought).doubt is Doubt.REPLACE
    assert core.ledger.interval("trend", "AAPL").high == 50
    core.prove_absent(number(2))
    core.wait(1)
    assert core.order(bought).shown_status == "NEW"
    assert core.ledger.interval("trend", "AAPL").high == 10


def test_a_change_that_the_venue_made_is_found_by_its_new_id() -> None:
    core = Core()
    bought = core.buy(10, 9_990)
    core.mute = True
    core.modify(bought, quantity=4)
    core.mute = False
    core.wait(5)
    assert (core.order(bought).shown_status, core.order(bought).quantity) == ("NEW", 4)
    core.cancel(bought)
    assert core.at_venue() == []


def test_the_old_id_of_a_changed_order_is_unknown_at_the_venue_and_that_ends_nothing() -> None:
    core = Core()
    bought = core.buy(10, 9_990)
    core.mute = True
    core.modify(bought, quantity=4)
    core.wait(5)
    core.prove_absent(number(1))
    assert core.order(bought).shown_status == "UNKNOWN"


def test_a_cancel_over_an_unanswered_change_reaches_the_order_under_whatever_id() -> None:
    core = Core()
    bought = core.buy(10, 9_990)
    core.mute = True
    core.modify(bought, quantity=4)
    core.cancel(bought)
    core.mute = False
    core.wait(5)
    core.wait(1)
    assert core.at_venue() == []
    assert core.order(bought).status is Status.CANCELED


def test_a_refused_change_is_not_tried_again() -> None:
    core = Core()
    bought = core.buy(10, 9_990)
    core.mute = True
    core.modify(bought, quantity=20)
    core.mute, core.withheld = False, []
    core.do(
        rq.ReplaceRefused(
            venue="paper",
            report=0,
            order_id=number(1),
            new_id=number(2),
            reason=RejectReason.OTHER,
            text="",
            time=FeedTime(0),
            wall=WallTime(0),
        )
    )
    for _ in range(3):
        core.wait(1)
    assert len(core.replaces_received()) == 1


def test_what_was_dropped_before_the_line_never_was() -> None:
    core = Core()
    core.deaf = True
    bought = core.buy(10, 9_990)
    core.do(NotSent(requests=tuple(core.lost), cause="latched shut"))
    assert core.told(bought) == ["PENDING_NEW", "REJECTED"]
    assert core.order(bought).reason == "not_sent latched shut"
    assert core.ledger.interval("trend", "AAPL") == Interval(low=0, high=0)


def test_after_a_take_over_everything_unanswered_is_unknown() -> None:
    core = Core()
    core.mute = True
    bought = core.buy(10, 9_990)
    core.take(core.engine.begin_epoch(core.now(), Lease(epoch=2, send_by=NEVER), "there", 2))
    assert core.order(bought).shown_status == "UNKNOWN"
    core.mute = False
    core.wait(1)
    assert core.order(bought).shown_status == "NEW"


def test_a_cancel_that_left_through_the_lifeboat_is_asked_for() -> None:
    core = Core()
    bought = core.buy(10, 9_990)
    core.take(core.engine.import_cancels(core.now(), [number(1)]))
    assert core.order(bought).shown_status == "UNKNOWN"
    core.wait(1)
    assert core.at_venue() == [], "found working, so it is canceled again"


def test_a_question_that_was_lost_with_its_line_is_asked_again_at_once() -> None:
    """Feed time stands still while a venue comes back: waiting a second of it would be waiting for the next step."""
    core = Core()
    core.deaf = True
    core.buy(10, 9_990)
    core.do(LineLost(venue="paper"))
    core.do(TimePassed())
    core.do(LineLost(venue="paper"))
    core.do(TimePassed())
    assert asked(core) == [number(1)] * 2


def test_a_change_proven_absent_after_its_order_was_found_is_made_again_before_the_next_step() -> None:
    """The proof takes a quarantine, so the venue's word on the order itself comes first: it is asked for once more."""
    core = Core(mode=FeedMode.LOCKSTEP)
    bought = core.buy(10, 9_990)
    core.deaf = True
    core.modify(bought, quantity=20)
    core.do(LineLost(venue="paper"))
    core.do(
        rq.OrderFound(
            venue="paper",
            order_id=number(1),
            venue_order_id="V1",
            status=Status.NEW,
            quantity=10,
            price=9_990,
            filled=0,
            time=FeedTime(0),
            wall=WallTime(0),
        )
    )
    core.deaf = False
    core.do(AbsenceProven(venue="paper", order_id=number(2)))
    core.do(AbsenceProven(venue="paper", order_id=number(2)))
    assert [request.new_id for request in core.replaces_received()] == [number(2)]
    assert core.order(bought).quantity == 20


@pytest.mark.parametrize("mode", FeedMode)
def test_a_cancel_outlives_the_doubt_of_the_order_that_it_was_asked_for(mode: FeedMode) -> None:
    """The order arrived and its answer got lost; then it was stopped, and that got lost too."""
    core = Core(mode=mode)
    core.mute = True
    bought = core.buy(10, 9_990)
    core.withheld = []
    core.do(LineLost(venue="paper"))
    core.deaf = True
    core.disable()
    core.do(LineLost(venue="paper"))
    core.deaf = core.mute = False
    for _ in range(3):
        core.wait(1)
    assert core.order(bought).status is Status.CANCELED
    assert core.at_venue() == []


@pytest.mark.parametrize("mode", FeedMode)
@pytest.mark.parametrize("arrived", [True, False])
def test_a_cancel_outlives_the_doubt_of_a_change(mode: FeedMode, arrived: bool) -> None:
    core = Core(mode=mode)
    bought = core.buy(10, 9_000)
    core.mute, core.deaf = True, not arrived
    core.modify(bought, 20, 9_001)
    core.withheld = []
    core.do(LineLost(venue="paper"))
    core.deaf = True
    core.disable()
    core.do(LineLost(venue="paper"))
    core.deaf = core.mute = False
    for _ in range(5):
        core.wait(1)
        for report in [each for each in core.heard if isinstance(each, rq.OrderNotFound)]:
            core.prove_absent(report.order_id)
        core.heard.clear()
    assert core.order(bought).status is Status.CANCELED
    assert core.at_venue() == []


@pytest.mark.parametrize("flatten", [False, True])
def test_an_entry_that_never_arrived_is_not_sent_again_once_it_was_stopped(flatten: bool) -> None:
    core = Core(mode=FeedMode.LOCKSTEP)
    core.deaf = True
    bought = core.buy(10, 9_990)
    core.do(LineLost(venue="paper"))
    core.disable(flatten=flatten)
    core.do(LineLost(venue="paper"))
    core.deaf = False
    core.prove_absent(number(1))
    core.wait(1)
    assert core.order(bought).status is Status.CANCELED
    assert core.orders_received() == []
