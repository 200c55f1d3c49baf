"""config/monitoring.yaml as a plan: refused as a whole where a part of it cannot work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from execution.settings.documents import Document, read_document
from execution.settings.monitoring_checks import find_problems
from execution.settings.monitoring_file import (
    AlertRow,
    BackgroundRow,
    CaseRow,
    ChannelRow,
    ConditionRow,
    DivergenceRow,
    MonitoringFile,
    WatchRow,
)
from execution.settings.problems import validate
from execution.templates import desk_files
from toolkit.domain.errors import ConfigError
from toolkit.monitoring.catalogue import find
from toolkit.monitoring.channels import Channel, Telling
from toolkit.monitoring.plan import Case, Dashboard, Expected, Panel, Plan, Route
from toolkit.monitoring.rules import Comparison, Condition, Fold, Kind, Rule, Severity, Watch, Where
from toolkit.monitoring.series import Series, numbers

SOURCE = "config/monitoring.yaml"
DRIFT = "quarterdeck_divergence_drift_sigmas"
DAILY = "quarterdeck_divergence_sigmas"


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """The plan, and what only the desk itself needs of the file."""

    plan: Plan
    divergence: DivergenceRow
    channels: Mapping[str, ChannelRow]
    heartbeat: str
    heartbeat_every: float
    dashboards_address: str
    channels_owner: str
    checksum: str


def read_monitoring(home: Path, kept: Path | None = None) -> Monitoring:
    """The monitoring of a desk, or what was `kept` of it. ConfigError lists everything that cannot work: file, line,
    mend."""
    document = read_document(kept or home / SOURCE, SOURCE)
    file = validate(document, MonitoringFile)
    if wrong := find_problems(document, file, _pages(home)):
        raise ConfigError("\n".join(wrong))
    heartbeat = file.heartbeat
    return Monitoring(
        plan=_plan(document, file),
        divergence=file.divergence,
        channels=file.channels,
        heartbeat="" if heartbeat is None else heartbeat.address,
        heartbeat_every=Telling().heartbeat_every if heartbeat is None else heartbeat.every,
        dashboards_address=file.dashboards_address,
        channels_owner=file.channels_owner or next(iter(file.owners)),
        checksum=document.checksum,
    )


def resolve_channels(
    monitoring: Monitoring, home: Path, environment: Mapping[str, str]
) -> tuple[Telling, tuple[str, ...]]:
    """Channels with their addresses, and a sentence for each that has none here: a desk starts without it."""
    channels, missing = [], []
    for name, row in monitoring.channels.items():
        address, why = _address(row, home, environment)
        if address:
            channels.append(Channel(name=name, address=address, escalate_after=row.escalate_after))
        else:
            missing.append(f"channel {name} tells nobody: {why}")
    heartbeat = environment.get(_variable(monitoring.heartbeat), "") if monitoring.heartbeat else ""
    if monitoring.heartbeat and not heartbeat:
        missing.append(f"nobody notices when monitoring is dead: {_variable(monitoring.heartbeat)} is not set")
    telling = Telling(
        channels=tuple(channels),
        heartbeat=heartbeat,
        heartbeat_every=monitoring.heartbeat_every,
        dashboards=monitoring.dashboards_address,
        owner=monitoring.channels_owner,
    )
    return telling, tuple(missing)


# ---- parts


def _pages(home: Path) -> set[str]:
    """The names of the desk's own pages, of those that come with the project where it has none."""
    own = {page.stem for page in (home / "runbooks").glob("*.md")}
    return own or {Path(name).stem for name in desk_files() if name.startswith("runbooks/")}


