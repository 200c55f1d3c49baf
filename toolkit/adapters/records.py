"""An append-only file of checksummed records with a torn tail cut on opening; what a record means is never known here.

Layout: 8 bytes of magic, then for each record its length, the CRC-32 of its body, the CRC-32 of these two (4 bytes
each, big-endian), and the body. What does not match its checksums is what a crash leaves and is cut off, unless a good
record stands behind it: then it is damage and refused.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Final, NoReturn
from zlib import crc32

from toolkit.domain.errors import ConfigError, JournalError, TransportError

_HEADER: Final = Struct(">III")


class RecordFile:
    """Records on a local disk. With `durable` each write is on the disk when it returns, else with the kernel."""

    def __init__(self, path: Path, magic: bytes, *, durable: bool) -> None:
        self._path = path
        self._magic = magic.ljust(8, b"\0")
        self._durable = durable
        self.cut = 0
        """Bytes of a torn tail that were cut on opening."""
        path.parent.mkdir(parents=True, exist_ok=True)
        created = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._end = self._open()
        except BaseException:
            os.close(self._file)
            raise
        if created:
            sync_folder(path.parent)

    def write(self, body: bytes) -> int:
        """Add a record; returns its place. Raises TransportError when the disk refuses; it is then not in the file."""
        place = self._end
        try:
            _write_all(self._file, _frame(body))
            if self._durable:
                sync_data(self._file)
        except OSError as error:
            os.ftruncate(self._file, place)
            raise TransportError(f"{self._path}: cannot write ({error}); free space or mend the disk") from error
        self._end += _HEADER.size + len(body)
        return place

    def keep_from(self, place: int | None) -> int:
        """Forget the records before a place (all without one), at once: a crash leaves the old file or the new one.

        Returns by how much the places of those that stay have moved down.
        """
        start = self._end if place is None else place
        tail = os.pread(self._file, self._end - start, start)
        new = self._path.with_name(self._path.name + ".new")
        replace_file(self._path, new, self._magic + tail, durable=self._durable)
        os.close(self._file)
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        self._end = len(self._magic) + len(tail)
        return start - len(self._magic)

    def records(self) -> list[tuple[int, bytes]]:
        """Every record with its place, as the file holds them now."""
        return list(_records(os.pread(self._file, self._end, 0), len(self._magic)))

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> int:
        """Check the file and cut its torn tail; returns where it ends."""
        data = self._path.read_bytes()
        if self._magic.startswith(data) and len(data) < len(self._magic):
            os.ftruncate(self._file, 0)
            _write_all(self._file, self._magic)
            return len(self._magic)
        if not data.startswith(self._magic):
            raise ConfigError(f"{self._path} is not a file of ours (it begins with {data[:8]!r}); move it away")
        end = self._whole(data)
        self.cut = len(data) - end
        if self.cut:
            os.ftruncate(self._file, end)
        return end

    def _whole(self, data: bytes) -> int:
        """Where the last good record ends. JournalError for a bad one with good ones behind it."""
        end = len(self._magic)
        for place, body in _records(data, end):
            end = place + _HEADER.size + len(body)
        if any(_body(data, place) is not None for place in range(end + 1, len(data))):
            self._damaged(end)
        return end

    def _damaged(self, place: int) -> NoReturn:
        raise JournalError(
            f"{self._path} is damaged at byte {place}, with good records behind it: this is no torn write. "
            "Keep a copy, then restore the file from a backup"
        )


def _frame(body: bytes) -> bytes:
    start = len(body).to_bytes(4, "big") + crc32(body).to_bytes(4, "big")
    return start + crc32(start).to_bytes(4, "big") + body


def _records(data: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    """The good records from a place on, up to the first that is not."""
    while (body := _body(data, place)) is not None:
        yield place, body
        place += _HEADER.size + len(body)


def _body(data: bytes, place: int) -> bytes | None:
    """The body of the record at a place; None when no good one stands there."""
    start = place + _HEADER.size
    if start > len(data):
        return None
    length, of_body, of_header = _HEADER.unpack_from(data, place)
    if crc32(data[place : place + 8]) != of_header or start + length > len(data):
        return None
    body = data[start : start + length]
    return body if crc32(body) == of_body else None


def replace_file(path: Path, temporary: Path, data: bytes, *, durable: bool = True) -> None:
    """Write beside, sync, rename, sync the folder. Raises TransportError; the old file is then as it was.

    What need not survive the machine (`durable` False) is not synced: that waits for a disk.
    """
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(file, data)
            if durable:
                sync_data(file)
        finally:
            os.close(file)
        temporary.replace(path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise TransportError(f"{path}: cannot write ({error}); free space or mend the disk") from error


def sync_data(file: int) -> None:
    """Put written bytes on the disk; on macOS `fsync` leaves them in the drive's cache, F_FULLFSYNC does not."""
    if sys.platform == "darwin":
        import fcntl  # absent where it is not needed

        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(file)


def sync_folder(folder: Path) -> None:
    """Make a created or renamed name durable."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
