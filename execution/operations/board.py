"""What the page shows, made of the books and of what the supervisor says; bounded, and nothing is looked up later."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

import msgspec

from toolkit.client.approvals import waiting
from toolkit.domain.front_desk import Waiting
from toolkit.domain.orders import TradingState
from toolkit.domain.time import WallTime
from toolkit.monitoring.alert_book import Alert
from toolkit.replica import views
from toolkit.replica.limits_in_use import LimitInUse, limits_in_use
from toolkit.replica.protection import UnprotectedView, unprotected
from toolkit.replica.reconciliation import ReconciliationView, reconciliation
from toolkit.replica.replica import DenialSeen, Replica

MOST_ORDERS: Final = 40
MOST_LIMITS: Final = 20
MOST_ROWS: Final = 40
MOST_DENIALS: Final = 5
KILL: Final = "kill"


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a desk. `written` is when its newest event was (UTC ns); lists are cut, their counts are not.

    `killed` are the scopes that a kill holds (`book`, `venue:paper`, `strategy:trend`), `shut` those whose latch is.
    """

    event: int
    written: int
    session: str
    book_state: str
    alone: bool
    strategies: tuple[views.StrategyView, ...]
    venues: tuple[views.VenueView, ...]
    orders: tuple[views.OrderView, ...]
    orders_open: int
    unknown: int
    agreement: ReconciliationView
    unprotected: tuple[UnprotectedView, ...]
    positions_unprotected: int
    limits: tuple[LimitInUse, ...]
    limits_in_force: int
    denials: tuple[DenialSeen, ...]
    proposals: tuple[Waiting, ...]
    killed: tuple[str, ...]
    shut: tuple[str, ...]
    alerts: tuple[Alert, ...] = ()
    overrides: tuple[views.OverrideView, ...] = ()

    @property
    def trading(self) -> int:
        """How many strategies may open positions."""
        return sum(row.state == TradingState.ACTIVE.name for row in self.strategies)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Everything that can be stopped, the largest first."""
        venues = (f"venue:{row.name}" for row in self.venues)
        return ("book", *venues, *(f"strategy:{row.name}" for row in self.strategies))


def board(replica: Replica, shut: tuple[str, ...], alerts: tuple[Alert, ...] = ()) -> Board:
    """The books as they are now."""
    ledger = replica.ledger
    found = views.orders(replica)
    now = time.time_ns()
    limits, exposed = limits_in_use(replica, now=now), unprotected(ledger)
    return Board(
        event=ledger.sequence,
        written=int(replica.wall),
        session=str(ledger.session or ""),
        book_state=max(ledger.states.get("book:", {}).values(), default=TradingState.ACTIVE).name,
        alone=ledger.people.alone,
        strategies=views.strategies(replica)[:MOST_ROWS],
        venues=views.venues(replica),
        orders=tuple(sorted(found, key=lambda row: row.status != "UNKNOWN"))[:MOST_ORDERS],
        orders_open=len(found),
        unknown=sum(row.status == "UNKNOWN" for row in found),
        agreement=reconciliation(ledger, WallTime(now)),
        unprotected=exposed[:MOST_ROWS],
        positions_unprotected=len(exposed),
        limits=tuple(_worth_a_look(limits))[:MOST_LIMITS],
        limits_in_force=len(limits),
        denials=tuple(reversed(replica.denials[-MOST_DENIALS:])),
        proposals=waiting(ledger),
        killed=tuple(scope.rstrip(":") for scope, causes in ledger.states.items() if KILL in causes),
        shut=shut,
        alerts=alerts[:MOST_ROWS],
        overrides=views.overrides(replica, now),
    )


def _worth_a_look(limits: Iterable[LimitInUse]) -> list[LimitInUse]:
    """Those that refused something lately, then those that something is used of, then the rest."""
    return sorted(limits, key=lambda row: (-row.denied, row.used in ("", "0"), row.control))
