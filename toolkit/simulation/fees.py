"""What a fill costs, in whole quanta of the fee asset; rates come from the settings and money is never a float.

With value v in quanta of the currency and quantity q in lots, an order's fees after its n-th fill are, together,

    round_half_even(min(max(Σ over its fills of  v · basis_points / 10,000  +  q · lot · per_unit / quantum, minimum),
                        Σ over its fills of  v · maximum_basis_points / 10,000))

and a fill is charged what brings the order to that total. A single fill is thus rounded once, many small fills do not
drift, and a minimum is paid once per order, with the first fill (or while the maximum holds it down, with the first
ones). The maximum also wins over the minimum. This is the form of published price lists per share, for instance
Interactive Brokers' US stocks, fixed: 0.005 USD a share, at least 1.00 USD an order, at most 1 % of its value ("if the
calculated maximum per order is less than the minimum per order, the maximum per order will be assessed"). In a base
asset the basis points are of the quantity, in a named asset the value is divided by the asset's price.

With tiers a fill's basis points are those of the highest tier whose `from_volume` V has reached, and the schedule's own
below all of them, where with the fill on UTC day d

    V = Σ value of the trades at this venue, in the instrument's currency, on the days d − 30 … d − 1

This is how crypto exchanges set them, for instance Binance ("evaluates the trading volume over the past 30-day period
every day at 00:00 (UTC)"; binance.com, Fee Structure, Spot); what they count besides, such as holdings of a coin, is
not simulated.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from math import lcm

import msgspec

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Currency, Instrument
from toolkit.domain.money import divide_half_even
from toolkit.engine.messages import Valuation
from toolkit.simulation.paper_settings import BaseAsset, FeeSchedule, NamedAsset


class Rate(msgspec.Struct, frozen=True, gc=False):
    """Numerators over the tariff's common denominator: per tick × lot, and per lot."""

    per_tick_lot: int
    per_lot: int


class Tier(msgspec.Struct, frozen=True, gc=False):
    """The rates from a volume on, which is in quanta of the instrument's currency."""

    from_volume: int
    maker: Rate
    taker: Rate


class Tariff(msgspec.Struct, frozen=True, gc=False):
    """A fee schedule worked out for one instrument, in integers. `most` is the rate of an order's maximum."""

    asset: str
    maker: Rate
    taker: Rate
    most: Rate | None
    minimum: int | None
    denominator: int
    tiers: tuple[Tier, ...] = ()

    def exact(self, maker: bool, price: int, quantity: int, volume: int = 0) -> int:
        """What this fill adds to the order's exact fees, as a numerator over `denominator`, after so much volume."""
        rates: Tariff | Tier = self
        for tier in self.tiers:
            if volume >= tier.from_volume:
                rates = tier
        return _at(rates.maker if maker else rates.taker, price, quantity)

    def exact_most(self, price: int, quantity: int) -> int:
        """What this fill adds to the most that the order's fees can be; 0 without a maximum."""
        return 0 if self.most is None else _at(self.most, price, quantity)

    def rounded(self, exact: int, most: int) -> int:
        """An order's fees in quanta for its exact totals so far."""
        total = exact if self.minimum is None else max(exact, self.minimum)
        if self.most is not None:
            total = min(total, most)
        return divide_half_even(total, self.denominator)


def _at(rate: Rate, price: int, quantity: int) -> int:
    return abs(price) * quantity * rate.per_tick_lot + quantity * rate.per_lot


def tariff(schedule: FeeSchedule, instrument: Instrument) -> Tariff:
    """Work `schedule` out for one instrument. ConfigError when a base asset has no code for its symbol."""
    asset, quantum = _asset(schedule, instrument)
    rates = [
        _rate(schedule, instrument, quantum, points, per_unit)
        for points, per_unit in (
            (schedule.maker_basis_points, schedule.maker_per_unit),
            (schedule.taker_basis_points, schedule.taker_per_unit),
            (schedule.maximum_basis_points or Decimal(0), Decimal(0)),
            *((tier.maker_basis_points, schedule.maker_per_unit) for tier in schedule.tiers),
            *((tier.taker_basis_points, schedule.taker_per_unit) for tier in schedule.tiers),
        )
    ]
    minimum = None if schedule.minimum is None else Fraction(schedule.minimum) / quantum
    parts = [part for rate in rates for part in rate] + ([] if minimum is None else [minimum])
    denominator = lcm(*(part.denominator for part in parts))
    maker, taker, most, *more = (Rate(int(value * denominator), int(lot * denominator)) for value, lot in rates)
    volumes = [_quanta_up(tier.from_volume, instrument.currency_quantum) for tier in schedule.tiers]
    return Tariff(
        asset,
        maker,
        taker,
        None if schedule.maximum_basis_points is None else most,
        None if minimum is None else int(minimum * denominator),
        denominator,
        tuple(map(Tier, volumes, more, more[len(volumes) :])),
    )


def _quanta_up(value: Decimal, quantum: Decimal) -> int:
    """The first whole number of quanta that is not below `value`."""
    return int((value / quantum).to_integral_value(ROUND_CEILING))


def fee_assets(schedule: FeeSchedule) -> tuple[Currency, ...]:
    """The assets in which fees are charged in kind, with the quantum that their amounts count; none for quote fees."""
    match schedule.asset:
        case NamedAsset(code=code, quantum=quantum):
            return (Currency(code=code, quantum=quantum),)
        case BaseAsset(codes=codes, quantum=quantum):
            return tuple(Currency(code=code, quantum=quantum) for code in sorted(set(codes.values())))
        case _:
            return ()


def fee_valuations(schedule: FeeSchedule) -> tuple[Valuation, ...]:
    """What fees in kind are worth for PnL: a base asset what its instrument is marked at, a named one its price.

    Where several instruments trade one base asset the first of them, by name, values it.
    """
    match schedule.asset:
        case NamedAsset(code=code, price=price):
            return (Valuation(asset=code, price=price),)
        case BaseAsset(codes=codes):
            first = {code: symbol for symbol, code in sorted(codes.items(), reverse=True)}
            return tuple(Valuation(asset=code, instrument=symbol) for code, symbol in sorted(first.items()))
        case _:
            return ()


def _asset(schedule: FeeSchedule, instrument: Instrument) -> tuple[str, Fraction]:
    match schedule.asset:
        case NamedAsset(code=code, quantum=quantum):
            return code, Fraction(quantum)
        case BaseAsset(codes=codes, quantum=quantum):
            if instrument.symbol not in codes:
                raise ConfigError(f"fees in the base asset: no code for {instrument.symbol}; add it to asset.codes")
            return codes[instrument.symbol], Fraction(quantum)
        case _:
            return instrument.currency, Fraction(instrument.currency_quantum)


def _rate(
    schedule: FeeSchedule, instrument: Instrument, quantum: Fraction, points: Decimal, per_unit: Decimal
) -> tuple[Fraction, Fraction]:
    """Quanta per tick × lot and quanta per lot."""
    share = Fraction(points) / 10_000
    per_lot = Fraction(instrument.lot) * Fraction(per_unit) / quantum
    match schedule.asset:
        case BaseAsset():
            return Fraction(0), per_lot + Fraction(instrument.lot) * share / quantum
        case NamedAsset(price=price):
            worth = instrument.tick_value * Fraction(instrument.currency_quantum) / Fraction(price)
            return share * worth / quantum, per_lot
        case _:
            return share * instrument.tick_value, per_lot
