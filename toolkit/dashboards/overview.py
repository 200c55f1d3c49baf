"""The view `overview`: one verdict in words, and what it comes from: processes, alerts, strategies, limits in use."""

from __future__ import annotations

from typing import Final

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.equity_lines import pnl_picture
from toolkit.dashboards.face import Face, Number, Table
from toolkit.dashboards.known import Known
from toolkit.dashboards.limit_use import HIGH, LimitShare, limit_shares, limit_words
from toolkit.dashboards.looks import BAD, GOOD, ODD, STATES, Cell, ago, money
from toolkit.domain.orders import TradingState
from toolkit.domain.time import WallTime
from toolkit.monitoring.alert_book import Alert, AlertState
from toolkit.replica import views
from toolkit.replica.reconciliation import ReconciliationView, reconciliation

TITLE: Final = "Overview"
MOST_ROWS: Final = 40
MOST_LIMITS: Final = 8
SEVERITIES: Final = {"critical": BAD, "warning": ODD, "info": ""}
RUNNING: Final = "running"


def face(known: Known, choice: Choice) -> Face:
    """Everything that somebody who is woken at night has to know first."""
    rows = tuple(row for row in views.strategies(known.replica) if choice.takes(row.name))
    shares = limit_shares(known)
    agreement = reconciliation(known.replica.ledger, WallTime(known.wall))
    return Face(
        numbers=(
            _verdict(known, rows, shares, agreement), _processes_number(known), _alerts_number(known),
            _strategies_number(rows), _limits_number(shares),
        ),
        notes=(*known.notes(), *((f"To mend: {each.subject}: {each.detail}", ODD) for each in known.to_mend)),
        parts=(
            _strategies(rows, known.currency), pnl_picture(known, choice), _alerts(known), _limits(shares),
            _processes(known),
        ),
    )  # fmt: skip


# ---- five numbers


def _verdict(
    known: Known, rows: tuple[views.StrategyView, ...], shares: tuple[LimitShare, ...], agreement: ReconciliationView
) -> Number:
    act, look = _to_do_now(known), _to_look_at(known, rows, shares, agreement)
    if act:
        return Number(value="Act now", words="; ".join(act), how=BAD)
    if look:
        return Number(value="Have a look", words="; ".join(look), how=ODD)
    return Number(value="All is well", words="everything runs, nothing is stopped, in doubt or near a limit", how=GOOD)


def _to_do_now(known: Known) -> list[str]:
    states = known.replica.ledger.states.get("book:", {})
    found = ["the books cannot be read"] if known.problem else []
    if known.state is None or not known.state.supervisor.is_alive():
        found.append("the desk does not run")
    if known.killed:
        found.append(f"killed: {', '.join(scope.replace(':', ' ') for scope in known.killed)}")
    elif max(states.values(), default=TradingState.ACTIVE) is TradingState.HALTED:
        found.append("the book is halted")
    critical = [alert for alert in _firing(known) if alert.severity == "critical"]
    return found + ([_counted(len(critical), "critical alert fires", "critical alerts fire")] if critical else [])


def _to_look_at(
    known: Known, rows: tuple[views.StrategyView, ...], shares: tuple[LimitShare, ...], agreement: ReconciliationView
) -> list[str]:
    halted = [row.name for row in rows if row.state != TradingState.ACTIVE.name]
    high = sum(1 for each in shares if each.share is not None and each.share >= HIGH)
    unresolved = len(agreement.doubts) + len(agreement.breaks)
    firing = len(_firing(known))
    found = [f"{', '.join(halted)} may not enter"] if halted else []
    found += [_counted(unresolved, "doubt or break", "doubts and breaks")] if unresolved else []
    found += [_counted(high, "limit used above 80 %", "limits used above 80 %")] if high else []
    found += [_counted(firing, "alert fires", "alerts fire")] if firing else []
    found += [_counted(len(known.to_mend), "thing to mend", "things to mend")] if known.to_mend else []
    return found + (["nothing is journaled"] if known.quiet > 120 else [])


def _processes_number(known: Known) -> Number:
    if known.state is None:
        return Number(value="–", words="processes: the desk was never started", how=BAD)
    processes = known.state.supervisor, *known.state.processes
    alive = sum(process.state == RUNNING and process.is_alive() for process in processes)
    restarts = sum(process.restarts for process in processes)
    more = f", {_counted(restarts, 'restart')} since the start" if restarts else ""
    return Number(
        value=f"{alive} of {len(processes)}", words=f"processes run{more}", how=GOOD if alive == len(processes) else BAD
    )


