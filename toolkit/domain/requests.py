"""What goes to a venue and what comes back; how it travels is the adapters' business."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from toolkit.domain.orders import OrderClass, OrderType, Side, Status, Terms, TimeInForce
from toolkit.domain.time import FeedTime, MonoTime, WallTime

TOGETHER = "+"
"""Between the strategies of a request for a joined order; no name of a strategy has it."""


class SubmitOrder(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="submit_order"):
    """Place an order. Dropped unsent after `send_by`."""

    venue: str
    order_id: str
    strategy: str
    instrument: str
    side: Side
    quantity: int
    order_type: OrderType
    price: int | None
    time_in_force: TimeInForce
    order_class: OrderClass
    post_only: bool
    reduce_only: bool
    time: FeedTime
    epoch: int
    send_by: MonoTime
    terms: Terms | None = None


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cancel_order"):
    """Cancel what is left of an order."""

    venue: str
    order_id: str
    strategy: str
    instrument: str
    time: FeedTime
    epoch: int
    send_by: MonoTime


class ReplaceOrder(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="replace_order"):
    """Change total quantity, price and stop of an order; `new_id` becomes its id when the venue agrees.

    What only `reduces` a joined order is the cancel of a part of it: nothing that lets a cancel pass stops it.
    """

    venue: str
    order_id: str
    new_id: str
    strategy: str
    instrument: str
    quantity: int
    price: int | None
    time: FeedTime
    epoch: int
    send_by: MonoTime
    stop: int | None = None
    order_class: OrderClass = OrderClass.ENTRY
    reduces: bool = False


class QueryOrder(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="query_order"):
    """Ask what became of an order; answered by OrderFound or OrderNotFound."""

    venue: str
    order_id: str


VenueRequest = SubmitOrder | CancelOrder | ReplaceOrder | QueryOrder


class Liquidity(StrEnum):
    MAKER = "maker"
    TAKER = "taker"
    UNKNOWN = "unknown"


class RejectReason(StrEnum):
    """FIX 103 (OrdRejReason) as a closed set; everything else is OTHER with the venue's text beside it."""

    UNKNOWN_SYMBOL = "unknown_symbol"
    EXCHANGE_CLOSED = "exchange_closed"
    EXCEEDS_LIMIT = "exceeds_limit"
    TOO_LATE = "too_late"
    UNKNOWN_ORDER = "unknown_order"
    DUPLICATE = "duplicate"
    INCORRECT_QUANTITY = "incorrect_quantity"
    PRICE = "price"
    POST_ONLY_WOULD_TRADE = "post_only_would_trade"
    NOT_SENT = "not_sent"
    OTHER = "other"


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="acknowledged"):
    """The venue has the order on its book. `report` is the venue's own gapless number, 0 where it has none."""

    venue: str
    report: int
    order_id: str
    venue_order_id: str
    time: FeedTime
    wall: WallTime


class Filled(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="filled"):
    """A trade. Price in ticks, quantity in lots, `fee` in quanta of `fee_asset` (negative is a rebate)."""

    venue: str
    report: int
    order_id: str
    venue_order_id: str
    execution_id: str
    instrument: str
    side: Side
    price: int
    quantity: int
    fee: int
    fee_asset: str
    liquidity: Liquidity
    time: FeedTime
    wall: WallTime


class Canceled(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="canceled"):
    venue: str
    report: int
    order_id: str
    time: FeedTime
    wall: WallTime
    text: str = ""


class Expired(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="expired"):
    venue: str
    report: int
    order_id: str
    time: FeedTime
    wall: WallTime
    text: str = ""


class Rejected(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="rejected"):
    venue: str
    report: int
    order_id: str
    reason: RejectReason
    text: str
    time: FeedTime
    wall: WallTime


class Replaced(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="replaced"):
    venue: str
    report: int
    order_id: str
    new_id: str
    quantity: int
    price: int | None
    time: FeedTime
    wall: WallTime
    stop: int | None = None


class Triggered(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="triggered"):
    """A stop that waited at the venue has become a market or limit order, at this price (ticks) of what it watched."""

    venue: str
    report: int
    order_id: str
    price: int
    time: FeedTime
    wall: WallTime


class CancelRefused(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cancel_refused"):
    """The venue would not cancel. It says nothing about the order's status: ask (VENUES.md)."""

    venue: str
    report: int
    order_id: str
    reason: RejectReason
    text: str
    time: FeedTime
    wall: WallTime


class ReplaceRefused(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="replace_refused"):
    venue: str
    report: int
    order_id: str
    new_id: str
    reason: RejectReason
    text: str
    time: FeedTime
    wall: WallTime


class Busted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="busted"):
    """The venue takes a trade back."""

    venue: str
    report: int
    order_id: str
    execution_id: str
    time: FeedTime
    wall: WallTime


class Corrected(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="corrected"):
    """The venue changes price or quantity of a trade; a new fee replaces the old one."""

    venue: str
    report: int
    order_id: str
    execution_id: str
    price: int
    quantity: int
    fee: int
    time: FeedTime
    wall: WallTime


class OrderFound(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_found"):
    """The venue's answer to a question: the order's status and what it filled in all (fills come as reports)."""

    venue: str
    order_id: str
    venue_order_id: str
    status: Status
    quantity: int
    price: int | None
    filled: int
    time: FeedTime
    wall: WallTime
    stop: int | None = None


class OrderNotFound(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_not_found"):
    """The venue does not know the order. Before the quarantine has passed this proves nothing."""

    venue: str
    order_id: str
    time: FeedTime
    wall: WallTime


VenueReport = (
    Acknowledged
    | Filled
    | Canceled
    | Expired
    | Rejected
    | Replaced
    | Triggered
    | CancelRefused
    | ReplaceRefused
    | Busted
    | Corrected
    | OrderFound
    | OrderNotFound
)


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="venue_order"):
    """An open order as the venue lists it."""

    order_id: str
    venue_order_id: str
    instrument: str
    side: Side
    quantity: int
    filled: int
    price: int | None
    order_class: OrderClass
    stop: int | None = None


class VenueState(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="venue_state"):
    """What a venue says of itself when asked: the oracle of reconciliation and of every verified stop.

    `positions` in lots by instrument, `last_report` the number of its newest report, `step` the last feed step that it
    matched (0 where it has its own feed). `cash` in quanta by asset; None of a venue that does not tell, and with
    `cash_of_trades` of one that knows of its trades and their fees alone, of no deposit and no income.
    """

    venue: str
    last_report: int
    step: int
    open_orders: tuple[VenueOrder, ...]
    positions: tuple[tuple[str, int], ...]
    cash: tuple[tuple[str, int], ...] | None = None
    cash_of_trades: bool = False
