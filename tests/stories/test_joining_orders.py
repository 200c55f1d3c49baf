"""Aggregation: equal entries go to the venue as one order, and each strategy's order lives as if it had gone alone."""

import pytest

from tests.tools.core_kit import ANNA, Core, limits, number
from tests.tools.joined_kit import STRATEGIES, Joining
from toolkit.domain import events as ev
from toolkit.domain import requests as rq
from toolkit.domain.fold import apply
from toolkit.domain.market import FeedMode
from toolkit.domain.orders import Side, Status, TimeInForce, TradingState
from toolkit.domain.time import FeedTime, WallTime
from toolkit.engine.messages import AbsenceProven, LineLost, NotSent
from toolkit.replica.story import story

TREND, QUOTING, PAIRS = STRATEGIES


def report(core: Joining, kind: type, order_id: str, **more: object) -> rq.VenueReport:
    made: rq.VenueReport = kind(venue="paper", report=0, order_id=order_id, time=FeedTime(0), wall=WallTime(0), **more)
    return made


def sent(core: Joining) -> list[tuple[str, int]]:
    return [(request.order_id, request.quantity) for request in core.orders_received()]


def test_entries_that_are_equal_leave_as_one_order_when_the_window_ends() -> None:
    core = Joining()
    intents = [core.buy(10, 9_000), core.buy(20, 9_000, strategy=QUOTING)]
    core.wait(0.9)
    assert sent(core) == []
    core.wait(0.1)
    assert sent(core) == [(number(3), 30)]
    assert core.parts(intents) == [(0, "NEW"), (0, "NEW")]
    assert core.of(ev.OrdersJoined)[0].children == (number(1), number(2))


def test_switched_off_as_it_is_by_default_nothing_waits() -> None:
    core = Core(strategies=STRATEGIES)
    core.buy(10, 9_000), core.buy(20, 9_000, strategy=QUOTING)
    assert len(core.orders_received()) == 2


def test_one_that_finds_no_other_goes_as_itself() -> None:
    core = Joining()
    core.together(10)
    assert sent(core) == [(number(1), 10)]
    assert core.of(ev.OrdersJoined) == []


@pytest.mark.parametrize(
    "other",
    [
        {"price": 9_001},
        {"price": None},
        {"price": 9_000, "time_in_force": TimeInForce.DAY},
        {"price": 9_000, "post_only": True},
        {"price": 9_000, "stop": 9_500},
    ],
)
def test_only_what_is_equal_joins(other: dict[str, object]) -> None:
    core = Joining()
    core.buy(10, 9_000)
    core.buy(10, other.pop("price"), strategy=QUOTING, **other)
    core.wait(1)
    assert len(core.orders_received()) == 2


def test_exits_never_wait_and_never_join() -> None:
    core = Joining()
    core.together(10, price=None)
    core.sell(4)
    assert core.held() == 6, "at once"


def test_two_versions_of_one_strategy_never_share_an_order() -> None:
    core = Joining()
    core.buy(10, 9_000)
    event = ev.DeploymentChanged(strategy=TREND, version=2, digest="d1", stage="PAPER")
    apply(core.ledger, event), apply(core.shadow, event)
    core.buy(20, 9_000)
    core.buy(30, 9_000, strategy=QUOTING)
    core.wait(1)
    assert sorted(quantity for _, quantity in sent(core)) == [20, 40]


def test_a_candidate_never_shares_an_order_with_its_champion() -> None:
    core = Joining(strategies=(TREND, "trend@8", QUOTING))
    core.buy(10, 9_000), core.buy(20, 9_000, strategy="trend@8"), core.buy(30, 9_000, strategy=QUOTING)
    core.wait(1)
    assert [event.children for event in core.of(ev.OrdersJoined)] == [(number(1), number(3))]
    assert sorted(quantity for _, quantity in sent(core)) == [20, 40]


def test_together_they_stay_within_the_largest_order_of_the_instrument() -> None:
    core = Joining(rows=limits(max_order_quantity="10000"))
    core.together(6_000, 3_000, 2_000)
    assert sorted(quantity for _, quantity in sent(core)) == [2_000, 9_000]


def test_limits_hold_for_each_of_them() -> None:
    core = Joining(rows=limits(max_order_quantity="15"))
    intents = core.together(10, 20)
    assert core.parts(intents) == [(0, "NEW"), (0, "DENIED")]
    assert sent(core) == [(number(1), 10)]


