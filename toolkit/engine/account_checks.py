"""What commands about accounts ask of the books before they change anything; a DomainError says what would pass."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

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
