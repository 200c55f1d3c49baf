"""The record of cancels that were sent while the journal was gone; each is on the disk before it leaves."""

from __future__ import annotations

from pathlib import Path

import msgspec

from toolkit.adapters import codec
from toolkit.adapters.records import RecordFile
from toolkit.domain.errors import JournalError
from toolkit.domain.requests import CancelOrder
from toolkit.domain.time import WallTime


class LifeboatCancel(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="lifeboat_cancel"):
    """A cancel that left without a journal: what was asked of the venue, when, and why."""

    cancel: CancelOrder
    wall: WallTime
    cause: str


_cancel = msgspec.msgpack.Decoder(LifeboatCancel)


class Lifeboat:
    """The lifeboat file of one book; written in need, imported into the journal at the next recovery, then emptied."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: RecordFile | None = None
        self._cancels: list[LifeboatCancel] = []
        self._ours = False

    def record(self, cancel: CancelOrder, wall: WallTime, cause: str) -> None:
        """Put it on the disk; only then may it be sent. Raises TransportError when the disk refuses."""
        entry = LifeboatCancel(cancel=cancel, wall=wall, cause=cause)
        file, self._ours = self._file(), True
        file.write(codec.encode(entry))
        self._cancels.append(entry)

    @property
    def cancels(self) -> tuple[LifeboatCancel, ...]:
        """What has not been imported yet, in the order it left, whichever process recorded it."""
        if not self._ours:
            self.close()
        self._file()
        return tuple(self._cancels)

    def empty(self) -> None:
        """Forget what the journal holds by now."""
        self._file().keep_from(None)
        self._cancels = []

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _file(self) -> RecordFile:
        """The file, opened when it is first needed: a standby engine must not touch what another one writes."""
        if self._opened is None:
            self._opened = RecordFile(self._path, b"QDLIFE1", durable=True)
            self._cancels = [_decode(self._path, body) for _, body in self._opened.records()]
        return self._opened


def _decode(path: Path, body: bytes) -> LifeboatCancel:
    try:
        return _cancel.decode(body)
    except msgspec.MsgspecError as error:
        raise JournalError(f"{path}: a record with a good checksum is no cancel: {error}") from error
