"""What each view of the dashboards has to show of a desk, counted once more from its journal and from no view's code.

A view's five numbers, and the rows of its main table by their headings; of a heading that is not named nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from math import nan
from typing import Final, NamedTuple

import numpy as np

from tests.tools.whole_desk import Desk
from toolkit.client.alert_lines import AlertLines
from toolkit.client.books import Books, opened
from toolkit.client.desk_state import DeskState, read_desk_state, to_mend
from toolkit.client.home import Home
from toolkit.client.ladders import ladder_of
from toolkit.dashboards.looks import ago, money
from toolkit.dashboards.orders_seen import duration
from toolkit.domain.rungs import SessionRungs
from toolkit.domain.standing import DAILY_LOSS
from toolkit.domain.time import WallTime
from toolkit.measures.divergence import apart_of
from toolkit.monitoring.alert_book import Alert, AlertBook, AlertState
from toolkit.monitoring.messages import figure
from toolkit.replica import views
from toolkit.replica.limits_in_use import share
from toolkit.replica.order_course import Course
from toolkit.replica.portfolio_use import PortfolioUse
from toolkit.replica.reconciliation import reconciliation
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies

Row = Mapping[str, str]
ANSWERED: Final = "Decided → first answer"
ACKNOWLEDGED: Final = "Broker: sent → acknowledged"
HALF: Final = 0.5


class Shown(NamedTuple):
    """Five numbers, the title of a table and what its rows have to say."""

    five: tuple[str, ...]
    table: str
    rows: tuple[Row, ...]


class Moment(NamedTuple):
    """A desk as of one event of its journal, and what stands beside that now."""

    replica: Replica
    tallies: Tallies
    alerts: AlertBook
    state: DeskState
    sessions: tuple[SessionRungs, ...]
    wall: WallTime


class Counting:
    """Folds a desk's journal from its first event up to the one that a page names."""

    def __init__(self, desk: Desk, book: str = "paper") -> None:
        self._home, self._book = Home(desk.home), book
        self._books = Books(home=self._home, book=book)
        self._alerts, self._lines = AlertBook(), AlertLines(self._books)
        self._replica, self._tallies = Replica(), Tallies()

    def at(self, event: int, wall: int) -> Moment:
        if self._replica.ledger.sequence > event:  # the next page was drawn before the last one
            self._replica, self._tallies = Replica(), Tallies()
        with closing(self._books.journal()) as journal:
            for sealed in self._books.history(journal):
                if self._replica.ledger.sequence < sealed.last <= event:
                    batch = opened(sealed)
                    self._replica.apply(batch, sealed.digest)
                    self._tallies.hear(batch, self._replica.ledger)
        for line in self._lines.new():
            self._alerts.hear(line)
        state = read_desk_state(self._home.processes)
        assert state is not None
        sessions = ladder_of(self._home, self._book).sessions()
        return Moment(self._replica, self._tallies, self._alerts, state, sessions, WallTime(wall))


# ---- one view each


def overview(at: Moment) -> Shown:
    strategies, firing = views.strategies(at.replica), _in(at, AlertState.FIRING)
    processes = (at.state.supervisor, *at.state.processes)
    alive = sum(each.state == "running" and each.is_alive() for each in processes)
    trading = sum(each.state == "ACTIVE" for each in strategies)
    used = max(share(row) or 0.0 for row in views.limits(at.replica, at.tallies.messages.as_of(at.wall), at.wall))
    odd = firing or trading < len(strategies) or used >= 0.8 or _unresolved(at) or to_mend(at.state)
    critical = any(alert.severity == "critical" for alert in firing)
    verdict = "Act now" if critical else "Have a look" if odd else "All is well"
    return Shown(
        (verdict, f"{alive} of {len(processes)}", f"{len(firing)}", f"{trading} of {len(strategies)}", _percent(used)),
        "Strategies",
        tuple(
            {"strategy": each.name, "state": each.state, "open": f"{each.open}", "UNKNOWN": f"{each.unknown}",
             "fills": f"{each.fills:,}", "denied": f"{each.denied:,}", f"PnL {_base(at)}": money(each.pnl)}
            for each in strategies
        ),
    )  # fmt: skip


def execution_latency(at: Moment) -> Shown:
    courses = list(at.tallies.courses.values())
    answered = [each.answered - each.decided for each in courses if each.answered]
    acknowledged = [each.acknowledged - each.sent for each in courses if each.acknowledged and each.sent]
    late = sum(at.wall - each.decided > 5 * 10**9 for each in courses if not each.answered)
    hops = ((ANSWERED, answered), (ACKNOWLEDGED, acknowledged))
    return Shown(
        (f"{late}", _quantile(answered, HALF), _quantile(answered, 0.99), _quantile(acknowledged, 0.99),
         f"{len(courses):,}"),
        "Hops by venue",
        tuple(
            {"venue": "paper", "hop": hop, "orders": f"{len(taken):,}", "p50": _quantile(taken, HALF),
             "p95": _quantile(taken, 0.95), "slowest": _quantile(taken, 1)}
            for hop, taken in hops
        ),
    )  # fmt: skip


def fill_rate(at: Moment) -> Shown:
    courses = list(at.tallies.courses.values())
    answered, rejected = sum(bool(each.answered) for each in courses), sum(bool(each.reject) for each in courses)
    cost = [
        int(each.side) * (each.cost / each.filled / (each.arrival / 2) - 1) * 1e4
        for each in courses
        if each.filled and each.arrival
    ]
    names = sorted({each.strategy for each in courses})
    return Shown(
        (*_shares(courses), duration(_half_filled(courses, at.wall)), _part(rejected, answered),
         f"{np.mean(cost):+.2f} bp"),
        "Share filled",
        tuple(_filled(name, [each for each in courses if each.strategy == name]) for name in names),
    )  # fmt: skip


