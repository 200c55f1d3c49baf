"""Puts commands into their producers' streams, many at a time; what a command means is never known here."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final, NamedTuple

from toolkit.adapters import codec, keys
from toolkit.adapters.redis_connection import RedisLine, mapped, ours
from toolkit.adapters.redis_wire import Reply, ServerRefused
from toolkit.domain.commands import Envelope
from toolkit.domain.errors import ExecutionError, JournalError, StaleIncarnation, TransportError

COMMANDS_A_CALL: Final = 500
STREAM_LENGTH: Final = 10_000
"""So many commands stand in a stream at most. A producer that outruns the engine waits: nothing is ever pushed out."""

TAKEN_KEPT: Final = 1_000
"""So many that have taken effect stay: as far back as a command that is sent again is known to be there already."""

FULL_PATIENCE: Final = 2.0
LOOK_AGAIN: Final = 0.05


class _Waiting(NamedTuple):
    key: str
    identifier: str
    payload: bytes
    done: asyncio.Future[None]


class CommandSender:
    """`send` appends to a list, one task drains it: whatever gathers during one round trip makes up the next."""

    def __init__(self, line: RedisLine, book: str) -> None:
        self._line = line
        self._book = book
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._room: dict[str, int] = {}

    async def send(self, envelope: Envelope) -> None:
        """Returns when the command is in the stream; errors as in `domain.ports.Journal.send`."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        key = keys.commands(self._book, envelope.producer)
        self._waiting.append(_Waiting(key, f"{envelope.incarnation}-{envelope.number}", codec.encode(envelope), done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        await done

    async def close(self) -> None:
        """Send what is waiting, then close the connection."""
        if self._task is not None:
            await self._task
        await self._line.close()

    async def _drain(self) -> None:
        while self._waiting:
            chunk, self._waiting = self._waiting[:COMMANDS_A_CALL], self._waiting[COMMANDS_A_CALL:]
            try:
                with mapped(f"send {len(chunk)} commands"):
                    results = await self._add(chunk)
                    for waiting, result in zip(chunk, results, strict=True):
                        await self._settle(waiting, result)
            except ExecutionError as error:
                # Nothing later may overtake what failed: a larger number in the stream would shut the smaller one out.
                self._fail(chunk + self._waiting, error)
                self._waiting = []

    async def _add(self, chunk: list[_Waiting]) -> list[Reply]:
        """XADD them all or none: a hole could never be filled."""
        for key, count in Counter(each.key for each in chunk).items():
            await self._find_room(key, count)
        return await self._line.ask_all([("XADD", each.key, each.identifier, "b", each.payload) for each in chunk])

    async def _find_room(self, key: str, count: int) -> None:
        """Wait until the engine has taken enough. TransportError when it does not: send the same again later."""
        for _ in range(int(FULL_PATIENCE / LOOK_AGAIN)):
            if self._room.get(key, 0) < count:
                self._room[key] = STREAM_LENGTH - int(await self._line.ask("XLEN", key))
            if self._room[key] >= count:
                self._room[key] -= count
                return
            await asyncio.sleep(LOOK_AGAIN)
        raise TransportError(f"{key} is full: {STREAM_LENGTH} commands wait for an engine; is one running?")

    async def _settle(self, waiting: _Waiting, result: object) -> None:
        if waiting.done.done():
            return
        if not isinstance(result, Exception):
            waiting.done.set_result(None)
        elif isinstance(result, ServerRefused) and "equal or smaller" in str(result):
            await self._settle_known(waiting)
        else:
            waiting.done.set_exception(ours(f"send command {waiting.identifier}", result))

    async def _settle_known(self, waiting: _Waiting) -> None:
        """The stream is at or past this number: fine if it holds this very command."""
        found = await self._line.ask("XRANGE", waiting.key, waiting.identifier, waiting.identifier)
        if not found:
            waiting.done.set_exception(
                StaleIncarnation(f"{waiting.key} is past {waiting.identifier}; take a larger incarnation")
            )
        elif found[0][1][1] != waiting.payload:
            waiting.done.set_exception(
                JournalError(
                    f"{waiting.key} holds another command under {waiting.identifier}; numbers are never reused"
                )
            )
        else:
            waiting.done.set_result(None)

    def _fail(self, waiting: list[_Waiting], error: ExecutionError) -> None:
        for each in waiting:
            if not each.done.done():
                each.done.set_exception(type(error)(*error.args))
