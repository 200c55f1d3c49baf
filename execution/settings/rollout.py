"""config/rollout.yaml as a plan: gates by name, stages in order, each gate with what its stage says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import msgspec
from pydantic import Field, model_validator

from execution.settings.documents import read_document
from execution.settings.models import Count, Limits, LimitsFile, Strict
from execution.settings.problems import nearest, problem, validate
from toolkit.rollout.gates import Gate, Kind, Measure, kind_of
from toolkit.rollout.stages import STAGES, Plan, Stage

SOURCE, LIMITS = "config/rollout.yaml", "config/limits.yaml"
WITHOUT_MONEY = ("PAPER", "SHADOW")
OF_DEPLOYMENTS = ("permitted", "permitted_venues", "max_order_value", "max_working_orders", "max_position")
"""Control 34: what bounds a version at each stage at which it trades with money."""

Fraction = Annotated[float, Field(ge=0, lt=1)]
Amount = Annotated[float, Field(ge=0, le=1_000)]


class GateRow(Strict):
    """One gate: what it measures, what it tolerates, and how much evidence its verdicts take."""

    measure: Measure
    kind: Kind
    tolerated: Amount = 0.0
    margin: Amount = 0.0
    minimum: Count = 1
    alpha: Fraction = 0.0005
    dry_run: bool = False
    common_cause: bool = True

    @model_validator(mode="after")
    def _has_sense(self) -> Self:
        if self.kind is not kind_of(self.measure):
            raise ValueError(f"kind must be {kind_of(self.measure)} for the measure {self.measure}")
        if self.kind is not Kind.EVENT and not self.alpha:
            raise ValueError("alpha must be above 0: a gate that is never wrong never says anything")
        if self.kind is Kind.SHARE and not 0 < self.tolerated < self.tolerated + self.margin < 1:
            raise ValueError("tolerated, and tolerated with its margin, must be shares between 0 and 1")
        if self.kind is Kind.MEAN and not self.margin:
            raise ValueError("margin must be above 0: noise leaves no room for a PASS without one")
        return self


class StageRow(Strict):
    """One stage: how long it lasts at least, its gates by name, and an alpha of its own for some of them."""

    orders: Count
    days: Count
    gates: Annotated[tuple[str, ...], Field(min_length=1)]
    alpha: dict[str, Fraction] = Field(default_factory=dict)


class RolloutFile(Strict):
    """config/rollout.yaml"""

    look_every: Annotated[int, Field(ge=1, le=1_000)] = 5
    burn_in: Annotated[int, Field(ge=20, le=100_000)] = 200
    gates: Annotated[dict[str, GateRow], Field(min_length=1)]
    stages: Annotated[dict[str, StageRow], Field(min_length=1)]


def read_plan(home: Path) -> Plan:
    """The plan of a desk. ConfigError names file, line and the nearest known name."""
    document = read_document(home / SOURCE, SOURCE)
    rows = validate(document, RolloutFile)
    unknown = [name for name in rows.stages if name not in STAGES]
    if unknown:
        raise problem(document, ("stages", unknown[0]), f"is no stage; {nearest(unknown[0], STAGES)}")
    if [*rows.stages] != [name for name in STAGES if name in rows.stages] or "LIVE_100" not in rows.stages:
        raise problem(document, ("stages",), f"must go up to LIVE_100 in this order: {', '.join(STAGES)}")
    stages = []
    for name, row in rows.stages.items():
        named: list[tuple[tuple[str | int, ...], str]] = [
            *((("gates", index), each) for index, each in enumerate(row.gates)),
            *((("alpha", each), each) for each in row.alpha),
        ]
        for place, gate in named:
            if gate not in rows.gates:
                raise problem(document, ("stages", name, *place), f"is {gate!r}; {nearest(gate, rows.gates)}")
            if gate not in row.gates:
                raise problem(document, ("stages", name, *place), f"is of no gate of {name}; add {gate} to its gates")
            if rows.gates[gate].kind is not Kind.EVENT and row.alpha.get(gate) == 0:
                raise problem(document, ("stages", name, "alpha", gate), "must be above 0: make it a dry run instead")
        if len(set(row.gates)) < len(row.gates):
            raise problem(document, ("stages", name, "gates"), "names a gate twice")
        stages.append(
            Stage(
                name=name,
                orders=row.orders,
                days=row.days,
                gates=tuple(_gate(each, rows.gates[each], row.alpha.get(each)) for each in row.gates),
            )
        )
    return Plan(stages=tuple(stages), look_every=rows.look_every, burn_in=rows.burn_in)


def without_limits(home: Path, plan: Plan) -> tuple[str, ...]:
    """The stages with money for which config/limits.yaml leaves a limit of deployments open, in words."""
    document = read_document(home / LIMITS, LIMITS)
    written = validate(document, LimitsFile).stages
    return tuple(
        f"{document.source(('stages', stage.name))}: {stage.name} has no {', '.join(missing)} in stages; set each"
        for stage in plan.stages
        if stage.name not in WITHOUT_MONEY and (missing := _missing(written.get(stage.name)))
    )


def _missing(limits: Limits | None) -> list[str]:
    return [name for name in OF_DEPLOYMENTS if getattr(limits, name, None) is None]


def _gate(name: str, row: GateRow, alpha: float | None) -> Gate:
    gate = Gate(name=name, **row.model_dump())
    return gate if alpha is None else msgspec.structs.replace(gate, alpha=alpha)
