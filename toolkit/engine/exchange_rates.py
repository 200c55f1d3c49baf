"""What a unit of each traded currency is worth in the base currency: `FxMarked` from the feed, as old as its quote.

A rate is the middle of a good quote of the instrument that trades the currency, or its inverse where that instrument
is priced in the currency itself. No quote, a crossed one or an old one leaves the last rate standing with its time, so
that everyone can see how stale it is; nothing is made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal

from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.domain.time import FeedTime
from toolkit.engine.messages import Valuation
from toolkit.engine.transaction import Transaction
from toolkit.engine.view import View

INVERSE = Context(prec=18)  # digits of a quotient; a product of prices is exact


class ExchangeRates:
    """The rates of one book. Without any, nothing is looked at."""

    def __init__(self, ledger: Ledger, view: View, valuations: Sequence[Valuation], interval: int) -> None:
        self._ledger = ledger
        self._view = view
        self._interval = interval
        self.valuations = {one.asset: one for one in valuations}

    def mark_in_use(self, transaction: Transaction, *, only_due: bool = True) -> None:
        """Mark the currencies that the books hold or that orders work in, each once an interval of feed time."""
        self._mark(transaction, (asset for asset in self.valuations if self._is_used(asset)), only_due)

    def mark_for(self, transaction: Transaction, symbols: Iterable[str]) -> None:
        """Mark the currencies that a decision about these instruments hangs on."""
        found = (self._ledger.instruments.find(symbol, self._view.time) for symbol in symbols)
        wanted = dict.fromkeys(one.currency for one in found if one is not None and one.currency in self.valuations)
        if wanted:
            self._mark(transaction, wanted, only_due=True)

    def _mark(self, transaction: Transaction, assets: Iterable[str], only_due: bool) -> None:
        ledger = self._ledger
        for asset in list(assets):
            found = self._rate(self.valuations[asset])
            if found is None:
                continue
            rate, time = found
            before = ledger.rate_times.get(asset)
            if before is not None and (time <= before or (only_due and time - before < self._interval)):
                continue
            transaction.emit(ev.FxMarked(asset=asset, rate=rate, step=self._view.step, time=time))

    def _rate(self, valuation: Valuation) -> tuple[Decimal, FeedTime] | None:
        """Units of the base currency for one unit of the asset, and when that was so."""
        if valuation.price is not None:
            return valuation.price, self._view.time
        instrument = self._ledger.instruments.find(valuation.instrument, self._view.time)
        last = self._view.quotes.get(valuation.instrument)
        if instrument is None or last is None or not last.is_good:
            return None
        price = (last.bid + last.ask) * instrument.tick / 2
        if instrument.currency == self._ledger.base_currency:
            return price, last.time
        return INVERSE.divide(Decimal(1), price), last.time

    def _is_used(self, asset: str) -> bool:
        ledger = self._ledger
        if any(amounts.get(asset) for amounts in ledger.cash.values()):
            return True
        return any(
            count and ledger.instruments.require(symbol).currency == asset
            for symbol, count in ledger.open_by_instrument.items()
        )
