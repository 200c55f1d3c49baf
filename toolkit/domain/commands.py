"""Requests in the imperative to the engine, from runners, people and the supervisor, with who, from where and why."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from toolkit.domain.instruments import Instrument
from toolkit.domain.intents import Intent, Signal
from toolkit.domain.people import APPROVAL_HOURS, Identity


class Who(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="who"):
    """Who gave a command: `identity` such as `unix:anna`, and `source` such as `cli`.

    `verified`: the front desk proved it. `via` is the app that vouches for a login. `alone` says that four eyes were
    off, so that nobody else need have looked; the engine writes it, whatever stood there.
    """

    identity: str
    verified: bool
    source: str
    via: str = ""
    alone: bool = False


class RunnerHello(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="runner_hello"):
    """A runner's first message: which version it loaded and verified. Answered by `Restored` in its inbox."""

    strategy: str
    version: str
    digest: str


class RunnerAnswer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="runner_answer"):
    """The one answer to an input: how far the runner has read, what it wants and, if changed, its declared state.

    `held` is there at the beginning and at the end of a time in which the runner was too slow for its feed: the step
    from which on quotes were held back, to be told at the end, the newest of each instrument alone.
    """

    strategy: str
    step: int
    inbox: int
    signals: tuple[Signal, ...] = ()
    intents: tuple[Intent, ...] = ()
    state: bytes | None = None
    logs: tuple[str, ...] = ()
    held: int = 0


class RunnerStopped(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="runner_stopped"):
    """The supervisor says that a runner ended. `cause` is raised, hung, memory, exit, hash, import or given_up."""

    strategy: str
    cause: str
    detail: str
    given_up: bool


class EnableStrategy(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="enable_strategy"):
    strategy: str
    who: Who
    reason: str


class DisableStrategy(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="disable_strategy"):
    """HALTED for one strategy: cancel its orders except protective ones; with `flatten` also close its position."""

    strategy: str
    flatten: bool
    who: Who
    reason: str


class SetThrottle(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="set_throttle"):
    """Messages per second for a venue or a strategy; None lifts it."""

    scope: str
    name: str
    rate: Decimal | None
    who: Who
    reason: str


class CancelAll(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cancel_all"):
    """Cancel every resting order of the book except protective ones (`down`)."""

    who: Who
    reason: str


class KillMode(StrEnum):
    """How far a kill goes. Each step holds all of the one before; to flatten is a decision of its own."""

    HALT_ENTRIES = "halt_entries"
    CANCEL_ALL = "cancel_all"
    FLATTEN = "flatten"


class Kill(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="kill"):
    """HALTED for a scope (`book` without a name, `venue`, `strategy`) until a named person lets go: no entry leaves.

    What works is cancelled: entries, or all with `cancel_all`; `flatten` closes positions as well, once every doubt is
    resolved, or with `accept_unknown` over what is not.
    """

    scope: str
    name: str
    mode: KillMode
    who: Who
    reason: str
    accept_unknown: bool = False


class Reopen(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="reopen"):
    """A named person lets go of a kill of the book or of a venue; of a strategy `EnableStrategy` does."""

    scope: str
    name: str
    who: Who
    reason: str


class LimitRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="limit_row"):
    """One limit: scope and its name, the limit's name, its value and place.

    Scopes are `book`, `venue`, `account` (the book's at a venue), `strategy`, `instrument` and `stage`.
    `value` is a number in human units (quantity, base currency, per second) or, for lists, words joined by commas.
    `source` is file and line, for instance `config/limits.yaml:12`.
    """

    scope: str
    name: str
    limit: str
    value: str
    source: str


class SetLimits(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="set_limits"):
    """The whole table of limits of a file, with its checksum. What it loosens waits for another person's approval."""

    rows: tuple[LimitRow, ...]
    checksum: str
    who: Who
    reason: str


class OverrideLimit(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="override_limit"):
    """Loosen one limit of the table for a while, or for so many entries, whichever is over first; 0 leaves one out.

    The time begins when a second person has approved it.
    """

    scope: str
    name: str
    limit: str
    value: str
    seconds: int
    orders: int
    who: Who
    reason: str


class EndOverride(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="end_override"):
    """The table's own value holds again."""

    scope: str
    name: str
    limit: str
    who: Who
    reason: str


class RestartProcess(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="restart_process"):
    """A person has a process of the desk started anew. The supervisor does it; the books remember who and why."""

    process: str
    who: Who
    reason: str


