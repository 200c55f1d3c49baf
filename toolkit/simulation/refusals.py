"""What the paper venue refuses in an order whatever the market does; the market's reasons stand in `matching`."""

from __future__ import annotations

from toolkit.domain.instruments import Instrument
from toolkit.domain.orders import OrderType, TimeInForce
from toolkit.domain.requests import RejectReason, SubmitOrder

Problem = tuple[RejectReason, str]


def order_problem(request: SubmitOrder, instrument: Instrument) -> Problem | None:
    """Why this order is malformed for its instrument, or None."""
    if (problem := quantity_problem(request.quantity, instrument)) is not None:
        return problem
    if request.order_type is OrderType.LIMIT and (request.price is None or request.price < 1):
        return RejectReason.PRICE, f"a limit order needs a price of at least one tick, not {request.price}"
    if request.order_type is OrderType.MARKET and request.price is not None:
        return RejectReason.PRICE, f"a market order has no price, this one has {request.price}"
    if request.post_only and (request.order_type is OrderType.MARKET or request.time_in_force is TimeInForce.IOC):
        return RejectReason.OTHER, "post-only needs an order that can rest: a limit order that is not IOC"
    return None


def quantity_problem(quantity: int, instrument: Instrument) -> Problem | None:
    """Why this total quantity in lots is not taken, or None."""
    if quantity <= 0:
        return RejectReason.INCORRECT_QUANTITY, f"quantity is {quantity} lots; it must be above 0"
    if quantity < instrument.minimum:
        return RejectReason.INCORRECT_QUANTITY, f"{quantity} lots are below the minimum of {instrument.minimum}"
    if instrument.maximum is not None and quantity > instrument.maximum:
        return RejectReason.EXCEEDS_LIMIT, f"{quantity} lots are above the maximum of {instrument.maximum}"
    return None