def pnl_live(at: Moment) -> Shown:
    rows = views.strategies(at.replica)
    pnl, realised, fees = (_total([getattr(each, part) for each in rows]) for part in ("pnl", "realised", "fees"))
    unrealised = None if pnl is None or realised is None or fees is None else pnl - realised + fees
    lost = PortfolioUse(at.replica.ledger).lost("", DAILY_LOSS)
    apart = [
        found
        for session in at.sessions
        for rung in session.rungs
        for against in ("replay", "backtest")
        if (found := apart_of(rung, against)) is not None
    ]
    assert not any(apart), "a book on paper is its replay, to the cent"
    return Shown(
        (money(pnl), money(lost and -lost), money(unrealised), money(fees and -fees), "none" if apart else "–"),
        f"The parts, {_base(at)}",
        tuple(
            {"strategy": each.name, "capital": f"{each.capital:,.0f}", "realised": money(each.realised),
             "fees": money(each.fees and -each.fees), "PnL": money(each.pnl)}
            for each in rows
        ),
    )  # fmt: skip


def risk_limits(at: Moment) -> Shown:
    use, worst = PortfolioUse(at.replica.ledger), at.replica.value_at_risk
    worth = use.worth("book", "")
    five = ("–",) * 3 if worth is None else (
        f"{worth.gross / worth.capital:.3f}×", _amount(worth.gross), _amount(worth.net),
    )  # fmt: skip
    risk = "–" if worst is None else _amount(views.money(at.replica.ledger, worst))
    return Shown(
        (five[0], risk, *five[1:], f"{_unresolved(at)}"),
        "Positions at their last marks",
        tuple(
            {"strategy": each.strategy, "instrument": each.instrument, "held": f"{each.quantity:+f}",
             "worth": money(each.value), "unrealised": money(each.unrealised), "realised": money(each.realised)}
            for each in views.positions(at.replica)
            if each.quantity
        ),
    )  # fmt: skip


def alerts(at: Moment) -> Shown:
    firing = _in(at, AlertState.FIRING)
    oldest = min((each.since for each in firing), default=0)
    taken, silenced = _in(at, AlertState.ACKNOWLEDGED), _in(at, AlertState.SILENCED)
    critical = sum(each.severity == "critical" for each in firing)
    return Shown(
        (f"{len(firing)}", f"{critical}", ago(oldest), f"{len(taken)} · {len(silenced)}",
         f"{len(at.alerts.resolved)}"),
        "Firing",
        tuple(
            {"id": each.id, "severity": each.severity, "where": each.where, "value": figure(each.value, each.unit)}
            for each in firing
        ),
    )  # fmt: skip


SHOWN: Final[Mapping[str, Callable[[Moment], Shown]]] = {
    "overview": overview, "execution_latency": execution_latency, "fill_rate": fill_rate, "pnl_live": pnl_live,
    "risk_limits": risk_limits, "alerts": alerts,
}  # fmt: skip


# ---- parts


def _in(at: Moment, state: AlertState) -> list[Alert]:
    return [alert for alert in at.alerts.open if alert.state_at(at.wall) is state]


def _unresolved(at: Moment) -> int:
    found = reconciliation(at.replica.ledger, at.wall)
    return len(found.doubts) + len(found.breaks)


def _filled(strategy: str, courses: Sequence[Course]) -> Row:
    by_order, by_quantity = _shares(courses)
    partly = sum(0 < each.filled < each.quantity for each in courses)
    none = sum(bool(each.ended) and not each.filled for each in courses)
    return {
        "by": "strategy", "which": strategy, "orders": f"{len(courses):,}", "partly": f"{partly:,}",
        "not at all": f"{none:,}", "of orders": by_order, "of quantity": by_quantity,
        "rejected": f"{sum(bool(each.reject) for each in courses):,}",
    }  # fmt: skip


def _shares(courses: Sequence[Course]) -> tuple[str, str]:
    some, sent = sum(bool(each.filled) for each in courses), sum(each.quantity for each in courses)
    return _part(some, len(courses)), _part(sum(each.filled for each in courses), sent)


def _half_filled(courses: Sequence[Course], wall: int) -> float:
    """Kaplan and Meier's median, in seconds: the first wait after which no more than half have not filled."""
    waits = sorted(((each.first_fill or each.ended or wall) - each.decided, not each.first_fill) for each in courses)
    waits = [each for each in waits if each[0] > 0]
    left = 1.0
    for place, (wait, is_unfilled) in enumerate(waits):
        left *= 1.0 if is_unfilled else 1 - 1 / (len(waits) - place)
        if left <= HALF:
            return wait / 1e9
    return nan


def _quantile(nanoseconds: Sequence[int], level: float) -> str:
    """A dash where there are too few."""
    few = level < 1 and len(nanoseconds) * (1 - level) < 1 - 1e-9
    return "–" if few or not nanoseconds else duration(float(np.quantile(nanoseconds, level)) / 1e9)


def _total(parts: Sequence[Decimal | None]) -> Decimal | None:
    """None where one of them is not known."""
    known = [part for part in parts if part is not None]
    return sum(known, Decimal(0)) if len(known) == len(parts) else None


def _base(at: Moment) -> str:
    return at.replica.ledger.base_currency


def _amount(value: Decimal) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.2f}"


def _part(some: int, of: int) -> str:
    return f"{100 * some / of:.1f} %" if of else "–"


def _percent(part: float) -> str:
    return f"{100 * part:.0f} %"
