import fcntl
from pathlib import Path

import pytest

from toolkit.adapters import latch as module
from toolkit.adapters.latch import BOOK, ROW, Latch, strategy_scope, venue_scope
from toolkit.domain.errors import ConfigError

TREND, REVERSION, PAPER = strategy_scope("trend"), strategy_scope("reversion"), venue_scope("paper")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "latch"


@pytest.fixture
def latch(path: Path) -> Latch:
    return Latch.create(path, [TREND, REVERSION, PAPER])


def test_a_new_desk_is_open(latch: Latch) -> None:
    assert latch.open_for("trend", "paper")
    assert latch.rows() == {BOOK: True, TREND: True, REVERSION: True, PAPER: True}


def test_what_is_missing_is_shut(latch: Latch, tmp_path: Path) -> None:
    assert not latch.open_for("unheard_of", "paper")
    assert not latch.open_for("trend", "elsewhere")
    assert not Latch(tmp_path / "nowhere").open_for("trend", "paper")


@pytest.mark.parametrize("scope", [BOOK, PAPER, TREND])
def test_each_scope_shuts_its_orders_in_every_process_at_once(latch: Latch, path: Path, scope: str) -> None:
    elsewhere = Latch(path)
    assert elsewhere.open_for("trend", "paper")
    latch.shut(scope)
    assert not elsewhere.open_for("trend", "paper")
    assert elsewhere.open_for("reversion", "paper") == (scope == TREND)
    latch.reopen(scope)
    assert elsewhere.open_for("trend", "paper")


def test_a_latch_that_is_taken_away_is_shut_also_for_who_had_it_open(latch: Latch, path: Path) -> None:
    assert latch.open_for("trend", "paper")
    path.unlink()
    assert not latch.open_for("trend", "paper")
    Latch.create(path, [TREND, PAPER])
    assert latch.open_for("trend", "paper")


def test_a_latch_is_made_once(latch: Latch, path: Path) -> None:
    latch.shut(BOOK)
    with pytest.raises(ConfigError, match="exists already"):
        Latch.create(path, [])
    assert not Latch(path).is_open(BOOK)


def test_a_shut_row_stays_shut_when_scopes_are_added(latch: Latch) -> None:
    latch.shut(TREND)
    latch.add([TREND, strategy_scope("new"), PAPER])
    assert not latch.open_for("trend", "paper")
    assert latch.open_for("new", "paper")


def test_nothing_is_added_to_a_missing_latch(path: Path) -> None:
    Latch(path).add([TREND])
    assert not path.exists()


def test_a_person_reopens_a_missing_latch_scope_by_scope(path: Path) -> None:
    latch = Latch(path)
    latch.reopen(TREND)
    assert not latch.open_for("trend", "paper")
    latch.reopen(PAPER)
    latch.reopen(BOOK)
    assert latch.open_for("trend", "paper")
    assert not latch.open_for("reversion", "paper")


def test_shutting_makes_a_missing_latch(path: Path) -> None:
    Latch(path).shut(BOOK)
    assert Latch(path).rows() == {BOOK: False}


def test_a_flipped_bit_opens_nothing_and_shuts_only_its_row(latch: Latch, path: Path) -> None:
    latch.shut(REVERSION)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x1C  # turns O into S and S into O
        path.write_bytes(damaged)
        rows = Latch(path).rows()
        good = {scope: scope != REVERSION for scope in (BOOK, TREND, REVERSION, PAPER)}
        assert all(not is_open or good.get(scope, False) for scope, is_open in rows.items())
        assert sum(rows.values()) >= 2


def test_a_latch_cut_at_any_byte_opens_nothing_that_was_shut(latch: Latch, path: Path) -> None:
    latch.shut(TREND)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert not Latch(path).open_for("trend", "paper")
        assert not Latch(path).open_for("reversion", "paper") or length == len(whole)


def test_a_torn_row_is_written_over(latch: Latch, path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"O\x05stra")
    latch.add([strategy_scope("new")])
    assert latch.open_for("new", "paper")
    assert path.stat().st_size % ROW == 0


def test_a_process_that_hangs_with_the_file_locked_cannot_stop_a_kill(
    latch: Latch, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.02)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        Latch(path).shut(BOOK)
    assert not latch.is_open(BOOK)


def test_a_scope_needs_a_name_that_fits(latch: Latch) -> None:
    with pytest.raises(ConfigError, match="1 to"):
        latch.shut(strategy_scope("x" * ROW))
