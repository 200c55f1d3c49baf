"""What each file in config/ may say, with its defaults; reading and compiling them happens next door."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, StrictBool, Tag, model_validator

from execution.settings.dashboards import Dashboards
from execution.settings.dead_man import DeadManRow
from execution.settings.monitor import MonitorProcess, ReplayerProcess
from execution.settings.operations import OperationsApp
from execution.settings.portfolio_rows import PortfolioLimits
from toolkit.domain.errors import ConfigError
from toolkit.domain.identifiers import check_desk
from toolkit.domain.instruments import Shortable
from toolkit.domain.market import FeedMode
from toolkit.domain.orders import Ability
from toolkit.engine.risk.limits import MOST
from toolkit.simulation.paper_settings import ExecutionIds, Remainder, UnknownCancel


class Strict(BaseModel):
    """Unknown keys are refused, NaN and infinity too; nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


def _desk_code(value: object) -> object:
    try:
        return check_desk(str(value))
    except ConfigError as problem:
        raise ValueError(str(problem)) from None


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Symbol = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]{0,39}$")]
# Everything has an end: what is written here is counted in 64 bits further on.
LARGEST_NUMBER = Decimal(10**15)
LARGEST_COUNT = 10**15
DECIMALS = 18
Number = Annotated[Decimal, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER, decimal_places=DECIMALS)]
Positive = Annotated[Decimal, Field(gt=0, le=LARGEST_NUMBER, decimal_places=DECIMALS)]
NotNegative = Annotated[Decimal, Field(ge=0, le=LARGEST_NUMBER, decimal_places=DECIMALS)]
BasisPoints = Annotated[Decimal, Field(ge=-10_000, le=10_000, decimal_places=DECIMALS)]
Seconds = Annotated[float, Field(gt=0, le=10**9)]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
Natural = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Address = Annotated[str, Field(pattern=r"^$|^(https?|wss?)://[^/\s]+")]


# ---------------------------------------------------------------- desk.yaml


FEED_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "sample": (),
    "ccxt": ("exchange", "symbols"),
    "replay": ("recording",),
}
FEED_EXAMPLES: Final[Mapping[str, str]] = {
    "ccxt": "such as {kind: ccxt, exchange: binance, symbols: [BTC/USDT, ETH/USDT]}",
    "replay": "such as {kind: replay, recording: recording}",
}


class Feed(Strict):
    """What a desk runs on when `execution up` names no other feed.

    `sample`: simulated quotes in real bars, on its own clock. `ccxt`: the stream of `exchange` for `symbols`; `rest`
    and `stream` are another host than the exchange's own, such as a mirror or a proxy. `replay`: the folder
    `recording`, from the desk's folder on. The rest is of the sample.
    """

    kind: Literal["sample", "ccxt", "replay"] = "sample"
    exchange: Annotated[str, Field(pattern=r"^[a-z0-9_]*$")] = ""
    symbols: tuple[Symbol, ...] = ()
    recording: str = ""
    mode: FeedMode = FeedMode.LOCKSTEP
    session_seconds: Seconds = 5.0
    history_sessions: Annotated[int, Field(ge=0, le=1_000)] = 100
    first_session: Annotated[int, Field(ge=0, le=100_000)] = 60
    seed: Natural = 7
    spread_ticks: Annotated[int, Field(ge=2, le=10**9, multiple_of=2)] = 2
    path_points: Annotated[int, Field(ge=0, le=100)] = 3
    minimum_size: Count = 100
    maximum_size: Count = 2_000
    rest: Address = ""
    stream: Address = ""

    @model_validator(mode="after")
    def _sizes_in_order(self) -> Self:
        if self.maximum_size < self.minimum_size:
            raise ValueError("maximum_size must not be below minimum_size")
        return self

    @model_validator(mode="after")
    def _names_what_its_kind_needs(self) -> Self:
        written = {"exchange": self.exchange, "symbols": self.symbols, "recording": self.recording}
        needed = FEED_NEEDS[self.kind]
        if missing := [name for name in needed if not written[name]]:
            raise ValueError(f"kind {self.kind} needs {' and '.join(missing)}: {FEED_EXAMPLES[self.kind]}")
        if strange := [name for name, value in written.items() if value and name not in needed]:
            raise ValueError(f"kind {self.kind} takes no {' and no '.join(strange)}; change kind, or delete it")
        return self


