"""The shipped plan, and observations in short words, for tests of gates and rollouts."""

from pathlib import Path

import numpy as np

from execution.settings.rollout import read_plan
from toolkit.rollout.gates import Gate, Kind, Measure
from toolkit.rollout.stages import Plan

REPOSITORY = Path(__file__).resolve().parents[2]


def shipped_plan() -> Plan:
    return read_plan(REPOSITORY)


def share_gate(**changes: object) -> Gate:
    """Rejects: 3 % are tolerated, a PASS rules out 6 %."""
    told = {"name": "rejects", "measure": Measure.REJECTED, "kind": Kind.SHARE, "tolerated": 0.03, "margin": 0.03,
            "minimum": 20, "alpha": 0.0005}  # fmt: skip
    return Gate(**{**told, **changes})


def cost_gate(**changes: object) -> Gate:
    told = {
        "name": "cost",
        "measure": Measure.DIFFERENCE,
        "kind": Kind.MEAN,
        "margin": 2.0,
        "minimum": 50,
        "alpha": 0.025,
    }
    return Gate(**{**told, **changes})


def events(count: int, *happened: int) -> np.ndarray:
    """So many orders, of which it happened to those at these places."""
    found = np.zeros(count)
    found[list(happened)] = 1
    return found
