"""One WebSocket and plain GET requests to one exchange, read frame by frame; what a frame says is read elsewhere.

A line that is cut raises TransportError and stays cut: connecting again, and when, is its owner's decision.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from types import TracebackType
from typing import Final, Protocol, Self

import aiohttp

from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import RawDepth, RawMessage
from toolkit.domain.time import NANOSECONDS, FeedTime

PING_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 15.0
LARGEST_MESSAGE: Final = 32 * 1024 * 1024
BOOK_SECONDS: Final = 10.0
"""How long a book that was asked for on the line may take until it is asked for again."""
_CUT: Final = (aiohttp.ClientError, OSError, TimeoutError)


class RawStream(Protocol):
    """What is known about one exchange's streams: addresses, what to say there, and how to read what comes.

    `quotes_from_book`: quotes are not told apart, they are the top of the book. Where `snapshot_address` is empty a
    whole book comes on the line, at the start and whenever `again` was said. `greetings` are those of a new line, with
    which everything that an earlier one said is forgotten.
    """

    @property
    def name(self) -> str: ...

    @property
    def quotes_from_book(self) -> bool: ...

    def address(self) -> str: ...

    def greetings(self) -> Sequence[str]: ...

    def again(self, symbol: str) -> Sequence[str]: ...

    def snapshot_address(self, symbol: str) -> str: ...

    def parse(self, text: str | bytes, received: FeedTime) -> RawMessage: ...

    def snapshot(self, symbol: str, text: str | bytes, received: FeedTime) -> RawDepth: ...


class RawSource:
    """An exchange's own streams. `arrival` tells the time at which something arrives."""

    has_depth: Final = True

    def __init__(
        self, stream: RawStream, arrival: Callable[[], FeedTime], *, book_seconds: float = BOOK_SECONDS
    ) -> None:
        self.name = stream.name
        self.quotes_from_book = stream.quotes_from_book
        self._stream = stream
        self._arrival = arrival
        self._book_seconds = book_seconds
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._connected = FeedTime(0)
        self._asked: dict[str, FeedTime] = {}

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CONNECT_SECONDS), trust_env=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def messages(self) -> AsyncGenerator[RawMessage, None]:
        """Connect, subscribe, and hand out every message. TransportError when the line cannot be had, or is cut.

        A message that cannot be read is told as refused: the line may go on all the same.
        """
        try:
            async with self._session.ws_connect(
                self._stream.address(), heartbeat=PING_SECONDS, max_msg_size=LARGEST_MESSAGE
            ) as socket:
                for greeting in self._stream.greetings():
                    await socket.send_str(greeting)
                self._socket, self._connected = socket, self._arrival()
                self._asked.clear()
                yield RawMessage()
                async for frame in socket:
                    if frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        yield self._read(frame.data)
                why = socket.exception() or f"closed by the exchange (code {socket.close_code})"
        except _CUT as problem:
            raise TransportError(f"{self.name}: {_words(problem)}") from problem
        finally:
            self._socket = None
        raise TransportError(f"{self.name}: the line was {why}")

    async def snapshot(self, symbol: str) -> RawDepth | None:
        """The whole book of an instrument, None where it comes on the line. TransportError when it cannot be had."""
        address = self._stream.snapshot_address(symbol)
        if not address:
            await self._ask_on_the_line(symbol)
            return None
        try:
            async with self._session.get(address) as answer:
                text = await answer.read()
                if answer.status != 200:
                    raise TransportError(f"{self.name}: book of {symbol}: {answer.status} {text[:200]!r}")
        except _CUT as problem:
            raise TransportError(f"{self.name}: book of {symbol}: {_words(problem)}") from problem
        return self._stream.snapshot(symbol, text, self._arrival())

    async def _ask_on_the_line(self, symbol: str) -> None:
        """Say it unless the book, or the one that every line begins with, may still be on its way."""
        now = self._arrival()
        asked = self._asked.get(symbol, self._connected)
        if self._socket is None or now - asked < self._book_seconds * NANOSECONDS:
            return
        self._asked[symbol] = now
        try:
            for words in self._stream.again(symbol):
                await self._socket.send_str(words)
        except _CUT as problem:
            raise TransportError(f"{self.name}: book of {symbol}: {_words(problem)}") from problem

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise TransportError(f"{self.name}: not opened")
        return self._http

    def _read(self, data: str | bytes) -> RawMessage:
        try:
            return self._stream.parse(data, self._arrival())
        except TransportError as problem:
            return RawMessage(refused=str(problem))


def _words(problem: BaseException) -> str:
    return str(problem) or type(problem).__name__
