"""Controls 7 and 14 as pure functions: entries that go on and on without a person, and too much in too short a time."""

from __future__ import annotations

from toolkit.domain.events import Check
from toolkit.domain.ledger import Ledger
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.risk.answers import Answer, unset
from toolkit.engine.risk.limits import BurstLimit
from toolkit.engine.risk.proposal import Proposal, Refused, Situation


def repeated_execution(proposal: Proposal, situation: Situation) -> Answer:
    """7: so many entries may fill until a named person arms the strategy again; one that works may fill (9)."""
    limit, ledger = situation.limits.executions, situation.ledger
    if limit is None:
        return unset(7, "max_executions", proposal)
    if proposal.replaces:
        return None
    strategy = proposal.strategy
    executed, entering = ledger.executed.get(strategy, 0), ledger.entering.get(strategy, 0)
    if executed + entering >= limit.value:
        return Refused(
            control=7,
            observed=f"{executed} entries filled and {entering} that may, since a person armed {strategy}",
            limit=str(limit.value),
            source=limit.source,
            would_pass=f"once a person has armed it again: execution enable {strategy}"
            if executed >= limit.value
            else "once one of those that work has ended without a fill",
        )
    return Check(control=7, observed=executed + entering + 1, limit=limit.value)


def burst(proposal: Proposal, situation: Situation) -> Answer:
    """14: value and quantity of all that was sent within a short window."""
    limits, ledger = situation.limits, situation.ledger
    if limits.burst_window is None or not limits.bursts:
        return unset(14, "burst_window" if limits.burst_window is None else "burst_value", proposal)
    value, lots = situation.worth or 0, proposal.quantity
    if proposal.replaces:
        lots = added_lots(proposal, ledger)
        value = value * lots // proposal.quantity
    symbol, time, window, sent = proposal.instrument.symbol, situation.view.time, ledger.burst_window, value
    for limit in limits.bursts:
        before = ledger.bursts[limit.counted].get(limit.name)
        if before is None:
            was_worth = were_lots = 0
        elif time - before.sent[before.start].time < window:  # as nearly always: nothing has left the window
            was_worth, were_lots = before.value, before.lots.get(symbol, 0)
        else:
            was_worth, were_lots = before.within(symbol, time, window)
        sent = was_worth + value
        if limit.value is not None and sent > limit.value.value:
            return _too_much_value(proposal, situation, limit, was_worth, value, lots)
        if limit.lots is not None and were_lots + lots > limit.lots.value:
            return _too_many_lots(proposal, situation, limit, were_lots, lots)
    return Check(control=14, observed=sent, limit=limits.bursts[-1].most)


def added_lots(proposal: Proposal, ledger: Ledger) -> int:
    """Lots that a change adds to its order."""
    return max(0, proposal.quantity - ledger.orders[proposal.replaces].quantity)


def _too_much_value(
    proposal: Proposal, situation: Situation, limit: BurstLimit, before: int, value: int, lots: int
) -> Refused | None:
    if limit.value is None:
        return None
    ledger = situation.ledger
    quantum, base = ledger.currencies[ledger.base_currency].quantum, ledger.base_currency
    fitting = lots * max(0, limit.value.value - before) // value
    return Refused(
        control=14,
        observed=f"{(before + value) * quantum:,.2f} {base} {_where(proposal, situation, limit)}",
        limit=f"{limit.value.value * quantum:,.2f} {base}",
        source=limit.value.source,
        would_pass=_would_pass(proposal, situation, fitting),
    )


def _too_many_lots(
    proposal: Proposal, situation: Situation, limit: BurstLimit, before: int, lots: int
) -> Refused | None:
    if limit.lots is None:
        return None
    quantity_of = proposal.instrument.quantity_of
    return Refused(
        control=14,
        observed=f"{quantity_of(before + lots)} {proposal.instrument.symbol} {_where(proposal, situation, limit)}",
        limit=f"{quantity_of(limit.lots.value)}",
        source=limit.lots.source,
        would_pass=_would_pass(proposal, situation, max(0, limit.lots.value - before)),
    )


def _where(proposal: Proposal, situation: Situation, limit: BurstLimit) -> str:
    return f"within {situation.ledger.burst_window / NANOSECONDS:g} s ({limit.scope})"


def _would_pass(proposal: Proposal, situation: Situation, fitting: int) -> str:
    wait = f"after {situation.ledger.burst_window / NANOSECONDS:g} s"
    return f"{proposal.instrument.quantity_of(fitting)} would, or {wait}" if fitting else wait
