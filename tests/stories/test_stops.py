"""A stop says where it waits, at its venue or in the engine; it passes as an exit and comes back when it was lost."""

import pytest

from tests.tools.core_kit import Core, limits, number
from tests.tools.venue_kit import SECOND
from toolkit.client.stopping import held_in_engine
from toolkit.domain import events as ev
from toolkit.domain import ledger as books
from toolkit.domain.market import SessionClosed
from toolkit.domain.orders import Ability, Bracket, HeldAt, OrderClass, Status, TimeInForce, Trigger
from toolkit.domain.requests import SubmitOrder
from toolkit.domain.time import FeedTime, WallTime
from toolkit.engine.messages import NotSent
from toolkit.replica.story import story

ONLY_OCO = {"supports": (Ability.OCO,)}


def holding(quantity: int = 10, **venue: object) -> Core:
    core = Core(**venue)
    core.buy(quantity)
    assert core.held() == quantity
    return core


def where(core: Core, intent: str) -> HeldAt | None:
    terms = core.order(intent).terms
    return None if terms is None else terms.held_at


def test_a_stop_waits_at_a_venue_that_takes_it() -> None:
    core = holding()
    stop = core.sell(10, stop=9_950)
    assert (where(core, stop), core.at_venue()) == (HeldAt.VENUE, [number(2)])
    core.quote(9_900, 9_902)
    assert (core.held(), core.order(stop).status) == (0, Status.FILLED)
    assert core.order(stop).cost == 10 * 9_900, "at the price behind the gap"


def test_a_stop_waits_in_the_engine_where_its_venue_takes_none() -> None:
    core = holding(**ONLY_OCO)
    stop = core.sell(10, stop=9_950)
    assert (where(core, stop), core.at_venue()) == (HeldAt.ENGINE, [])
    assert core.order(stop).status is Status.NEW, "it is in force, and the journal has it"
    core.quote(9_950, 9_952)
    assert core.held() == 0
    told = [type(event).__name__ for event in core.events if getattr(event, "order_id", "") == number(2)]
    assert told == ["OrderSubmitted", "OrderTriggered", "OrderReleased", "OrderAcknowledged", "OrderFilled"]


def test_what_a_venue_cannot_hold_is_refused_where_it_is_insisted_on() -> None:
    core = holding(**ONLY_OCO)
    core.sell(10, stop=9_950, held_at=HeldAt.VENUE)
    assert "takes no stop orders; let the engine hold it" in core.of(ev.IntentRefused)[-1].reason


def test_a_trailing_stop_in_the_engine_journals_each_move_and_what_it_saw() -> None:
    core = holding(**ONLY_OCO)
    stop = core.sell(10, offset=40)
    first = core.order(stop).terms
    assert first is not None
    assert first.stop == 9_959, "behind the bid that the decision saw"
    core.quote(10_049, 10_051)
    core.quote(10_030, 10_032)
    assert [(event.price, event.stop) for event in core.of(ev.TrailMoved)] == [(10_049, 10_009)]
    core.quote(10_009, 10_011)
    assert core.held() == 0
    assert core.shadow.digest() == core.ledger.digest(), "the fold never decides again"


def test_a_protective_stop_passes_every_limit_and_stands_when_its_strategy_is_disabled() -> None:
    core = holding()
    core.limit(limits(max_order_value="1", max_working_orders="0", permitted="MSFT"))
    stop = core.sell(10, stop=9_950)
    assert core.order(stop).order_class is OrderClass.PROTECTIVE
    core.disable()
    assert core.order(stop).status is Status.NEW
    core.quote(9_940, 9_942)
    assert core.held() == 0


def test_a_protective_stop_in_the_engine_acts_while_its_strategy_is_disabled() -> None:
    core = holding(**ONLY_OCO)
    core.sell(10, stop=9_950)
    core.disable()
    core.quote(9_940, 9_942)
    assert core.held() == 0


def test_flatten_takes_the_protection_away_and_closes_what_it_stood_for() -> None:
    for venue in ({}, ONLY_OCO):
        core = holding(**venue)
        stop = core.sell(10, stop=9_950)
        core.disable(flatten=True)
        assert (core.held(), core.order(stop).status) == (0, Status.CANCELED)


def test_a_stop_can_be_moved_wherever_it_waits() -> None:
    for venue in ({}, ONLY_OCO):
        core = holding(**venue)
        stop = core.sell(10, stop=9_950)
        core.modify(stop, stop=9_980)
        core.quote(9_980, 9_982)
        assert core.held() == 0


