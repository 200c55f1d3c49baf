"""Facts in the past tense, and the batch that the journal stores; how bytes are kept is the journal adapter's business.

Stored bytes are never rewritten. Fields are only ever added at the end with a default; anything else is a new tag and
an upcaster (`toolkit.adapters.codec`).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from toolkit.domain.account_events import (
    BreakConfirmed,
    BreakResolved,
    CashTransferred,
    InstrumentSplit,
    OrderAdopted,
    PositionAdjusted,
    PositionTransferred,
    SymbolChanged,
)
from toolkit.domain.breakers import BreakerMoved, OpenBreaker
from toolkit.domain.commands import LimitRow, Who
from toolkit.domain.instruments import Currency, Instrument
from toolkit.domain.joined_orders import JoinedReduceAnswered, JoinedReduceRequested, OrdersJoined
from toolkit.domain.order_events import (
    CancelRejected,
    CancelRequested,
    Check,
    DoubtResolved,
    ExitQueued,
    ExitUnqueued,
    FillBusted,
    FillCorrected,
    FlattenEnded,
    FlattenStarted,
    OrderAcknowledged,
    OrderCanceled,
    OrderDenied,
    OrderDoubted,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReleased,
    OrderReplaced,
    OrderResubmitted,
    OrderSubmitted,
    OrderTriggered,
    PastTrade,
    ReplaceRejected,
    ReplaceRequested,
    Seen,
    TrailMoved,
)
from toolkit.domain.orders import TradingState
from toolkit.domain.overrides import Override
from toolkit.domain.people_events import (
    Change,
    ChangeApproved,
    ChangeExpired,
    ChangeProposed,
    ChangeRejected,
    LimitOverridden,
    OverrideEnded,
    PeopleChanged,
    RestartAsked,
)
from toolkit.domain.time import FeedTime, WallTime


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
    """The cursor of a producer: which command took effect, who gave it and what became of it ("" is done).

    `proposal` is the checksum of what waits for another person's approval.
    """

    producer: str
    incarnation: int
    number: int
    command: str
    who: Who | None
    reason: str
    refused: str = ""
    proposal: str = ""


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
    """A runner's answer took effect: how far it had read, and its declared state if that changed.

    With `held` it was too slow for its feed: quotes were held back from that step on (it begins where that is `step`).
    """

    strategy: str
    incarnation: int
    number: int
    step: int
    inbox: int
    state: bytes | None
    logs: tuple[str, ...] = ()
    held: int = 0


class SignalRaised(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="signal_raised"):
    strategy: str
    instrument: str
    target: int
    reason: str
    step: int


class IntentRefused(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="intent_refused"):
    """An intent that no order could be made of (cancel of an unknown order, illegal command, malformed).

    `others` are further intents of the same answer and instrument, refused for the same reason.
    """

    strategy: str
    intent_id: str
    instrument: str
    control: int
    reason: str
    others: tuple[str, ...] = ()


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


class HighWaterRaised(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="high_water_raised"):
    """The highest PnL so far, in quanta of the base currency: of the book (`""`) and of strategies, those that grew."""

    marks: tuple[tuple[str, int], ...]
    time: FeedTime


class SessionRolled(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="session_rolled"):
    """The only "day": daily figures begin anew."""

    session: str
    step: int
    time: FeedTime


MOVED_BY_PEOPLE = frozenset({"deposit", "withdrawal", "transfer"})
EARNED_BY_HOLDING = frozenset({"dividend", "funding", "interest", "borrow"})
CASH_KINDS = MOVED_BY_PEOPLE | EARNED_BY_HOLDING | {"fee", "adjustment"}


class CashMoved(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cash_moved"):
    """`kind` is one of CASH_KINDS; amount in quanta of the asset, positive for what comes in.

    `venue` is whose account it moved ("": the book's first). What a "transfer" moves stays in that account.
    """

    kind: str
    sub_account: str
    asset: str
    amount: int
    reference: str
    time: FeedTime
    venue: str = ""


class Alarmed(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="alarmed"):
    """Something a person should know: an unexpected fact, a break, a foreign order, a failed resolution.

    `report` is the number of the venue's report that is told of here and changes nothing else: it was heard.
    """

    kind: str
    subject: str
    detail: str
    time: FeedTime
    venue: str = ""
    report: int = 0


class SnapshotTaken(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="snapshot_taken"):
    """A snapshot of the ledger exists, with this digest: as of event `sequence` and feed step `step`.

    Those of older journals (0) are as of the event before this one.
    """

    digest: str
    fold_version: int
    sequence: int = 0
    step: int = 0


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
    | OrdersJoined
    | JoinedReduceRequested
    | JoinedReduceAnswered
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
    | TrailMoved
    | OrderTriggered
    | OrderReleased
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
    | PeopleChanged
    | ChangeProposed
    | ChangeApproved
    | ChangeRejected
    | ChangeExpired
    | PositionTransferred
    | PositionAdjusted
    | CashTransferred
    | InstrumentSplit
    | SymbolChanged
    | OrderAdopted
    | BreakConfirmed
    | BreakResolved
    | HighWaterRaised
    | LimitOverridden
    | OverrideEnded
    | BreakerMoved
    | RestartAsked
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


__all__ = [
    "Alarmed",
    "Answered",
    "Batch",
    "BookOpened",
    "BreakConfirmed",
    "BreakResolved",
    "BreakerMoved",
    "CancelRejected",
    "CancelRequested",
    "CapitalAllocated",
    "CashMoved",
    "CashTransferred",
    "Change",
    "ChangeApproved",
    "ChangeExpired",
    "ChangeProposed",
    "ChangeRejected",
    "Check",
    "CommandTaken",
    "DeploymentChanged",
    "DoubtResolved",
    "EpochBegan",
    "Event",
    "ExitQueued",
    "ExitUnqueued",
    "FillBusted",
    "FillCorrected",
    "FlattenEnded",
    "FlattenStarted",
    "FxMarked",
    "HighWaterRaised",
    "InstrumentDefined",
    "InstrumentSplit",
    "IntentRefused",
    "JoinedReduceAnswered",
    "JoinedReduceRequested",
    "LimitOverridden",
    "LimitsChanged",
    "Marked",
    "OpenBreaker",
    "OrderAcknowledged",
    "OrderAdopted",
    "OrderCanceled",
    "OrderDenied",
    "OrderDoubted",
    "OrderExpired",
    "OrderFilled",
    "OrderRejected",
    "OrderReleased",
    "OrderReplaced",
    "OrderResubmitted",
    "OrderSubmitted",
    "OrderTriggered",
    "OrdersJoined",
    "Override",
    "OverrideEnded",
    "PastTrade",
    "PeopleChanged",
    "PositionAdjusted",
    "PositionTransferred",
    "ReplaceRejected",
    "ReplaceRequested",
    "RestartAsked",
    "RunnerEnded",
    "RunnerStarted",
    "Seen",
    "SessionRolled",
    "SignalRaised",
    "SnapshotTaken",
    "SymbolChanged",
    "ThrottleChanged",
    "TradingStateChanged",
    "TrailMoved",
    "VersionRegistered",
]
