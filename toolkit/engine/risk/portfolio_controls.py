"""Control 11 as a pure function: gross, net, leverage, capital and margin, of the strategy, the book and the venue.

All of them count on the book as it would be after the order, in the worst case of everything that works or is in doubt.
An exit passes in any case; that it takes the book over a limit is told beside its approval (`Approved.breaches`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from toolkit.domain.events import Check
from toolkit.domain.instruments import Instrument
from toolkit.domain.orders import ENTRY
from toolkit.domain.positions import Interval
from toolkit.engine.risk.answers import Answer, unset
from toolkit.engine.risk.portfolio import NO_ROOM, Caps, Portfolio, Worth, gross_after
from toolkit.engine.risk.portfolio_exposure import BOOK, NO_PRICE, Exposures
from toolkit.engine.risk.portfolio_limits import PARTS
from toolkit.engine.risk.portfolio_rates import rate_problem
from toolkit.engine.risk.proposal import Proposal, Refused, Situation

CONTROL = 11


class Over(NamedTuple):
    """One limit that would be passed: the observed and the allowed worth, or multiple of the capital (-1: none)."""

    name: str
    observed: int
    limit: int
    capital: int = -1


def exposure(proposal: Proposal, situation: Situation) -> Answer:
    """11: nothing that an order could become takes a strategy, the book or its account at the venue over a limit."""
    portfolio = situation.portfolio
    exposures = portfolio.exposures
    if not exposures.is_current:
        exposures.refresh()
    if proposal.order_class is not ENTRY:
        return _of_exit(proposal, situation)
    instrument, place = proposal.instrument, portfolio.place(proposal.strategy, proposal.venue)
    worth = exposures.units.get(instrument.symbol) or exposures.unit(instrument)
    doubtful = worth[0] == NO_PRICE or place.book.unpriced or exposures.foreign
    if doubtful and (unknown := _unknown(proposal, situation)) is not None:
        return unknown
    if place.unset:
        return unset(CONTROL, place.unset, proposal)
    if not proposal.replaces:
        gross = gross_after(place, instrument.symbol, worth, proposal.side, situation.adds)
        if gross != NO_ROOM:
            return Check(control=CONTROL, observed=gross // 2, limit=place.book_caps.gross // 2)
    own, book, venue = _after(portfolio, proposal, situation.adds)
    return (
        _refused(proposal, situation, proposal.strategy, own, place.own_caps)
        or _refused(proposal, situation, BOOK, book, place.book_caps)
        or _refused(proposal, situation, f"venue:{proposal.venue}", venue, place.venue_caps)
        or Check(control=CONTROL, observed=book.gross // 2, limit=place.book_caps.gross // 2)
    )


def _after(portfolio: Portfolio, proposal: Proposal, adds: int) -> tuple[Worth, Worth, Worth]:
    """Strategy, book and account at the venue with so many lots of this order working."""
    ledger, instrument, side = portfolio.ledger, proposal.instrument, proposal.side
    symbol, replaces = instrument.symbol, proposal.replaces
    interval = ledger.account_interval(symbol, replaces)
    own = portfolio.after(
        proposal.strategy, instrument, ledger.interval(proposal.strategy, symbol, replaces), side, adds
    )
    book = portfolio.after(BOOK, instrument, interval, side, adds)
    if len(ledger.venues) == 1:
        return own, book, book
    elsewhere = sum(lots.get(symbol, 0) for name, lots in ledger.venue_positions.items() if name != proposal.venue)
    there = Interval(low=interval.low - elsewhere, high=interval.high - elsewhere)
    return own, book, portfolio.after(f"venue:{proposal.venue}", instrument, there, side, adds)


def _fits(worth: Worth, caps: Caps) -> bool:
    return worth.gross <= caps.gross and worth.net <= caps.net and worth.margin <= caps.margin


def _unknown(proposal: Proposal, situation: Situation) -> Refused | None:
    """What is not worth anything known cannot be held against a limit."""
    exposures = situation.portfolio.exposures
    if symbol := _unpriced(exposures, proposal.instrument):
        return Refused(
            control=CONTROL,
            observed=f"no mark of {symbol}",
            limit="a mark of everything that the book holds or may",
            source=f"instrument {symbol}",
            would_pass=f"once a good quote of {symbol} arrives",
        )
    for currency in dict.fromkeys(exposures.foreign.values()):
        if (refused := rate_problem(CONTROL, currency, situation)) is not None:
            return refused
    return None


def _unpriced(exposures: Exposures, instrument: Instrument) -> str:
    """This instrument, or one of the book, when it has no mark or no rate to be counted at; else empty."""
    if exposures.unit(instrument)[0] == NO_PRICE:
        return instrument.symbol
    return next(iter(exposures.of(BOOK).unpriced), "")


def _of_exit(proposal: Proposal, situation: Situation) -> Answer:
    """An exit of one strategy can be what another one's position was hedged by: then the book grows."""
    portfolio, instrument = situation.portfolio, proposal.instrument
    caps = portfolio.caps(BOOK)
    if caps.unset or _unpriced(portfolio.exposures, instrument):
        return None
    before = portfolio.now(BOOK)
    interval = situation.ledger.account_interval(instrument.symbol, proposal.replaces)
    after = portfolio.after(BOOK, instrument, interval, proposal.side, situation.adds)
    grows = after.gross > before.gross or after.net > before.net or after.margin > before.margin
    return _refused(proposal, situation, BOOK, after, caps) if grows else None


