"""Control 7's consequence: a strategy that executed as often as it may without a person is off until one arms it."""

from __future__ import annotations

from toolkit.domain.commands import Who
from toolkit.domain.events import TradingStateChanged
from toolkit.domain.orders import ENTRY, EXECUTIONS, Order, TradingState
from toolkit.engine.risk.guard import Guard
from toolkit.engine.transaction import Transaction

ENGINE = Who(identity="engine", verified=True, source="engine")


def look(transaction: Transaction, guard: Guard, order: Order) -> None:
    """After a fill: exits and cancels still pass, entries do not. A restart and a new day change nothing about it."""
    ledger, strategy = transaction.ledger, order.strategy
    executed = ledger.executed.get(strategy, 0)
    if not executed or order.order_class is not ENTRY:
        return
    if ledger.states and EXECUTIONS in ledger.states.get(f"strategy:{strategy}", ()):
        return
    limit = guard.most_executions(strategy)
    if limit is None or executed < limit.value:
        return
    reason = f"{executed} entries filled without a person, {limit.value} may ({limit.source})"
    transaction.emit(
        TradingStateChanged(
            scope="strategy",
            name=strategy,
            state=TradingState.REDUCING,
            cause=EXECUTIONS,
            who=ENGINE,
            reason=reason,
        )
    )
    transaction.alarm(EXECUTIONS, strategy, f"{reason}; a person arms it: execution enable {strategy}")
