"""What commands about accounts ask of the books before they change anything; a DomainError says what would pass."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from toolkit.domain import commands as cm
from toolkit.domain.errors import DomainError
from toolkit.domain.instruments import Currency, Instrument
from toolkit.domain.ledger import HOUSE, MANUAL, Ledger
from toolkit.domain.money import LARGEST, divide_half_even, to_quanta
from toolkit.domain.positions import venues_of

MOST_WORTH = LARGEST // 10**4


def check_pair(ledger: Ledger, source: str, target: str) -> None:
    check_known(ledger, source)
    check_known(ledger, target)
    if source == target:
        raise DomainError(f"{source} cannot give to itself")


def check_known(ledger: Ledger, sub_account: str) -> None:
    known = {HOUSE, MANUAL, *ledger.deployments, *ledger.positions, *ledger.cash, *ledger.capital}
    if sub_account not in known:
        raise DomainError(f"unknown sub-account {sub_account!r}; known: {', '.join(sorted(known))}")


def venue_of(ledger: Ledger, named: str, possible: Collection[str]) -> str:
    """The venue that a command names, or the only one that it can mean."""
    if named:
        if named not in ledger.venues:
            raise DomainError(f"no venue {named!r}; there are {', '.join(ledger.venues)}")
        return named
    if len(possible) > 1:
        raise DomainError(f"name the venue whose account it is about: {', '.join(sorted(possible))}")
    return next(iter(possible), "")


def lots_at(ledger: Ledger, symbol: str, venue: str) -> dict[str, int]:
    """What each sub-account holds of an instrument at one venue."""
    home = ledger.instruments.require(symbol).venue
    found = {
        name: venues_of(ledger.elsewhere, name, symbol, lots, home).get(venue, 0)
        for name, lots in holders_of(ledger, symbol).items()
    }
    return {name: lots for name, lots in found.items() if lots}


def check_cash(ledger: Ledger, *changes: tuple[str, int], asset: str) -> None:
    currency_of(ledger, asset)
    for sub_account, amount in changes:
        balance = ledger.cash.get(sub_account, {}).get(asset, 0) + amount
        if abs(balance) > LARGEST:
            raise DomainError(f"{sub_account} would hold {balance} quanta of {asset}; the books keep {LARGEST}")


def currency_of(ledger: Ledger, asset: str) -> Currency:
    currency = ledger.currencies.get(asset)
    if currency is None:
        raise DomainError(f"unknown currency {asset!r}; known: {', '.join(ledger.currencies)}")
    return currency


def amount_of(ledger: Ledger, asset: str, amount: Decimal) -> int:
    return to_quanta(amount, currency_of(ledger, asset).quantum, f"amount of {asset}")


def twice_of(ledger: Ledger, instrument: Instrument, price: Decimal | None) -> int:
    """Twice the price in ticks: a stated one, or the mark."""
    if price is not None:
        return 2 * instrument.ticks(price)
    mark = ledger.marks.get(instrument.symbol)
    if mark is None:
        raise DomainError(f"{instrument.symbol} has no mark yet; state a price")
    return mark.twice


def holders_of(ledger: Ledger, symbol: str) -> dict[str, int]:
    return {
        name: held[symbol].lots
        for name, held in sorted(ledger.positions.items())
        if symbol in held and held[symbol].lots
    }


def check_split(ledger: Ledger, body: cm.SplitInstrument) -> None:
    symbol = ledger.instruments.require(body.instrument).symbol
    if not (0 < body.numerator <= 10**6 and 0 < body.denominator <= 10**6):
        raise DomainError(f"a split of {body.numerator} for {body.denominator}; give two numbers from 1 to a million")
    _check_quiet(ledger, symbol)
    mark = ledger.marks.get(symbol)
    if mark is not None and mark.twice * body.denominator < body.numerator:
        raise DomainError(f"{symbol} would cost less than half a tick: is {body.numerator} for 1 right?")


def check_rename(ledger: Ledger, body: cm.ChangeSymbol) -> None:
    old, new = ledger.instruments.require(body.old), ledger.instruments.find(body.new)
    if new is None:
        raise DomainError(f"{body.new} is not defined yet; put it into config/instruments.yaml first")
    units = ("tick", "lot", "multiplier", "currency", "venue")
    if other := [name for name in units if getattr(old, name) != getattr(new, name)]:
        raise DomainError(f"{old.symbol} and {new.symbol} differ in {', '.join(other)}; lots are not the same")
    if holders_of(ledger, new.symbol) or old.symbol == new.symbol:
        raise DomainError(f"somebody holds {new.symbol} already")
    for symbol in (old.symbol, new.symbol):
        _check_quiet(ledger, symbol)


def _check_quiet(ledger: Ledger, symbol: str) -> None:
    """Orders in old units would stand beside positions in new ones."""
    orders = ledger.open_orders(instrument=symbol)
    if orders:
        raise DomainError(f"{len(orders)} orders in {symbol} are open, such as {orders[0].order_id}; cancel them first")


def check_worth(ledger: Ledger, instrument: Instrument, lots: int, twice: int) -> None:
    """So much that the books could not hold its result is a slip; a price may still move far."""
    mark = ledger.marks.get(instrument.symbol)
    worth = worth_of(instrument, abs(lots), max(1, twice, 0 if mark is None else mark.twice))
    if worth > MOST_WORTH:
        raise DomainError(
            f"{instrument.quantity_of(lots):f} {instrument.symbol} would be worth {worth} quanta of "
            f"{instrument.currency}, the books keep {MOST_WORTH}: what is wrong with that number?"
        )


def worth_of(instrument: Instrument, lots: int, twice: int) -> int:
    return divide_half_even(twice * lots * instrument.tick_value, 2)
