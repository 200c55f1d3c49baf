"""A local copy of the newest batches, written before their requests leave, so that no server can take them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from toolkit.adapters import codec
from toolkit.adapters.records import RecordFile
from toolkit.domain.errors import JournalError
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.ports import Head, Sealed


class Mirrored(NamedTuple):
    """A batch and the inbox entries of its events: what `Journal.append` takes."""

    batch: Sealed
    inboxes: Mapping[str, Sequence[InboxEntry]]


class _Body(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    payload: bytes
    inboxes: tuple[tuple[str, tuple[InboxEntry, ...]], ...]


_body = msgspec.msgpack.Decoder(_Body)


class Mirror:
    """The mirror file of one book, read when it is first needed: only who holds the lease may touch it.

    `durable` is False in durability class `process` (survives any process), True in the others (survives the machine).
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._path = path
        self._durable = durable
        self._opened: RecordFile | None = None
        self._ours = False
        self._kept: list[tuple[Head, int]] = []  # the end of each batch in the file, and its place there
        self._head: Head | None = None

    @property
    def head(self) -> Head | None:
        """The last batch in the file; None when it holds none."""
        self._file()
        return self._head

    @property
    def torn(self) -> int:
        """Bytes of an unfinished record that were cut when the file was opened."""
        return self._file().cut

    def missing(self, head: Head) -> tuple[Mirrored, ...]:
        """The batches that the stream, which ends at `head`, has lost; to be appended again, byte for byte.

        Raises JournalError when the stream is further behind than the mirror reaches, or tells another history.
        """
        if not self._ours:
            self.close()  # whoever held the lease before may have gone on writing
        mirrored = [_decode(self._path, body) for _, body in self._file().records()]
        if self._head is None or head == self._head or head.sequence > self._head.sequence:
            return ()
        first = mirrored[0].batch
        ends = [Head(first.first - 1, first.previous), *(end for end, _ in self._kept)]
        for index, end in enumerate(ends):
            if end == head:
                return tuple(mirrored[index:])
            if end.sequence == head.sequence:
                self._other_history(head, end.digest)
        raise JournalError(
            f"the journal ends at event {head.sequence}, but {self._path} saw it at {self._head.sequence} and holds "
            f"only events from {first.first} on: restore the journal server from a backup"
        )

    def begin(self, head: Head) -> None:
        """Take the file over at recovery, once everything missing was appended, to go on behind `head`.

        What leads there stays. The file is a new one either way: a process that was stopped in the middle of a write
        and wakes up writes into the old one.
        """
        file, self._ours = self._file(), True
        if self._head == head and self._kept:
            self._keep(file, self._kept)
        else:
            self._keep(file, [])
        self._head = head

    def write(self, batch: Sealed, inboxes: Mapping[str, Sequence[InboxEntry]]) -> None:
        """Add a batch that was appended. Raises JournalError when it does not follow the last one, TransportError."""
        file, self._ours = self._file(), True
        if self._head is not None:
            codec.follows(self._head, batch)
        entries = tuple((strategy, tuple(of_strategy)) for strategy, of_strategy in inboxes.items())
        body = codec.encode(_Body(payload=batch.payload, inboxes=entries))
        self._follow(batch, file.write(body))

    def trim(self, head: Head) -> None:
        """Forget the batches up to `head`, which a snapshot covers; the file then begins behind it."""
        file, self._ours = self._file(), True
        self._keep(file, [kept for kept in self._kept if kept[0].sequence > head.sequence])
        if not self._kept:
            self._head = head

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _file(self) -> RecordFile:
        if self._opened is None:
            self._opened = RecordFile(self._path, b"QDMIRR1", durable=self._durable)
            self._kept, self._head = [], None
            for place, body in self._opened.records():
                self._follow(_decode(self._path, body).batch, place)
        return self._opened

    def _keep(self, file: RecordFile, kept: list[tuple[Head, int]]) -> None:
        moved = file.keep_from(kept[0][1] if kept else None)
        self._kept = [(end, place - moved) for end, place in kept]

    def _follow(self, batch: Sealed, place: int) -> None:
        self._head = Head(batch.last, batch.digest) if self._head is None else codec.follows(self._head, batch)
        self._kept.append((self._head, place))

    def _other_history(self, head: Head, digest: bytes) -> None:
        raise JournalError(
            f"event {head.sequence} ends a batch with hash {codec.short(head.digest)} in the journal and "
            f"{codec.short(digest)} in {self._path}: two histories of one book; do not trade before a person decides"
        )


def _decode(path: Path, body: bytes) -> Mirrored:
    try:
        record = _body.decode(body)
    except msgspec.MsgspecError as error:
        raise JournalError(f"{path}: a record with a good checksum is no batch: {error}") from error
    return Mirrored(codec.sealed(record.payload), dict(record.inboxes))
