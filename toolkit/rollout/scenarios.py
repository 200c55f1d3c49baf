"""What may happen to a version on its way, drawn order by order: honest ones and each kind of harm; nothing decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np
from scipy.signal import lfilter

from toolkit.measures.bootstrap import mean_block, stationary_indices
from toolkit.measures.performance import Floats
from toolkit.measures.sequential import Places
from toolkit.rollout.gates import Measure
from toolkit.rollout.stages import BEFORE_LIVE, LIVE, STAGES

Noise = Literal["normal", "t3", "history"]


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One world. Shares are per order, costs in bp; what is wrong begins in the stages `from_stage` and after.

    `history` are differences in bp of real orders, drawn in blocks, when `noise` says so. `burst` orders from a random
    place on are rejected with `burst_share`; with `hits_others` the champion's are as well.
    """

    name: str
    deviation: float = 8.0
    noise: Noise = "normal"
    memory: float = 0.0
    worse: float = 0.0
    rejected: float = 0.004
    late: float = 0.004
    missed: float = 0.01
    mismatch: float = 0.0
    missing: float = 0.0
    burst: int = 0
    burst_share: float = 0.5
    hits_others: bool = False
    late_growth: float = 0.0
    feed_lost: bool = False
    from_stage: str = "LIVE_10"
    orders_a_day: int = 100
    history: tuple[float, ...] = ()


class Drawn(NamedTuple):
    """Observations by measure, of the candidate and of the champion beside it, one entry an order."""

    own: Mapping[Measure, Floats]
    others: Mapping[Measure, Floats]


HONEST: Final = (
    Scenario(name="honest, normal"),
    Scenario(name="honest, fat tails", noise="t3"),
    Scenario(name="honest, autocorrelated", memory=0.3),
    Scenario(name="honest, few orders", orders_a_day=8),
)

HARMFUL: Final = (
    Scenario(name="fills 2 bp worse, sd 8", worse=2.0),
    Scenario(name="fills 2 bp worse, sd 15", worse=2.0, deviation=15.0),
    Scenario(name="different signals", mismatch=0.05),
    Scenario(name="different signals since shadow", mismatch=0.05, from_stage="SHADOW"),
    Scenario(name="reject burst", burst=60),
    Scenario(name="lost feed", feed_lost=True),
    Scenario(name="growing latency", late_growth=0.0005),
)

COMMON: Final = (Scenario(name="broker outage, the champion too", burst=60, burst_share=0.9, hits_others=True),)

SHIPPED: Final = (*HONEST, *HARMFUL, *COMMON)


def draw(scenario: Scenario, stage: str, first: int, count: int, start: int, draws: np.random.Generator) -> Drawn:
    """The orders `first` to `first + count` of one stage, and the champion's beside them.

    What lasts only for a time, or grows, begins with order `start` of the stage.
    """
    is_wrong = _has_begun(scenario, stage)
    honest = msgspec.structs.replace(
        scenario, worse=0.0, mismatch=0.0, missing=0.0, burst=0, late_growth=0.0, feed_lost=False
    )
    places = np.arange(first, first + count) - start
    found = Drawn(
        own=_orders(scenario if is_wrong else honest, places, draws),
        others=_orders(scenario if is_wrong and scenario.hits_others else honest, places, draws),
    )
    if stage in LIVE:
        return found
    return Drawn(*({name: values for name, values in side.items() if name in BEFORE_LIVE} for side in found))


def differences(scenario: Scenario, count: int, draws: np.random.Generator) -> Floats:
    """B4 − B3 of so many orders in bp, before anything is wrong: from here comes the champion's σ, too."""
    if scenario.noise == "history":
        known = np.asarray(scenario.history, dtype=np.float64)
        places = stationary_indices(count, mean_block(len(known)), 1, draws, len(known))
        found: Floats = known[places[0]] - known.mean()
        return found
    shape = draws.standard_normal(count) if scenario.noise == "normal" else draws.standard_t(3, count) / np.sqrt(3)
    kept = scenario.memory
    series: Floats = lfilter([np.sqrt(1 - kept**2)], [1, -kept], shape) * scenario.deviation
    return series


def _orders(scenario: Scenario, places: Places, draws: np.random.Generator) -> dict[Measure, Floats]:
    """`places` count from where what lasts for a time begins: negative before.

    Slippage beyond what was assumed is drawn like B4 − B3, by itself.
    """
    count, begun = len(places), places >= 0
    rejected = np.where(begun & (places < scenario.burst), scenario.burst_share, scenario.rejected)
    late = np.minimum(scenario.late + scenario.late_growth * np.maximum(places, 0), 0.9)
    missing = np.where(begun & scenario.feed_lost, 1.0, scenario.missing)
    mismatch = np.full(count, scenario.mismatch)
    happened = {
        Measure.REJECTED: _drawn(rejected, draws),
        Measure.LATE: _drawn(late, draws),
        Measure.MISSING: _drawn(missing, draws),
        Measure.MISMATCH: _drawn(mismatch, draws),
        Measure.MISSED: _drawn(np.full(count, scenario.missed), draws),
    }
    silent = happened[Measure.MISSING] == 1
    for measure in (Measure.REJECTED, Measure.LATE, Measure.MISSED):
        happened[measure] = np.where(silent, np.nan, happened[measure])
    unfilled = silent | (happened[Measure.REJECTED] == 1)
    costs = {
        measure: np.where(unfilled, np.nan, differences(scenario, count, draws) - scenario.worse)
        for measure in (Measure.DIFFERENCE, Measure.SLIPPAGE)
    }
    events = {measure: np.zeros(count) for measure in (Measure.BREAK, Measure.DOUBT, Measure.BREACH, Measure.KILL)}
    return {**happened, **events, **costs}


def _has_begun(scenario: Scenario, stage: str) -> bool:
    return STAGES.index(stage) >= STAGES.index(scenario.from_stage)


def _drawn(share: Floats, draws: np.random.Generator) -> Floats:
    found: Floats = (draws.random(len(share)) < share).astype(np.float64)
    return found
