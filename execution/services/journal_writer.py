"""Makes decided events durable: seals, appends, mirrors, snapshots; one batch at a time, never after a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from execution.services.engine_parts import EngineParts, EnginePlan
from toolkit.domain.errors import DomainError
from toolkit.domain.events import Batch, Event
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.ledger import FOLD_VERSION, Ledger
from toolkit.domain.ports import Head, Lease


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

    def snapshot_due(self) -> bool:
        """Whether a snapshot should be taken now; only when everything decided is durable."""
        far = self.committed - self._snapshot_at >= self._plan.snapshot_every
        return far and self.committed == self._ledger.sequence

    def take_snapshot(self) -> str:
        """Keep the ledger as of the last committed event; the mirror needs nothing before it. Returns its digest.

        Raises TransportError when the disk refuses; the next try comes as many events later.
        """
        head = Head(self.committed, self._ledger.batch_digest)
        self._snapshot_at = self.committed
        self._parts.snapshots.keep(self._plan.book, FOLD_VERSION, head, self._ledger.to_bytes())
        self._parts.mirror.trim(head)
        return self._ledger.digest()

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
