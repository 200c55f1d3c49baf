"""The venue's own account is held against the books, at the start and ever after; nothing is healed by trading."""

from typing import Any

import msgspec
import pytest

from tests.tools.core_kit import ANNA, Core, number
from tests.tools.venue_kit import submit
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain import requests as rq
from toolkit.domain.ledger import HOUSE, MANUAL, Ledger
from toolkit.domain.orders import OrderClass, Side, Status, TradingState
from toolkit.domain.requests import VenueOrder, VenueState
from toolkit.domain.time import FeedTime, WallTime
from toolkit.engine.messages import Looked
from toolkit.simulation.surprises import BustFill, CorrectFill

FOREIGN = "SOMEBODY"


def venue(core: Core, *orders: VenueOrder, cash: dict[str, int] | None = None, **positions: int) -> VenueState:
    """The venue's true account with more orders, other positions, or cash."""
    truth = core.venue.state()
    return msgspec.structs.replace(
        truth,
        open_orders=(*truth.open_orders, *orders),
        positions=tuple(sorted({**dict(truth.positions), **positions}.items())),
        cash=None if cash is None else tuple(cash.items()),
    )


def listed(order_id: str = FOREIGN, **more: Any) -> VenueOrder:
    plain: dict[str, Any] = {
        "order_id": order_id, "venue_order_id": "V9", "instrument": "AAPL", "side": Side.BUY, "quantity": 10,
        "filled": 0, "price": 9_000, "order_class": OrderClass.ENTRY,
    }  # fmt: skip
    return VenueOrder(**{**plain, **more})


def start(core: Core, state: VenueState) -> None:
    core.take(core.engine.reconcile(core.now(), state))


def look(core: Core, state: VenueState, seconds: float = 5) -> None:
    """The venue was asked, so many seconds later."""
    core.mono += int(seconds * 10**9)
    core.do(Looked(state=state, at=core.now().mono))


def confirm(core: Core, state: VenueState) -> None:
    look(core, state, 1)
    look(core, state, 5)


def breaks(core: Core) -> list[tuple[str, str, int]]:
    return [(one.kind, one.subject, one.theirs - one.ours) for one in core.ledger.breaks.values()]


def state_of(core: Core, strategy: str = "trend") -> TradingState:
    return core.ledger.trading_state(strategy, "paper")[0]


# ---- confirmed by two looks, five seconds apart


def test_one_look_is_no_break_and_a_second_one_five_seconds_later_is() -> None:
    core = Core()
    look(core, venue(core, AAPL=5))
    look(core, venue(core, AAPL=5), 4.9)
    assert (breaks(core), state_of(core)) == ([], TradingState.ACTIVE)
    look(core, venue(core, AAPL=5), 0.1)
    assert breaks(core) == [("position", "AAPL", 5)]
    assert core.alarms() == ["break"]
    assert state_of(core) is TradingState.REDUCING


def test_a_look_that_agrees_in_between_begins_anew() -> None:
    core = Core()
    look(core, venue(core, AAPL=5))
    look(core, venue(core))
    look(core, venue(core, AAPL=5))
    assert breaks(core) == []


def test_another_difference_is_another_suspect() -> None:
    core = Core()
    look(core, venue(core, AAPL=5))
    look(core, venue(core, AAPL=6))
    assert breaks(core) == []
    look(core, venue(core, AAPL=6))
    assert breaks(core) == [("position", "AAPL", 6)]


def test_a_difference_that_stays_while_both_trade_is_the_same_one() -> None:
    core = Core()
    look(core, venue(core, AAPL=5))
    core.buy(10)
    look(core, venue(core, AAPL=15))
    assert breaks(core) == [("position", "AAPL", 5)]


def test_what_the_venue_has_told_and_we_have_not_heard_counts_for_nothing() -> None:
    core = Core()
    core.mute = True
    core.buy(10)
    confirm(core, core.venue.state())
    assert breaks(core) == []
    core.hear_withheld()
    confirm(core, core.venue.state())
    assert breaks(core) == []


def test_a_request_on_its_way_makes_a_look_say_nothing_of_its_order() -> None:
    core = Core()
    core.buy(10, 9_990)
    core.deaf = True
    core.modify("i1", quantity=20)
    confirm(core, core.venue.state())
    assert breaks(core) == []


