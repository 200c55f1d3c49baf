"""A gate says PASS, FAIL or INCONCLUSIVE, and why; silence is no pass, and a common trouble is not its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.rollout_kit import cost_gate, events, share_gate
from toolkit.rollout.gates import CONFIRMED, Gate, Kind, Measure, Observations, Verdict, judge, judge_looks
from toolkit.rollout.stages import Move, Stage, decide

NOISE = np.random.default_rng(31).standard_normal(2_000) * 8


def test_few_rejects_among_many_orders_pass() -> None:
    found = judge(share_gate(), Observations(events(200, 17)))
    assert (found.verdict, found.observed, found.seen) == (Verdict.PASS, 0.005, 200)


def test_too_few_orders_say_nothing_and_neither_do_none() -> None:
    assert judge(share_gate(), Observations(events(19))).reason == "19 of 20 observations"
    nothing = judge(share_gate(), Observations(np.empty(0)))
    assert (nothing.verdict, nothing.reason) == (Verdict.INCONCLUSIVE, "no observation")
    assert judge(share_gate(), Observations(np.full(50, np.nan))).reason == "no observation"


def test_a_burst_fails_wherever_it_comes() -> None:
    for quiet in (0, 400):
        burst = np.concatenate((np.zeros(quiet), np.ones(30)))
        assert judge(share_gate(), Observations(burst)).verdict is Verdict.FAIL


def test_in_between_is_inconclusive_and_says_so() -> None:
    found = judge(share_gate(), Observations(events(60, 5, 30, 50)))
    assert (found.verdict, found.reason) == (
        Verdict.INCONCLUSIVE, "neither worse than tolerated nor shown to be within the margin"
    )  # fmt: skip


def test_what_the_champion_shows_as_well_holds_and_what_it_does_not_fails() -> None:
    outage = np.concatenate((np.zeros(100), np.ones(30)))
    alone = Observations(outage, others=np.zeros(130))
    shared = Observations(outage, others=np.concatenate((np.zeros(100), np.ones(30))))
    assert judge(share_gate(), alone).verdict is Verdict.FAIL
    found = judge(share_gate(), shared)
    assert (found.verdict, found.reason) == (
        Verdict.INCONCLUSIVE, "others at this venue show the same: a common cause"
    )  # fmt: skip
    assert judge(share_gate(common_cause=False), shared).verdict is Verdict.FAIL


def test_a_failure_that_others_may_share_counts_once_it_has_stood() -> None:
    path = judge_looks(share_gate(), Observations(np.ones(60)), np.arange(1, 61)).verdicts
    first = int(np.flatnonzero(path == Verdict.FAIL)[0]) + 1
    assert first == 20 + CONFIRMED


def test_the_end_of_an_outage_in_which_a_stage_begins_anew_counts_for_nobody() -> None:
    """The last seven orders of one, and two rejects by chance later: once in 2,000 rollouts that was a FAIL."""
    own, others = events(60, 0, 1, 2, 3, 5, 6, 20, 28), events(60, 1, 3, 4, 5, 6)
    path = judge_looks(share_gate(), Observations(own, others), np.arange(1, 61)).verdicts
    assert Verdict.FAIL not in path
    alone = judge_looks(share_gate(), Observations(own, events(60)), np.arange(1, 61)).verdicts
    assert Verdict.FAIL in alone


def test_an_outage_that_is_over_excuses_nothing_later() -> None:
    own = np.concatenate((np.ones(20), np.zeros(100), np.ones(40)))
    others = np.concatenate((np.ones(20), np.zeros(140)))
    assert judge(share_gate(), Observations(own, others)).verdict is Verdict.FAIL


def test_worse_fills_fail_and_honest_ones_pass() -> None:
    told = {"sigma": 8.0, "behind": 200}
    assert judge(cost_gate(), Observations(NOISE[:500], **told)).verdict is Verdict.PASS
    assert judge(cost_gate(), Observations(NOISE[:500] - 4, **told)).verdict is Verdict.FAIL


def test_without_a_sigma_the_first_orders_tell_it_and_decide_nothing_else() -> None:
    found = judge(cost_gate(), Observations(NOISE[:150] - 50))
    assert (found.verdict, found.reason) == (
        Verdict.INCONCLUSIVE, "σ is not known before 200 orders; 150 so far"
    )  # fmt: skip
    later = judge(cost_gate(), Observations(np.concatenate((NOISE[:200], NOISE[200:600] - 4))))
    assert later.verdict is Verdict.FAIL


def test_a_sigma_is_never_below_half_of_the_spread() -> None:
    """A quiet burn-in would make every later order look extreme."""
    later = NOISE[200:500] - NOISE[200:500].mean() - 1
    quiet = np.concatenate((NOISE[:200] / 100, later))
    assert judge(cost_gate(), Observations(quiet)).verdict is Verdict.FAIL
    assert judge(cost_gate(), Observations(quiet, floor=8.0)).verdict is not Verdict.FAIL


def test_one_confirmed_break_is_enough() -> None:
    gate = Gate(name="breaks", measure=Measure.BREAK, kind=Kind.EVENT, alpha=0.0)
    assert judge(gate, Observations(events(50))).verdict is Verdict.PASS
    assert judge(gate, Observations(events(50, 40))).verdict is Verdict.FAIL
    assert judge(gate, Observations(events(50, 40), others=events(50, 41))).verdict is Verdict.INCONCLUSIVE


BREAKS = Gate(name="breaks", measure=Measure.BREAK, kind=Kind.EVENT, alpha=0.0)


def test_an_event_that_nobody_looked_for_is_no_pass() -> None:
    assert judge(BREAKS, Observations(np.full(50, np.nan))).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("measure", "others", "verdict"),
    [
        (Measure.KILL, events(50), Verdict.FAIL),
        (Measure.BREACH, events(50), Verdict.FAIL),
        (Measure.BREAK, None, Verdict.FAIL),
        (Measure.BREAK, events(50), Verdict.INCONCLUSIVE),
    ],
)
def test_an_event_that_is_its_own_waits_for_no_further_order(
    measure: Measure, others: np.ndarray | None, verdict: Verdict
) -> None:
    """After a kill there is none: it would wait for ever."""
    gate = Gate(name="own", measure=measure, kind=Kind.EVENT, alpha=0.0)
    assert judge(gate, Observations(events(50, 49), others)).verdict is verdict


def test_differences_that_do_not_vary_give_no_sigma_and_say_so() -> None:
    found = judge(cost_gate(), Observations(np.zeros(500)))
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "the differences do not vary, so no σ is known")


@given(st.integers(1, 200), st.floats(0.0, 0.4), st.floats(0.0, 0.4), st.randoms(use_true_random=False))
def test_each_look_says_what_a_judge_of_then_said(count: int, share: float, others: float, dice: object) -> None:
    draws = np.random.default_rng(count)
    own, theirs = (draws.random(count) < share).astype(float), (draws.random(count) < others).astype(float)
    path = judge_looks(share_gate(), Observations(own, theirs), np.arange(1, count + 1)).verdicts
    for look in {1, count // 2 or 1, count}:
        then = judge(share_gate(), Observations(own[:look], theirs[:look]))
        assert then.verdict == path[look - 1]


STAGE = Stage(name="LIVE_10", orders=100, days=5, gates=(share_gate(), cost_gate(dry_run=True)))


@pytest.mark.parametrize(
    ("rejected", "orders", "days", "move", "reason"),
    [
        (events(100), 100, 5, Move.ADVANCE, ()),
        (events(100), 100, 4, Move.HOLD, ("4 of 5 days",)),
        (events(100), 99, 5, Move.HOLD, ("99 of 100 orders",)),
        (np.ones(100), 100, 5, Move.ROLL_BACK, ("rejects: worse than tolerated",)),
        (np.empty(0), 100, 5, Move.HOLD, ("rejects: no observation",)),
    ],
)
def test_a_stage_moves_on_evidence_alone(
    rejected: np.ndarray, orders: int, days: int, move: Move, reason: tuple[str, ...]
) -> None:
    worse = Observations(NOISE - 20, sigma=8.0, behind=200)
    found = decide(STAGE, {Measure.REJECTED: Observations(rejected), Measure.DIFFERENCE: worse}, orders, days)
    assert (found.move, found.reasons) == (move, reason)
    assert found.findings[1].verdict is Verdict.FAIL, "a dry run is shown and decides nothing"
