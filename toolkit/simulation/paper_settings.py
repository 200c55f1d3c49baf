"""What can be chosen about the paper venue, every field required; what the choices do stands in `matching`."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from toolkit.domain.errors import ConfigError
from toolkit.domain.orders import Ability

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


class FeeTier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The basis points of those who traded at least `from_volume`, in the instrument's currency, in 30 days."""

    from_volume: Decimal
    maker_basis_points: Decimal
    taker_basis_points: Decimal


class FeeSchedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fees of a fill: basis points of its value and an amount per unit of quantity, negative for a rebate.

    Per-unit amounts and `minimum` are in the fee asset; `minimum` is per order, `maximum_basis_points` of an order's
    value are its most, also where that is below the minimum; None for none. `tiers` take the place of the
    basis points with growing volume, in rising order. The formula stands in `fees`.
    """

    maker_basis_points: Decimal
    taker_basis_points: Decimal
    maker_per_unit: Decimal
    taker_per_unit: Decimal
    minimum: Decimal | None
    maximum_basis_points: Decimal | None
    asset: QuoteAsset | BaseAsset | NamedAsset
    tiers: tuple[FeeTier, ...]

    def __post_init__(self) -> None:
        last = Decimal(0)
        for tier in self.tiers:
            if tier.from_volume <= last:
                problem = f"fees: tiers: from_volume {tier.from_volume} comes after {last}"
                raise ConfigError(f"{problem}; let them rise from above 0")
            last = tier.from_volume
        for field in ("minimum", "maximum_basis_points"):
            value = getattr(self, field)
            if value is not None and value < 0:
                raise ConfigError(f"fees: {field} is {value}; give 0 or more, or null for none")


class Uniform(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="uniform"):
    """A latency of `low` to `high` nanoseconds, each as likely."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ConfigError(f"uniform latency: low is {self.low} and high {self.high}; give 0 <= low <= high")


class LogNormal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="lognormal"):
    """A latency of which half are below `median` and 99 of 100 below `p99`, in nanoseconds."""

    median: int
    p99: int

    def __post_init__(self) -> None:
        if not 0 < self.median <= self.p99:
            raise ConfigError(f"lognormal latency: median is {self.median}, p99 {self.p99}; give 0 < median <= p99")


Latency = int | Uniform | LogNormal  # an int is always the same


class OrdinaryDay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an instrument does on an ordinary day: volatility of its return in percent, volume in units."""

    volatility_percent: Decimal
    volume: Decimal


class Impact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The square-root law's coefficient and an ordinary day of each symbol. The formula stands in `impact`."""

    coefficient: Decimal
    days: dict[str, OrdinaryDay]

    def __post_init__(self) -> None:
        if self.coefficient < 0:
            raise ConfigError(f"impact: coefficient is {self.coefficient}; give 0 or more")
        for symbol, day in self.days.items():
            if day.volatility_percent < 0 or day.volume <= 0:
                raise ConfigError(
                    f"impact: days.{symbol} has volatility_percent {day.volatility_percent} and volume {day.volume}; "
                    "give a volatility from 0 on and a volume above 0"
                )


class QueueModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a resting order stands in the queue at its price. The rules stand in `queue`.

    `ahead_percent` of the size displayed when it joins is ahead of it; `unprinted_traded_percent` of what vanishes from
    the display without a print was traded, the rest canceled; where no queue is displayed, a touch fills it
    `unseen_touch_per_million` of the times.
    """

    ahead_percent: int
    unprinted_traded_percent: int
    unseen_touch_per_million: int

    def __post_init__(self) -> None:
        for field, most in (
            ("ahead_percent", 100),
            ("unprinted_traded_percent", 100),
            ("unseen_touch_per_million", MILLION),
        ):
            if not 0 <= getattr(self, field) <= most:
                raise ConfigError(f"queue: {field} is {getattr(self, field)}; give 0 to {most}")


class Keeper(StrEnum):
    """Who cancels when an engine falls silent: the venue itself, or a watchdog of ours where the venue does not."""

    VENUE = "venue"
    WATCHDOG = "watchdog"


class DeadMan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Entries are cancelled after so much silence (nanoseconds of wall time); with `everything` protection as well."""

    by: Keeper
    after: int
    everything: bool

    def __post_init__(self) -> None:
        if self.after <= 0:
            raise ConfigError(f"dead_man: after is {self.after}; give more than 0, or null for none")


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The behaviour of one paper venue. There are no defaults: what is simulated is what somebody wrote down.

    Time: latencies and `delay` are nanoseconds of feed time; `delays_per_million` of the requests take `delay` longer.
    Requests take their latency to the venue, reports `report_latency` back, and no report overtakes another.
    Failure: `rejects_per_million` of the orders are rejected, `silences_per_million` of all requests vanish unanswered.
    Size: `participation_percent` of the displayed (or printed) size can be had, everything with `unlimited_size`;
    `partial_fills_per_million` of the fills are for a drawn part only.
    Price: takers pay `slippage_ticks` beyond the quote, `half_spread_ticks` more beyond a print or bar of a feed that
    has no quotes, and the `impact` of their size, never beyond their limit. A resting order fills at its limit when the
    other side goes through it, or already when it touches (`quote_touch_fills`, and `trade_touch_fills` for prints and
    bars), or when the `queue` ahead of it is gone.
    `supports` names what it takes beyond market and limit orders; the engine holds the stops that it does not take.
    Habits: `closed_until_opened` is whether a calendar without any session event counts as closed;
    `acknowledges_before_fill` whether an order that trades at once is acknowledged first; `keeps_book_on_restart`
    whether open orders outlive a restart of the venue; `closed_orders_kept` how many finished orders it can still be
    asked about. `dead_man` is what it does when its trading session gives no sign of life; None for nothing.
    """

    name: str
    seed: int
    submit_latency: Latency
    cancel_latency: Latency
    replace_latency: Latency
    report_latency: Latency
    delays_per_million: int
    delay: int
    rejects_per_million: int
    silences_per_million: int
    partial_fills_per_million: int
    participation_percent: int
    unlimited_size: bool
    slippage_ticks: int
    half_spread_ticks: int
    impact: Impact | None
    quote_touch_fills: bool
    trade_touch_fills: bool
    queue: QueueModel | None
    supports: tuple[Ability, ...]
    remainder: Remainder
    unknown_cancel: UnknownCancel
    closed_until_opened: bool
    acknowledges_before_fill: bool
    execution_ids: ExecutionIds
    keeps_book_on_restart: bool
    closed_orders_kept: int
    fees: FeeSchedule
    dead_man: DeadMan | None

    @property
    def own_dead_man(self) -> DeadMan | None:
        """The one that the venue itself has."""
        return self.dead_man if self.dead_man is not None and self.dead_man.by is Keeper.VENUE else None

    @property
    def abilities(self) -> dict[str, frozenset[Ability]]:
        """What this venue takes, as an engine is told."""
        return {self.name: frozenset(self.supports)}

    def __post_init__(self) -> None:
        for field in (
            "submit_latency",
            "cancel_latency",
            "replace_latency",
            "report_latency",
            "delay",
            "slippage_ticks",
            "half_spread_ticks",
            "participation_percent",
            "closed_orders_kept",
        ):
            value = getattr(self, field)
            if isinstance(value, int) and value < 0:
                raise ConfigError(f"venue {self.name}: {field} is {value}; give 0 or more")
        for field in ("delays_per_million", "rejects_per_million", "silences_per_million", "partial_fills_per_million"):
            if not 0 <= getattr(self, field) <= MILLION:
                raise ConfigError(f"venue {self.name}: {field} is {getattr(self, field)}; give 0 to {MILLION}")
        if self.queue is not None:
            self._check_queue()

    def _check_queue(self) -> None:
        for field in ("quote_touch_fills", "trade_touch_fills"):
            if getattr(self, field):
                raise ConfigError(
                    f"venue {self.name}: with {field} a touch fills whoever stands ahead, which the queue denies; "
                    f"set {field}: false, or queue: null"
                )


# What a venue did before a choice existed.
_BEFORE: dict[str, object] = {
    "report_latency": 0,
    "half_spread_ticks": 0,
    "impact": None,
    "queue": None,
    "supports": (),
    "dead_man": None,
}
_FEES_BEFORE: dict[str, object] = {"maximum_basis_points": None, "tiers": ()}


def decode_settings(data: bytes) -> PaperSettings:
    """Settings from a venue's ledger, also of a release with fewer choices. ConfigError for other bytes."""
    try:
        stored = msgspec.msgpack.decode(data, type=dict[str, object])
        fees = msgspec.convert(stored.get("fees"), dict[str, object])
        return msgspec.convert(_BEFORE | stored | {"fees": _FEES_BEFORE | fees}, PaperSettings)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"these are no settings of a paper venue: {error}") from error
