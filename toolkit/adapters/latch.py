"""A small file per book that every sender reads right before it writes to a venue; needs neither Redis nor engine.

One row of 128 bytes per scope (`book`, `venue:<name>`, `strategy:<name>`) with state and checksum. A file or row that
is missing or unreadable is shut. The file is read by `pread` rather than mapped: it is about as quick (nothing is
parsed while the bytes are the same) and a truncated file cannot kill the reader.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from zlib import crc32

from toolkit.adapters.records import replace_file
from toolkit.domain.errors import ConfigError, TransportError
from toolkit.domain.sub_accounts import strategy_of

ROW: Final = 128
LARGEST_FILE: Final = 64 * 1024
PATIENCE_SECONDS: Final = 0.5
BOOK: Final = "book"
_OPEN: Final = b"O"
_SHUT: Final = b"S"
_NAME: Final = ROW - 1 - 1 - 4


def venue_scope(venue: str) -> str:
    return f"venue:{venue}"


def strategy_scope(strategy: str) -> str:
    return f"strategy:{strategy}"


class Latch:
    """Reads and sets the latch of one book. Any process may hold one; rows that one of them sets, all see at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._data = b""
        self._rows: Mapping[str, bool] = {}

    @classmethod
    def create(cls, path: Path, scopes: Iterable[str]) -> Latch:
        """The latch of a *new* desk, all open. ConfigError when there is one: only a person reopens what is shut."""
        if path.exists():
            raise ConfigError(f"{path} exists already; a latch is made once, `enable` reopens it")
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = b"".join(_row(scope, True) for scope in dict.fromkeys((BOOK, *scopes)))
        replace_file(path, path.with_name(path.name + ".new"), rows)
        return cls(path)

    def open_for(self, strategy: str, venue: str) -> bool:
        """Whether an order of `strategy` may go to `venue`; without a strategy only book and venue are asked.

        Cancels and a person's flatten do not ask.
        """
        rows = self._read()
        if not (rows.get(BOOK, False) and rows.get(venue_scope(venue), False)):
            return False
        return not strategy or _is_open_for(rows, strategy)

    def is_open(self, scope: str) -> bool:
        return self._read().get(scope, False)

    def rows(self) -> Mapping[str, bool]:
        """Every readable row: scope → open. Empty when the file is missing or unreadable."""
        return dict(self._read())

    def shut(self, scope: str) -> None:
        """Stop every order of a scope but cancels and a person's flatten. On the disk when it returns."""
        self._set(scope, False)

    def reopen(self, scope: str) -> None:
        """Only for a person's `enable`. Makes a missing file, with this row alone: all others stay shut."""
        self._set(scope, True)

    def add(self, scopes: Iterable[str]) -> None:
        """Add rows for scopes that the latch does not know yet, open; rows that exist stay as they are.

        Nothing happens while the file is missing: what is missing is shut until a person enables it.
        """
        if not self._path.exists():
            return
        with self._locked() as file:
            rows = _parse_all(os.pread(file, LARGEST_FILE, 0))
            names = {name for name, _ in rows}
            for scope in scopes:
                if scope not in names:
                    os.pwrite(file, _row(scope, True), _end(file))
            os.fsync(file)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read(self) -> Mapping[str, bool]:
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            status = os.fstat(self._file)
            if status.st_nlink == 0:  # deleted or replaced: look at what is there now
                self.close()
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                status = os.fstat(self._file)
            data = os.pread(self._file, min(status.st_size, LARGEST_FILE), 0)
        except OSError:
            self.close()
            return {}
        if data != self._data:
            self._data = data
            self._rows = dict(_parse_all(data))
        return self._rows

    def _set(self, scope: str, is_open: bool) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        row = _row(scope, is_open)
        try:
            with self._locked() as file:
                os.pwrite(file, row, self._place(file, scope))
                os.fsync(file)
        except OSError as error:
            raise TransportError(f"{self._path}: cannot set {scope}: {error}; stop its senders another way") from error

    def _place(self, file: int, scope: str) -> int:
        """Offset of the scope's row; the end when it has none. Looks at names only: a damaged row is written over."""
        data = os.pread(file, LARGEST_FILE, 0)
        for start in range(0, len(data), ROW):
            if _name(data[start : start + ROW]) == scope:
                return start
        return _end(file)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, held against other writers for as long as they take turns: one that hangs cannot stop a kill."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not _lock(file) and time.monotonic() < deadline:
                time.sleep(0.005)
            yield file
        finally:
            os.close(file)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_open_for(rows: Mapping[str, bool], strategy: str) -> bool:
    """A version beside another one of its strategy needs that one's row open, and its own where it has one."""
    whole = rows.get(strategy_scope(strategy_of(strategy)), False)
    return whole and rows.get(strategy_scope(strategy), whole)


def _row(scope: str, is_open: bool) -> bytes:
    name = scope.encode()
    if not name or len(name) > _NAME:
        raise ConfigError(f"the scope {scope!r} must have 1 to {_NAME} bytes")
    body = (_OPEN if is_open else _SHUT) + bytes([len(name)]) + name.ljust(_NAME, b"\0")
    return body + crc32(body).to_bytes(4, "big")


def _parse_all(data: bytes) -> list[tuple[str, bool]]:
    """Each row's scope and whether it is open; an unreadable row counts as shut, a row named twice as its shut one."""
    rows: dict[str, bool] = {}
    for start in range(0, len(data), ROW):
        row = data[start : start + ROW]
        good = len(row) == ROW and crc32(row[:-4]) == int.from_bytes(row[-4:], "big")
        name = _name(row)
        rows[name] = rows.get(name, True) and good and row[:1] == _OPEN
    return list(rows.items())


def _name(row: bytes) -> str:
    length = row[1] if len(row) > 1 else 0
    return row[2 : 2 + length].decode(errors="replace")


def _end(file: int) -> int:
    """Where a new row goes: behind the last whole row, over what a crash left of one."""
    return os.fstat(file).st_size // ROW * ROW
