"""Lets people in by the password whose hash config/people.yaml holds and the engine has in force; it opens no page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from execution.operations.sessions import Session, Sessions, Tries
from execution.settings.people import PeopleTable
from toolkit.client.credentials import password_hash, proves
from toolkit.domain.errors import ConfigError
from toolkit.domain.people import People, Role, fingerprint

LONGEST_PASSWORD: Final = 1024
BY_LINK: Final = "by a link"
"""In place of a password's fingerprint, which no such session has."""
WRONG: Final = (
    "name or password is wrong, or the password waits for its approval (`execution limits diff` shows what waits)"
)


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks: the login, the person behind it, and what that person is trusted with now."""

    login: str
    person: str
    roles: frozenset[Role]
    session: Session


class NotLetIn(Exception):
    """Why somebody was not let in, in words for the page."""


class Logins:
    """`read_table` reads config/people.yaml, `in_force` is what the engine has taken of it.

    `owner` is the identity of the user that the desk runs as, who may come in by a link where there is one: with the
    roles of that identity, and to look on in any case, since all that is shown is in that user's files.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        read_table: Callable[[], PeopleTable],
        in_force: Callable[[], People],
        tries: Tries | None = None,
        owner: str = "",
    ) -> None:
        self.sessions = sessions
        self._read_table = read_table
        self._in_force = in_force
        self._tries = tries or Tries()
        self._owner = owner
        self._secrets: dict[str, str] = {}
        self._one_at_a_time = asyncio.Semaphore(1)  # a try takes time and memory on purpose

    async def log_in(self, name: str, password: str) -> str:
        """The cookie of a new session. NotLetIn says why there is none."""
        if wait := self._tries.begin(name):
            raise NotLetIn(f"too many tries for {name or 'nobody'}; the next one in {wait:.0f} s")
        identity = f"login:{name}"
        async with self._one_at_a_time:
            proved = await asyncio.to_thread(self._prove, identity, password[:LONGEST_PASSWORD])
        row = self._in_force().find(identity)
        if not proved or row is None:
            raise NotLetIn(WRONG)
        self._tries.passed(name)
        return self.sessions.begin(name, row.key)[1]

    def enter(self) -> str:
        """The cookie of a new session for whoever had the link."""
        return self.sessions.begin(self._owner, BY_LINK)[1]

    def tries_left(self, name: str) -> bool:
        """Count a try that needs no password."""
        return self._tries.begin(name) == 0.0

    def visitor(self, session: Session | None) -> Visitor | None:
        """Who that is now: nobody any more once the session is over, or the password another one."""
        if session is None or not self.sessions.is_open(session):
            return None
        if self._owner and (session.login, session.key) == (self._owner, BY_LINK):
            owner = self._in_force().find(self._owner)
            roles = frozenset({Role.VIEWER, *(() if owner is None else owner.roles)})
            person = self._owner if owner is None else owner.person
            return Visitor(login=session.login, person=person, roles=roles, session=session)
        row = self._in_force().find(f"login:{session.login}")
        if row is None or row.key != session.key:
            return None
        return Visitor(login=session.login, person=row.person, roles=frozenset(row.roles), session=session)

    def _prove(self, identity: str, password: str) -> bool:
        """As slow for a name that nobody has as for one that is there."""
        with suppress(ConfigError):  # a file that was saved broken: the last one that could be read counts
            self._secrets = dict(self._read_table().secrets)
        known, row = self._secrets.get(identity), self._in_force().find(identity)
        if known is None or row is None or row.key != fingerprint(known):
            password_hash(password)
            return False
        return proves(identity, password, self._secrets, self._in_force())
