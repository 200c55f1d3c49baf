"""The paper venue's own books on disk: every input and what it caused, readable without the venue; nothing is decided.

A record is length (4 bytes, big-endian), CRC-32 (4), then the body: kind (1), number of the venue's newest report after
it (8), and msgpack of `Opened` or `Took`. An incomplete record at the end is what a crash leaves and is cut; a damaged
one with good ones behind it is refused.
"""

from __future__ import annotations

import fcntl
import os
import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import msgspec

from toolkit.domain.errors import ConfigError, JournalError, TransportError
from toolkit.domain.requests import VenueReport
from toolkit.domain.time import WallTime

_FRAME = Struct(">II")
_COVER = Struct(">BQ")
_OPENED, _TOOK = 0, 1
_LARGEST = 256 * 1024 * 1024

_ReadBytes = Callable[[int], bytes]


class Opened(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The venue's whole state at this place, with the settings and instruments that hold from here on (as bytes)."""

    wall: WallTime
    settings: bytes
    instruments: bytes
    snapshot: bytes


class Took(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One message that came in: from which line and client, as msgpack, and every report that it caused.

    `ignored` is set when a drill made the venue swallow it: it was received and had no effect.
    """

    wall: WallTime
    line: int
    client: str
    message: msgspec.Raw
    reports: tuple[VenueReport, ...]
    ignored: bool = False


class Record(NamedTuple):
    """A record and the number of the venue's newest report after it."""

    last_report: int
    entry: Opened | Took


_encode = msgspec.msgpack.Encoder().encode
_opened = msgspec.msgpack.Decoder(Opened)
_took = msgspec.msgpack.Decoder(Took)


class Ledger:
    """The ledger of one venue, held by one process. With `durable` an append is on the disk when it returns."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        """Open, cut a torn tail, and find the newest `Opened`. ConfigError when another process holds the file."""
        self._path = path
        self._durable = durable
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _lock(self._file, path)
            self._index = _Index()
            self._end = self._index.read(_scan(path))
            self.cut = os.fstat(self._file).st_size - self._end
            if self.cut:
                os.ftruncate(self._file, self._end)
        except BaseException:
            os.close(self._file)
            raise

    def append(self, records: Sequence[Record]) -> None:
        """Write records in one go. TransportError when the disk refuses; the file is then as it was before."""
        bodies = [_body(record) for record in records]
        data = b"".join(_FRAME.pack(len(body), crc32(body)) + body for body in bodies)
        try:
            _write(self._file, data)
            if self._durable:
                _sync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise TransportError(f"{self._path}: cannot write ({error}); free space or mend the disk") from error
        for record, body in zip(records, bodies, strict=True):
            self._index.add(self._end, isinstance(record.entry, Opened), record.last_report)
            self._end += _FRAME.size + len(body)

    def since_opened(self) -> Iterator[Record]:
        """The newest `Opened` and everything after it; nothing for a new ledger."""
        if self._index.opened is not None:
            yield from _read(self._path, self._index.opened, self._end)

    def reports(self, after: int) -> Iterator[VenueReport]:
        """Every numbered report above `after`, in order."""
        start = self._index.place_of(after + 1)
        if start is None:
            return
        for _, entry in _read(self._path, start, self._end):
            if isinstance(entry, Took):
                yield from (report for report in entry.reports if number_of(report) > after)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def read_ledger(path: Path) -> Iterator[Record]:
    """Everything that a ledger holds, also while the venue writes it. A torn tail is left out."""
    for offset, _, _ in _scan(path):
        yield next(_read(path, offset, None))


def number_of(report: VenueReport) -> int:
    """The number of a report; 0 for the answer to a question, which has none."""
    return getattr(report, "report", 0)


class _Index:
    """Where the newest `Opened` and the reports are: an offset for each record that has some."""

    def __init__(self) -> None:
        self.opened: int | None = None
        self._last = 0
        self._numbers = array("Q")
        self._offsets = array("Q")

    def read(self, records: Iterator[tuple[int, bytes, int]]) -> int:
        """Take in a whole file. Returns where its last good record ends."""
        end = 0
        for offset, cover, after in records:
            kind, last_report = _COVER.unpack(cover)
            self.add(offset, kind == _OPENED, last_report)
            end = after
        return end

    def add(self, offset: int, opened: bool, last_report: int) -> None:
        if opened:
            self.opened = offset
        if last_report > self._last:
            self._last = last_report
            self._numbers.append(last_report)
            self._offsets.append(offset)

    def place_of(self, report: int) -> int | None:
        """Offset of the record that holds this report; None when there is no such report yet."""
        index = bisect_right(self._numbers, report - 1)
        return self._offsets[index] if index < len(self._offsets) else None


def _scan(path: Path) -> Iterator[tuple[int, bytes, int]]:
    """Offset, cover and end of every good record. JournalError for damage that is not a torn tail."""
    size = path.stat().st_size
    with path.open("rb") as file:
        offset = 0
        while (body := _next_body(file.read(_FRAME.size), file.read)) is not None:
            after = offset + _FRAME.size + len(body[1])
            if crc32(body[1]) != body[0]:
                if after < size and _good_record_behind(file.read):
                    raise JournalError(
                        f"{path} is damaged at byte {offset}, with good records behind it: this is no torn write. "
                        "Keep a copy, then restore the file from a backup"
                    )
                return
            yield offset, body[1][: _COVER.size], after
            offset = after


def _good_record_behind(read: _ReadBytes) -> bool:
    while (body := _next_body(read(_FRAME.size), read)) is not None:
        if crc32(body[1]) == body[0]:
            return True
    return False


def _next_body(frame: bytes, read: _ReadBytes) -> tuple[int, bytes] | None:
    """Checksum and body of the next whole record; None at the end, in a torn one and in the zeros of a lost block."""
    if len(frame) < _FRAME.size:
        return None
    length, checksum = _FRAME.unpack(frame)
    if not _COVER.size < length <= _LARGEST:
        return None
    body = read(length)
    return (checksum, body) if len(body) == length else None


def _read(path: Path, start: int, end: int | None) -> Iterator[Record]:
    """Records that were found good before, from `start` up to `end`."""
    with path.open("rb") as file:
        file.seek(start)
        while (end is None or file.tell() < end) and (body := _next_body(file.read(_FRAME.size), file.read)):
            kind, last_report = _COVER.unpack_from(body[1])
            content = memoryview(body[1])[_COVER.size :]
            yield Record(last_report, _opened.decode(content) if kind == _OPENED else _took.decode(content))


def _body(record: Record) -> bytes:
    kind = _OPENED if isinstance(record.entry, Opened) else _TOOK
    return _COVER.pack(kind, record.last_report) + _encode(record.entry)


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(f"another process runs the venue of {path}; stop that one first") from error


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync(file: int) -> None:
    """On macOS `fsync` leaves bytes in the drive's cache, F_FULLFSYNC does not."""
    if sys.platform == "darwin":
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(file)