# ---- fills


def test_fills_are_split_by_what_each_is_behind_of_all_that_filled() -> None:
    core = Joining()
    intents = core.together(10, 20, 30)
    filled = []
    for size in (1, 1, 1, 7, 20, 30):
        core.quote(8_998, 9_000, size=size)
        filled.append([part for part, _ in core.parts(intents)])
    assert filled == [[0, 0, 1], [0, 1, 1], [1, 1, 1], [2, 3, 5], [5, 10, 15], [10, 20, 30]]
    assert [status for _, status in core.parts(intents)] == ["FILLED"] * 3


def test_ties_go_to_who_joined_first() -> None:
    core = Joining()
    intents = core.together(10, 10)
    core.quote(8_998, 9_000, size=1)
    assert core.parts(intents) == [(1, "PARTIALLY_FILLED"), (0, "NEW")]


def test_fees_are_split_as_the_fill_was_and_add_up_to_it() -> None:
    core = Joining()
    core.together(10, 20, 30)
    filled = {"venue_order_id": "V1", "execution_id": "x", "instrument": "AAPL", "side": Side.BUY, "price": 9_000}
    fee = {"fee": 1_000, "fee_asset": "USD", "liquidity": rq.Liquidity.MAKER}
    core.hear(report(core, rq.Filled, number(4), quantity=12, **filled, **fee))
    assert [(event.quantity, event.fee) for event in core.of(ev.OrderFilled)] == [(2, 167), (4, 333), (6, 500)]
    core.hear(report(core, rq.Filled, number(4), quantity=12, **filled, **fee))
    assert len(core.of(ev.OrderFilled)) == 3, "a trade without a number counts once"


def test_a_bust_goes_by_the_original_split_whatever_has_become_of_the_orders() -> None:
    core = Joining()
    intents = core.together(10, 20, 30)
    core.quote(8_998, 9_000, size=12)
    execution = core.of(ev.OrderFilled)[0].execution_id
    core.cancel(intents[0])
    core.quote(8_998, 9_000, size=8)
    before = [part for part, _ in core.parts(intents)]
    core.hear(report(core, rq.Busted, number(4), execution_id=execution))
    after = [part for part, _ in core.parts(intents)]
    assert [was - now for was, now in zip(before, after, strict=True)] == [2, 4, 6]


def test_a_correction_is_split_as_the_trade_was() -> None:
    core = Joining()
    intents = core.together(10, 20, 30)
    core.quote(8_998, 9_000, size=12)
    execution = core.of(ev.OrderFilled)[0].execution_id
    core.hear(report(core, rq.Corrected, number(4), execution_id=execution, price=8_999, quantity=6, fee=60))
    assert [part for part, _ in core.parts(intents)] == [1, 2, 3]
    assert [(event.quantity, event.fee) for event in core.of(ev.FillCorrected)] == [(1, 10), (2, 20), (3, 30)]


def test_more_than_was_asked_for_is_booked_all_the_same() -> None:
    core = Joining()
    intents = core.together(10, 20)
    filled = {"venue_order_id": "V1", "execution_id": "x", "instrument": "AAPL", "side": Side.BUY, "price": 9_000}
    fee = {"fee": 0, "fee_asset": "USD", "liquidity": rq.Liquidity.MAKER}
    core.do(report(core, rq.Filled, number(3), quantity=36, **filled, **fee))
    assert [part for part, _ in core.parts(intents)] == [12, 24]
    assert core.alarms() == ["overfill", "overfill"]


# ---- taking a part out


def test_a_cancel_of_one_is_a_replace_down_of_the_whole() -> None:
    core = Joining()
    intents = core.together(10, 20, 30)
    core.cancel(intents[1], QUOTING)
    assert [(request.quantity, request.reduces) for request in core.replaces_received()] == [(40, True)]
    assert core.cancels_received() == []
    assert core.parts(intents) == [(0, "NEW"), (0, "CANCELED"), (0, "NEW")]
    assert core.venue.state().open_orders[0].quantity == 40


def test_when_nothing_stays_the_whole_is_cancelled() -> None:
    core = Joining()
    intents = core.together(10, 20)
    core.cancel(intents[0], TREND), core.cancel(intents[1], QUOTING)
    assert core.at_venue() == []
    assert core.parts(intents) == [(0, "CANCELED"), (0, "CANCELED")]
    assert len(core.replaces_received()) == 1


