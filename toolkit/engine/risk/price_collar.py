"""Control 1 as pure functions: no price far from the reference, no entry in a runaway market, a cap for market orders.

The reference is the mid of the last good quote. An entry needs one that is fresh; its price, its stop and, for a market
order, the limit that protects it lie within the collar, edges included. An exit is never refused: a market order gets a
limit from the last good quote, however old, with the wider collar, and its record says so.
"""

from __future__ import annotations

from toolkit.domain.events import Check
from toolkit.domain.orders import BUY, ENTRY, PROTECTIVE, OrderType
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.risk.answers import Answer, unset
from toolkit.engine.risk.limits import PER_PERCENT, Limit
from toolkit.engine.risk.proposal import Proposal, Refused, Situation
from toolkit.engine.view import LastQuote

MARKET, STOPS_AT_MARKET = OrderType.MARKET, frozenset({OrderType.STOP, OrderType.TRAILING_STOP})
WHOLE = 100 * PER_PERCENT


def price_collar(proposal: Proposal, situation: Situation) -> Answer:
    """1: the price of an entry lies within the collar and the market has not run away; an exit's is looked at alone."""
    if proposal.order_class is not ENTRY:
        return _of_exit(proposal, situation)
    limit, quote = situation.limits.price_collar, situation.quote
    if limit is None:
        return unset(1, "price_collar", proposal)
    limits, last = situation.limits, None if quote is None else quote.quote
    if quote is None or last is None or quote.good is not last:
        return _no_reference(proposal, situation, limit)
    if limits.quote_age is not None and situation.seen.age > limits.quote_age.value:
        return _no_reference(proposal, situation, limit)
    twice, most, began, before = last.bid + last.ask, limits.price_drift, quote.opened, quote.opened_before
    has_run = most is not None and (
        (began and abs(twice - began) * WHOLE > most.value * began)
        or (before and abs(twice - before) * WHOLE > most.value * before)
    )
    if has_run and (refused := _drift(proposal, situation, quote)) is not None:
        return refused
    price, terms, reach = proposal.price, proposal.terms, twice * limit.value // WHOLE
    if limits.collar_ticks is not None:
        reach = min(reach, 2 * limits.collar_ticks.value)
    if price is not None and not -reach <= 2 * price - twice <= reach:
        return _outside(proposal, situation, price, twice, reach)
    stop = None if terms is None or proposal.replaces else terms.stop
    if stop is not None and not -reach <= 2 * stop - twice <= reach:
        return _outside(proposal, situation, stop, twice, reach)
    return Check(control=1, observed=price if price is not None else "market", limit=reach // 2)


def protective_limit(proposal: Proposal, situation: Situation) -> int | None:
    """The price (ticks) beyond which a market order must not trade; None where it has a price, or nothing to go by.

    Protection that was triggered goes without: it must get out.
    """
    if proposal.order_type is not MARKET and not _is_triggered_entry(proposal):
        return None
    quote, limits = situation.quote, situation.limits
    good = None if quote is None else quote.good
    if good is None or proposal.order_class is PROTECTIVE:
        return None
    limit = limits.price_collar if proposal.order_class is ENTRY else _wider(situation)
    if limit is None:
        return None
    twice = good.bid + good.ask
    reach = _reach(twice, limit, limits.collar_ticks if proposal.order_class is ENTRY else None)
    cap = (twice + reach) // 2 if proposal.side is BUY else max(1, -((reach - twice) // 2))
    lot_value = proposal.quantity * proposal.instrument.tick_value
    if cap * lot_value >= proposal.instrument.minimum_value:
        return cap
    least = -(-proposal.instrument.minimum_value // lot_value)  # a venue holds the limit against its least value
    return least if least <= good.bid else None


def _is_triggered_entry(proposal: Proposal) -> bool:
    """A stop that the engine held and that comes back, to be sent."""
    return bool(proposal.replaces) and proposal.order_type in STOPS_AT_MARKET and proposal.order_class is ENTRY


def _reach(twice: int, limit: Limit, ticks: Limit | None) -> int:
    """Half ticks on either side of the reference that are within the collar."""
    reach = twice * limit.value // WHOLE
    return reach if ticks is None else min(reach, 2 * ticks.value)


def _of_exit(proposal: Proposal, situation: Situation) -> Answer:
    """What an exit is priced from, and whether its own price is far away: noted, never refused."""
    quote, limit = situation.quote, _wider(situation)
    good = None if quote is None else quote.good
    if limit is None or good is None or quote is None:
        return Check(control=1, observed="no good quote yet" if limit else "exit_collar is not set", limit="none")
    source = "last good quote" if quote.quote is not good else f"quote {situation.seen.age / NANOSECONDS:g} s old"
    twice, price = good.bid + good.ask, proposal.price
    reach = _reach(twice, limit, None)
    is_far = price is not None and not -reach <= 2 * price - twice <= reach
    shown = "market" if price is None else f"{price}{', outside' if is_far else ''}"
    return Check(control=1, observed=f"{shown}, {source}", limit=reach // 2)


def _wider(situation: Situation) -> Limit | None:
    """The collar of exits, at least as wide as that of entries."""
    of_entries, of_exits = situation.limits.price_collar, situation.limits.exit_collar
    if of_exits is None or of_entries is None or of_exits.value >= of_entries.value:
        return of_exits
    return of_entries


def _no_reference(proposal: Proposal, situation: Situation, limit: Limit) -> Refused:
    quote = situation.quote
    if quote is None:
        observed = "no quote"
    elif quote.is_good:
        observed = f"a quote {situation.seen.age / NANOSECONDS:g} s old"
    else:
        observed = f"bid {quote.bid}, ask {quote.ask}"
    return Refused(
        control=1,
        observed=f"{proposal.instrument.symbol}: {observed}",
        limit="a fresh reference",
        source=limit.source,
        would_pass="once a fresh good quote arrives",
    )


def _drift(proposal: Proposal, situation: Situation, quote: LastQuote) -> Refused | None:
    """Whether the reference has run away since this window, if it still lasts, or the one before it began."""
    most = situation.limits.price_drift
    if most is None or situation.view.time >= quote.window_ends:
        return None
    twice = quote.quote.bid + quote.quote.ask
    for began in (quote.opened, quote.opened_before):
        if began and abs(twice - began) * WHOLE > most.value * began:
            moved, price_of = 100 * (twice - began) / began, proposal.instrument.price_of
            return Refused(
                control=1,
                observed=f"{proposal.instrument.symbol} went from {price_of(began) / 2:f} to {price_of(twice) / 2:f}, "
                f"{moved:+.2f} %",
                limit=f"{most.value / PER_PERCENT:g} % within the window of drift",
                source=most.source,
                would_pass="once a window has passed without such a move, or an exit",
            )
    return None


def _outside(proposal: Proposal, situation: Situation, price: int, twice: int, reach: int) -> Refused:
    limits, price_of = situation.limits, proposal.instrument.price_of
    in_force = limits.price_collar
    words = "" if in_force is None else f"{in_force.value / PER_PERCENT:g} %"
    if limits.collar_ticks is not None and reach == 2 * limits.collar_ticks.value:
        in_force, words = limits.collar_ticks, f"{limits.collar_ticks.value} ticks"
    lowest, highest = max(1, -((reach - twice) // 2)), (twice + reach) // 2
    return Refused(
        control=1,
        observed=f"{price_of(price):f} with {price_of(twice) / 2:f} in the middle",
        limit=f"{words} of the reference",
        source=in_force.source if in_force is not None else "config/limits.yaml",
        would_pass=f"{price_of(lowest):f} to {price_of(highest):f} would",
    )
