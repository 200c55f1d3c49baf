"""The books as everyone who looks sees them: the ledger's fold of the journal, and what people ask for beside it.

Nothing here is decided and nothing is read: whoever has the batches hands them in. It stops on a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.fold import apply_batch
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import Side
from toolkit.domain.ports import Head
from toolkit.domain.requests import Liquidity
from toolkit.domain.time import FeedTime, WallTime

FILLS_KEPT: Final = 10_000
DENIALS_KEPT: Final = 1_000
ALARMS_KEPT: Final = 1_000
REPLICA_VERSION: Final = 2
VALUE_AT_RISK: Final = 12


_NOTED: Final = frozenset({
    ev.OrderFilled, ev.FillBusted, ev.FillCorrected, ev.OrderSubmitted, ev.OrderDenied, ev.IntentRefused, ev.Alarmed,
    ev.Marked, ev.SessionRolled, ev.TradingStateChanged,
})  # fmt: skip
"""Events of which something is kept beside the ledger; to ask every other one what it is would take a while."""


class FillSeen(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A trade with the number of its event. Price in ticks, quantity in lots, fee in quanta of its asset."""

    number: int
    order_id: str
    execution_id: str
    strategy: str
    instrument: str
    side: Side
    price: int
    quantity: int
    fee: int
    fee_asset: str
    liquidity: Liquidity
    time: FeedTime
    wall: WallTime


class DenialSeen(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """An order or intent that was refused by us: by which control, what it observed, where the limit stands."""

    number: int
    order_id: str
    strategy: str
    instrument: str
    control: int
    observed: str
    limit: str
    source: str
    would_pass: str
    time: FeedTime
    wall: WallTime


class AlarmSeen(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    number: int
    kind: str
    subject: str
    detail: str
    time: FeedTime
    wall: WallTime


class Taken(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What became of a command: "" is done."""

    number: int
    refused: str


class Replica(msgspec.Struct, kw_only=True):
    """The ledger and the newest fills, denials and alarms, as of event `ledger.sequence`.

    `value_at_risk` is what the last entry's record says of the book after it, in quanta of the base currency.
    """

    version: int = REPLICA_VERSION
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    fills: list[FillSeen] = []
    denials: list[DenialSeen] = []
    alarms: list[AlarmSeen] = []
    state_reasons: dict[str, str] = {}
    wall: WallTime = WallTime(0)
    time: FeedTime = FeedTime(0)
    value_at_risk: int | None = None

    @property
    def head(self) -> Head:
        """The end of what has been folded."""
        return Head(self.ledger.sequence, self.ledger.batch_digest)

    def apply(self, batch: ev.Batch, digest: bytes) -> None:
        """Fold the next batch in. JournalError when it does not follow: a replica never goes on over a gap."""
        number, self.wall = batch.first, batch.wall
        apply_batch(self.ledger, batch, digest)
        for event in batch.events:
            if type(event) in _NOTED:
                self._note(number, event)
            number += 1
        self._forget()

    def to_bytes(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Replica | None:
        """A replica that was stored, or None when it was stored by another version of this code."""
        try:
            replica = msgspec.msgpack.decode(data, type=cls)
        except msgspec.MsgspecError:
            return None
        fold = Ledger().fold_version
        return replica if (replica.version, replica.ledger.fold_version) == (REPLICA_VERSION, fold) else None

    def _note(self, number: int, event: ev.Event) -> None:
        match event:
            case ev.OrderFilled():
                self.fills.append(_fill(number, event))
                self.time = event.time
            case ev.FillBusted() | ev.FillCorrected():
                _revise(self.fills, event)
            case ev.OrderSubmitted():
                self._note_risk(event.checks)
            case ev.OrderDenied():
                self.denials.append(_denial(number, event))
            case ev.IntentRefused():
                self.denials.append(_refusal(number, event, self.time, self.wall))
            case ev.Alarmed():
                self.alarms.append(_alarm(number, event, self.wall))
            case ev.Marked() | ev.SessionRolled():
                self.time = event.time
            case ev.TradingStateChanged():
                self.state_reasons[f"{event.scope}:{event.name}"] = f"{event.who.identity}: {event.reason}"

    def _note_risk(self, checks: Sequence[ev.Check]) -> None:
        for check in reversed(checks):  # among the last: it hangs on most
            if check.control == VALUE_AT_RISK and isinstance(check.observed, int):
                self.value_at_risk = check.observed
                return

    def _forget(self) -> None:
        if len(self.fills) > 2 * FILLS_KEPT:
            del self.fills[:-FILLS_KEPT]
        if len(self.denials) > 2 * DENIALS_KEPT:
            del self.denials[:-DENIALS_KEPT]
        if len(self.alarms) > 2 * ALARMS_KEPT:
            del self.alarms[:-ALARMS_KEPT]


class FillHistory:
    """Every fill of a journal, busts taken out and corrections applied, from its batches in order."""

    def __init__(self) -> None:
        self._fills: list[FillSeen] = []

    def hear(self, batch: ev.Batch) -> None:
        """Take in the next batch."""
        for number, event in enumerate(batch.events, start=batch.first):
            if isinstance(event, ev.OrderFilled):
                self._fills.append(_fill(number, event))
            elif isinstance(event, ev.FillBusted | ev.FillCorrected):
                _revise(self._fills, event)

    def fills(self) -> tuple[FillSeen, ...]:
        """All of them, in the order of the journal."""
        return tuple(self._fills)


def _fill(number: int, event: ev.OrderFilled) -> FillSeen:
    return FillSeen(
        number=number, order_id=event.order_id, execution_id=event.execution_id, strategy=event.strategy,
        instrument=event.instrument, side=event.side, price=event.price, quantity=event.quantity, fee=event.fee,
        fee_asset=event.fee_asset, liquidity=event.liquidity, time=event.time, wall=event.wall,
    )  # fmt: skip


def _revise(fills: list[FillSeen], event: ev.FillBusted | ev.FillCorrected) -> None:
    """Take a fill out or correct it: the first of that id, as the ledger does, since ids of a venue may repeat."""
    for index, fill in enumerate(fills):
        if (fill.order_id, fill.execution_id) == (event.order_id, event.execution_id):
            if isinstance(event, ev.FillBusted):
                del fills[index]
            else:
                change = {"price": event.price, "quantity": event.quantity, "fee": event.fee}
                fills[index] = msgspec.structs.replace(fill, **change)
            return


def _denial(number: int, event: ev.OrderDenied) -> DenialSeen:
    return DenialSeen(
        number=number, order_id=event.order_id, strategy=event.strategy, instrument=event.instrument,
        control=event.control, observed=event.observed, limit=event.limit, source=event.source,
        would_pass=event.would_pass, time=event.time, wall=event.wall,
    )  # fmt: skip


def _refusal(number: int, event: ev.IntentRefused, time: FeedTime, wall: WallTime) -> DenialSeen:
    return DenialSeen(
        number=number, order_id="", strategy=event.strategy, instrument=event.instrument, control=event.control,
        observed=event.reason, limit="", source="", would_pass="", time=time, wall=wall,
    )  # fmt: skip


def _alarm(number: int, event: ev.Alarmed, wall: WallTime) -> AlarmSeen:
    return AlarmSeen(
        number=number, kind=event.kind, subject=event.subject, detail=event.detail, time=event.time, wall=wall
    )