def test_at_a_start_trading_is_reduced_before_the_second_look() -> None:
    core = Core()
    start(core, venue(core, AAPL=5))
    assert (breaks(core), state_of(core)) == ([], TradingState.REDUCING)
    look(core, venue(core, AAPL=5))
    assert breaks(core) == [("position", "AAPL", 5)]


def test_at_a_start_a_second_look_that_agrees_lets_trading_go_on() -> None:
    core = Core()
    start(core, venue(core, AAPL=5))
    look(core, venue(core))
    assert (breaks(core), state_of(core)) == ([], TradingState.ACTIVE)


def test_agreement_leaves_no_trace() -> None:
    core = Core()
    core.buy(10)
    core.buy(5, 9_900)
    before = len(core.events)
    start(core, core.venue.state())
    confirm(core, core.venue.state())
    assert len(core.events) == before


# ---- classified, and held where it belongs


def test_an_order_that_the_books_do_not_know_says_whose_it_looks() -> None:
    core = Core()
    confirm(core, venue(core, listed("DSK0000100000099"), listed()))
    assert breaks(core) == [("lost_order", "DSK0000100000099", 0), ("foreign_order", FOREIGN, 0)]
    details = [event.detail for event in core.of(ev.Alarmed)]
    assert "ours by its id" in details[0]
    assert "foreign" in details[1]
    assert core.ledger.states["venue:paper"] == {"break": TradingState.REDUCING}


def test_a_fill_that_never_came_is_a_missing_fill_of_its_strategy_and_no_position_break() -> None:
    core = Core(strategies=("trend", "other"))
    core.buy(10, 9_990)
    state = core.venue.state()
    short = msgspec.structs.replace(state.open_orders[0], filled=4)
    confirm(core, msgspec.structs.replace(state, open_orders=(short,), positions=(("AAPL", 4),)))
    assert breaks(core) == [("missing_fill", number(1), 4)]
    assert (state_of(core), state_of(core, "other")) == (TradingState.REDUCING, TradingState.ACTIVE)


def test_a_late_fill_ends_the_break_and_is_named() -> None:
    core = Core()
    core.buy(10)
    confirm(core, venue(core, AAPL=13))
    fill = rq.Filled(
        venue="paper", report=0, order_id=number(1), venue_order_id="V1", execution_id="late", instrument="AAPL",
        side=Side.BUY, price=10_001, quantity=3, fee=0, fee_asset="USD", liquidity=rq.Liquidity.TAKER,
        time=FeedTime(0), wall=WallTime(0),
    )  # fmt: skip
    core.do(fill)
    look(core, venue(core, AAPL=13))
    assert [event.outcome for event in core.of(ev.BreakResolved)] == ["late_fill"]
    assert state_of(core) is TradingState.ACTIVE


def test_a_venue_that_comes_round_ends_the_break_too() -> None:
    core = Core()
    confirm(core, venue(core, AAPL=5))
    look(core, venue(core))
    assert [event.outcome for event in core.of(ev.BreakResolved)] == ["venue_agrees"]
    assert state_of(core) is TradingState.ACTIVE


def test_cash_is_compared_where_the_venue_tells_it() -> None:
    core = Core()
    core.buy(10)
    ours = core.ledger.venue_cash["paper"]["USD"]
    confirm(core, venue(core, cash={"USD": ours}))
    assert breaks(core) == []
    confirm(core, venue(core, cash={"USD": ours - 7}))
    assert breaks(core) == [("cash", "USD", -7)]


def test_a_position_of_one_strategy_holds_that_strategy_alone() -> None:
    core = Core(strategies=("trend", "other"))
    core.buy(10)
    confirm(core, venue(core, AAPL=12))
    assert (state_of(core), state_of(core, "other")) == (TradingState.REDUCING, TradingState.ACTIVE)


def test_a_position_that_two_could_have_holds_the_venue() -> None:
    core = Core(strategies=("trend", "other"))
    core.buy(10)
    core.sell(10, strategy="other")
    confirm(core, venue(core, AAPL=2))
    assert (state_of(core), state_of(core, "other")) == (TradingState.REDUCING, TradingState.REDUCING)


def test_a_second_break_keeps_the_hold_until_both_are_over() -> None:
    core = Core()
    confirm(core, venue(core, listed(), AAPL=5))
    look(core, venue(core, AAPL=5))
    assert state_of(core) is TradingState.REDUCING
    look(core, venue(core))
    assert state_of(core) is TradingState.ACTIVE


def test_enabling_a_strategy_does_not_end_its_break() -> None:
    core = Core()
    core.buy(10)
    confirm(core, venue(core, AAPL=12))
    core.enable()
    assert state_of(core) is TradingState.REDUCING


