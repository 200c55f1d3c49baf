"""The archive gives back every byte it was given, or says what is wrong and where."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.journal_kit import alarm, chain, end_of
from toolkit.adapters import codec
from toolkit.adapters.archived_history import ArchivedHistory
from toolkit.adapters.journal_archive import JournalArchive
from toolkit.domain.errors import JournalError
from toolkit.domain.events import Batch
from toolkit.domain.ports import Head, Sealed
from toolkit.domain.time import NANOSECONDS, WallTime

DAY = 86_400 * NANOSECONDS
NOON = 20_000 * DAY + DAY // 2  # of 2024-10-04


def written(*walls: int, head: Head = codec.EMPTY) -> list[Sealed]:
    """A chain of batches, one written at each of these times."""
    batches = []
    for wall in walls:
        batch = Batch(
            book="paper", schema=codec.SCHEMA, epoch=1, first=head.sequence + 1, previous=head.digest, step=0,
            wall=WallTime(wall), events=(alarm(f"at {wall}"), alarm("and once more")),
        )  # fmt: skip
        batches.append(codec.seal(batch))
        head = end_of(batches[-1])
    return batches


@pytest.fixture
def archive(tmp_path: Path) -> JournalArchive:
    return JournalArchive(tmp_path / "archive", "paper")


def test_what_was_added_is_read_back_byte_for_byte(archive: JournalArchive) -> None:
    batches = chain(30, size=3)
    assert archive.add(batches[:10]) == end_of(batches[9])
    assert archive.add(batches[10:]) == archive.head == archive.verify() == end_of(batches[-1])
    assert list(archive.read()) == batches
    assert list(archive.read(after=44)) == batches[14:], "a batch that ends above the number is whole"


def test_each_day_has_its_folder_and_its_last_hash(archive: JournalArchive) -> None:
    batches = written(NOON, NOON + 1, NOON + DAY, NOON + 2 * DAY)
    archive.add(batches)
    days = archive.days()
    assert [(day.day, day.head, day.closed) for day in days] == [
        ("2024-10-04", end_of(batches[1]), True),
        ("2024-10-05", end_of(batches[2]), True),
        ("2024-10-06", end_of(batches[3]), False),
    ]


def test_a_day_is_closed_once_its_date_is_over(archive: JournalArchive) -> None:
    archive.add(written(NOON))
    assert archive.close_before(WallTime(NOON + 1)) is None
    closed = archive.close_before(WallTime(NOON + DAY))
    assert closed is not None
    assert (closed.day, closed.closed) == ("2024-10-04", True)
    assert archive.close_before(WallTime(NOON + DAY)) is None, "once"


@given(st.lists(st.integers(-3 * DAY, 3 * DAY), min_size=1, max_size=12), st.integers(0, 12))
def test_no_clock_changes_a_day_that_is_over(
    tmp_path_factory: pytest.TempPathFactory, jumps: list[int], cut: int
) -> None:
    archive = JournalArchive(tmp_path_factory.mktemp("archive"), "paper")
    batches = written(*(NOON + jump for jump in jumps))
    if before := batches[:cut]:
        archive.add(before)
        archive.close_before(WallTime(NOON + 10 * DAY))
    closed = [day for day in archive.days() if day.closed]
    if after := batches[cut:]:
        archive.add(after)
    assert list(archive.read()) == batches
    assert archive.verify() == end_of(batches[-1])
    assert archive.days()[: len(closed)] == closed


def test_sessions_stand_in_the_manifest_of_their_day(archive: JournalArchive) -> None:
    archive.add(written(NOON, NOON + DAY), sessions=[2, 3])
    assert [day.sessions for day in archive.days()] == [(2,), (3,)]


def test_a_writer_that_was_killed_before_the_manifest_archived_nothing(archive: JournalArchive, tmp_path: Path) -> None:
    batches = chain(4)
    archive.add(batches[:2])
    day = tmp_path / "archive" / "1970-01-01"
    half, whole = day / "events-000000000003-000000000004.new", day / "events-000000000003-000000000003.parquet"
    for stray in (half, whole):
        stray.write_bytes(b"of a writer that was killed")
    assert archive.head == end_of(batches[1])
    assert archive.remove_strays() == [half]
    archive.add(batches[2:])
    assert archive.remove_strays() == [whole], "once another part holds its events"
    assert list(archive.read()) == batches


def test_parts_whose_manifest_was_lost_are_not_removed(archive: JournalArchive, tmp_path: Path) -> None:
    """The server may have let go of their events: nobody else has them."""
    archive.add(written(NOON, NOON + DAY))
    part = next((tmp_path / "archive" / "2024-10-05").glob("*.parquet"))
    (part.parent / "manifest.json").unlink()
    assert archive.remove_strays() == []
    assert part.exists()


def test_a_batch_that_does_not_follow_is_refused_and_nothing_is_named(archive: JournalArchive) -> None:
    batches = chain(5)
    archive.add(batches[:2])
    with pytest.raises(JournalError, match="gap: event 2 is followed by 4"):
        archive.add(batches[3:])
    assert archive.head == end_of(batches[1])


def test_one_changed_byte_is_found_and_its_file_is_named(archive: JournalArchive, tmp_path: Path) -> None:
    archive.add(chain(50))
    part = next((tmp_path / "archive").rglob("*.parquet"))
    data = bytearray(part.read_bytes())
    data[len(data) // 3] ^= 1
    part.write_bytes(data)
    with pytest.raises(JournalError, match=part.name):
        archive.verify()


def test_a_lost_part_is_found_before_anything_is_read(archive: JournalArchive, tmp_path: Path) -> None:
    batches = written(NOON, NOON + DAY, NOON + 2 * DAY)
    archive.add(batches)
    (tmp_path / "archive" / "2024-10-05" / "manifest.json").unlink()
    with pytest.raises(JournalError, match="a part is missing or changed"):
        next(archive.read())


def test_a_lost_first_day_is_found_before_anything_is_read(archive: JournalArchive, tmp_path: Path) -> None:
    archive.add(written(NOON, NOON + DAY))
    (tmp_path / "archive" / "2024-10-04" / "manifest.json").unlink()
    with pytest.raises(JournalError, match="begins with event 3: the days before 2024-10-05 are missing"):
        next(archive.read())


def test_the_folder_of_a_new_day_is_durable_before_its_parts_count(
    archive: JournalArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("toolkit.adapters.journal_archive.sync_folder", synced.append)
    archive.add(written(NOON))
    assert synced == [tmp_path / "archive", tmp_path]


def test_a_damaged_manifest_names_the_mend(archive: JournalArchive, tmp_path: Path) -> None:
    archive.add(chain(2))
    next((tmp_path / "archive").rglob("manifest.json")).write_text("{")
    with pytest.raises(JournalError, match="restore the archive from a backup"):
        archive.days()


def test_the_archive_of_another_book_is_refused(archive: JournalArchive, tmp_path: Path) -> None:
    archive.add(chain(2))
    with pytest.raises(JournalError, match="of book paper"):
        JournalArchive(tmp_path / "archive", "live").days()


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert list(ArchivedHistory(tmp_path / "none", "paper").read()) == []
