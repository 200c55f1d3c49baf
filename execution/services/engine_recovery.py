"""Start is recovery, one path: lease, mirror, snapshot, tail; the book as the journal tells it. Venues come later."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress

from execution.services.engine_parts import EngineParts, EnginePlan
from toolkit.domain.errors import Gap, JournalError, TransportError
from toolkit.domain.fold import apply_batch
from toolkit.domain.inbox import EPOCHS_KEPT
from toolkit.domain.ledger import FOLD_VERSION, Ledger
from toolkit.domain.ports import Bus, Head, Lease

LOOK_AGAIN = 0.05
KEPT_EVERY = 1_000_000
"""Events of the archive between two snapshots: a start that is given up for its length gets further each time."""


async def take_book(parts: EngineParts, stopping: asyncio.Event) -> Lease | None:
    """Wait until nobody holds the book and take it; None when told to stop before."""
    while not stopping.is_set():
        with suppress(TransportError):
            lease = await parts.journal.acquire(parts.owner, parts.seen.epoch)
            if lease is not None:
                return await _alone(parts, stopping, lease)
        await asyncio.sleep(LOOK_AGAIN)
    return None


async def _alone(parts: EngineParts, stopping: asyncio.Event, lease: Lease) -> Lease | None:
    """Wait for a person who began to close positions past the engine while the journal was away, and has no lease."""
    while parts.lifeboat.is_in_hand():
        if stopping.is_set():
            await parts.journal.release(lease)
            return None
        await asyncio.sleep(LOOK_AGAIN)
        lease = await parts.journal.renew(lease)
    return lease


async def recover_ledger(parts: EngineParts, plan: EnginePlan, lease: Lease) -> Ledger:
    """The ledger of everything that was ever durable, on any of stream and mirror.

    Raises JournalError when the journal is behind what was seen and the mirror cannot mend it.
    """
    for mirrored in parts.mirror.missing(await parts.journal.head()):
        await parts.journal.append(lease, mirrored.batch, mirrored.inboxes)
    head = await parts.journal.head()
    parts.seen.check(head)
    ledger = await _fold(parts, plan, head.sequence)
    if (ledger.sequence, ledger.batch_digest) != (head.sequence, head.digest):
        raise JournalError(
            f"folding the journal of {plan.book} ends at event {ledger.sequence}, its head is {head.sequence}: "
            "run `execution journal verify`"
        )
    parts.mirror.begin(head)
    parts.seen.record(lease.epoch, head)
    return ledger


async def forget_old_releases(bus: Bus, epoch: int) -> None:
    """What no runner asks for any more leaves the bus: each epoch has a stream of its own there."""
    with suppress(TransportError):
        for old in range(max(1, epoch - 2 * EPOCHS_KEPT), epoch - EPOCHS_KEPT):
            await bus.forget_epoch(old)


async def _fold(parts: EngineParts, plan: EnginePlan, up_to: int) -> Ledger:
    snapshot = parts.snapshots.newest(plan.book, FOLD_VERSION, up_to)
    ledger = Ledger() if snapshot is None else Ledger.from_bytes(snapshot.state)
    gc.disable()
    try:
        await _fold_tail(parts, ledger)
    except Gap:  # no snapshot of this fold: what the server was relieved of is in the archive
        _fold_archive(parts, plan, ledger)
        await _fold_tail(parts, ledger)
    finally:
        gc.enable()
    return ledger


def _fold_archive(parts: EngineParts, plan: EnginePlan, ledger: Ledger) -> None:
    kept = ledger.sequence
    for sealed in parts.archive.read(ledger.sequence):
        apply_batch(ledger, parts.codec.open_batch(sealed.payload), sealed.digest)
        if ledger.sequence - kept >= KEPT_EVERY:
            kept = ledger.sequence
            with suppress(TransportError):  # a full disk: then the next start begins where this one did
                parts.snapshots.keep(plan.book, FOLD_VERSION, Head(kept, sealed.digest), ledger.to_bytes())


async def _fold_tail(parts: EngineParts, ledger: Ledger) -> None:
    async for sealed in parts.journal.read(ledger.sequence):
        apply_batch(ledger, parts.codec.open_batch(sealed.payload), sealed.digest)
