"""Each limit in force with its control, its use and the last denial for its sake; it checks no order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from toolkit.engine.risk import venue_limits
from toolkit.replica.replica import DenialSeen, Replica
from toolkit.replica.views import LimitView, Messages, limits

CONTROLS: Final[Mapping[str, int]] = {
    "price_collar": 1,
    "price_collar_ticks": 1,
    "exit_collar": 1,
    "max_price_drift": 1,
    "drift_window": 1,
    "max_order_value": 2,
    "max_rate_age": 11,
    "max_order_quantity": 3,
    "message_rate": 5,
    "cancel_reserve": 6,
    "max_executions": 7,
    "max_working_orders": 8,
    "max_position": 10,
    "max_gross": 11,
    "max_net": 11,
    "max_leverage": 11,
    "max_capital_use": 11,
    "max_var": 12,
    "var_confidence": 12,
    "var_horizon": 12,
    "var_sessions": 12,
    "max_daily_loss": 20,
    "max_drawdown": 21,
    "max_margin": 11,
    "duplicate_window": 13,
    "burst_value": 14,
    "burst_quantity": 14,
    "burst_window": 14,
    "self_match": 15,
    "permitted": 16,
    "permitted_sides": 16,
    "permitted_venues": 16,
    "restricted": 16,
    "located": 16,
    "max_quote_age": 19,
    "fresh_quotes": 19,
    "max_clock_skew": 19,
    **dict.fromkeys(venue_limits.BREAKER, 23),
    **dict.fromkeys(venue_limits.BUDGET, 5),
    "budget_reserve": 6,
    **dict.fromkeys(venue_limits.DEAD_MAN, 25),
    venue_limits.ROUTES: 16,
    venue_limits.JOIN_WITHIN: 3,
}
"""Limit → the control that asks for it (CONTROLS in the README)."""


ALL: Final = "all"
"""What is used where there is no capital and yet a position."""


class LimitInUse(msgspec.Struct, frozen=True, kw_only=True):
    """One limit. `denied` is when an order was last refused for its sake (UTC ns, 0: not lately), `why` what it was.

    `override` says until when it is looser than where it is written, and for whom.
    """

    control: int
    limit: str
    scope: str
    name: str
    value: str
    used: str
    source: str
    denied: int = 0
    why: str = ""
    override: str = ""


def limits_in_use(replica: Replica, messages: Messages | None = None, now: int = 0) -> tuple[LimitInUse, ...]:
    """Every limit in force, by control. A denial belongs to the line of the file that it named; `messages` and `now` as
    for `views.limits`."""
    last: dict[tuple[int, str], DenialSeen] = {(each.control, each.source): each for each in replica.denials}
    rows = []
    for row in limits(replica, messages, now):
        control = CONTROLS.get(row.limit, 0)
        denial = last.get((control, row.source))
        rows.append(
            LimitInUse(
                control=control,
                limit=row.limit,
                scope=row.scope,
                name=row.name,
                value=row.value,
                used=row.used,
                source=row.source,
                override=row.override,
                denied=0 if denial is None else int(denial.wall),
                why="" if denial is None else f"{denial.strategy} {denial.instrument}: {denial.observed}",
            )
        )
    return tuple(sorted(rows, key=lambda row: row.control))


def share(row: LimitView | LimitInUse) -> float | None:
    """How much of a limit is used, 1 for all of it; None for what is no level, or is not known now."""
    if row.used == ALL:
        return math.inf
    used, value = _number(row.used), _number(row.value)
    if used is None or value is None:
        return None
    if not value:
        return math.inf if used else 0.0
    return float(used / value)


def _number(words: str) -> Decimal | None:
    """The amount that words begin with, None where they begin with none."""
    try:
        return Decimal(words.partition(" ")[0])
    except InvalidOperation:
        return None
