"""Facts in the past tense, and the batch that the journal stores; how bytes are kept is the journal adapter's business.

Stored bytes are never rewritten. Fields are only ever added at the end with a default; anything else is a new tag and
an upcaster (`toolkit.adapters.codec`).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from toolkit.domain.commands import LimitRow, Who
from toolkit.domain.instruments import Currency, Instrument
from toolkit.domain.orders import Doubt, OrderClass, OrderType, Side, TimeInForce, TradingState
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


class BookOpened(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="book_opened"):
    book: str
    desk: str
    base_currency: str
    currencies: tuple[Currency, ...]
    venues: tuple[str, ...]


class EpochBegan(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="epoch_began"):
    """An engine took the book. Orders unanswered from earlier epochs are doubtful from here on."""

    epoch: int
    wall: WallTime
    host: str
    pid: int


class InstrumentDefined(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="instrument_defined"):
    instrument: Instrument


class LimitsChanged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="limits_changed"):
    rows: tuple[LimitRow, ...]
    checksum: str
    who: Who
    reason: str


class CapitalAllocated(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="capital_allocated"):
    """Capital of a strategy in quanta of the base currency."""

    strategy: str
    amount: int
    who: Who
    reason: str


class VersionRegistered(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="version_registered"):
    strategy: str
    version: int
    digest: str
    path: str
    instruments: tuple[str, ...]
    who: Who


class DeploymentChanged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="deployment_changed"):
    strategy: str
    version: int
    digest: str
    stage: str


class TradingStateChanged(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="trading_state_changed"
):
    """The trading state of a scope (`book`, `venue`, `strategy`) set by one cause; the strictest is in force."""

    scope: str
    name: str
    state: TradingState
    cause: str
    who: Who
    reason: str


class ThrottleChanged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="throttle_changed"):
    scope: str
    name: str
    rate: Decimal | None
    who: Who
    reason: str


class CommandTaken(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="command_taken"):
    """The cursor of a producer: which command took effect, who gave it and what became of it ("" is done)."""

    producer: str
    incarnation: int
    number: int
    command: str
    who: Who | None
    reason: str
    refused: str = ""


class RunnerStarted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="runner_started"):
    strategy: str
    version: str
    digest: str
    incarnation: int


class RunnerEnded(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="runner_ended"):
    strategy: str
    cause: str
    detail: str
    given_up: bool


class Answered(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="answered"):
    """A runner's answer took effect: how far it had read, and its declared state if that changed."""

    strategy: str
    incarnation: int
    number: int
    step: int
    inbox: int
    state: bytes | None
    logs: tuple[str, ...] = ()


class SignalRaised(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="signal_raised"):
    strategy: str
    instrument: str
    target: int
    reason: str
    step: int


class IntentRefused(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="intent_refused"):
    """An intent that no order could be made of (cancel of an unknown order, illegal command, malformed)."""

    strategy: str
    intent_id: str
    instrument: str
    control: int
    reason: str


class OrderSubmitted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="order_submitted"):
    """An approved order, on its way: the record that must be durable before the request leaves."""

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


class OrderDenied(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="order_denied"):
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


class ExitUnqueued(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="exit_unqueued"):
    """A waiting exit went out, or there was nothing left to close."""

    strategy: str
    instrument: str


class FlattenStarted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="flatten_started"):
    """A named person wants a strategy flat: cancel, wait for doubt to resolve, then close."""

    strategy: str
    who: Who
    reason: str


class FlattenEnded(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="flatten_ended"):
    strategy: str


class CancelRequested(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cancel_requested"):
    order_id: str
    cause: str
    time: FeedTime
    wall: WallTime


class ReplaceRequested(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="replace_requested"):
    order_id: str
    new_id: str
    quantity: int
    price: int | None
    seen: Seen
    checks: tuple[Check, ...]
    time: FeedTime
    wall: WallTime


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


class OrderFilled(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_filled"):
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


class FillBusted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="fill_busted"):
    """The venue took a trade back; the trade as it was booked stands here again."""

    order_id: str
    execution_id: str
    price: int
    quantity: int
    fee: int
    report: int
    time: FeedTime
    wall: WallTime


class FillCorrected(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="fill_corrected"):
    """The venue corrected a trade, `old_…` is how it was booked."""

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
    """The venue's answer ended a doubt without being a fact of its own: it works there, or it never arrived there."""

    order_id: str
    outcome: str
    time: FeedTime
    wall: WallTime


class Marked(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="marked"):
    """The price that PnL hangs on until the next mark. `twice` is bid + ask in ticks: a mid on a half tick is exact."""

    instrument: str
    twice: int
    step: int
    time: FeedTime


class FxMarked(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="fx_marked"):
    """One unit of `asset` is worth `rate` units of the base currency."""

    asset: str
    rate: Decimal
    step: int
    time: FeedTime


class SessionRolled(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="session_rolled"):
    """The only "day": daily figures begin anew."""

    session: str
    step: int
    time: FeedTime


MOVED_BY_PEOPLE = frozenset({"deposit", "withdrawal", "transfer"})
CASH_KINDS = MOVED_BY_PEOPLE | {"dividend", "funding", "interest", "borrow", "fee", "adjustment"}


class CashMoved(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cash_moved"):
    """`kind` is one of CASH_KINDS; amount in quanta of the asset, positive for what comes in."""

    kind: str
    sub_account: str
    asset: str
    amount: int
    reference: str
    time: FeedTime


class Alarmed(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="alarmed"):
    """Something a person should know: an unexpected fact, a break, a foreign order, a failed resolution."""

    kind: str
    subject: str
    detail: str
    time: FeedTime


class SnapshotTaken(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="snapshot_taken"):
    """A snapshot of the ledger as of the event before this one exists, with this digest."""

    digest: str
    fold_version: int


Event = (
    BookOpened
    | EpochBegan
    | InstrumentDefined
    | LimitsChanged
    | CapitalAllocated
    | VersionRegistered
    | DeploymentChanged
    | TradingStateChanged
    | ThrottleChanged
    | CommandTaken
    | RunnerStarted
    | RunnerEnded
    | Answered
    | SignalRaised
    | IntentRefused
    | ExitQueued
    | ExitUnqueued
    | FlattenStarted
    | FlattenEnded
    | OrderSubmitted
    | OrderDenied
    | CancelRequested
    | ReplaceRequested
    | OrderResubmitted
    | OrderAcknowledged
    | OrderFilled
    | FillBusted
    | FillCorrected
    | OrderRejected
    | OrderCanceled
    | OrderExpired
    | OrderReplaced
    | CancelRejected
    | ReplaceRejected
    | OrderDoubted
    | DoubtResolved
    | Marked
    | FxMarked
    | SessionRolled
    | CashMoved
    | Alarmed
    | SnapshotTaken
)


class Batch(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="batch"):
    """One entry of the journal: events with consecutive numbers, committed together or not at all.

    `first` is the number of the first event (numbers start at 1), `previous` the hash of the batch before, `step` the
    last feed step that was wholly processed when the batch was sealed, `wall` when that was.
    """

    book: str
    schema: int
    epoch: int
    first: int
    previous: bytes
    step: int
    wall: WallTime
    events: tuple[Event, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.events) - 1
