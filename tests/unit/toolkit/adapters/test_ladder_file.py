"""A line for each session, whatever a crash leaves of the last one; what is shown now is replaced whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolkit.adapters import ladder_file
from toolkit.adapters.ladder_file import SESSIONS, LadderFile, LadderReader
from toolkit.domain.errors import TransportError
from toolkit.domain.rungs import Divergence, Rung, SessionRungs


def session(day: int) -> SessionRungs:
    return SessionRungs(session=f"day {day}", step=day, time=day, wall=day, rungs=(Rung(strategy="a", version="v1"),))


def test_a_reader_sees_what_was_written_and_a_torn_line_never_was(tmp_path: Path) -> None:
    reader = LadderReader(tmp_path)
    assert reader.sessions() == ()
    assert reader.now() is None
    kept = LadderFile(tmp_path)
    kept.add(session(1))
    kept.show(Divergence(wall=7))
    assert reader.sessions() == (session(1),)
    assert reader.now() == Divergence(wall=7)
    with (tmp_path / SESSIONS).open("ab") as file:
        file.write(b'{"session":"day 2","st')
    assert reader.sessions() == (session(1),)
    again = LadderFile(tmp_path)
    again.add(session(2))
    assert reader.sessions() == tuple(again.sessions) == (session(1), session(2))
    assert again.now == Divergence(wall=7)


def test_a_damaged_line_costs_its_own_session_alone_and_is_counted(tmp_path: Path) -> None:
    kept = LadderFile(tmp_path)
    for day in range(3):
        kept.add(session(day))
    assert LadderFile(tmp_path).damaged == 0
    lines = (tmp_path / SESSIONS).read_bytes().split(b"\n")
    (tmp_path / SESSIONS).write_bytes(b"\n".join((lines[0], lines[1][:20], *lines[2:])))
    again = LadderFile(tmp_path)
    assert (again.sessions, again.damaged) == ([session(0), session(2)], 1)


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder_file, "KEPT", 4)
    kept = LadderFile(tmp_path)
    for day in range(10):
        kept.add(session(day))
    assert [each.step for each in LadderReader(tmp_path).sessions()] == [each.step for each in kept.sessions]
    assert 4 <= len(kept.sessions) < 8
    assert kept.sessions[-1] == session(9)


def test_a_session_that_a_full_disk_did_not_take_is_there_once_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = LadderFile(tmp_path)
    kept.add(session(1))
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, line: write(file, line[:9]))
        for _ in range(3):
            with pytest.raises(TransportError, match="No space left"):
                kept.add(session(2))
    assert kept.sessions == [session(1)]
    kept.add(session(2))
    assert tuple(kept.sessions) == LadderReader(tmp_path).sessions() == (session(1), session(2))
