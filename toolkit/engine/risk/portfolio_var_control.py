"""Control 12 as a pure function: the value at risk of the book as it would be after the order."""

from __future__ import annotations

from math import sqrt

from toolkit.domain.events import Check
from toolkit.domain.orders import BUY
from toolkit.engine.risk.answers import Answer, unset
from toolkit.engine.risk.portfolio import VarTerms
from toolkit.engine.risk.portfolio_exposure import NO_PRICE
from toolkit.engine.risk.proposal import Proposal, Refused, Situation

CONTROL = 12
NOT_ASKED = Check(control=CONTROL, observed="not asked", limit="*")


def value_at_risk(proposal: Proposal, situation: Situation) -> Answer:
    """12: what the book may lose stays below its limit; an order that lowers it passes, so a hedge goes where a bet
    does not."""
    portfolio = situation.portfolio
    terms = portfolio.var_terms()
    if terms is None:
        return unset(CONTROL, "max_var", proposal)
    if terms.limit is None:
        return NOT_ASKED
    exposures, risk = portfolio.exposures, portfolio.risk
    if not exposures.is_current:
        exposures.refresh()
    risk.refresh()
    symbol = proposal.instrument.symbol
    unit = (exposures.units.get(symbol) or exposures.unit(proposal.instrument))[0]
    value = (situation.adds if proposal.side is BUY else -situation.adds) * unit / 2.0
    variance = risk.variance_after(symbol, value)
    if unit == NO_PRICE or risk.unknown or variance != variance:  # NaN, without the call
        return _unknown(proposal, situation, terms)
    waiting = risk.waiting_without(proposal.replaces, symbol) if proposal.replaces else risk.waiting
    var = terms.multiple * (sqrt(variance) + waiting) if variance > 0 else terms.multiple * waiting
    if var > terms.limit and var >= terms.multiple * (sqrt(risk.variance) + waiting):
        return _refused(proposal, situation, terms, var, waiting)
    if terms.sessions:
        return _historical(proposal, situation, terms, value, waiting)
    return Check(control=CONTROL, observed=int(var), limit=terms.limit)


def _historical(
    proposal: Proposal, situation: Situation, terms: VarTerms, value: float, waiting: float
) -> Check | Refused:
    """The same over the sessions that were; too few of them deny."""
    risk = situation.portfolio.risk
    symbol = proposal.instrument.symbol
    outcomes = risk.outcomes(symbol, value)
    if len(outcomes) < terms.sessions:
        return Refused(
            control=CONTROL,
            observed=f"{len(outcomes)} sessions with a return of all that is held and of {symbol}",
            limit=f"{terms.sessions} sessions",
            source=terms.sessions_source,
            would_pass="once as many sessions have closed, or with a smaller var_sessions",
        )
    var = risk.loss(outcomes, terms.confidence) + terms.multiple * waiting
    before = risk.loss(risk.outcomes(symbol, 0.0), terms.confidence) + terms.multiple * waiting
    if var > (terms.limit or 0) and var >= before:
        return _too_much(proposal, situation, terms, var, "historical VaR", 0)
    return Check(control=CONTROL, observed=int(var), limit=terms.limit or 0)


# ---- refusing


def _unknown(proposal: Proposal, situation: Situation, terms: VarTerms) -> Refused:
    portfolio = situation.portfolio
    symbol = next(iter(portfolio.risk.unknown), proposal.instrument.symbol)
    return Refused(
        control=CONTROL,
        observed=f"no volatility of {symbol} yet",
        limit="a volatility of everything that the book holds or may",
        source=terms.source,
        would_pass="once two intervals in a row have ended on its good quotes",
    )


def _refused(proposal: Proposal, situation: Situation, terms: VarTerms, var: float, waiting: float) -> Refused:
    """By halving: the variance is a parabola of the lots, and what is too much begins above some number of them."""
    portfolio, symbol = situation.portfolio, proposal.instrument.symbol
    unit, side, limit = portfolio.exposures.units[symbol][0], int(proposal.side), terms.limit or 0
    low, high = 0, situation.adds
    while low < high:
        middle = (low + high + 1) // 2
        variance = portfolio.risk.variance_after(symbol, side * middle * unit / 2.0)
        if terms.multiple * (sqrt(max(variance, 0.0)) + waiting) <= limit:
            low = middle
        else:
            high = middle - 1
    return _too_much(proposal, situation, terms, var, "VaR", low)


def _too_much(
    proposal: Proposal, situation: Situation, terms: VarTerms, var: float, what: str, fitting: int
) -> Refused:
    ledger = situation.ledger
    quantum, base = ledger.currencies[ledger.base_currency].quantum, ledger.base_currency
    return Refused(
        control=CONTROL,
        observed=f"{what} of the book {int(var) * quantum:,.2f} {base}",
        limit=f"{(terms.limit or 0) * quantum:,.2f} {base} at {terms.confidence:.4g} over {terms.horizon:g} s",
        source=terms.source,
        would_pass=f"{proposal.instrument.quantity_of(fitting)} would" if fitting else "an order that hedges",
    )
