"""What is known of a desk when its views are drawn: books, tallies, alerts, processes; it reads nothing itself."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.client.desk_state import SHIPPED_DRIFT_RULE, DeskState, DriftRule, Problem
from toolkit.dashboards.choice import Choice
from toolkit.dashboards.looks import BAD, ODD, ago, scope_words
from toolkit.dashboards.zones import Zone
from toolkit.domain.rungs import Divergence, SessionRungs
from toolkit.domain.time import NANOSECONDS
from toolkit.monitoring.alert_book import AlertBook
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies

QUIET_SECONDS = 120
KILL = "kill"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What one strategy earned in another book of the same span: `against` is replay (B1) or backtest (B0).

    `times` are of the feed (ns), oldest first, `pnl` is in the base currency since the book began.
    """

    against: str
    strategy: str
    times: tuple[int, ...]
    pnl: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Known:
    """One moment of a desk. `wall` is now (UTC ns); `shut` are the scopes whose latch is.

    `read_all` says whether the journal's end was reached, `problem` why nothing newer is known. `references`
    are what a notebook holds the book against. `sessions` are what the desk itself measured of it, `divergence` how
    that stands now, `drift_rule` by what people are told of it.
    """

    replica: Replica
    tallies: Tallies
    alerts: AlertBook
    state: DeskState | None
    to_mend: tuple[Problem, ...]
    shut: tuple[str, ...]
    wall: int
    zone: Zone
    read_all: bool = True
    problem: str = ""
    references: tuple[Reference, ...] = ()
    sessions: tuple[SessionRungs, ...] = ()
    divergence: Divergence | None = None
    drift_rule: DriftRule = SHIPPED_DRIFT_RULE

    @property
    def going_on(self) -> tuple[SessionRungs, ...]:
        """The session that is not over, as far as it was replayed."""
        now = None if self.divergence is None else self.divergence.now
        return () if now is None or (self.sessions and self.sessions[-1].step >= now.step) else (now,)

    @property
    def kind(self) -> str:
        """`paper` or `live`."""
        return self.state.kind if self.state is not None else "paper"

    @property
    def operations(self) -> str:
        """Where commands are given, while that app runs."""
        app = None if self.state is None else self.state.process("operations")
        return app.address if app is not None and app.is_alive() else ""

    @property
    def currency(self) -> str:
        return self.replica.ledger.base_currency

    @property
    def killed(self) -> tuple[str, ...]:
        """The scopes that a kill holds."""
        states = self.replica.ledger.states
        return tuple(scope.rstrip(":") for scope, causes in states.items() if KILL in causes)

    @property
    def quiet(self) -> int:
        """Seconds since something was journaled."""
        written = int(self.replica.wall)
        return max(0, self.wall - written) // NANOSECONDS if written else 0

    def headline(self) -> str:
        """Which desk, and as of when."""
        ledger, state = self.replica.ledger, self.state
        words = [f"desk {state.name} · book {state.book}" if state else "desk"]
        words += [f"session {ledger.session or '–'}", f"event {ledger.sequence:,}"]
        return " · ".join([*words, f"written {ago(int(self.replica.wall))} ago"])

    def notes(self) -> tuple[tuple[str, str], ...]:
        """What is not as it should be on every view: stale or missing books, kills, latches."""
        found = []
        if self.problem:
            found.append((f"The books cannot be read: {self.problem}. What stands here is old.", BAD))
        elif self.read_all and self.quiet > QUIET_SECONDS:
            found.append((f"Nothing was journaled for {ago(int(self.replica.wall))}: is the feed alive?", ODD))
        if not self.read_all and not self.problem:
            found.append((f"Reading the journal: {self.replica.ledger.sequence:,} events so far.", ODD))
        found += [(f"Killed: {scope_words(scope)}. Only a person lets go of it.", BAD) for scope in self.killed]
        found += [
            (f"Latch shut: {scope_words(scope)}: nothing leaves for it but cancels.", ODD)
            for scope in self.shut
            if scope not in self.killed
        ]
        return tuple(found)

    def strategies(self) -> tuple[str, ...]:
        """Every name that can be chosen."""
        ledger = self.replica.ledger
        return tuple(sorted({*ledger.capital, *ledger.deployments} - {"house", "manual"}))

    def venues(self) -> tuple[str, ...]:
        return tuple(sorted(self.replica.ledger.venues))

    def venue_of(self, order_id: str, instrument: str) -> str:
        """Where an order went, or would have gone."""
        course = self.tallies.course(order_id, self.replica.ledger)
        known = self.replica.ledger.instruments.find(instrument)
        return course.venue if course is not None else "" if known is None else known.venue

    def begins(self, choice: Choice) -> int:
        return choice.begins(self.wall)

    def covers(self, choice: Choice, moment: int) -> bool:
        return choice.covers(moment, self.wall)

    def past(self, choice: Choice) -> str:
        """What has to be said of a span that does not go on with now."""
        if not choice.until:
            return ""
        ends, begins = self.zone.clock(choice.until, self.wall), self.zone.clock(self.begins(choice), self.wall)
        span = f"from {begins} to {ends}" if choice.seconds else f"up to {ends}"
        if choice.until > self.wall:
            return f"This page shows {span}: then it stands still."
        return (
            f"This is the past, {span}: orders, fills, denials as far as they are kept, curves and alerts that are "
            "over are of then. States, positions, limits, processes, PnL in numbers and what fires are of now."
        )
