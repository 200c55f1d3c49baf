"""The arithmetic of one position: lots, cost and realised result in exact quanta; never an average price."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from toolkit.domain.instruments import Instrument
from toolkit.domain.money import divide_half_even
from toolkit.domain.orders import BUY, Side
from toolkit.domain.time import FeedTime


class Mark(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """At what price a position is valued: twice the price in ticks, as of a step and a time of the feed."""

    twice: int
    step: int
    time: FeedTime


class Position(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What one sub-account holds of one instrument.

    `lots` is signed; `cost` is what the open lots cost in quanta of the instrument's currency, with the sign of `lots`;
    `realised` is the result of everything closed, before fees; `bought` and `sold` count all lots ever traded.
    """

    lots: int = 0
    cost: int = 0
    realised: int = 0
    bought: int = 0
    sold: int = 0

    def unrealised(self, twice_mark: int, instrument: Instrument) -> int:
        """Result of closing at the mark, in quanta. `twice_mark` is bid + ask in ticks."""
        return divide_half_even(twice_mark * self.lots * instrument.tick_value, 2) - self.cost


FLAT = Position()


def after_trade(position: Position, side: Side, quantity: int, price: int, instrument: Instrument) -> Position:
    """The position after a trade. A partial close realises `cost · q / Q`, rounded half to even."""
    direction = int(side)
    signed = direction * quantity
    if position.lots * signed >= 0:
        return Position(
            lots=position.lots + signed,
            cost=position.cost + instrument.value(price, signed),
            realised=position.realised,
            bought=position.bought + (quantity if side is BUY else 0),
            sold=position.sold + (quantity if side is not BUY else 0),
        )
    closing = min(quantity, abs(position.lots))
    opening = quantity - closing
    released = divide_half_even(position.cost * closing, abs(position.lots))
    return Position(
        lots=position.lots + signed,
        cost=position.cost - released + direction * instrument.value(price, opening),
        realised=position.realised - direction * instrument.value(price, closing) - released,
        bought=position.bought + (quantity if side is BUY else 0),
        sold=position.sold + (quantity if side is not BUY else 0),
    )


def after_exchange(position: Position, lots: int, worth: int) -> Position:
    """The position after `lots` (signed) came in for `worth` quanta: as a trade whose price need not be whole ticks."""
    quantity = abs(lots)
    closing = min(quantity, abs(position.lots)) if position.lots * lots < 0 else 0
    released = divide_half_even(position.cost * closing, abs(position.lots)) if closing else 0
    closing_worth = divide_half_even(worth * closing, quantity) if closing else 0
    return Position(
        lots=position.lots + lots,
        cost=position.cost - released + worth - closing_worth,
        realised=position.realised - closing_worth - released,
        bought=position.bought + max(lots, 0),
        sold=position.sold + max(-lots, 0),
    )


def average_price(position: Position, instrument: Instrument) -> Decimal | None:
    """Cost per unit for people, in price units; None when flat. Never used in the books."""
    if not position.lots:
        return None
    return instrument.tick * Decimal(position.cost) / (position.lots * instrument.tick_value)


class Interval(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """[low, high] of a position over all outcomes of its working and doubtful orders, in lots."""

    low: int
    high: int

    def worst_after(self, side: Side, quantity: int) -> int:
        """The furthest end on this side, in lots of its sign, with one more order of unknown outcome."""
        return quantity + (self.high if side is BUY else -self.low)

    @property
    def largest(self) -> int:
        return max(abs(self.low), abs(self.high))


Elsewhere = dict[str, dict[str, dict[str, int]]]


def note_elsewhere(lots: Elsewhere, strategy: str, symbol: str, venue: str, signed: int) -> None:
    """Take in a trade at another than the instrument's own venue: lots by strategy, instrument and venue."""
    held = lots.setdefault(strategy, {}).setdefault(symbol, {})
    held[venue] = held.get(venue, 0) + signed
    if not held[venue]:
        del held[venue]


def venues_of(lots: Elsewhere, strategy: str, symbol: str, held: int, home: str) -> dict[str, int]:
    """Where the lots that a strategy holds lie; `home` is the instrument's own venue, which has what no other has."""
    found = dict(lots.get(strategy, {}).get(symbol, {}))
    if at_home := held - sum(found.values()):
        found[home] = at_home
    return found
