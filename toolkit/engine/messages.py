"""What the engine is fed with beside market data, reports and commands, and what it gives back; never how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from toolkit.domain.commands import Envelope
from toolkit.domain.events import Event, OrderFilled
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.market import FeedMode, Step
from toolkit.domain.orders import Ability
from toolkit.domain.requests import Busted, Corrected, VenueReport, VenueRequest, VenueState
from toolkit.domain.time import NANOSECONDS, MonoTime
from toolkit.engine.router_settings import NO_RULES, RouterSettings


class TimePassed(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing came; time-outs and queues may be due."""


class LineLost(msgspec.Struct, frozen=True, kw_only=True):
    """The line to a venue was cut: everything unanswered there is in doubt."""

    venue: str


class LineBack(msgspec.Struct, frozen=True, kw_only=True):
    """The line to a venue stands again."""

    venue: str


class NotSent(msgspec.Struct, frozen=True, kw_only=True):
    """Requests dropped unsent (latch shut, `send_by` passed, line down): nothing of them reached the venue."""

    requests: tuple[VenueRequest, ...]
    cause: str


class HeldBack(msgspec.Struct, frozen=True, kw_only=True):
    """Exits that found no room in the rate of their venue and never left: they wait here and go out later."""

    requests: tuple[VenueRequest, ...]


class AbsenceProven(msgspec.Struct, frozen=True, kw_only=True):
    """The venue did not know an order after the quarantine had passed: what we asked for never arrived there."""

    venue: str
    order_id: str


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's revision of a trade whose order the ledger has forgotten, and that trade as the journal has it."""

    report: Busted | Corrected
    trade: OrderFilled


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's account of itself, asked for at `at`; everything that it said before has been handed on.

    `at_start` when this engine sees that venue for the first time.
    """

    state: VenueState
    at: MonoTime
    at_start: bool = False


Lines = LineLost | LineBack
Unsent = NotSent | HeldBack


class SnapshotKept(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger as of an event and a step is on the disk, or `problem` says why it is not."""

    sequence: int = 0
    step: int = 0
    digest: str = ""
    problem: str = ""


Kept = Recalled | SnapshotKept
Looks = VenueState | Looked
Message = Step | VenueReport | Envelope | TimePassed | Lines | Unsent | AbsenceProven | Looks | Kept


class Output(msgspec.Struct, frozen=True):
    """What one message led to: events in order, requests to release once durable, inbox entries by strategy."""

    events: Sequence[Event]
    requests: Sequence[VenueRequest]
    inbox: Mapping[str, Sequence[InboxEntry]]


QUIET = Output((), (), {})  # what nearly every step of a feed leads to


class Valuation(msgspec.Struct, frozen=True, kw_only=True):
    """How an asset is valued for PnL: by the mark of the instrument that trades it, or at a written price in the base
    currency."""

    asset: str
    instrument: str = ""
    price: Decimal | None = None


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine must be told. Times in nanoseconds.

    `abilities` says of each venue what it can do beyond market and limit orders; of one that is missing nothing is
    known, and such orders are refused. `valuations` are of what is charged in kind, `exchange_rates` of the currencies
    that instruments are traded in.
    """

    feed_mode: FeedMode
    acknowledge_within: int = 5 * NANOSECONDS
    ask_again_after: int = NANOSECONDS
    mark_interval: int = NANOSECONDS
    confirm_after: int = 5 * NANOSECONDS
    abilities: Mapping[str, frozenset[Ability]] = {}
    router: RouterSettings = NO_RULES
    valuations: tuple[Valuation, ...] = ()
    exchange_rates: tuple[Valuation, ...] = ()

    @property
    def charged_in_kind(self) -> tuple[Valuation, ...]:
        """What is valued because it was charged; what is traded in has its rate already."""
        traded_in = {one.asset for one in self.exchange_rates}
        return tuple(one for one in self.valuations if one.asset not in traded_in)

    @property
    def sends_again(self) -> bool:
        """In lockstep feed time stands still while we recover, so what never arrived may still be sent."""
        return self.feed_mode is FeedMode.LOCKSTEP
