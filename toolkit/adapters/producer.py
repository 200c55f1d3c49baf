"""Numbers the commands of one producer and keeps their order over failures; what they say is never looked at."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from toolkit.domain.commands import Command, Envelope
from toolkit.domain.errors import StaleIncarnation
from toolkit.domain.time import WallTime


class Sends(Protocol):
    """The part of a journal that a producer needs."""

    async def send(self, envelope: Envelope) -> None: ...


class Producer:
    """Sends commands under contiguous numbers, each once in effect.

    A number behind a command that failed waits until that one is in the stream, so that there is never a hole. With
    `fixed` (runners: a new incarnation is a new runner) StaleIncarnation is raised; otherwise, as several people share
    a producer, what is not in the stream is numbered anew under a larger incarnation.
    """

    def __init__(
        self,
        journal: Sends,
        name: str,
        *,
        wall: Callable[[], WallTime],
        incarnation: int | None = None,
        fixed: bool = False,
    ) -> None:
        self._journal = journal
        self._name = name
        self._wall = wall
        self._fixed = fixed
        self.incarnation = int(wall()) if incarnation is None else incarnation
        self._number = 0
        self._leap = 1
        self._unsent: deque[Envelope] = deque()
        self._turn = asyncio.Lock()

    @property
    def unsent(self) -> int:
        """Commands that are not known to be in the stream."""
        return len(self._unsent)

    async def send(self, body: Command) -> Envelope:
        """Returns the envelope that is in the stream now; the journal's events name its incarnation and number.

        Raises TransportError when the server is away; the command is kept and goes first in the next `send`.
        """
        async with self._turn:
            self._unsent.append(self._envelope(body))
            return await self._send_unsent()

    async def flush(self) -> None:
        """Send what could not be sent."""
        async with self._turn:
            if self._unsent:
                await self._send_unsent()

    async def _send_unsent(self) -> Envelope:
        sent = self._unsent[0]
        while self._unsent:
            sent = self._unsent[0]
            try:
                await self._journal.send(sent)
            except StaleIncarnation:
                if self._fixed:
                    raise
                self._number_anew()
            else:
                self._unsent.popleft()
                self._leap = 1
        return sent

    def _number_anew(self) -> None:
        """Under the wall clock's time, or a leap on: after a clock that was set back one step at a time takes years."""
        self.incarnation = max(int(self._wall()), self.incarnation + self._leap)
        self._leap *= 2
        self._number = 0
        self._unsent = deque(self._envelope(envelope.body) for envelope in self._unsent)

    def _envelope(self, body: Command) -> Envelope:
        self._number += 1
        return Envelope(producer=self._name, incarnation=self.incarnation, number=self._number, body=body)
