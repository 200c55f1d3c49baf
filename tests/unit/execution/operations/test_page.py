"""A page that stands open for a long time costs no more at its end, and shows who may act what to act with."""

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from execution.operations.doing import Doing
from execution.operations.logins import Logins
from execution.operations.page import Page
from execution.operations.sessions import Sessions
from execution.operations.watch import Seen, Watch
from execution.settings.people import PeopleTable
from tests.unit.execution.operations.test_actions import BOARD
from toolkit.client.home import Home
from toolkit.domain.people import Identity, People, Role

DAY_OF_SECONDS_IN_SHORT = 1_500
LEAKED_AT_MOST = 300_000


@dataclass
class Open:
    """A page as one login sees it, without a browser."""

    page: Page
    watch: Watch
    logins: Logins

    @property
    def buttons(self) -> list[str]:
        """What can be clicked."""
        return [model.label for model in self.page.view().select() if type(model).__name__ == "Button"]


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[Role], Open]:
    def make(role: Role) -> Open:
        row = Identity(identity="login:anna", person="anna", roles=(role,))
        people = People(rows=(row,))
        watch = Watch(Home(tmp_path), "paper", viewers=lambda: 1)
        watch.seen = Seen(board=BOARD, people=people)
        logins = Logins(
            Sessions(b"secret", hours=1),
            read_table=lambda: PeopleTable(people=people, secrets={}),
            in_force=lambda: watch.seen.people,
        )
        doing = Doing(Home(tmp_path), book="paper", venues=(), quarantine_seconds=0, secret="")
        session, _ = logins.sessions.begin("anna", "")
        return Open(Page(session, logins, watch, doing, "paper"), watch, logins)

    return make


def test_buttons_are_those_of_the_role_and_a_viewer_has_none(opened: Callable[[Role], Open]) -> None:
    assert opened(Role.VIEWER).buttons == []
    assert "Approve" in opened(Role.RISK).buttons
    assert "Approve" not in opened(Role.OPERATOR).buttons


def test_who_loses_the_role_loses_the_buttons_while_the_page_is_open(opened: Callable[[Role], Open]) -> None:
    there = opened(Role.OPERATOR)
    assert there.buttons
    row = Identity(identity="login:anna", person="anna", roles=(Role.VIEWER,))
    there.watch.seen = msgspec.structs.replace(there.watch.seen, people=People(rows=(row,)))
    there.page.refresh()
    assert there.buttons == []
    there.watch.seen = msgspec.structs.replace(there.watch.seen, people=People())
    there.page.refresh()
    assert there.buttons == []


def test_a_day_of_refreshes_leaves_nothing_behind(opened: Callable[[Role], Open]) -> None:
    there = opened(Role.OPERATOR)

    def refresh(count: int) -> None:
        for number in range(count):
            board = msgspec.structs.replace(BOARD, event=number, unknown=number)
            there.watch.seen = msgspec.structs.replace(there.watch.seen, board=board)
            there.page.refresh()

    refresh(200)
    gc.collect()
    tracemalloc.start()
    refresh(100)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    refresh(DAY_OF_SECONDS_IN_SHORT)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < LEAKED_AT_MOST, f"{(after - before) / DAY_OF_SECONDS_IN_SHORT:.0f} bytes a refresh stay"
