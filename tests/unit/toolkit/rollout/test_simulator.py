"""The shipped plan, on versions that never were: what it promises about honest and about harmful ones.

Short here, with 2,000 rollouts a case under `--full`; the shares allow for what so few draws can show.
"""

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.tools.recordings import differences_of_real_quotes
from tests.tools.rollout_kit import shipped_plan
from toolkit.measures.sequential import daily_rule_false_alarms
from toolkit.rollout.forecast import Pace, detectable, forecast, problems_with
from toolkit.rollout.gates import Gate, Kind, Measure, Observations, Verdict, judge_looks
from toolkit.rollout.scenarios import COMMON, HARMFUL, HONEST, SHIPPED, Scenario, differences
from toolkit.rollout.simulator import COMPLETED, ROLLED_BACK, STUCK, Summary, simulate
from toolkit.rollout.stages import Plan, Stage

BY_NAME = {scenario.name: scenario for scenario in SHIPPED}


def run(scenario: Scenario, full: bool, short: int = 40, plan: Plan | None = None) -> Summary:
    return simulate(plan or shipped_plan(), scenario, 2_000 if full else short)


def at_most(share: float, count: int) -> float:
    """The share, with three standard errors of so many draws."""
    return share + 3 * float(np.sqrt(share * (1 - share) / count))


@pytest.mark.parametrize("scenario", HONEST[:3], ids=lambda scenario: scenario.name)
def test_honest_versions_are_seldom_rolled_back_and_never_stuck(scenario: Scenario, full: bool) -> None:
    found = run(scenario, full)
    assert found.share(STUCK) == 0.0
    assert found.share(ROLLED_BACK) <= (0.05 if full else at_most(0.05, 40))


def test_few_orders_take_long_and_are_not_stuck(full: bool) -> None:
    found = run(BY_NAME["honest, few orders"], full, short=10)
    assert found.share(STUCK) == 0.0
    assert found.median_days() > 200


def test_fills_that_are_two_basis_points_worse_are_caught_before_half_of_the_capital(full: bool) -> None:
    """At 8 bp an order, 500 orders in LIVE_10, δ = 0, n₀ = 200, α = 0.025 for this gate."""
    found = run(BY_NAME["fills 2 bp worse, sd 8"], full)
    assert found.caught_by("LIVE_10") >= (0.95 if full else 0.95 - 3 * np.sqrt(0.95 * 0.05 / 40))
    assert max(found.gates(), key=found.gates().__getitem__) == "cost"


@pytest.mark.parametrize("name", ["different signals", "different signals since shadow", "reject burst", "lost feed"])
def test_other_signals_bursts_of_rejects_and_a_lost_feed_are_always_caught_early(name: str, full: bool) -> None:
    assert run(BY_NAME[name], full).caught_by("LIVE_10") == 1.0


def test_slippage_beyond_what_the_backtest_assumed_is_caught_where_its_gate_decides() -> None:
    plan = shipped_plan()
    gates = {gate.measure: gate for gate in plan.stages[2].gates}
    assert gates[Measure.SLIPPAGE].dry_run, "as new gates begin"
    decides = msgspec.structs.replace(gates[Measure.SLIPPAGE], dry_run=False)
    alone = Plan(stages=(Stage(name="LIVE_10", orders=500, days=5, gates=(decides,)),))
    assert run(Scenario(name="3 bp beyond what is tolerated", worse=4.0), full=False, plan=alone).gates() == {
        "slippage": 40
    }
    assert run(HONEST[0], full=False, plan=alone).share(COMPLETED) >= 0.9


def test_a_common_outage_rolls_nobody_back(full: bool) -> None:
    """By the outage: each gate has false alarms of its own, of which 2,000 rollouts show some, within its alphas."""
    found = run(COMMON[0], full, short=25)
    alphas = Counter[str]()
    for stage in shipped_plan().stages:
        alphas.update({gate.name: gate.alpha for gate in stage.gates if not gate.dry_run})
    for gate, times in found.gates().items():
        assert times / len(found.rollouts) <= at_most(alphas[gate], len(found.rollouts)), gate
    assert found.share(ROLLED_BACK) <= (0.038 if full else at_most(0.038, 25))
    assert found.share(COMPLETED) >= 1 - found.share(ROLLED_BACK)


def test_growing_latency_is_found(full: bool) -> None:
    found = run(BY_NAME["growing latency"], full)
    assert found.share(ROLLED_BACK) >= 0.85
    assert set(found.gates()) <= {"late", "cost"}


def test_honest_versions_with_the_noise_of_real_quotes_are_seldom_rolled_back(recordings: Path, full: bool) -> None:
    """B4 − B3 of orders in IBM: how far the middle on the NYSE went while live took a quarter of a second longer."""
    history = differences_of_real_quotes(recordings)
    scenario = Scenario(name="real quotes", noise="history", history=tuple(history.tolist()))
    found = run(scenario, full)
    assert found.share(STUCK) == 0.0
    assert found.share(ROLLED_BACK) <= (0.05 if full else at_most(0.05, 40))


def test_the_same_seed_gives_the_same_rollouts() -> None:
    first, second = (simulate(shipped_plan(), HARMFUL[0], 3, seed=5) for _ in range(2))
    assert first.rollouts == second.rollouts
    assert first.rollouts != simulate(shipped_plan(), HARMFUL[0], 3, seed=6).rollouts


