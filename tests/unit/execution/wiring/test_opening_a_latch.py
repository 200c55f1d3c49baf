"""What an approval opens: the latch of what it released, unless somebody killed it again meanwhile."""

from pathlib import Path

import pytest

from execution.wiring.front_desk import open_latch
from toolkit.adapters.kill_record import KillRecord
from toolkit.adapters.latch import Latch
from toolkit.client import emergency
from toolkit.client.home import Home
from toolkit.domain.commands import CancelAll, Command, EnableStrategy, Kill, KillMode, Reopen, Who

BOOK = "paper"
BY = {"who": Who(identity="unix:max", verified=True, source="cli"), "reason": "looked at it"}
RELEASES: dict[str, tuple[str, str, Command]] = {
    "strategy:trend": ("strategy", "trend", EnableStrategy(strategy="trend", **BY)),
    "venue:paper": ("venue", "paper", Reopen(scope="venue", name="paper", **BY)),
    "book": ("book", "", Reopen(scope="book", name="", **BY)),
}


def shut(path: Path) -> Home:
    home = Home(path)
    latch = Latch.create(home.book(BOOK) / "latch", ("venue:paper", "strategy:trend"))
    for row in RELEASES:
        latch.shut(row)
    latch.close()
    return home


def opened(home: Home) -> list[str]:
    return [row for row, is_open in emergency.latch_rows(home, BOOK).items() if is_open]


@pytest.mark.parametrize("row", RELEASES)
def test_it_opens_what_was_released_and_nothing_else(tmp_path: Path, row: str) -> None:
    home = shut(tmp_path)
    open_latch(home, BOOK, RELEASES[row][2])
    assert opened(home) == [row]
    open_latch(home, BOOK, CancelAll(**BY))
    assert opened(home) == [row]


@pytest.mark.parametrize("row", RELEASES)
def test_a_kill_that_waits_for_the_journal_came_later_and_stays(tmp_path: Path, row: str) -> None:
    home = shut(tmp_path)
    scope, name, release = RELEASES[row]
    KillRecord(home.book(BOOK) / "kills").add(Kill(scope=scope, name=name, mode=KillMode.HALT_ENTRIES, **BY))
    open_latch(home, BOOK, release)
    assert opened(home) == []
    assert len(emergency.waiting_kills(home, BOOK)) == 1
