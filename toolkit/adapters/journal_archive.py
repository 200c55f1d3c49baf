"""The archived part of a journal: batches byte for byte in Parquet, a folder for each UTC day, each with a manifest.

    2026-11-25/events-<first>-<last>.parquet   a row for each batch: its numbers, hashes, epoch, step, time, payload
    2026-11-25/manifest.json                   which parts the day has, their checksums, and the hash that ends it

A part is written beside, synced and renamed, then read back and held against the chain; only then does the manifest
name it. What no manifest names is not archived; it is removed once others hold its events, and never before: it may
stand there because a manifest was lost. Whether events may leave the server is not decided here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.adapters import codec
from toolkit.adapters.records import replace_file, sync_folder
from toolkit.domain.errors import JournalError, TransportError
from toolkit.domain.ports import Head, Sealed
from toolkit.domain.time import NANOSECONDS, WallTime

MANIFEST: Final = "manifest.json"
ROWS_AT_ONCE: Final = 10_000

_SCHEMA: Final = pa.schema(
    [
        ("first", pa.int64()),
        ("last", pa.int64()),
        ("epoch", pa.int64()),
        ("step", pa.int64()),
        ("wall", pa.int64()),
        ("previous", pa.binary()),
        ("digest", pa.binary()),
        ("payload", pa.binary()),
    ]
)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file: events `first` to `last`, the hash before it and the hash that ends it, and the file's own checksum."""

    file: str
    first: int
    last: int
    previous: str
    digest: str
    batches: int
    sha256: str


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest of one UTC day. `closed` once a later day has begun: its last hash is then the day's for good.

    `sessions` are the numbers of the events that ended a session on that day.
    """

    book: str
    day: str
    parts: tuple[Part, ...]
    sessions: tuple[int, ...] = ()
    closed: bool = False

    @property
    def head(self) -> Head:
        """Where the journal ended on that day."""
        return Head(self.parts[-1].last, bytes.fromhex(self.parts[-1].digest))


class JournalArchive:
    """The archive of one book in a folder; one process writes, any may read. `head` is the last event that is safe."""

    def __init__(self, folder: Path, book: str) -> None:
        self._folder = folder
        self._book = book

    @property
    def head(self) -> Head:
        """The end of what is archived and verified; number 0 when nothing is."""
        days = self.days()
        return days[-1].head if days else codec.EMPTY

    def days(self) -> list[Day]:
        """Every day's manifest, oldest first. JournalError when one is damaged or does not follow the one before, and
        when the first one does not begin with event 1."""
        if not self._folder.is_dir():
            return []
        found = [self._manifest(path) for path in sorted(self._folder.glob(f"*/{MANIFEST}"))]
        parts = [part for day in found for part in day.parts]
        if parts and parts[0].first != 1:
            raise JournalError(
                f"{self._folder} begins with event {parts[0].first}: the days before {found[0].day} are missing; "
                "restore the archive from a backup"
            )
        for before, part in pairwise(parts):
            if (part.first, part.previous) != (before.last + 1, before.digest):
                raise JournalError(
                    f"{self._folder}: {part.file} begins with event {part.first} and does not follow {before.file}, "
                    f"which ends with {before.last}: a part is missing or changed; restore the archive from a backup"
                )
        return found

    def read(self, after: int = 0) -> Iterator[Sealed]:
        """Every archived batch with events above `after`, in order, with the hash of the bytes that were read.

        A changed byte shows in the batch that follows: hold each against the one before (`codec.follows`).
        """
        for day in self.days():
            for part in day.parts:
                if part.last > after:
                    yield from (batch for batch in _batches(self._folder / day.day / part.file) if batch.last > after)

    def verify(self) -> Head:
        """Read all of it back: checksums of the files, numbers, hash chain. JournalError says what is wrong where."""
        head = codec.EMPTY
        for day in self.days():
            for part in day.parts:
                head = self._verify_part(day.day, part, head)
        return head

    # ---- writing, for one process

    def add(self, batches: Sequence[Sealed], sessions: Sequence[int] = ()) -> Head:
        """Archive batches that follow `head`, each under its UTC day, and return the new head.

        A clock that was set back changes no earlier day and none that is closed: its batches count for the newest one,
        or the one after that. `sessions` are numbers of events that ended a session. Raises TransportError when the
        disk refuses, JournalError when a batch does not follow or was not read back as it was written; then the
        manifests name nothing of that part.
        """
        days = self.days()
        newest = days[-1] if days else None
        for day, of_day in _by_day(batches, newest):
            head = newest.head if newest else codec.EMPTY
            known = newest if newest and newest.day == day else Day(book=self._book, day=day, parts=())
            ended = tuple(number for number in sessions if of_day[0].first <= number <= of_day[-1].last)
            part = self._write(day, of_day, head)
            if newest and newest.day != day and not newest.closed:
                self._close(newest)
            newest = msgspec.structs.replace(known, parts=(*known.parts, part), sessions=(*known.sessions, *ended))
            self._keep(newest)
        return newest.head if newest else codec.EMPTY

    def close_before(self, wall: WallTime) -> Day | None:
        """Close the newest day once its date is over; the day when it was closed by this call."""
        days = self.days()
        if not days or days[-1].closed or days[-1].day >= _day_of(int(wall)):
            return None
        return self._close(days[-1])

    def remove_strays(self) -> list[Path]:
        """Remove the parts that no manifest names, for a writer was killed between the two: half written ones, and
        those whose events others hold. One with later events stays, as its manifest may be what was lost."""
        named = {self._folder / day.day / part.file for day in self.days() for part in day.parts}
        unnamed = [path for path in self._folder.glob("*/events-*") if path not in named]
        end = self.head.sequence
        strays = [path for path in unnamed if path.suffix != ".parquet" or _last_of(path) <= end]
        for path in strays:
            path.unlink()
        return strays

    def _write(self, day: str, batches: Sequence[Sealed], head: Head) -> Part:
        first, last = batches[0].first, batches[-1].last
        path = self._folder / day / f"events-{first:012d}-{last:012d}.parquet"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self._folder, self._folder.parent):  # a power cut takes a name away that is not on the disk
                sync_folder(folder)
        except OSError as problem:
            raise TransportError(f"{path.parent}: cannot be made ({problem}); free space or mend the disk") from problem
        data = _encode(batches)
        replace_file(path, path.with_suffix(".new"), data)
        part = Part(
            file=path.name,
            first=first,
            last=last,
            previous=batches[0].previous.hex(),
            digest=batches[-1].digest.hex(),
            batches=len(batches),
            sha256=sha256(data).hexdigest(),
        )
        self._verify_part(day, part, head)
        return part

    def _verify_part(self, day: str, part: Part, head: Head) -> Head:
        path = self._folder / day / part.file
        try:
            data = path.read_bytes()
        except OSError as problem:
            raise JournalError(f"{path} cannot be read ({problem}); restore the archive from a backup") from None
        if sha256(data).hexdigest() != part.sha256:
            raise JournalError(f"{path} is not the file that was archived (its checksum differs); restore it")
        count = 0
        for batch in _batches(path):
            head = codec.follows(head, batch)
            count += 1
        if (head, count) != (Head(part.last, bytes.fromhex(part.digest)), part.batches):
            raise JournalError(f"{path} ends with event {head.sequence}, its manifest says {part.last}; restore both")
        return head

    def _close(self, day: Day) -> Day:
        closed = msgspec.structs.replace(day, closed=True)
        self._keep(closed)
        return closed

    def _keep(self, day: Day) -> None:
        path = self._folder / day.day / MANIFEST
        replace_file(path, path.with_suffix(".new"), msgspec.json.format(msgspec.json.encode(day), indent=1))

    def _manifest(self, path: Path) -> Day:
        try:
            day = msgspec.json.decode(path.read_bytes(), type=Day)
        except (OSError, msgspec.MsgspecError) as problem:
            raise JournalError(f"{path} cannot be read ({problem}); restore the archive from a backup") from None
        if day.book != self._book or day.day != path.parent.name or not day.parts:
            raise JournalError(f"{path} is of book {day.book}, day {day.day}: it does not belong here")
        return day


def _by_day(batches: Sequence[Sealed], newest: Day | None) -> Iterator[tuple[str, list[Sealed]]]:
    """Batches by the UTC day they were written on, days in order."""
    day, of_day = _earliest_after(newest), list[Sealed]()
    for batch in batches:
        written = max(day, _day_of(codec.cover(batch.payload).wall))
        if of_day and written != day:
            yield day, of_day
            of_day = []
        day = written
        of_day.append(batch)
    if of_day:
        yield day, of_day


def _earliest_after(newest: Day | None) -> str:
    """The first day that may still grow."""
    if newest is None:
        return ""
    return newest.day if not newest.closed else (date.fromisoformat(newest.day) + timedelta(days=1)).isoformat()


def _last_of(path: Path) -> int:
    """Number of the last event of a part, as its name has it."""
    return int(path.stem.rpartition("-")[2])


def _day_of(wall: int) -> str:
    return datetime.fromtimestamp(wall // NANOSECONDS, UTC).date().isoformat()


def _encode(batches: Sequence[Sealed]) -> bytes:
    covers = [codec.cover(batch.payload) for batch in batches]
    table = pa.Table.from_pydict(
        {
            "first": [batch.first for batch in batches],
            "last": [batch.last for batch in batches],
            "epoch": [cover.epoch for cover in covers],
            "step": [cover.step for cover in covers],
            "wall": [cover.wall for cover in covers],
            "previous": [batch.previous for batch in batches],
            "digest": [batch.digest for batch in batches],
            "payload": [batch.payload for batch in batches],
        },
        schema=_SCHEMA,
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", row_group_size=ROWS_AT_ONCE)
    return sink.getvalue()


def _batches(path: Path) -> Iterator[Sealed]:
    """The batches of a part; their hashes are taken anew, over the bytes that were read."""
    try:
        with pq.ParquetFile(path) as file:
            for rows in file.iter_batches(ROWS_AT_ONCE, columns=["payload"]):
                yield from map(codec.sealed, rows.column(0).to_pylist())
    except (OSError, pa.ArrowException) as problem:
        raise JournalError(f"{path} cannot be read ({problem}); restore the archive from a backup") from None
