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
from toolkit.domain.time import FeedTime

PING_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 15.0
LARGEST_MESSAGE: Final = 32 * 1024 * 1024
_CUT: Final = (aiohttp.ClientError, OSError, TimeoutError)


class RawStream(Protocol):
    """What is known about one exchange's streams: addresses, and how to read what comes."""

    @property
    def name(self) -> str: ...

    def address(self) -> str: ...

    def greetings(self) -> Sequence[str]: ...

    def snapshot_address(self, symbol: str) -> str: ...

    def parse(self, text: str | bytes, received: FeedTime) -> RawMessage: ...

    def snapshot(self, symbol: str, text: str | bytes, received: FeedTime) -> RawDepth: ...


class RawSource:
    """An exchange's own streams. `arrival` tells the time at which something arrives."""

    has_depth: Final = True

    def __init__(self, stream: RawStream, arrival: Callable[[], FeedTime]) -> None:
        self.name = stream.name
        self._stream = stream
        self._arrival = arrival
        self._http: aiohttp.ClientSession | None = None

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
                yield RawMessage()
                async for frame in socket:
                    if frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        yield self._read(frame.data)
                why = socket.exception() or f"closed by the exchange (code {socket.close_code})"
        except _CUT as problem:
            raise TransportError(f"{self.name}: {_words(problem)}") from problem
        raise TransportError(f"{self.name}: the line was {why}")

    async def snapshot(self, symbol: str) -> RawDepth:
        """The whole book of an instrument. TransportError when it cannot be had."""
        address = self._stream.snapshot_address(symbol)
        try:
            async with self._session.get(address) as answer:
                text = await answer.read()
                if answer.status != 200:
                    raise TransportError(f"{self.name}: book of {symbol}: {answer.status} {text[:200]!r}")
        except _CUT as problem:
            raise TransportError(f"{self.name}: book of {symbol}: {_words(problem)}") from problem
        return self._stream.snapshot(symbol, text, self._arrival())

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
