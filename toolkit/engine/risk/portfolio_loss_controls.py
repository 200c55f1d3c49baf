"""Controls 20 and 21 as pure functions: no entry once too much was lost today, or since the highest.

Whoever lost too much is REDUCING already (`LossWatch`, control 24); these say so of what was looked at last, and deny
where a result is not known: a stop that goes on when nothing can be reckoned is none.
"""

from __future__ import annotations

from toolkit.domain.events import Check
from toolkit.domain.results import missing_mark
from toolkit.domain.standing import DAILY_LOSS, DRAWDOWN, WHOLE_BOOK
from toolkit.engine.risk.answers import Answer, unset
from toolkit.engine.risk.portfolio_limits import Bound
from toolkit.engine.risk.proposal import Proposal, Refused, Situation


def daily_loss(proposal: Proposal, situation: Situation) -> Answer:
    """20: what strategy and book lost since the session began, realised and unrealised."""
    portfolio = situation.portfolio
    if (known := portfolio.within.get((DAILY_LOSS, proposal.strategy))) is not None:
        return known
    own, book = portfolio.loss_bounds(proposal.strategy).daily, portfolio.loss_bounds(WHOLE_BOOK).daily
    if own is None or book is None:
        return unset(20, "max_daily_loss", proposal)
    return _lost(20, DAILY_LOSS, own, book, proposal, situation)


def drawdown(proposal: Proposal, situation: Situation) -> Answer:
    """21: what strategy and book lost since their high-water marks."""
    portfolio = situation.portfolio
    if (known := portfolio.within.get((DRAWDOWN, proposal.strategy))) is not None:
        return known
    own, book = portfolio.loss_bounds(proposal.strategy).drawdown, portfolio.loss_bounds(WHOLE_BOOK).drawdown
    if own is None or book is None:
        return unset(21, "max_drawdown", proposal)
    return _lost(21, DRAWDOWN, own, book, proposal, situation)


def _lost(control: int, cause: str, own: Bound, book: Bound, proposal: Proposal, situation: Situation) -> Answer:
    strategy, lost = proposal.strategy, situation.portfolio.losses(cause)
    of_own, of_book = lost.get(strategy, 0), lost[WHOLE_BOOK]
    if of_own is None or of_book is None:
        return _unknown(control, strategy if of_own is None else WHOLE_BOOK, own if of_own is None else book, situation)
    if of_own > own.value:
        return _refused(control, cause, strategy, of_own, own, situation)
    if of_book > book.value:
        return _refused(control, cause, "the book", of_book, book, situation)
    check = situation.portfolio.within[cause, strategy] = Check(control=control, observed=of_book, limit=book.value)
    return check


def _unknown(control: int, scope: str, bound: Bound, situation: Situation) -> Refused:
    return Refused(
        control=control,
        observed=f"the result of {scope or 'the book'} is not known: {missing_mark(situation.ledger, scope)}",
        limit="a result that is known",
        source=bound.source,
        would_pass="once a good quote marks what is held",
    )


def _refused(control: int, cause: str, who: str, lost: int, bound: Bound, situation: Situation) -> Refused:
    ledger = situation.ledger
    quantum, base = ledger.currencies[ledger.base_currency].quantum, ledger.base_currency
    return Refused(
        control=control,
        observed=f"{cause.replace('_', ' ')} of {who} {lost * quantum:,.2f} {base}",
        limit=f"{bound.value * quantum:,.2f} {base}",
        source=bound.source,
        would_pass="an exit would; an entry once a person lets go of it",
    )
