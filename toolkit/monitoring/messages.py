"""What a message about alerts says: what, value and threshold, since when, what was done, where to look and answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

import msgspec

from toolkit.monitoring.alert_book import Alert
from toolkit.monitoring.spans import around, written

MOST_LISTED: Final = 15
"""Alerts of one rule that a message names; of the rest it says how many there are."""
MEASURED: Final = ("seconds", "ratio", "sigma", "standard deviations", "bytes")
SIGNS: Final = {">=": "≥", "<=": "≤"}
LABELS_OF_VIEWS: Final = ("strategy", "venue")
"""Labels that every view of the dashboards can be narrowed to in its address."""


class News(StrEnum):
    """Why a message is sent."""

    FIRING = "firing"
    AGAIN = "firing again"
    ESCALATED = "escalated"
    STILL = "still firing"
    ACTED = "acted on"
    RESOLVED = "resolved"


class Desk(msgspec.Struct, kw_only=True):
    """Whose alerts these are. `dashboards` is the address that links begin with, "" where there are none; it moves when
    somebody else took its port."""

    name: str
    kind: str
    dashboards: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to send. `alerts` are the ids that it is about; `severity` is that of the gravest."""

    title: str
    body: str
    severity: str
    news: News
    alerts: tuple[str, ...] = ()


def message(desk: Desk, news: News, alerts: Sequence[Alert], wall: int) -> Message:
    """One message for alerts of the same rule, one or many."""
    first = alerts[0]
    title = f"[{desk.kind.upper()} {desk.name}] {_headline(first, news)}"
    title += f" · {first.where}" if len(alerts) == 1 else f" · {len(alerts)} times"
    lines = _one(desk, news, first, wall) if len(alerts) == 1 else _many(desk, news, alerts, wall)
    ids = tuple(alert.id for alert in alerts)
    return Message(title=title, body="\n".join(lines), severity=first.severity, news=news, alerts=ids)


def digest(desk: Desk, missed: Sequence[Message], dropped: int) -> Message:
    """What a channel missed while it was away, as one message."""
    last = missed[-1]
    lines = [f"{len(missed) + dropped} messages could not be sent here until now. The newest:"]
    lines += [f"· {each.title}" for each in reversed(missed[-MOST_LISTED:])]
    lines += ["", "What fires now: execution alerts list"]
    return Message(
        title=f"[{desk.kind.upper()} {desk.name}] this channel is back: {len(missed) + dropped} messages were late",
        body="\n".join(lines), severity=last.severity, news=last.news,
        alerts=tuple(dict.fromkeys(alert for each in missed for alert in each.alerts)),
    )  # fmt: skip


def figure(value: float, unit: str) -> str:
    """`6.1 s`, `3.2 %`, `2.4 σ`, `12`."""
    match unit:
        case "ratio":
            return f"{value * 100:.3g} %"
        case "seconds":
            return f"{value:.3g} s" if value < 1_000 else f"{value:,.0f} s"
        case "sigma" | "standard deviations":
            return f"{value:.3g} σ"
        case "bytes":
            return f"{value / 1e6:,.4g} MB"
        case _:
            number = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
            return f"{number} {unit}".rstrip()


def bare(value: float, unit: str) -> str:
    """The same for a sentence that says itself what it counts: `3` for 3 orders."""
    return figure(value, unit if unit in MEASURED else "")


def found(alert: Alert) -> str:
    """`6.1 s > 5 s`, `3 ≥ 3`: what is counted, the sentence beside it says."""
    sign = SIGNS.get(alert.comparison, alert.comparison)
    return f"{bare(alert.value, alert.unit)} {sign} {bare(alert.threshold, alert.unit)}"


def link(desk: Desk, alert: Alert, wall: int) -> str:
    """The view of the dashboards that shows this alert's matter, narrowed to its scope and to its time: whoever opens
    it a week later sees what happened then."""
    if not desk.dashboards or not alert.dashboard:
        return ""
    span, until = around(alert.since, alert.resolved or wall, is_over=not alert.is_open)
    narrowed = [(label, value) for label, value in alert.scope if label in LABELS_OF_VIEWS]
    asked = urlencode([*narrowed, ("span", span), ("until", written(until))], safe=":")
    return f"{desk.dashboards.rstrip('/')}/{alert.dashboard}?{asked}"


def _headline(alert: Alert, news: News) -> str:
    if news is News.RESOLVED:
        return f"resolved: {alert.rule}"
    return f"{alert.severity.upper()} {alert.rule}" + ("" if news is News.FIRING else f" ({news.value})")


def _one(desk: Desk, news: News, alert: Alert, wall: int) -> list[str]:
    lines = [alert.summary or alert.rule, f"value: {found(alert)} · {alert.where}", f"since: {_since(alert, wall)}"]
    if news is News.RESOLVED:
        lines[1] = f"was: {found(alert)} · {alert.where}"
        return [*lines, *_action(alert), *_dashboard(desk, alert, wall), f"alert {alert.id}"]
    return [*lines, *_action(alert), *_help(desk, alert, wall), f"acknowledge: {_ack(alert.id)}"]


def _many(desk: Desk, news: News, alerts: Sequence[Alert], wall: int) -> list[str]:
    first = alerts[0]
    lines = [f"{len(alerts)} alerts of the rule {first.rule}:"]
    for alert in alerts[:MOST_LISTED]:
        done = f" · {alert.action}" if alert.action else ""
        lines.append(f"· {alert.id} {alert.where}: {found(alert)} since {_clock(alert.since)}{done}")
    if len(alerts) > MOST_LISTED:
        lines.append(f"· and {len(alerts) - MOST_LISTED} more: execution alerts list")
    whole = msgspec.structs.replace(first, scope=(), since=min(alert.since for alert in alerts))
    if news is News.RESOLVED:
        return [*lines, *_dashboard(desk, whole, wall)]
    return [*lines, *_help(desk, whole, wall), f"acknowledge all of them: {_ack(first.rule)}"]


def _action(alert: Alert) -> list[str]:
    return [f"action: {alert.action}"] if alert.action else ["action: none was taken"]


def _dashboard(desk: Desk, alert: Alert, wall: int) -> list[str]:
    shown = link(desk, alert, wall)
    return [f"dashboard: {shown}"] if shown else []


def _help(desk: Desk, alert: Alert, wall: int) -> list[str]:
    lines = _dashboard(desk, alert, wall)
    lines += [f"playbook: runbooks/{alert.playbook}.md"] if alert.playbook else []
    return lines + ([f"owner: {alert.owner}"] if alert.owner else [])


def _ack(what: str) -> str:
    return f"execution alerts ack {what} --reason …"


def _since(alert: Alert, wall: int) -> str:
    return f"{_clock(alert.since)} ({_lasting(wall - alert.since)})"


def _clock(wall: int) -> str:
    return f"{datetime.fromtimestamp(wall / 1e9, tz=UTC):%Y-%m-%d %H:%M:%S} UTC"


def _lasting(nanoseconds: int) -> str:
    seconds = max(0, nanoseconds // 1_000_000_000)
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7_200 else f"{seconds // 3600} h"
