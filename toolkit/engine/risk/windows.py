"""What the View must watch for the limits in force: how long a quote stays fresh and over which window prices drift."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from toolkit.domain.commands import LimitRow
from toolkit.engine.risk.limits import MOST, nanoseconds
from toolkit.engine.risk.portfolio_limits import OPEN
from toolkit.engine.view import FOREVER, Watched

_OF_ALL = frozenset({"book", "venue", "account"})


def windows_of(rows: Iterable[LimitRow]) -> Watched:
    """A quote ages by the strictest limit of book, venue and instrument; the longest window of drift counts for all.

    Volatilities and correlations are kept up for the value at risk alone: while its limit is unset, or is a number.
    """
    of_all, own, drift, risk = FOREVER, dict[str, int](), 0, set[str]()
    for row in rows:
        if row.limit == "max_quote_age":
            age = nanoseconds(_bounded(row))
            if row.scope in _OF_ALL:
                of_all = min(of_all, age)
            elif row.scope == "instrument":
                own[row.name] = min(own.get(row.name, FOREVER), age)
        elif row.limit == "drift_window":
            drift = max(drift, nanoseconds(_bounded(row)))
        elif row.limit == "max_var":
            risk.add(row.value)
    return Watched(stale_after=of_all, of_instruments=own, drift_window=drift, models=risk != {OPEN})


def _bounded(row: LimitRow) -> Decimal:
    return min(Decimal(row.value), MOST[row.limit])
