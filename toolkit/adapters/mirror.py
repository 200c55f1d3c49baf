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
    """The mirror file of one book.

    `durable` is False in durability class `process` (survives any process), True in the others (survives the machine).
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._path = path
        self._file = RecordFile(path, b"QDMIRR1", durable=durable)
        self._kept: list[tuple[Head, int]] = []  # the end of each batch in the file, and its place there
        self._head: Head | None = None
        for place, body in self._file.records():
            self._follow(_decode(path, body).batch, place)

    @property
    def head(self) -> Head | None:
        """The last batch in the file; None when it holds none."""
        return self._head

    @property
    def torn(self) -> int:
        """Bytes of an unfinished record that were cut when the file was opened."""
        return self._file.cut

    def write(self, batch: Sealed, inboxes: Mapping[str, Sequence[InboxEntry]]) -> None:
        """Add a batch that was appended. Raises JournalError when it does not follow the last one, TransportError."""
        if self._head is not None:
            codec.follows(self._head, batch)
        entries = tuple((strategy, tuple(of_strategy)) for strategy, of_strategy in inboxes.items())
        body = codec.encode(_Body(payload=batch.payload, inboxes=entries))
        self._follow(batch, self._file.write(body))

    def missing(self, head: Head) -> tuple[Mirrored, ...]:
        """The batches that the stream, which ends at `head`, has lost; to be appended again, byte for byte.

        Raises JournalError when the stream is further behind than the mirror reaches, or tells another history.
        """
        if self._head is None or head == self._head or head.sequence > self._head.sequence:
            return ()
        mirrored = [_decode(self._path, body) for _, body in self._file.records()]
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

    def trim(self, head: Head) -> None:
        """Forget the batches up to `head`, which a snapshot covers; the file then begins behind it."""
        self._kept = [kept for kept in self._kept if kept[0].sequence > head.sequence]
        moved = self._file.keep_from(self._kept[0][1] if self._kept else None)
        self._kept = [(end, place - moved) for end, place in self._kept]
        if not self._kept:
            self._head = head

    def begin(self, head: Head) -> None:
        """Start anew behind `head`: at recovery, once everything missing was appended."""
        self._kept = []
        self._head = head
        self._file.keep_from(None)

    def close(self) -> None:
        self._file.close()

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
