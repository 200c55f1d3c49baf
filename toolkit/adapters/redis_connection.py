"""One way to open a Redis connection and one table from its errors to ours; never a command of its own.

Replies are taken in the shape of the wire (RESP2 arrays of bytes): the response callbacks of redis-py, whose shapes
depend on protocol and version, are switched off. Nothing is retried by the client: redis-py retries writes ten times,
and after a lost reply a command would be in the stream twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, Final

import redis.asyncio
import redis.exceptions as refusals
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from toolkit.adapters.server_address import ServerAddress
from toolkit.domain.errors import ConfigError, TransportError

CONNECT_SECONDS: Final = 5.0
BLOCKING_READS: Final = 64
"""How many reads of one process may wait for something new at the same time."""

Reply = Any
"""Wire shapes: bytes, int, None, or lists of these; each caller knows the shape of what it asked."""

LOST = (refusals.ConnectionError, refusals.TimeoutError, OSError)
"""The line failed: whether the request took effect is unknown."""


class RedisLine:
    """A line to one server that connects when first used; what it raises is redis-py's, see `mapped`."""

    def __init__(self, address: ServerAddress, *, reply_seconds: float | None, connections: int = 1) -> None:
        """`reply_seconds` limits the wait for each reply; None for blocking reads, whose callers limit them.

        On one connection requests keep their order; more of them are for reads that block at the same time.
        """
        self._client: redis.asyncio.Redis = redis.asyncio.Redis.from_pool(
            redis.asyncio.BlockingConnectionPool.from_url(
                address.url,
                username=address.username,
                password=address.password,
                protocol=2,
                decode_responses=False,
                socket_timeout=None,  # its own costs a task for each request
                socket_connect_timeout=reply_seconds or CONNECT_SECONDS,
                retry=Retry(NoBackoff(), 0),
                max_connections=connections,
                timeout=None,
            )
        )
        self._client.response_callbacks.clear()
        self._patience = reply_seconds
        self._execute: Callable[..., Awaitable[Reply]] = self._client.execute_command

    async def ask(self, *words: bytes | str | int) -> Reply:
        """One request and its reply in the shape of the wire. TimeoutError after `reply_seconds`."""
        async with asyncio.timeout(self._patience):
            return await self._execute(*words)

    async def look(self, *words: bytes | str | int) -> Reply:
        """A request that changes nothing, asked once more when the line turns out to be dead.

        An idle line does not notice that its server restarted; only the next request does.
        """
        try:
            return await self.ask(*words)
        except refusals.ConnectionError:
            return await self.ask(*words)

    async def ask_all(self, requests: Sequence[Sequence[bytes | str | int]]) -> list[Reply]:
        """Many requests in one round trip; their replies, errors among them.

        More than one make a transaction, so that a full server takes all or none.
        """
        async with self._client.pipeline(transaction=len(requests) > 1) as pipeline:
            add: Callable[..., object] = pipeline.execute_command
            for words in requests:
                add(*words)
            async with asyncio.timeout(self._patience):
                replies: list[Reply] = await pipeline.execute(raise_on_error=False)
        return replies

    async def close(self) -> None:
        await self._client.aclose()


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Turn errors of Redis into ours; only for what is safe to repeat: an append resolves a lost reply itself."""
    try:
        yield
    except refusals.RedisError as error:
        raise ours(doing, error) from error
    except OSError as error:
        raise TransportError(f"{doing}: {_words(error)}") from error


def ours(doing: str, error: Exception) -> ConfigError | TransportError:
    """The error of ours that stands for one of Redis, with what to do about it."""
    refused = isinstance(error, refusals.AuthenticationError | refusals.NoPermissionError)
    if refused or "username-password" in str(error):  # redis-py says ConnectionError when it connects in vain
        return ConfigError(f"{doing}: the server refused the user: {error}; check user, password and its ACL rules")
    return TransportError(f"{doing}: {_words(error)}{_mend(error)}")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _mend(error: Exception) -> str:
    text = str(error)
    if isinstance(error, refusals.ReadOnlyError):
        return "; this server is a replica: point the URL at the primary"
    if isinstance(error, refusals.OutOfMemoryError) or text.startswith("OOM"):
        return "; the server is at its maxmemory: raise it or trim streams"
    if "MISCONF" in text or "Errors writing to the AOF" in text:
        return "; the server cannot write to its disk: free space"
    return ""


class Script:
    """A Lua script that is called by its hash and loaded when the server does not know it."""

    def __init__(self, name: str) -> None:
        self._source = resources.files("toolkit.adapters").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
        self._hash = ""

    async def call(self, line: RedisLine, keys: list[str], arguments: list[bytes | str | int]) -> Reply:
        """Run it. Raises what redis-py raises: the caller knows whether a lost reply matters."""
        if self._hash:
            try:
                return await line.ask("EVALSHA", self._hash, len(keys), *keys, *arguments)
            except refusals.NoScriptError:
                pass  # the server restarted; nothing ran
        self._hash = (await line.ask("SCRIPT LOAD", self._source)).decode()
        return await line.ask("EVALSHA", self._hash, len(keys), *keys, *arguments)
