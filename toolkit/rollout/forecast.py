"""What a plan promises before anything runs: how long it takes, how often it is wrong, what it finds; numbers only."""

from __future__ import annotations

from math import ceil, log
from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import brentq

from toolkit.measures.sequential import Boundary, worse_shares
from toolkit.rollout.gates import CONFIRMED, ITS_OWN, Gate, Kind
from toolkit.rollout.stages import BEFORE_LIVE, LIVE, Plan, Stage

MOST_ALPHA: Final = 0.05
"""Of a whole rollout: an honest version is rolled back no more often than this."""

Z_OF_POWER: Final = 0.8416
"""Of a probability of 0.8."""

FEWEST_LOTS: Final = 5
"""A typical order of a stage has at least so many lots: below, rounding and not the strategy decides."""


class Pace(NamedTuple):
    """A strategy's own figures: orders a day, σ of one order's B4 − B3 in bp, and a typical order at all of its
    capital: in lots, with the least the venue takes and its worth."""

    orders_a_day: float
    deviation: float
    typical_lots: float
    least_lots: float = 1.0


class GateForecast(NamedTuple):
    """One gate: false alarms, the smallest harm that it finds with a probability of 0.8 within its stage, and after how
    many orders it finds a total failure."""

    gate: Gate
    false_alarms: float
    detectable: float
    total_failure: int


class StageForecast(NamedTuple):
    """One stage: its least length, how long harm of the detectable size may last, and its gates."""

    stage: Stage
    orders: int
    days: float
    worst_days: float
    gates: tuple[GateForecast, ...]


class Forecast(NamedTuple):
    """The whole plan for one strategy; `problems` are why it may not be run."""

    stages: tuple[StageForecast, ...]
    days: float
    false_alarms: float
    problems: tuple[str, ...]


def forecast(plan: Plan, pace: Pace) -> Forecast:
    """What the plan promises to a strategy of this pace."""
    stages = tuple(_stage(plan, stage, pace) for stage in plan.stages)
    return Forecast(
        stages=stages,
        days=sum(stage.days for stage in stages if stage.stage.name != "LIVE_100"),
        false_alarms=plan.alpha,
        problems=(*problems_with(plan), *_too_small(plan, pace)),
    )


def problems_with(plan: Plan) -> tuple[str, ...]:
    """Why a plan may not be run, whoever's it is."""
    found = []
    if plan.alpha > MOST_ALPHA + 1e-9:
        found.append(
            f"the gates together are wrong about an honest version with probability {plan.alpha:.4f}; at most "
            f"{MOST_ALPHA}: lower some alpha, or make a gate a dry run"
        )
    for stage in plan.stages:
        if not any(not gate.dry_run for gate in stage.gates):
            found.append(f"{stage.name} has no gate that decides: nothing there could hold or roll back")
        for gate in stage.gates:
            if stage.name not in LIVE and gate.measure not in BEFORE_LIVE and not gate.dry_run:
                found.append(
                    f"{stage.name}: {gate.name} needs real fills, so it would hold there for ever; take it out of the "
                    "stage, or make it a dry run"
                )
    return tuple(found)


def _stage(plan: Plan, stage: Stage, pace: Pace) -> StageForecast:
    orders = max(stage.orders, ceil(stage.days * pace.orders_a_day))
    days = orders / pace.orders_a_day
    gates = tuple(
        GateForecast(
            gate, gate.alpha, detectable(gate, orders, pace.deviation, plan.burn_in), _total_failure(plan, gate)
        )
        for gate in stage.gates
    )
    return StageForecast(stage, orders, days, days, gates)


def detectable(gate: Gate, orders: int, deviation: float, burn_in: int) -> float:
    """The smallest harm that is found with a probability of about 0.8 within so many orders: bp, a share, or events.

    For a mean as its boundary has it; for a share by Wald's approximation, `n·E[log ratio] − z·√n·s = log(1/α) + cost
    of the mixture`, with the one of the shares looked for that fits best.
    """
    if gate.kind is Kind.EVENT:
        return gate.tolerated + 1
    if gate.kind is Kind.MEAN:
        boundary = Boundary(deviation, burn_in, gate.tolerated, gate.alpha)
        return boundary.detectable(orders)
    needed = log(1 / gate.alpha) + log(np.pi**2 / 6) + log(len(worse_shares(gate.tolerated)))

    def surplus(share: float) -> float:
        found = []
        for looked_for in worse_shares(gate.tolerated):
            happens, not_so = log(looked_for / gate.tolerated), log((1 - looked_for) / (1 - gate.tolerated))
            spread = float(np.sqrt(orders * share * (1 - share))) * (happens - not_so)
            found.append(orders * (share * happens + (1 - share) * not_so) - Z_OF_POWER * spread)
        return max(found) - needed

    low, high = gate.tolerated * (1 + 1e-9), 1 - 1e-9
    return float(brentq(surplus, low, high)) if surplus(high) > 0 else float("nan")


def _total_failure(plan: Plan, gate: Gate) -> int:
    """Orders until a gate says FAIL when every single one fails from the first on, rounded up to a look."""
    if gate.kind is Kind.EVENT:
        wanted = 1 + CONFIRMED * (gate.common_cause and gate.measure not in ITS_OWN)
    elif gate.kind is Kind.SHARE:
        each = log(max(worse_shares(gate.tolerated)) / gate.tolerated)
        needed = log(1 / gate.alpha) + log(np.pi**2 / 6) + log(len(worse_shares(gate.tolerated)))
        wanted = max(gate.minimum, ceil(needed / each)) + CONFIRMED * gate.common_cause
    else:
        wanted = gate.minimum
    return ceil(wanted / plan.look_every) * plan.look_every


def _too_small(plan: Plan, pace: Pace) -> list[str]:
    found = []
    for stage in plan.stages:
        fraction = stage.fraction or 0.1  # paper and shadow are sized as LIVE_10 is
        lots = pace.typical_lots * fraction
        if lots < max(FEWEST_LOTS, pace.least_lots):
            found.append(
                f"{stage.name}: a typical order has {lots:g} lots; at least {max(FEWEST_LOTS, pace.least_lots):g}, or "
                f"rounding decides: allocate more capital, or leave the stage out for an instrument this large"
            )
    return found
