"""config/monitoring.yaml as written: rows that refuse unknown keys. What they mean together is checked elsewhere."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from execution.settings.models import Name, Seconds, Strict
from toolkit.monitoring.channels import ESCALATE_AFTER_SECONDS, HEARTBEAT_SECONDS
from toolkit.monitoring.rules import Action, Comparison, Fold, Kind, Severity

Amount = Annotated[float, Field(ge=-1e15, le=1e15)]
Text = Annotated[str, Field(min_length=1, max_length=300)]
Words = Annotated[str, Field(min_length=1, max_length=2_000)]
Page = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
CaseName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
Labels = dict[str, str]

KINDS: Final = ("level", "age", "grew", "ratio", "row", "slow", "absent")
COMPARISONS: Final = ("above", "at_least", "below", "at_most")
COUNTED: Final = ("ratio", "row")
WINDOWED: Final = ("grew", "ratio", "row", "slow")


class WatchRow(Strict):
    """One way to hold: a kind that names its metric, one comparison, and what the kind needs besides."""

    level: MetricName | None = None
    age: MetricName | None = None
    grew: MetricName | None = None
    ratio: MetricName | None = None
    row: MetricName | None = None
    slow: MetricName | None = None
    absent: MetricName | None = None
    divergence: Literal["warn", "freeze"] | None = None
    above: Amount | None = None
    at_least: Amount | None = None
    below: Amount | None = None
    at_most: Amount | None = None
    clear: Amount | None = None
    where: Labels = Field(default_factory=dict)
    fold: Fold | None = None
    within: Seconds | None = None
    of: MetricName | None = None
    of_where: Labels = Field(default_factory=dict)
    sample: Annotated[int, Field(ge=1, le=10**9)] | None = None
    edge: Amount | None = None

    @property
    def kind(self) -> Kind:
        return Kind(next(name for name in KINDS if getattr(self, name) is not None))

    @property
    def metric(self) -> str:
        return str(getattr(self, self.kind.value))

    @property
    def comparison(self) -> Comparison:
        return next((Comparison(name) for name in COMPARISONS if getattr(self, name) is not None), Comparison.ABOVE)

    @property
    def threshold(self) -> float:
        """Absence is 1, which is above nothing."""
        return float(getattr(self, self.comparison.value) or 0.0)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        kinds = [name for name in (*KINDS, "divergence") if getattr(self, name) is not None]
        compared = [name for name in COMPARISONS if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError(f"say one of {', '.join(KINDS)} or divergence, and the metric that it watches")
        kind = kinds[0]
        if len(compared) != (kind not in ("absent", "divergence")):
            raise ValueError(f"{kind} takes {'none' if kind in ('absent', 'divergence') else 'one'} of "
                             f"{', '.join(COMPARISONS)}")  # fmt: skip
        for key, kinds_with_it in (("within", WINDOWED), ("of", COUNTED), ("sample", COUNTED), ("edge", ("slow",))):
            if (getattr(self, key) is not None) != (kind in kinds_with_it):
                raise ValueError(f"{kind} {'needs' if kind in kinds_with_it else 'takes no'} {key}")
        if self.of_where and kind not in COUNTED:
            raise ValueError(f"{kind} takes no of_where")
        return self


class ConditionRow(Strict):
    """What must be so besides, in labels of the alert's scope."""

    metric: MetricName
    above: Amount | None = None
    at_least: Amount | None = None
    below: Amount | None = None
    at_most: Amount | None = None
    where: Labels = Field(default_factory=dict)
    by: tuple[str, ...] = ()

    @property
    def comparison(self) -> Comparison:
        return next(Comparison(name) for name in COMPARISONS if getattr(self, name) is not None)

    @property
    def threshold(self) -> float:
        return float(getattr(self, self.comparison.value))

    @model_validator(mode="after")
    def _compares_once(self) -> Self:
        if sum(getattr(self, name) is not None for name in COMPARISONS) != 1:
            raise ValueError(f"it takes one of {', '.join(COMPARISONS)}")
        return self


