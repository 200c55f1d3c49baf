"""`execution alerts`: what fires, what happened to it, and a person's answers to it under that person's name."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from execution.commands.desk import Stop, running_state, the_home
from execution.commands.exits import Exit
from execution.commands.output import DIM, RED, YELLOW, ago, banner, clock, heading, paint, say, say_json, table
from execution.home import Home
from execution.settings.problems import nearest
from toolkit.client.alert_lines import AlertLines
from toolkit.client.books import Books
from toolkit.client.commands import answer_alert
from toolkit.client.desk_state import DeskState
from toolkit.domain.alerts import LONGEST_SILENCE, AlertAnswer, AlertDeed
from toolkit.domain.errors import DomainError
from toolkit.domain.time import NANOSECONDS
from toolkit.monitoring.alert_book import Alert, AlertBook, AlertState, Step, book_of
from toolkit.monitoring.messages import found

SOURCE = "cli"
COLOURS = {"critical": RED, "warning": YELLOW, "info": DIM}
SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
DONE = {
    AlertDeed.ACKNOWLEDGE: "is yours: it goes on to nobody else",
    AlertDeed.SILENCE: "is told no more until {until}; it still shows here",
    AlertDeed.ESCALATE: "goes on to the next channel",
}


def show(given: Path | None, *, history: int, as_json: bool) -> Exit:
    """Everything that fires, acknowledged and silenced too; with `history` also what happened lately."""
    home, state = _running(given)
    book, now = alert_book(home, state), time.time_ns()
    steps = book.history[:history]
    if as_json:
        say_json(
            {
                "open": [alert_document(alert, now) for alert in book.open],
                "resolved": [alert_document(alert, now) for alert in book.resolved[:history]],
                "history": steps,
                "monitor": _monitor(state),
            }
        )
        return Exit.DONE
    say(banner(state.kind, f"desk {state.name} · {_count(book, now)}"))
    if problem := _monitor(state):
        say(paint(f"  {problem}", RED))
    if book.open:
        say(table(("id", "severity", "alert", "where", "state", "since", "value", "told"), map(_row(now), book.open)))
        for alert in book.open:
            _details(alert, now)
    if history:
        say(f"\n{heading('lately')}")
        say(table(("time", "id", "alert", "where", "what", "", "who"), [_step(step) for step in steps]))
    return Exit.DONE


def answer(
    given: Path | None, deed: AlertDeed, names: Sequence[str], *, reason: str, as_json: bool, lasting: str = ""
) -> Exit:
    """Say the same to one alert or more, each by its id, the beginning of one, or a rule for all that it has open."""
    if not reason.strip():
        raise Stop(Exit.USAGE, "nothing was said: --reason is empty; say why, a word is enough")
    seconds = _seconds(lasting) if deed is AlertDeed.SILENCE else 0.0
    home, state = _running(given)
    book = alert_book(home, state)
    alerts = list(dict.fromkeys(alert for name in names for alert in _named(book, name)))
    for alert in alerts:
        said = AlertAnswer(deed=deed, alert=alert.id, reason=reason, source=SOURCE, seconds=seconds)
        try:
            answer_alert(home, said)
        except DomainError as refused:
            raise Stop(Exit.REFUSED, str(refused)) from None
    until = time.time_ns() + int(seconds * NANOSECONDS)
    if as_json:
        ids = [alert.id for alert in alerts]
        say_json({"deed": deed.value, "alerts": ids, "until": until if seconds else None, "monitor": _monitor(state)})
        return Exit.DONE
    for alert in alerts:
        say(banner(state.kind, f"{alert.id} {alert.rule}, {alert.where}, {DONE[deed].format(until=clock(until))}"))
    if problem := _monitor(state):
        say(paint(f"  {problem}: it takes this up when it is back", YELLOW))
    return Exit.DONE


# ---- parts


def _running(given: Path | None) -> tuple[Home, DeskState]:
    home = the_home(given)
    return home, running_state(home)


def alert_book(home: Home, state: DeskState) -> AlertBook:
    """The alerts of a desk. TransportError when the journal server, which keeps their log, is away."""
    return book_of(AlertLines(Books(home=home, book=state.book)).new())


def show_open(book: AlertBook) -> None:
    """A line for each alert that fires, is acknowledged or silenced, the newest last; nothing where none is."""
    now = time.time_ns()
    if not book.open:
        return
    say(f"\n{heading('ALERTS')}" + paint("  (what was done, and the answers: execution alerts list)", DIM))
    for alert in book.open:
        words = f"  {alert.id}  {alert.rule} {alert.where}: {found(alert)}, {alert.state_at(now).value}"
        say(paint(f"{words} for {ago(alert.since, now)}", COLOURS.get(alert.severity, DIM)))


def _named(book: AlertBook, name: str) -> tuple[Alert, ...]:
    """The open alerts that a person means."""
    of_rule = tuple(alert for alert in book.open if alert.rule == name)
    if of_rule:
        return of_rule
    begun = book.matching(name)
    fires = [alert for alert in begun if alert.is_open]
    if len(fires) == 1:
        return (fires[0],)
    if fires:
        raise Stop(Exit.USAGE, f"{name!r} begins {', '.join(alert.id for alert in fires)}; type one more letter")
    if begun:
        ended = f"{begun[0].id} ({begun[0].rule}) is over since {clock(begun[0].resolved)}"
        raise Stop(Exit.USAGE, f"{ended}; there is nothing to answer")
    known = [name for alert in book.open for name in (alert.id, alert.rule)]
    if not known:
        raise Stop(Exit.USAGE, f"no alert {name!r}: nothing fires")
    raise Stop(Exit.USAGE, f"no alert {name!r}; {nearest(name, dict.fromkeys(known))}")


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if match is None:
        raise Stop(Exit.USAGE, f"--for {text!r} is no time; write 30m, 2h or 1d. A silence has an end")
    seconds = float(match[1]) * SECONDS[match[2]]
    if not 0 < seconds <= LONGEST_SILENCE:
        raise Stop(Exit.USAGE, f"--for {text}: a silence lasts {LONGEST_SILENCE / 86_400:.0f} days at most")
    return seconds


def _monitor(state: DeskState) -> str:
    """Why nobody watches now, "" when somebody does."""
    process = state.process("monitor")
    if process is None:
        return "no monitor runs on this desk: nothing is watched (config/desk.yaml, monitor)"
    return "" if process.is_alive() else "the monitor does not run now: nothing is watched"


def _count(book: AlertBook, now: int) -> str:
    states = [alert.state_at(now) for alert in book.open]
    counts = [(state.value, states.count(state)) for state in AlertState if state in states]
    return ", ".join(f"{count} {word}" for word, count in counts) or "no alert fires"


def _row(now: int) -> Any:
    def row(alert: Alert) -> tuple[object, ...]:
        told = ", ".join(alert.reached) or "–"
        return (alert.id, alert.severity, alert.rule, alert.where, alert.state_at(now).value, ago(alert.since, now),
                found(alert), told)  # fmt: skip

    return row


def _details(alert: Alert, now: int) -> None:
    """Below the table: what a row has no room for."""
    lines = [alert.summary] if alert.summary else []
    lines += [f"action: {alert.action}"] if alert.action else []
    if alert.by:
        until = f" until {clock(alert.until)}" if alert.state_at(now) is AlertState.SILENCED else ""
        lines.append(f"{alert.answer_words} by {alert.by}{until}: {alert.reason}")
    if alert.playbook:
        lines.append(f"playbook: runbooks/{alert.playbook}.md")
    if alert.state_at(now) is AlertState.FIRING:
        lines.append(f"execution alerts ack {alert.id} --reason …")
    say(paint(f"\n  {alert.id}", COLOURS.get(alert.severity, DIM)) + f" {lines[0] if lines else alert.rule}")
    for line in lines[1:]:
        say(f"  {' ' * len(alert.id)} {line}")


def _step(step: Step) -> tuple[object, ...]:
    return clock(step.wall), step.id, step.rule, step.where, step.did.value, step.what[:90], step.who


def alert_document(alert: Alert, now: int) -> dict[str, object]:
    """An alert as `--json` says it; times are UTC ns."""
    return {
        "id": alert.id, "rule": alert.rule, "where": alert.where, "scope": dict(alert.scope),
        "severity": alert.severity, "state": alert.state_at(now).value, "summary": alert.summary, "value": alert.value,
        "threshold": alert.threshold, "comparison": alert.comparison, "unit": alert.unit, "since": alert.since,
        "opened": alert.opened, "resolved": alert.resolved or None, "times": alert.times, "by": alert.by,
        "reason": alert.reason, "answer": alert.answer, "until": alert.until or None, "action": alert.action,
        "command": alert.command, "reached": alert.reached, "owner": alert.owner, "playbook": alert.playbook,
        "dashboard": alert.dashboard,
    }  # fmt: skip