class Servers(Strict):
    """`process` survives any process, `machine` (each append on disk before it counts) also the machine."""

    kind: Literal["embedded"] = "embedded"
    durability: Literal["process", "machine"] = "process"


class EngineSettings(Strict):
    lease_seconds: Seconds = 3.0
    send_margin_seconds: Seconds = 0.5
    quarantine_seconds: Seconds = 2.0
    reconcile_seconds: Seconds = 5.0
    snapshot_every: Annotated[int, Field(ge=1000, le=10**9)] = 50_000

    @model_validator(mode="after")
    def _margin_within_lease(self) -> Self:
        if self.send_margin_seconds >= self.lease_seconds / 2:
            raise ValueError("send_margin_seconds must be less than half of lease_seconds")
        return self


class Archive(Strict):
    """When a part of the journal goes into the archive, and whether the server then lets go of what is safe."""

    part_events: Annotated[int, Field(ge=1_000, le=10**7)] = 100_000
    part_seconds: Seconds = 600.0
    trim: bool = True


class Supervision(Strict):
    """When a process counts as hung, how it comes back, and when a runner is given up."""

    beat_seconds: Seconds = 0.5
    hung_after_seconds: Seconds = 10.0
    runner_memory_mb: Annotated[int, Field(ge=48, le=10**6)] = 256
    service_memory_mb: Annotated[int, Field(ge=128, le=10**6)] = 1024
    first_backoff_seconds: Seconds = 0.5
    longest_backoff_seconds: Seconds = 30.0
    give_up_after: Count = 5
    give_up_within_seconds: Seconds = 300.0
    stop_seconds: Seconds = 10.0


class Jupyter(Strict):
    first_port: Annotated[int, Field(ge=1024, le=65000)] = 8888
    notebooks: str = "notebooks"


class DeskFile(Strict):
    """config/desk.yaml"""

    name: Name
    code: Annotated[str, BeforeValidator(_desk_code)]
    book: Name = "paper"
    kind: Literal["paper"] = "paper"
    base_currency: Symbol
    servers: Servers = Servers()
    feed: Feed = Feed()
    engine: EngineSettings = EngineSettings()
    archive: Archive = Archive()
    supervision: Supervision = Supervision()
    jupyter: Jupyter = Jupyter()
    operations: OperationsApp = OperationsApp()
    monitor: MonitorProcess = MonitorProcess()
    replayer: ReplayerProcess = ReplayerProcess()
    dashboards: Dashboards = Dashboards()


# ---------------------------------------------------------------- instruments.yaml


class CurrencyRow(Strict):
    """A currency. One that instruments are traded in has a rate: of the instrument that trades it, or written down."""

    quantum: Positive
    valued_by: Symbol | None = None
    price: Positive | None = None

    @model_validator(mode="after")
    def _one_rate(self) -> Self:
        if self.valued_by is not None and self.price is not None:
            raise ValueError("give valued_by (an instrument) or price (in the base currency), not both")
        return self


class InstrumentRow(Strict):
    """One instrument in human units.

    `minimum` and `maximum` are order sizes in lots, `minimum_value` the least an order may be worth in its currency,
    `margin` the part of its worth that it binds.
    """

    tick: Positive
    lot: Positive
    multiplier: Positive = Decimal(1)
    currency: Symbol
    calendar: str
    venue: Name
    minimum: Count = 1
    maximum: Count | None = None
    shortable: Shortable = Shortable.YES
    minimum_value: Positive | None = None
    margin: Annotated[Decimal, Field(gt=0, le=1, decimal_places=DECIMALS)] | None = None


class InstrumentsFile(Strict):
    """config/instruments.yaml"""

    currencies: Annotated[dict[Symbol, CurrencyRow], Field(min_length=1)]
    instruments: Annotated[dict[Symbol, InstrumentRow], Field(min_length=1)]


# ---------------------------------------------------------------- limits.yaml


