"""The guardian stops once, only ever further, and never because of what it has stopped itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.services.guardian import BETWEEN_SECONDS, Guardian, Order, Place, Strictness, place_of
from tests.tools.alert_kit import rule
from toolkit.monitoring.alert_book import Alert, Scope
from toolkit.monitoring.rules import Action, Comparison, Kind, Watch

SECOND = 1_000_000_000
NOW = 1_000 * SECOND
TREND, MEAN, PAPER, BOOK = (
    Place("strategy", "trend"), Place("strategy", "mean"), Place("venue", "paper"), Place("book", "")
)  # fmt: skip
SCOPES: dict[Place, Scope] = {
    TREND: (("strategy", "trend"),), MEAN: (("strategy", "mean"),), PAPER: (("venue", "paper"),), BOOK: (),
}  # fmt: skip


class AtOnce(Executor):
    """Runs in the caller's thread."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments, **named))
        except OSError as problem:
            future.set_exception(problem)
        return future


class Hand:
    """Takes what the guardian gives."""

    def __init__(self) -> None:
        self.given: list[Order] = []
        self.holds: dict[Place, Strictness] = {}
        self.breaks = False
        self.guardian = Guardian(self.give, lambda place: self.holds.get(place, Strictness.OPEN), AtOnce())

    def give(self, order: Order) -> tuple[bool, str]:
        if self.breaks:
            raise OSError("no such file")
        self.given.append(order)
        return True, "done"

    def alert(
        self, place: Place = TREND, since: int = NOW, action: Action = Action.HALT_ENTRIES, **changes: Any
    ) -> str:
        """An alert that began some time ago; what becomes of it now, `wall` of the look being its own."""
        wall = changes.pop("wall", since)
        alert = Alert(
            id=f"A{len(self.given)}{since}", rule="late_order", severity="critical", scope=SCOPES[place], since=since,
            opened=wall, changed=wall,
        )  # fmt: skip
        return self.guardian.consider(alert, rule(action=action, **changes), wall).words


def test_an_alert_becomes_a_command_with_its_reason() -> None:
    hand = Hand()
    assert hand.alert() == "entries of strategy trend are halted (asked for)"
    (order,) = hand.given
    assert (order.action, order.place) == (Action.HALT_ENTRIES, TREND)
    assert "late_order" in order.reason
    assert [done.words for done in hand.guardian.done()] == ["done"]
    assert hand.guardian.done() == ()


def test_a_place_gets_one_command_a_minute() -> None:
    hand = Hand()
    hand.alert()
    before = NOW - SECOND  # it had begun before the first command, so it is not its consequence
    assert "waits" in hand.alert(since=before, wall=NOW + 59 * SECOND, action=Action.KILL)
    assert "killed" in hand.alert(since=before, wall=NOW + 60 * SECOND, action=Action.KILL)
    assert [order.action for order in hand.given] == [Action.HALT_ENTRIES, Action.KILL]


def test_a_clock_that_is_set_back_makes_that_minute_no_longer() -> None:
    hand = Hand()
    hand.alert()
    hand.guardian.clock_set_back(3_600 * SECOND)
    now = NOW - 3_600 * SECOND
    assert "waits" in hand.alert(since=now - SECOND, wall=now + 59 * SECOND, action=Action.KILL)
    assert "killed" in hand.alert(since=now - SECOND, wall=now + 60 * SECOND, action=Action.KILL)


def test_what_is_stopped_as_far_already_is_not_stopped_again() -> None:
    hand = Hand()
    hand.holds[TREND] = Strictness.HALT_ENTRIES
    assert "already" in hand.alert()
    hand.holds = {BOOK: Strictness.KILL}
    assert "already" in hand.alert(action=Action.KILL)
    assert hand.given == []


