"""What stops, dates and brackets come to at a venue: who holds them, from where they trail, and what cannot be had; it
looks at no limit and sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from toolkit.domain.errors import DomainError
from toolkit.domain.intents import PlaceOrder
from toolkit.domain.orders import (
    IN_ENGINE,
    STOPS,
    Ability,
    Bracket,
    HeldAt,
    OrderType,
    Side,
    Terms,
    TimeInForce,
    Trigger,
)
from toolkit.domain.stops import trailed, watched
from toolkit.engine.view import LastQuote

SPECIAL = frozenset({TimeInForce.FOK, TimeInForce.GTD})

Abilities = Mapping[str, frozenset[Ability]]


class Unsupported(DomainError):
    """The venue cannot do what was asked for and neither can the engine; the message names the mend."""


def is_plain(intent: PlaceOrder) -> bool:
    """Whether an order says nothing beyond price, quantity and a plain time in force."""
    special = intent.terms is not None or intent.order_type in STOPS
    return not special and intent.time_in_force not in SPECIAL


def settled(intent: PlaceOrder, venue: str, abilities: Abilities, quote: LastQuote | None) -> PlaceOrder:
    """The order with everything decided that was left open: who holds it, where its stop stands at first.

    Raises Unsupported for what the venue cannot do and the engine cannot do for it.
    """
    can = abilities.get(venue)
    if can is None:
        raise Unsupported(
            f"venue {venue} does not say which order types it takes; name them in `supports` of config/venues.yaml"
        )
    if intent.time_in_force is TimeInForce.FOK and Ability.FOK not in can:
        raise Unsupported(f"venue {venue} has no fill-or-kill orders; use ioc, or another venue")
    if intent.terms is None:
        return intent
    terms = intent.terms
    if intent.order_type in STOPS:
        held_at = _holder(Ability(intent.order_type.value), terms.held_at, venue, can)
        terms = msgspec.structs.replace(terms, held_at=held_at, stop=_first_stop(intent, terms, quote))
    if intent.time_in_force is TimeInForce.GTD:
        terms = msgspec.structs.replace(terms, watched=Ability.GTD not in can or terms.held_at is IN_ENGINE)
    if terms.bracket is not None:
        terms = msgspec.structs.replace(terms, bracket=_held(terms.bracket, venue, can))
    return msgspec.structs.replace(intent, terms=terms)


def stop_type(bracket: Bracket) -> OrderType:
    """The kind of stop that protects what a bracket's entry fills."""
    if bracket.offset is not None:
        return OrderType.TRAILING_STOP
    return OrderType.STOP if bracket.limit is None else OrderType.STOP_LIMIT


def _held(bracket: Bracket, venue: str, can: frozenset[Ability]) -> Bracket:
    """Without orders that cancel each other the venue gets the target alone; the engine cancels it before it acts."""
    wanted = bracket.held_at
    if bracket.target is not None and Ability.OCO not in can:
        if wanted is HeldAt.VENUE:
            raise Unsupported(
                f"venue {venue} has no orders of which one cancels the other, so it cannot hold stop and target; "
                "leave the target away, or let the engine hold the stop"
            )
        wanted = IN_ENGINE
    return msgspec.structs.replace(bracket, held_at=_holder(Ability(stop_type(bracket).value), wanted, venue, can))


def _holder(needs: Ability, wanted: HeldAt | None, venue: str, can: frozenset[Ability]) -> HeldAt:
    if wanted is HeldAt.VENUE and needs not in can:
        raise Unsupported(f"venue {venue} takes no {needs.value} orders; let the engine hold it")
    return wanted or (HeldAt.VENUE if needs in can else IN_ENGINE)


def _first_stop(intent: PlaceOrder, terms: Terms, quote: LastQuote | None) -> int | None:
    """Where a stop stands at first: where it was put, else its offset behind the price that it watches."""
    if terms.stop is not None or terms.offset is None:
        return terms.stop
    if quote is None or not quote.is_good:
        raise Unsupported(f"{intent.instrument} has no good quote to trail behind; give the first stop as well")
    trigger = watched(intent.side, terms.trigger)
    at_bid = trigger is Trigger.BID or (trigger is Trigger.LAST and intent.side is Side.SELL)
    price = quote.bid if at_bid else quote.ask
    return trailed(intent.side, price - intent.side * -terms.offset, terms.offset, price)
