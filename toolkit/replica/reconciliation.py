"""What books and venues do not agree on, as people see it: breaks, doubts with their ages, and what nobody owns."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.breaks import BreakKind
from toolkit.domain.ledger import HOUSE, MANUAL, Ledger
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.replica.views import money


class BreakView(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmed difference. `residual` is what the venue has more than the books, in units of the subject."""

    venue: str
    kind: str
    subject: str
    ours: Decimal
    theirs: Decimal
    residual: Decimal
    held: str
    detail: str
    since: int


class DoubtView(msgspec.Struct, frozen=True, kw_only=True):
    """An order of whose fate nobody knows, and for how long (seconds). `at_risk` may still trade."""

    order_id: str
    strategy: str
    venue: str
    instrument: str
    side: str
    at_risk: Decimal
    doubt: str
    age_seconds: int


class ResidualView(msgspec.Struct, frozen=True, kw_only=True):
    """What no strategy owns: a position or cash of `house` or `manual`."""

    sub_account: str
    subject: str
    amount: Decimal


class ReconciliationView(msgspec.Struct, frozen=True, kw_only=True):
    breaks: tuple[BreakView, ...]
    doubts: tuple[DoubtView, ...]
    residuals: tuple[ResidualView, ...]

    @property
    def clean(self) -> bool:
        """Whether books and venues agree and nothing is in doubt."""
        return not (self.breaks or self.doubts)


def reconciliation(ledger: Ledger, now: WallTime) -> ReconciliationView:
    """All of it, as of the ledger; ages as of `now`."""
    return ReconciliationView(
        breaks=tuple(_break(ledger, found) for found in ledger.breaks.values()),
        doubts=tuple(_doubt(ledger, root, now) for root in ledger.doubtful),
        residuals=tuple(_residuals(ledger)),
    )


def _break(ledger: Ledger, found: ev.BreakConfirmed) -> BreakView:
    ours, theirs = _amount(ledger, found, found.ours), _amount(ledger, found, found.theirs)
    return BreakView(
        venue=found.venue,
        kind=found.kind,
        subject=found.subject,
        ours=ours,
        theirs=theirs,
        residual=theirs - ours,
        held=f"{found.scope} {found.name}",
        detail=found.detail,
        since=int(found.wall),
    )


def _amount(ledger: Ledger, found: ev.BreakConfirmed, count: int) -> Decimal:
    """Lots as a quantity, quanta as money; lots of an instrument that nobody defined as they are."""
    if found.kind == BreakKind.CASH:
        return money(ledger, count, found.subject)
    symbol = found.subject if found.listed is None else found.listed.instrument
    instrument = ledger.instruments.find(symbol)
    return Decimal(count) if instrument is None else instrument.quantity_of(count)


def _doubt(ledger: Ledger, root: str, now: WallTime) -> DoubtView:
    order = ledger.orders[root]
    since = ledger.doubted.get(root, now)
    return DoubtView(
        order_id=order.order_id,
        strategy=order.strategy,
        venue=order.venue,
        instrument=order.instrument,
        side=order.side.name,
        at_risk=ledger.instruments.require(order.instrument).quantity_of(order.remaining),
        doubt=order.doubt.value,
        age_seconds=max(0, now - since) // NANOSECONDS,
    )


def _residuals(ledger: Ledger) -> list[ResidualView]:
    found = []
    for name in (HOUSE, MANUAL):
        for symbol, held in sorted(ledger.positions.get(name, {}).items()):
            if held.lots:
                quantity = ledger.instruments.require(symbol).quantity_of(held.lots)
                found.append(ResidualView(sub_account=name, subject=symbol, amount=quantity))
        for asset, quanta in sorted(ledger.cash.get(name, {}).items()):
            if quanta:
                found.append(ResidualView(sub_account=name, subject=asset, amount=money(ledger, quanta, asset)))
    return found