def test_a_decrease_is_a_replace_down_as_well() -> None:
    core = Joining()
    intents = core.together(10, 20)
    core.modify(intents[0], quantity=4)
    assert [request.quantity for request in core.replaces_received()] == [24]
    assert core.order(intents[0]).quantity == 4
    core.quote(8_998, 9_000, size=24)
    assert core.parts(intents) == [(4, "FILLED"), (20, "FILLED")]


@pytest.mark.parametrize("change", [{"quantity": 12}, {"price": 9_001}, {"quantity": 4, "price": 9_001}])
def test_any_other_change_is_a_new_order_in_its_place(change: dict[str, int]) -> None:
    core = Joining()
    intents = core.together(10, 20)
    core.modify(intents[0], **change)
    core.wait(1)
    assert core.ledger.orders[number(1)].status is Status.CANCELED
    assert core.parts(intents) == [(0, "NEW"), (0, "NEW")], "a new order of the same intent"
    alone = core.orders_received()[-1]
    assert (alone.quantity, alone.price) == (change.get("quantity", 10), change.get("price", 9_000))


def test_what_fills_while_a_part_is_being_taken_out_goes_to_those_that_stay() -> None:
    core = Joining()
    intents = core.together(10, 10)
    core.mute = True
    core.cancel(intents[0])
    core.quote(8_998, 9_000, size=6)
    core.hear_withheld()
    assert core.parts(intents) == [(0, "CANCELED"), (6, "PARTIALLY_FILLED")]
    assert core.order(intents[1], QUOTING).remaining == 4


def test_a_second_cancel_waits_for_the_answer_to_the_first_and_is_not_forgotten() -> None:
    core = Joining()
    intents = core.together(10, 20, 30)
    core.mute = True
    core.cancel(intents[0], TREND)
    core.cancel(intents[1], QUOTING)
    assert len(core.replaces_received()) == 1
    core.hear_withheld()
    assert [request.quantity for request in core.replaces_received()] == [50, 30]
    assert core.parts(intents) == [(0, "CANCELED"), (0, "CANCELED"), (0, "NEW")]


def test_disabling_one_strategy_takes_its_part_out_and_leaves_the_others_alone() -> None:
    core = Joining()
    intents = core.together(10, 20)
    core.disable(TREND)
    assert core.parts(intents) == [(0, "CANCELED"), (0, "NEW")]
    assert core.venue.state().open_orders[0].quantity == 20


def test_one_that_still_waits_for_others_is_cancelled_without_ever_leaving() -> None:
    core = Joining()
    first = core.buy(10, 9_000)
    core.buy(20, 9_000, strategy=QUOTING)
    core.cancel(first)
    core.wait(1)
    assert core.order(first).status is Status.CANCELED
    assert sent(core) == [(number(2), 20)]


# ---- doubt


def test_doubt_of_the_whole_is_doubt_of_all_and_the_venue_is_asked_once() -> None:
    core = Joining()
    core.mute = True
    intents = core.together(10, 20)
    core.withheld.clear()
    core.mute = False
    core.wait(5)
    assert [status for _, status in core.parts(intents)] == ["NEW", "NEW"], "the answer settles all of them"
    assert [event.order_id for event in core.of(ev.OrderDoubted)] == [number(1), number(2)]
    asked = [request.order_id for request in core.received if isinstance(request, rq.QueryOrder)]
    assert asked == [number(3)]


def test_a_whole_that_never_arrived_takes_all_of_them_along() -> None:
    core = Joining(mode=FeedMode.FREE)
    core.deaf = True
    intents = core.together(10, 20)
    core.wait(5)
    core.prove_absent(number(3))
    assert [status for _, status in core.parts(intents)] == ["REJECTED", "REJECTED"]


def test_in_lockstep_it_goes_out_once_more_as_one() -> None:
    core = Joining()
    core.deaf = True
    intents = core.together(10, 20)
    core.wait(5)
    core.deaf = False
    core.prove_absent(number(3))
    assert sent(core) == [(number(3), 30)]
    assert [status for _, status in core.parts(intents)] == ["NEW", "NEW"]


def test_a_reduction_whose_answer_got_lost_is_found_by_its_id() -> None:
    core = Joining()
    intents = core.together(10, 20)
    core.mute = True
    core.cancel(intents[0])
    core.withheld.clear()
    core.mute = False
    core.wait(5)
    assert core.parts(intents) == [(0, "CANCELED"), (0, "NEW")]


