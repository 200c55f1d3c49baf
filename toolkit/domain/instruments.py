"""What can be traded, in exact units, effective-dated; importing it from a venue happens elsewhere."""

from __future__ import annotations

from bisect import bisect_right
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

import msgspec

from toolkit.domain.errors import ConfigError, DomainError
from toolkit.domain.money import LARGEST, from_quanta, to_quanta
from toolkit.domain.time import FeedTime

ALWAYS = FeedTime(0)
SMALLEST = Decimal("1e-18")


class Shortable(StrEnum):
    YES = "yes"
    NO = "no"
    LOCATE = "locate"


class Currency(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="currency"):
    """A currency or asset and the smallest amount that the books keep of it."""

    code: str
    quantum: Decimal


class Instrument(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="instrument"):
    """One tradable thing. Tick and lot are in human units; everything inside is counted in them.

    `tick_value` is the worth of one tick on one lot in quanta of `currency` (tick × lot × multiplier ÷ quantum) and
    must be a whole number; `describe` builds an instrument and checks that. `minimum` and `maximum` are order sizes
    in lots, `minimum_value` is what an order must be worth at least, in quanta of `currency`.
    """

    symbol: str
    tick: Decimal
    lot: Decimal
    multiplier: Decimal
    currency: str
    currency_quantum: Decimal
    tick_value: int
    calendar: str
    venue: str
    minimum: int = 1
    maximum: int | None = None
    shortable: Shortable = Shortable.YES
    expiry: FeedTime | None = None
    margin: Decimal | None = None
    effective_from: FeedTime = ALWAYS
    minimum_value: int = 0

    def ticks(self, price: Decimal) -> int:
        """Exact ticks of a price; DomainError when it is not on the tick grid."""
        return to_quanta(price, self.tick, f"{self.symbol}: price")

    def lots(self, quantity: Decimal) -> int:
        """Exact lots of a quantity; DomainError when it is not on the lot grid."""
        return to_quanta(quantity, self.lot, f"{self.symbol}: quantity")

    def price(self, value: float | Decimal) -> Decimal:
        """The nearest price on the tick grid (half to even). Rounds because it was asked to."""
        return _nearest(value, self.tick, f"{self.symbol}: price")

    def quantity(self, value: float | Decimal) -> Decimal:
        """The nearest quantity on the lot grid (half to even). Rounds because it was asked to."""
        return _nearest(value, self.lot, f"{self.symbol}: quantity")

    def price_of(self, ticks: int) -> Decimal:
        return from_quanta(ticks, self.tick)

    def quantity_of(self, lots: int) -> Decimal:
        return from_quanta(lots, self.lot)

    def value(self, ticks: int, lots: int) -> int:
        """Worth of `lots` at `ticks` in quanta of the currency."""
        return ticks * lots * self.tick_value


def describe(
    *,
    symbol: str,
    tick: Decimal,
    lot: Decimal,
    currency: Currency,
    calendar: str,
    venue: str,
    multiplier: Decimal = Decimal(1),
    minimum: int = 1,
    maximum: int | None = None,
    shortable: Shortable = Shortable.YES,
    expiry: FeedTime | None = None,
    margin: Decimal | None = None,
    effective_from: FeedTime = ALWAYS,
    minimum_value: Decimal | None = None,
) -> Instrument:
    """Build an instrument and check that one tick on one lot is a whole number of currency quanta.

    `minimum_value` is in units of the currency, such as an exchange's minimum notional.
    """
    for name, number in (("tick", tick), ("lot", lot), ("multiplier", multiplier)):
        if not number.is_finite() or number <= 0:
            raise ConfigError(f"{symbol}: {name} is {number}; it must be a number above 0")
        if not SMALLEST <= number <= LARGEST:
            raise ConfigError(f"{symbol}: {name} is {number}; it must be from {SMALLEST} to {LARGEST}")
    worth = tick * lot * multiplier / currency.quantum
    if worth != (whole := int(worth)) or whole < 1:
        raise ConfigError(
            f"{symbol}: one tick on one lot is {tick * lot * multiplier} {currency.code}, which is not a multiple of "
            f"its quantum {currency.quantum}; give {currency.code} a smaller quantum"
        )
    if whole > LARGEST:
        raise ConfigError(
            f"{symbol}: one tick on one lot is {whole} quanta of {currency.code}, the books keep {LARGEST}; "
            f"give a smaller tick, lot or multiplier, or {currency.code} a larger quantum"
        )
    return Instrument(
        symbol=symbol,
        tick=tick,
        lot=lot,
        multiplier=multiplier,
        currency=currency.code,
        currency_quantum=currency.quantum,
        tick_value=whole,
        calendar=calendar,
        venue=venue,
        minimum=minimum,
        maximum=maximum,
        shortable=shortable,
        expiry=expiry,
        margin=margin,
        effective_from=effective_from,
        minimum_value=_least(symbol, minimum_value, currency),
    )


def _least(symbol: str, value: Decimal | None, currency: Currency) -> int:
    if value is None:
        return 0
    if value < 0:
        raise ConfigError(f"{symbol}: minimum_value is {value}; give 0 or more")
    try:
        return to_quanta(value, currency.quantum, f"{symbol}: minimum_value")
    except DomainError as problem:
        raise ConfigError(str(problem)) from None


class InstrumentMaster(msgspec.Struct, kw_only=True, array_like=True):
    """The effective-dated table of instruments: symbol → definitions by date."""

    histories: dict[str, list[Instrument]] = {}

    def add(self, instrument: Instrument) -> None:
        """Add a definition; a second one for the same date replaces the first."""
        history = self.histories.setdefault(instrument.symbol, [])
        history[:] = [known for known in history if known.effective_from != instrument.effective_from]
        history.append(instrument)
        history.sort(key=lambda known: int(known.effective_from))

    def find(self, symbol: str, at: FeedTime | None = None) -> Instrument | None:
        """The definition in force at `at` (the latest without it), or None when there is none."""
        history = self.histories.get(symbol)
        if not history:
            return None
        if at is None or (len(history) == 1 and history[0].effective_from <= at):
            return history[-1]
        index = bisect_right([int(known.effective_from) for known in history], int(at))
        return history[index - 1] if index else None

    def require(self, symbol: str, at: FeedTime | None = None) -> Instrument:
        """Like `find`, but an unknown symbol is a DomainError that names the known ones."""
        found = self.find(symbol, at)
        if found is None:
            known = ", ".join(self.symbols()) or "none"
            raise DomainError(f"unknown instrument {symbol!r}; known: {known}")
        return found

    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(self.histories))

    def all(self) -> tuple[Instrument, ...]:
        """Every definition, by symbol and date."""
        return tuple(definition for symbol in self.symbols() for definition in self.histories[symbol])


def _nearest(value: float | Decimal, grid: Decimal, what: str) -> Decimal:
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not exact.is_finite():
        raise DomainError(f"{what} is {value}; give a finite number")
    return (exact / grid).to_integral_value(ROUND_HALF_EVEN) * grid
