"""What people decided, to be read: which proposals wait, and who changed what, when, why, from what to what.

Every line comes from the journal's own events; nothing here is decided, and no file is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, get_args

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.commands import LimitRow, Who
from toolkit.domain.front_desk import Waiting
from toolkit.domain.ledger import Ledger
from toolkit.domain.people import Identity
from toolkit.engine.risk.venue_limits import in_words

KINDS: Final = (
    "limits", "capital", "versions", "states", "throttles", "people", "instruments", "approvals", "processes", "books",
)  # fmt: skip
"""What a line may be about. `processes` is what a person restarted, `books` what a person changed in the books
themselves, such as a transfer."""

_TOLD_OTHERWISE: Final = (ev.CommandTaken, ev.VersionRegistered)
_WITHOUT_WHO: Final = (ev.BookOpened, ev.DeploymentChanged, ev.InstrumentDefined, ev.ChangeExpired)
_MAKE_LINES: Final = tuple(
    kind
    for kind in get_args(ev.Event)
    if ("who" in kind.__struct_fields__ and kind not in _TOLD_OTHERWISE) or kind in _WITHOUT_WHO
)
TAGS: Final[tuple[str, ...]] = tuple(str(kind.__struct_config__.tag) for kind in _MAKE_LINES)
"""Of the events that make a line, as they stand in stored bytes: what holds none of them need not be opened."""

NOTHING: Final = "–"
NOBODY: Final = Who(identity="", verified=False, source="")


class ChangeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `wall` in UTC ns; `who` such as `unix:anna`, with what else is known of that in `how`."""

    event: int
    wall: int
    kind: str
    what: str
    before: str
    after: str
    who: str
    how: str
    source: str
    reason: str
    verified: bool
    four_eyes: bool


def proposals(ledger: Ledger, wall: int) -> tuple[Waiting, ...]:
    """What waits, without what has run out of time though no step of the feed has said so yet."""
    return tuple(
        Waiting(
            proposal=each.proposal,
            what=type(each.body).__name__,
            changes=tuple(map(str, each.changes)),
            who=each.who.identity,
            stands=each.who.verified and ledger.people.find(each.who.identity) is not None,
            source=each.who.source,
            reason=each.reason,
            expires=int(each.expires),
        )
        for each in ledger.proposals.values()
        if int(each.expires) > wall
    )


