import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.adapters import records
from toolkit.adapters.records import RecordFile, replace_file
from toolkit.domain.errors import ConfigError, JournalError, TransportError

MAGIC = b"TEST1"


def bodies(file: RecordFile) -> list[bytes]:
    return [body for _, body in file.records()]


def written(path: Path, *records_: bytes) -> bytes:
    file = RecordFile(path, MAGIC, durable=False)
    for body in records_:
        file.write(body)
    file.close()
    return path.read_bytes()


def test_records_are_read_in_their_order(tmp_path: Path) -> None:
    written(tmp_path / "a" / "b", b"one", b"", b"three")
    file = RecordFile(tmp_path / "a" / "b", MAGIC, durable=True)
    file.write(b"four")
    assert bodies(file) == [b"one", b"", b"three", b"four"]
    file.close()


@given(contents=st.lists(st.binary(max_size=40), max_size=6))
def test_whatever_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("records") / "file"
    written(path, *contents)
    file = RecordFile(path, MAGIC, durable=False)
    assert bodies(file) == contents
    file.close()


def test_a_file_cut_at_any_byte_keeps_every_whole_record_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [b"first", b"", b"third record"]
    whole = written(path, *contents)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        file = RecordFile(path, MAGIC, durable=False)
        kept = bodies(file)
        assert kept == contents[: len(kept)]
        file.write(b"next")
        file.close()
        again = RecordFile(path, MAGIC, durable=False)
        assert bodies(again) == [*kept, b"next"]
        assert again.cut == 0
        again.close()


def test_a_flipped_bit_is_refused_or_cut_where_no_record_stands_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [b"first", b"second", b"third"]
    whole = written(path, *contents)
    last = whole.index(b"third") - 12
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        if place < last:
            with pytest.raises((JournalError, ConfigError), match=str(path)):
                RecordFile(path, MAGIC, durable=False)
        else:
            file = RecordFile(path, MAGIC, durable=False)
            assert bodies(file) == contents[:2]
            file.close()


def test_zeros_that_a_lost_machine_leaves_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(written(path, b"first", b"second") + bytes(4096))
    file = RecordFile(path, MAGIC, durable=False)
    assert bodies(file) == [b"first", b"second"]
    assert file.cut == 4096
    file.close()


def test_damage_with_good_records_behind_it_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    whole = bytearray(written(path, b"first", b"second"))
    whole[8 + 12] ^= 1
    path.write_bytes(whole)
    with pytest.raises(JournalError, match="damaged at byte 8"):
        RecordFile(path, MAGIC, durable=False)


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"#!/bin/sh\necho precious\n")
    with pytest.raises(ConfigError, match="not a file of ours"):
        RecordFile(path, MAGIC, durable=False)
    assert path.read_bytes().startswith(b"#!/bin/sh")


def test_keeping_the_tail_moves_its_places(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "file", MAGIC, durable=False)
    places = [file.write(body) for body in (b"one", b"two", b"three")]
    moved = file.keep_from(places[1])
    assert file.records() == [(places[1] - moved, b"two"), (places[2] - moved, b"three")]
    file.write(b"four")
    assert bodies(file) == [b"two", b"three", b"four"]
    file.keep_from(None)
    assert bodies(file) == []
    file.write(b"five")
    assert bodies(file) == [b"five"]
    file.close()


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    file = RecordFile(path, MAGIC, durable=False)
    file.write(b"one")
    before = path.read_bytes()

    def half_then_full(descriptor: int, data: Any) -> int:
        if len(data) > 5:
            return real_write(descriptor, bytes(data[:5]))
        raise OSError(28, "No space left on device")

    real_write = os.write
    monkeypatch.setattr(records.os, "write", half_then_full)
    with pytest.raises(TransportError, match="No space left"):
        file.write(b"a record that does not fit")
    monkeypatch.undo()
    assert path.read_bytes() == before
    file.write(b"two")
    assert bodies(file) == [b"one", b"two"]
    file.close()


def test_replacing_a_file_leaves_the_old_one_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "write", full)
    with pytest.raises(TransportError):
        replace_file(path, tmp_path / "file.new", b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
