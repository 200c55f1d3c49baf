"""Snapshots of a ledger as files, the newest valid one first; what is in the state is the ledger's business."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from toolkit.adapters.records import replace_file
from toolkit.domain.ports import Head

_MAGIC: Final = b"QDSNAP1\0"
_DIGEST: Final = 32
KEPT: Final = 3


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="snapshot"):
    """The state of a fold after the event that ends at (`sequence`, `digest`) of the journal."""

    book: str
    fold_version: int
    sequence: int
    digest: bytes
    state: bytes

    @property
    def head(self) -> Head:
        """Where reading the journal goes on."""
        return Head(self.sequence, self.digest)


_snapshot = msgspec.msgpack.Decoder(Snapshot)


class SnapshotStore:
    """The snapshots of one book in a folder: `<sequence>.snapshot`, written whole or not at all, the last few kept."""

    def __init__(self, folder: Path, *, kept: int = KEPT) -> None:
        self._folder = folder
        self._kept = kept

    def save(self, snapshot: Snapshot) -> Path:
        """Write beside, sync, rename; then remove the oldest others. Raises TransportError when the disk refuses.

        What was saved stays, however old: behind those of another fold a new one begins far below them.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        body = msgspec.msgpack.encode(snapshot)
        path = self._folder / f"{snapshot.sequence:015d}.snapshot"
        replace_file(path, path.with_suffix(".new"), _MAGIC + blake2b(body, digest_size=_DIGEST).digest() + body)
        for old in [other for other in self._paths() if other != path][self._kept - 1 :]:
            old.unlink(missing_ok=True)
        return path

    def newest(self, book: str, fold_version: int, up_to: int | None = None) -> Snapshot | None:
        """The newest snapshot that is whole, of this book and of this fold; None when there is none.

        `up_to` leaves out snapshots behind that event: one of a journal that has lost its end is not to be trusted.
        """
        return next(self.fitting(book, fold_version, up_to), None)

    def fitting(self, book: str, fold_version: int, up_to: int | None = None) -> Iterator[Snapshot]:
        """All of these, the newest first."""
        for snapshot in self._valid():
            fits = snapshot.book == book and snapshot.fold_version == fold_version
            if fits and (up_to is None or snapshot.sequence <= up_to):
                yield snapshot

    def damaged(self) -> tuple[Path, ...]:
        """Files that are no whole snapshot, for `doctor`."""
        return tuple(path for path in self._paths() if _load(path) is None)

    def _valid(self) -> Iterator[Snapshot]:
        return (snapshot for path in self._paths() if (snapshot := _load(path)) is not None)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.snapshot"), reverse=True)


def _load(path: Path) -> Snapshot | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    body = data[len(_MAGIC) + _DIGEST :]
    if data[: len(_MAGIC)] != _MAGIC or blake2b(body, digest_size=_DIGEST).digest() != data[len(_MAGIC) :][:_DIGEST]:
        return None
    try:
        return _snapshot.decode(body)
    except msgspec.MsgspecError:
        return None