def test_what_the_venue_lost_is_put_there_again_and_somebody_is_told() -> None:
    core = holding()
    stop = core.sell(10, stop=9_950)
    core.feed()
    core.venue.lose_book()
    core.take(core.engine.reconcile(core.now(), core.venue.state()))
    core.wait(1)
    core.prove_absent(core.order(stop).order_id)
    assert "protection_lost" in core.alarms()
    assert (core.order(stop).status, core.at_venue()) == (Status.NEW, [core.order(stop).order_id])
    core.quote(9_940, 9_942)
    assert core.held() == 0


def test_what_the_venue_refuses_to_hold_the_engine_holds() -> None:
    core = holding()
    core.venue.settings = type(core.venue.settings)(
        **{name: getattr(core.venue.settings, name) for name in core.venue.settings.__struct_fields__}
        | {"supports": ()}
    )
    stop = core.sell(10, stop=9_950)
    assert (where(core, stop), core.order(stop).status) == (HeldAt.ENGINE, Status.NEW)
    core.quote(9_940, 9_942)
    assert core.held() == 0


def test_the_rest_of_a_triggered_stop_goes_out_with_the_next_prices() -> None:
    core = holding(100)
    core.sell(100, stop=9_950)
    core.quote(9_940, 9_942, size=30)
    assert core.held() == 70
    core.quote(9_930, 9_932, size=30)
    core.quote(9_960, 9_962, size=500)
    assert core.held() == 0, "it was triggered once, whatever the price did then"


def test_a_stop_that_makes_way_for_an_exit_comes_back_for_what_that_leaves() -> None:
    core = holding(100)
    stop = core.sell(100, stop=9_950)
    core.target(40)
    assert core.held() == 40
    assert (core.order(stop).status, core.order(stop).quantity) == (Status.NEW, 40)
    core.target(0)
    assert (core.held(), core.at_venue()) == (0, []), "what is flat needs no protection"


def test_a_stop_that_made_way_comes_back_however_much_was_traded_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "CLOSED_ORDERS_KEPT", 3)
    core = holding(strategies=("trend", "rogue"))
    core.sell(10, stop=9_950)
    leaving = core.sell(10, 10_050)
    for _ in range(9):
        core.buy(1, strategy="rogue")
    core.cancel(leaving)
    core.quote(9_940, 9_942)
    assert core.held() == 0


def test_a_stop_that_made_way_does_not_come_back_for_another_position() -> None:
    core = holding(100)
    core.sell(100, stop=9_950)
    core.target(0)
    core.buy(50)
    core.target(20)
    assert (core.held(), core.at_venue()) == (20, [])


def test_a_stop_goes_when_a_sale_through_zero_leaves_it_nothing_to_protect() -> None:
    core = holding(10)
    stop = core.sell(10, stop=9_950)
    core.sell(15)
    assert core.held() == -5
    assert core.order(stop).status is Status.CANCELED


def test_a_position_at_its_target_keeps_its_stop() -> None:
    core = holding(10)
    stop = core.sell(10, stop=9_950)
    core.target(10)
    assert core.order(stop).status is Status.NEW


def test_an_entry_by_a_stop_in_the_engine_is_examined_again_when_it_goes_out() -> None:
    core = Core(**ONLY_OCO)
    breakout = core.buy(10, stop=10_050)
    core.limit(limits(max_position="5"))
    core.quote(10_060, 10_062)
    assert (core.held(), core.order(breakout).status) == (0, Status.CANCELED)
    assert "control 10" in core.of(ev.OrderCanceled)[-1].text


def test_a_stop_in_the_engine_ends_with_its_session_or_at_its_instant() -> None:
    core = holding(**ONLY_OCO)
    core.sell(10, stop=9_950, time_in_force=TimeInForce.DAY)
    core.feed(SessionClosed(calendar="XNYS", session="2026-01-05"))
    assert core.of(ev.OrderExpired)[-1].text == "end of session"
    other = holding(**ONLY_OCO)
    until = FeedTime(other.time + 2 * SECOND)
    other.sell(10, stop=9_950, time_in_force=TimeInForce.GTD, expires=until)
    other.feed()
    other.quote(9_900, 9_902)
    assert (other.held(), other.of(ev.OrderExpired)[-1].text) == (10, "good till now")


def test_where_a_venue_knows_no_dates_the_engine_watches_them() -> None:
    core = Core(**ONLY_OCO)
    bought = core.buy(10, 9_000, time_in_force=TimeInForce.GTD, expires=FeedTime(core.time + 2 * SECOND))
    (sent,) = [request for request in core.received if isinstance(request, SubmitOrder)]
    assert sent.time_in_force is TimeInForce.GTC
    core.feed()
    core.feed()
    assert core.order(bought).status is Status.CANCELED


