"""A book is taken from an engine that is gone, never from one that lives; without a journal a lock parts persons."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from toolkit.adapters.lifeboat import Lifeboat
from toolkit.client import taken_book as module
from toolkit.client.home import Home
from toolkit.client.taken_book import EngineHolds, taken_book
from toolkit.domain.errors import Fenced, TransportError

LEASE = 3.0


class Journal:
    """The lease of an engine in epoch 4 on a clock of its own, which `slow` moves while a request is on its way."""

    def __init__(self, *, lives: bool = False, slow: float = 0.0) -> None:
        self.now = 100.0
        self.until = self.now + LEASE
        self.lives, self.slow = lives, slow
        self.epoch = 4
        self.closed = False

    def holder(self) -> tuple[str, float]:
        return "4 engine", self.until - self.now

    def acquire(self, owner: str, seconds: float) -> int | None:
        held = self.now < self.until
        self.now += self.slow
        if self.lives and self.now > self.until - LEASE / 2:
            self.until = self.now + LEASE
        if held:
            return None
        self.epoch += 1
        return self.epoch

    def renew(self, epoch: int, owner: str, seconds: float) -> None:
        if epoch != self.epoch:
            raise Fenced(f"epoch {self.epoch} has taken over")

    def release(self, epoch: int) -> None:
        self.renew(epoch, "", 0)

    def close(self) -> None:
        self.closed = True

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def beside(journal: Journal | TransportError, monkeypatch: pytest.MonkeyPatch) -> None:
    class Books:
        def __init__(self, **_: object) -> None:
            pass

        def journal(self) -> Journal:
            if isinstance(journal, TransportError):
                raise journal
            return journal

    monkeypatch.setattr(module, "Books", Books)
    if isinstance(journal, Journal):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: journal.now, sleep=journal.sleep))


@pytest.mark.parametrize("slow", [0.0, 2 * LEASE])
def test_what_an_engine_left_runs_out_and_is_taken_however_slow_this_machine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: float
) -> None:
    journal = Journal(slow=slow)
    beside(journal, monkeypatch)
    with taken_book(Home(tmp_path), "paper", "flatten of anna") as still_ours:
        assert journal.epoch == 5
        still_ours()
        journal.epoch = 6
        with pytest.raises(Fenced, match="epoch 6"):
            still_ours()
        journal.epoch = 5
    assert journal.closed


def test_an_engine_that_lives_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(lives=True)
    beside(journal, monkeypatch)
    with pytest.raises(EngineHolds, match="4 engine holds the book"), taken_book(Home(tmp_path), "paper", "anna"):
        pass
    assert (journal.epoch, journal.closed) == (4, True)


def test_without_a_journal_one_person_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside(TransportError("the server is away"), monkeypatch)
    home = Home(tmp_path)
    with taken_book(home, "paper", "anna") as still_ours:
        still_ours()
        assert Lifeboat(home.book("paper") / "lifeboat").is_in_hand()
        with pytest.raises(TransportError, match="somebody else"), taken_book(home, "paper", "bob"):
            pass
    with taken_book(home, "paper", "bob"):
        pass