# ---- refusing


def _refused(proposal: Proposal, situation: Situation, scope: str, worth: Worth, caps: Caps) -> Refused | None:
    over = next(_passed(situation.portfolio, scope, worth, caps), None)
    if over is None:
        return None
    ledger = situation.ledger
    quantum = ledger.currencies[ledger.base_currency].quantum

    def shown(value: int) -> str:
        if over.capital >= 0:
            return f"{value / PARTS:.4g} of {over.capital * quantum:,.2f} {ledger.base_currency}"
        return f"{value * quantum:,.2f} {ledger.base_currency}"

    what = over.name.removeprefix("max_").replace("_", " ")
    who = "the book" if scope == BOOK else scope.replace(":", " ")
    fitting = _fitting(proposal, situation)
    return Refused(
        control=CONTROL,
        observed=f"{what} of {who} {shown(over.observed)}",
        limit=shown(over.limit),
        source=caps.bounds[over.name].source,
        would_pass=f"{proposal.instrument.quantity_of(fitting)} would" if fitting else "an order that shrinks it",
    )


def _passed(portfolio: Portfolio, scope: str, worth: Worth, caps: Caps) -> Iterator[Over]:
    """The limits of one scope that its worth passes; what is observed is rounded up."""
    bounds, is_venue = caps.bounds, scope.startswith("venue:")
    amounts = {"max_margin": worth.margin} if is_venue else {"max_gross": worth.gross, "max_net": worth.net}
    for name, halves in amounts.items():
        if halves > 2 * bounds[name].value:
            yield Over(name, -(-halves // 2), bounds[name].value)
    if is_venue:
        return
    capital = portfolio.exposures.capital("" if scope == BOOK else scope)
    for name, halves in (("max_leverage", worth.gross), ("max_capital_use", worth.margin)):
        if halves > 2 * bounds[name].value * capital // PARTS:
            multiple = -(-halves * PARTS // (2 * capital)) if capital else halves * PARTS
            yield Over(name, multiple, bounds[name].value, capital)


def _fitting(proposal: Proposal, situation: Situation) -> int:
    """The most lots of this order that there is room for everywhere, by halving: more lots are never better."""
    portfolio = situation.portfolio
    place = portfolio.place(proposal.strategy, proposal.venue)
    low, high = 0, situation.adds
    while low < high:
        middle = (low + high + 1) // 2
        own, book, venue = _after(portfolio, proposal, middle)
        if _fits(own, place.own_caps) and _fits(book, place.book_caps) and _fits(venue, place.venue_caps):
            low = middle
        else:
            high = middle - 1
    return low