def test_a_bad_quote_triggers_nothing_in_the_engine() -> None:
    core = holding(**ONLY_OCO)
    core.sell(10, stop=9_950)
    core.quote(9_000, 8_000)
    assert core.held() == 10


def test_a_stop_survives_a_snapshot_wherever_it_waits() -> None:
    core = holding(**ONLY_OCO)
    core.sell(10, offset=40, trigger=Trigger.BID)
    core.quote(10_049, 10_051)
    restored = type(core.ledger).from_bytes(core.ledger.to_bytes())
    assert list(restored.in_engine) == [number(2)]
    assert restored.orders[number(2)] == core.ledger.orders[number(2)]


@pytest.mark.parametrize("supports", [(), (Ability.OCO,)])
def test_fill_or_kill_is_refused_where_the_venue_has_none(supports: tuple[Ability, ...]) -> None:
    core = Core(supports=supports)
    core.buy(10, 10_001, time_in_force=TimeInForce.FOK)
    assert "no fill-or-kill orders; use ioc" in core.of(ev.IntentRefused)[-1].reason


def test_a_venue_that_comes_back_without_a_stop_is_found_out_while_the_engine_runs() -> None:
    core = holding()
    stop = core.sell(10, stop=9_950)
    core.buy(5, 9_000)
    core.feed()
    core.venue.lose_book()
    core.do(core.venue.state())
    assert [core.ledger.orders[root].intent_id for root in core.ledger.doubtful] == [stop], (
        "what protects, and only that"
    )
    core.prove_absent(core.order(stop).order_id)
    assert core.at_venue() == [core.order(stop).order_id]


def test_a_stop_that_could_not_leave_is_tried_again() -> None:
    core = holding(**ONLY_OCO)
    stop = core.sell(10, stop=9_950)
    core.deaf = True
    core.quote(9_900, 9_902)
    core.do(NotSent(requests=tuple(core.lost[-1:]), cause="past its time"))
    core.deaf = False
    core.quote(9_900, 9_902)
    core.quote(9_890, 9_892)
    assert (core.held(), core.order(stop).status) == (0, Status.FILLED)


def test_the_story_of_a_stop_says_where_it_waited_and_what_it_saw() -> None:
    core = holding(**ONLY_OCO)
    core.sell(10, offset=40)
    core.quote(10_049, 10_051)
    core.quote(10_000, 10_002)
    batch = ev.Batch(
        book="main", schema=2, epoch=1, first=1, previous=b"", step=1, wall=WallTime(0), events=tuple(core.events)
    )
    told = story([batch], number(2), core.ledger)
    assert told is not None
    assert told.headline.endswith("protective, stop 99.59, trailing by 0.40, held at: engine")
    assert {line.what: line.detail for line in told.lines if line.what in ("trailed", "triggered", "released")} == {
        "trailed": "stop now 100.09, saw 100.49 at step 3",
        "triggered": "by 100.00, in the engine, step 4",
        "released": "10 to the venue",
    }


def test_down_and_disable_name_what_only_the_engine_holds() -> None:
    core = holding(**ONLY_OCO)
    core.sell(10, stop=9_950)
    (line,) = held_in_engine(core.ledger, "trend")
    assert line.endswith("SELL 10 AAPL, stop 99.50: it acts only while the engine runs")
    assert held_in_engine(core.ledger, "another") == ()


@pytest.mark.parametrize("venue", [{}, ONLY_OCO])
def test_stops_for_different_lots_of_a_position_stand_beside_each_other(venue: dict[str, object]) -> None:
    core = holding(20, **venue)
    first, second = core.sell(10, stop=9_950), core.sell(10, stop=9_900)
    core.quote(9_940, 9_942)
    core.quote(9_940, 9_942)
    assert (core.order(first).status, core.order(second).status) == (Status.FILLED, Status.NEW)
    core.quote(9_890, 9_892)
    core.quote(9_890, 9_892)
    assert core.held() == 0


def test_two_stops_of_the_engine_that_a_fall_takes_at_once_sell_all_there_is() -> None:
    """On thin size one of them makes the other go and takes it up again; none is sent after it was cancelled."""
    core = holding(10, **ONLY_OCO)
    core.sell(10, stop=9_950)
    core.buy(10, bracket=Bracket(stop=9_950))
    for _ in range(8):
        core.quote(9_900, 9_902, size=3)
    core.quote(9_900, 9_902)
    core.quote(9_900, 9_902)
    assert (core.held(), core.at_venue()) == (0, [])