def _alerts_number(known: Known) -> Number:
    firing = _firing(known)
    others = len(known.alerts.open) - len(firing)
    worst = SEVERITIES.get(firing[0].severity, ODD) if firing else GOOD
    more = f", {others} acknowledged or silenced" if others else ""
    return Number(value=f"{len(firing)}", words=f"alerts fire{more}", how=worst or GOOD)


def _strategies_number(rows: tuple[views.StrategyView, ...]) -> Number:
    trading = sum(row.state == TradingState.ACTIVE.name for row in rows)
    unknown = sum(row.unknown for row in rows)
    more = f", {_counted(unknown, 'order')} UNKNOWN" if unknown else ""
    how = BAD if unknown else GOOD if trading == len(rows) else ODD
    return Number(value=f"{trading} of {len(rows)}", words=f"strategies trade{more}", how=how)


def _limits_number(shares: tuple[LimitShare, ...]) -> Number:
    if not shares:
        return Number(value="none", words="no limit is in force: nothing may be entered", how=BAD)
    first = shares[0]
    if first.share is None:
        return Number(value="–", words="of no limit something is used", how=GOOD)
    return Number(
        value=first.words, words=f"of a limit at most: {limit_words(first.row.limit)} of {first.of}", how=first.how
    )


# ---- parts


def _strategies(rows: tuple[views.StrategyView, ...], currency: str) -> Table:
    return Table(
        key="strategies", title="Strategies", wide=True,
        columns=("strategy", "version", "stage", "state", "open>", "UNKNOWN>", "fills>", "denied>", "position",
                 f"PnL {currency}>"),
        rows=tuple(
            (r.name, r.version, r.stage, (r.state, STATES.get(r.state, "")), r.open,
             (str(r.unknown), BAD) if r.unknown else "0", f"{r.fills:,}", f"{r.denied:,}", r.position, money(r.pnl))
            for r in rows[:MOST_ROWS]
        ),
        empty="No strategy was ever deployed here: promote one in a notebook.",
        below=tuple(f"{r.name}: {r.why}" for r in rows[:MOST_ROWS] if r.why),
    )  # fmt: skip


def _alerts(known: Known) -> Table:
    def cells(alert: Alert) -> tuple[Cell, ...]:
        state = alert.state_at(known.wall)
        how = SEVERITIES.get(alert.severity, ODD) if state is AlertState.FIRING else ""
        return (alert.severity, how), state.value, alert.summary or alert.rule, alert.where, ago(alert.since)

    return Table(
        key="alerts", title="Alerts", columns=("severity", "state", "what", "where", "since>"),
        rows=tuple(map(cells, known.alerts.open[:MOST_ROWS])), empty="Nothing fires.",
    )  # fmt: skip


def _limits(shares: tuple[LimitShare, ...]) -> Table:
    used = [each for each in shares if each.share]
    return Table(
        key="limits", title="Limits in use", columns=("limit", "used>", "in force>", "share>"), compact=True,
        rows=tuple(
            (f"{limit_words(each.row.limit)} · {each.of}", each.used_shortly, each.in_force, (each.words, each.how))
            for each in used[:MOST_LIMITS]
        ),
        empty="Nothing is used of any limit.",
        below=(f"and {len(used) - MOST_LIMITS} more: see risk and limits",) if len(used) > MOST_LIMITS else (),
    )  # fmt: skip


def _processes(known: Known) -> Table:
    processes = () if known.state is None else (known.state.supervisor, *known.state.processes)
    return Table(
        key="processes", title="Processes", columns=("process", "state", "since>", "restarts>"), compact=True,
        rows=tuple(
            (each.name, (each.state, GOOD) if each.is_alive() and each.state == RUNNING else
             (each.state if each.is_alive() or not each.pid else "dead", BAD),
             ago(each.since), each.restarts)
            for each in processes[:MOST_ROWS]
        ),
        below=tuple(f"{each.name}: {each.detail}" for each in processes[:MOST_ROWS] if each.detail),
        empty="The desk was never started: `execution up` starts it.",
    )  # fmt: skip


def _firing(known: Known) -> list[Alert]:
    return [alert for alert in known.alerts.open if alert.state_at(known.wall) is AlertState.FIRING]


def _counted(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or f'{one}s'}"