class DefineInstruments(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="define_instruments"):
    instruments: tuple[Instrument, ...]
    who: Who
    reason: str


class AllocateCapital(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="allocate_capital"):
    """A person's number for one strategy, in the base currency."""

    strategy: str
    amount: Decimal
    who: Who
    reason: str


class RegisterVersion(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="register_version"):
    """Put an immutable artefact into the registry and deploy it at PAPER."""

    strategy: str
    version: int
    digest: str
    path: str
    instruments: tuple[str, ...]
    who: Who
    reason: str


class MoveCash(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="move_cash"):
    """A typed cash movement. `amount` in human units of `asset`; `venue` is whose account, "" where there is one."""

    kind: str
    sub_account: str
    asset: str
    amount: Decimal
    who: Who
    reason: str
    venue: str = ""


class SetPeople(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="set_people"):
    """The whole table of a file: every identity with its roles, and whether four eyes are needed to loosen."""

    rows: tuple[Identity, ...]
    four_eyes: bool
    who: Who
    reason: str
    approval_hours: int = APPROVAL_HOURS


class ApproveChange(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="approve_change"):
    """Yes to the proposal with this checksum, and to nothing else."""

    proposal: str
    who: Who
    reason: str


class RejectChange(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="reject_change"):
    """No to a proposal, or one's own taken back."""

    proposal: str
    who: Who
    reason: str


class TransferPosition(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="transfer_position"):
    """Give a position (all of it, or a part) to another sub-account, at this price or at the mark; the sum is zero."""

    source: str
    target: str
    instrument: str
    quantity: Decimal | None
    price: Decimal | None
    who: Who
    reason: str


class TransferCash(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="transfer_cash"):
    """Give cash to another sub-account; the venue's account does not change. `amount` in human units of `asset`."""

    source: str
    target: str
    asset: str
    amount: Decimal
    who: Who
    reason: str


class DistributeCash(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="distribute_cash"):
    """A dividend, funding, interest or borrow cost on what everybody holds of an instrument; who is short pays.

    `per_unit` in human units of `asset`. What `amount`, the venue's own figure, differs by rounding goes to `house`.
    `venue` pays on what lies there; "" where all of it lies at one.
    """

    kind: str
    instrument: str
    asset: str
    per_unit: Decimal
    amount: Decimal | None
    who: Who
    reason: str
    venue: str = ""


class SplitInstrument(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="split_instrument"):
    """`denominator` shares became `numerator` shares."""

    instrument: str
    numerator: int
    denominator: int
    who: Who
    reason: str


class ChangeSymbol(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="change_symbol"):
    """Positions in one symbol are positions in another, which must be defined in the same units."""

    old: str
    new: str
    who: Who
    reason: str


class AdoptBreak(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="adopt_break"):
    """Take what only the venue has (an order, lots, cash) into a sub-account; lots at this price or at the mark."""

    venue: str
    kind: str
    subject: str
    sub_account: str
    price: Decimal | None
    who: Who
    reason: str


class ResolveBreak(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="resolve_break"):
    """A named person says what a break was; the books stay as they are.

    The next looks find it again if it is still there.
    """

    venue: str
    kind: str
    subject: str
    outcome: str
    who: Who
    reason: str


class ResolveDoubt(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="resolve_doubt"):
    """A named person says what became of an order: `working`, or `gone` (nothing of it is left at the venue).

    `reason` says how that is known. A later fact of the venue changes the books all the same.
    """

    order_id: str
    outcome: str
    who: Who
    reason: str


Command = (
    RunnerHello
    | RunnerAnswer
    | RunnerStopped
    | EnableStrategy
    | DisableStrategy
    | SetThrottle
    | CancelAll
    | Kill
    | Reopen
    | SetLimits
    | DefineInstruments
    | AllocateCapital
    | RegisterVersion
    | MoveCash
    | SetPeople
    | TransferPosition
    | TransferCash
    | DistributeCash
    | SplitInstrument
    | ChangeSymbol
    | AdoptBreak
    | ResolveBreak
    | ResolveDoubt
    | ApproveChange
    | RejectChange
    | OverrideLimit
    | EndOverride
    | RestartProcess
)


class Envelope(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="envelope"):
    """A command with its producer's contiguous number. The same number with another payload is an error.

    A new incarnation of a producer starts again at 1; incarnations only grow (wall nanoseconds at start).
    """

    producer: str
    incarnation: int
    number: int
    body: Command
