"""Rollouts that never happened, through the gates that real ones pass: how often they are right, and how soon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from toolkit.measures.sequential import Places, long_run_deviation
from toolkit.rollout.gates import Flags, Measure, Observations, Verdict, judge_looks
from toolkit.rollout.scenarios import Drawn, Scenario, differences, draw
from toolkit.rollout.stages import STAGES, Plan, Stage

LONGEST_STAGE: Final = 20_000
"""Orders after which a stage that neither goes forward nor back counts as stuck."""

COMPLETED, ROLLED_BACK, STUCK = "completed", "rolled back", "stuck"
FORWARD, COMMON, NOTHING = "forward", "common cause", ""
NEVER: Final = 2**62


class _Event(NamedTuple):
    kind: str
    look: int
    gate: str


class Rollout(NamedTuple):
    """How one went: its end, in which stage, after how many orders of that stage and in all, over how many days, and
    by which gate."""

    end: str
    stage: str
    in_stage: int
    orders: int
    days: int
    gate: str = ""


class Summary(NamedTuple):
    """Many rollouts of one scenario."""

    scenario: Scenario
    rollouts: tuple[Rollout, ...]

    def share(self, end: str) -> float:
        return sum(each.end == end for each in self.rollouts) / len(self.rollouts)

    def caught_by(self, stage: str) -> float:
        """Share that was rolled back in this stage or an earlier one."""
        last = STAGES.index(stage)
        caught = [each for each in self.rollouts if each.end == ROLLED_BACK and STAGES.index(each.stage) <= last]
        return len(caught) / len(self.rollouts)

    def median_orders(self) -> float:
        """Orders in the stage until it was rolled back, NaN when none was."""
        caught = [each.in_stage for each in self.rollouts if each.end == ROLLED_BACK]
        return float(np.median(caught)) if caught else float("nan")

    def median_days(self) -> float:
        """Days until all of the capital, NaN when none got there."""
        done = [each.days for each in self.rollouts if each.end == COMPLETED]
        return float(np.median(done)) if done else float("nan")

    def stages(self) -> Mapping[str, int]:
        """How many were rolled back in each stage, in the order of the stages."""
        found = Counter(each.stage for each in self.rollouts if each.end == ROLLED_BACK)
        return {stage: found[stage] for stage in STAGES if stage in found}

    def gates(self) -> Mapping[str, int]:
        """How many were rolled back by each gate, most first."""
        return dict(Counter(each.gate for each in self.rollouts if each.end == ROLLED_BACK).most_common())


def simulate(
    plan: Plan, scenario: Scenario, count: int, seed: int = 7, progress: Callable[[int], None] = lambda _: None
) -> Summary:
    """So many rollouts of one scenario; the same seed gives the same ones."""
    draws = np.random.default_rng([seed, *scenario.name.encode()])
    found = []
    for number in range(count):
        found.append(roll_out(plan, scenario, draws))
        progress(number + 1)
    return Summary(scenario, tuple(found))


def roll_out(plan: Plan, scenario: Scenario, draws: np.random.Generator) -> Rollout:
    """One version through all of its stages."""
    before = differences(scenario, max(plan.burn_in, 20), draws)
    sigma = long_run_deviation(before).value
    orders = 0
    for stage in plan.stages:
        end, in_stage, gate = _pass_stage(plan, stage, scenario, sigma, draws)
        orders += in_stage
        days = orders // scenario.orders_a_day
        if end is not None:
            return Rollout(end, stage.name, in_stage, orders, days, gate)
    last = plan.stages[-1]
    return Rollout(COMPLETED, last.name, last.orders, orders, orders // scenario.orders_a_day)


def _pass_stage(
    plan: Plan, stage: Stage, scenario: Scenario, sigma: float, draws: np.random.Generator
) -> tuple[str | None, int, str]:
    """How a stage ended (None is forward), after how many orders, and by which gate."""
    needed = max(stage.orders, stage.days * scenario.orders_a_day)
    start = int(draws.integers(0, max(1, needed // 2)))
    sample, drawn, before = Drawn({}, {}), 0, 0
    while True:
        sample = _joined(sample, draw(scenario, stage.name, drawn, needed, start, draws))
        drawn += needed
        while (event := _first_event(plan, stage, sample, sigma, needed)).kind == COMMON:
            before += event.look
            sample = Drawn(*({name: values[event.look :] for name, values in side.items()} for side in sample))
        if event.kind != NOTHING:
            return (None if event.kind == FORWARD else ROLLED_BACK), before + event.look, event.gate
        if drawn >= LONGEST_STAGE:
            return STUCK, drawn, ""


def _first_event(plan: Plan, stage: Stage, sample: Drawn, sigma: float, needed: int) -> _Event:
    """What the looks at this sample lead to first. A common cause, for the stage then begins anew, comes before all."""
    count = min(len(values) for values in sample.own.values())
    looks = np.arange(plan.look_every, count + 1, plan.look_every)
    forward = looks >= needed
    events = []
    for gate in (gate for gate in stage.gates if not gate.dry_run):
        observations = _observations(sample, gate.measure, sigma, plan.burn_in)
        found = judge_looks(gate, observations, looks)
        forward &= found.verdicts == Verdict.PASS
        events.append(_event(ROLLED_BACK, looks, found.verdicts == Verdict.FAIL, gate.name))
        events.append(_event(COMMON, looks, found.common, gate.name))
    events.append(_event(FORWARD, looks, forward, ""))
    return min(events, key=lambda event: (event.look, event.kind != COMMON, event.kind != ROLLED_BACK))


def _event(kind: str, looks: Places, happens: Flags, gate: str) -> _Event:
    places = np.flatnonzero(happens)
    return _Event(kind, int(looks[places[0]]), gate) if len(places) else _Event(NOTHING, NEVER, "")


def _observations(sample: Drawn, measure: Measure, sigma: float, burn_in: int) -> Observations:
    values = sample.own.get(measure, np.full(len(next(iter(sample.own.values()))), np.nan))
    return Observations(values, sample.others.get(measure), sigma, burn_in)


def _joined(first: Drawn, second: Drawn) -> Drawn:
    return Drawn(
        *(
            {name: np.concatenate((old.get(name, np.empty(0)), values)) for name, values in new.items()}
            for old, new in zip(first, second, strict=True)
        )
    )
