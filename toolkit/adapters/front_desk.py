"""The front desk's unix socket, both ends: one question a connection, and the user who the system says is asking."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from toolkit.adapters import codec
from toolkit.domain.errors import AmbiguousOutcome, ConfigError, TransportError
from toolkit.domain.front_desk import Ask, Peer, Told

LARGEST_QUESTION: Final = 1 << 20
READ_SECONDS: Final = 5.0
AT_ONCE: Final = 16
SLACK_SECONDS: Final = 2.0
"""How much longer than its patience a question waits for its answer, which says why there is none."""

_decode_ask = msgspec.msgpack.Decoder(Ask).decode
_decode_told = msgspec.msgpack.Decoder(Told).decode

Answer = Callable[[Ask, Peer], Awaitable[Told]]


class FrontDeskSocket:
    """Answers questions one after the other on each connection, some connections at a time."""

    def __init__(self, path: Path, answer: Answer, *, for_all: bool = False) -> None:
        """`answer` is told the question and who the system says is asking. `for_all` users of this machine, or one."""
        self._mode = 0o666 if for_all else 0o600
        self._path = path
        self._answer = answer
        self._seats = asyncio.Semaphore(AT_ONCE)
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen; a socket that a killed desk left behind makes way. ConfigError where there can be none."""
        try:
            self._server = await asyncio.start_unix_server(self._hear, str(self._path), limit=LARGEST_QUESTION + 4)
            self._path.chmod(self._mode)
        except OSError as problem:
            raise ConfigError(
                f"{self._path}: no socket can be made there ({problem.strerror}); mend the path"
            ) from None

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._seats:
                told = await self._reply(reader, writer.get_extra_info("socket"))
            writer.write(_frame(codec.encode(told)))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            return  # whoever asked has gone, or says nothing
        finally:
            writer.close()

    async def _reply(self, reader: asyncio.StreamReader, line: socket.socket) -> Told:
        async with asyncio.timeout(READ_SECONDS):
            length = int.from_bytes(await reader.readexactly(4), "big")
            if length > LARGEST_QUESTION:
                return Told(unproved=f"a question of {length} bytes; at most {LARGEST_QUESTION} are heard")
            body = await reader.readexactly(length)
        try:
            ask = _decode_ask(body)
        except msgspec.MsgspecError as problem:
            return Told(unproved=f"the front desk cannot read this ({problem}); is the desk of another version?")
        await asyncio.sleep(0)
        if reader.at_eof() or time.monotonic() - ask.asked > ask.patience + SLACK_SECONDS:
            return Told(problem="it was asked too long ago, while the front desk hung; nothing was done")
        return await self._answer(ask, peer_of(line))


def ask_front_desk(path: Path, ask: Ask) -> Told:
    """Ask and wait. TransportError when nobody listens (nothing was sent), AmbiguousOutcome when no answer comes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(ask.patience + SLACK_SECONDS)
        try:
            line.connect(str(path))
        except OSError as problem:
            raise TransportError(f"{path}: the supervisor's front desk does not answer ({problem})") from None
        try:
            line.sendall(_frame(codec.encode(msgspec.structs.replace(ask, asked=time.monotonic()))))
            length = int.from_bytes(_read(line, 4), "big")
            return _decode_told(_read(line, length))
        except (OSError, msgspec.MsgspecError) as problem:
            raise AmbiguousOutcome(f"{path}: the supervisor's front desk fell silent ({problem}): look first") from None


def peer_of(line: socket.socket) -> Peer:
    """Who is at the other end, as the system knows it."""
    if sys.platform == "darwin":  # SOL_LOCAL is 0; LOCAL_PEERCRED 1 gives version and user, LOCAL_PEERPID 2 the process
        user = struct.unpack_from("II", line.getsockopt(0, 1, 76))[1]
        return Peer(user, struct.unpack("i", line.getsockopt(0, 2, 4))[0])
    process, user, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return Peer(user, process)


def _frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def _read(line: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = line.recv(count - len(data))
        if not part:
            raise ConnectionError("it closed the line")
        data += part
    return data
