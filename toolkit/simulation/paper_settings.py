"""What can be chosen about the paper venue, every field required; what the choices do stands in `matching`."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from toolkit.domain.errors import ConfigError

MILLION = 1_000_000


class Remainder(StrEnum):
    """How the venue says that the rest of a market or IOC order is gone."""

    CANCELED = "canceled"
    EXPIRED = "expired"


class UnknownCancel(StrEnum):
    """What a cancel of an order gets that the venue does not know, or that is over."""

    REFUSED = "refused"
    SILENT = "silent"


class ExecutionIds(StrEnum):
    """`CLOCK` is a millisecond clock, as seen in the wild: two fills of one millisecond share one id."""

    UNIQUE = "unique"
    CLOCK = "clock"


class QuoteAsset(msgspec.Struct, frozen=True, kw_only=True, tag="quote"):
    """Fees in the instrument's own currency and quantum."""


class BaseAsset(msgspec.Struct, frozen=True, kw_only=True, tag="base"):
    """Fees in what is traded. `codes` names the asset of each symbol, `quantum` is its smallest amount."""

    codes: dict[str, str]
    quantum: Decimal


class NamedAsset(msgspec.Struct, frozen=True, kw_only=True, tag="named"):
    """Fees in a third asset. `price` is what one of it costs in the instrument's currency, held fixed."""

    code: str
    quantum: Decimal
    price: Decimal


class FeeSchedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fees of a fill: basis points of its value and an amount per unit of quantity, negative for a rebate.

    Per-unit amounts and `minimum` are in the fee asset; `minimum` is per order, None for no minimum. The formula stands
    in `fees`.
    """

    maker_basis_points: Decimal
    taker_basis_points: Decimal
    maker_per_unit: Decimal
    taker_per_unit: Decimal
    minimum: Decimal | None
    asset: QuoteAsset | BaseAsset | NamedAsset


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The behaviour of one paper venue. There are no defaults: what is simulated is what somebody wrote down.

    Time: latencies and `delay` are nanoseconds of feed time; `delays_per_million` of the requests take `delay` longer.
    Failure: `rejects_per_million` of the orders are rejected, `silences_per_million` of all requests vanish unanswered.
    Size: `participation_percent` of the displayed (or printed) size can be had, everything with `unlimited_size`;
    `partial_fills_per_million` of the fills are for a drawn part only.
    Price: takers pay `slippage_ticks` beyond the quote, never beyond their limit. A resting order fills at its limit
    when the other side goes through it, or already when it touches (`quote_touch_fills`, and `trade_touch_fills` for
    prints and bars).
    Habits: `closed_until_opened` is whether a calendar without any session event counts as closed;
    `acknowledges_before_fill` whether an order that trades at once is acknowledged first; `keeps_book_on_restart`
    whether open orders outlive a restart of the venue; `closed_orders_kept` how many finished orders it can still be
    asked about.
    """

    name: str
    seed: int
    submit_latency: int
    cancel_latency: int
    replace_latency: int
    delays_per_million: int
    delay: int
    rejects_per_million: int
    silences_per_million: int
    partial_fills_per_million: int
    participation_percent: int
    unlimited_size: bool
    slippage_ticks: int
    quote_touch_fills: bool
    trade_touch_fills: bool
    remainder: Remainder
    unknown_cancel: UnknownCancel
    closed_until_opened: bool
    acknowledges_before_fill: bool
    execution_ids: ExecutionIds
    keeps_book_on_restart: bool
    closed_orders_kept: int
    fees: FeeSchedule

    def __post_init__(self) -> None:
        for field in (
            "submit_latency",
            "cancel_latency",
            "replace_latency",
            "delay",
            "slippage_ticks",
            "participation_percent",
            "closed_orders_kept",
        ):
            if getattr(self, field) < 0:
                raise ConfigError(f"venue {self.name}: {field} is {getattr(self, field)}; give 0 or more")
        for field in ("delays_per_million", "rejects_per_million", "silences_per_million", "partial_fills_per_million"):
            if not 0 <= getattr(self, field) <= MILLION:
                raise ConfigError(f"venue {self.name}: {field} is {getattr(self, field)}; give 0 to {MILLION}")
