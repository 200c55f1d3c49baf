"""Kills that no engine has journaled: kept with their author until the journal has them."""

from pathlib import Path

import pytest

from toolkit.adapters.kill_record import KillRecord
from toolkit.domain.commands import Kill, KillMode, Who
from toolkit.domain.errors import TransportError


def kill(scope: str = "book", name: str = "", reason: str = "a test") -> Kill:
    who = Who(identity="unix:anna", verified=False, source="cli")
    return Kill(scope=scope, name=name, mode=KillMode.CANCEL_ALL, who=who, reason=reason)


@pytest.fixture
def record(tmp_path: Path) -> KillRecord:
    return KillRecord(tmp_path / "book" / "kills")


def test_kills_are_kept_with_their_author_and_reason_the_oldest_first(record: KillRecord) -> None:
    given = (kill(reason="one"), kill("strategy", "trend"), kill(reason="two"))
    for each in given:
        record.add(each)
    assert record.kills() == given


def test_what_the_journal_has_is_forgotten_and_the_rest_stays(record: KillRecord) -> None:
    record.forget("book", "")
    for each in (kill(), kill("venue", "paper"), kill()):
        record.add(each)
    record.forget("book", "")
    assert record.kills() == (kill("venue", "paper"),)


def test_a_torn_line_hides_no_other_kill(record: KillRecord, tmp_path: Path) -> None:
    record.add(kill())
    path = tmp_path / "book" / "kills"
    path.write_bytes(path.read_bytes() + b'["kill","book"\n')
    record.add(kill("venue", "paper"))
    assert len(record.kills()) == 2


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TransportError, match="who killed and why"):
        KillRecord(tmp_path / "file" / "kills").add(kill())
