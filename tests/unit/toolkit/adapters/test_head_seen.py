from pathlib import Path

import pytest

from tests.tools.journal_kit import chain, end_of
from toolkit.adapters import codec
from toolkit.adapters.head_seen import HeadSeen
from toolkit.domain.errors import JournalError
from toolkit.domain.ports import Head

ONE, TWO, THREE = map(end_of, chain(3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "head-seen"


def seen(path: Path, *heads: Head) -> HeadSeen:
    head_seen = HeadSeen(path)
    for head in heads:
        head_seen.record(4, head)
    return head_seen


def test_nothing_seen_stops_nothing(path: Path) -> None:
    head_seen = seen(path)
    assert (head_seen.epoch, head_seen.head) == (0, codec.EMPTY)
    head_seen.check(codec.EMPTY)
    head_seen.check(THREE)
    head_seen.close()


def test_the_last_head_and_epoch_are_remembered(path: Path) -> None:
    seen(path, ONE, TWO, THREE).close()
    head_seen = HeadSeen(path)
    assert (head_seen.epoch, head_seen.head) == (4, THREE)
    head_seen.check(THREE)
    head_seen.close()


def test_a_stream_that_fell_behind_stops(path: Path) -> None:
    head_seen = seen(path, ONE, TWO)
    with pytest.raises(JournalError, match="lost events"):
        head_seen.check(ONE)
    head_seen.close()


def test_another_history_stops(path: Path) -> None:
    head_seen = seen(path, ONE, TWO)
    with pytest.raises(JournalError, match="another history"):
        head_seen.check(Head(TWO.sequence, b"other"))
    head_seen.close()


def test_a_torn_write_falls_back_to_the_head_before(path: Path) -> None:
    seen(path, ONE, TWO).close()
    whole = path.read_bytes()
    half = len(whole) // 2
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        head_seen = HeadSeen(path)
        damaged_newer = (place < half) == (_newer_slot(whole) == 0)
        assert head_seen.head == (ONE if damaged_newer else TWO)
        head_seen.close()


def test_a_standby_knows_at_take_over_what_was_seen_meanwhile(path: Path) -> None:
    standby = HeadSeen(path)
    seen(path, ONE, TWO).close()
    with pytest.raises(JournalError, match="lost events"):
        standby.check(ONE)
    standby.record(5, THREE)
    standby.close()
    assert HeadSeen(path).head == THREE


def _newer_slot(data: bytes) -> int:
    half = len(data) // 2
    sequences = [int.from_bytes(data[slot * half + 8 : slot * half + 16], "big") for slot in (0, 1)]
    return sequences.index(max(sequences))
