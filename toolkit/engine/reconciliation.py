"""A venue's account of itself held against the books: differences are confirmed, told and held, never traded away.

A look counts only where nothing in flight could explain what it shows: every report that the venue counts has been
heard, and no request of ours about the subject is open. What two such looks show, `confirm_after` apart, is a break.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from toolkit.domain import events as ev
from toolkit.domain.breaks import BreakKind, break_key
from toolkit.domain.commands import Who
from toolkit.domain.ledger import HOUSE, MANUAL, Ledger
from toolkit.domain.orders import PROTECTIVE, Doubt, TradingState
from toolkit.domain.requests import VenueState
from toolkit.domain.time import MonoTime
from toolkit.engine.differences import PENDING, Difference, cash, in_flight, orders, positions
from toolkit.engine.transaction import Transaction

BREAK = "break"


class Suspect(NamedTuple):
    """A difference that one look showed, and since when; `held` when trading is reduced until a second look."""

    difference: Difference
    since: MonoTime
    held: bool


class Reconciler:
    """What the looks at the venues of one book have shown. Suspects are memory only: a start looks anew."""

    def __init__(self, ledger: Ledger, confirm_after: int, engine: Who) -> None:
        self._ledger = ledger
        self._confirm_after = confirm_after
        self._engine = engine
        self._suspects: dict[str, Suspect] = {}

    def look(self, transaction: Transaction, state: VenueState, at: MonoTime, *, at_start: bool = False) -> None:
        """Take one look in. At a start trading is reduced for what differs already before it is confirmed."""
        if not self._is_heard(state):
            return
        doubt_unlisted(transaction, state, settled_only=True)
        found = {one.key: one for one in self._differences(state)}
        unclear = in_flight(self._ledger, state)
        if any(one.kind is not BreakKind.CASH for one in found.values()):  # lots that differ have moved cash as well
            unclear |= self._ledger.currencies.keys() | dict(state.cash or ()).keys()
            found = {key: one for key, one in found.items() if one.kind is not BreakKind.CASH}
        self._forget(state.venue, found, unclear)
        for key, difference in found.items():
            self._note(transaction, key, difference, at, at_start=at_start)
        self._close(transaction, state.venue, found, unclear)
        self._hold(transaction)

    def resolved_by_person(
        self, transaction: Transaction, found: ev.BreakConfirmed, outcome: str, who: Who, reason: str
    ) -> None:
        """A named person closes a break; if it is still there, two more looks find it again."""
        self._suspects.pop(break_key(found.venue, found.kind, found.subject), None)
        self._resolve(transaction, found, outcome, who, reason)
        self._hold(transaction, who, reason)

    # ---- one look

    def _is_heard(self, state: VenueState) -> bool:
        """Whether the books have heard exactly what the venue's account is made of."""
        return state.last_report == self._ledger.venue_reports.get(state.venue, 0)

    def _differences(self, state: VenueState) -> Iterator[Difference]:
        missing: dict[str, int] = {}
        for difference in orders(self._ledger, state):
            if difference.kind is BreakKind.MISSING_FILL and difference.listed is not None:
                listed = difference.listed
                gap = (difference.theirs - difference.ours) * listed.side
                missing[listed.instrument] = missing.get(listed.instrument, 0) + gap
            yield difference
        yield from positions(self._ledger, state, missing)
        yield from cash(self._ledger, state)

    def _forget(self, venue: str, found: dict[str, Difference], unclear: frozenset[str]) -> None:
        """A suspect that a look does not show was none, or is another one by now."""
        for key, suspect in list(self._suspects.items()):
            now = found.get(key)
            gone = now is None and suspect.difference.subject not in unclear
            if suspect.difference.venue == venue and (gone or (now is not None and now.gap != suspect.difference.gap)):
                del self._suspects[key]

    def _note(
        self, transaction: Transaction, key: str, difference: Difference, at: MonoTime, *, at_start: bool
    ) -> None:
        known = self._ledger.breaks.get(key)
        if known is not None and known.theirs - known.ours == difference.gap:
            return
        suspect = self._suspects.get(key)
        if suspect is None:
            self._suspects[key] = Suspect(difference, at, at_start)
        elif at - suspect.since >= self._confirm_after:
            del self._suspects[key]
            self._confirm(transaction, difference)

    def _confirm(self, transaction: Transaction, difference: Difference) -> None:
        scope, name = self._owner(difference)
        transaction.emit(
            ev.BreakConfirmed(
                venue=difference.venue,
                kind=difference.kind.value,
                subject=difference.subject,
                scope=scope,
                name=name,
                ours=difference.ours,
                theirs=difference.theirs,
                detail=difference.detail,
                time=transaction.time,
                wall=transaction.now.wall,
                listed=difference.listed,
            )
        )
        transaction.alarm(BREAK, difference.subject, f"{difference.kind.value}: {difference.detail}")
        if difference.kind is BreakKind.CLOSED_ORDER:
            _ask_for(transaction, difference)

    def _close(
        self, transaction: Transaction, venue: str, found: dict[str, Difference], unclear: frozenset[str]
    ) -> None:
        for key, known in list(self._ledger.breaks.items()):
            if known.venue == venue and key not in found and known.subject not in unclear:
                self._resolve(transaction, known, self._what_ended(known), self._engine, "books and venue agree")

    def _what_ended(self, known: ev.BreakConfirmed) -> str:
        """Who came round: the books by a fact that came late, or the venue."""
        ledger = self._ledger
        match known.kind:
            case BreakKind.POSITION:
                moved = ledger.venue_positions.get(known.venue, {}).get(known.subject, 0) != known.ours
            case BreakKind.CASH:
                total = ledger.venue_cash.get(known.venue, {}).get(known.subject, 0)
                booked = ledger.booked_cash.get(known.venue, {}).get(known.subject, 0)
                moved = known.ours not in (total, total - booked)
            case BreakKind.MISSING_FILL:
                order = ledger.order(known.subject)
                moved = order is not None and order.filled != known.ours
            case _:
                moved = False
        return "late_fill" if moved else "venue_agrees"

    def _resolve(self, transaction: Transaction, known: ev.BreakConfirmed, outcome: str, who: Who, reason: str) -> None:
        transaction.emit(
            ev.BreakResolved(
                venue=known.venue,
                kind=known.kind,
                subject=known.subject,
                outcome=outcome,
                who=who,
                reason=reason,
                time=transaction.time,
                wall=transaction.now.wall,
            )
        )

    # ---- what is held

    def _owner(self, difference: Difference) -> tuple[str, str]:
        """The strategy that a difference can be put down to, else the venue."""
        owners = set(self._owners(difference))
        if len(owners) == 1 and (owner := owners.pop()) not in (HOUSE, MANUAL):
            return "strategy", owner
        return "venue", difference.venue

    def _owners(self, difference: Difference) -> Iterable[str]:
        ledger = self._ledger
        if difference.kind is BreakKind.POSITION:
            held = {name for name, of in ledger.positions.items() if difference.subject in of}
            return held | {order.strategy for order in ledger.open_orders(instrument=difference.subject)}
        if difference.kind is BreakKind.CASH:
            return ()
        order = ledger.order(difference.subject)
        return () if order is None else (order.strategy,)

    def _hold(self, transaction: Transaction, who: Who | None = None, reason: str = "") -> None:
        """REDUCING for every scope with a break, and no longer."""
        wanted: dict[tuple[str, str], list[str]] = {}
        for known in self._ledger.breaks.values():
            wanted.setdefault((known.scope, known.name), []).append(f"{known.kind} {known.subject}")
        for suspect in self._suspects.values():
            if suspect.held:
                at_start = f"{suspect.difference.kind.value} {suspect.difference.subject}, to be confirmed"
                wanted.setdefault(self._owner(suspect.difference), []).append(at_start)
        for scope, name in self._held() - wanted.keys():
            self._set(transaction, scope, name, TradingState.ACTIVE, who, reason or "books and venue agree")
        for (scope, name), subjects in wanted.items():
            if (scope, name) not in self._held():
                more = f" and {len(subjects) - 3} more" if len(subjects) > 3 else ""
                self._set(
                    transaction, scope, name, TradingState.REDUCING, None, f"break: {', '.join(subjects[:3])}{more}"
                )

    def _held(self) -> set[tuple[str, str]]:
        scopes = (scope.partition(":") for scope, causes in self._ledger.states.items() if BREAK in causes)
        return {(kind, name) for kind, _, name in scopes}

    def _set(
        self, transaction: Transaction, scope: str, name: str, state: TradingState, who: Who | None, reason: str
    ) -> None:
        transaction.emit(
            ev.TradingStateChanged(
                scope=scope, name=name, state=state, cause=BREAK, who=who or self._engine, reason=reason
            )
        )


