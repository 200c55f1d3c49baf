"""What people say about the router: rules, what venues charge, when breakers open; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from toolkit.domain.instruments import Instrument

FULL = Decimal(10_000)


class Preference(StrEnum):
    """Which of a rule's venues comes first."""

    ORDER = "order"
    FEES = "fees"


class VenueFees(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue charges, for comparison alone: of the value and per unit, bounded per order."""

    maker_basis_points: Decimal = Decimal(0)
    taker_basis_points: Decimal = Decimal(0)
    maker_per_unit: Decimal = Decimal(0)
    taker_per_unit: Decimal = Decimal(0)
    minimum: Decimal | None = None
    maximum_basis_points: Decimal | None = None

    def estimate(self, value: Decimal, units: Decimal, *, maker: bool) -> Decimal:
        """The fee of one order of this value, in the instrument's currency."""
        points, per_unit = (
            (self.maker_basis_points, self.maker_per_unit) if maker else (self.taker_basis_points, self.taker_per_unit)
        )
        fee = value * points / FULL + units * per_unit
        if self.minimum is not None:
            fee = max(fee, self.minimum)
        return fee if self.maximum_basis_points is None else min(fee, value * self.maximum_basis_points / FULL)


class RouteRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule. What is empty or None asks nothing. Quantities in the instrument's units, both ends included."""

    venues: tuple[str, ...]
    source: str
    instruments: frozenset[str] = frozenset()
    strategies: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    minimum_quantity: Decimal | None = None
    maximum_quantity: Decimal | None = None
    prefer: Preference = Preference.ORDER

    def matches(self, strategy: str, stage: str, instrument: Instrument, lots: int) -> bool:
        """Whether it decides about such an order."""
        if self.instruments and instrument.symbol not in self.instruments:
            return False
        if (self.strategies and strategy not in self.strategies) or (self.stages and stage not in self.stages):
            return False
        quantity = instrument.quantity_of(lots)
        if self.minimum_quantity is not None and quantity < self.minimum_quantity:
            return False
        return self.maximum_quantity is None or quantity <= self.maximum_quantity


class BreakerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When a venue's breakers open and for how long. Times in nanoseconds; `source` is where it stands."""

    rejects: int
    venue_rejects: int
    late: int
    within: int
    late_after: int
    open_for: int
    source: str = "config/venues.yaml"


ALL_VENUES: Final = "*"


class RouterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in their order, and by venue what it charges and when its breakers open.

    `without_breakers` are venues of which somebody said so; of one that is in neither nothing was said, which denies.

    `join_within` is how long entries wait for others like them, in nanoseconds of feed time; 0 joins none.
    """

    rules: tuple[RouteRule, ...] = ()
    fees: Mapping[str, VenueFees] = {}
    breakers: Mapping[str, BreakerSettings] = {}
    without_breakers: frozenset[str] = frozenset({ALL_VENUES})
    join_within: int = 0


NO_RULES = RouterSettings()
