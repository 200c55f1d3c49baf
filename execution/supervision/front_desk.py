"""Says who gives a command and passes it on under that name; who may give it, and what it does, the engine says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from execution.settings.people import PeopleTable, unix_name
from toolkit.client.credentials import new_secret, proves, same
from toolkit.domain.alerts import AlertAnswer, refused_to
from toolkit.domain.commands import Command, Who
from toolkit.domain.errors import TransportError
from toolkit.domain.front_desk import Ask, Credential, Peer, Told, Waiting
from toolkit.domain.people import GUARDIAN, People
from toolkit.engine.command_rules import may_tighten

LONGEST_PATIENCE = 60.0


class Unproved(Exception):
    """What somebody showed proves nothing."""


class Taken(Protocol):
    """What the engine says of a command."""

    @property
    def event(self) -> int: ...

    @property
    def refused(self) -> str: ...

    @property
    def proposal(self) -> str: ...


class FrontDesk:
    """One desk's door. `give` sends a command as the people's; `people` is the table in force.

    `is_strategy` says of a process whether it is a runner or came of one: strategies run as the desk's
    own unix user, and that makes them nobody. `is_monitor` says so of the one that turns alerts into commands: it
    speaks as the guardian and as nobody else, whatever it shows. `note` keeps what a person answers to an alert.
    """

    def __init__(
        self,
        secrets: Mapping[str, str],
        *,
        people: Callable[[], People],
        give: Callable[[Command, float], Awaitable[Taken]],
        is_strategy: Callable[[int], bool],
        waiting: Callable[[], tuple[Waiting, ...]],
        is_monitor: Callable[[int], bool] = lambda _: False,
        note: Callable[[AlertAnswer, Who], Awaitable[None]] | None = None,
    ) -> None:
        self.secrets = secrets
        self._people = people
        self._give = give
        self._is_strategy = is_strategy
        self._waiting = waiting
        self._is_monitor = is_monitor
        self._note = note
        self._apps: dict[str, str] = {}
        self._one_at_a_time = asyncio.Semaphore(1)  # hashing is slow and large on purpose

    def recognise(self, table: PeopleTable) -> None:
        """Whose secrets count from here on, as far as the table in force knows them."""
        self.secrets = table.secrets

    def secret_for(self, app: str) -> str:
        """A new secret by which this app may vouch for who logged in there; an older one of it is void."""
        self._apps[app] = new_secret()
        return self._apps[app]

    async def answer(self, ask: Ask, peer: Peer) -> Told:
        """Recognise who asks, pass the command on under that name, and wait for what became of it."""
        body: Any = ask.body
        if ask.answer is not None:
            return await self._to_an_alert(ask, ask.answer, peer)
        if body is None:
            return await self._look(ask, peer)
        claimed: Who | None = getattr(body, "who", None)
        if claimed is None:
            return Told(unproved=f"{type(body).__name__} is for processes of the desk; no person gives it")
        if self._is_strategy(peer.process):
            return Told(unproved="a strategy asks; strategies answer, they give no command")
        if not body.reason.strip():
            return Told(unproved="it says no reason; a word is enough, and it stands in the journal beside your name")
        try:
            who = await self._who_commands(ask, body, claimed.source, peer)
        except Unproved as problem:
            return Told(unproved=str(problem))
        try:
            taken = await self._give(msgspec.structs.replace(body, who=who), min(ask.patience, LONGEST_PATIENCE))
        except TransportError as problem:
            return Told(problem=str(problem))
        return Told(event=taken.event, refused=taken.refused, proposal=taken.proposal)

    async def _who_commands(self, ask: Ask, body: Any, source: str, peer: Peer) -> Who:
        if not self._is_monitor(peer.process):
            return await self._who(ask.credential, source, peer.user)
        if not may_tighten(type(body)):
            raise Unproved(f"{type(body).__name__} takes a person; {GUARDIAN} may only tighten")
        return Who(identity=GUARDIAN, verified=True, source=source)

    async def _to_an_alert(self, ask: Ask, answer: AlertAnswer, peer: Peer) -> Told:
        """Keep it under the name of whoever answers; the monitor cannot answer its own alerts."""
        if self._is_strategy(peer.process) or self._is_monitor(peer.process):
            return Told(unproved="a process of the desk answers an alert; people do that")
        try:
            who = await self._who(ask.credential, answer.source, peer.user)
        except Unproved as problem:
            return Told(unproved=str(problem))
        if refused := refused_to(self._people(), who.identity, answer):
            return Told(refused=refused)
        if self._note is None:
            return Told(problem="this desk keeps no log of alerts")
        try:
            await self._note(answer, who)
        except TransportError as problem:
            return Told(problem=f"{problem}: the answer was not kept")
        return Told()

    async def _who(self, shown: Credential, source: str, user_id: int) -> Who:
        if shown.app:
            known = self._apps.get(shown.app)
            if known is None or not same(known, shown.secret):
                raise Unproved(f"{shown.app} is no app of this desk, or its secret is an old one; restart the app")
            return Who(identity=f"login:{shown.login}", verified=True, source=source, via=f"app:{shown.app}")
        if shown.token:
            return Who(identity=await self._of_token(shown.token), verified=True, source=source)
        return Who(identity=f"unix:{unix_name(user_id)}", verified=True, source=source)

    async def _of_token(self, token: str) -> str:
        name, _, secret = token.partition(".")
        identity = f"token:{name}"
        async with self._one_at_a_time:
            proved = await asyncio.to_thread(proves, identity, secret, self.secrets, self._people())
        if not proved:
            raise Unproved(f"this is no token of {name!r} that is in force; one that was saved may wait for approval")
        return identity

    async def _look(self, ask: Ask, peer: Peer) -> Told:
        """What waits, for whoever is named in the table at all."""
        try:
            who = await self._who(ask.credential, "front desk", peer.user)
        except Unproved as problem:
            return Told(unproved=str(problem))
        if self._people().find(who.identity) is None:
            return Told(unproved=f"config/people.yaml gives {who.identity} to nobody")
        return Told(waiting=self._waiting())