class Limits(PortfolioLimits, Strict):
    """The limits of one scope. What is not set anywhere denies; of several that apply the strictest wins."""

    max_order_value: Annotated[Positive, Field(le=MOST["max_order_value"])] | None = None
    max_order_quantity: Annotated[Positive, Field(le=MOST["max_order_quantity"])] | None = None
    message_rate: Annotated[int, Field(ge=1, le=int(MOST["message_rate"]))] | None = None
    cancel_reserve: Annotated[int, Field(ge=0, le=int(MOST["cancel_reserve"]))] | None = None
    max_working_orders: Annotated[int, Field(ge=0, le=int(MOST["max_working_orders"]))] | None = None
    max_position: Annotated[NotNegative, Field(le=MOST["max_position"])] | None = None
    duplicate_window: Annotated[NotNegative, Field(le=MOST["duplicate_window"])] | None = None
    permitted: tuple[Symbol, ...] | Literal["*"] | None = None
    permitted_sides: tuple[Literal["buy", "sell"], ...] | None = None
    permitted_venues: tuple[Name, ...] | Literal["*"] | None = None
    restricted: tuple[Symbol, ...] | Literal["*"] | None = None
    located: Annotated[NotNegative, Field(le=MOST["located"])] | None = None
    max_quote_age: Annotated[Positive, Field(le=MOST["max_quote_age"])] | None = None
    max_rate_age: Annotated[Positive, Field(le=MOST["max_rate_age"])] | None = None
    max_clock_skew: Annotated[Positive, Field(le=MOST["max_clock_skew"])] | None = None
    price_collar: Annotated[Positive, Field(le=MOST["price_collar"])] | None = None
    price_collar_ticks: Annotated[int, Field(ge=1, le=int(MOST["price_collar_ticks"]))] | None = None
    exit_collar: Annotated[Positive, Field(le=MOST["exit_collar"])] | None = None
    max_price_drift: Annotated[Positive, Field(le=MOST["max_price_drift"])] | None = None
    drift_window: Annotated[Positive, Field(le=MOST["drift_window"])] | None = None
    max_executions: Annotated[int, Field(ge=0, le=int(MOST["max_executions"]))] | None = None
    burst_value: Annotated[Positive, Field(le=MOST["burst_value"])] | None = None
    burst_quantity: Annotated[Positive, Field(le=MOST["burst_quantity"])] | None = None
    self_match: Literal["cancel_resting", "refuse_new", "both"] | None = None
    burst_window: Annotated[Positive, Field(le=MOST["burst_window"])] | None = None
    fresh_quotes: Annotated[int, Field(ge=1, le=int(MOST["fresh_quotes"]))] | None = None


class LimitsFile(Strict):
    """config/limits.yaml"""

    book: Limits
    venues: dict[Name, Limits] = {}
    accounts: dict[Name, Limits] = {}
    strategies: dict[Name, Limits] = {}
    instruments: dict[Symbol, Limits] = {}
    stages: dict[str, Limits] = {}


# ---------------------------------------------------------------- strategies.yaml


def _plain_numbers(value: object) -> object:
    """Parameters reach a strategy's `__init__`: a number with a point is a float there, not a Decimal."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("a parameter must be a finite number")
        return float(value)
    if isinstance(value, dict):
        return {key: _plain_numbers(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(inside) for inside in value]
    return value


Parameters = Annotated[dict[str, Any], BeforeValidator(_plain_numbers)]


class StrategyRow(Strict):
    """One strategy: where its class is, its capital in the base currency, what it may trade and its parameters."""

    source: Annotated[str, Field(pattern=r"\.py$")]
    class_name: Annotated[str, Field(alias="class", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    capital: NotNegative
    instruments: Annotated[tuple[Symbol, ...], Field(min_length=1)]
    parameters: Parameters = {}
    enabled: StrictBool


class StrategiesFile(Strict):
    """config/strategies.yaml"""

    strategies: dict[Name, StrategyRow]


# ---------------------------------------------------------------- venues.yaml


class QuoteFees(Strict):
    """Fees in the instrument's own currency."""

    kind: Literal["quote"]


