"""Facts about orders, from the decision to the last report; the union of all events stands in `events`."""

from __future__ import annotations

import msgspec

from toolkit.domain.commands import Who
from toolkit.domain.orders import Change, Doubt, OrderClass, OrderType, Side, Terms, TimeInForce
from toolkit.domain.requests import Liquidity, RejectReason
from toolkit.domain.time import FeedTime, WallTime


class Check(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One control that looked at an order: its number, what it observed and the limit in force (lots, quanta, ns)."""

    control: int
    observed: int | str
    limit: int | str


class Seen(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a decision saw of the View: the last quote (ticks, lots), the step it came with, and the age of it (ns)."""

    step: int
    quote_step: int
    bid: int
    ask: int
    age: int


class OrderSubmitted(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="order_submitted"):
    """An approved order, on its way: the record that must be durable before the request leaves.

    `route` is why it goes to this venue, "" where there was nothing to choose.
    `cap` is the protective limit (ticks) with which a market order goes out, `worth` what it was worth when it was
    decided, in quanta of the base currency (0 for an exit).
    """

    order_id: str
    strategy: str
    version: str
    intent_id: str
    instrument: str
    venue: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    order_class: OrderClass
    quantity: int
    price: int | None
    post_only: bool
    reduce_only: bool
    reason: str
    seen: Seen
    checks: tuple[Check, ...]
    time: FeedTime
    wall: WallTime
    terms: Terms | None = None
    route: str = ""
    cap: int | None = None
    worth: int = 0


class OrderDenied(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="order_denied"):
    """A refusal that teaches: control, observed, limit, where the limit stands, and what would pass."""

    order_id: str
    strategy: str
    version: str
    intent_id: str
    instrument: str
    venue: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    order_class: OrderClass
    quantity: int
    price: int | None
    post_only: bool
    reduce_only: bool
    reason: str
    seen: Seen
    checks: tuple[Check, ...]
    control: int
    observed: str
    limit: str
    source: str
    would_pass: str
    time: FeedTime
    wall: WallTime
    terms: Terms | None = None
    route: str = ""


class ExitQueued(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="exit_queued"):
    """An exit waits until the exits that work for the same position are confirmed gone; a newer one takes its place.

    `beyond` are the lots of the entry that follows it through zero.
    """

    strategy: str
    intent_id: str
    instrument: str
    side: Side
    quantity: int
    order_type: OrderType
    price: int | None
    time_in_force: TimeInForce
    post_only: bool
    reason: str
    time: FeedTime
    beyond: int = 0
    terms: Terms | None = None


class ExitUnqueued(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="exit_unqueued"):
    """A waiting exit went out, or there was nothing left to close."""

    strategy: str
    instrument: str


class FlattenStarted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="flatten_started"):
    """A named person wants a strategy flat: cancel, wait for doubt to resolve, then close.

    With `accept_unknown` doubt is not waited for.
    """

    strategy: str
    who: Who
    reason: str
    accept_unknown: bool = False


class FlattenEnded(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="flatten_ended"):
    strategy: str


