"""What the paper venue refuses in an order whatever the market does; the market's reasons stand in `matching`."""

from __future__ import annotations

from collections.abc import Collection

from toolkit.domain.instruments import Instrument
from toolkit.domain.money import from_quanta
from toolkit.domain.orders import STOPS, Ability, OrderType, Terms, TimeInForce, needed
from toolkit.domain.requests import RejectReason, SubmitOrder
from toolkit.simulation.paper_book import PaperOrder

Problem = tuple[RejectReason, str]


_WITH_A_PRICE = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_SPECIAL = frozenset({TimeInForce.FOK, TimeInForce.GTD})
_ENDS_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def order_problem(request: SubmitOrder, instrument: Instrument, supports: Collection[Ability]) -> Problem | None:
    """Why this order is malformed for its instrument, or nothing that this venue takes, or None."""
    if request.terms is not None or request.time_in_force in _SPECIAL or request.order_type in STOPS:
        if lacking := needed(request.order_type, request.time_in_force) - set(supports):
            return RejectReason.OTHER, f"this venue does not take {', '.join(sorted(lacking))} orders"
        if request.terms is not None and request.terms.group and Ability.OCO not in supports:
            return RejectReason.OTHER, "this venue knows no orders of which one cancels the other"
        if (problem := _terms_problem(request)) is not None:
            return problem
    return _plain_problem(request, instrument)


def _terms_problem(request: SubmitOrder) -> Problem | None:
    terms, is_stop = request.terms or Terms(), request.order_type in STOPS
    if is_stop != (terms.stop is not None) or (terms.stop is not None and terms.stop < 1):
        return RejectReason.PRICE, f"a stop needs the price at which it is triggered, not {terms.stop}"
    if (request.order_type is OrderType.TRAILING_STOP) != (terms.offset is not None and terms.offset > 0):
        return RejectReason.PRICE, f"a trailing stop needs an offset of at least one tick, not {terms.offset}"
    if (request.time_in_force is TimeInForce.GTD) != (terms.expires is not None):
        return RejectReason.OTHER, "an order that is good till a date needs one, no other has one"
    return None


def _plain_problem(request: SubmitOrder, instrument: Instrument) -> Problem | None:
    if (problem := size_problem(request.quantity, request.price, instrument)) is not None:
        return problem
    if request.order_type in _WITH_A_PRICE and (request.price is None or request.price < 1):
        return RejectReason.PRICE, f"a limit order needs a price of at least one tick, not {request.price}"
    if request.order_type not in _WITH_A_PRICE and request.price is not None:
        return RejectReason.PRICE, f"a {request.order_type.value} order has no price, this one has {request.price}"
    if request.post_only and (request.order_type is not OrderType.LIMIT or request.time_in_force in _ENDS_AT_ONCE):
        return RejectReason.OTHER, "post-only needs an order that can rest: a limit order that is neither IOC nor FOK"
    return None


def size_problem(quantity: int, price: int | None, instrument: Instrument) -> Problem | None:
    """Why this total quantity in lots, at this limit, is not taken, or None."""
    if quantity <= 0:
        return RejectReason.INCORRECT_QUANTITY, f"quantity is {quantity} lots; it must be above 0"
    if quantity < instrument.minimum:
        return RejectReason.INCORRECT_QUANTITY, f"{quantity} lots are below the minimum of {instrument.minimum}"
    if instrument.maximum is not None and quantity > instrument.maximum:
        return RejectReason.EXCEEDS_LIMIT, f"{quantity} lots are above the maximum of {instrument.maximum}"
    if price is not None and price > 0 and instrument.value(price, quantity) < instrument.minimum_value:
        least = from_quanta(instrument.minimum_value, instrument.currency_quantum)
        return RejectReason.INCORRECT_QUANTITY, f"worth less than {least:f} {instrument.currency}"
    return None


def not_open(order: PaperOrder | None) -> Problem:
    if order is None:
        return RejectReason.UNKNOWN_ORDER, "no such order"
    return RejectReason.TOO_LATE, f"the order is {order.status.value}"
