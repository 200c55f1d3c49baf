"""One line to the venue's clients: cuts bytes into messages and messages into frames; what they mean is not known here.

A frame is its length (4 bytes, big-endian) and msgpack of a tuple of messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol, cast

import msgspec

from execution.services.venue_drill import LineMessage
from toolkit.domain.venue_line import FromVenue
from toolkit.simulation.silence import FellSilent

LARGEST_FRAME = 16 * 1024 * 1024
LARGEST_BACKLOG = 64 * 1024 * 1024
MESSAGES_PER_FRAME = 500

_encode = msgspec.msgpack.Encoder().encode
_raws = msgspec.msgpack.Decoder(tuple[msgspec.Raw, ...])
_message = msgspec.msgpack.Decoder(LineMessage)


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A message as read, and its own bytes for the ledger."""

    message: LineMessage | FellSilent
    raw: msgspec.Raw


class Taker(Protocol):
    """Who gets what comes in on a line."""

    def take(self, line: Line, frame: Frame) -> None: ...

    def refuse(self, line: Line, problem: str) -> None: ...

    def gone(self, line: Line) -> None: ...


class Line(asyncio.Protocol):
    """One client. Without a `client` name it has not logged in."""

    def __init__(self, taker: Taker, number: int) -> None:
        self._taker = taker
        self._unread = bytearray()
        self._transport: asyncio.Transport | None = None
        self.number = number
        self.client = ""
        self.trading = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._taker.gone(self)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        try:
            while (body := self._next_body()) is not None:
                for raw in _raws.decode(body):
                    self._taker.take(self, Frame(_message.decode(raw), raw))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._unread.clear()
            self._taker.refuse(self, f"unreadable message: {error}")

    def send(self, messages: Sequence[FromVenue]) -> None:
        """Write messages. A client that reads nothing any more is cut off rather than waited for."""
        if self._transport is None:
            return
        for start in range(0, len(messages), MESSAGES_PER_FRAME):
            body = _encode(tuple(messages[start : start + MESSAGES_PER_FRAME]))
            self._transport.write(len(body).to_bytes(4, "big") + body)
        if self._transport.get_write_buffer_size() > LARGEST_BACKLOG:
            self.abort()

    def close(self) -> None:
        """End the line when what was sent has left."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the line now."""
        if self._transport is not None:
            self._transport.abort()

    def _next_body(self) -> bytes | None:
        if len(self._unread) < 4:
            return None
        length = int.from_bytes(self._unread[:4], "big")
        if length > LARGEST_FRAME:
            raise msgspec.ValidationError(f"a frame of {length} bytes; at most {LARGEST_FRAME} are read")
        if len(self._unread) < 4 + length:
            return None
        body = bytes(self._unread[4 : 4 + length])
        del self._unread[: 4 + length]
        return body
