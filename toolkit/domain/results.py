"""Results of a book and its strategies at confirmed prices and rates, and where they are counted from."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from toolkit.domain.ledger import NOWHERE, Ledger
from toolkit.domain.money import divide_half_even
from toolkit.domain.standing import DAILY_LOSS, DRAWDOWN, WHOLE_BOOK

NOTHING = Decimal(0)


class Plain(NamedTuple):
    """A result that hangs on prices alone: everything is in the base currency. In halves of a quantum, so that a mid
    between two ticks is exact; a weight is what one more half tick of its instrument is worth."""

    constant: int
    weights: tuple[tuple[str, int], ...]

    def pnl(self, price: Callable[[str], int | None]) -> int:
        """In quanta; every instrument has a price."""
        total = self.constant
        for symbol, weight in self.weights:
            total += (price(symbol) or 0) * weight
        return divide_half_even(total, 2) if total & 1 else total >> 1


class RunningResults:
    """`confirmed_results` from mark to mark: between two changes of the books only prices move, so that each result
    stays one sum. Whoever changes the books says so with `forget`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._plain: dict[str, Plain] | None = None
        self._looked = False

    def forget(self) -> None:
        """Somebody traded, or something else than a mark happened to the books."""
        self._looked = False

    def now(self) -> dict[str, int | None]:
        """PnL of every sub-account and of the whole book at the confirmed prices of now."""
        if not self._looked:
            self._plain, self._looked = self._look(), True
        plain = self._plain
        if plain is None:
            return confirmed_results(self._ledger)
        price, whole = self._ledger.standing.price, 0
        found: dict[str, int | None] = {}
        for name, result in plain.items():
            found[name] = pnl = result.pnl(price)
            whole += pnl
        found[WHOLE_BOOK] = whole
        return found

    def _look(self) -> dict[str, Plain] | None:
        """None where anything is more than plain."""
        ledger, found = self._ledger, {}
        for name in {**ledger.capital, **ledger.cash, **ledger.positions}:
            result = plain_result(ledger, name)
            if result is None:
                return None
            found[name] = result
        return found


def confirmed_pnl(ledger: Ledger, scope: str) -> int | None:
    """PnL of a sub-account, or of the whole book, at confirmed marks and rates, in quanta of the base currency.

    Cash that people moved is no part of it. None when a mark or a rate that is needed is missing.
    """
    if scope != WHOLE_BOOK:
        return _pnl(ledger, scope)
    total = 0
    for sub_account in {**ledger.cash, **ledger.positions}:
        pnl = _pnl(ledger, sub_account)
        if pnl is None:
            return None
        total += pnl
    return total


def confirmed_results(ledger: Ledger) -> dict[str, int | None]:
    """The same of every sub-account and of the whole book at once."""
    found = {name: _pnl(ledger, name) for name in {**ledger.capital, **ledger.cash, **ledger.positions}}
    known = [pnl for pnl in found.values() if pnl is not None]
    found[WHOLE_BOOK] = sum(known) if len(known) == len(found) else None
    return found


def missing_mark(ledger: Ledger, scope: str) -> str:
    """What keeps a result from being known: an instrument without a mark, or an asset without a rate."""
    names = (scope,) if scope != WHOLE_BOOK else tuple({**ledger.cash, **ledger.positions})
    for name in names:
        for symbol, position in ledger.positions.get(name, {}).items():
            if position.lots and _twice(ledger, symbol) is None:
                return f"no mark of {symbol}"
        for asset, amount in (_halves(ledger, name) or {}).items():
            if amount and _rate(ledger, asset) is None:
                return f"no rate of {asset}"
    return ""


def session_begins(ledger: Ledger) -> None:
    """Where everybody stands the next session begins; who cannot be reckoned keeps his older beginning."""
    results = confirmed_results(ledger)
    for scope, pnl in {WHOLE_BOOK: results[WHOLE_BOOK], **results}.items():
        if pnl is not None:
            ledger.standing.opening[scope] = pnl


def released(ledger: Ledger, cause: str, scope: str) -> None:
    """A person let go of a loss: what comes counts from here on."""
    pnl = confirmed_pnl(ledger, scope)
    if pnl is None:
        return
    if cause == DAILY_LOSS:
        ledger.standing.opening[scope] = pnl
    elif cause == DRAWDOWN:
        ledger.standing.high_water[scope] = pnl


def plain_result(ledger: Ledger, sub_account: str) -> Plain | None:
    """The result of who has nothing in another currency and a price for everything, as nearly always. None where one
    has to look closer."""
    base, cash = ledger.base_currency, ledger.cash.get(sub_account)
    constant = 0
    if cash:
        if len(cash) > 1 or base not in cash or sub_account in ledger.moved:
            return None
        constant = 2 * cash[base]
    weights = []
    for symbol, position in ledger.positions.get(sub_account, NOWHERE).items():
        if lots := position.lots:
            instrument = ledger.instruments.find(symbol)
            if instrument is None or instrument.currency != base or ledger.standing.price(symbol) is None:
                return None
            weights.append((symbol, lots * instrument.tick_value))
    return Plain(constant, tuple(weights))


def _pnl(ledger: Ledger, sub_account: str) -> int | None:
    plain = plain_result(ledger, sub_account)
    if plain is not None:
        return plain.pnl(ledger.standing.price)
    halves = _halves(ledger, sub_account)
    if halves is None:
        return None
    total = halves.pop(ledger.base_currency, 0)
    if halves:
        others = Decimal(0)
        for asset, amount in halves.items():
            rate = _rate(ledger, asset) if amount else NOTHING
            if rate is None:
                return None
            others += amount * rate
        total += int(others.to_integral_value())
    return divide_half_even(total, 2)


def _halves(ledger: Ledger, sub_account: str) -> dict[str, int] | None:
    """Results by currency in halves of a quantum, so that a mid between two ticks is exact."""
    found = {asset: 2 * amount for asset, amount in ledger.cash.get(sub_account, {}).items()}
    for asset, amount in ledger.moved.get(sub_account, {}).items():
        if asset in found:
            found[asset] -= 2 * amount
    price, require = ledger.standing.price, ledger.instruments.require
    for symbol, position in ledger.positions.get(sub_account, {}).items():
        if lots := position.lots:
            twice = price(symbol) or _twice(ledger, symbol)
            if twice is None:
                return None
            instrument = require(symbol)
            currency = instrument.currency
            found[currency] = found.get(currency, 0) + twice * lots * instrument.tick_value
    return found


def _twice(ledger: Ledger, symbol: str) -> int | None:
    confirmed, mark = ledger.standing.price(symbol), ledger.marks.get(symbol)
    if confirmed is not None or mark is None:
        return confirmed
    return mark.twice


def _rate(ledger: Ledger, asset: str) -> Decimal | None:
    """Base quanta per quantum, confirmed."""
    last = ledger.rate(asset)
    known = ledger.standing.rates.get(asset)
    if last is None or known is None or asset == ledger.base_currency:
        return last
    return sorted(known)[1] * ledger.currencies[asset].quantum / ledger.currencies[ledger.base_currency].quantum
