"""What a backtest assumes where nobody said otherwise: named limits and a named paper venue; it reads no file."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from toolkit.domain.commands import LimitRow
from toolkit.domain.errors import ConfigError
from toolkit.domain.orders import Ability
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.risk.limits import LISTS, NAMES
from toolkit.engine.risk.portfolio_limits import OPEN, OPEN_ENDED
from toolkit.engine.strategy_parameters import nearest
from toolkit.simulation.paper_settings import (
    DeadMan,
    ExecutionIds,
    FeeSchedule,
    Keeper,
    PaperSettings,
    QuoteAsset,
    Remainder,
    UnknownCancel,
)

RESEARCH_LIMITS: Final = "research limits"
RESEARCH_VENUE: Final = "research venue"
GIVEN: Final = "limits= of the backtest"

_LIMITS: Final[Mapping[str, str]] = {
    "max_order_value": "10000000",
    "max_order_quantity": "1000000",
    "max_position": "1000000",
    "max_working_orders": "1000",
    "message_rate": "1000",
    "cancel_reserve": "20",
    "duplicate_window": "1",
    "permitted": "*",
    "permitted_venues": "*",
    "permitted_sides": "buy,sell",
    "max_quote_age": "86400",
    "fresh_quotes": "1",
    "max_rate_age": "86400",
    "price_collar": "50",
    "exit_collar": "90",
    "max_price_drift": "50",
    "drift_window": "60",
    "max_executions": "1000000000",
    "burst_value": "1000000000",
    "burst_quantity": "100000000",
    "burst_window": "1",
    "max_gross": "1000000000000",
    "max_net": "1000000000000",
    "max_margin": "1000000000000",
    "max_leverage": "1000000",
    "max_capital_use": "1000000",
    "self_match": "cancel_resting",
    "max_daily_loss": "1000000000000",
    "max_drawdown": "1000000000000",
    "max_var": "*",
    "var_confidence": "0.99",
    "var_horizon": "86400",
}
_SCOPES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "message_rate": (("strategy", "*"), ("venue", "*")),
    "max_working_orders": (("book", ""), ("venue", "*"), ("strategy", "*"), ("instrument", "*")),
}


def research_limits(changes: Mapping[str, object] | None = None) -> tuple[LimitRow, ...]:
    """Generous limits under which every control is still set, so that a slip of the pen is refused all the same.

    Orders up to 10 million in the base currency and a million units, positions up to a million units, 1,000 working
    orders, 1,000 messages a second, no order twice within a second, no entry on a quote older than a day. `changes`
    replaces some of them: `{"max_position": 500}`; ConfigError for a limit that does not exist.
    """
    changes = changes or {}
    for name in changes:
        if name not in NAMES:
            raise ConfigError(f"limits: there is no limit {name!r}{nearest(name, NAMES)}")
    rows = []
    for name, value in _LIMITS.items():
        source = GIVEN if name in changes else RESEARCH_LIMITS
        text = _text(name, changes.get(name, value))
        rows += [
            LimitRow(scope=scope, name=of, limit=name, value=text, source=source)
            for scope, of in _SCOPES.get(name, (("book", ""),))
        ]
    return tuple(rows)


def research_venue(name: str = "paper", **changes: object) -> PaperSettings:
    """The paper venue of the shipped `config/venues.yaml`, value for value (a test compares them), with `changes`.

    50 ms to submit or replace, cancels at once; 10 % of the displayed size can be had; a resting order fills when the
    other side goes through its price, not when it touches; 0.2 % of the orders are rejected and 10 % of the fills come
    in parts; taking liquidity costs half a basis point and half a cent a unit. `changes` are fields of `PaperSettings`:
    `research_venue(slippage_ticks=1, queue=QueueModel(…))`; ConfigError for one that does not exist.
    """
    known = [field.name for field in msgspec.structs.fields(PaperSettings)]
    for change in changes:
        if change not in known:
            raise ConfigError(f"venue: there is no setting {change!r}{nearest(change, known)}")
    latency = 50_000_000
    shipped = PaperSettings(
        name=name,
        seed=7,
        submit_latency=latency,
        cancel_latency=0,
        replace_latency=latency,
        report_latency=0,
        delays_per_million=0,
        delay=0,
        rejects_per_million=2_000,
        silences_per_million=0,
        partial_fills_per_million=100_000,
        participation_percent=10,
        unlimited_size=False,
        slippage_ticks=0,
        half_spread_ticks=0,
        impact=None,
        quote_touch_fills=False,
        trade_touch_fills=False,
        queue=None,
        supports=tuple(Ability),
        remainder=Remainder.CANCELED,
        unknown_cancel=UnknownCancel.REFUSED,
        closed_until_opened=True,
        acknowledges_before_fill=True,
        execution_ids=ExecutionIds.UNIQUE,
        keeps_book_on_restart=True,
        closed_orders_kept=100_000,
        dead_man=DeadMan(by=Keeper.VENUE, after=10 * NANOSECONDS, everything=False),
        fees=FeeSchedule(
            maker_basis_points=Decimal(0),
            taker_basis_points=Decimal("0.5"),
            maker_per_unit=Decimal(0),
            taker_per_unit=Decimal("0.005"),
            minimum=None,
            maximum_basis_points=None,
            asset=QuoteAsset(),
            tiers=(),
        ),
    )
    return msgspec.structs.replace(shipped, **changes)


def _text(name: str, value: object) -> str:
    if name in OPEN_ENDED and value == OPEN:
        return OPEN
    if name in LISTS:
        return value if isinstance(value, str) else ",".join(map(str, _items(name, value)))
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ConfigError(f"limits: {name} is {value!r}; give a number") from None
    if not number.is_finite() or number < 0:
        raise ConfigError(f"limits: {name} is {value!r}; give a number from 0 on")
    return f"{number:f}"


def _items(name: str, value: object) -> list[object]:
    if not isinstance(value, list | tuple | set | frozenset):
        raise ConfigError(f"limits: {name} is {value!r}; give a list of names, or '*'")
    return sorted(value)
