"""Each button gives one command of the engine's table, says what it will do, and nobody has one in vain."""

from decimal import Decimal

import msgspec
import pytest

from execution.operations.actions import ACTIONS, GROUPS, Action, Deed, may, offered, wrong_with
from execution.operations.board import Board
from toolkit.domain.alerts import AlertAnswer, refused_to
from toolkit.domain.commands import Kill, KillMode, Who
from toolkit.domain.errors import DomainError
from toolkit.domain.front_desk import Waiting
from toolkit.domain.ledger import Ledger
from toolkit.domain.people import PEOPLE, Identity, People, Role
from toolkit.engine.command_rules import check_may_give
from toolkit.monitoring.alert_book import Alert, AlertState
from toolkit.replica.reconciliation import BreakView, DoubtView, ReconciliationView
from toolkit.replica.views import StrategyView, VenueView

WHO = Who(identity="login:anna", verified=True, source="operations")
DOUBT = DoubtView(
    order_id="A1", strategy="trend", venue="paper", instrument="AAPL", side="BUY", at_risk=Decimal(100), doubt="new",
    age_seconds=7,
)  # fmt: skip
BREAK = BreakView(
    venue="paper", kind="position", subject="AAPL", ours=Decimal(1), theirs=Decimal(2), residual=Decimal(1),
    held="strategy trend", detail="", since=0,
)  # fmt: skip
PROPOSAL = Waiting(
    proposal="abcdef0123456789", what="SetLimits", changes=("max_position of book: 1 → 2",), who="unix:bob",
    stands=True, source="cli", reason="we grow", expires=0,
)  # fmt: skip


LATE = Alert(
    id="A7K2P9", rule="late_order", severity="critical", since=0, opened=0, changed=0, scope=(("strategy", "trend"),),
    summary="an order of trend is late", value=6.1, threshold=5.0, unit="seconds",
)  # fmt: skip


def strategy(name: str, state: str) -> StrategyView:
    return StrategyView(
        name=name, version="v1", stage="PAPER", enabled=True, state=state, why="", capital=Decimal(0), orders=0, open=3,
        unknown=0, fills=0, denied=0, position="AAPL +100", pnl=None, realised=None, fees=None,
    )  # fmt: skip


BOARD = Board(
    event=9, written=0, session="", book_state="ACTIVE", alone=False,
    strategies=(strategy("trend", "HALTED"), strategy("quoting", "ACTIVE")),
    venues=(VenueView(name="paper", state="ACTIVE", open=3, unknown=0, positions="AAPL +100", rate="", last_report=0),),
    orders=(), orders_open=0, unknown=0,
    agreement=ReconciliationView(breaks=(BREAK,), doubts=(DOUBT,), residuals=()), unprotected=(), limits=(),
    positions_unprotected=0, denials=(), limits_in_force=0,
    proposals=(PROPOSAL,), killed=("book", "strategy:trend"), shut=("book", "strategy:trend"), alerts=(LATE,),
)  # fmt: skip
SUBJECTS = {
    "halt": "venue:paper", "disable": "quoting", "kill": "strategy:trend", "flatten": "book", "enable": "trend",
    "reopen": "book", "doubt": "A1", "break": "paper:position:AAPL", "approve": PROPOSAL.proposal,
    "reject": PROPOSAL.proposal, "acknowledge": LATE.id, "silence": LATE.id, "escalate": LATE.id,
}  # fmt: skip


def deed(action: str, **changes: str) -> Deed:
    answer = {"doubt": "gone", "break": "a late report", "silence": "3600", "flatten": "wait"}.get(action, "")
    whole = Deed(action=action, subject=SUBJECTS[action], reason="odd", answer=answer)
    return msgspec.structs.replace(whole, **changes)


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
def test_a_button_gives_its_command_with_who_and_why(action: Action) -> None:
    wish = deed(action.name)
    assert wrong_with(wish, BOARD) == ""
    command = action.command(wish, BOARD, WHO)
    assert type(command) is action.kind
    assert command.reason == "odd"
    assert isinstance(command, AlertAnswer) or command.who == WHO
    assert action.group in GROUPS


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
def test_the_confirmation_names_what_it_is_about(action: Action) -> None:
    words = " ".join(action.means(deed(action.name), BOARD))
    subject = SUBJECTS[action.name].rpartition(":")[2]
    assert (subject[:10] in words) or (subject == "book" and "everything" in words) or LATE.summary in words


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("changes", [{"reason": "  "}, {"subject": ""}, {"subject": "strategy:nobody"}])
def test_without_a_reason_or_a_subject_that_is_there_nothing_is_asked(action: str, changes: dict[str, str]) -> None:
    assert wrong_with(deed(action, **changes), BOARD)


@pytest.mark.parametrize("action", ["doubt", "break", "silence"])
def test_who_resolves_says_what_it_was(action: str) -> None:
    assert wrong_with(deed(action, answer=""), BOARD)


def test_a_viewer_has_no_button_and_approving_takes_role_risk() -> None:
    assert offered(frozenset({Role.VIEWER})) == ()
    assert not any(may(deed(name), frozenset({Role.VIEWER})) for name in ACTIONS)
    assert "approve" not in [action.name for action in offered(frozenset({Role.OPERATOR, Role.QUANT}))]
    assert "approve" in [action.name for action in offered(frozenset({Role.RISK}))]


@pytest.mark.parametrize("role", Role)
def test_who_has_no_button_is_refused_by_engine_and_front_desk_and_nobody_else(role: Role) -> None:
    row = Identity(identity="login:anna", person="anna", roles=(role,))
    ledger = Ledger(people=People(rows=(row,)))
    for action in ACTIONS.values():
        command = action.command(deed(action.name), BOARD, WHO)
        if isinstance(command, AlertAnswer):
            refused = refused_to(ledger.people, "login:anna", command)
            assert bool(refused) is (action not in offered(frozenset({role})))
        elif action in offered(frozenset({role})):
            check_may_give(ledger, PEOPLE, command)
        else:
            with pytest.raises(DomainError, match="takes role"):
                check_may_give(ledger, PEOPLE, command)


def test_to_flatten_is_a_step_of_its_own_after_a_kill() -> None:
    unhurt = msgspec.structs.replace(BOARD, killed=())
    assert ACTIONS["flatten"].subjects(unhurt) == {}
    modes = {name: ACTIONS[name].command(deed(name), BOARD, WHO) for name in ("halt", "kill", "flatten")}
    assert [command.mode for command in modes.values() if isinstance(command, Kill)] == list(KillMode)


@pytest.mark.parametrize(("answer", "says"), [("wait", "its orders are proven gone"), ("accept", "also over")])
def test_over_what_is_not_proven_gone_only_a_persons_word_closes(answer: str, says: str) -> None:
    wish = deed("flatten", answer=answer)
    command = ACTIONS["flatten"].command(wish, BOARD, WHO)
    assert isinstance(command, Kill)
    assert (command.mode, command.accept_unknown) == (KillMode.FLATTEN, answer == "accept")
    assert says in ACTIONS["flatten"].means(wish, BOARD)[0]


def test_what_somebody_works_on_is_not_offered_to_be_acknowledged_again_but_can_be_silenced() -> None:
    taken = msgspec.structs.replace(BOARD, alerts=(msgspec.structs.replace(LATE, state=AlertState.ACKNOWLEDGED),))
    assert ACTIONS["acknowledge"].subjects(taken) == {}
    assert set(ACTIONS["silence"].subjects(taken)) == set(ACTIONS["escalate"].subjects(taken)) == {LATE.id}
