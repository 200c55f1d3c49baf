"""What the engine tells one strategy, in its own numbered inbox."""

from __future__ import annotations

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.orders import Doubt, Side, Status, Terms
from toolkit.domain.time import FeedTime


class OrderChanged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_changed"):
    """An order's new status. Quantities in lots, price in ticks; `reason` says why it was denied or refused."""

    order_id: str
    intent_id: str
    instrument: str
    side: Side
    quantity: int
    filled: int
    price: int | None
    status: Status
    doubt: Doubt
    reason: str = ""
    terms: Terms | None = None


class FillBooked(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="fill_booked"):
    """A trade on one of the strategy's orders and its position afterwards (lots). A bust has a negative quantity."""

    order_id: str
    intent_id: str
    instrument: str
    side: Side
    quantity: int
    price: int
    fee: int
    fee_asset: str
    position: int
    time: FeedTime


class PositionChanged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="position_changed"):
    """A position changed without a trade of the strategy: a transfer, an adjustment, a split. Lots afterwards."""

    instrument: str
    position: int
    reason: str


class CapitalChanged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="capital_changed"):
    """Capital of the strategy in quanta of the base currency."""

    amount: int


class Restored(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="restored"):
    """The answer to RunnerHello: everything of a strategy that survives its process.

    `step` is the last step whose answer is in the journal (0 for none); `inbox` the inbox number that answer had read.
    """

    incarnation: int
    step: int
    inbox: int
    state: bytes | None
    capital: int
    base_currency: str
    positions: tuple[tuple[str, int], ...]
    orders: tuple[OrderChanged, ...]


InboxItem = OrderChanged | FillBooked | CapitalChanged | Restored | PositionChanged


class InboxEntry(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="inbox_entry"):
    """One item of a strategy's inbox; numbers start at 1 and have no gaps."""

    number: int
    item: InboxItem


EPOCHS_KEPT = 16
"""So many epochs back a runner looks for steps that it may have missed; the bus forgets what older ones released."""


class Released(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="released"):
    """A step handed to the runners in lockstep: first read your inbox up to the number beside your name."""

    step: bytes
    number: int
    inboxes: tuple[tuple[str, int], ...]


# How many items each kind of event makes for its strategy; numbers of the inbox are counted with it in the fold. A
# refusal makes one for each intent that it names.
INBOX_ITEMS: dict[type, int] = {
    ev.CapitalAllocated: 1,
    ev.RunnerStarted: 1,
    ev.IntentRefused: 1,
    ev.OrderSubmitted: 1,
    ev.OrderDenied: 1,
    ev.CancelRequested: 1,
    ev.ReplaceRequested: 1,
    ev.OrderAcknowledged: 1,
    ev.OrderFilled: 2,
    ev.FillBusted: 2,
    ev.FillCorrected: 2,
    ev.OrderRejected: 1,
    ev.OrderCanceled: 1,
    ev.OrderExpired: 1,
    ev.OrderReplaced: 1,
    ev.OrderTriggered: 1,
    ev.OrderReleased: 1,
    ev.CancelRejected: 1,
    ev.ReplaceRejected: 1,
    ev.OrderDoubted: 1,
    ev.DoubtResolved: 1,
    ev.OrderAdopted: 1,
}