def test_an_order_that_rests_though_it_is_over_in_the_books_is_cancelled_for_good() -> None:
    core = Core()
    core.buy(10, 9_990)
    resting = core.venue.state()
    ended = rq.Canceled(venue="paper", report=0, order_id=number(1), time=FeedTime(0), wall=WallTime(0))
    core.do(ended)
    confirm(core, resting)
    assert breaks(core) == [("closed_order", number(1), 10)]
    for _ in range(3):
        core.wait(1)
    assert core.at_venue() == []
    look(core, core.venue.state())
    assert (breaks(core), core.ledger.open_orders()) == ([], [])


# ---- never traded away


@pytest.mark.parametrize("difference", [{"AAPL": 7}, {"AAPL": -7}, {"MSFT": 1}])
def test_nothing_is_sent_to_mend_a_difference(difference: dict[str, int]) -> None:
    core = Core()
    core.buy(10)
    sent = len(core.received)
    state = venue(core, listed(), **difference)
    start(core, state)
    for _ in range(4):
        look(core, state)
        core.quote(9_999, 10_001)
    assert len(core.received) == sent
    assert core.ledger.breaks


def test_exits_pass_while_a_break_stands_and_entries_do_not() -> None:
    core = Core()
    core.buy(10)
    confirm(core, venue(core, AAPL=12))
    core.buy(1)
    assert core.denial().observed == "REDUCING"
    core.sell(10)
    assert core.held() == 0


# ---- what people do about it


def adopt(core: Core, kind: str, subject: str, into: str, **more: Any) -> str:
    core.command(
        cm.AdoptBreak(
            venue="paper", kind=kind, subject=subject, sub_account=into, price=more.get("price"), who=ANNA,
            reason="seen at the venue",
        )
    )  # fmt: skip
    return str(core.of(ev.CommandTaken)[-1].refused)


def test_a_foreign_order_can_be_adopted_and_is_ours_to_cancel_then() -> None:
    core = Core()
    core._hear(core.venue.process(submit(FOREIGN, Side.BUY, 10, 9_000, time=FeedTime(core.time))))
    confirm(core, core.venue.state())
    assert adopt(core, "foreign_order", FOREIGN, MANUAL) == ""
    assert breaks(core) == []
    confirm(core, core.venue.state())
    assert breaks(core) == []
    order = core.ledger.order(FOREIGN)
    assert order is not None
    assert (order.strategy, order.status, core.ledger.account_interval("AAPL").high) == (MANUAL, Status.NEW, 10)
    core.command(cm.CancelAll(who=ANNA, reason="home"))
    assert core.at_venue() == []


def test_a_residual_is_adopted_and_then_assigned_and_the_sum_stays_the_venue_s() -> None:
    core = Core()
    core.buy(10)
    state = venue(core, AAPL=13)
    confirm(core, state)
    assert adopt(core, "position", "AAPL", HOUSE) == ""
    assert (core.held(HOUSE), state_of(core)) == (3, TradingState.ACTIVE)
    assign = cm.TransferPosition(
        source=HOUSE, target="trend", instrument="AAPL", quantity=None, price=None, who=ANNA, reason="its own"
    )
    core.command(assign)
    assert (core.held(HOUSE), core.held()) == (0, 13)
    confirm(core, state)
    assert breaks(core) == []
    assert core.shadow.digest() == core.ledger.digest()


def test_cash_can_be_adopted() -> None:
    core = Core()
    confirm(core, venue(core, cash={"USD": 1_000}))
    assert adopt(core, "cash", "USD", HOUSE) == ""
    assert core.ledger.cash[HOUSE]["USD"] == 1_000
    confirm(core, venue(core, cash={"USD": 1_000}))
    assert breaks(core) == []


def test_what_has_an_owner_is_not_adopted_and_a_break_that_is_not_there_neither() -> None:
    core = Core()
    core.buy(10, 9_990)
    state = core.venue.state()
    confirm(
        core, msgspec.structs.replace(state, open_orders=(msgspec.structs.replace(state.open_orders[0], filled=4),))
    )
    assert "has an owner" in adopt(core, "missing_fill", number(1), HOUSE)
    assert "no break" in adopt(core, "position", "MSFT", HOUSE)
    assert "unknown sub-account" in adopt(core, "missing_fill", number(1), "nobody")


