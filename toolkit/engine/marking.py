"""When prices and rates become `Marked` and `FxMarked`: while the books hang on them, and before a decision that does.

Each at most once an interval of feed time, from good quotes only; what has no good quote keeps its last mark.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.engine.exchange_rates import ExchangeRates
from toolkit.engine.messages import EngineSettings
from toolkit.engine.transaction import Transaction
from toolkit.engine.valuing import Valuer
from toolkit.engine.view import View


class Marker:
    """The marks of one book."""

    def __init__(self, ledger: Ledger, view: View, settings: EngineSettings) -> None:
        self._ledger = ledger
        self._view = view
        self._interval = settings.mark_interval
        self._valuer = Valuer(ledger, settings.charged_in_kind)
        self._rates = ExchangeRates(ledger, view, settings.exchange_rates, settings.mark_interval)

    def mark_due(self, transaction: Transaction) -> None:
        """What a step makes due; a book that holds nothing and works nowhere needs no look."""
        if self._ledger.held or self._ledger.open_count or self._valuer.valuations:
            self._mark(transaction, only_due=True)
        if self._rates.valuations:
            self._rates.mark_in_use(transaction)

    def mark_all(self, transaction: Transaction) -> None:
        """Everything as of now: at the end of a session, and when something traded that was never marked."""
        self._mark(transaction, only_due=False)
        if self._rates.valuations:
            self._rates.mark_in_use(transaction, only_due=False)

    def mark_for(self, transaction: Transaction, instrument: str) -> None:
        """What a decision about this instrument hangs on, where it is due."""
        mark = self._ledger.marks.get(instrument)
        if mark is None or transaction.time - mark.time >= self._interval:  # or nothing can be due
            self._to_quotes(transaction, (instrument,), only_due=True)
        if self._rates.valuations:
            self._rates.mark_for(transaction, (instrument,))

    def _mark(self, transaction: Transaction, *, only_due: bool) -> None:
        """What is held or worked in, and what fees came in."""
        ledger = self._ledger
        marked: Iterable[str] = ledger.held
        if self._valuer.valuations or ledger.open_count:
            working = (symbol for symbol, count in ledger.open_by_instrument.items() if count)
            marked = {*ledger.held, *self._valuer.instruments(), *working}
        self._to_quotes(transaction, marked, only_due=only_due)
        if self._valuer.valuations:
            self._valuer.value(transaction, self._view.step)

    def _to_quotes(self, transaction: Transaction, symbols: Iterable[str], *, only_due: bool) -> None:
        quotes, marks, time, step = self._view.quotes, self._ledger.marks, transaction.time, self._view.step
        due, interval = [], self._interval if only_due else 0
        for symbol in symbols:
            last, mark = quotes.get(symbol), marks.get(symbol)
            if last is None:
                continue
            if mark is not None and (mark.step >= last.step or time - mark.time < interval):
                continue
            due.append(symbol)
        for symbol in sorted(due) if len(due) > 1 else due:  # nearly always there is one, or none
            quote = quotes[symbol].quote
            if 0 < quote.bid < quote.ask:
                transaction.emit(ev.Marked(instrument=symbol, twice=quote.bid + quote.ask, step=step, time=time))
