"""Control 15 as pure functions: no order of this book may trade with another one of it, whosesoever they are.

What rests is cancelled, or the new order is refused, or both. An entry never costs an exit or protection its place, and
is refused while it is not known whether an opposite order is there. An exit always goes, and what it would meet goes
first, protection excepted. A cancel leaves before the order that it makes way for. A market order meets what stands at
the best price or before it; its limit stops short of what stands behind. Stops that wait at their venue are in nobody's
way until they are triggered.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.domain.events import Check
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import BUY, ENTRY, NO_DOUBT, PROTECTIVE, STOPS, Order, OrderType, Side, Status
from toolkit.engine.risk.answers import Answer, unset
from toolkit.engine.risk.price_collar import protective_limit
from toolkit.engine.risk.proposal import Proposal, Refused, Situation
from toolkit.engine.view import LastQuote

CANCEL, REFUSE, BOTH = "cancel_resting", "refuse_new", "both"
MODES = (CANCEL, REFUSE, BOTH)
MARKET = OrderType.MARKET
NONE = Check(control=15, observed="none", limit="none")


def self_match(proposal: Proposal, situation: Situation) -> Answer:
    """15: an entry that would trade with an order of this book; what it may cancel is cancelled before it goes."""
    limits = situation.limits
    if limits.self_match is None:
        return unset(15, "self_match", proposal)
    if not has_opposite(situation.ledger, proposal.instrument.symbol, proposal.side):
        return NONE
    crossed = crossed_by(proposal, situation)
    if not crossed:
        return NONE
    cancels = tuple(order.chain[0] for order in crossed if order.order_class is ENTRY)
    mode = limits.self_match.words
    stays = next((order for order in crossed if order.order_class is not ENTRY or not _is_certain(order)), None)
    if REFUSE not in mode and BOTH not in mode and stays is None:
        return Check(control=15, observed=f"cancels {', '.join(order.order_id for order in crossed)}", limit=CANCEL)
    order = stays or crossed[0]
    return Refused(
        control=15,
        observed=f"would trade with {order.order_id} of {order.strategy}",
        limit=", ".join(sorted(mode)),
        source=limits.self_match.source,
        would_pass=f"once {order.order_id} has ended, or at a price that does not reach {_shown(proposal, order)}",
        cancels=cancels if BOTH in mode or {CANCEL, REFUSE} <= mode else (),
    )


def cancelled_first(proposal: Proposal, situation: Situation) -> tuple[str, ...]:
    """First ids of what makes way for an order that passed."""
    spared = PROTECTIVE if proposal.order_class is not ENTRY else None
    return tuple(order.chain[0] for order in crossed_by(proposal, situation) if order.order_class is not spared)


def crossed_by(proposal: Proposal, situation: Situation) -> list[Order]:
    """Own orders on the other side, at the same venue, that this one would reach."""
    price = proposal.price
    waits = proposal.order_type in STOPS and not (
        proposal.replaces and situation.ledger.orders[proposal.replaces].triggered
    )
    if waits:  # whoever holds it; the engine asks again before it sends one of its own
        return []
    if price is None:
        price = _best_opposite(proposal, situation)
    symbol, venue, without = proposal.instrument.symbol, proposal.venue, proposal.replaces
    return opposite_orders(situation.ledger, symbol, venue, proposal.side, price, without)


def short_of(proposal: Proposal, situation: Situation, cap: int, cancels: tuple[str, ...]) -> int:
    """The limit of a market order, drawn in so far that it does not reach what stays on the other side."""
    symbol, venue, without = proposal.instrument.symbol, proposal.venue, proposal.replaces
    stays = opposite_orders(situation.ledger, symbol, venue, proposal.side, cap, without)
    return _before(stays, proposal.side, cap, cancels) or cap


def cleared_for_exit(ledger: Ledger, quote: LastQuote | None, order: Order) -> tuple[tuple[str, ...], int | None]:
    """What makes way for a triggered exit that goes out without another look, and a limit short of what stays."""
    symbol, venue, side, root = order.instrument, order.venue, order.side, order.chain[0]
    price, good = order.price, None if quote is None else quote.good
    if price is None and good is not None:
        price = good.ask if side is BUY else good.bid
    crossed = opposite_orders(ledger, symbol, venue, side, price, root)
    cancels = tuple(one.chain[0] for one in crossed if one.order_class is not PROTECTIVE)
    if order.price is not None:
        return cancels, None
    return cancels, _before(opposite_orders(ledger, symbol, venue, side, None, root), side, None, cancels)


def _before(orders: Iterable[Order], side: Side, cap: int | None, cancels: tuple[str, ...]) -> int | None:
    """The nearest of a cap and a tick before the orders that stay."""
    for order in orders:
        limit = _nearest_limit(order)
        if limit is not None and order.chain[0] not in cancels:
            nearer = limit - side
            cap = nearer if cap is None else min(cap, nearer) if side is BUY else max(cap, nearer)
    return cap


def opposite_orders(
    ledger: Ledger, symbol: str, venue: str, side: Side, price: int | None, without: str
) -> list[Order]:
    """What rests, or may come to rest, where an order of this side and price (None: any) would trade with it."""
    found = []
    for by_instrument in ledger.working.values():
        for root in by_instrument.get(symbol, ()):
            order = ledger.orders[root]
            if order.side is side or order.venue != venue or order.in_engine or root == without:
                continue
            limit = _nearest_limit(order)
            if limit is not None and (price is None or (price - limit) * side >= 0):
                found.append(order)
    return found


def has_opposite(ledger: Ledger, symbol: str, side: Side) -> bool:
    """Whether anything on the other side works at all: nearly always there is nothing."""
    exposure = ledger.account_exposure.get(symbol)
    if exposure is None:
        return False
    return bool(exposure.exits) or (exposure.sells if side is BUY else exposure.buys) > 0


def _nearest_limit(order: Order) -> int | None:
    """The price that comes nearest to the other side, also of a change that is on its way; None of what cannot rest."""
    if order.price is None or (order.order_type in STOPS and not order.triggered):
        return None
    changed = order.replacing_price
    if changed is None:
        return order.price
    return max(order.price, changed) if order.side is BUY else min(order.price, changed)


def _best_opposite(proposal: Proposal, situation: Situation) -> int | None:
    """The price at which a market order with a limit begins to trade; None (all of them) for one without."""
    good = None if situation.quote is None else situation.quote.good
    if good is None or protective_limit(proposal, situation) is None:
        return None
    return good.ask if proposal.side is BUY else good.bid


def _is_certain(order: Order) -> bool:
    """Whether it is known to be there, so that a cancel finds it."""
    return order.doubt is NO_DOUBT and order.status is not Status.PENDING_NEW


def _shown(proposal: Proposal, order: Order) -> str:
    limit = _nearest_limit(order)
    return "it" if limit is None else f"{proposal.instrument.price_of(limit):f}"
