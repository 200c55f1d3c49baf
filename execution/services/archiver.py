"""The archiver: keeps the journal for good and lets the server go of what is safe; it writes no event and sends none.

It follows the journal as any reader does. What it gathered goes into the archive when there is much of it, when it is
old, when its UTC day is over, or at the end. Then the server may forget what is archived and read back, covered by a
snapshot, and older than the last two sessions: the smallest of the three.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from toolkit.domain.errors import JournalError, TransportError
from toolkit.domain.events import Batch, SessionRolled
from toolkit.domain.ports import Head, Sealed
from toolkit.domain.time import NANOSECONDS, WallTime

SESSIONS_KEPT = 2
DAY = 86_400 * NANOSECONDS
BLOCK_MS = 500
LOOK_AGAIN = 1.0
_ROLLED = b"session_rolled"


class ArchivedDay(Protocol):
    """The manifest of one day."""

    @property
    def day(self) -> str: ...

    @property
    def head(self) -> Head: ...

    @property
    def sessions(self) -> Sequence[int]: ...

    @property
    def closed(self) -> bool: ...


class Archive(Protocol):
    """Where batches are kept for good."""

    def days(self) -> Sequence[ArchivedDay]: ...

    def add(self, batches: Sequence[Sealed], sessions: Sequence[int] = ()) -> Head: ...

    def close_before(self, wall: WallTime) -> ArchivedDay | None: ...

    def remove_strays(self) -> Sequence[object]: ...


class JournalTail(Protocol):
    """What the archiver may do with the journal: read it, and let its oldest batches go."""

    async def batches(self, after: int, block_ms: int) -> Sequence[Sealed]: ...

    async def trim(self, up_to: int) -> None: ...


@dataclass(frozen=True, kw_only=True)
class ArchiverParts:
    """The outside of one archiver. `snapshot` is the number of the last event that a whole snapshot covers, 0 for none;
    `note` adds a line to the operations log, `beat` says that the process lives."""

    journal: JournalTail
    archive: Archive
    open_batch: Callable[[bytes], Batch]
    snapshot: Callable[[], int]
    wall: Callable[[], WallTime]
    note: Callable[..., Awaitable[None]]
    beat: Callable[[str, int], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class ArchiverPlan:
    """A part is closed at `part_events` events or after `part_seconds`; without `trims` the server keeps everything."""

    part_events: int
    part_seconds: float
    trims: bool


class Archiver:
    """One book's archiver. `run` returns when stopped, with everything that it read archived."""

    def __init__(self, parts: ArchiverParts, plan: ArchiverPlan) -> None:
        self._parts = parts
        self._plan = plan
        self._open: list[Sealed] = []
        self._ended: list[int] = []
        self._since = WallTime(0)
        self._stopping = False
        self._head = Head(0, b"")
        self._date = 0
        self._noted = ""
        self._trimmed = 0
        self._trouble = ""

    def stop(self) -> None:
        """Read on to the journal's end, archive it, and return."""
        self._stopping = True

    async def run(self) -> None:
        """Follow the journal until stopped.

        Raises JournalError when events are gone that were never archived, or when the archive itself is damaged: a
        person must look. A full disk or a server that is away are waited out, with a line in the operations log.
        """
        await asyncio.to_thread(self._parts.archive.remove_strays)
        days = await self._begin_where_the_archive_ends()
        self._noted = max((day.day for day in days if day.closed), default="")
        while True:
            try:
                found = await self._read()
                await self._work(found)
                self._trouble = ""
            except TransportError as problem:
                await self._wait_out(problem)
                found = ()
            if self._stopping and not found:
                return

    async def _begin_where_the_archive_ends(self) -> Sequence[ArchivedDay]:
        days = await asyncio.to_thread(self._parts.archive.days)
        self._open, self._head = [], days[-1].head if days else Head(0, b"")
        self._ended = [number for day in days for number in day.sessions][-SESSIONS_KEPT:]
        return days

    async def _read(self) -> Sequence[Sealed]:
        """The next batches, into the open part; Gap in the server's history is damage."""
        after = self._open[-1].last if self._open else self._head.sequence
        found = await self._parts.journal.batches(after, 0 if self._stopping else BLOCK_MS)
        if found and found[0].first > after + 1:
            raise JournalError(
                f"events {after + 1}…{found[0].first - 1} left the server before they were archived; restore the "
                "archive from a backup: until then nothing is archived, and the server lets go of nothing"
            )
        if found and not self._open:
            self._since = self._parts.wall()
        self._open += found
        return found

    async def _work(self, found: Sequence[Sealed]) -> None:
        at_the_end = self._stopping and not found
        if self._open and (at_the_end or self._is_due()):
            await self._archive()
        await self._end_day(found)
        await self._parts.beat("archiving", self._head.sequence)

    def _is_due(self) -> bool:
        age = (self._parts.wall() - self._since) / NANOSECONDS
        return self._open[-1].last - self._open[0].first >= self._plan.part_events or age >= self._plan.part_seconds

    async def _archive(self) -> None:
        ended = [number for batch in self._open if _ROLLED in batch.payload for number in self._rolls(batch)]
        try:
            self._head = await asyncio.to_thread(self._parts.archive.add, self._open, ended)
        except TransportError:  # a day of it may be archived; the server still has the rest, which need not wait here
            await self._begin_where_the_archive_ends()
            raise
        self._open = []
        self._ended = [*self._ended, *ended][-SESSIONS_KEPT:]
        if self._plan.trims:
            await self._trim()

    def _rolls(self, sealed: Sealed) -> list[int]:
        """Numbers of the events in a batch that ended a session."""
        batch = self._parts.open_batch(sealed.payload)
        return [number for number, event in enumerate(batch.events, batch.first) if isinstance(event, SessionRolled)]

    async def _trim(self) -> None:
        """Let go of what is archived, behind a snapshot, and of sessions before the last two."""
        if len(self._ended) < SESSIONS_KEPT:
            return
        safe = min(self._head.sequence, self._parts.snapshot(), self._ended[0])
        if safe > self._trimmed:
            await self._parts.journal.trim(safe)
            self._trimmed = safe

    async def _end_day(self, found: Sequence[Sealed]) -> None:
        """Once a UTC day is over its last hash stands in the operations log, and so outside of the archive."""
        wall = self._parts.wall()
        date = int(wall) // DAY
        if date == self._date or not self._has_read_all_before(date, found):
            return
        if self._open:
            await self._archive()
        await asyncio.to_thread(self._parts.archive.close_before, wall)
        for day in await asyncio.to_thread(self._parts.archive.days):
            if day.closed and day.day > self._noted:
                head = day.head
                await self._parts.note("day", day=day.day, event=str(head.sequence), head=head.digest.hex())
                self._noted = day.day
        self._date = date

    def _has_read_all_before(self, date: int, found: Sequence[Sealed]) -> bool:
        """At the journal's end, or at a batch of this day: one who was away over midnight has the old day to read."""
        return not found or int(self._parts.open_batch(found[-1].payload).wall) // DAY >= date

    async def _wait_out(self, problem: TransportError) -> None:
        if str(problem) != self._trouble:
            self._trouble = str(problem)
            try:
                await self._parts.note("archive", problem=self._trouble)
            except TransportError:  # the server that is away is the one that keeps the log
                print(f"TransportError: {problem}", flush=True)
        await self._parts.beat("waiting", self._head.sequence)
        if self._stopping:
            raise problem
        await asyncio.sleep(LOOK_AGAIN)
