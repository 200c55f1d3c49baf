"""What a supervisor makes of latches that were shut past the journal."""

from pathlib import Path

import pytest

from execution.settings import Settings, read_settings
from execution.supervision.latches import SHUT, Latches
from tests.tools.core_kit import ANNA, Core
from toolkit.adapters.kill_record import KillRecord
from toolkit.adapters.latch import Latch
from toolkit.client.home import Home
from toolkit.domain.commands import Command, DisableStrategy, Kill, KillMode, Who
from toolkit.domain.ledger import Ledger

LATCH = Who(identity="unix:ops", verified=False, source="latch")
KILL = Kill(scope="book", name="", mode=KillMode.CANCEL_ALL, who=ANNA, reason="no journal")
SCOPES = ("book", "venue:paper", "strategy:mean_reversion", "strategy:quoting", "strategy:trend")


class Desk:
    def __init__(self, root: Path, settings: Settings) -> None:
        self.home = Home(root)
        self.book = self.home.book("paper")
        self.latch = Latch.create(self.book / "latch", SCOPES)
        self.record = KillRecord(self.book / "kills")
        self.latches = Latches(self.home, settings, LATCH)

    def after_two_looks(self, ledger: Ledger) -> list[Command]:
        list(self.latches.not_journaled(ledger))
        return list(self.latches.not_journaled(ledger))


@pytest.fixture
def desk(tmp_path: Path, repository: Path) -> Desk:
    return Desk(tmp_path, read_settings(repository))


def test_latches_that_are_open_say_nothing(desk: Desk) -> None:
    assert desk.after_two_looks(Core().ledger) == []


def test_a_kill_that_was_written_down_keeps_its_author_and_mode(desk: Desk) -> None:
    desk.latch.shut("book")
    desk.record.add(KILL)
    assert desk.after_two_looks(Core().ledger) == [KILL]


def test_one_look_is_not_enough_a_command_may_be_on_its_way(desk: Desk) -> None:
    desk.latch.shut("book")
    assert list(desk.latches.not_journaled(Core().ledger)) == []


def test_a_latch_that_nobody_signed_halts_its_scope_all_the_same(desk: Desk) -> None:
    for scope in ("venue:paper", "strategy:trend"):
        desk.latch.shut(scope)
    assert desk.after_two_looks(Core().ledger) == [
        DisableStrategy(strategy="trend", flatten=False, who=LATCH, reason=SHUT),
        Kill(scope="venue", name="paper", mode=KillMode.HALT_ENTRIES, who=LATCH, reason=SHUT),
    ]


def test_what_the_journal_has_is_not_said_again_and_leaves_the_record(desk: Desk) -> None:
    core = Core()
    core.command(KILL)
    desk.latch.shut("book")
    desk.record.add(KILL)
    assert desk.after_two_looks(core.ledger) == []
    assert desk.record.kills() == ()


def test_without_a_latch_every_strategy_is_off(desk: Desk) -> None:
    (desk.book / "latch").unlink()
    found = desk.after_two_looks(Core().ledger)
    assert [command.strategy for command in found if isinstance(command, DisableStrategy)] == [
        "mean_reversion", "quoting", "trend"
    ]  # fmt: skip
