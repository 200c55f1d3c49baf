"""Follows a running desk's journal for those who look on: replica and tallies, kept up to date; it never writes to it.

One thread uses one of these. A server that is away is told and waited for; a gap, or a journal that lost its end, is
answered by beginning again from what is stored, and from the archive.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from toolkit.adapters.blocking_redis import ENTRIES_A_CALL, BlockingJournal
from toolkit.adapters.snapshots import Snapshot, SnapshotStore
from toolkit.client.books import Books, opened
from toolkit.client.home import Home
from toolkit.domain.errors import JournalError, TransportError
from toolkit.domain.ledger import FOLD_VERSION
from toolkit.domain.ports import Sealed
from toolkit.domain.time import WallTime
from toolkit.replica.replica import REPLICA_VERSION, Replica
from toolkit.replica.tallies import TALLIES_VERSION, Tallies

KEEP_EVERY: Final = 50_000
"""Events after which who keeps for others stores what it folded, so that they open quickly."""

KEPT: Final = 4
"""So many of these: who looks again at the last minutes begins with an older one."""

PATIENCE: Final = 1.0
"""Seconds after which a server that does not answer counts as away."""

WHOLE: Final = 500_000
"""A journal of so many events is counted from its first one; of a longer one, from the newest books that are stored."""

AT_ONCE: Final = 10
"""Batches of a journal's end that are folded in one go; then others get the processor for a moment."""

REST: Final = 0.0002
"""Seconds. An order that comes by waits for who has the processor, whatever the niceness: up to a tick, of 4 ms."""

_FOLD: Final = (REPLICA_VERSION * 1_000 + FOLD_VERSION) * 1_000 + TALLIES_VERSION


class Watched(msgspec.Struct, frozen=True, array_like=True):
    """Both folds as of one event, as they are stored."""

    replica: bytes
    tallies: bytes


class Again(NamedTuple):
    """To see the last moments go by once more: `look` is called before each batch that is younger than `since` is
    folded, with its moment, until the journal's end is reached for the first time."""

    since: int
    look: Callable[[WallTime], None]


class Watching:
    """`advance` again and again. With `keeps` it stores what it folded now and then, for all who open later.

    With `again` it begins so far back that its tallies count all of that time, where anything is stored of before it.
    """

    def __init__(
        self, home: Home, book: str, *, user: str = "viewer", keeps: bool = False, again: Again | None = None
    ) -> None:
        self.replica = Replica()
        self.tallies = Tallies()
        self.read_at_end = False
        self.reloads = 0
        self._books = Books(home=home, book=book, user=user)
        self._store = SnapshotStore(home.book(book) / "watched", kept=KEPT)
        self._book = book
        self._again = again
        self._keeps = keeps
        self._kept = 0
        self._journal: BlockingJournal | None = None
        self._loaded = False

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def advance(self, wait_ms: int = 0) -> int:
        """Fold what is new, up to some hundred batches; waits up to `wait_ms` when nothing is. The number of events.

        Raises TransportError while the server is away, JournalError when what is stored does not fit together: both
        leave the last state standing, and the next call tries again.
        """
        self.read_at_end = False
        try:
            return self._advance(wait_ms)
        except TransportError:
            self.close()
            raise
        except JournalError:
            self.close()
            self._loaded = False
            raise

    def keep(self) -> None:
        """Store both folds as they are. TransportError when the disk refuses."""
        ledger = self.replica.ledger
        state = msgspec.msgpack.encode(Watched(self.replica.to_bytes(), self.tallies.to_bytes()))
        self._kept = ledger.sequence
        self._store.save(
            Snapshot(
                book=self._book, fold_version=_FOLD, sequence=ledger.sequence, digest=ledger.batch_digest, state=state
            )
        )

    # ---- parts

    def _advance(self, wait_ms: int) -> int:
        before = self.replica.ledger.sequence
        journal = self._journal
        if journal is None:
            journal = self._journal = self._books.journal(PATIENCE)
            self._check_end(journal)
        if not self._loaded:
            self._load(journal)
            before = 0
        found = journal.batches(self.replica.ledger.sequence, wait_ms)
        if found and found[0].first > self.replica.ledger.sequence + 1:
            for sealed in self._books.history(journal, self.replica.ledger.sequence):
                self._fold(sealed)
        else:
            self._fold_found(found, gently=len(found) < ENTRIES_A_CALL)
        self.read_at_end = len(found) < ENTRIES_A_CALL
        if self.read_at_end:
            self._again = None
        if self._keeps and self.replica.ledger.sequence - self._kept >= KEEP_EVERY:
            with suppress(TransportError):  # a full disk: who opens later folds more
                self.keep()
        return self.replica.ledger.sequence - before

    def _check_end(self, journal: BlockingJournal) -> None:
        """A server that came back may have lost its last moments: what was folded of them never happened."""
        if not self._loaded:
            return
        head, ours = journal.head(), self.replica.head
        if head.sequence < ours.sequence or (head.sequence == ours.sequence and head.digest != ours.digest):
            self._loaded = False

    def _load(self, journal: BlockingJournal) -> None:
        end = journal.head().sequence
        begin = end if self._again is None else _last_before(journal, self._again.since, end)
        self.replica, self.tallies = self._stored(journal, begin, end)
        self._kept = self.replica.ledger.sequence
        self._loaded = True
        self.reloads += 1

    def _stored(self, journal: BlockingJournal, begin: int, end: int) -> tuple[Replica, Tallies]:
        """Both as of one event, not behind `begin` where there is a choice. Where only books are stored, what can be
        counted quickly is counted from the start."""
        stored = self._newest_until(begin, end)
        whole = end <= WHOLE and _has_all(journal)
        if stored is not None and (stored.sequence <= begin or not whole):
            with suppress(msgspec.MsgspecError):
                watched = msgspec.msgpack.decode(stored.state, type=Watched)
                replica, tallies = Replica.from_bytes(watched.replica), Tallies.from_bytes(watched.tallies)
                if replica is not None and tallies is not None:
                    return replica, tallies
        if whole:
            return Replica(), Tallies()
        replica = self._books.start(begin)
        return replica, Tallies.beside(replica.ledger) if replica.ledger.sequence else Tallies()

    def _newest_until(self, begin: int, end: int) -> Snapshot | None:
        """The newest that is stored of no later than `begin`, else the oldest."""
        found = None
        for found in self._store.fitting(self._book, _FOLD, end):
            if found.sequence <= begin:
                break
        return found

    def _fold_found(self, found: Sequence[Sealed], *, gently: bool) -> None:
        """Behind the journal's end without a rest."""
        for place, sealed in enumerate(found, 1):
            self._fold(sealed)
            if gently and place % AT_ONCE == 0:
                time.sleep(REST)

    def _fold(self, sealed: Sealed) -> None:
        batch = opened(sealed)
        if self._again is not None and int(batch.wall) >= self._again.since:
            self._again.look(batch.wall)
        self.replica.apply(batch, sealed.digest)
        self.tallies.hear(batch, self.replica.ledger)


def _last_before(journal: BlockingJournal, since: int, end: int) -> int:
    """The last event of the last batch that is older than a moment, or that the server does not hold any more."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        found = journal.batches(middle, most=1)
        if found and int(opened(found[0]).wall) < since:
            low = found[0].last
        else:
            high = middle
    return low


def _has_all(journal: BlockingJournal) -> bool:
    """Whether the server still holds the first event."""
    first = journal.batches(0)
    return not first or first[0].first == 1
