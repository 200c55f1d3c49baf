"""A bracket is one command: an entry, and for its fills a stop and a target of which one cancels the other."""

from typing import Any

import pytest

from tests.tools.core_kit import Core, limits, number
from toolkit.domain import events as ev
from toolkit.domain import ledger as books
from toolkit.domain.orders import Ability, Bracket, HeldAt, OrderClass, Status
from toolkit.domain.requests import ReplaceOrder, SubmitOrder
from toolkit.simulation import slim_books
from toolkit.simulation.paper_settings import Remainder

AROUND = Bracket(stop=9_900, target=10_100)
NO_STOPS = {"supports": (Ability.OCO,)}
NO_OCO = {"supports": (Ability.STOP, Ability.TRAILING_STOP)}


def entered(quantity: int = 10, bracket: Bracket = AROUND, **venue: Any) -> tuple[Core, str]:
    core = Core(**venue)
    return core, core.buy(quantity, bracket=bracket)


def legs(core: Core, intent: str) -> list[tuple[Status, int]]:
    """Status and open lots of stop and target."""
    found = (core.order(f"{intent}.{leg}") for leg in ("stop", "target"))
    return [(order.status, order.remaining) for order in found]


def test_what_the_entry_filled_is_protected_in_the_same_record() -> None:
    core, intent = entered()
    assert legs(core, intent) == [(Status.NEW, 10), (Status.NEW, 10)]
    stop, target = core.order(f"{intent}.stop"), core.order(f"{intent}.target")
    assert (stop.order_class, target.order_class) == (OrderClass.PROTECTIVE, OrderClass.EXIT)
    assert len(core.at_venue()) == 2


def test_before_the_entry_fills_there_is_nothing_to_protect() -> None:
    core = Core()
    core.buy(10, 9_990, bracket=AROUND)
    assert len(core.at_venue()) == 1
    assert core.of(ev.OrderSubmitted)[0].terms.bracket.held_at is HeldAt.VENUE


def test_each_part_of_the_entry_that_fills_grows_the_protection() -> None:
    core = Core()
    intent = core.buy(100, 9_990, bracket=AROUND)
    core.quote(9_985, 9_989, size=30)
    assert legs(core, intent) == [(Status.NEW, 30), (Status.NEW, 30)]
    core.quote(9_985, 9_989, size=30)
    assert legs(core, intent) == [(Status.NEW, 60), (Status.NEW, 60)]
    assert len([request for request in core.received if isinstance(request, ReplaceOrder)]) == 2


def test_the_target_cancels_the_stop() -> None:
    core, intent = entered()
    core.quote(10_100, 10_102)
    assert (core.held(), core.at_venue()) == (0, [])
    assert [status for status, _ in legs(core, intent)] == [Status.CANCELED, Status.FILLED]


def test_the_stop_cancels_the_target() -> None:
    core, intent = entered()
    core.quote(9_800, 9_802)
    assert (core.held(), core.at_venue()) == (0, [])
    assert [status for status, _ in legs(core, intent)] == [Status.FILLED, Status.CANCELED]


def test_a_target_that_fills_in_part_leaves_a_stop_for_the_rest() -> None:
    core, intent = entered(100)
    core.quote(10_100, 10_102, size=40)
    assert core.held() == 60
    assert legs(core, intent) == [(Status.NEW, 60), (Status.PARTIALLY_FILLED, 60)]
    assert core.replaces_received() == [], "the two share one quantity: nobody needs to be told"
    core.quote(9_800, 9_802)
    assert (core.held(), core.at_venue()) == (0, [])


def test_both_exits_count_once_in_the_worst_case() -> None:
    core, _ = entered()
    interval = core.ledger.interval("trend", "AAPL")
    assert (interval.low, interval.high) == (0, 10)


def test_a_short_entry_is_protected_above() -> None:
    core = Core()
    core.sell(10, bracket=Bracket(stop=10_100, target=9_900))
    core.quote(10_150, 10_152)
    assert (core.held(), core.at_venue()) == (0, [])


