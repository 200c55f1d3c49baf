"""Controls 20 and 21 at work: what was lost today and since the highest, of each strategy and of the book.

Results are looked at when marks or fills changed them, at most once an interval of feed time, at confirmed prices: one
bad tick alone trips nothing. A breach sets its scope REDUCING, takes back its entries and alarms; until a named person
lets go it stays, over restarts and new sessions. Then it counts from where the scope stands.
"""

from __future__ import annotations

from toolkit.domain import events as ev
from toolkit.domain.commands import Who
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import ENTRY, TradingState
from toolkit.domain.standing import DAILY_LOSS, DRAWDOWN
from toolkit.domain.sub_accounts import is_of
from toolkit.engine.order_manager import OrderManager
from toolkit.engine.risk.portfolio import Portfolio
from toolkit.engine.risk.portfolio_limits import Bound
from toolkit.engine.transaction import Transaction

ENGINE = Who(identity="engine", verified=True, source="engine")
NUMBERS = {DAILY_LOSS: 20, DRAWDOWN: 21}


class LossWatch:
    """Looks at the results of one book and does what a breach asks for."""

    def __init__(self, ledger: Ledger, portfolio: Portfolio, orders: OrderManager, interval: int) -> None:
        self._ledger = ledger
        self._portfolio = portfolio
        self._orders = orders
        self._interval = max(interval, 1)
        self._looked = -1

    def look(self, transaction: Transaction, *, only_due: bool = True) -> None:
        """Raise high-water marks, and stop whoever lost too much."""
        now = int(transaction.time) // self._interval
        if not self._portfolio.results_changed or (only_due and now == self._looked):
            return
        self._looked = now
        portfolio = self._portfolio
        results = portfolio.results_anew()
        high, floor = self._ledger.standing.high_water.get, portfolio.floor
        raised, low = [], []
        for scope, pnl in results.items():
            if pnl is not None:
                if pnl > high(scope, 0):
                    raised.append((scope, pnl))
                if pnl < floor(scope):
                    low.append((scope, pnl))
        if raised:
            transaction.emit(ev.HighWaterRaised(marks=tuple(raised), time=transaction.time))
        for scope, pnl in low:
            self._judge(transaction, scope, pnl)

    def _judge(self, transaction: Transaction, scope: str, pnl: int) -> None:
        standing, portfolio = self._ledger.standing, self._portfolio
        daily, drawdown = portfolio.loss_bounds(scope)
        lost = standing.loss(scope, pnl)
        if daily is not None and lost > daily.value and NUMBERS[DAILY_LOSS] in portfolio.enforced:
            self._stop(transaction, scope, DAILY_LOSS, lost, daily)
        lost = standing.drawdown(scope, pnl)
        if drawdown is not None and lost > drawdown.value and NUMBERS[DRAWDOWN] in portfolio.enforced:
            self._stop(transaction, scope, DRAWDOWN, lost, drawdown)

    def _stop(self, transaction: Transaction, scope: str, cause: str, lost: int, bound: Bound) -> None:
        ledger = self._ledger
        kind = "strategy" if scope else "book"
        if cause in ledger.states.get(f"{kind}:{scope}", {}):
            return
        quantum, base = ledger.currencies[ledger.base_currency].quantum, ledger.base_currency
        detail = (
            f"{cause.replace('_', ' ')} of {scope or 'the book'} {lost * quantum:,.2f} {base}, "
            f"limit {bound.value * quantum:,.2f} {base} ({bound.source})"
        )
        transaction.emit(
            ev.TradingStateChanged(
                scope=kind, name=scope, state=TradingState.REDUCING, cause=cause, who=ENGINE, reason=detail
            )
        )
        transaction.alarm(cause, scope or ledger.book, detail)
        for order in ledger.open_orders():
            if order.order_class is ENTRY and (not scope or is_of(order.strategy, scope)):
                self._orders.cancel(transaction, order, cause)