def _address(row: ChannelRow, home: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    if row.address is not None:
        name = _variable(row.address)
        return environment.get(name, "").strip(), f"{name} is not set"
    path = home / str(row.file)
    try:
        if path.stat().st_mode & 0o077:
            return "", f"{row.file} may be read by others, and it holds a secret; run `chmod 600` on it"
        return path.read_text(encoding="utf-8").strip(), f"{row.file} is empty"
    except (OSError, UnicodeDecodeError) as problem:
        return "", f"{row.file} cannot be read ({type(problem).__name__})"


def _variable(address: str) -> str:
    return address.removeprefix("${").removesuffix("}")


def _plan(document: Document, file: MonitoringFile) -> Plan:
    return Plan(
        rules=tuple(_rule(name, row, file.divergence) for name, row in file.alerts.items()),
        routes=tuple(Route(channel=name, webhook=row.webhook or "") for name, row in file.channels.items()),
        dashboards=tuple(
            Dashboard(name=name, title=row.title, panels=tuple(Panel(**panel.model_dump()) for panel in row.panels))
            for name, row in file.dashboards.items()
        ),
        cases=tuple(_case(name, row, file, document) for name, row in file.tests.items()),
        owners=tuple(file.owners.items()),
        scrape_seconds=file.scrape_seconds,
    )


def _rule(name: str, row: AlertRow, divergence: DivergenceRow) -> Rule:
    watches = tuple(watch for each in row.watch for watch in _watches(each, divergence))
    metric = find(watches[0].metric)
    literal = divergence.rule == "daily_z" and any(each.divergence == "warn" for each in row.watch)
    return Rule(
        name=name, summary=row.says, watches=watches, severity=Severity.INFO if literal else row.severity,
        channels=row.channels, owner=row.owner, playbook=row.playbook, dashboard=row.dashboard,
        unit=row.unit or ("" if metric is None else metric.unit), by=row.by,
        conditions=tuple(map(_condition, row.conditions)), for_seconds=row.for_seconds, keep_seconds=row.keep,
        action=row.action, inhibits=row.inhibits,
    )  # fmt: skip


def _watches(row: WatchRow, divergence: DivergenceRow) -> Iterator[Watch]:
    if row.divergence is not None:
        yield from _divergence(row.divergence, divergence)
        return
    comparison = row.comparison
    yield Watch(
        kind=row.kind, metric=row.metric, comparison=comparison, threshold=row.threshold,
        clear=row.threshold if row.clear is None else float(row.clear), where=_where(row.where),
        fold=row.fold or _strictest(row.kind, comparison), window=float(row.within or 0), out_of=row.of or "",
        out_of_where=_where(row.of_where), minimum_sample=float(row.sample or 0), edge=float(row.edge or 0),
    )  # fmt: skip


def _divergence(level: str, chosen: DivergenceRow) -> Iterator[Watch]:
    """The chart's sums in σ; the literal rule is about a single session, on either side, and freezes nothing."""
    if level == "warn" and chosen.rule == "daily_z":
        for comparison, threshold, fold in (
            (Comparison.ABOVE, chosen.width, Fold.MAX),
            (Comparison.BELOW, -chosen.width, Fold.MIN),
        ):
            yield Watch(
                kind=Kind.LEVEL, metric=DAILY, comparison=comparison, threshold=threshold, clear=threshold, fold=fold
            )
        return
    threshold = chosen.warn if level == "warn" else chosen.freeze
    yield Watch(kind=Kind.LEVEL, metric=DRIFT, comparison=Comparison.ABOVE, threshold=threshold, clear=threshold)


def _strictest(kind: Kind, comparison: Comparison) -> Fold:
    """Of several series the one that fires first."""
    if kind is Kind.AGE:
        return Fold.MIN if comparison.is_upward else Fold.MAX
    return Fold.MAX if comparison.is_upward else Fold.MIN


def _condition(row: ConditionRow) -> Condition:
    return Condition(
        metric=row.metric, comparison=row.comparison, threshold=row.threshold, where=_where(row.where), by=row.by
    )


def _where(labels: Mapping[str, str]) -> Where:
    return tuple(sorted(labels.items()))


def _case(name: str, row: CaseRow, file: MonitoringFile, document: Document) -> Case:
    told = tuple(
        Series(
            metric=one.metric,
            labels=tuple(one.labels.items()),
            values=numbers(one.values),
            above=tuple((float(edge), numbers(values)) for edge, values in one.above.items()),
        )
        for one in row.series
    )
    length = max(len(one.values) for one in told)
    known = {(one.metric, frozenset(one.labels)) for one in told}
    rest = (_background(one, length, row.every) for one in file.background)
    return Case(
        name=name,
        every=row.every,
        series=(*told, *(one for one in rest if (one.metric, frozenset(one.labels)) not in known)),
        fires=tuple(
            Expected(
                alert=one.alert,
                start=one.start,
                until=one.until,
                scope=tuple((label, one.scope[label]) for label in file.alerts[one.alert].by),
            )
            for one in row.fires
        ),
        source=document.source(("tests", name)),
    )


def _background(row: BackgroundRow, length: int, every: float) -> Series:
    values = tuple(place * every if row.values == "now" else float(row.values) for place in range(length))
    return Series(metric=row.metric, labels=tuple(row.labels.items()), values=values)
