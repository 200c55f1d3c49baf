from pathlib import Path

import pytest

from tests.tools.journal_kit import batch_after, chain, end_of, entry
from toolkit.adapters import codec
from toolkit.adapters.mirror import Mirror, Mirrored
from toolkit.domain.errors import JournalError
from toolkit.domain.ports import Head, Sealed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def mirror_of(path: Path, batches: list[Sealed]) -> Mirror:
    mirror = Mirror(path, durable=False)
    for batch in batches:
        mirror.write(batch, {"trend": [entry(batch.last)]})
    return mirror


def reopened(mirror: Mirror, path: Path) -> Mirror:
    mirror.close()
    return Mirror(path, durable=False)


def test_a_stream_at_the_mirrors_end_lacks_nothing(path: Path) -> None:
    batches = chain(3)
    mirror = reopened(mirror_of(path, batches), path)
    assert mirror.head == end_of(batches[-1])
    assert mirror.missing(end_of(batches[-1])) == ()
    mirror.close()


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_what_the_stream_lost_comes_back_byte_for_byte_with_its_inbox_entries(path: Path, kept: int) -> None:
    batches = chain(3, size=2)
    mirror = reopened(mirror_of(path, batches), path)
    head = end_of(batches[kept - 1]) if kept else codec.EMPTY
    expected = tuple(Mirrored(batch, {"trend": (entry(batch.last),)}) for batch in batches[kept:])
    assert mirror.missing(head) == expected
    mirror.close()


def test_a_stream_ahead_of_the_mirror_lacks_nothing_and_the_mirror_begins_anew_behind_it(path: Path) -> None:
    batches = chain(4)
    mirror = mirror_of(path, batches[:2])
    assert mirror.missing(end_of(batches[2])) == ()
    with pytest.raises(JournalError, match="gap"):
        mirror.write(batches[3], {})
    mirror.begin(end_of(batches[2]))
    mirror.write(batches[3], {})
    mirror = reopened(mirror, path)
    assert [item.batch for item in mirror.missing(end_of(batches[2]))] == [batches[3]]
    mirror.close()


def test_a_stream_further_behind_than_the_mirror_reaches_stops_the_start(path: Path) -> None:
    batches = chain(4)
    mirror = mirror_of(path, batches)
    mirror.trim(end_of(batches[1]))
    with pytest.raises(JournalError, match="only events from 3 on: restore"):
        mirror.missing(end_of(batches[0]))
    mirror.close()


@pytest.mark.parametrize("sequence", [1, 2, 3])
def test_another_history_is_never_continued(path: Path, sequence: int) -> None:
    mirror = mirror_of(path, chain(3))
    with pytest.raises(JournalError, match="two histories"):
        mirror.missing(Head(sequence, b"x" * 32))
    mirror.close()


def test_a_batch_that_does_not_follow_is_not_written(path: Path) -> None:
    batches = chain(3)
    mirror = mirror_of(path, batches[:1])
    with pytest.raises(JournalError):
        mirror.write(batches[2], {})
    with pytest.raises(JournalError):
        mirror.write(batch_after(Head(1, b"other")), {})
    mirror = reopened(mirror, path)
    assert mirror.head == end_of(batches[0])
    mirror.close()


def test_a_trimmed_mirror_goes_on_where_it_was(path: Path) -> None:
    batches = chain(5)
    mirror = mirror_of(path, batches[:4])
    size = path.stat().st_size
    mirror.trim(end_of(batches[1]))
    assert path.stat().st_size < size
    mirror.write(batches[4], {})
    mirror.trim(end_of(batches[2]))
    mirror = reopened(mirror, path)
    assert [item.batch for item in mirror.missing(end_of(batches[2]))] == batches[3:]
    mirror.trim(end_of(batches[4]))
    assert mirror.missing(end_of(batches[4])) == ()
    mirror.close()


def test_a_torn_last_batch_is_cut_and_written_again(path: Path) -> None:
    batches = chain(3)
    mirror_of(path, batches).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    mirror = Mirror(path, durable=True)
    assert mirror.torn > 0
    assert mirror.head == end_of(batches[1])
    mirror.write(batches[2], {"trend": [entry(3)]})
    mirror.close()
    assert path.read_bytes() == whole


def test_what_leads_to_the_head_stays_when_a_successor_takes_over(path: Path) -> None:
    batches = chain(4)
    mirror_of(path, batches[:3]).close()
    successor = Mirror(path, durable=False)
    assert successor.missing(end_of(batches[2])) == ()
    successor.begin(end_of(batches[2]))
    successor.write(batches[3], {})
    successor = reopened(successor, path)
    assert [item.batch for item in successor.missing(end_of(batches[0]))] == batches[1:]
    successor.close()


def test_a_standby_touches_nothing_and_sees_at_take_over_what_was_written_meanwhile(path: Path) -> None:
    batches = chain(3)
    standby = Mirror(path, durable=False)
    assert not path.exists()
    first = mirror_of(path, batches[:1])
    assert [item.batch for item in standby.missing(codec.EMPTY)] == batches[:1]
    first.write(batches[1], {})
    assert [item.batch for item in standby.missing(codec.EMPTY)] == batches[:2]
    standby.begin(end_of(batches[1]))
    first.write(batches[2], {})  # it was stopped before this write and wakes up too late
    standby.write(batches[2], {"trend": [entry(1)]})
    first.close()
    standby = reopened(standby, path)
    assert standby.missing(end_of(batches[1])) == (Mirrored(batches[2], {"trend": (entry(1),)}),)
    standby.close()


def test_a_new_mirror_lacks_nothing(path: Path) -> None:
    mirror = Mirror(path, durable=False)
    assert mirror.head is None
    assert mirror.missing(Head(7, b"seven")) == ()
    mirror.close()
