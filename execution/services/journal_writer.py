"""Makes decided events durable: seals, appends, mirrors, snapshots; one batch at a time, never after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from execution.services.engine_parts import EngineParts, EnginePlan
from toolkit.domain.errors import DomainError
from toolkit.domain.events import Batch, Event
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.ledger import FOLD_VERSION, Ledger
from toolkit.domain.pieces import ledger_in_pieces
from toolkit.domain.ports import Head, Lease
from toolkit.engine.messages import SnapshotKept


class LedgerCopy(NamedTuple):
    """The ledger as of one event and step, not encoded yet."""

    head: Head
    step: int
    pieces: Iterator[bytes]


class JournalWriter:
    """The one writer of a book. `committed` is the number of the last durable event."""

    def __init__(self, parts: EngineParts, plan: EnginePlan, ledger: Ledger) -> None:
        self._parts = parts
        self._plan = plan
        self._ledger = ledger
        self.committed = ledger.sequence
        self.failed = False
        self.lease: Lease | None = None
        self._snapshot_at = ledger.sequence

    async def commit(self, events: Sequence[Event], inboxes: Mapping[str, Sequence[InboxEntry]]) -> None:
        """Append one batch, then mirror it. Whatever goes wrong, nothing is committed by this writer afterwards."""
        if not events:
            return
        if self.failed or self.lease is None:
            raise DomainError("this engine may not write any more")
        self.failed = True
        reach, parts = self._parts.reach, self._parts
        sealed = parts.codec.seal(self._batch(self.lease, tuple(events)))
        reach("before_append")
        await parts.journal.append(self.lease, sealed, inboxes)
        reach("after_append_before_mirror")
        parts.mirror.write(sealed, inboxes)
        self.committed = sealed.last
        self._ledger.batch_digest = sealed.digest
        parts.seen.record(self.lease.epoch, Head(sealed.last, sealed.digest))
        self.failed = False
        reach("after_mirror_before_send")

    def copy(self) -> LedgerCopy | None:
        """The ledger as of now when it is time to keep it; only when everything decided is durable."""
        far = self.committed - self._snapshot_at >= self._plan.snapshot_every
        if not far or self.committed != self._ledger.sequence:
            return None
        self._snapshot_at = self.committed
        head = Head(self.committed, self._ledger.batch_digest)
        return LedgerCopy(head, self._ledger.step, ledger_in_pieces(self._ledger))

    async def keep(self, copy: LedgerCopy) -> SnapshotKept:
        """Put a copy on the disk; the mirror needs nothing before it then.

        It is encoded a piece at a time, then hashed and written beside the loop: nobody is held up meanwhile. Raises
        TransportError when the disk refuses; the next try comes as many events later.
        """
        pieces = []
        for piece in copy.pieces:
            pieces.append(piece)
            await asyncio.sleep(0)
        digest = await asyncio.to_thread(self._write, copy.head, pieces)
        self._parts.mirror.trim(copy.head)
        return SnapshotKept(sequence=copy.head.sequence, step=copy.step, digest=digest)

    def _write(self, head: Head, pieces: Sequence[bytes]) -> str:
        state = b"".join(pieces)
        self._parts.snapshots.keep(self._plan.book, FOLD_VERSION, head, state)
        return sha256(state).hexdigest()

    def _batch(self, lease: Lease, events: tuple[Event, ...]) -> Batch:
        return Batch(
            book=self._plan.book,
            schema=self._parts.codec.schema,
            epoch=lease.epoch,
            first=self.committed + 1,
            previous=self._ledger.batch_digest,
            step=self._ledger.step,
            wall=self._parts.clock.wall(),
            events=events,
        )
