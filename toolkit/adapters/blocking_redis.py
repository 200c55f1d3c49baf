"""A blocking line to a Redis server for people's commands, quick to import; services use the asynchronous adapters.

No event loop: that takes longer to import than everything else that `execution status` does. This is one socket, the
wire's own parser (hiredis), and the dozen requests that people's commands make.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any, Final, Self
from urllib.parse import urlsplit

import hiredis

from toolkit.adapters import codec, keys
from toolkit.adapters.server_address import ServerAddress
from toolkit.domain.beats import Beat
from toolkit.domain.commands import Envelope
from toolkit.domain.errors import (
    AmbiguousOutcome,
    ConfigError,
    Fenced,
    Gap,
    JournalError,
    StaleIncarnation,
    TransportError,
)
from toolkit.domain.market import Step
from toolkit.domain.ports import Head, Sealed

ENTRIES_A_CALL: Final = 500
MOST_WAITING: Final = 10_000
OPERATIONS_KEPT: Final = 100_000


class BlockingLine:
    """One connection that asks and waits. Every failure is a TransportError, a refused login a ConfigError."""

    def __init__(self, address: ServerAddress, patience: float = 2.0) -> None:
        self._reader = hiredis.Reader()
        self._socket = _open(address, patience)
        self._server = address.url
        if address.password is not None:
            self.ask("AUTH", address.username or "default", address.password)

    def ask(self, *words: str | bytes | int) -> Any:
        """Send one request and return its reply in the shape of the wire."""
        try:
            self._socket.sendall(_request(words))
            return self._reply()
        except TimeoutError:
            raise AmbiguousOutcome(f"{self._server} does not answer {words[0]!s}: it hangs or is paused") from None
        except OSError as problem:
            raise AmbiguousOutcome(f"{self._server}: the line broke at {words[0]!s} ({problem})") from None

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _reply(self) -> Any:
        while (reply := self._reader.gets()) is False:
            data = self._socket.recv(1 << 18)
            if not data:
                raise ConnectionError("closed by the server")
            self._reader.feed(data)
        if isinstance(reply, hiredis.ReplyError):
            raise _ours(self._server, str(reply))
        return reply


class BlockingJournal:
    """The journal of one book for a reader, and the way of a command into it."""

    def __init__(self, address: ServerAddress, book: str, patience: float = 2.0) -> None:
        self._line = BlockingLine(address, patience)
        self._book = book

    def close(self) -> None:
        self._line.close()

    def head(self) -> Head:
        sequence, digest = self._line.ask("HMGET", keys.head(self._book), "sequence", "digest")
        return Head(int(sequence or 0), digest or b"")

    def batches(self, after: int, block_ms: int = 0, most: int = ENTRIES_A_CALL) -> Sequence[Sealed]:
        """Up to `most` batches with events above `after`; waits up to `block_ms` when there are none."""
        block = ("BLOCK", block_ms) if block_ms else ()
        words = ("XREAD", "COUNT", most, *block, "STREAMS", keys.journal(self._book), f"{after}-0")
        reply = self._line.ask(*words)
        return [codec.sealed(fields[1]) for _, entries in reply or () for _, fields in entries]

    def read(self, after: int = 0) -> Iterator[Sealed]:
        """Every batch with events above `after`, its chain checked. Gap when they were trimmed away."""
        head: Head | None = None
        while chunk := self.batches(after):
            if chunk[0].first > after + 1:
                raise Gap(f"events {after + 1}…{chunk[0].first - 1} were trimmed away; load a snapshot first")
            for batch in chunk:
                head = codec.follows(head or Head(batch.first - 1, batch.previous), batch)
                yield batch
            after = chunk[-1].last

    def send(self, envelope: Envelope) -> None:
        """Put a command into its producer's stream; the same one twice has one effect."""
        identifier = f"{envelope.incarnation}-{envelope.number}"
        key, payload = keys.commands(self._book, envelope.producer), codec.encode(envelope)
        if self._line.ask("XLEN", key) >= MOST_WAITING:
            raise TransportError(f"{key} is full: {MOST_WAITING} commands wait for an engine; is one running?")
        try:
            self._line.ask("XADD", key, identifier, "b", payload)
        except TransportError as problem:
            if "equal or smaller" not in str(problem):
                raise
            found = self._line.ask("XRANGE", key, identifier, identifier)
            if not found:
                raise StaleIncarnation(f"{key} is past {identifier}; take a larger incarnation") from None
            if found[0][1][1] != payload:
                raise JournalError(f"{key} holds another command under {identifier}") from None

    def acquire(self, owner: str, seconds: float) -> int | None:
        """Take the book that nobody holds, for so long; its epoch, None when somebody holds it."""
        reply = self._script("acquire", owner, int(seconds * 1000), 0)
        return None if reply[0] == b"HELD" else int(reply[1])

    def renew(self, epoch: int, owner: str, seconds: float) -> None:
        """Hold it so long from now on. Raises Fenced when somebody else has taken it."""
        reply = self._script("renew", epoch, owner, int(seconds * 1000))
        if reply[0] == b"FENCED":
            raise Fenced(f"{self._book}: epoch {int(reply[1])} has taken over from epoch {epoch}")

    def release(self, epoch: int) -> None:
        """Give it up, unless somebody else has it."""
        self._script("release", epoch)

    def holder(self) -> tuple[str, float]:
        """Epoch and owner of who holds the book, "" when nobody does, and for how many seconds from now."""
        name = self._line.ask("GET", keys.lease(self._book))
        return (name or b"").decode(), max(0, self._line.ask("PTTL", keys.lease(self._book))) / 1000

    def newest_incarnation(self, producer: str) -> int:
        """The incarnation at the end of a producer's stream, 0 when it is empty."""
        reply = self._line.ask("XREVRANGE", keys.commands(self._book, producer), "+", "-", "COUNT", 1)
        return int(reply[0][0].partition(b"-")[0]) if reply else 0

    def operations(self, count: int) -> Sequence[tuple[str, Mapping[str, str]]]:
        """The newest entries of the operations log, oldest first: (id, fields)."""
        reply = self._line.ask("XREVRANGE", keys.operations(self._book), "+", "-", "COUNT", count)
        return [(identifier.decode(), _fields(fields)) for identifier, fields in reversed(reply)]

    def operations_after(self, position: str) -> Sequence[tuple[str, Mapping[str, str]]]:
        """Up to ENTRIES_A_CALL entries of the operations log after a position, without a wait."""
        key = keys.operations(self._book)
        reply = self._line.ask("XREAD", "COUNT", ENTRIES_A_CALL, "STREAMS", key, position)
        return [(identifier.decode(), _fields(fields)) for _, entries in reply or () for identifier, fields in entries]

    def note(self, fields: Mapping[str, str]) -> None:
        """Add an entry to the operations log, for a user who may."""
        flat = [word for pair in fields.items() for word in pair]
        self._line.ask("XADD", keys.operations(self._book), "MAXLEN", "~", OPERATIONS_KEPT, "*", *flat)

    def _script(self, name: str, *arguments: str | int) -> Any:
        source = resources.files("toolkit.adapters").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
        return self._line.ask("EVAL", source, 2, keys.lease(self._book), keys.head(self._book), *arguments)

    def information(self, section: str) -> Mapping[str, str]:
        """INFO of the server."""
        return _information(self._line, section)


