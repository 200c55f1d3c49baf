"""What would cover a loss that controls 20 and 21 watch: one person's booking is no way to trade on after it.

Income, adjustments and prices that somebody states count in the results like trades. As long as strategy or book stand
below where they began, or below their highest, whatever of that raises a result takes a second person. Deposits,
withdrawals and transfers of cash are no results, and costs only make a loss larger: they take nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.domain import commands as cm
from toolkit.domain.breaks import BreakKind, break_key
from toolkit.domain.events import MOVED_BY_PEOPLE
from toolkit.domain.instruments import Instrument
from toolkit.domain.ledger import HOUSE, Ledger
from toolkit.domain.people_events import Change
from toolkit.domain.results import confirmed_pnl
from toolkit.domain.standing import WHOLE_BOOK
from toolkit.engine.account_checks import holders_of, lots_at

Gains = Iterable[tuple[str, bool]]
"""Sub-accounts, and whether a booking raises the result of the whole book as well."""


def by_cash(ledger: Ledger, body: cm.MoveCash) -> tuple[Change, ...]:
    """Income or an adjustment that somebody books by hand."""
    if body.kind in MOVED_BY_PEOPLE or not body.amount > 0:
        return ()
    return _covered(ledger, [(body.sub_account, True)], f"{body.kind} of {body.amount} {body.asset}")


def by_distribution(ledger: Ledger, body: cm.DistributeCash) -> tuple[Change, ...]:
    """Income by what is held: who is long is paid for a positive amount, who is short for a negative one.

    What the venue's own figure says beyond that is income of `house`, unless it is no more than rounding.
    """
    paid = [name for name, lots in holders_of(ledger, body.instrument).items() if lots * body.per_unit > 0]
    if _leaves_more_than_rounding(ledger, body):
        paid.append(HOUSE)
    words = f"{body.kind} of {body.per_unit} {body.asset} a unit of {body.instrument}"
    return _covered(ledger, [(name, True) for name in paid], words)


def by_transfer(ledger: Ledger, body: cm.TransferPosition) -> tuple[Change, ...]:
    """A stated price moves a result from one sub-account to the other; at the mark nothing moves."""
    lots = ledger.position(body.source, body.instrument).lots
    above = _against_the_mark(ledger, ledger.instruments.find(body.instrument), body)
    if above is None:
        winners = [body.source, body.target]
    else:
        winners = [body.source if above * lots > 0 else body.target] if above else []
    words = f"{body.instrument} from {body.source} to {body.target} at {body.price}"
    return _covered(ledger, [(name, False) for name in winners], words)


def by_adoption(ledger: Ledger, body: cm.AdoptBreak) -> tuple[Change, ...]:
    """What only the venue has: cash above the books', or lots at a price that somebody states."""
    found = ledger.breaks.get(break_key(body.venue, body.kind, body.subject))
    if found is None:
        return ()
    gap = found.theirs - found.ours
    if body.kind == BreakKind.CASH.value:
        raises = gap > 0
    else:
        above = _against_the_mark(ledger, ledger.instruments.find(body.subject), body)
        raises = above is None or above * gap < 0
    words = f"{body.kind} {body.subject} of {body.venue} into {body.sub_account}"
    at = "" if body.price is None else f" at {body.price}"
    return _covered(ledger, [(body.sub_account, True)], words + at) if raises else ()


def _leaves_more_than_rounding(ledger: Ledger, body: cm.DistributeCash) -> bool:
    instrument, currency = ledger.instruments.find(body.instrument), ledger.currencies.get(body.asset)
    if body.amount is None or instrument is None or currency is None:
        return False
    lots = (
        lots_at(ledger, body.instrument, body.venue) if body.venue else holders_of(ledger, body.instrument)
    ).values()
    return body.amount - body.per_unit * instrument.lot * sum(lots) > currency.quantum * len(lots)


def _against_the_mark(
    ledger: Ledger, instrument: Instrument | None, body: cm.TransferPosition | cm.AdoptBreak
) -> int | None:
    """By how much a price is above the mark, in half ticks; None without a mark of now, as of what nobody holds."""
    if instrument is None:
        return 0
    mark = ledger.marks.get(instrument.symbol)
    if mark is None or not ledger.held.get(instrument.symbol):
        return None if mark is not None or body.price is not None else 0  # without any price it is refused
    return 0 if body.price is None else 2 * instrument.ticks(body.price) - mark.twice


def _covered(ledger: Ledger, gains: Gains, words: str) -> tuple[Change, ...]:
    """A change for each scope whose loss would be smaller; not by how much it lost, for that moves with each mark."""
    scopes = dict.fromkeys(name for name, _ in gains)
    if any(of_book for _, of_book in gains):
        scopes[WHOLE_BOOK] = None
    return tuple(
        Change(what=f"loss of {scope or 'the book'}", before="as traded", after=f"less by {words}")
        for scope in scopes
        if _has_lost(ledger, scope)
    )


def _has_lost(ledger: Ledger, scope: str) -> bool:
    """Whether it stands below where it began or below its highest; where that is not known nobody decides alone."""
    pnl = confirmed_pnl(ledger, scope)
    return pnl is None or ledger.standing.loss(scope, pnl) > 0 or ledger.standing.drawdown(scope, pnl) > 0
