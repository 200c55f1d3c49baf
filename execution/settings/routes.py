"""The router's part of config/venues.yaml, as the engine takes it: rules, fees to compare, when breakers open."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

import msgspec

from execution.settings.documents import Document
from execution.settings.problems import nearest, problem
from execution.settings.venue_file import BreakerRow, BudgetRow, RouteRow, VenuesFile
from toolkit.domain.rate_budget import BudgetPlan
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.router_settings import BreakerSettings, RouterSettings, RouteRule, VenueFees
from toolkit.simulation.paper_settings import FeeSchedule, PaperSettings

MILLISECOND = NANOSECONDS // 1_000


def router_settings(
    document: Document, file: VenuesFile, known: Mapping[str, Collection[str]], venues: Mapping[str, PaperSettings]
) -> RouterSettings:
    """The router's part of the file, for the venues of this run; `known` as for `route_rules`."""
    return RouterSettings(
        rules=route_rules(document, file, known, venues),
        fees={name: _compared(venue.fees) for name, venue in venues.items()},
        breakers=_read_breakers(document, file),
        without_breakers=frozenset(name for name, row in file.breakers.items() if row is None),
        join_within=0 if file.aggregation is None else int(file.aggregation.window_ms * MILLISECOND),
    )


def route_rules(
    document: Document, file: VenuesFile, known: Mapping[str, Collection[str]], venues: Collection[str]
) -> tuple[RouteRule, ...]:
    """The rules that speak of venues of this run. ConfigError for a name that no run knows, with the nearest one.

    `known` holds the names of instruments and strategies, of this run and of others.
    """
    for index, row in enumerate(file.routes):
        for section, names in (("venues", file.venues), *known.items()):
            for place, name in enumerate(getattr(row, section)):
                if name not in names:
                    wrong = f"is {name!r}, not in config/{section}.yaml; {nearest(name, names)}"
                    raise problem(document, ("routes", index, section, place), wrong)
    return tuple(_rules(document, file.routes, venues))


def _read_breakers(document: Document, file: VenuesFile) -> Mapping[str, BreakerSettings]:
    """The breakers by venue, of those that have some. ConfigError for a venue that is not there."""
    for name in file.breakers:
        if name not in file.venues:
            wrong = f"is no venue of this file; {nearest(name, file.venues)}"
            raise problem(document, ("breakers", name), wrong)
    return MappingProxyType({
        name: _breaker(row, document.source(("breakers", name)))
        for name, row in file.breakers.items()
        if row is not None
    })  # fmt: skip


def _compared(fees: FeeSchedule) -> VenueFees:
    """What the router compares of a venue's fees."""
    return VenueFees(
        maker_basis_points=fees.maker_basis_points,
        taker_basis_points=fees.taker_basis_points,
        maker_per_unit=fees.maker_per_unit,
        taker_per_unit=fees.taker_per_unit,
        minimum=fees.minimum,
        maximum_basis_points=fees.maximum_basis_points,
    )


def budget_plans(document: Document, file: VenuesFile, venues: Collection[str]) -> Mapping[str, BudgetPlan]:
    """The rate budgets of the venues of this run. ConfigError for an unknown venue, or parts beyond the whole."""
    plans: dict[str, BudgetPlan] = {}
    for name, row in file.budgets.items():
        place = ("budgets", name)
        if name not in file.venues:
            raise problem(document, place, f"is no venue of this file; {nearest(name, file.venues)}")
        plan = _budget(row, row.key or name, document.source(place))
        for other, known in plans.items():
            if known.key == plan.key and msgspec.structs.replace(known, source=plan.source) != plan:
                raise problem(document, place, f"shares key {plan.key!r} with {other}; give both the same numbers")
        plans[name] = plan
    return MappingProxyType({name: plan for name, plan in plans.items() if name in venues})


def _budget(row: BudgetRow, key: str, source: str) -> BudgetPlan:
    return BudgetPlan(
        key=key,
        messages=row.messages,
        window=int(row.per_seconds * NANOSECONDS),
        processes=row.processes,
        reserve=row.reserve,
        share=row.share,
        block=row.block,
        source=source,
    )


def _rules(document: Document, rows: tuple[RouteRow, ...], venues: Collection[str]) -> Iterator[RouteRule]:
    for index, row in enumerate(rows):
        here = tuple(venue for venue in row.venues if venue in venues)
        if here:
            yield RouteRule(
                venues=here,
                source=document.source(("routes", index)),
                instruments=frozenset(row.instruments),
                strategies=frozenset(row.strategies),
                stages=frozenset(row.stages),
                minimum_quantity=row.minimum_quantity,
                maximum_quantity=row.maximum_quantity,
                prefer=row.prefer,
            )


def _breaker(row: BreakerRow, source: str) -> BreakerSettings:
    return BreakerSettings(
        rejects=row.rejects,
        venue_rejects=row.venue_rejects,
        late=row.late_answers,
        within=int(row.within_seconds * NANOSECONDS),
        late_after=int(row.late_after_seconds * NANOSECONDS),
        open_for=int(row.open_seconds * NANOSECONDS),
        source=source,
    )
