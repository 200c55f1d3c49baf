"""One connection to a Redis server on the event loop: bytes out, replies in; who asks what is not known here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import urlsplit

import hiredis

from toolkit.adapters.server_address import ServerAddress

DEFAULT_PORT: Final = 6379

Word = bytes | str | int
Reply = Any
"""Wire shapes: bytes, int, None, `ServerRefused`, or lists of these; each caller knows the shape of what it asked."""

packed: Final = cast("Callable[[tuple[Word, ...]], bytes]", hiredis.pack_command)
"""A request as bytes; its stub knows tuples of one word alone."""


class ServerRefused(Exception):
    """The server's error reply to one request, which had no effect; the text begins with the server's code for it."""

    def has_code(self, *codes: str) -> bool:
        return str(self).startswith(codes)


class RedisWire(asyncio.Protocol):
    """Asks one thing at a time. When a question is given up, or the line breaks, the wire is over: replies carry no
    name, and one that comes late would be taken for that of the next question."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(replyError=ServerRefused)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[list[Reply]] | None = None
        self._replies: list[Reply] = []
        self._wanted = 0

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    async def ask(self, request: bytes, wanted: int) -> list[Reply]:
        """Send the bytes of `wanted` requests; returns as many replies. ConnectionError when the line breaks."""
        if self._transport is None:
            raise ConnectionError("the connection is closed")
        answer: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._wanted = wanted
        self._transport.write(request)
        try:
            return await answer
        finally:
            self._answer = None
            if not answer.done() or answer.cancelled():
                self.close()

    def close(self) -> None:
        """End it now. Whoever waits for a reply hears ConnectionError."""
        self._over("closed by ourselves")

    # ---- what the event loop says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over(f"the connection broke: {exc}" if exc else "the server closed the connection")

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                self._replies.append(reply)
        except hiredis.ProtocolError as error:
            self._over(f"not the words of a Redis server: {error}")
            return
        if self._answer is None or self._answer.done() or len(self._replies) > self._wanted:
            self._over(f"the server said what nobody asked: {self._replies}")
        elif len(self._replies) == self._wanted:
            replies, self._replies = self._replies, []
            self._answer.set_result(replies)

    def _over(self, why: str) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(why))


async def connect(address: ServerAddress) -> RedisWire:
    """A new connection, logged in. Raises OSError when there is no server, ServerRefused when it takes no such user."""
    loop, url = asyncio.get_running_loop(), urlsplit(address.url)
    if url.scheme == "unix":
        _, wire = await loop.create_unix_connection(RedisWire, url.path)
    else:
        _, wire = await loop.create_connection(RedisWire, url.hostname or "127.0.0.1", url.port or DEFAULT_PORT)
    if address.password is not None:
        try:
            login = packed(("AUTH", address.username or "default", address.password))
            (welcome,) = await wire.ask(login, 1)
        except BaseException:
            wire.close()
            raise
        if isinstance(welcome, ServerRefused):
            wire.close()
            raise welcome
    return wire
