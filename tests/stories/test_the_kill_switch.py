"""The kill switch in the decision core: what it halts, what it cancels, what stays, and that only a person lets go."""

import pytest

from tests.tools.core_kit import ANNA, NEVER, Core
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.commands import Kill, KillMode, Reopen, Who
from toolkit.domain.market import FeedMode
from toolkit.domain.orders import OrderClass, TradingState
from toolkit.domain.ports import Lease

SCOPES = {"book": "", "venue": "paper", "strategy": "trend"}


def kill(core: Core, scope: str = "book", mode: KillMode = KillMode.HALT_ENTRIES, producer: str = "operator") -> None:
    core.command(Kill(scope=scope, name=SCOPES[scope], mode=mode, who=ANNA, reason="a test"), producer=producer)


def taken(core: Core) -> ev.CommandTaken:
    found: ev.CommandTaken = core.of(ev.CommandTaken)[-1]
    return found


def protected() -> Core:
    """A position of 10 with a stop, an exit that works and an entry that rests."""
    core = Core(trading=True)
    core.buy(10)
    core.sell(4, stop=9_000)
    core.sell(3, 11_000)
    core.buy(5, 9_500)
    return core


@pytest.mark.parametrize("scope", SCOPES)
def test_a_kill_cancels_entries_and_lets_no_other_one_leave(scope: str) -> None:
    core = protected()
    before = len(core.at_venue())
    kill(core, scope)
    core.buy(1)
    classes = [order.order_class for order in core.venue.state().open_orders]
    assert classes == [OrderClass.PROTECTIVE, OrderClass.EXIT]
    assert (before, core.denial().observed, core.denial().control) == (3, "HALTED", 24)


@pytest.mark.parametrize("scope", SCOPES)
def test_cancel_all_takes_exits_and_protection_as_well_and_they_stay_away(scope: str) -> None:
    core = protected()
    kill(core, scope, KillMode.CANCEL_ALL)
    core.quote(9_999, 10_001)
    core.wait(30)
    core.take(core.engine.reconcile(core.now(), core.venue.state()))
    assert (core.at_venue(), core.held()) == ([], 10)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_kill_that_flattens_closes_what_is_held(scope: str) -> None:
    core = protected()
    kill(core, scope, KillMode.FLATTEN)
    assert (core.at_venue(), core.held()) == ([], 0)


def test_a_kill_of_one_strategy_leaves_the_others_alone() -> None:
    core = Core(strategies=("trend", "quoting"))
    core.buy(5, 9_500)
    core.buy(6, 9_500, strategy="quoting")
    kill(core, "strategy")
    core.buy(7, 9_500, strategy="quoting")
    assert [order.quantity for order in core.venue.state().open_orders] == [6, 7]


def test_a_fill_after_the_kill_changes_the_books() -> None:
    core = Core()
    core.mute = True
    core.buy(5, 9_500)
    core.quote(9_400, 9_450)
    kill(core)
    core.hear_withheld()
    assert (core.held(), core.at_venue()) == (5, [])


def test_an_exit_that_waits_does_not_leave_after_the_kill() -> None:
    core = Core()
    core.buy(10)
    core.sell(10, 11_000)
    core.mute = True
    core.sell(10)
    kill(core)
    core.hear_withheld()
    core.quote(9_999, 10_001)
    assert [order.quantity for order in core.orders_received()] == [10, 10]


def test_a_start_a_deployment_a_file_and_a_supervisor_do_not_let_go() -> None:
    core = Core()
    for scope in SCOPES:
        kill(core, scope)
    core.take(core.engine.begin_epoch(core.now(), Lease(epoch=2, send_by=NEVER), "there", 2))
    core.command(cm.RegisterVersion(strategy="trend", version=2, digest="d2", path="p", instruments=("AAPL",),
                                    who=ANNA, reason="deploy"))  # fmt: skip
    files = Who(identity="files", verified=True, source="up")
    core.command(cm.EnableStrategy(strategy="trend", who=files, reason="the file says so"), producer="supervisor")
    assert "named person" in taken(core).refused
    core.command(Reopen(scope="book", name="", who=files, reason="again"), producer="supervisor")
    assert "named person" in taken(core).refused
    assert {scope: TradingState.HALTED in states.values() for scope, states in core.ledger.states.items()} == {
        "book:": True, "venue:paper": True, "strategy:trend": True
    }  # fmt: skip


def test_a_person_lets_go_scope_by_scope_and_with_a_reason() -> None:
    core = Core()
    for scope in SCOPES:
        kill(core, scope)
    core.command(cm.EnableStrategy(strategy="trend", who=ANNA, reason=" "))
    assert "--reason" in taken(core).refused
    core.enable()
    core.command(Reopen(scope="venue", name="paper", who=ANNA, reason="looked at it"))
    core.buy(1)
    assert core.denial().source == "book by kill"
    core.command(Reopen(scope="book", name="", who=ANNA, reason="looked at it"))
    core.buy(1)
    assert core.held() == 1


def in_doubt() -> Core:
    """A position of 10, and an entry of 5 that was lost on its way."""
    core = Core(trading=True, mode=FeedMode.FREE)
    core.buy(10)
    core.deaf = True
    core.buy(5)
    core.wait(30)
    core.deaf = False
    assert [order.shown_status for order in core.ledger.open_orders()] == ["UNKNOWN"]
    return core


@pytest.mark.parametrize("accepted", [False, True])
def test_over_doubt_only_a_persons_word_closes_and_it_ends_with_the_doubt(accepted: bool) -> None:
    core = in_doubt()
    flatten = Kill(
        scope="book", name="", mode=KillMode.FLATTEN, who=ANNA, reason="a test", accept_unknown=accepted
    )  # fmt: skip
    core.command(flatten)
    core.quote(9_999, 10_001)
    assert core.held() == (0 if accepted else 10)
    assert core.ledger.flattening
    core.prove_absent(core.ledger.open_orders()[0].order_id)
    core.quote(9_999, 10_001)
    assert (core.held(), core.ledger.flattening, core.ledger.open_orders()) == (0, {}, [])


def test_a_flatten_ends_when_a_person_lets_go() -> None:
    core = protected()
    core.mute = True
    kill(core, mode=KillMode.FLATTEN)
    core.command(Reopen(scope="book", name="", who=ANNA, reason="hold it after all"))
    core.hear_withheld()
    core.quote(9_999, 10_001)
    assert (core.held(), core.ledger.flattening) == (10, {})


@pytest.mark.parametrize(
    ("scope", "name"), [("strategy", "trned"), ("venue", "papre"), ("everything", ""), ("book", "main")]
)
def test_a_kill_of_nothing_is_refused_by_name(scope: str, name: str) -> None:
    core = Core()
    core.command(Kill(scope=scope, name=name, mode=KillMode.HALT_ENTRIES, who=ANNA, reason="a test"))
    assert repr(name or scope) in taken(core).refused
    assert core.ledger.states == {}


def test_anybody_may_kill_but_a_strategy() -> None:
    core = Core()
    kill(core, producer="supervisor")
    assert core.ledger.states["book:"] == {"kill": TradingState.HALTED}
    core = Core()
    kill(core, producer="trend")
    assert core.ledger.states == {}