class CancelRequested(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cancel_requested"):
    """`yields`: it makes way for an exit of the same position and comes back for what that leaves open.

    `change`: it was to be changed at a venue that changes no orders; what that leaves of it goes out anew.
    """

    order_id: str
    cause: str
    time: FeedTime
    wall: WallTime
    yields: bool = False
    change: Change | None = None


class ReplaceRequested(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="replace_requested"):
    """A change of an order. `worth` is what it adds, in quanta of the base currency (0 where it adds nothing)."""

    order_id: str
    new_id: str
    quantity: int
    price: int | None
    seen: Seen
    checks: tuple[Check, ...]
    time: FeedTime
    wall: WallTime
    stop: int | None = None
    worth: int = 0


class OrderResubmitted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_resubmitted"):
    """The same request with the same id goes out again: proven absent after the quarantine, feed time stood still."""

    order_id: str
    kind: Doubt
    time: FeedTime
    wall: WallTime


class OrderAcknowledged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_acknowledged"):
    """`sent` is when this engine wrote the request to the line (0 when another engine did)."""

    order_id: str
    venue_order_id: str
    report: int
    sent: WallTime
    time: FeedTime
    wall: WallTime


class OrderFilled(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="order_filled"):
    """A trade. `strategy` is the sub-account that it is booked to, `venue` named where no order of ours names it."""

    order_id: str
    venue_order_id: str
    execution_id: str
    strategy: str
    instrument: str
    side: Side
    price: int
    quantity: int
    fee: int
    fee_asset: str
    liquidity: Liquidity
    report: int
    sent: WallTime
    time: FeedTime
    wall: WallTime
    venue: str = ""


class PastTrade(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What the books need of a trade whose order they have forgotten, or never had, to take it back."""

    strategy: str
    venue: str
    instrument: str
    side: Side
    fee_asset: str


class FillBusted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="fill_busted"):
    """The venue took a trade back; the trade as it was booked stands here again, with `past` where no order has it."""

    order_id: str
    execution_id: str
    price: int
    quantity: int
    fee: int
    report: int
    time: FeedTime
    wall: WallTime
    past: PastTrade | None = None


class FillCorrected(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="fill_corrected"):
    """The venue corrected a trade, `old_…` is how it was booked, `past` as in FillBusted."""

    order_id: str
    execution_id: str
    old_price: int
    old_quantity: int
    old_fee: int
    price: int
    quantity: int
    fee: int
    report: int
    time: FeedTime
    wall: WallTime
    past: PastTrade | None = None


class OrderRejected(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_rejected"):
    order_id: str
    reason: RejectReason
    text: str
    report: int
    time: FeedTime
    wall: WallTime


class OrderCanceled(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_canceled"):
    order_id: str
    text: str
    report: int
    time: FeedTime
    wall: WallTime


class OrderExpired(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_expired"):
    order_id: str
    text: str
    report: int
    time: FeedTime
    wall: WallTime


class OrderReplaced(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_replaced"):
    order_id: str
    new_id: str
    quantity: int
    price: int | None
    report: int
    time: FeedTime
    wall: WallTime
    stop: int | None = None


class TrailMoved(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="trail_moved"):
    """A trailing stop that the engine holds followed the market: the price it saw (ticks) and where it stands now."""

    order_id: str
    price: int
    stop: int
    step: int
    time: FeedTime


class OrderTriggered(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_triggered"):
    """A stop saw its price (ticks). `report` is the venue's number; 0 where the engine held it and looked itself."""

    order_id: str
    price: int
    step: int
    report: int
    time: FeedTime
    wall: WallTime


class OrderReleased(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_released"):
    """A triggered stop that the engine held goes to its venue as a market or limit order of this total quantity.

    `cap` is the protective limit (ticks) of an entry that goes as a market order.
    """

    order_id: str
    quantity: int
    time: FeedTime
    wall: WallTime
    cap: int | None = None


class CancelRejected(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cancel_rejected"):
    order_id: str
    reason: RejectReason
    text: str
    report: int
    time: FeedTime
    wall: WallTime


class ReplaceRejected(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="replace_rejected"):
    order_id: str
    new_id: str
    reason: RejectReason
    text: str
    report: int
    time: FeedTime
    wall: WallTime


class OrderDoubted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_doubted"):
    """Something we asked of the venue has no known outcome. People see UNKNOWN from here on."""

    order_id: str
    doubt: Doubt
    cause: str
    time: FeedTime
    wall: WallTime


class DoubtResolved(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="doubt_resolved"):
    """A doubt ended without a fact of its own: by the venue's answer (it works there, or it never arrived there), or
    by the word of a named person (`who`, and what that person saw)."""

    order_id: str
    outcome: str
    time: FeedTime
    wall: WallTime
    who: Who | None = None
    reason: str = ""
