"""What a person may answer to an alert, and who may; what an alert is, and what follows, is known elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from toolkit.domain.people import COMMANDING, People, Role, named

LONGEST_SILENCE: Final = 7 * 24 * 3600.0
"""Seconds. A silence has an end: what is known today may be something else next week."""


class AlertDeed(StrEnum):
    """`acknowledge`: somebody works on it, so it goes on to nobody else. `silence`: it is told no more until its end.
    `escalate`: it goes on to the next channel now. `try`: the alert of that name is told once as a trial."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    ESCALATE = "escalate"
    TRY = "try"


class AlertAnswer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="alert_answer"):
    """`alert` is its id (a trial's the rule's name), `seconds` how long a silence lasts, `source` where it was said."""

    deed: AlertDeed
    alert: str
    reason: str
    source: str
    seconds: float = 0.0


ANSWERING: Final[Mapping[AlertDeed, frozenset[Role]]] = {
    AlertDeed.ACKNOWLEDGE: frozenset(COMMANDING),
    AlertDeed.SILENCE: frozenset({Role.OPERATOR, Role.RISK}),
    AlertDeed.ESCALATE: frozenset(COMMANDING),
    AlertDeed.TRY: frozenset(COMMANDING),
}
"""Who may. A silence keeps others from hearing, so it takes a role that answers for the desk."""


def refused_to(people: People, identity: str, answer: AlertAnswer) -> str:
    """Why somebody may not answer so, "" when they may. Where nobody is named yet, anybody may."""
    if not answer.reason.strip():
        return "it says no reason; a word is enough, and it stands in the log beside your name"
    if answer.deed is AlertDeed.SILENCE and not 0 < answer.seconds <= LONGEST_SILENCE:
        return f"a silence of {answer.seconds:g} s; it has an end, after {LONGEST_SILENCE / 86400:.0f} days at most"
    roles, found = ANSWERING[answer.deed], people.find(identity)
    if not people.rows or (found is not None and roles & set(found.roles)):
        return ""
    whose = (
        f"who is {found.person} and has {', '.join(found.roles)}" if found else "whom config/people.yaml does not name"
    )
    able = named(people.with_role(*roles))
    return f"{answer.deed.value} takes role {' or '.join(sorted(roles))}; this is {identity}, {whose}: ask {able}"
