"""Opens the books of a desk for a reader: the replica caught up to the journal; it never writes to the journal."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toolkit.adapters import codec
from toolkit.adapters.archived_history import ArchivedHistory
from toolkit.adapters.blocking_redis import BlockingBus, BlockingJournal
from toolkit.adapters.mirror import Mirror
from toolkit.adapters.server_access import Passwords, ServerRole
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.snapshots import Snapshot, SnapshotStore
from toolkit.adapters.sockets import socket_path
from toolkit.client.home import Home
from toolkit.domain.errors import Gap
from toolkit.domain.events import Batch
from toolkit.domain.fold import apply_batch
from toolkit.domain.ledger import FOLD_VERSION, Ledger
from toolkit.domain.ports import Head, Sealed
from toolkit.replica.replica import REPLICA_VERSION, Replica

CHECKPOINT_EVENTS: Final = 5_000
"""A reader that had to fold more than this leaves a checkpoint behind, so that the next one is quick."""

_CHECKPOINT_FOLD: Final = REPLICA_VERSION * 1_000 + FOLD_VERSION


@dataclass(frozen=True, kw_only=True)
class Books:
    """The books of one book of one desk, for one user of its servers."""

    home: Home
    book: str
    user: str = "viewer"

    def address(self, role: ServerRole) -> ServerAddress:
        """Where a server is. ConfigError when the desk was never started."""
        password = Passwords(self.home.run / "server-passwords.json").own(self.user)
        return ServerAddress(f"unix://{socket_path(self.home.run, role.value)}", self.user, password)

    def journal(self, patience: float = 2.0) -> BlockingJournal:
        """A line to the journal. TransportError when the server is away."""
        return BlockingJournal(self.address(ServerRole.JOURNAL), self.book, patience)

    def bus(self, patience: float = 2.0) -> BlockingBus:
        """A line to the bus. TransportError when the server is away."""
        return BlockingBus(self.address(ServerRole.BUS), self.book, patience)

    def replica(self) -> Replica:
        """The books up to the journal's present end."""
        journal = self.journal()
        try:
            replica = self.start(journal.head().sequence)
            self.catch_up(replica, journal)
        finally:
            journal.close()
        return replica

    def ledger(self, of_stored: Callable[[bytes], bytes] = bytes) -> Ledger:
        """The ledger alone up to the journal's present end: a replica counts and remembers much beside it.

        It begins with what `of_stored` makes of the stored one.
        """
        journal = self.journal()
        try:
            ledger = self._snapshot(journal.head().sequence, of_stored)
            for sealed in self.history(journal, ledger.sequence):
                apply_batch(ledger, codec.open_batch(sealed.payload), sealed.digest)
        finally:
            journal.close()
        return ledger

    def replica_without_server(self) -> Replica:
        """The books as this machine's files have them: stored state and the engine's mirror of the journal's tail."""
        replica = self.start(2**62)
        source = self.home.book(self.book) / "mirror"
        with tempfile.TemporaryDirectory() as folder:  # a copy: opening the engine's own file could cut what it writes
            copy = Path(folder) / "mirror"
            try:
                shutil.copyfile(source, copy)
            except OSError:
                return replica
            mirror = Mirror(copy, durable=False)
            for mirrored in mirror.missing(replica.head):
                replica.apply(opened(mirrored.batch), mirrored.batch.digest)
            mirror.close()
        return replica

    def start(self, up_to: int) -> Replica:
        """The newest stored state that is not behind the journal's end: a checkpoint, a snapshot, else empty."""
        stored = self._checkpoints().newest(self.book, _CHECKPOINT_FOLD, up_to)
        replica = None if stored is None else Replica.from_bytes(stored.state)
        return Replica(ledger=self._snapshot(up_to)) if replica is None else replica

    def _snapshot(self, up_to: int, of_stored: Callable[[bytes], bytes] = bytes) -> Ledger:
        """The engine's newest one that is not behind the journal's end, else an empty ledger."""
        snapshot = SnapshotStore(self.home.book(self.book) / "snapshots").newest(self.book, FOLD_VERSION, up_to)
        return Ledger() if snapshot is None else Ledger.from_bytes(of_stored(snapshot.state))

    def catch_up(self, replica: Replica, journal: BlockingJournal) -> None:
        """Fold what the journal has beyond the replica. JournalError on a gap."""
        before = replica.ledger.sequence
        for sealed in self.history(journal, before):
            replica.apply(codec.open_batch(sealed.payload), sealed.digest)
        if replica.ledger.sequence - before >= CHECKPOINT_EVENTS:
            self.keep(replica)

    def fold_archived(self, replica: Replica) -> None:
        """Fold what is archived beyond the replica, for one that no stored state brings near enough to the journal."""
        for sealed in self._archive.read(replica.ledger.sequence):
            replica.apply(opened(sealed), sealed.digest)

    def keep(self, replica: Replica) -> None:
        """Store the replica as it is now, for quick starts. The journal stays the truth."""
        state = Snapshot(
            book=self.book, fold_version=_CHECKPOINT_FOLD, sequence=replica.ledger.sequence,
            digest=replica.ledger.batch_digest, state=replica.to_bytes(),
        )  # fmt: skip
        self._checkpoints().save(state)

    def batches(self, after: int = 0, containing: str | Sequence[str] = ()) -> Iterator[Batch]:
        """Batches of the journal with events above `after`; with `containing` only those whose bytes hold that text.

        Of several texts one is enough.
        """
        journal = self.journal()
        needles = [text.encode() for text in ((containing,) if isinstance(containing, str) else containing)]
        try:
            for sealed in self.history(journal, after):
                if not needles or any(needle in sealed.payload for needle in needles):
                    yield opened(sealed)
        finally:
            journal.close()

    def history(self, journal: BlockingJournal, after: int = 0) -> Iterator[Sealed]:
        """Every batch with events above `after`: from the archive what the server no longer holds, else from it.

        Gap when neither has them; JournalError when the two do not fit together.
        """
        head: Head | None = None
        while True:
            try:
                for sealed in journal.read(after):
                    head = codec.follows(head or Head(sealed.first - 1, sealed.previous), sealed)
                    after = sealed.last
                    yield sealed
                return
            except Gap:
                begun = after
                for sealed in self._archive.read(after):
                    head = codec.follows(head or Head(sealed.first - 1, sealed.previous), sealed)
                    after = sealed.last
                    yield sealed
                if after == begun:
                    raise

    @property
    def _archive(self) -> ArchivedHistory:
        return ArchivedHistory(self.home.archive(self.book), self.book)

    def _checkpoints(self) -> SnapshotStore:
        return SnapshotStore(self.home.book(self.book) / "replica", kept=2)


def opened(sealed: Sealed) -> Batch:
    """The batch that stored bytes stand for."""
    return codec.open_batch(sealed.payload)
