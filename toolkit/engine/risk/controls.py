"""The per-order controls of this release as small pure functions; each answers with what it checked or with a refusal.

The numbers are those of the table of controls in the README. `binds_exits` says which of them an exit must pass too;
one that `watches_exits` lets it pass, and what it would have refused is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from toolkit.domain.events import Check
from toolkit.domain.money import from_quanta
from toolkit.domain.orders import BUY, ENTRY, PROTECTIVE, OrderType, TradingState
from toolkit.domain.recent import MOST_RECENT, asked_for, is_full
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.risk.answers import LIMIT_NOT_SET, Answer, unset
from toolkit.engine.risk.limits import Limit
from toolkit.engine.risk.order_worth import worst_price
from toolkit.engine.risk.permissions import permitted
from toolkit.engine.risk.portfolio_controls import exposure
from toolkit.engine.risk.portfolio_loss_controls import daily_loss, drawdown
from toolkit.engine.risk.portfolio_rates import rate_problem
from toolkit.engine.risk.portfolio_var_control import value_at_risk
from toolkit.engine.risk.price_collar import price_collar
from toolkit.engine.risk.proposal import Proposal, Refused, Situation
from toolkit.engine.risk.repetition import burst, repeated_execution
from toolkit.engine.risk.self_match import self_match
from toolkit.engine.risk.terms_control import terms_make_sense
from toolkit.engine.view import LastQuote

MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT
ACTIVE, REDUCING = TradingState.ACTIVE, TradingState.REDUCING

IS_ACTIVE = Check(control=24, observed="ACTIVE", limit="ACTIVE")
IS_OPEN = Check(control=17, observed="open", limit="open")


class Control(NamedTuple):
    number: int
    name: str
    binds_exits: bool
    check: Callable[[Proposal, Situation], Answer]
    watches_exits: bool = False


def trading_state(proposal: Proposal, situation: Situation) -> Answer:
    """24: ACTIVE lets all pass, REDUCING exits, HALTED a named person's flatten and the protection that stands."""
    deployment = situation.ledger.deployments.get(proposal.strategy)
    if deployment is None and not proposal.by_person:
        return Refused(
            control=24,
            observed="not deployed",
            limit="a registered version",
            source="registry",
            would_pass=f"register a version of {proposal.strategy}: tk.promote or execution up does it",
        )
    if not situation.ledger.states:
        return IS_ACTIVE
    state, cause = situation.ledger.trading_state(proposal.strategy, proposal.venue)
    if state is ACTIVE:
        return IS_ACTIVE
    if proposal.order_class is not ENTRY if state is REDUCING else proposal.by_person or proposal.protects:
        return Check(control=24, observed=state.name, limit="ACTIVE")
    return Refused(
        control=24,
        observed=state.name,
        limit="ACTIVE",
        source=cause,
        would_pass="an exit would" if state is REDUCING else "nothing until a person enables it",
    )


def limits_set(proposal: Proposal, situation: Situation) -> Answer:
    """4: an unset limit denies."""
    name = situation.limits.unset
    if name == "permitted" or not name:
        return None
    return Refused(
        control=4,
        observed=name,
        limit=LIMIT_NOT_SET,
        source="config/limits.yaml",
        would_pass=f"set {name} for the book, for {proposal.strategy} or for {proposal.instrument.symbol}",
    )


def session(proposal: Proposal, situation: Situation) -> Answer:
    """17: the calendar's session is open, the instrument neither halted nor expired. Binds exits.

    A protective stop may come at any time: it waits in any case.
    """
    instrument, view = proposal.instrument, situation.view
    if instrument.expiry is not None and view.time >= instrument.expiry:
        return Refused(
            control=17,
            observed="expired",
            limit="before expiry",
            source=f"instrument {instrument.symbol}",
            would_pass="an instrument that has not expired",
        )
    if proposal.order_class is PROTECTIVE:
        return None
    if instrument.symbol in view.halted:
        return Refused(
            control=17, observed="halted", limit="trading", source="the venue", would_pass="once the venue resumes it"
        )
    if view.sessions.get(instrument.calendar) is None:
        return Refused(
            control=17,
            observed="closed",
            limit="open session",
            source=f"calendar {instrument.calendar}",
            would_pass="within the next session",
        )
    return IS_OPEN


