"""Everything that config/monitoring.yaml says, compiled: rules, pictures and cases, for whoever judges or generates."""

from __future__ import annotations

import msgspec

from toolkit.monitoring.growth import Scope
from toolkit.monitoring.rules import Rule
from toolkit.monitoring.series import Series


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A channel as Alertmanager knows it; without a `webhook` it tells nobody there."""

    channel: str
    webhook: str = ""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """A picture: one query, in Grafana's words for unit and kind."""

    title: str
    query: str
    legend: str = ""
    unit: str = "short"
    show: str = "timeseries"


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures that belong together; `name` is that of the desk's own page."""

    name: str
    title: str
    panels: tuple[Panel, ...]


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fires in one scope from a second on until before another one; `until` None is to the end."""

    alert: str
    start: float
    until: float | None = None
    scope: Scope = ()

    def holds_at(self, second: float) -> bool:
        return self.start <= second and (self.until is None or second < self.until)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured every so many seconds, and everything that fires."""

    name: str
    every: float
    series: tuple[Series, ...]
    fires: tuple[Expected, ...] = ()
    source: str = ""

    @property
    def length(self) -> int:
        """How many moments it has."""
        return max((len(one.values) for one in self.series), default=0)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk's monitoring does."""

    rules: tuple[Rule, ...]
    routes: tuple[Route, ...]
    dashboards: tuple[Dashboard, ...]
    cases: tuple[Case, ...] = ()
    owners: tuple[tuple[str, str], ...] = ()
    scrape_seconds: float = 5.0

    def rule(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.name == name), None)
