"""What each command would loosen, as changes that a second person can read, and the part of a file that only tightens.

Each function looks at the ledger as it is and changes nothing. A DomainError says that the command makes no sense; what
is refused anyway is proposed to nobody.
"""

from __future__ import annotations

import msgspec

from toolkit.domain import commands as cm
from toolkit.domain.errors import DomainError
from toolkit.domain.ledger import Ledger
from toolkit.domain.money import to_quanta
from toolkit.domain.people import LONGEST_APPROVAL_HOURS, SYSTEM, Identity, People, can_decide
from toolkit.domain.people_events import Change
from toolkit.engine.kill_switch import REOPENED
from toolkit.engine.risk.limits import loosening, problem_with, stricter

MILD = frozenset({"disable", "down"})
"""Causes of a halt that one person may lift. Whatever else halts, a kill, a loss, a control, takes a second one."""

IN_PART = "in part"


def limits(ledger: Ledger, body: cm.SetLimits) -> tuple[Change, ...]:
    """Each limit that a table would loosen."""
    if problems := [problem for row in body.rows if (problem := problem_with(row))]:
        raise DomainError("; ".join(problems))
    return () if body.checksum == ledger.limits_checksum else loosening(ledger.limits, body.rows)


def stricter_limits(ledger: Ledger, body: cm.SetLimits) -> cm.SetLimits | None:
    """The table in force with all in it that the new one tightens; None when that is nothing."""
    rows = stricter(ledger.limits, body.rows)
    values, known = ({(row.scope, row.name, row.limit): row.value for row in table} for table in (rows, ledger.limits))
    if values == known:
        return None
    return msgspec.structs.replace(body, rows=rows, checksum=f"{body.checksum} {IN_PART}")


def capital(ledger: Ledger, body: cm.AllocateCapital) -> tuple[Change, ...]:
    """More capital than is in force."""
    base = ledger.currencies[ledger.base_currency]
    wanted, present = (
        to_quanta(body.amount, base.quantum, f"amount of {base.code}"),
        ledger.capital.get(body.strategy, 0),
    )
    if wanted <= present:
        return ()
    before, after = (f"{amount * base.quantum:f}" for amount in (present, wanted))
    return (Change(what=f"capital of {body.strategy}", before=before, after=after, source=body.who.source),)


def only_slows(ledger: Ledger, body: cm.SetThrottle) -> bool:
    """Whether a throttle lets nothing more through than the one in force."""
    present = ledger.throttles.get(f"{body.scope}:{body.name}")
    return body.rate is not None and (present is None or body.rate <= present)


def throttle(ledger: Ledger, body: cm.SetThrottle) -> tuple[Change, ...]:
    """A throttle that is lifted, or lets more through."""
    present = ledger.throttles.get(f"{body.scope}:{body.name}")
    if present is None or only_slows(ledger, body):
        return ()
    after = "off" if body.rate is None else f"{body.rate}/s"
    return (Change(what=f"throttle of {body.scope} {body.name}", before=f"{present}/s", after=after),)


def release(ledger: Ledger, body: cm.EnableStrategy) -> tuple[Change, ...]:
    """Each halt of a strategy that one person may not lift alone."""
    return halts(ledger, "strategy", body.strategy)


def reopening(ledger: Ledger, body: cm.Reopen) -> tuple[Change, ...]:
    """A kill of the book or a venue, and what a control of the whole book set: that is what this lifts."""
    ends = tuple(f" by {cause}" for cause in REOPENED)
    return tuple(change for change in halts(ledger, body.scope, body.name) if change.before.endswith(ends))


def halts(ledger: Ledger, scope: str, name: str) -> tuple[Change, ...]:
    """The causes of a scope's state that take a second person to lift."""
    causes = ledger.states.get(f"{scope}:{name}", {})
    return tuple(
        Change(what=f"{scope} {name}".rstrip(), before=f"{state.name} by {cause}", after="ACTIVE")
        for cause, state in causes.items()
        if cause not in MILD
    )


def people(ledger: Ledger, body: cm.SetPeople) -> tuple[Change, ...]:
    """Each identity that is new or can do more, and four eyes that would be no longer needed."""
    check_table(body)
    found = [change for row in body.rows if (change := _grown(row, ledger.people.find(row.identity)))]
    if ledger.people.four_eyes and not body.four_eyes:
        found.append(Change(what="four_eyes", before="on", after="off"))
    if body.approval_hours > ledger.people.approval_hours:
        before, after = str(ledger.people.approval_hours), str(body.approval_hours)
        found.append(Change(what="approval_hours", before=before, after=after))
    return tuple(found)


def fewer_people(ledger: Ledger, body: cm.SetPeople) -> cm.SetPeople | None:
    """The table in force without what the new one takes away; None when that is nothing, or would shut all out."""
    wanted = {row.identity: row for row in body.rows}
    rows = tuple(kept for row in ledger.people.rows if (kept := _shrunk(row, wanted.get(row.identity))))
    four_eyes = ledger.people.four_eyes or body.four_eyes
    hours = min(ledger.people.approval_hours, body.approval_hours)
    table = People(rows=rows, four_eyes=four_eyes, approval_hours=hours)
    if table == ledger.people or not can_decide(table):
        return None
    return msgspec.structs.replace(body, rows=rows, four_eyes=four_eyes, approval_hours=hours)


def check_table(body: cm.SetPeople) -> None:
    """DomainError for a time in which nobody could approve anything or that no clock reaches, and for a person who
    would be the desk itself."""
    if not 1 <= body.approval_hours <= LONGEST_APPROVAL_HOURS:
        raise DomainError(f"approval_hours is {body.approval_hours}; give 1 to {LONGEST_APPROVAL_HOURS}")
    for row in body.rows:
        if row.identity.startswith(SYSTEM):
            raise DomainError(f"{row.person} cannot be {row.identity}: under that name the desk itself speaks")


def _grown(row: Identity, known: Identity | None) -> Change | None:
    what = f"{row.person} as {row.identity}"
    if known is None:
        return Change(what=what, before="nobody", after=", ".join(row.roles))
    if known.person != row.person:
        return Change(what=row.identity, before=known.person, after=row.person)
    if known.key != row.key:
        return Change(what=what, before=f"secret {known.key[:6]}", after=f"secret {row.key[:6]}")
    if not set(row.roles) <= set(known.roles):
        return Change(what=what, before=", ".join(known.roles), after=", ".join(row.roles))
    return None


def _shrunk(known: Identity, row: Identity | None) -> Identity | None:
    """What is left of an identity at once; one whose person or secret is to change waits as it is for the approval."""
    if row is None:
        return None
    if (row.person, row.key) != (known.person, known.key):
        return known
    roles = tuple(role for role in known.roles if role in row.roles)
    return msgspec.structs.replace(known, roles=roles) if roles else None