def grid(proposal: Proposal, situation: Situation) -> Answer:
    """18: whole lots and ticks within the instrument's sizes and least value. Binds exits. Nothing is rounded."""
    instrument, quantity, price = proposal.instrument, proposal.quantity, proposal.price
    problem = ""
    if quantity < instrument.minimum:
        problem = f"at least {instrument.quantity_of(instrument.minimum)}"
    elif instrument.maximum is not None and quantity > instrument.maximum:
        problem = f"at most {instrument.quantity_of(instrument.maximum)}"
    elif proposal.order_type is LIMIT and (price is None or price <= 0):
        problem = "a price above 0"
    elif proposal.order_type is MARKET and price is not None:
        problem = "no price on a market order"
    elif instrument.minimum_value and proposal.order_class is not PROTECTIVE:  # what it guards may grow
        problem = _worth_too_little(proposal, situation)
    if problem:
        return Refused(
            control=18,
            observed=f"quantity {quantity}, price {price}",
            limit=problem,
            source=f"instrument {instrument.symbol}",
            would_pass=problem,
        )
    return Check(control=18, observed=quantity, limit=instrument.minimum)


def _worth_too_little(proposal: Proposal, situation: Situation) -> str:
    """What an order below the exchange's least value lacks; empty when nothing. No quote shuts an exit's way out."""
    instrument, quote, terms = proposal.instrument, situation.quote, proposal.terms
    price = proposal.price or (terms.stop if terms is not None else None) or 0
    if not price and quote is not None and proposal.order_class is ENTRY:
        price = quote.ask if proposal.side is BUY else quote.bid
    if price <= 0 or instrument.value(price, proposal.quantity) >= instrument.minimum_value:
        return ""
    least = from_quanta(instrument.minimum_value, instrument.currency_quantum)
    enough = instrument.quantity_of(-(-instrument.minimum_value // instrument.value(price, 1)))
    at = instrument.price_of(price)
    return f"an order worth {least:f} {instrument.currency} or more, which is {enough:f} at {at:f}"


def market_data(proposal: Proposal, situation: Situation) -> Answer:
    """19: a two-sided, uncrossed quote, young enough by clocks that agree, and k good ones in a row after a bad one."""
    quote, limit, needed = situation.quote, situation.limits.quote_age, situation.limits.fresh_quotes
    if quote is None or quote.good is not quote.quote:
        return _bad_quote(proposal, quote, limit)
    age = situation.seen.age
    if limit is not None and age > limit.value:
        return _data_refused(proposal, f"{age / NANOSECONDS:g} s old", f"{limit.value / NANOSECONDS:g} s", limit)
    skew = situation.limits.clock_skew
    if skew is not None and abs(situation.view.skew) > skew.value:
        return _data_refused(
            proposal,
            f"the feed's clock is {situation.view.skew / NANOSECONDS:+g} s behind ours",
            f"{skew.value / NANOSECONDS:g} s",
            skew,
        )
    wanted = needed.value if needed is not None and needed.value > 1 else 1
    if quote.fresh < wanted:
        return _data_refused(proposal, f"{quote.fresh} good quotes in a row", f"{wanted}", needed)
    return Check(control=19, observed=age, limit=limit.value if limit else 0)


def _bad_quote(proposal: Proposal, quote: LastQuote | None, limit: Limit | None) -> Refused:
    if quote is None or not quote.is_two_sided:
        return _data_refused(proposal, "no two-sided quote", "bid and ask", limit)
    return _data_refused(proposal, f"bid {quote.bid} ≥ ask {quote.ask}", "bid < ask", limit)


def _data_refused(proposal: Proposal, observed: str, limit: str, source: Limit | None) -> Refused:
    return Refused(
        control=19,
        observed=f"{proposal.instrument.symbol}: {observed}",
        limit=limit,
        source=source.source if source else "config/limits.yaml",
        would_pass="once fresh good quotes arrive",
    )


def duplicate(proposal: Proposal, situation: Situation) -> Answer:
    """13: the same intent twice, or the same order again within the window."""
    ledger, strategy, window = situation.ledger, proposal.strategy, situation.limits.duplicate_window
    if not proposal.replaces and proposal.intent_id in ledger.intents.get(strategy, ()):
        return Refused(
            control=13,
            observed=f"intent {proposal.intent_id} again",
            limit="once",
            source="engine",
            would_pass="a new intent",
        )
    if window is None or not window.value:
        return None
    recent = ledger.recent.get(strategy)
    if not recent:
        return Check(control=13, observed="new", limit=window.value)
    last = recent.get(asked_for(proposal.instrument.symbol, proposal.side, proposal.quantity, proposal.price))
    if last is not None and (ago := situation.view.time - last) < window.value:
        return Refused(
            control=13,
            observed=f"same order {ago / NANOSECONDS:g} s ago",
            limit=f"{window.value / NANOSECONDS:g} s",
            source=window.source,
            would_pass="after the window, or with another price or quantity",
        )
    if last is None and is_full(recent, situation.view.time, ledger.duplicate_window):
        return Refused(
            control=13,
            observed=f"{len(recent)} other orders within the window",
            limit=f"{MOST_RECENT} to compare with",
            source=window.source,
            would_pass="once the oldest is out of the window, or with a shorter window",
        )
    return Check(control=13, observed="new", limit=window.value)


def order_quantity(proposal: Proposal, situation: Situation) -> Answer:
    """3: maximum order quantity."""
    limit = situation.limits.order_quantity
    if limit is None:
        return unset(3, "max_order_quantity", proposal)
    if proposal.quantity > limit.value:
        return _lots_refused(3, proposal, proposal.quantity, limit, limit.value)
    return Check(control=3, observed=proposal.quantity, limit=limit.value)


def order_value(proposal: Proposal, situation: Situation) -> Answer:
    """2: maximum order value in the base currency, at the worse of the limit price and the opposite side."""
    limit = situation.limits.order_value
    if limit is None:
        return unset(2, "max_order_value", proposal)
    value = situation.worth
    if value is None and worst_price(proposal, situation.quote) <= 0:
        return Refused(
            control=2,
            observed="no price",
            limit="a quote or a limit price",
            source=limit.source,
            would_pass="once a quote arrives",
        )
    instrument, ledger = proposal.instrument, situation.ledger
    if instrument.currency != ledger.base_currency:
        refused = rate_problem(2, instrument.currency, situation)
        if refused is not None:
            return refused
    if value is None:
        return Refused(
            control=2,
            observed=f"no rate {instrument.currency}/{ledger.base_currency}",
            limit="a fresh rate",
            source=limit.source,
            would_pass="once the rate is marked",
        )
    if value > limit.value:
        fitting = proposal.quantity * limit.value // value if value else 0
        quantum = ledger.currencies[ledger.base_currency].quantum
        return Refused(
            control=2,
            observed=f"{value * quantum:,.2f} {ledger.base_currency}",
            limit=f"{limit.value * quantum:,.2f} {ledger.base_currency}",
            source=limit.source,
            would_pass=f"{instrument.quantity_of(fitting)} would",
        )
    return Check(control=2, observed=value, limit=limit.value)


def working_orders(proposal: Proposal, situation: Situation) -> Answer:
    """8: working orders per strategy, instrument and venue and in all; what was sent counts at once (9)."""
    if proposal.replaces:
        return None
    ledger, limits = situation.ledger, situation.limits
    own = ledger.open_by_strategy.get(proposal.strategy, 0)
    limit = limits.working_strategy
    if limit is not None and own >= limit.value:
        return _too_many(own, limit, proposal.strategy)
    if limits.working_instrument is not None:
        in_instrument = ledger.open_by_instrument.get(proposal.instrument.symbol, 0)
        if in_instrument >= limits.working_instrument.value:
            return _too_many(in_instrument, limits.working_instrument, "instrument")
    if limits.working_venue is not None:
        at_venue = ledger.open_by_venue.get(proposal.venue, 0)
        if at_venue >= limits.working_venue.value:
            return _too_many(at_venue, limits.working_venue, "venue")
    if limits.working_book is not None and ledger.open_count >= limits.working_book.value:
        return _too_many(ledger.open_count, limits.working_book, "book")
    in_force = limit or limits.working_book or limits.working_instrument or limits.working_venue
    return Check(control=8, observed=own + 1, limit=in_force.value if in_force else LIMIT_NOT_SET)


def _too_many(count: int, limit: Limit, what: str) -> Refused:
    return Refused(
        control=8,
        observed=f"{count + 1} of {what}",
        limit=str(limit.value),
        source=limit.source,
        would_pass="after one of them has ended",
    )


def position(proposal: Proposal, situation: Situation) -> Answer:
    """10: the position in the worst case of all working and doubtful orders (9), of the strategy and of the account."""
    ledger, limit, account_limit = situation.ledger, situation.limits.position, situation.limits.account_position
    if limit is None:
        return unset(10, "max_position", proposal)
    symbol, side, adds = proposal.instrument.symbol, proposal.side, situation.adds
    worst = ledger.worst_case(proposal.strategy, symbol, side, adds, proposal.replaces)
    if (excess := worst - limit.value) > 0:
        return _lots_refused(10, proposal, worst, limit, proposal.quantity - excess)
    if account_limit is not None:
        worst_account = ledger.worst_case_of_account(symbol, side, adds, proposal.replaces)
        if (excess := worst_account - account_limit.value) > 0:
            return _lots_refused(10, proposal, worst_account, account_limit, proposal.quantity - excess)
    return Check(control=10, observed=worst, limit=limit.value)


def message_rate(proposal: Proposal, situation: Situation) -> Answer:
    """5: messages per second of the strategy, the venue and the book, less the reserve of cancels and exits (6)."""
    answer: Answer = None
    now = situation.now
    for meter in situation.meters:
        allowance = meter.allowance
        if allowance is None:
            continue
        tried, window, limit = meter.tried, meter.window, meter.of_entries
        while tried and now - tried[0] >= window:  # `meter.used` without the call: this is asked of every order
            tried.popleft()
        used = len(tried) + 1
        if used > limit:
            return Refused(
                control=5,
                observed=f"{used} messages in a second of {meter.scope}",
                limit=f"{limit} for entries",
                source=allowance.source,
                would_pass="within a second",
            )
        if answer is None:
            answer = Check(control=5, observed=used, limit=limit)
    return answer


def breaker(proposal: Proposal, situation: Situation) -> Answer:
    """23: no entry through an open breaker of its venue or route; half open, one goes to try."""
    breakers = situation.breakers
    if breakers.guards_all and breakers.is_unset(proposal.venue):
        return Refused(
            control=23,
            observed=f"no breakers of {proposal.venue}",
            limit=LIMIT_NOT_SET,
            source="config/venues.yaml",
            would_pass=f"once breakers of config/venues.yaml has lines for {proposal.venue}, or off",
        )
    if not breakers.settings:
        return None
    shut = breakers.refuses(proposal.strategy, proposal.venue, situation.now)
    if shut is None:
        return Check(control=23, observed="closed", limit="closed")
    return Refused(control=23, observed=shut.what, limit="closed", source=shut.source, would_pass=shut.again)


def _lots_refused(control: int, proposal: Proposal, observed: int, limit: Limit, fitting: int) -> Refused:
    instrument = proposal.instrument
    return Refused(
        control=control,
        observed=str(instrument.quantity_of(observed)),
        limit=str(instrument.quantity_of(limit.value)),
        source=limit.source,
        would_pass=f"{instrument.quantity_of(fitting)} would" if fitting > 0 else "no further order on this side",
    )


CONTROLS = (
    Control(7, "repeated execution", False, repeated_execution),
    Control(24, "trading state", True, trading_state),
    Control(18, "tick, lot, minimum, maximum, least value", True, grid),
    Control(17, "session, halt, expiry", True, session),
    Control(22, "stops, dates and brackets", True, terms_make_sense),
    Control(16, "permitted instruments and sides", False, permitted),
    Control(4, "unset limit denies", False, limits_set),
    Control(19, "stale, crossed, locked, gapped data", False, market_data),
    Control(1, "price collar", True, price_collar),
    Control(13, "duplicates", False, duplicate),
    Control(3, "maximum order quantity", False, order_quantity),
    Control(2, "maximum order value", False, order_value),
    Control(15, "self-match prevention", False, self_match),
    Control(14, "value and quantity burst", False, burst),
    Control(8, "working orders", False, working_orders),
    Control(10, "position limit over the interval", False, position),
    Control(23, "reject and lateness breaker", False, breaker),
    Control(11, "exposure, leverage, capital, margin", False, exposure, watches_exits=True),
    Control(12, "value at risk of the book", False, value_at_risk),
    Control(20, "daily loss", False, daily_loss),
    Control(21, "drawdown", False, drawdown),
    Control(5, "message rate", False, message_rate),
)
