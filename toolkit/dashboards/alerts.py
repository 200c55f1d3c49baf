"""The view `alerts`: what fires, what somebody has taken on, what is silenced, what was; people answer elsewhere."""

from __future__ import annotations

from typing import Final

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.face import Face, Number, Table
from toolkit.dashboards.known import Known
from toolkit.dashboards.looks import BAD, GOOD, ODD, Cell, ago
from toolkit.monitoring.alert_book import Alert, AlertState
from toolkit.monitoring.messages import figure
from toolkit.monitoring.spans import around

TITLE: Final = "Alerts"
MOST_ROWS: Final = 60
SEVERITIES: Final = {"critical": BAD, "warning": ODD, "info": ""}
SIGNS: Final = {">=": "≥", "<=": "≤"}
FIRING, ACKNOWLEDGED, SILENCED = AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.SILENCED


def face(known: Known, choice: Choice) -> Face:
    """By what somebody has to do about it."""
    by_state = {
        state: [alert for alert in known.alerts.open if alert.state_at(known.wall) is state and _is_of(alert, choice)]
        for state in (FIRING, ACKNOWLEDGED, SILENCED)
    }
    over = [alert for alert in known.alerts.resolved if known.covers(choice, alert.resolved) and _is_of(alert, choice)]
    return Face(
        numbers=_numbers(known, by_state, over, choice),
        notes=known.notes(),
        parts=(
            _firing(known, by_state[FIRING], choice), _taken(known, by_state[ACKNOWLEDGED]),
            _silenced(known, by_state[SILENCED]), _over(known, over, choice), _history(known, choice),
        ),
    )  # fmt: skip


def _is_of(alert: Alert, choice: Choice) -> bool:
    labels = dict(alert.scope)
    strategy, venue = labels.get("strategy"), labels.get("venue")
    return (strategy is None or choice.takes(strategy)) and (venue is None or choice.takes_venue(venue))


def _numbers(
    known: Known, by_state: dict[AlertState, list[Alert]], over: list[Alert], choice: Choice
) -> tuple[Number, ...]:
    firing = by_state[FIRING]
    critical = sum(alert.severity == "critical" for alert in firing)
    oldest = min((alert.since for alert in firing), default=0)
    return (
        Number(value=f"{len(firing)}", words="alerts fire and nobody has taken them on", how=ODD if firing else GOOD),
        Number(value=f"{critical}", words="of them critical", how=BAD if critical else GOOD),
        Number(value=ago(oldest), words="since the oldest of them began", how=ODD if oldest else GOOD),
        Number(
            value=f"{len(by_state[ACKNOWLEDGED])} · {len(by_state[SILENCED])}", words="acknowledged · silenced",
        ),
        Number(value=f"{len(over)}", words=f"resolved in {choice.span_words}"),
    )  # fmt: skip


def _firing(known: Known, alerts: list[Alert], choice: Choice) -> Table:
    return Table(
        key="firing", title="Firing", wide=True,
        columns=("id", "severity", "what", "where", "value>", "limit>", "since>", "done about it", "told through"),
        rows=tuple(
            (a.id, (a.severity, SEVERITIES.get(a.severity, ODD)), a.summary or a.rule, a.where, figure(a.value, a.unit),
             f"{SIGNS.get(a.comparison, a.comparison)} {figure(a.threshold, a.unit)}", ago(a.since), a.action or "–",
             ", ".join(a.reached) or "–")
            for a in alerts[:MOST_ROWS]
        ),
        empty="Nothing fires.", links=_incidents(known, alerts, choice),
        below=("`execution alerts ack ID --reason WHY` takes one on",) if alerts else (),
    )  # fmt: skip


def _taken(known: Known, alerts: list[Alert]) -> Table:
    return Table(
        key="acknowledged", title="Acknowledged", columns=("id", "what", "where", "by", "why", "since>"),
        rows=tuple((a.id, a.summary or a.rule, a.where, a.by, a.reason, ago(a.answered)) for a in alerts[:MOST_ROWS]),
        empty="Nobody has taken an alert on.",
    )  # fmt: skip


def _silenced(known: Known, alerts: list[Alert]) -> Table:
    return Table(
        key="silenced", title="Silenced", columns=("id", "what", "where", "by", "why", "until>"),
        rows=tuple(
            (a.id, a.summary or a.rule, a.where, a.by, a.reason, known.zone.clock(a.until, known.wall))
            for a in alerts[:MOST_ROWS]
        ),
        empty="Nothing is silenced.",
    )  # fmt: skip


def _over(known: Known, alerts: list[Alert], choice: Choice) -> Table:
    return Table(
        key="resolved", title="Resolved", wide=True,
        columns=("id", "severity", "what", "where", "began>", "ended>", "times>", "done about it"),
        rows=tuple(
            (a.id, a.severity, a.summary or a.rule, a.where, known.zone.clock(a.since, known.wall),
             known.zone.clock(a.resolved, known.wall), a.times, a.action or "–")
            for a in alerts[:MOST_ROWS]
        ),
        empty=f"Nothing was resolved in {choice.span_words}.", links=_incidents(known, alerts, choice),
        below=(f"the newest of {len(alerts):,}",) if len(alerts) > MOST_ROWS else (),
    )  # fmt: skip


def _history(known: Known, choice: Choice) -> Table:
    steps = [step for step in known.alerts.history if known.covers(choice, step.wall)]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (known.zone.clock(step.wall, known.wall), step.id, step.rule, step.where, step.did.value,
         step.who or "the monitor", step.what or "–")
        for step in steps[:MOST_ROWS]
    )  # fmt: skip
    return Table(
        key="history", title="History", wide=True,
        columns=("when>", "id", "rule", "where", "did", "who", "words"), rows=rows,
        empty=f"Nothing happened to an alert in {choice.span_words}.",
        below=(f"the newest of {len(steps):,}",) if len(steps) > MOST_ROWS else (),
    )  # fmt: skip


def _incidents(known: Known, alerts: list[Alert], choice: Choice) -> tuple[str, ...]:
    """Each alert's own view, of the time in which it happened."""
    found = []
    for alert in alerts[:MOST_ROWS]:
        span, until = around(alert.since, alert.resolved or known.wall, is_over=bool(alert.resolved))
        found.append(choice.but(view=alert.dashboard or choice.view, span=span, until=until).address())
    return tuple(found)
