"""The record of cancels and of a person's flatten sent without a journal; each is on the disk before it leaves."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from toolkit.adapters import codec
from toolkit.adapters.records import RecordFile
from toolkit.domain.commands import Who
from toolkit.domain.errors import JournalError, TransportError
from toolkit.domain.requests import CancelOrder, SubmitOrder
from toolkit.domain.time import WallTime


class LifeboatCancel(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="lifeboat_cancel"):
    """A cancel that left without a journal: what was asked of the venue, when, and why."""

    cancel: CancelOrder
    wall: WallTime
    cause: str


class LifeboatFlatten(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="lifeboat_flatten"):
    """An order that closes a position because a person said so, when, who and why."""

    order: SubmitOrder
    wall: WallTime
    who: Who
    reason: str


Entry = LifeboatCancel | LifeboatFlatten

_entry: msgspec.msgpack.Decoder[Entry] = msgspec.msgpack.Decoder(Entry)


class Lifeboat:
    """The lifeboat file of one book; written in need, imported into the journal at the next recovery, then emptied."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: RecordFile | None = None
        self._entries: list[Entry] = []
        self._ours = False

    def record(self, cancel: CancelOrder, wall: WallTime, cause: str) -> None:
        """Put it on the disk; only then may it be sent. Raises TransportError when the disk refuses."""
        self._record(LifeboatCancel(cancel=cancel, wall=wall, cause=cause))

    def record_flatten(self, order: SubmitOrder, wall: WallTime, who: Who, reason: str) -> None:
        """The same for an order that closes a position."""
        self._record(LifeboatFlatten(order=order, wall=wall, who=who, reason=reason))

    @property
    def cancels(self) -> tuple[LifeboatCancel, ...]:
        """What has not been imported yet, in the order it left, whichever process recorded it."""
        return tuple(entry for entry in self._all() if isinstance(entry, LifeboatCancel))

    @property
    def flattens(self) -> tuple[LifeboatFlatten, ...]:
        return tuple(entry for entry in self._all() if isinstance(entry, LifeboatFlatten))

    def empty(self) -> None:
        """Forget what the journal holds by now."""
        self._file().keep_from(None)
        self._entries = []

    @contextmanager
    def in_hand(self) -> Iterator[None]:
        """Be the only person of this machine who closes positions past the engine; a lock that ends with the process.

        Raises TransportError when somebody else does.
        """
        file = self._lock()
        try:
            if not _locked(file):
                raise TransportError("somebody else closes positions past the engine right now; wait for that")
            yield
        finally:
            os.close(file)

    def is_in_hand(self) -> bool:
        """Whether somebody closes positions past the engine right now."""
        file = self._lock()
        try:
            return not _locked(file)
        finally:
            os.close(file)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _lock(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _record(self, entry: Entry) -> None:
        file, self._ours = self._file(), True
        file.write(codec.encode(entry))
        self._entries.append(entry)

    def _all(self) -> list[Entry]:
        if not self._ours:
            self.close()
        self._file()
        return self._entries

    def _file(self) -> RecordFile:
        """The file, opened when it is first needed: a standby engine must not touch what another one writes."""
        if self._opened is None:
            self._opened = RecordFile(self._path, b"QDLIFE1", durable=True)
            self._entries = [_decode(self._path, body) for _, body in self._opened.records()]
        return self._opened


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _decode(path: Path, body: bytes) -> Entry:
    try:
        return _entry.decode(body)
    except msgspec.MsgspecError as error:
        raise JournalError(f"{path}: a record with a good checksum is neither cancel nor flatten: {error}") from error
