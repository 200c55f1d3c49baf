"""Control 31's overrides: begun when a second person has approved them, ended by time, by use, by a newer table or by a
person; a limit is never left loosened, for the engine asks before each message and after it."""

from __future__ import annotations

import msgspec

from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.commands import LimitRow, Who
from toolkit.domain.errors import DomainError
from toolkit.domain.ledger import Ledger
from toolkit.domain.overrides import LONGEST_OVERRIDE_SECONDS, Override, ended_by, override_key
from toolkit.domain.people_events import Change
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.engine.risk import venue_limits
from toolkit.engine.risk.guard import Guard
from toolkit.engine.risk.limits import OF_WINDOWS, is_looser, problem_with, what_it_limits
from toolkit.engine.transaction import Transaction

MOST_ORDERS = 1_000_000
ENGINE = Who(identity="engine", verified=True, source="engine")

OverrideCommand = cm.OverrideLimit | cm.EndOverride


class OverrideDesk:
    """Begins and ends overrides; who may is asked elsewhere."""

    def __init__(self, ledger: Ledger, guard: Guard) -> None:
        self._ledger = ledger
        self._guard = guard

    def take(self, transaction: Transaction, body: OverrideCommand) -> None:
        """Carry a command out."""
        if isinstance(body, cm.OverrideLimit):
            self._begin(transaction, body)
        else:
            self._end_by_person(transaction, body)

    def settle(self, transaction: Transaction) -> None:
        """End what is over: its time has come, or the last of its orders has left."""
        for override in list(self._ledger.overrides.values()):
            if override.is_used_up:
                self._end(transaction, override, f"used by {override.used} orders")
            elif transaction.now.wall >= override.until:
                self._end(transaction, override, "its time is over")

    def table_changed(self, transaction: Transaction) -> None:
        """A newer table says otherwise: whoever saved it did not mean what was loosened before."""
        for override in ended_by(self._ledger.limits, self._ledger.overrides):
            self._end(transaction, override, "the table of limits says otherwise now")

    def _begin(self, transaction: Transaction, body: cm.OverrideLimit) -> None:
        row = _checked(self._ledger, body)
        if not self._ledger.people.rows:
            raise DomainError("loosening is refused where nobody is named to approve it (config/people.yaml)")
        key = override_key(body.scope, body.name, body.limit)
        if (known := self._ledger.overrides.get(key)) is not None:
            self._end(transaction, known, "another one takes its place")
        seconds = body.seconds or LONGEST_OVERRIDE_SECONDS
        override = Override(
            scope=body.scope,
            name=body.name,
            limit=body.limit,
            value=body.value,
            before=row.value,
            until=WallTime(int(transaction.now.wall) + seconds * NANOSECONDS),
            orders=body.orders,
            who=body.who,
        )
        transaction.emit(ev.LimitOverridden(override=override, who=body.who, reason=body.reason))
        self._guard.limits_changed()

    def _end_by_person(self, transaction: Transaction, body: cm.EndOverride) -> None:
        known = self._ledger.overrides.get(override_key(body.scope, body.name, body.limit))
        if known is None:
            there = ", ".join(self._ledger.overrides) or "none"
            raise DomainError(f"nothing overrides {what_it_limits(body)}; there is: {there}")
        self._end(transaction, known, "a person", body.who, body.reason)

    def _end(
        self, transaction: Transaction, override: Override, cause: str, who: Who = ENGINE, reason: str = ""
    ) -> None:
        transaction.emit(
            ev.OverrideEnded(
                scope=override.scope,
                name=override.name,
                limit=override.limit,
                cause=cause,
                used=override.used,
                who=who,
                reason=reason or cause,
            )
        )
        self._guard.limits_changed()


def override_loosens(ledger: Ledger, body: cm.OverrideLimit) -> tuple[Change, ...]:
    """What a second person reads: from what to what, for how long, for how many orders."""
    row = _checked(ledger, body)
    ends = [f"for {_duration(body.seconds)}"] if body.seconds else []
    ends += [f"for {body.orders} orders"] if body.orders else []
    return (
        Change(
            what=what_it_limits(body),
            before=row.value,
            after=f"{body.value} {' or '.join(ends)}",
            source=row.source,
        ),
    )


def _checked(ledger: Ledger, body: cm.OverrideLimit) -> LimitRow:
    """The row of the table that would be loosened. DomainError when there is none, or it would not be loosened."""
    what = what_it_limits(body)
    key = override_key(body.scope, body.name, body.limit)
    row = next((row for row in ledger.limits if override_key(row.scope, row.name, row.limit) == key), None)
    if row is None:
        places = sorted(f"{row.scope} {row.name}".rstrip() for row in ledger.limits if row.limit == body.limit)
        raise DomainError(f"no {what} is in force; {body.limit} is set for: {', '.join(places) or 'nothing'}")
    if body.limit in venue_limits.NAMES:
        raise DomainError(f"{body.limit} stands in config/venues.yaml: it is changed there, and not for a while")
    if body.limit in OF_WINDOWS:
        raise DomainError(f"{body.limit} says over what time something is looked at: it is changed in the file alone")
    if problem := problem_with(msgspec.structs.replace(row, value=body.value, source="override")):
        raise DomainError(problem)
    if not is_looser(body.limit, row.value, body.value):
        raise DomainError(f"{what} is {row.value} ({row.source}); {body.value} loosens nothing: tighten it in the file")
    if not 0 <= body.seconds <= LONGEST_OVERRIDE_SECONDS or not 0 <= body.orders <= MOST_ORDERS:
        raise DomainError(
            f"an override holds for at most {LONGEST_OVERRIDE_SECONDS // 3600} hours and {MOST_ORDERS} orders; "
            f"what is to hold for longer goes into the file"
        )
    if not body.seconds and not body.orders:
        raise DomainError("say when it ends: after a time, after so many orders, or both")
    return row


def _duration(seconds: int) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