def test_a_bracket_can_trail_and_needs_no_target() -> None:
    core, _ = entered(bracket=Bracket(stop=9_900, offset=50))
    core.quote(10_200, 10_202)
    core.quote(10_150, 10_152)
    assert core.held() == 0


@pytest.mark.parametrize("venue", [NO_STOPS, NO_OCO])
def test_where_the_venue_cannot_link_or_hold_them_the_engine_holds_the_stop(venue: dict[str, Any]) -> None:
    core, intent = entered(**venue)
    stop = core.order(f"{intent}.stop")
    assert stop.in_engine
    assert core.at_venue() == [core.order(f"{intent}.target").order_id]
    core.quote(9_800, 9_802)
    assert (core.held(), core.at_venue()) == (0, []), "the target made way first"


def test_a_target_that_fills_ends_the_stop_in_the_engine() -> None:
    core, intent = entered(**NO_OCO)
    core.quote(10_100, 10_102)
    assert core.held() == 0
    assert core.order(f"{intent}.stop").status is Status.CANCELED
    assert not core.ledger.in_engine


def test_an_exit_takes_the_place_of_both_and_they_come_back_for_what_it_leaves() -> None:
    core, intent = entered(100)
    core.target(40)
    assert core.held() == 40
    assert legs(core, intent) == [(Status.NEW, 40), (Status.NEW, 40)]
    core.target(0)
    assert (core.held(), core.at_venue()) == (0, [])


def test_canceling_the_entry_leaves_the_protection_of_what_has_filled() -> None:
    core = Core()
    intent = core.buy(100, 9_990, bracket=AROUND)
    core.quote(9_985, 9_989, size=30)
    core.cancel(intent)
    assert legs(core, intent) == [(Status.NEW, 30), (Status.NEW, 30)]


def test_a_strategy_may_take_its_target_back_and_the_stop_stays() -> None:
    core, intent = entered()
    core.cancel(f"{intent}.target")
    assert [status for status, _ in legs(core, intent)] == [Status.NEW, Status.CANCELED]


def test_a_fill_that_comes_after_disable_is_protected_all_the_same() -> None:
    core = Core()
    intent = core.buy(10, 9_990, bracket=AROUND)
    core.mute = True
    core.quote(9_980, 9_985)
    core.disable()
    core.hear_withheld()
    assert core.held() == 10
    assert core.order(f"{intent}.stop").status is Status.NEW


def test_disable_keeps_the_stop_and_flatten_closes() -> None:
    core, intent = entered()
    core.disable()
    assert [status for status, _ in legs(core, intent)] == [Status.NEW, Status.CANCELED]
    core.enable()
    core.disable(flatten=True)
    assert (core.held(), core.at_venue()) == (0, [])


def test_an_exit_needs_no_bracket() -> None:
    core, _ = entered()
    core.sell(5, bracket=Bracket(stop=10_100))
    assert core.denial().would_pass == "a bracket around an entry; an exit needs none"


def test_while_protection_is_in_doubt_nothing_more_is_entered() -> None:
    core, intent = entered()
    core.venue.lose_book()
    core.take(core.engine.reconcile(core.now(), core.venue.state()))
    core.buy(1)
    assert core.denial().control == 22
    core.prove_absent(core.order(f"{intent}.stop").order_id)
    core.prove_absent(core.order(f"{intent}.target").order_id)
    core.buy(1)
    assert core.held() == 11


def test_no_limit_stands_between_a_fill_and_its_protection() -> None:
    core = Core()
    intent = core.buy(10, 9_990, bracket=AROUND)
    core.limit(limits(max_order_value="1", max_working_orders="0", permitted="MSFT", max_position="0"))
    core.quote(9_980, 9_985)
    assert legs(core, intent) == [(Status.NEW, 10), (Status.NEW, 10)]


