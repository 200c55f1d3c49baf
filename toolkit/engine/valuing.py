"""What fees in kind are worth: `FxMarked` for the assets that were charged; positions are marked elsewhere.

An asset that an instrument trades is worth that instrument's mark: mid · multiplier · the rate of its currency. One
with a written price is worth that. Only what was ever charged is marked, and only when its worth has changed. Like
marks, rates are exact decimals, and PnL is as of the last of them. A fee in the base asset leaves the position as it
was traded and a debt of that asset beside it: the two together are what the account holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.engine.messages import Valuation
from toolkit.engine.transaction import Transaction


class Valuer:
    """The valuations of one book. Without any, nothing is looked at."""

    def __init__(self, ledger: Ledger, valuations: Sequence[Valuation]) -> None:
        self._ledger = ledger
        self.valuations = tuple(valuations)

    def instruments(self) -> set[str]:
        """The instruments whose marks value what was charged."""
        return {one.instrument for one in self.valuations if one.instrument and self._was_charged(one.asset)}

    def value(self, transaction: Transaction, step: int) -> None:
        """Tell every worth that is not in the books yet."""
        for one in self.valuations:
            rate = self._rate(one)
            if rate is not None and rate != self._ledger.rates.get(one.asset) and self._was_charged(one.asset):
                transaction.emit(ev.FxMarked(asset=one.asset, rate=rate, step=step, time=transaction.time))

    def _rate(self, valuation: Valuation) -> Decimal | None:
        """Units of the base currency for one unit of the asset; None while there is no mark or no rate."""
        if not valuation.instrument:
            return valuation.price
        ledger = self._ledger
        instrument, mark = ledger.instruments.find(valuation.instrument), ledger.marks.get(valuation.instrument)
        if instrument is None or mark is None:
            return None
        currency = Decimal(1) if instrument.currency == ledger.base_currency else ledger.rates.get(instrument.currency)
        if currency is None:
            return None
        return mark.twice * instrument.tick * instrument.multiplier * currency / 2

    def _was_charged(self, asset: str) -> bool:
        return any(asset in charged for charged in self._ledger.fees.values())
