"""The archiver keeps everything, and lets the server go of no event that somebody could still need."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from execution.services.archiver import Archiver, ArchiverParts, ArchiverPlan
from tests.tools.journal_kit import alarm, end_of
from toolkit.adapters import codec
from toolkit.adapters.journal_archive import JournalArchive
from toolkit.adapters.memory_journal import ENTRIES_A_CALL, MemoryJournal
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.errors import JournalError, TransportError
from toolkit.domain.events import Batch, Event, SessionRolled
from toolkit.domain.ports import Head, Sealed
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
        self.away = 0
        """So many notes are refused."""
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
            async with asyncio.timeout(60):
                while not done() and not task.done():
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if task.done() and not task.cancelled() and (problem := task.exception()):
            raise problem

    async def _note(self, kind: str, **detail: str) -> None:
        if self.away:
            self.away -= 1
            raise TransportError("the server is away")
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
    async with asyncio.timeout(60):
        while not desk.archiver._open or desk.archiver._open[-1] != last:  # before that there is nothing to grow old
            await asyncio.sleep(0.01)
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


async def test_the_end_of_a_day_is_noted_when_the_journal_does_not_pause_at_midnight(desk: Desk) -> None:
    last = desk.write(alarm("before midnight"))
    desk.wall = WallTime(DAY)
    desk.write(alarm("after it"))
    await desk.run_until(lambda: bool(desk.notes))
    assert desk.notes == [("day", {"day": "1970-01-01", "event": "1", "head": last.digest.hex()})]
    assert [day.closed for day in desk.archive.days()] == [True, False]


async def test_one_who_was_away_over_midnight_reads_all_of_the_old_day_before_it_is_closed(desk: Desk) -> None:
    """The first read brings 500 batches of the old day, and 700 wait behind them."""
    batches = [desk.write(alarm(str(number))) for number in range(1_200)]
    desk.wall = WallTime(DAY + 1)
    await desk.run_until(lambda: bool(desk.notes))
    assert [(day.day, day.head) for day in desk.archive.days()] == [("1970-01-01", end_of(batches[-1]))]
    assert [detail["event"] for _, detail in desk.notes] == ["1200"]


async def test_a_note_that_the_server_did_not_take_is_made_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write(alarm("today"))
    await desk.run_to_the_end()
    desk.away = 1
    desk.archiver = desk.new_archiver()
    desk.wall = WallTime(DAY + 1)
    monkeypatch.setattr("execution.services.archiver.LOOK_AGAIN", 0.01)
    await desk.run_until(lambda: any(kind == "day" for kind, _ in desk.notes))
    assert [kind for kind, _ in desk.notes].count("day") == 1


async def test_a_disk_that_is_full_from_midnight_on_is_waited_out(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One day of what was gathered is archived, the next is not: it goes on from there."""
    monkeypatch.setattr("execution.services.archiver.LOOK_AGAIN", 0.01)
    desk.write(alarm("before midnight"))
    desk.wall = WallTime(DAY)
    desk.write(alarm("after it"))
    full = tmp_path / "1970-01-02"
    full.write_text("a file where the folder should be")

    def said() -> bool:
        return any(kind == "archive" for kind, _ in desk.notes)

    await desk.run_until(said)
    assert [day.day for day in desk.archive.days()] == ["1970-01-01"]
    full.unlink()
    await desk.run_until(lambda: desk.archive.head == desk.server.head)
    assert desk.archive.verify() == desk.server.head


async def test_a_full_disk_is_waited_out_by_one_process_and_does_not_fill_its_memory(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution.services.archiver.LOOK_AGAIN", 0.0)
    largest = 0
    add = desk.archive.add

    def watched(batches: Sequence[Sealed], sessions: Sequence[int] = ()) -> Head:
        nonlocal largest
        largest = max(largest, len(batches))
        return add(batches, sessions)

    monkeypatch.setattr(desk.archive, "add", watched)
    for number in range(6_000):
        desk.write(alarm(str(number)))
    day = tmp_path / "1970-01-01"
    day.write_text("a file where the folder should be")
    tried = asyncio.create_task(desk.run_until(lambda: desk.archive.head.sequence > 5_000))
    await asyncio.sleep(0.5)
    day.unlink()
    await tried
    assert largest <= desk.plan.part_events + ENTRIES_A_CALL


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