def test_protection_is_sent_before_everything_else_of_its_batch() -> None:
    core = Core()
    core.mute = True
    core.buy(10, bracket=AROUND)
    core.mute = False
    sent = len(core.received)
    core.hear_withheld()
    first = core.received[sent]
    assert isinstance(first, SubmitOrder)
    assert first.order_class is OrderClass.PROTECTIVE


@pytest.mark.parametrize("venue", [{}, {"supports": ()}])
def test_what_the_entry_fills_after_its_stop_has_sold_gets_a_stop_of_its_own(venue: dict[str, Any]) -> None:
    core = Core(**venue)
    intent = core.buy(100, 9_990, bracket=Bracket(stop=9_900))
    core.quote(9_985, 9_989, size=60)
    core.quote(9_880, 9_882)  # through the stop, and through what is left of the entry
    core.quote(9_880, 9_882)
    core.quote(9_880, 9_882)
    assert core.order(intent).filled == 100
    assert (core.held(), core.at_venue()) == (0, [])


def test_a_stop_that_leaves_the_engine_stays_in_its_bracket() -> None:
    """Its venue would else let stop and target fill both."""
    core, intent = entered(100, **NO_STOPS)
    core.quote(9_890, 9_892, size=10)
    core.quote(9_890, 9_892, size=10)
    sent = [order for order in core.orders_received() if order.order_class is OrderClass.PROTECTIVE]
    assert sent[0].terms is not None
    assert sent[0].terms.group == core.order(intent).chain[0]


def test_a_venue_whose_orders_cancel_nothing_is_told_of_no_bracket_and_never_has_both_exits() -> None:
    core, _ = entered(100, supports=(Ability.REPLACE,))
    for _ in range(12):
        core.quote(9_890, 9_892, size=10)
        works = [core.ledger.order(one) for one in core.at_venue()]
        assert len({order.order_class for order in works if order is not None}) <= 1, "stop and target at once"
    assert all(order.terms is None or not order.terms.group for order in core.orders_received())
    assert core.held() == 0


def test_a_stop_that_its_venue_cuts_short_goes_out_again_for_the_rest() -> None:
    core, _ = entered(100, bracket=Bracket(stop=9_900), remainder=Remainder.EXPIRED)
    for _ in range(6):
        core.quote(9_890, 9_892, size=30)
    assert core.held() == 0


def trade_beside(core: Core, times: int) -> None:
    for _ in range(times):
        core.buy(1, strategy="rogue")


def test_a_bracket_is_known_whole_for_as_long_as_one_of_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "CLOSED_ORDERS_KEPT", 3)
    core, _ = entered(strategies=("trend", "rogue"))
    trade_beside(core, 9)
    core.feed()
    core.venue.lose_book()
    core.take(core.engine.reconcile(core.now(), core.venue.state()))
    core.wait(1)
    for lost in (number(2), number(3)):
        core.prove_absent(lost)
    assert "protection_lost" in core.alarms()
    core.quote(9_890, 9_892)
    assert core.held() == 0, "the stop was put there again"


def test_a_copy_with_few_ended_orders_has_every_bracket_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slim_books, "ENDED_KEPT", 3)
    core, _ = entered(strategies=("trend", "rogue"))
    trade_beside(core, 9)
    copy = slim_books.copied(core.ledger)
    assert (copy.brackets, len(copy.closed)) == ({number(1): [number(2), number(3)]}, 4)
    assert set(copy.orders) == {number(1), number(2), number(3), *copy.closed}


def test_a_bracket_that_is_over_is_forgotten_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "CLOSED_ORDERS_KEPT", 3)
    core, _ = entered(strategies=("trend", "rogue"))
    trade_beside(core, 9)
    core.quote(9_890, 9_892)
    assert core.held() == 0
    trade_beside(core, 9)
    assert not core.ledger.brackets
    assert set(core.ledger.orders) == set(core.ledger.closed)
    assert core.shadow.digest() == core.ledger.digest()
