"""The stages of a rollout and what moves a version from one to the next: a fold over verdicts, never over prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec
import numpy as np

from toolkit.engine.risk.limits import STAGES
from toolkit.rollout.gates import Finding, Gate, Measure, Observations, Verdict, judge

__all__ = ["BEFORE_LIVE", "FRACTIONS", "LIVE", "STAGES", "Decision", "Move", "Plan", "Stage", "decide", "move"]

FRACTIONS: Final[Mapping[str, float]] = {"PAPER": 0.0, "SHADOW": 0.0, "LIVE_10": 0.1, "LIVE_50": 0.5, "LIVE_100": 1.0}
"""The part of the allocation that a stage trades for real. PAPER and SHADOW are sized as LIVE_10 is."""


LIVE: Final = frozenset(STAGES[2:])
BEFORE_LIVE: Final = frozenset({Measure.MISMATCH, Measure.MISSING, Measure.REJECTED, Measure.LATE})
"""What can be measured on paper and in shadow; the rest takes real fills."""


class Move(StrEnum):
    ADVANCE = "advance"
    HOLD = "hold"
    ROLL_BACK = "roll back"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: at least so many orders and days, and the gates that lead out of it."""

    name: str
    orders: int
    days: int
    gates: tuple[Gate, ...]

    @property
    def fraction(self) -> float:
        return FRACTIONS[self.name]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Every stage in order. A look comes after each `look_every` orders; σ of B4 − B3 takes `burn_in` orders."""

    stages: tuple[Stage, ...]
    look_every: int = 5
    burn_in: int = 200

    @property
    def alpha(self) -> float:
        """The probability that anything that decides is wrong about an honest version, summed over stages and gates."""
        return sum(gate.alpha for stage in self.stages for gate in stage.gates if not gate.dry_run)


class Decision(NamedTuple):
    """What a stage decides, for which reasons, with the evidence of all its gates."""

    move: Move
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]


def decide(stage: Stage, evidence: Mapping[Measure, Observations], orders: int, days: int) -> Decision:
    """Judge every gate. A measure without observations is inconclusive: terminated without one is never a pass."""
    nothing = Observations(np.empty(0))
    return move(stage, [judge(gate, evidence.get(gate.measure, nothing)) for gate in stage.gates], orders, days)


def move(stage: Stage, findings: Sequence[Finding], orders: int, days: int) -> Decision:
    """Back when one gate that counts fails, forward when all of them pass and the stage was long enough, else hold."""
    counting = [finding for finding in findings if not finding.gate.dry_run]
    failed = [finding for finding in counting if finding.verdict is Verdict.FAIL]
    if failed:
        return Decision(Move.ROLL_BACK, tuple(map(_worded, failed)), tuple(findings))
    waiting = [_worded(finding) for finding in counting if finding.verdict is Verdict.INCONCLUSIVE]
    if orders < stage.orders:
        waiting.append(f"{orders} of {stage.orders} orders")
    if days < stage.days:
        waiting.append(f"{days} of {stage.days} days")
    return Decision(Move.HOLD if waiting else Move.ADVANCE, tuple(waiting), tuple(findings))


def _worded(finding: Finding) -> str:
    return f"{finding.gate.name}: {finding.reason}"