class BaseFees(Strict):
    """Fees in what is traded."""

    kind: Literal["base"]
    codes: dict[Symbol, str]
    quantum: Positive


class NamedFees(Strict):
    """Fees in a third asset at a fixed price."""

    kind: Literal["named"]
    code: Symbol
    quantum: Positive
    price: Positive


class FeeTierRow(Strict):
    """The rates of those who traded at least so much, in the instrument's currency, in the 30 days before."""

    from_volume: Positive
    maker_basis_points: BasisPoints
    taker_basis_points: BasisPoints


class PaperFees(Strict):
    maker_basis_points: BasisPoints
    taker_basis_points: BasisPoints
    maker_per_unit: Number
    taker_per_unit: Number
    minimum: NotNegative | None
    maximum_basis_points: NotNegative | None
    asset: Annotated[QuoteFees | BaseFees | NamedFees, Field(discriminator="kind")]
    tiers: tuple[FeeTierRow, ...]


PerMillion = Annotated[int, Field(ge=0, le=1_000_000)]
Percent = Annotated[int, Field(ge=0, le=100)]
Milliseconds = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6)]


class UniformRow(Strict):
    """Each latency from `low` to `high` is as likely."""

    kind: Literal["uniform"]
    low: Milliseconds
    high: Milliseconds

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.high < self.low:
            raise ValueError("high must not be below low")
        return self


class LogNormalRow(Strict):
    """Half of the latencies are below `median`, 99 of 100 below `p99`."""

    kind: Literal["lognormal"]
    median: Annotated[Milliseconds, Field(gt=0)]
    p99: Milliseconds

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.p99 < self.median:
            raise ValueError("p99 must not be below median")
        return self


def _latency_kind(value: object) -> object:
    return value.get("kind") if isinstance(value, dict) else getattr(value, "kind", "fixed")


LatencyRow = Annotated[
    Annotated[Milliseconds, Tag("fixed")]
    | Annotated[UniformRow, Tag("uniform")]
    | Annotated[LogNormalRow, Tag("lognormal")],
    Discriminator(
        _latency_kind,
        custom_error_type="latency",
        custom_error_message="it must be a number of milliseconds, {kind: uniform, low: …, high: …} or "
        "{kind: lognormal, median: …, p99: …}",
    ),
]


class OrdinaryDayRow(Strict):
    """What an instrument does on an ordinary day: volatility of its return in percent, volume in units."""

    volatility_percent: NotNegative
    volume: Positive


class ImpactRow(Strict):
    """The square-root law; every instrument of the venue needs its ordinary day."""

    coefficient: NotNegative
    days: dict[Symbol, OrdinaryDayRow]


class QueueRow(Strict):
    """Where a resting order stands in the queue at its price."""

    ahead_percent: Percent
    unprinted_traded_percent: Percent
    unseen_touch_per_million: PerMillion


class PaperVenueRow(Strict):
    """One simulated venue, times in feed time. Nothing has a default: what is simulated is what somebody wrote down."""

    kind: Literal["paper"]
    seed: Natural
    submit_latency_ms: LatencyRow
    cancel_latency_ms: LatencyRow
    replace_latency_ms: LatencyRow
    report_latency_ms: LatencyRow
    delays_per_million: PerMillion
    delay_ms: Milliseconds
    rejects_per_million: PerMillion
    silences_per_million: PerMillion
    partial_fills_per_million: PerMillion
    participation_percent: Percent
    unlimited_size: StrictBool
    slippage_ticks: Annotated[int, Field(ge=0, le=10**9)]
    half_spread_ticks: Annotated[int, Field(ge=0, le=10**9)]
    impact: ImpactRow | None
    quote_touch_fills: StrictBool
    trade_touch_fills: StrictBool
    queue: QueueRow | None
    supports: tuple[Ability, ...]
    remainder: Remainder
    unknown_cancel: UnknownCancel
    closed_until_opened: StrictBool
    acknowledges_before_fill: StrictBool
    execution_ids: ExecutionIds
    keeps_book_on_restart: StrictBool
    closed_orders_kept: Annotated[int, Field(ge=0, le=10**9)]
    dead_man: DeadManRow | None
    fees: PaperFees
