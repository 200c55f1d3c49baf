"""A line to a Redis server, and one table from its errors to ours; never a command of its own.

Replies are taken in the shape of the wire (RESP2 arrays of bytes). Nothing is retried: after a lost reply a command
would be in the stream twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Final

from toolkit.adapters.redis_wire import RedisWire, Reply, ServerRefused, Word, connect, packed
from toolkit.adapters.server_address import ServerAddress
from toolkit.domain.errors import ConfigError, TransportError

BLOCKING_READS: Final = 64
"""How many reads of one process may wait for something new at the same time."""

CONNECT_SECONDS: Final = 5.0

LOST = OSError
"""The line failed (ConnectionError) or was silent for too long (TimeoutError): whether the request took effect is
unknown."""

_BEGIN, _COMMIT = packed(("MULTI",)), packed(("EXEC",))


class RedisLine:
    """A line to one server that connects when first used. It raises `ServerRefused` and OSErrors, see `mapped`."""

    def __init__(self, address: ServerAddress, *, reply_seconds: float | None, connections: int = 1) -> None:
        """`reply_seconds` limits the wait for each reply; None for blocking reads, whose callers limit them.

        On one connection requests keep their order; more of them are for reads that block at the same time.
        """
        self._address = address
        self._patience = reply_seconds
        self._places = asyncio.Semaphore(connections)
        self._idle: list[RedisWire] = []
        self._busy: set[RedisWire] = set()

    async def ask(self, *words: Word) -> Reply:
        """One request and its reply in the shape of the wire. TimeoutError after `reply_seconds`."""
        (reply,) = await self._exchange(packed(words), 1)
        if isinstance(reply, ServerRefused):
            raise reply
        return reply

    async def look(self, *words: Word) -> Reply:
        """A request that changes nothing, asked once more when the line turns out to be dead.

        A line whose server restarted may not have noticed yet; only the next request does.
        """
        try:
            return await self.ask(*words)
        except ConnectionError:
            return await self.ask(*words)

    async def ask_all(self, requests: Sequence[Sequence[Word]]) -> list[Reply]:
        """Many requests in one round trip; their replies, refusals among them.

        More than one make a transaction, so that a full server takes all or none.
        """
        if len(requests) == 1:
            return await self._exchange(packed(tuple(requests[0])), 1)
        asked = b"".join((_BEGIN, *(packed(tuple(words)) for words in requests), _COMMIT))
        *queued, replies = await self._exchange(asked, len(requests) + 2)
        if isinstance(replies, ServerRefused):  # none of them took effect; the first that was refused says why
            raise next((reply for reply in queued if isinstance(reply, ServerRefused)), replies)
        return list(replies)

    async def close(self) -> None:
        for wire in (*self._idle, *self._busy):
            wire.close()
        self._idle.clear()

    async def _exchange(self, request: bytes, wanted: int) -> list[Reply]:
        async with asyncio.timeout(self._patience), self._places:
            wire = self._open_one() or await self._connect()
            self._busy.add(wire)
            try:
                return await wire.ask(request, wanted)
            finally:
                self._busy.discard(wire)
                if wire.is_open:
                    self._idle.append(wire)

    def _open_one(self) -> RedisWire | None:
        """A connection that nobody uses; those that broke meanwhile are forgotten."""
        while self._idle:
            wire = self._idle.pop()
            if wire.is_open:
                return wire
        return None

    async def _connect(self) -> RedisWire:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await connect(self._address)


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Turn errors of Redis into ours; only for what is safe to repeat: an append resolves a lost reply itself."""
    try:
        yield
    except (ServerRefused, OSError) as error:
        raise ours(doing, error) from error


def ours(doing: str, error: Exception) -> ConfigError | TransportError:
    """The error of ours that stands for one of a server or its line, with what to do about it."""
    if isinstance(error, ServerRefused) and error.has_code("WRONGPASS", "NOAUTH", "NOPERM"):
        return ConfigError(f"{doing}: the server refused the user: {error}; check user, password and its ACL rules")
    return TransportError(f"{doing}: {str(error) or type(error).__name__}{_mend(str(error))}")


def _mend(text: str) -> str:
    if text.startswith("READONLY"):
        return "; this server is a replica: point the URL at the primary"
    if text.startswith("OOM"):
        return "; the server is at its maxmemory: raise it or trim streams"
    if text.startswith("MISCONF") or "Errors writing to the AOF" in text:
        return "; the server cannot write to its disk: free space"
    return ""


class Script:
    """A Lua script that is called by its hash and loaded when the server does not know it."""

    def __init__(self, name: str) -> None:
        self._source = resources.files("toolkit.adapters").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
        self._hash = ""

    async def call(self, line: RedisLine, keys: list[str], arguments: list[Word]) -> Reply:
        """Run it. Raises what the line raises: the caller knows whether a lost reply matters."""
        if self._hash:
            try:
                return await line.ask("EVALSHA", self._hash, len(keys), *keys, *arguments)
            except ServerRefused as refused:
                if not refused.has_code("NOSCRIPT"):  # the server restarted; nothing ran
                    raise
        self._hash = (await line.ask("SCRIPT", "LOAD", self._source)).decode()
        return await line.ask("EVALSHA", self._hash, len(keys), *keys, *arguments)
