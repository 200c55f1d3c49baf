"""What follows when an exit takes the book over a limit: it goes out, an alarm says so, and the book only reduces.

Nothing but a named person's word ends that state: a start, a file or a new session do not.
"""

from __future__ import annotations

from toolkit.domain import events as ev
from toolkit.domain.commands import Who
from toolkit.domain.orders import TradingState
from toolkit.engine.risk.proposal import Approved
from toolkit.engine.transaction import Transaction

EXPOSURE = "exposure"
ENGINE = Who(identity="engine", verified=True, source="engine")


def tell_breaches(transaction: Transaction, approved: Approved) -> None:
    """Set the book REDUCING, once, for what an exit breached on its way out."""
    for breach in approved.breaches:
        proposal = approved.proposal
        detail = f"{breach.observed}, limit {breach.limit} ({breach.source}), by an exit of {proposal.strategy}"
        transaction.alarm("exposure", proposal.instrument.symbol, detail)
        if EXPOSURE in transaction.ledger.states.get("book:", {}):
            continue
        transaction.emit(
            ev.TradingStateChanged(
                scope="book", name="", state=TradingState.REDUCING, cause=EXPOSURE, who=ENGINE, reason=detail
            )
        )