class Changelog:
    """Hears batches in order, from the first, and tells each change that people or controls made."""

    def __init__(self) -> None:
        self._limits: dict[tuple[str, str, str], LimitRow] = {}
        self._capital: dict[str, str] = {}
        self._quantum = Decimal(1)
        self._versions: dict[str, str] = {}
        self._states: dict[tuple[str, str, str], str] = {}
        self._throttles: dict[str, str] = {}
        self._people: dict[str, Identity] = {}
        self._four_eyes = ""
        self._instruments: dict[str, object] = {}
        self._proposals: dict[str, ev.ChangeProposed] = {}

    def hear(self, batch: ev.Batch) -> Iterator[ChangeLine]:
        """The changes of a batch. What an event does not say of who and why, the command that led to it says."""
        events = tuple(enumerate(batch.events, start=batch.first))
        for number, event in events:
            for kind, what, before, after in self._changes(event):
                who, reason = _who(event), str(getattr(event, "reason", ""))
                if who is None:
                    taken = next((e for n, e in events if n > number and isinstance(e, ev.CommandTaken)), None)
                    who, reason = (NOBODY, reason) if taken is None else (taken.who or NOBODY, taken.reason)
                if isinstance(event, ev.ChangeExpired):
                    who, reason = Who(identity="engine", verified=True, source="engine"), event.cause
                yield ChangeLine(
                    event=number, wall=int(batch.wall), kind=kind, what=what, before=before, after=after,
                    who=who.identity, how=_how(who), source=who.source, reason=reason, verified=who.verified,
                    four_eyes=not who.alone,
                )  # fmt: skip

    def _changes(self, event: ev.Event) -> Iterator[tuple[str, str, str, str]]:
        match event:
            case ev.BookOpened():
                self._quantum = next(c.quantum for c in event.currencies if c.code == event.base_currency)
            case ev.LimitsChanged():
                yield from self._limits_changed(event.rows)
            case ev.LimitOverridden():
                one = event.override
                yield "limits", f"{one.limit} of {one.scope} {one.name}".rstrip(), one.before, f"{one.value} (override)"
            case ev.OverrideEnded():
                yield "limits", f"{event.limit} of {event.scope} {event.name}".rstrip(), "override", "as in the table"
            case ev.CapitalAllocated():
                amount = f"{event.amount * self._quantum:,.2f}"
                yield "capital", event.strategy, self._capital.get(event.strategy, NOTHING), amount
                self._capital[event.strategy] = amount
            case ev.DeploymentChanged():
                now = f"v{event.version} ({event.digest[:6]}) at {event.stage}"
                yield "versions", event.strategy, self._versions.get(event.strategy, NOTHING), now
                self._versions[event.strategy] = now
            case ev.TradingStateChanged():
                scope = event.scope, event.name, event.cause
                before_state = self._states.get(scope, "ACTIVE")
                self._states[scope] = event.state.name
                what = f"{event.scope} {event.name}".rstrip()
                now = event.state.name if event.state.name != before_state else "counts anew"
                yield "states", f"{what} by {event.cause}", before_state, now
            case ev.ThrottleChanged():
                what = f"{event.scope} {event.name}"
                now = "off" if event.rate is None else f"{event.rate}/s"
                yield "throttles", what, self._throttles.get(what, "off"), now
                self._throttles[what] = now
            case ev.PeopleChanged():
                yield from self._people_changed(event)
            case ev.InstrumentDefined():
                symbol = event.instrument.symbol
                yield "instruments", symbol, "other" if symbol in self._instruments else NOTHING, "defined"
                self._instruments[symbol] = event.instrument
            case _:
                yield from self._decided(event)

    def _limits_changed(self, rows: tuple[LimitRow, ...]) -> Iterator[tuple[str, str, str, str]]:
        before, now = self._limits, {(row.scope, row.name, row.limit): row for row in rows}
        self._limits = now
        if not before:
            yield "limits", "the first table", NOTHING, f"{len(rows)} limits"
            return
        for key in {**before, **now}:
            old, new = before.get(key), now.get(key)
            if old is None or new is None or old.value != new.value:
                scope, name, limit = key
                yield (
                    "limits",
                    f"{limit} of {scope} {name}".rstrip(),
                    NOTHING if old is None else in_words(limit, old.value),
                    NOTHING if new is None else f"{in_words(limit, new.value)} ({new.source})",
                )

    def _people_changed(self, event: ev.PeopleChanged) -> Iterator[tuple[str, str, str, str]]:
        before, now = self._people, {row.identity: row for row in event.rows}
        self._people = now
        for identity in {**before, **now}:
            old, new = before.get(identity), now.get(identity)
            if old != new:
                yield "people", identity, _identity(old), _identity(new)
        four_eyes = "on" if event.four_eyes else "off"
        if four_eyes != self._four_eyes:
            yield "people", "four_eyes", self._four_eyes or NOTHING, four_eyes
        self._four_eyes = four_eyes

    def _decided(self, event: ev.Event) -> Iterator[tuple[str, str, str, str]]:
        match event:
            case ev.ChangeProposed():
                self._proposals[event.proposal] = event
                yield "approvals", _about(event), NOTHING, "proposed"
            case ev.ChangeApproved() | ev.ChangeRejected() | ev.ChangeExpired():
                after = type(event).__name__.removeprefix("Change").lower()
                known = self._proposals.pop(event.proposal, None)
                yield "approvals", event.proposal[:10] if known is None else _about(known), "proposed", after
            case ev.RestartAsked():
                yield "processes", event.process, NOTHING, "restarted"
            case _ if isinstance(event, _MAKE_LINES) and _who(event) is not None:
                yield "books", type(event).__name__, NOTHING, _fields(event)


def _who(event: ev.Event) -> Who | None:
    found: Who | None = getattr(event, "who", None)
    return found


def _fields(event: ev.Event) -> str:
    """An event in short, for those that have no words of their own here."""
    named = ((name, getattr(event, name)) for name in event.__struct_fields__ if name not in ("who", "reason"))
    return ", ".join(f"{name} {value}" for name, value in named if isinstance(value, str | int | Decimal) and value)


def _how(who: Who) -> str:
    """What else is known of who it was, in words."""
    words = [who.via and f"via {who.via}", "" if who.verified else "unverified", "four eyes off" if who.alone else ""]
    return ", ".join(filter(None, words))


def _about(proposal: ev.ChangeProposed) -> str:
    changes = "; ".join(f"{each.what}: {each.before} → {each.after}" for each in proposal.changes)
    return f"{proposal.proposal[:10]} {changes}"


def _identity(row: Identity | None) -> str:
    return NOTHING if row is None else f"{row.person}: {', '.join(row.roles)}"