def test_a_reduction_that_never_arrived_is_asked_for_again() -> None:
    core = Joining()
    intents = core.together(10, 20)
    core.deaf = True
    core.cancel(intents[0])
    core.wait(5)
    core.deaf = False
    core.prove_absent(number(4))
    core.wait(1)
    core.wait(1)
    assert core.parts(intents) == [(0, "CANCELED"), (0, "NEW")]
    assert core.venue.state().open_orders[0].quantity == 20


def test_a_cut_line_puts_all_of_them_into_doubt() -> None:
    core = Joining()
    core.deaf = True
    intents = core.together(10, 20)
    core.do(LineLost(venue="paper"))
    assert [status for _, status in core.parts(intents)] == ["UNKNOWN", "UNKNOWN"]


def test_what_was_dropped_before_it_left_ends_for_all_of_them() -> None:
    core = Joining()
    core.deaf = True
    intents = core.together(10, 20)
    core.do(NotSent(requests=tuple(core.lost), cause="latched shut"))
    assert [status for _, status in core.parts(intents)] == ["REJECTED", "REJECTED"]


def test_a_reconciliation_sees_its_orders_in_the_one_that_the_venue_lists() -> None:
    core = Joining()
    intents = core.together(10, 20)
    core.take(core.engine.reconcile(core.now(), core.venue.state()))
    assert [status for _, status in core.parts(intents)] == ["NEW", "NEW"]
    assert core.alarms() == []


def test_an_end_at_the_venue_is_the_end_of_all() -> None:
    core = Joining()
    intents = core.together(10, 20)
    core.hear(report(core, rq.Canceled, number(3)))
    assert core.parts(intents) == [(0, "CANCELED"), (0, "CANCELED")]


def test_cancels_that_left_through_the_lifeboat_are_booked_for_all_of_them() -> None:
    core = Joining()
    intents = core.together(10, 20)
    core.take(core.engine.import_cancels(core.now(), [number(3)]))
    assert [status for _, status in core.parts(intents)] == ["UNKNOWN", "UNKNOWN"]


# ---- control 30


def test_every_venue_order_leads_to_strategies_intents_and_decisions() -> None:
    core = Joining()
    intents = core.together(10, 20)
    core.cancel(intents[0])
    batch = ev.Batch(
        book="main", schema=1, epoch=1, first=1, previous=b"", step=1, wall=WallTime(0), events=tuple(core.events)
    )
    whole, part = story([batch], number(3), core.ledger), story([batch], number(1), core.ledger)
    assert whole is not None
    assert part is not None
    assert whole.headline == "paper: one order for 2 of ours"
    assert [line.what for line in whole.lines] == ["joined", "reduction asked", "reduction made"]
    assert f"to the venue as {number(3)}, with {number(2)}" in [line.detail for line in part.lines]
    known = {request.order_id for request in core.orders_received()}
    joined = {event.order_id: event.children for event in core.of(ev.OrdersJoined)}
    decided = {event.order_id: (event.strategy, event.intent_id) for event in core.of(ev.OrderSubmitted)}
    for identifier in known:
        assert [decided[child] for child in joined.get(identifier, (identifier,))]


def test_proven_absence_of_an_older_id_says_nothing() -> None:
    core = Joining()
    intents = core.together(10, 20, 30)
    core.cancel(intents[0])
    core.do(AbsenceProven(venue="paper", order_id=number(4)))
    assert core.parts(intents) == [(0, "CANCELED"), (0, "NEW"), (0, "NEW")]


@pytest.mark.parametrize("cause", ["break", "exposure"])
def test_what_waits_for_others_does_not_leave_once_trading_was_stopped(cause: str) -> None:
    """A control stops trading without a look at each order: one that has not left must not."""
    core = Joining()
    intents = [core.buy(10, 9_000), core.buy(20, 9_000, strategy=QUOTING), core.buy(5, 8_000, strategy=PAIRS)]
    event = ev.TradingStateChanged(
        scope="strategy", name=QUOTING, state=TradingState.REDUCING, cause=cause, who=ANNA, reason="a test"
    )
    for ledger in (core.ledger, core.shadow):
        apply(ledger, event)
    core.wait(1)
    assert sorted(sent(core)) == [(number(1), 10), (number(3), 5)]
    assert core.order(intents[1], QUOTING).status is Status.CANCELED
    assert core.shadow.digest() == core.ledger.digest()
