"""Facts about accounts: what moves between sub-accounts, what a venue or an issuer did, and breaks with a venue.

Who, why and what stands in each: nothing but the journal tells them again. The union of all events is in `events`.
"""

from __future__ import annotations

import msgspec

from toolkit.domain.commands import Who
from toolkit.domain.requests import VenueOrder
from toolkit.domain.time import FeedTime, WallTime


class PositionTransferred(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="position_transferred"
):
    """Lots (negative: a short position) went from one sub-account to another. `twice` is twice the price in ticks.

    `worth` is what the receiver paid the giver, in quanta of the instrument's currency: the sum over both is zero.
    """

    source: str
    target: str
    instrument: str
    lots: int
    twice: int
    worth: int
    who: Who
    reason: str
    time: FeedTime


class PositionAdjusted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="position_adjusted"):
    """A named person took lots that the venue has (negative: does not have) into a sub-account, as if traded.

    `twice` is twice the price in ticks, `worth` what was paid for them in quanta of the instrument's currency.
    """

    sub_account: str
    venue: str
    instrument: str
    lots: int
    twice: int
    worth: int
    who: Who
    reason: str
    time: FeedTime


class CashTransferred(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cash_transferred"):
    """Quanta of an asset went from one sub-account to another; the venue's account does not change."""

    source: str
    target: str
    asset: str
    amount: int
    who: Who
    reason: str
    time: FeedTime


class InstrumentSplit(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="instrument_split"):
    """`denominator` lots became `numerator` lots; what they cost stayed. `lots` are the new ones by sub-account."""

    instrument: str
    numerator: int
    denominator: int
    lots: tuple[tuple[str, int], ...]
    who: Who
    reason: str
    time: FeedTime


class SymbolChanged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="symbol_changed"):
    """The positions in one symbol are positions in another from here on, lot for lot."""

    old: str
    new: str
    who: Who
    reason: str
    time: FeedTime


class OrderAdopted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="order_adopted"):
    """A named person took an order that only the venue knew into a sub-account, as the venue listed it."""

    order_id: str
    venue: str
    sub_account: str
    listed: VenueOrder
    who: Who
    reason: str
    time: FeedTime
    wall: WallTime


class BreakConfirmed(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="break_confirmed"):
    """Two looks at a venue, apart in time and with nothing in flight, showed the same difference to the books.

    `kind` is one of BreakKind, `subject` an order, instrument or asset, `ours` and `theirs` lots or quanta of it.
    `scope` and `name` are what is held until it is resolved; `listed` is the venue's order, where it is about one.
    """

    venue: str
    kind: str
    subject: str
    scope: str
    name: str
    ours: int
    theirs: int
    detail: str
    time: FeedTime
    wall: WallTime
    listed: VenueOrder | None = None


class BreakResolved(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="break_resolved"):
    """A break is over: books and venue agree again, or a named person says so. `outcome` says what it was."""

    venue: str
    kind: str
    subject: str
    outcome: str
    who: Who
    reason: str
    time: FeedTime
    wall: WallTime