class BlockingBus:
    """Heartbeats and the feed on the bus, for a reader."""

    def __init__(self, address: ServerAddress, book: str, patience: float = 2.0) -> None:
        self._line = BlockingLine(address, patience)
        self._book = book

    def close(self) -> None:
        self._line.close()

    def beats(self) -> Mapping[str, Beat]:
        reply = self._line.ask("HVALS", keys.beats(self._book))
        return {beat.process: beat for beat in map(codec.decode_beat, reply)}

    def information(self, section: str) -> Mapping[str, str]:
        """INFO of the server."""
        return _information(self._line, section)

    def beat(self, beat: Beat) -> None:
        """Say that a process lives."""
        self._line.ask("HSET", keys.beats(self._book), beat.process, codec.encode(beat))

    def steps(self, stream: str, after: int, count: int) -> Sequence[Step]:
        """The steps above `after` that are there now, `count` at most."""
        reply = self._line.ask("XREAD", "COUNT", count, "STREAMS", keys.steps(self._book, stream), f"{after}-0")
        return [codec.decode_step(fields[1]) for _, entries in reply or () for _, fields in entries]

    def last(self, stream: str) -> int:
        """The number of the newest step of a stream, 0 when it is empty."""
        reply = self._line.ask("XREVRANGE", keys.steps(self._book, stream), "+", "-", "COUNT", 1)
        return int(reply[0][0].partition(b"-")[0]) if reply else 0


def _request(words: Sequence[str | bytes | int]) -> bytes:
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)


def _open(address: ServerAddress, patience: float) -> socket.socket:
    url = urlsplit(address.url)
    try:
        if url.scheme == "unix":
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.settimeout(patience)
            line.connect(url.path)
            return line
        return socket.create_connection((url.hostname or "127.0.0.1", url.port or 6379), timeout=patience)
    except OSError as problem:
        raise TransportError(f"no server at {address.url}: {problem.strerror or problem}") from None


def _ours(server: str, text: str) -> ConfigError | TransportError:
    if text.startswith(("WRONGPASS", "NOAUTH", "NOPERM")):
        return ConfigError(f"{server} refused the user: {text}; is this the desk that started it?")
    return TransportError(f"{server}: {text}")


def _information(line: BlockingLine, section: str) -> Mapping[str, str]:
    rows = line.ask("INFO", section).decode().splitlines()
    return dict(row.split(":", 1) for row in rows if ":" in row)


def _fields(flat: Sequence[bytes]) -> dict[str, str]:
    words = [word.decode("utf-8", "replace") for word in flat]
    return dict(zip(words[::2], words[1::2], strict=True))
