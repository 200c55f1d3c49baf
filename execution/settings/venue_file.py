"""What config/venues.yaml may say: the venues, and how the router chooses, counts and joins for them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from execution.settings.models import Name, NotNegative, PaperVenueRow, Seconds, Strict, Symbol
from toolkit.engine.router_settings import Preference

Stage = Literal["PAPER", "SHADOW", "LIVE_10", "LIVE_50", "LIVE_100"]


class BreakerRow(Strict):
    """When control 23 keeps entries from a venue: so many rejections of one strategy, or of all, or late answers."""

    rejects: Annotated[int, Field(ge=1, le=10**6)]
    venue_rejects: Annotated[int, Field(ge=1, le=10**6)]
    late_answers: Annotated[int, Field(ge=1, le=10**6)]
    within_seconds: Seconds
    late_after_seconds: Seconds
    open_seconds: Seconds


def _off(value: object) -> object:
    """`off` is said on purpose; a line without a value is not."""
    if value is None:
        raise ValueError("is empty; write its lines, or off for a venue that is to have none")
    return None if value in ("off", False) else value


class BudgetRow(Strict):
    """What a venue allows one key, and how the processes that send with it divide that between them."""

    key: Name | None = None
    messages: Annotated[int, Field(ge=1, le=10**6)]
    per_seconds: Seconds
    processes: Annotated[int, Field(ge=1, le=100)]
    reserve: Annotated[int, Field(ge=1, le=10**6)]
    share: Annotated[int, Field(ge=0, le=10**6)]
    block: Annotated[int, Field(ge=1, le=10**6)]


class AggregationRow(Strict):
    """How long an entry waits for others that are equal to it, in milliseconds of the feed's clock."""

    window_ms: Annotated[Decimal, Field(gt=0, le=60_000, decimal_places=6)]


class RouteRow(Strict):
    """One rule of the router; what is left out asks nothing. Quantities in units, both ends included."""

    venues: Annotated[tuple[Name, ...], Field(min_length=1)]
    instruments: tuple[Symbol, ...] = ()
    strategies: tuple[Name, ...] = ()
    stages: tuple[Stage, ...] = ()
    minimum_quantity: NotNegative | None = None
    maximum_quantity: NotNegative | None = None
    prefer: Preference = Preference.ORDER

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        least, most = self.minimum_quantity, self.maximum_quantity
        if least is not None and most is not None and most < least:
            raise ValueError("maximum_quantity must not be below minimum_quantity")
        if len(set(self.venues)) < len(self.venues):
            raise ValueError("venues must name each venue once")
        return self


class VenuesFile(Strict):
    """config/venues.yaml"""

    venues: Annotated[dict[Name, PaperVenueRow], Field(min_length=1)]
    routes: tuple[RouteRow, ...] = ()
    breakers: dict[Name, Annotated[BreakerRow | None, BeforeValidator(_off)]] = Field(default_factory=dict)
    budgets: dict[Name, BudgetRow] = Field(default_factory=dict)
    aggregation: AggregationRow | None = None
