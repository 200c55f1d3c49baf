"""The furthest head of the journal that this machine has seen, so that a stream that fell behind stops start-up."""

from __future__ import annotations

import os
from pathlib import Path
from struct import Struct
from typing import Final
from zlib import crc32

from toolkit.adapters.codec import EMPTY, short
from toolkit.domain.errors import JournalError
from toolkit.domain.ports import Head

_SLOT: Final = Struct(">QQ32sB")
_SIZE: Final = _SLOT.size + 4


class HeadSeen:
    """Two slots written in turn, each with a checksum: a torn write loses the newer slot, never both."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.epoch = 0
        self.head = EMPTY
        self._next = 0
        self._ours = False
        self._load()

    def record(self, epoch: int, head: Head) -> None:
        """Remember a head that was appended or read. Not synced: it guards against a server, not the machine."""
        self._ours = True
        body = _SLOT.pack(epoch, head.sequence, head.digest, len(head.digest))
        os.pwrite(self._file, body + crc32(body).to_bytes(4, "big"), self._next * _SIZE)
        self._next = 1 - self._next
        self.epoch, self.head = epoch, head

    def check(self, head: Head) -> None:
        """JournalError when the journal ends before what was seen, or ends there with another hash."""
        if not self._ours:
            self._load()  # whoever held the lease before may have seen more since
        if head.sequence < self.head.sequence:
            raise JournalError(
                f"the journal ends at event {head.sequence}, but {self._path} saw it at {self.head.sequence}: "
                "the server lost events. Restore it from a backup; deleting that file accepts the loss"
            )
        if head.sequence == self.head.sequence and head.digest != self.head.digest:
            raise JournalError(
                f"event {head.sequence} ends a batch with hash {short(head.digest)} in the journal and "
                f"{short(self.head.digest)} in {self._path}: another history of the same book"
            )

    def close(self) -> None:
        os.close(self._file)

    def _load(self) -> None:
        slots = {slot: found for slot in (0, 1) if (found := self._read(slot)) is not None}
        if slots:
            newest = max(slots, key=lambda slot: slots[slot][1])
            self.epoch, sequence, digest = slots[newest]
            self.head = Head(sequence, digest)
            self._next = 1 - newest

    def _read(self, slot: int) -> tuple[int, int, bytes] | None:
        data = os.pread(self._file, _SIZE, slot * _SIZE)
        if len(data) < _SIZE or crc32(data[:-4]) != int.from_bytes(data[-4:], "big"):
            return None
        epoch, sequence, digest, length = _SLOT.unpack(data[:-4])
        return epoch, sequence, digest[:length]