@pytest.mark.parametrize("place", [TREND, PAPER, BOOK])
def test_what_begins_within_a_minute_after_a_halt_may_be_its_consequence_and_is_acted_on_if_it_stands_then(
    place: Place,
) -> None:
    hand = Hand()
    hand.alert()
    hand.holds[TREND] = Strictness.HALT_ENTRIES
    begun = NOW + 30 * SECOND
    assert "waits: strategy trend had" in hand.alert(place, since=begun, action=Action.KILL)
    assert "waits" in hand.alert(place, since=begun, wall=NOW + 59 * SECOND, action=Action.KILL)
    assert "killed" in hand.alert(MEAN, since=begun, action=Action.KILL), "another strategy has its own"
    later = hand.alert(place, since=begun, wall=NOW + 91 * SECOND, action=Action.KILL)
    assert "killed" in later
    assert [order.place for order in hand.given] == [TREND, MEAN, place]


def test_a_place_that_falls_silent_because_it_was_halted_leads_to_no_command_however_late() -> None:
    hand = Hand()
    hand.alert()
    hand.holds[TREND] = Strictness.HALT_ENTRIES
    quiet = Watch(
        kind=Kind.AGE, metric="quarterdeck_last_decision_timestamp_seconds", comparison=Comparison.ABOVE,
        threshold=1800, clear=1800,
    )  # fmt: skip
    for place in (TREND, BOOK):
        told = hand.alert(place, since=NOW + 7200 * SECOND, action=Action.KILL, watches=(quiet,))
        assert "own halt" in told
    assert len(hand.given) == 1


def test_what_a_person_let_go_may_be_stopped_again() -> None:
    hand = Hand()
    hand.alert()
    hand.holds.clear()  # released
    assert "halted" in hand.alert(since=NOW + 600 * SECOND)
    assert len(hand.given) == 2


def test_only_a_strategy_is_disabled() -> None:
    hand = Hand()
    assert "only a strategy" in hand.alert(PAPER, action=Action.DISABLE)
    assert "is disabled" in hand.alert(TREND, action=Action.DISABLE)


def test_a_command_that_breaks_says_so() -> None:
    hand = Hand()
    hand.breaks = True
    hand.alert()
    (done,) = hand.guardian.done()
    assert (done.proven, done.words) == (False, "NOT DONE: no such file")


def test_a_restart_remembers_what_was_given() -> None:
    hand = Hand()
    before = Alert(
        id="A1", rule="r", severity="critical", scope=SCOPES[TREND], since=NOW, opened=NOW, changed=NOW,
        command="halt_entries", acted=NOW,
    )  # fmt: skip
    hand.guardian.remember(before, Action.HALT_ENTRIES)
    assert "waits: strategy trend had" in hand.alert(since=NOW + SECOND, action=Action.KILL)
    assert hand.given == []


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        ((), BOOK),
        ((("hop", "total"), ("venue", "paper")), PAPER),
        ((("strategy", "trend"), ("venue", "paper")), TREND),
        ((("limit", "max_var"), ("name", ""), ("scope", "book")), BOOK),
        ((("limit", "max_position"), ("name", "trend"), ("scope", "strategy")), TREND),
        ((("process", "runner-trend"),), TREND),
        ((("process", "engine"),), BOOK),
    ],
)
def test_labels_say_what_a_command_is_about(scope: Scope, place: Place) -> None:
    assert place_of(scope) == place


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(SCOPES)), st.integers(0, 200), st.sampled_from([*Action][1:]), st.integers(0, 90)
        ),
        max_size=40,
    )
)
def test_it_never_loops(alerts: list[tuple[Place, int, Action, int]]) -> None:
    """However alerts come, a place gets at most one command a minute, and each goes further than the one before."""
    hand, wall = Hand(), NOW
    times: dict[Place, list[int]] = {}
    for place, pause, action, age in alerts:
        wall += pause * SECOND
        before = len(hand.given)
        hand.holds = {order.place: Strictness[order.action.name] for order in hand.given}
        hand.alert(place, since=wall - age * SECOND, wall=wall, action=action)
        if len(hand.given) > before:
            times.setdefault(place, []).append(wall)
    for place, given_at in times.items():
        steps = [Strictness[order.action.name] for order in hand.given if order.place == place]
        assert steps == sorted(set(steps))
        assert all(later - earlier >= BETWEEN_SECONDS * SECOND for earlier, later in pairwise(given_at))