class AlertRow(Strict):
    """One alert: what it watches, when it fires, who is told how, what follows."""

    says: Text
    watch: Annotated[tuple[WatchRow, ...], Field(min_length=1, max_length=4)]
    by: tuple[str, ...] = ()
    conditions: Annotated[tuple[ConditionRow, ...], Field(alias="while")] = ()
    for_seconds: Annotated[float, Field(alias="for", ge=0, le=10**7)] = 0.0
    keep: Annotated[float, Field(ge=0, le=10**6)] = 0.0
    unit: Text | None = None
    severity: Severity
    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    action: Action = Action.NONE
    owner: str
    playbook: Page
    dashboard: str
    inhibits: tuple[str, ...] = ()


class ChannelRow(Strict):
    """How people are reached. The address itself is a secret: the environment or a file has it."""

    address: Annotated[str, Field(pattern=r"^\$\{[A-Z][A-Z0-9_]*\}$")] | None = None
    file: Text | None = None
    escalate_after: Seconds = ESCALATE_AFTER_SECONDS
    webhook: Annotated[str, Field(pattern=r"^https?://[^@?#\s]+$")] | None = None

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if (self.address is None) == (self.file is None):
            raise ValueError("give address: ${NAME_OF_A_VARIABLE} or file: PATH, one of them")
        return self


class HeartbeatRow(Strict):
    """Who notices when this whole path is dead: an address that is called while it lives."""

    address: Annotated[str, Field(pattern=r"^\$\{[A-Z][A-Z0-9_]*\}$")]
    every: Seconds = HEARTBEAT_SECONDS


class DivergenceRow(Strict):
    """By which rule paper and live diverge; `width` is of daily_z, `warn` and `freeze` of cusum, all in σ."""

    rule: Literal["cusum", "daily_z"] = "cusum"
    warn: Annotated[float, Field(gt=0, le=100)] = 8.0
    freeze: Annotated[float, Field(gt=0, le=100)] = 12.0
    width: Annotated[float, Field(gt=0, le=10)] = 2.0


class PanelRow(Strict):
    """A picture of a Grafana dashboard: one query, and what to call each of its lines."""

    title: Text
    query: Words
    legend: str = ""
    unit: Literal["short", "s", "bytes", "percentunit", "dateTimeFromNow", "currencyUSD", "none"] = "short"
    show: Literal["timeseries", "stat", "table", "heatmap"] = "timeseries"


class DashboardRow(Strict):
    """A Grafana dashboard; the desk has a page of the same name."""

    title: Text
    panels: Annotated[tuple[PanelRow, ...], Field(min_length=1, max_length=40)]


class SeriesRow(Strict):
    """A series of a test, in the notation of Prometheus' own unit tests; of a histogram, all observations."""

    metric: MetricName
    labels: Labels = Field(default_factory=dict)
    values: Words
    above: dict[str, Words] = Field(default_factory=dict)


class BackgroundRow(Strict):
    """A series that every case has which says nothing else of it: one value throughout, or `now`."""

    metric: MetricName
    labels: Labels = Field(default_factory=dict)
    values: Literal["now"] | Amount


class FiresRow(Strict):
    """From which second until before which an alert must fire in one scope; until the end where nothing is said."""

    alert: str
    start: Annotated[float, Field(alias="from", ge=0)]
    until: Annotated[float, Field(gt=0)] | None = None
    scope: Labels = Field(default_factory=dict)


class CaseRow(Strict):
    """What is measured, moment by moment, and everything that fires; what is not listed must stay silent."""

    every: Seconds
    series: Annotated[tuple[SeriesRow, ...], Field(min_length=1)]
    fires: tuple[FiresRow, ...] = ()


class MonitoringFile(Strict):
    """config/monitoring.yaml"""

    scrape_seconds: Annotated[float, Field(ge=1, le=300)] = 5.0
    dashboards_address: Annotated[str, Field(pattern=r"^$|^https?://[^@?#\s]+$")] = ""
    channels: Annotated[dict[Name, ChannelRow], Field(min_length=1)]
    heartbeat: HeartbeatRow | None = None
    owners: Annotated[dict[Name, Text], Field(min_length=1)]
    channels_owner: Name | None = None
    divergence: DivergenceRow = DivergenceRow()
    alerts: Annotated[dict[Name, AlertRow], Field(min_length=1)]
    dashboards: Annotated[dict[Name, DashboardRow], Field(min_length=1)]
    background: tuple[BackgroundRow, ...] = ()
    tests: dict[CaseName, CaseRow] = Field(default_factory=dict)
