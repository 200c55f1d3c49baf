"""The archiver keeps everything, and lets the server go of no event that somebody could still need."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from execution.services.archiver import Archiver, ArchiverParts, ArchiverPlan
from tests.tools.journal_kit import alarm, end_of
from toolkit.adapters import codec
from toolkit.adapters.journal_archive import JournalArchive
from toolkit.adapters.memory_journal import MemoryJournal
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.errors import JournalError, TransportError
from toolkit.domain.events import Batch, Event, SessionRolled
from toolkit.domain.ports import Sealed
from toolkit.domain.time import NANOSECONDS, FeedTime, MonoTime, WallTime

DAY = 86_400 * NANOSECONDS
ROLL = SessionRolled(session="s", step=1, time=FeedTime(0))


class Desk:
    """A journal in memory, an archive on disk, and an archiver between the two."""

    def __init__(self, folder: Path, *, trims: bool = True) -> None:
        self.server = MemoryServer()
        self.journal = MemoryJournal(self.server, mono=lambda: MonoTime(0))
        self.archive = JournalArchive(folder, "paper")
        self.wall = WallTime(0)
        self.snapshot = 0
        self.notes: list[tuple[str, dict[str, str]]] = []
        self.plan = ArchiverPlan(part_events=1_000, part_seconds=60.0, trims=trims)
        self.archiver = self.new_archiver()

    def new_archiver(self) -> Archiver:
        return Archiver(
            ArchiverParts(
                journal=self.journal,
                archive=self.archive,
                open_batch=codec.open_batch,
                snapshot=lambda: self.snapshot,
                wall=lambda: self.wall,
                note=self._note,
                beat=self._beat,
            ),
            self.plan,
        )

    def write(self, *events: Event) -> Sealed:
        """One batch at the journal's end."""
        head = self.server.head
        batch = Batch(
            book="paper", schema=codec.SCHEMA, epoch=1, first=head.sequence + 1, previous=head.digest, step=0,
            wall=self.wall, events=events,
        )  # fmt: skip
        sealed = codec.seal(batch)
        self.server.batches.append(sealed)
        self.server.head = end_of(sealed)
        self.server.change()
        return sealed

    async def run_to_the_end(self) -> None:
        self.archiver = self.new_archiver()
        self.archiver.stop()
        await self.archiver.run()

    async def run_until(self, done: Callable[[], bool]) -> None:
        task = asyncio.create_task(self.archiver.run())
        try:
            async with asyncio.timeout(10):
                while not done() and not task.done():
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if task.done() and not task.cancelled() and (problem := task.exception()):
            raise problem

    async def _note(self, kind: str, **detail: str) -> None:
        self.notes.append((kind, detail))

    async def _beat(self, state: str, event: int) -> None:
        """Nobody watches here."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_everything_is_archived_when_it_ends(desk: Desk) -> None:
    written = [desk.write(alarm(str(number))) for number in range(1_200)]
    await desk.run_to_the_end()
    assert list(desk.archive.read()) == written


async def test_a_part_is_written_when_there_is_enough_and_when_it_is_old(desk: Desk) -> None:
    for number in range(1_100):
        desk.write(alarm(str(number)))
    await desk.run_until(lambda: desk.archive.head.sequence >= 1_000)
    assert len(desk.archive.days()[0].parts) == 1
    desk.archiver = desk.new_archiver()
    last = desk.write(alarm("late"))
    task = asyncio.create_task(desk.run_until(lambda: desk.archive.head == end_of(last)))
    await asyncio.sleep(0.1)
    desk.wall = WallTime(61 * NANOSECONDS)
    await task
    assert desk.archive.head == end_of(last)


@pytest.mark.parametrize(
    ("snapshot", "kept_after", "why"),
    [(0, 0, "no snapshot"), (3, 3, "the snapshot"), (100, 5, "the last two sessions")],
)
async def test_the_server_keeps_what_snapshot_and_two_sessions_need(
    desk: Desk, snapshot: int, kept_after: int, why: str
) -> None:
    for number in range(1, 21):
        desk.write(ROLL if number in (2, 5, 9) else alarm(str(number)))
    desk.snapshot = snapshot
    await desk.run_to_the_end()
    assert desk.server.batches[0].first == kept_after + 1, why
    assert desk.archive.head == desk.server.head


async def test_a_restart_remembers_the_sessions(desk: Desk) -> None:
    desk.write(ROLL)
    desk.write(ROLL)
    await desk.run_to_the_end()
    desk.snapshot = 100
    desk.write(ROLL)
    await desk.run_to_the_end()
    assert desk.server.batches[0].first == 3, "sessions two and three are kept"


async def test_without_trim_the_server_keeps_everything(tmp_path: Path) -> None:
    desk = Desk(tmp_path, trims=False)
    for _ in range(5):
        desk.write(ROLL)
    desk.snapshot = 5
    await desk.run_to_the_end()
    assert len(desk.server.batches) == 5


async def test_the_end_of_a_day_is_noted_outside_of_the_archive(desk: Desk) -> None:
    batch = desk.write(alarm("today"))
    await desk.run_to_the_end()
    assert desk.notes == []
    desk.archiver = desk.new_archiver()
    desk.wall = WallTime(DAY + 1)
    await desk.run_until(lambda: bool(desk.notes))
    assert desk.notes == [("day", {"day": "1970-01-01", "event": "1", "head": batch.digest.hex()})]


async def test_events_that_left_before_they_were_archived_are_told_of_and_nothing_goes_on(desk: Desk) -> None:
    for number in range(5):
        desk.write(alarm(str(number)))
    await desk.journal.trim(3)
    with pytest.raises(JournalError, match="events 1…3 left the server before they were archived"):
        await desk.run_to_the_end()


async def test_a_full_disk_is_waited_out_and_nothing_is_trimmed(desk: Desk, tmp_path: Path) -> None:
    for _ in range(4):
        desk.write(ROLL)
    desk.snapshot = 4
    day = tmp_path / "1970-01-01"
    day.write_text("a file where the folder should be")
    with pytest.raises(TransportError, match="free space or mend the disk"):
        await desk.run_to_the_end()
    assert len(desk.server.batches) == 4
    day.unlink()
    await desk.run_to_the_end()
    assert desk.archive.head == desk.server.head