def doubt_unlisted(
    transaction: Transaction, state: VenueState, *, protection_only: bool = False, settled_only: bool = False
) -> None:
    """An open order that the venue does not list is in doubt, and will be asked for.

    `settled_only` leaves out those with a request on its way, which may not be there yet.
    """
    listed = {order.order_id for order in state.open_orders}
    for order in transaction.ledger.open_orders():
        if order.in_engine or (protection_only and order.order_class is not PROTECTIVE):
            continue
        if settled_only and order.status in PENDING:
            continue
        if order.venue == state.venue and order.doubt is Doubt.NONE and not listed & set(order.chain):
            transaction.emit(
                ev.OrderDoubted(
                    order_id=order.order_id,
                    doubt=Doubt.NEW,
                    cause="the venue does not list it",
                    time=transaction.time,
                    wall=transaction.now.wall,
                )
            )


def _ask_for(transaction: Transaction, difference: Difference) -> None:
    """What rests at the venue and is over in the books: the listing is the venue's acknowledgement of it."""
    listed = difference.listed
    if listed is not None:
        transaction.emit(
            ev.OrderAcknowledged(
                order_id=difference.subject,
                venue_order_id=listed.venue_order_id,
                report=0,
                sent=transaction.now.wall,
                time=transaction.time,
                wall=transaction.now.wall,
            )
        )
