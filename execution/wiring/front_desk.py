"""The front desk on its sockets; recognising people is the supervision's work, sending what they say the line's."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from execution.settings import Settings
from execution.supervision.front_desk import FrontDesk
from execution.supervision.managed import Managed
from execution.wiring.desk_line import DeskLine, Taken
from toolkit.adapters.front_desk import FrontDeskSocket
from toolkit.adapters.process_identity import lineage
from toolkit.client import emergency
from toolkit.client.commands import front_desk_socket
from toolkit.client.home import Home
from toolkit.domain.alerts import AlertAnswer
from toolkit.domain.commands import ApproveChange, Command, EnableStrategy, Reopen, Who
from toolkit.domain.errors import ConfigError
from toolkit.domain.front_desk import Waiting
from toolkit.domain.people import PEOPLE, People
from toolkit.domain.time import NANOSECONDS
from toolkit.monitoring import alert_book
from toolkit.replica.decisions import proposals


class Door:
    """`desk` recognises; `open` lets people in until `close`."""

    def __init__(self, home: Home, settings: Settings, line: DeskLine, managed: Mapping[str, Managed]) -> None:
        """`managed` are the desk's processes as they run now."""
        self._home = home
        self._book = settings.desk.book
        self._line = line
        self._managed = managed
        self.desk = FrontDesk(
            settings.people.secrets,
            people=self._people,
            give=self._give,
            is_strategy=partial(self._is_of, "runner"),
            waiting=self._waiting,
            is_monitor=partial(self._is_of, "monitor"),
            note=self._note_answer,
        )
        self._own = FrontDeskSocket(front_desk_socket(home), self.desk.answer)
        shared = settings.people.socket
        self._shared = None if shared is None else FrontDeskSocket(shared, self.desk.answer, for_all=True)

    async def open(self, problem: Callable[[str, str], None]) -> None:
        """Hear the desk's own user, and all users of this machine where config/people.yaml says so."""
        await self._own.open()
        if self._shared is not None:
            try:
                await self._shared.open()
            except ConfigError as wrong:  # the desk runs, and its own user is heard
                problem("front desk", str(wrong))

    async def close(self) -> None:
        """Nobody is let in any more; who asked before gets an answer."""
        await self._own.close()
        if self._shared is not None:
            await self._shared.close()

    async def _give(self, command: Command, patience: float) -> Taken:
        found = None
        if isinstance(command, ApproveChange):
            found = self._line.replica.ledger.proposals.get(command.proposal)
        taken = await self._line.give_for_people(command, patience)
        if found is not None and not taken.refused:
            open_latch(self._home, self._book, found.body)
        return taken

    def _people(self) -> People:
        return self._line.replica.ledger.people

    def _waiting(self) -> tuple[Waiting, ...]:
        return proposals(self._line.replica.ledger, time.time_ns())

    async def _note_answer(self, answer: AlertAnswer, who: Who) -> None:
        """Into the operations log, where the monitor and everybody who looks hear of it."""
        until = time.time_ns() + round(answer.seconds * NANOSECONDS)
        said = alert_book.answer(
            alert_book.Did(answer.deed.value), answer.alert, who=who.identity, reason=answer.reason, until=until
        )
        await self._line.write(alert_book.LINE, PEOPLE, **said)

    def _is_of(self, kind: str, process: int) -> bool:
        """Whether a process is one of this kind, or came of one."""
        descent = lineage(process)
        return any(each.pid in descent for each in self._managed.values() if each.specification.kind == kind)


def open_latch(home: Home, book: str, released: Command) -> None:
    """What a second person has released: the approval is the person's word that opens the latch.

    A kill that no engine has journaled yet came after the one that this was about, and stays.
    """
    match released:
        case EnableStrategy():
            kind, name = "strategy", released.strategy
        case Reopen():
            kind, name = released.scope, released.name
        case _:
            return
    if not any((kill.scope, kill.name) == (kind, name) for kill in emergency.waiting_kills(home, book)):
        emergency.reopen_scope(home, book, f"{kind}:{name}" if name else kind)