def test_a_person_resolves_a_break_and_it_comes_back_if_it_was_not_over() -> None:
    core = Core()
    confirm(core, venue(core, AAPL=5))
    resolve = cm.ResolveBreak(
        venue="paper", kind="position", subject="AAPL", outcome="booked twice there", who=ANNA, reason="they called"
    )
    core.command(resolve)
    (resolved,) = core.of(ev.BreakResolved)
    assert (resolved.who, resolved.outcome, state_of(core)) == (ANNA, "booked twice there", TradingState.ACTIVE)
    confirm(core, venue(core, AAPL=5))
    assert breaks(core) == [("position", "AAPL", 5)]
    assert core.alarms() == ["break", "break"]


# ---- doubts


def in_doubt(core: Core) -> str:
    core.mute = True
    intent = core.buy(10, 9_990)
    core.deaf = True
    core.wait(5)
    return intent


def resolve_doubt(core: Core, outcome: str) -> str:
    core.command(cm.ResolveDoubt(order_id=number(1), outcome=outcome, who=ANNA, reason="the broker's screen"))
    return str(core.of(ev.CommandTaken)[-1].refused)


def test_a_doubt_ages_and_alarms_at_each_threshold_once() -> None:
    core = Core()
    in_doubt(core)
    for _ in range(40):
        core.wait(10)
    assert core.alarms() == ["old_doubt"] * 2
    details = [event.detail for event in core.of(ev.Alarmed)]
    assert details[0].startswith("UNKNOWN for 30 s")
    assert details[1].startswith("UNKNOWN for 300 s")


def test_a_named_person_ends_a_doubt_with_the_evidence_noted() -> None:
    core = Core()
    intent = in_doubt(core)
    assert resolve_doubt(core, "gone") == ""
    resolved = core.of(ev.DoubtResolved)[-1]
    assert (resolved.who, resolved.reason) == (ANNA, "the broker's screen")
    assert core.order(intent).status is Status.REJECTED
    assert core.ledger.doubtful == core.ledger.doubted == {}


def test_a_later_fact_of_the_venue_contradicts_the_person_and_changes_the_books() -> None:
    core = Core()
    intent = in_doubt(core)
    resolve_doubt(core, "gone")
    core.deaf = False
    core.hear_withheld()
    core.quote(9_980, 9_985)
    assert (core.order(intent).status, core.held()) == (Status.FILLED, 10)
    assert "unexpected_fact" in core.alarms()


def test_only_a_doubt_can_be_resolved_and_only_as_working_or_gone() -> None:
    core = Core()
    core.buy(10, 9_990)
    assert "not in doubt" in resolve_doubt(core, "gone")
    core = Core()
    in_doubt(core)
    assert "no outcome" in resolve_doubt(core, "filled")
    assert resolve_doubt(core, "working") == ""
    assert core.ledger.doubtful == {}


@pytest.mark.parametrize("revised", ["busted", "corrected"])
def test_what_an_order_filled_before_it_was_adopted_is_taken_back_from_whose_it_was(revised: str) -> None:
    core = Core()
    core._hear(core.venue.process(submit(FOREIGN, Side.BUY, 10, 9_990, time=FeedTime(core.time))))
    core.quote(9_985, 9_988, size=4)
    assert core.held(MANUAL) == 4
    confirm(core, core.venue.state())
    assert adopt(core, "foreign_order", FOREIGN, HOUSE) == ""
    core.quote(9_985, 9_988, size=3)
    assert (core.held(MANUAL), core.held(HOUSE)) == (4, 3)
    early, late = (fill.execution_id for fill in core.ledger.fills[FOREIGN])
    if revised == "busted":
        core._hear(core.venue.process(BustFill(order_id=FOREIGN, execution_id=early, quantity=4)))
        core._hear(core.venue.process(BustFill(order_id=FOREIGN, execution_id=late, quantity=3)))
        assert (core.held(MANUAL), core.held(HOUSE)) == (0, 0)
    else:
        core._hear(
            core.venue.process(
                CorrectFill(order_id=FOREIGN, execution_id=early, old_quantity=4, quantity=1, price=9_990, fee=0)
            )
        )
        assert (core.held(MANUAL), core.held(HOUSE)) == (1, 3)
    assert core.ledger.venue_positions["paper"]["AAPL"] == dict(core.venue.state().positions).get("AAPL", 0)
    assert core.shadow.digest() == core.ledger.digest()
    assert Ledger.from_bytes(core.ledger.to_bytes()).digest() == core.ledger.digest()