def test_a_rule_that_looks_every_day_at_two_sigma_would_roll_most_back_within_a_rollout() -> None:
    """What the gates replace: the 18 days of an honest rollout, each held against 2 σ."""
    found = run(BY_NAME["honest, normal"], full=False, short=10)
    assert daily_rule_false_alarms(int(found.median_days())) > 0.5 > 0.05 > shipped_plan().alpha


def test_a_history_that_is_shorter_than_a_stage_is_drawn_without_a_bias() -> None:
    scenario = Scenario(name="a trend", noise="history", history=tuple(np.linspace(-5, 5, 300).tolist()))
    draws = np.random.default_rng(3)
    means = [differences(scenario, 500, draws).mean() for _ in range(400)]
    assert abs(np.mean(means)) < 4 * np.std(means) / np.sqrt(400)


def test_a_summary_says_in_which_stage_they_were_caught() -> None:
    found = run(BY_NAME["different signals since shadow"], full=False, short=5)
    assert found.stages() == {"SHADOW": 5}


# ---- what a plan promises


def test_the_shipped_plan_may_be_run_and_says_what_it_takes() -> None:
    promised = forecast(shipped_plan(), Pace(orders_a_day=100, deviation=8.0, typical_lots=100))
    assert promised.problems == ()
    assert promised.false_alarms <= 0.05
    assert promised.days == 13.0


def test_a_cost_that_is_said_to_be_detectable_is_caught_as_often_as_said() -> None:
    plan = shipped_plan()
    cost = next(gate for gate in plan.stages[2].gates if gate.measure is Measure.DIFFERENCE)
    effect = detectable(cost, 500, 8.0, plan.burn_in)
    only_cost = Plan(stages=(Stage(name="LIVE_10", orders=500, days=5, gates=(cost,)),))
    found = simulate(only_cost, Scenario(name="as detectable", worse=effect), 150)
    within = [each for each in found.rollouts if each.end == ROLLED_BACK and each.in_stage <= 500]
    assert len(within) / 150 == pytest.approx(0.83, abs=0.12)


def test_a_share_that_is_said_to_be_detectable_is_caught_as_often_as_said() -> None:
    plan = shipped_plan()
    rejects = next(gate for gate in plan.stages[2].gates if gate.measure is Measure.REJECTED)
    effect = detectable(rejects, 500, 8.0, plan.burn_in)
    alone = msgspec.structs.replace(rejects, common_cause=False)  # in this world the champion is rejected as often
    only_rejects = Plan(stages=(Stage(name="LIVE_10", orders=500, days=5, gates=(alone,)),))
    found = simulate(only_rejects, Scenario(name="as detectable", rejected=effect), 150)
    assert sum(each.in_stage <= 500 and each.end == ROLLED_BACK for each in found.rollouts) / 150 > 0.7


def test_a_stage_that_can_never_end_is_refused() -> None:
    """Costs are of real fills: on paper there are none, and a gate without an observation holds."""
    plan = shipped_plan()
    cost = next(gate for gate in plan.stages[4].gates if gate.measure is Measure.DIFFERENCE)
    cost = msgspec.structs.replace(cost, alpha=0.0001)
    paper = msgspec.structs.replace(plan.stages[0], gates=(*plan.stages[0].gates, cost))
    (problem,) = problems_with(msgspec.structs.replace(plan, stages=(paper, *plan.stages[1:])))
    assert problem.startswith("PAPER: cost needs real fills, so it would hold there for ever")
    shown = msgspec.structs.replace(cost, dry_run=True)
    paper = msgspec.structs.replace(paper, gates=(*plan.stages[0].gates, shown))
    assert problems_with(msgspec.structs.replace(plan, stages=(paper, *plan.stages[1:]))) == ()


@pytest.mark.parametrize("tolerated", [0.005, 0.03, 0.3, 0.6])
def test_a_total_failure_is_found_after_as_many_orders_as_said(tolerated: float) -> None:
    gate = Gate(name="rejects", measure=Measure.REJECTED, kind=Kind.SHARE, tolerated=tolerated, margin=0.1,
                minimum=1, alpha=0.0005)  # fmt: skip
    plan = Plan(stages=(Stage(name="LIVE_100", orders=100, days=1, gates=(gate,)),), look_every=1)
    said = forecast(plan, Pace(100, 8.0, 100)).stages[0].gates[0].total_failure
    verdicts = judge_looks(gate, Observations(np.ones(said)), np.arange(1, said + 1)).verdicts
    assert int(np.flatnonzero(verdicts == Verdict.FAIL)[0]) + 1 == pytest.approx(said, abs=1)


def test_the_critical_events_of_the_recipe_stand_in_every_live_stage() -> None:
    for stage in shipped_plan().stages[2:]:
        measured = {gate.measure for gate in stage.gates if not gate.dry_run}
        assert measured >= {Measure.BREAK, Measure.DOUBT, Measure.BREACH, Measure.KILL}


def test_a_plan_that_is_wrong_too_often_or_too_small_is_refused_with_the_reason() -> None:
    plan = shipped_plan()
    stage = plan.stages[2]
    loose = tuple(msgspec.structs.replace(gate, alpha=0.05) if gate.kind is Kind.MEAN else gate for gate in stage.gates)
    careless = msgspec.structs.replace(plan, stages=(msgspec.structs.replace(stage, gates=loose), *plan.stages[3:]))
    (problem,) = forecast(careless, Pace(100, 8.0, 100)).problems
    assert "at most 0.05: lower some alpha" in problem
    small = forecast(plan, Pace(100, 8.0, typical_lots=40))
    assert [words.partition(":")[0] for words in small.problems] == ["PAPER", "SHADOW", "LIVE_10"]
    assert "4 lots; at least 5" in small.problems[0]
