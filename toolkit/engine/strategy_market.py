"""What a strategy sees of the market and of its orders: floats and UTC times made from exact integers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from math import isfinite, nan
from typing import Literal

import msgspec

from toolkit.domain.inbox import FillBooked, OrderChanged
from toolkit.domain.instruments import Instrument
from toolkit.domain.money import from_quanta
from toolkit.domain.orders import FINAL, Doubt, Side, Status, Terms

Number = float | int | Decimal
Rounding = Literal["nearest", "down", "up"]

NO_TERMS = Terms()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROUNDINGS = {"nearest": ROUND_HALF_EVEN, "down": ROUND_FLOOR, "up": ROUND_CEILING}


def utc(nanoseconds: int) -> datetime:
    """Feed time as a UTC datetime (microseconds)."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Best bid and offer. A missing side is NaN: no comparison with it is true and an order at it is refused."""

    instrument: str
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    nanoseconds: int

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2

    @property
    def spread(self) -> float:
        return self.ask - self.bid

    @property
    def time(self) -> datetime:
        return utc(self.nanoseconds)


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A public trade."""

    instrument: str
    price: float
    size: float
    nanoseconds: int

    @property
    def time(self) -> datetime:
        return utc(self.nanoseconds)


class Bar(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A finished bar. `volume` counts public trades (0 in a feed of quotes only); `whole` is False after lost data."""

    instrument: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    start_nanoseconds: int
    end_nanoseconds: int
    whole: bool = True

    @property
    def start(self) -> datetime:
        return utc(self.start_nanoseconds)

    @property
    def time(self) -> datetime:
        """The bar's end."""
        return utc(self.end_nanoseconds)


class OrderView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One own order. `price` is None for a market order; `reason` says why it was denied or refused.

    `stop` is where a stop stood at its last news, `held` whether it waits at the "venue" or in the "engine".
    """

    intent_id: str
    order_id: str
    instrument: str
    side: Side
    quantity: float
    filled: float
    price: float | None
    status: Status
    doubt: Doubt = Doubt.NONE
    reason: str = ""
    stop: float | None = None
    held: str = ""

    @property
    def is_buy(self) -> bool:
        return self.side is Side.BUY

    @property
    def remaining(self) -> float:
        return self.quantity - self.filled

    @property
    def is_open(self) -> bool:
        return self.status not in FINAL or self.doubt is not Doubt.NONE


class Fill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trade on an own order and the position after it. A fill that the venue took back has a negative quantity."""

    intent_id: str
    order_id: str
    instrument: str
    side: Side
    quantity: float
    price: float
    fee: float
    fee_asset: str
    position: float
    nanoseconds: int

    @property
    def is_buy(self) -> bool:
        return self.side is Side.BUY

    @property
    def time(self) -> datetime:
        return utc(self.nanoseconds)


class InstrumentView:
    """An instrument in human units; `price` and `quantity` round to its grid, because they are asked to."""

    __slots__ = ("_lot", "_tick", "definition", "lot", "ratios", "symbol", "tick")

    def __init__(self, definition: Instrument) -> None:
        self.definition = definition
        self.symbol = definition.symbol
        self._tick = definition.tick.as_integer_ratio()
        self._lot = definition.lot.as_integer_ratio()
        self.ratios = (*self._tick, *self._lot)
        self.tick = self.price_of(1)
        self.lot = self.quantity_of(1)

    def price(self, value: Number, rounding: Rounding = "nearest") -> float:
        """The price on the tick grid nearest to `value`, or the next one down or up; NaN stays NaN."""
        return _round(value, self.definition.tick, rounding)

    def quantity(self, value: Number, rounding: Rounding = "nearest") -> float:
        """The quantity on the lot grid nearest to `value`, or the next one down or up; NaN stays NaN."""
        return _round(value, self.definition.lot, rounding)

    @property
    def multiplier(self) -> float:
        return float(self.definition.multiplier)

    @property
    def currency(self) -> str:
        return self.definition.currency

    @property
    def minimum(self) -> float:
        """The smallest order quantity."""
        return self.quantity_of(self.definition.minimum)

    @property
    def minimum_value(self) -> float:
        """The least that an order may be worth, in `currency`; 0 where there is no such rule."""
        return float(from_quanta(self.definition.minimum_value, self.definition.currency_quantum))

    def price_of(self, ticks: int) -> float:
        """The float nearest to so many ticks: 10123 of 0.01 are exactly 101.23."""
        numerator, denominator = self._tick
        return ticks * numerator / denominator

    def price_of_halves(self, twice: int) -> float:
        """The float nearest to so many half ticks."""
        numerator, denominator = self._tick
        return twice * numerator / (2 * denominator)

    def quantity_of(self, lots: int) -> float:
        numerator, denominator = self._lot
        return lots * numerator / denominator

    def __repr__(self) -> str:
        return f"{self.symbol} (tick {self.definition.tick}, lot {self.definition.lot}, {self.currency})"


def order_view(change: OrderChanged, instrument: InstrumentView) -> OrderView:
    """An order's news in human units."""
    terms = change.terms or NO_TERMS
    return OrderView(
        intent_id=change.intent_id,
        order_id=change.order_id,
        instrument=change.instrument,
        side=change.side,
        quantity=instrument.quantity_of(change.quantity),
        filled=instrument.quantity_of(change.filled),
        price=None if change.price is None else instrument.price_of(change.price),
        status=change.status,
        doubt=change.doubt,
        reason=change.reason,
        stop=None if terms.stop is None else instrument.price_of(terms.stop),
        held="" if terms.held_at is None else terms.held_at.value,
    )


def fill_view(fill: FillBooked, instrument: InstrumentView, quantum: Decimal | None) -> Fill:
    """A fill in human units; the fee is NaN when the quantum of its asset is not known."""
    return Fill(
        intent_id=fill.intent_id,
        order_id=fill.order_id,
        instrument=fill.instrument,
        side=fill.side,
        quantity=instrument.quantity_of(fill.quantity),
        price=instrument.price_of(fill.price),
        fee=nan if quantum is None else float(fill.fee * quantum),
        fee_asset=fill.fee_asset,
        position=instrument.quantity_of(fill.position),
        nanoseconds=int(fill.time),
    )


def _round(value: Number, grid: Decimal, rounding: Rounding) -> float:
    exact = exact_decimal(value)
    if not exact.is_finite():
        return nan
    return float((exact / grid).to_integral_value(_ROUNDINGS[rounding]) * grid)


def exact_decimal(value: Number) -> Decimal:
    """What a person means by a number: the shortest decimal that the float stands for. TypeError when it is none."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        return Decimal(repr(float(value))) if isfinite(value) else Decimal(float(value))
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{value!r} is a {type(value).__name__}; give a float, an int or a Decimal")
    return Decimal(value.__index__())
