"""Control 22 as a pure function: stops, dates and brackets that make sense, and no entry over doubtful protection."""

from __future__ import annotations

from toolkit.domain.events import Check
from toolkit.domain.orders import (
    BUY,
    ENTRY,
    PROTECTIVE,
    Bracket,
    HeldAt,
    OrderType,
    Terms,
    TimeInForce,
)
from toolkit.engine.risk.proposal import Proposal, Refused, Situation

PLAIN = frozenset({OrderType.MARKET, OrderType.LIMIT})
AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
NO_TERMS = Terms()


def terms_make_sense(proposal: Proposal, situation: Situation) -> Check | Refused | None:
    """22: a stop has its price, a date lies ahead, a bracket stands around its entry. Binds exits.

    Until the venue has said what became of a strategy's protection, the strategy enters nothing more.
    """
    doubtful = situation.ledger.doubtful and proposal.order_class is ENTRY
    if doubtful and (lost := _doubtful_protection(proposal, situation)):
        return _refused(f"stop {lost} is UNKNOWN", "protection that is certain", "once its venue has answered")
    terms = proposal.terms
    if terms is None:
        if proposal.order_type in PLAIN and proposal.time_in_force is not TimeInForce.GTD:
            return None
        terms = NO_TERMS
    problem = (
        _stop_problem(proposal, terms)
        or _date_problem(proposal, terms, situation)
        or (terms.bracket is not None and _bracket_problem(proposal, terms.bracket, terms, situation))
    )
    if problem:
        return _refused(_shown(proposal, terms), "terms that can be met", problem)
    held_at = terms.held_at or HeldAt.VENUE
    return Check(control=22, observed=_shown(proposal, terms), limit=f"held at the {held_at.value}")


def _doubtful_protection(proposal: Proposal, situation: Situation) -> str:
    ledger = situation.ledger
    for root in ledger.doubtful:
        order = ledger.orders[root]
        if order.order_class is PROTECTIVE and order.strategy == proposal.strategy:
            return order.order_id
    return ""


def _stop_problem(proposal: Proposal, terms: Terms) -> str:
    """What would make a sensible stop of it; empty when it is one, or none at all."""
    kind, price = proposal.order_type, proposal.price
    if kind in PLAIN:
        return "" if terms.stop is None and terms.offset is None else "a stop order, or no stop price"
    if terms.stop is None or terms.stop < 1:
        return "a stop price above 0"
    if (kind is OrderType.TRAILING_STOP) != (terms.offset is not None and terms.offset > 0):
        return "an offset above 0 for a trailing stop, none for another"
    if kind is OrderType.STOP_LIMIT and (price is None or price < 1):
        return "a limit price above 0"
    if kind is not OrderType.STOP_LIMIT and price is not None:
        return "no limit price, or a stop-limit order"
    return "a stop without post-only: once triggered it takes what is there" if proposal.post_only else ""


def _date_problem(proposal: Proposal, terms: Terms, situation: Situation) -> str:
    if (proposal.time_in_force is TimeInForce.GTD) != (terms.expires is not None):
        return "an instant for an order that is good till a date, none for another"
    if terms.expires is not None and terms.expires <= situation.view.time:
        return "an instant after now"
    return "post-only without ioc or fok" if proposal.post_only and proposal.time_in_force in AT_ONCE else ""


def _bracket_problem(proposal: Proposal, bracket: Bracket, terms: Terms, situation: Situation) -> str:
    """A buy is protected below and has its target above, a sale the other way round."""
    if proposal.order_class is not ENTRY:
        return "a bracket around an entry; an exit needs none"
    quote, side = situation.quote, int(proposal.side)
    entry = proposal.price or terms.stop or (0 if quote is None else quote.ask if proposal.side is BUY else quote.bid)
    below, above = ("below", "above") if proposal.side is BUY else ("above", "below")
    if bracket.stop < 1 or (bracket.offset is not None and bracket.offset < 1):
        return "a stop price and an offset above 0"
    if bracket.limit is not None and (bracket.offset is not None or bracket.limit < 1):
        return "a limit above 0, and none for a stop that trails"
    if entry and (entry - bracket.stop) * side <= 0:
        return f"a stop {below} the entry at {proposal.instrument.price_of(entry):f}"
    if bracket.target is not None and (bracket.target < 1 or (entry and (bracket.target - entry) * side <= 0)):
        return f"a target {above} the entry at {proposal.instrument.price_of(entry):f}"
    return ""


def _shown(proposal: Proposal, terms: Terms) -> str:
    price = proposal.instrument.price_of
    words = [proposal.order_type.value]
    if terms.stop is not None:
        words.append(f"at {price(terms.stop):f}")
    if terms.offset is not None:
        words.append(f"trailing by {price(terms.offset):f}")
    if terms.bracket is not None:
        words.append(f"with stop {price(terms.bracket.stop):f}")
        if terms.bracket.target is not None:
            words.append(f"and target {price(terms.bracket.target):f}")
    if proposal.time_in_force in (TimeInForce.GTD, TimeInForce.FOK):
        words.append(proposal.time_in_force.value)
    return " ".join(words)


def _refused(observed: str, limit: str, would_pass: str) -> Refused:
    return Refused(control=22, observed=observed, limit=limit, source="engine", would_pass=would_pass)
