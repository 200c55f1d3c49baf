"""What a click asks for is checked again: who, whether, why; and a desk that is not there is said, not raised."""

from pathlib import Path

import msgspec
import pytest

from execution.operations.doing import Doing
from execution.operations.logins import Visitor
from execution.operations.sessions import Session
from execution.operations.watch import Watch
from tests.unit.execution.operations.test_actions import BOARD, SUBJECTS, deed
from toolkit.client.home import Home
from toolkit.client.killing import Killed, KillSwitch
from toolkit.client.stopping import Leftover
from toolkit.domain.commands import Kill, KillMode
from toolkit.domain.people import Role


def visitor(*roles: Role) -> Visitor:
    session = Session(login="anna", key="", ends=2**40, number="1")
    return Visitor(login="anna", person="anna", roles=frozenset(roles), session=session)


@pytest.fixture
def doing(tmp_path: Path) -> Doing:
    home = Home(tmp_path)
    home.prepare()
    return Doing(home, book="paper", venues=(), quarantine_seconds=0.0, secret="secret")


@pytest.mark.parametrize("action", SUBJECTS)
def test_a_viewer_who_forges_a_click_moves_nothing(doing: Doing, tmp_path: Path, action: str) -> None:
    told = doing.do(deed(action), BOARD, visitor(Role.VIEWER))
    assert (told.good, told.event) == (False, 0)
    assert "may not do that; nothing was done" in told.headline
    assert not (tmp_path / "var/paper").exists(), "no latch was touched"


def test_what_does_not_exist_any_more_is_not_done(doing: Doing) -> None:
    gone = msgspec.structs.replace(BOARD, proposals=())
    told = doing.do(deed("approve"), gone, visitor(Role.RISK))
    assert told.headline.startswith("nothing was done: choose what it is about")


@pytest.mark.parametrize("action", ["reopen", "approve", "doubt", "break"])
def test_a_desk_that_does_not_run_is_said_in_words(doing: Doing, action: str) -> None:
    told = doing.do(deed(action), BOARD, visitor(Role.RISK, Role.OPERATOR))
    assert (told.good, told.event) == (False, 0)
    assert "the supervisor's front desk does not answer" in told.headline


def test_a_strategy_that_the_file_switches_off_is_not_switched_on_here(doing: Doing) -> None:
    told = doing.do(deed("enable"), BOARD, visitor(Role.OPERATOR))
    assert (told.good, told.event) == (False, 0)
    assert "not done" in told.headline


@pytest.mark.parametrize(("answer", "did"), [("wait", []), ("accept", ["flatten over unknown True"])])
def test_what_a_venue_does_not_prove_is_closed_over_on_a_persons_word_alone(
    doing: Doing, monkeypatch: pytest.MonkeyPatch, answer: str, did: list[str]
) -> None:
    done: list[str] = []

    def throw(_: KillSwitch, kill: Kill) -> Killed:
        assert (kill.mode, kill.accept_unknown) == (KillMode.CANCEL_ALL, False)
        return Killed(kill=kill, left=Leftover(silent=("paper",)), seconds=0.0)

    def flatten(_: KillSwitch, killed: Killed, patience: float, *, accept_unknown: bool) -> str:
        done.append(f"flatten over unknown {accept_unknown}")
        return ""

    monkeypatch.setattr(KillSwitch, "throw", throw)
    monkeypatch.setattr(KillSwitch, "confirm", lambda _, killed, seconds: killed)
    monkeypatch.setattr(KillSwitch, "flatten", flatten)
    told = doing.do(deed("flatten", answer=answer), BOARD, visitor(Role.RISK))
    assert (done, told.good) == (did, bool(did))
    assert "venue paper does not answer: what rests there is unknown" in told.lines


def test_books_that_cannot_be_read_are_said_and_the_last_look_stays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    watch = Watch(home, "paper", viewers=lambda: 0)
    seen = watch.look()
    assert seen.board is None
    assert "server-passwords.json" in seen.problem
    assert [each.subject for each in seen.to_mend] == ["desk"]
    watch.seen = msgspec.structs.replace(seen, board=BOARD)
    assert watch.look().board == BOARD
