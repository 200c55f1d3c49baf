from pathlib import Path

import pytest

from toolkit.adapters.snapshots import Snapshot, SnapshotStore
from toolkit.domain.ports import Head


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path / "snapshots")


def snapshot(sequence: int, *, fold_version: int = 1, book: str = "paper") -> Snapshot:
    state = b"state at %d" % sequence
    return Snapshot(book=book, fold_version=fold_version, sequence=sequence, digest=b"head", state=state)


def test_the_newest_snapshot_is_taken(store: SnapshotStore) -> None:
    for sequence in (9, 100, 50):
        store.save(snapshot(sequence))
    assert store.newest("paper", 1) == snapshot(100)
    assert snapshot(100).head == Head(100, b"head")


def test_an_empty_folder_has_none(store: SnapshotStore) -> None:
    assert store.newest("paper", 1) is None


def test_snapshots_of_another_fold_book_or_future_are_passed_over(store: SnapshotStore) -> None:
    for item in (snapshot(1), snapshot(2, fold_version=2), snapshot(3, book="live")):
        store.save(item)
    assert store.newest("paper", 1) == snapshot(1)
    assert store.newest("paper", 2) == snapshot(2, fold_version=2)
    assert store.newest("paper", 2, up_to=1) is None
    assert store.newest("paper", 3) is None


def test_a_snapshot_damaged_at_any_byte_is_passed_over(store: SnapshotStore) -> None:
    store.save(snapshot(1))
    path = store.save(snapshot(2))
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert store.newest("paper", 1) == snapshot(1)
        assert store.damaged() == (path,)
        path.write_bytes(whole[:place])
        assert store.newest("paper", 1) == snapshot(1)


def test_the_last_few_are_kept_and_nothing_else_lies_around(store: SnapshotStore, tmp_path: Path) -> None:
    for sequence in range(1, 8):
        store.save(snapshot(sequence))
    names = sorted(path.name for path in (tmp_path / "snapshots").iterdir())
    assert names == [f"{sequence:015d}.snapshot" for sequence in (5, 6, 7)]


def test_what_was_saved_last_stays_though_those_of_an_older_fold_are_further(store: SnapshotStore) -> None:
    """After an update: the new fold begins at the first event, and the old one may be needed to go back."""
    for sequence in (70, 80, 90):
        store.save(snapshot(sequence, fold_version=1))
    for sequence in (10, 20):
        store.save(snapshot(sequence, fold_version=2))
        assert store.newest("paper", 2) == snapshot(sequence, fold_version=2)
    assert store.newest("paper", 1) == snapshot(90, fold_version=1)
