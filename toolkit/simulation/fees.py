"""What a fill costs, in whole quanta of the fee asset; rates come from the settings and money is never a float.

With value v in quanta of the currency and quantity q in lots, an order's fees after its n-th fill are, together,

    round_half_even(max(minimum, Σ over its fills of  v · basis_points / 10,000  +  q · lot · per_unit / quantum))

and a fill is charged what brings the order to that total. A single fill is thus rounded once, many small fills do not
drift, and a minimum is paid once per order, with the first fill. In a base asset the basis points are of the quantity,
in a named asset the value is divided by the asset's price.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Instrument
from toolkit.domain.money import divide_half_even
from toolkit.simulation.paper_settings import BaseAsset, FeeSchedule, NamedAsset


class Rate(NamedTuple):
    """Numerators over the tariff's common denominator: per tick × lot, and per lot."""

    per_tick_lot: int
    per_lot: int


class Tariff(NamedTuple):
    """A fee schedule worked out for one instrument, in integers."""

    asset: str
    maker: Rate
    taker: Rate
    minimum: int | None
    denominator: int

    def exact(self, maker: bool, price: int, quantity: int) -> int:
        """What this fill adds to the order's exact fees, as a numerator over `denominator`."""
        rate = self.maker if maker else self.taker
        return abs(price) * quantity * rate.per_tick_lot + quantity * rate.per_lot

    def rounded(self, exact: int) -> int:
        """An order's fees in quanta for its exact total so far."""
        total = exact if self.minimum is None else max(exact, self.minimum)
        return divide_half_even(total, self.denominator)


def tariff(schedule: FeeSchedule, instrument: Instrument) -> Tariff:
    """Work `schedule` out for one instrument. ConfigError when a base asset has no code for its symbol."""
    asset, quantum = _asset(schedule, instrument)
    rates = [
        _rate(schedule, instrument, quantum, points, per_unit)
        for points, per_unit in (
            (schedule.maker_basis_points, schedule.maker_per_unit),
            (schedule.taker_basis_points, schedule.taker_per_unit),
        )
    ]
    minimum = None if schedule.minimum is None else Fraction(schedule.minimum) / quantum
    parts = [part for rate in rates for part in rate] + ([] if minimum is None else [minimum])
    denominator = lcm(*(part.denominator for part in parts))
    maker, taker = (Rate(int(value * denominator), int(lot * denominator)) for value, lot in rates)
    return Tariff(asset, maker, taker, None if minimum is None else int(minimum * denominator), denominator)


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
