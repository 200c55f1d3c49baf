"""`execution status`: what a person at three in the morning needs to know, on one screen, in half a second."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from execution.commands.alerts import alert_book, alert_document, show_open
from execution.commands.desk import the_home, the_state
from execution.commands.exits import Exit
from execution.commands.feed_status import feed_health, show_feed
from execution.commands.limits import show_proposals
from execution.commands.output import DIM, RED, YELLOW, ago, banner, clock, heading, money, paint, say, say_json, table
from execution.commands.reconciling import show_breaks
from execution.home import Home
from execution.operations.links import link
from toolkit.client import emergency
from toolkit.client.approvals import waiting
from toolkit.client.books import Books
from toolkit.client.desk_state import DeskState, Problem, ProcessState
from toolkit.domain.errors import ConfigError, TransportError
from toolkit.domain.time import WallTime
from toolkit.monitoring.alert_book import AlertBook
from toolkit.replica import views
from toolkit.replica.reconciliation import reconciliation
from toolkit.replica.replica import Replica

ALARMS_SHOWN = 5
DENIALS_SHOWN = 3
DETAIL_SHOWN = 110


def status(given: Path | None, *, as_json: bool, all_limits: bool) -> Exit:
    """Show the desk. NOT_RUNNING when its supervisor is gone, FAILED when its books cannot be read."""
    home = the_home(given)
    state = the_state(home)
    processes = [_alive(process) for process in (state.supervisor, *state.processes)]
    runs = processes[0].state == "running"
    replica, alerts, problem = _books(home, state) if runs else (None, AlertBook(), "")
    shut = emergency.shut_rows(home, state.book)
    if as_json:
        known = _document(state, processes, replica, alerts, problem)
        say_json(known | {"latch_shut": shut, "feed": feed_health(home)})
    else:
        _show(home, state, processes, replica, alerts, problem, all_limits)
        _show_latch(shut)
    if not runs:
        return Exit.NOT_RUNNING
    return Exit.FAILED if replica is None else Exit.DONE


def _books(home: Home, state: DeskState) -> tuple[Replica | None, AlertBook, str]:
    """The books and the alerts, which the same server keeps, or why neither can be read."""
    try:
        return Books(home=home, book=state.book).replica(), alert_book(home, state), ""
    except (TransportError, ConfigError) as problem:
        return None, AlertBook(), str(problem)


def _alive(process: ProcessState) -> ProcessState:
    """What the file says, corrected by a look at the pid: nobody wrote the file after a kill -9."""
    if process.pid and not process.is_alive():
        return ProcessState(
            name=process.name, kind=process.kind, pid=process.pid, state="dead", since=process.since,
            restarts=process.restarts, address=process.address, detail=process.detail,
        )  # fmt: skip
    return process


def _document(
    state: DeskState, processes: list[ProcessState], replica: Replica | None, alerts: AlertBook, problem: str
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "desk": state.name,
        "kind": state.kind,
        "book": state.book,
        "ready": state.ready,
        "processes": processes,
        "problems": _to_mend(state, problem),
        "operations": _address_of(processes, "operations"),
        "dashboards": _address_of(processes, "dashboards"),
    }
    if replica is not None:
        ledger = replica.ledger
        document |= {
            "as_of": {"event": ledger.sequence, "epoch": ledger.epoch, "step": ledger.step, "session": ledger.session},
            "base_currency": ledger.base_currency,
            "strategies": views.strategies(replica),
            "positions": views.positions(replica),
            "venues": views.venues(replica),
            "limits": views.limits(replica, now=time.time_ns()),
            "reconciliation": reconciliation(ledger, WallTime(time.time_ns())),
            "four_eyes": ledger.people.four_eyes,
            "proposals": waiting(ledger),
            "throttles": {scope: str(rate) for scope, rate in ledger.throttles.items()},
            "alerts": [alert_document(alert, time.time_ns()) for alert in alerts.open],
            "alarms": replica.alarms[-ALARMS_SHOWN:],
            "denials": replica.denials[-DENIALS_SHOWN:],
        }
    return document


def _address_of(processes: list[ProcessState], kind: str) -> str:
    return next((each.address for each in processes if each.kind == kind), "")


def _show(
    home: Home,
    state: DeskState,
    processes: list[ProcessState],
    replica: Replica | None,
    alerts: AlertBook,
    problem: str,
    all_limits: bool,
) -> None:
    say(banner(state.kind, _headline(state, processes[0], replica)))
    show_open(alerts)
    if replica is not None:
        _show_books(replica)
    say(f"\n{heading('PROCESSES')}")
    say(table(("name", "pid>", "state", "since", "restarts>", "detail"), map(_process_row, processes)))
    for process in processes:
        if process.kind == "operations" and process.state == "running":
            say(f"  the app with the buttons: {process.address}")
        if process.kind == "dashboards" and process.state == "running":
            say(f"  dashboards: {process.address}  once without a login: {link(process.address, home.run)}")
    if processes[0].state == "running":
        show_feed(feed_health(home))
    if replica is not None:
        show_proposals(waiting(replica.ledger))
        _show_venues(replica)
        show_breaks(reconciliation(replica.ledger, WallTime(time.time_ns())))
        _show_limits(replica, all_limits)
        _show_denials(replica)
        _show_alarms(replica)
    _show_problems(state, problem)


def _headline(state: DeskState, supervisor: ProcessState, replica: Replica | None) -> str:
    words = [f"desk {state.name}", f"book {state.book}"]
    if supervisor.state != "running":
        return " · ".join([*words, paint("NOT RUNNING: `execution up` starts it", RED)])
    waits = "going down" if state.seconds_to_ready else "starting"
    words.append(f"up {ago(supervisor.since)}" if state.ready else paint(waits, YELLOW))
    if replica is not None:
        ledger = replica.ledger
        words += [f"session {ledger.session or '–'}", f"step {ledger.step:,}", f"event {ledger.sequence:,}"]
        words += [f"epoch {ledger.epoch}", f"last written {ago(int(replica.wall))} ago"]
        words += [paint("four eyes off", YELLOW)] if ledger.people.alone else []
    return " · ".join(words)


def _show_books(replica: Replica) -> None:
    ledger = replica.ledger
    rows = views.strategies(replica)
    say(f"\n{heading('STRATEGIES')}")
    columns = ("name", "version", "stage", "enabled", "state", "orders>", "open>", "fills>", "denied>", "position")
    body = [
        (row.name, row.version, row.stage, row.enabled, row.state, row.orders, row.open, row.fills, row.denied,
         row.position, money(row.pnl, signed=True), money(row.fees))
        for row in rows
    ]  # fmt: skip
    say(table((*columns, f"pnl {ledger.base_currency}>", "fees>"), body))
    for row in rows:
        if row.why:
            say(paint(f"  {row.name}: {row.state}, {row.why}", YELLOW))
        if row.unknown:
            say(paint(f"  {row.name}: {row.unknown} orders UNKNOWN, the venue is being asked", RED))


def _process_row(process: ProcessState) -> tuple[object, ...]:
    detail = process.detail or (process.address if process.kind == "runner" else "")
    pid = process.pid or None
    return process.name, str(pid or "–"), process.state, ago(process.since), process.restarts, _shorter(detail)


def _shorter(detail: str) -> str:
    """The beginning; `--json` and `logs` have all of it."""
    return detail if len(detail) <= DETAIL_SHOWN else f"{detail[: DETAIL_SHOWN - 1]}…"


def _show_venues(replica: Replica) -> None:
    say(f"\n{heading('VENUES')}")
    columns = ("name", "state", "open>", "unknown>", "throttle", "position", "last report>")
    rows = [
        (row.name, row.state, row.open, row.unknown, row.rate or "–", row.positions, row.last_report)
        for row in views.venues(replica)
    ]
    say(table(columns, rows))


def _show_limits(replica: Replica, every: bool) -> None:
    rows = views.limits(replica, now=time.time_ns())
    throttles = replica.ledger.throttles
    say(f"\n{heading('LIMITS')}" + ("" if every else paint("  (each with its line: --limits)", DIM)))
    if every:
        say(table(("scope", "name", "limit", "value>", "used>", "set in"),
                  [(r.scope, r.name or "–", r.limit, r.value, r.used or "–", r.source) for r in rows]))  # fmt: skip
    else:
        scopes = dict.fromkeys((row.scope, row.name) for row in rows)
        body = [(scope, name or "–", _in_short(rows, scope, name)) for scope, name in scopes]
        say(table(("scope", "name", "in force (used/limit)"), body))
    for scope, rate in throttles.items():
        say(paint(f"  throttled: {scope.replace(':', ' ')} to {rate}/s", YELLOW))


def _in_short(rows: tuple[views.LimitView, ...], scope: str, name: str) -> str:
    shown = {"max_order_value": "value", "max_order_quantity": "quantity", "max_position": "position",
             "max_working_orders": "working", "message_rate": "rate/s",
             "max_gross": "gross", "max_leverage": "leverage", "max_daily_loss": "lost today",
             "max_drawdown": "drawdown"}  # fmt: skip
    parts = [
        f"{shown[row.limit]} {row.used + '/' if row.used else ''}{row.value}"
        for row in rows
        if (row.scope, row.name) == (scope, name) and row.limit in shown
    ]
    return " · ".join(parts)


def _show_denials(replica: Replica) -> None:
    if replica.denials:
        say(f"\n{heading('LAST DENIALS')}")
        for row in replica.denials[-DENIALS_SHOWN:]:
            place = f" ({row.source})" if row.source else ""
            words = f"control {row.control}: {row.observed}" + (f", limit {row.limit}{place}" if row.limit else "")
            say(f"  {clock(int(row.wall))}  {row.strategy} {row.instrument} {row.order_id}  {words}")


def _show_alarms(replica: Replica) -> None:
    if replica.alarms:
        say(f"\n{heading('ALARMS')}")
        for row in replica.alarms[-ALARMS_SHOWN:]:
            say(paint(f"  {clock(int(row.wall))}  {row.kind} {row.subject}: {row.detail}", RED))


def _show_latch(shut: tuple[str, ...]) -> None:
    for scope in shut:
        kind, _, name = scope.partition(":")
        mend = f"`execution enable {name}`" if kind == "strategy" else f"`execution reopen {scope}`"
        say(paint(f"  latch shut: {scope}: nothing leaves for it but cancels; a person opens it: {mend}", YELLOW))


def _show_problems(state: DeskState, problem: str) -> None:
    found = _to_mend(state, problem)
    if found:
        say(f"\n{heading('TO MEND')}")
        for each in found:
            say(paint(f"  {each.subject} ({ago(each.since)}): {each.detail}", YELLOW))


def _to_mend(state: DeskState, problem: str) -> list[Problem]:
    """What a person should mend: what the supervisor says, who was given up, and books that cannot be read."""
    found = list(state.problems)
    for each in state.processes:
        if each.state == "given up":
            mend = f"given up: {each.detail}. Mended? `execution restart {each.name} --reason …`"
            if each.kind == "runner":
                strategy = each.name.removeprefix("runner-")
                mend += f"; to close what it holds: `execution disable {strategy} --flatten --reason WHY`"
            found.append(Problem(subject=each.name, detail=mend, since=each.since))
    if problem:
        found.append(Problem(subject="journal", detail=f"the books cannot be read: {problem}", since=time.time_ns()))
    return found
