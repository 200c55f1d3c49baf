"""Who may speak to a book: identities, the people behind them and their roles; how one is proven is known elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

PEOPLE: Final = "people"
"""The producer whose commands come through the front desk, which proved who gave them."""
SUPERVISOR: Final = "supervisor"
"""The producer for files that were saved and processes that ended."""
OPERATOR: Final = "operator"
"""The producer of whoever finds no front desk. Nobody proves who that is, so only what tightens goes through."""

SYSTEM: Final = "system:"
"""How the identities begin under which the desk itself speaks. No table gives one to a person."""
GUARDIAN: Final = f"{SYSTEM}guardian"
"""Turns alerts into commands. It may only tighten, whatever stands in a table, and lets go of nothing."""

COMMANDERS: Final = (OPERATOR, PEOPLE, SUPERVISOR)
"""Every producer that an engine hears beside its runners. No strategy may bear the name of one."""

RESERVED: Final = frozenset({*COMMANDERS, "engine", "house", "listener", "manual", "venue", "viewer"})
"""Names that no strategy may bear: commands and positions of others go under them."""


APPROVAL_HOURS: Final = 24
"""How long a proposal waits for its approval, unless config/people.yaml says otherwise."""
LONGEST_APPROVAL_HOURS: Final = 24 * 31


FINGERPRINT: Final = 16
"""Hexadecimal digits."""


class Role(StrEnum):
    """What a person is trusted with. Roles add up; none contains another."""

    VIEWER = "viewer"
    QUANT = "quant"
    OPERATOR = "operator"
    RISK = "risk"


COMMANDING: Final = (Role.QUANT, Role.OPERATOR, Role.RISK)
"""The roles that may command anything at all."""

ROLES: Final = {
    Role.VIEWER: "looks, commands nothing",
    Role.QUANT: "registers versions, proposes limits and capital, stops strategies",
    Role.OPERATOR: "stops and starts, slows down, books transfers, proposes limits and capital",
    Role.RISK: "all of that but registering; approves what loosens, and is asked for each person and role",
}


class Identity(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="identity"):
    """One way to be somebody: `unix:anna`, `login:anna` or `token:anna`, and the person whom that is.

    `key` is a fingerprint of the secret's hash, where there is one: whoever changes it makes another identity.
    """

    identity: str
    person: str
    roles: tuple[Role, ...]
    key: str = ""


class People(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="people"):
    """The table in force. Without rows nobody has been named yet: a backtest, or the first moments of a new book."""

    rows: tuple[Identity, ...] = ()
    four_eyes: bool = True
    approval_hours: int = APPROVAL_HOURS

    @property
    def alone(self) -> bool:
        """Whether one person may decide what elsewhere takes two."""
        return bool(self.rows) and not self.four_eyes

    def find(self, identity: str) -> Identity | None:
        return next((row for row in self.rows if row.identity == identity), None)

    def with_role(self, *roles: Role) -> tuple[str, ...]:
        """The people who have one of these roles."""
        return tuple(dict.fromkeys(row.person for row in self.rows if set(row.roles) & set(roles)))


def can_decide(people: People) -> bool:
    """Whether a loosening can still come into force: somebody may approve, and with four eyes a second may propose."""
    approve = people.with_role(Role.RISK)
    propose = people.with_role(*COMMANDING)
    return bool(approve) and (not people.four_eyes or len(propose) > 1)


def named(people: Iterable[str]) -> str:
    """`anna, bob`, or `nobody`."""
    return ", ".join(people) or "nobody"


def fingerprint(secret_hash: str) -> str:
    """What the journal keeps of a secret's hash: enough to see that it is another one."""
    return sha256(secret_hash.encode()).hexdigest()[:FINGERPRINT]
