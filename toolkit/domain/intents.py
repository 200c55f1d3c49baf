"""What a strategy says: signals (what it wants to hold and why) and intents (what it asks for)."""

from __future__ import annotations

import msgspec

from toolkit.domain.orders import OrderType, Side, Terms, TimeInForce

LONGEST_TEXT = 500
MOST_REQUESTS = 1_000
"""So many signals, and so many intents, an answer carries: a large book moved at once, not a loop that got away."""


def shortened(text: object) -> str:
    """As a text of at most LONGEST_TEXT characters, with a mark where something was cut away."""
    line = str(text)
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"


class Signal(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="signal"):
    """What the strategy wants to hold and why, also when no order follows. `target` in lots."""

    instrument: str
    target: int
    reason: str = ""


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="place_order"):
    """Ask for an order. Price in ticks, quantity in lots; `intent_id` is unique within the strategy."""

    intent_id: str
    instrument: str
    side: Side
    quantity: int
    order_type: OrderType
    price: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    reason: str = ""
    terms: Terms | None = None


class CancelIntent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cancel_intent"):
    """Ask to cancel the order that `target` (an intent id) led to."""

    intent_id: str
    target: str


class ModifyIntent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="modify_intent"):
    """Ask to change quantity (total, lots), price or stop (ticks) of the order that `target` led to; None keeps it."""

    intent_id: str
    target: str
    quantity: int | None = None
    price: int | None = None
    stop: int | None = None


class TargetPosition(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="target_position"):
    """Ask for the market orders that bring the position to `quantity` lots, counting what already works."""

    intent_id: str
    instrument: str
    quantity: int
    reason: str = ""


class MalformedIntent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="malformed_intent"):
    """A request that could not be put into ticks and lots (NaN, off tick, unknown symbol): journaled as refused."""

    intent_id: str
    instrument: str
    problem: str
    control: int = 18


Intent = PlaceOrder | CancelIntent | ModifyIntent | TargetPosition | MalformedIntent
