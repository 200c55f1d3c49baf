"""Who may give which command: every command stands in the table, and the engine keeps to it, whoever says what."""

from decimal import Decimal
from typing import get_args

import msgspec
import pytest

from tests.tools.core_kit import ANNA, Core
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.people import GUARDIAN, OPERATOR, PEOPLE, RESERVED, ROLES, SUPERVISOR, Identity, Role
from toolkit.engine.command_rules import EVERYBODY, RULES, may_tighten

CLI = "cli"
BODIES: dict[type, dict[str, object]] = {
    cm.EnableStrategy: {"strategy": "trend"},
    cm.DisableStrategy: {"strategy": "trend", "flatten": False},
    cm.SetThrottle: {"scope": "strategy", "name": "trend", "rate": Decimal(1)},
    cm.CancelAll: {},
    cm.Kill: {"scope": "strategy", "name": "trend", "mode": cm.KillMode.CANCEL_ALL},
    cm.Reopen: {"scope": "book", "name": ""},
    cm.SetLimits: {"rows": (), "checksum": "x"},
    cm.DefineInstruments: {"instruments": ()},
    cm.AllocateCapital: {"strategy": "trend", "amount": Decimal(1)},
    cm.RegisterVersion: {"strategy": "trend", "version": 1, "digest": "d1", "path": "p", "instruments": ("AAPL",)},
    cm.MoveCash: {"kind": "deposit", "sub_account": "house", "asset": "USD", "amount": Decimal(1)},
    cm.SetPeople: {"rows": (), "four_eyes": False},
    cm.TransferPosition: {
        "source": "house",
        "target": "trend",
        "instrument": "AAPL",
        "quantity": Decimal(1),
        "price": None,
    },
    cm.TransferCash: {"source": "house", "target": "trend", "asset": "USD", "amount": Decimal(1)},
    cm.DistributeCash: {
        "kind": "dividend",
        "instrument": "AAPL",
        "asset": "USD",
        "per_unit": Decimal(1),
        "amount": None,
    },
    cm.SplitInstrument: {"instrument": "AAPL", "numerator": 2, "denominator": 1},
    cm.ChangeSymbol: {"old": "AAPL", "new": "APPL"},
    cm.AdoptBreak: {
        "venue": "paper",
        "kind": "position",
        "subject": "AAPL",
        "sub_account": "house",
        "price": None,
    },
    cm.ResolveBreak: {"venue": "paper", "kind": "position", "subject": "AAPL", "outcome": "known"},
    cm.ResolveDoubt: {"order_id": "X", "outcome": "gone"},
    cm.ApproveChange: {"proposal": "x"},
    cm.RejectChange: {"proposal": "x"},
    cm.OverrideLimit: {
        "scope": "book",
        "name": "",
        "limit": "max_order_quantity",
        "value": "200000",
        "seconds": 60,
        "orders": 0,
    },
    cm.RestartProcess: {"process": "listener"},
    cm.EndOverride: {"scope": "book", "name": "", "limit": "max_order_quantity"},
}
"""One of each command that carries a person, which may be refused for what it says."""

GIVEN_BY_PEOPLE = [kind for kind, rule in RULES.items() if rule.roles]


def who(person: str, *, verified: bool = True, **more: object) -> cm.Who:
    return cm.Who(identity=f"unix:{person}", verified=verified, source=CLI, **more)


def command(kind: type, given_by: cm.Who) -> cm.Command:
    made: cm.Command = kind(**{**BODIES[kind], "who": given_by, "reason": "a test"})
    return made


def people(*rows: tuple[str, Role], four_eyes: bool = False) -> cm.SetPeople:
    table = tuple(Identity(identity=f"unix:{name}", person=name, roles=(role,)) for name, role in rows)
    return cm.SetPeople(rows=table, four_eyes=four_eyes, who=who("files"), reason="config/people.yaml at the start")


@pytest.fixture
def core() -> Core:
    made = Core()
    table = people(("vera", Role.VIEWER), ("quinn", Role.QUANT), ("olga", Role.OPERATOR), ("rita", Role.RISK))
    made.command(table, SUPERVISOR)
    return made


def refusal(core: Core, body: cm.Command, producer: str) -> str:
    core.command(body, producer)
    return str(core.of(ev.CommandTaken)[-1].refused)


def test_every_command_stands_in_the_table() -> None:
    assert set(RULES) == set(get_args(cm.Command))


def test_every_role_is_explained_and_a_viewer_may_give_nothing() -> None:
    assert set(ROLES) == set(Role)
    assert Role.VIEWER not in EVERYBODY.union(*(rule.roles for rule in RULES.values()))


def test_every_command_of_people_carries_who_and_why() -> None:
    for kind in GIVEN_BY_PEOPLE:
        assert {"who", "reason"} <= set(kind.__struct_fields__), kind


@pytest.mark.parametrize("kind", GIVEN_BY_PEOPLE)
@pytest.mark.parametrize(
    ("person", "role"), [("vera", Role.VIEWER), ("quinn", Role.QUANT), ("olga", Role.OPERATOR), ("rita", Role.RISK)]
)
def test_the_engine_asks_for_the_role_of_the_table(core: Core, kind: type, person: str, role: Role) -> None:
    refused = refusal(core, command(kind, who(person)), PEOPLE)
    assert ("takes role" in refused) is (role not in RULES[kind].roles)


def test_a_refusal_names_role_identity_and_who_could_do_it(core: Core) -> None:
    assert refusal(core, command(cm.EnableStrategy, who("vera")), PEOPLE) == (
        "EnableStrategy takes role operator or risk; this is unix:vera, who is vera and has viewer: "
        "ask olga, rita, or change config/people.yaml"
    )
    assert "which config/people.yaml gives to nobody" in refusal(core, command(cm.EnableStrategy, who("eve")), PEOPLE)


def test_what_a_strategy_writes_as_a_person_is_refused_and_changes_nothing(core: Core) -> None:
    for producer in ("trend", "stranger"):
        core.command(command(cm.SetThrottle, who("rita")), producer)
        assert core.of(ev.CommandTaken)[-1].refused
    assert core.ledger.throttles == {}


def test_files_enable_nothing_and_move_no_money(core: Core) -> None:
    for kind in GIVEN_BY_PEOPLE:
        refused = refusal(core, command(kind, who("rita")), SUPERVISOR)
        assert ("takes a person" in refused) is not RULES[kind].by_files, kind
    assert not RULES[cm.EnableStrategy].by_files


def test_who_gave_a_command_is_written_as_it_is_known_not_as_it_is_claimed(core: Core) -> None:
    claimed = who("rita", verified=True, alone=False)
    core.command(command(cm.DisableStrategy, claimed), OPERATOR)
    taken = core.of(ev.CommandTaken)[-1].who
    assert (taken.identity, taken.verified, taken.alone) == ("unix:rita", False, True)
    assert core.of(ev.TradingStateChanged)[-1].who == taken
    core.command(command(cm.DisableStrategy, claimed), PEOPLE)
    assert core.of(ev.CommandTaken)[-1].who.verified


def test_with_four_eyes_no_record_says_that_one_person_was_alone() -> None:
    core = Core()
    core.command(people(("rita", Role.RISK), ("olga", Role.OPERATOR), four_eyes=True), SUPERVISOR)
    core.command(command(cm.DisableStrategy, who("rita", alone=True)), PEOPLE)
    assert not core.of(ev.CommandTaken)[-1].who.alone


def test_every_command_in_the_journal_has_who_from_where_and_why(core: Core) -> None:
    core.command(cm.RunnerStopped(strategy="trend", cause="raised", detail="KeyError", given_up=False), SUPERVISOR)
    for kind in GIVEN_BY_PEOPLE:
        core.command(command(kind, who("rita")), PEOPLE)
    taken = core.of(ev.CommandTaken)
    assert {event.command for event in taken} == {kind.__name__ for kind in RULES} - {"RunnerAnswer"}
    assert all(event.who.identity and event.who.source and event.reason for event in taken)


def test_a_table_by_which_nobody_could_decide_is_refused(core: Core) -> None:
    assert "nobody could approve" in refusal(core, people(("olga", Role.OPERATOR)), SUPERVISOR)
    assert "nobody could approve" in refusal(core, people(("rita", Role.RISK), four_eyes=True), SUPERVISOR)
    assert core.ledger.people.find("unix:vera")


def test_producers_of_people_are_names_that_no_strategy_may_bear() -> None:
    assert {PEOPLE, OPERATOR, SUPERVISOR} <= RESERVED


def test_an_old_record_of_who_is_read_as_one_that_nobody_vouched_for() -> None:
    old = msgspec.msgpack.encode(("who", "unix:ada", False, CLI))
    assert msgspec.msgpack.decode(old, type=cm.Who) == cm.Who(identity="unix:ada", verified=False, source=CLI)


def test_past_the_front_desk_only_what_tightens_goes_through(core: Core) -> None:
    assert "past the front desk" in refusal(core, command(cm.EnableStrategy, who("rita")), OPERATOR)
    assert refusal(core, command(cm.SetThrottle, who("rita")), OPERATOR) == ""
    faster = cm.SetThrottle(scope="strategy", name="trend", rate=Decimal(2), who=who("rita"), reason="a test")
    lifted = cm.SetThrottle(scope="strategy", name="trend", rate=None, who=who("rita"), reason="a test")
    assert "past the front desk" in refusal(core, faster, OPERATOR)
    assert "past the front desk" in refusal(core, lifted, OPERATOR)
    assert refusal(core, command(cm.CancelAll, who("eve")), OPERATOR) == "", "the way out is open to everybody"


@pytest.mark.parametrize("kind", GIVEN_BY_PEOPLE)
def test_the_client_knows_what_may_go_past_the_front_desk(core: Core, kind: type) -> None:
    assert ("past the front desk" not in refusal(core, command(kind, who("rita")), OPERATOR)) is may_tighten(kind)


@pytest.mark.parametrize("name", [*sorted(RESERVED), f"{PEOPLE}@2"])
def test_nobody_is_shut_out_by_a_strategy_of_a_name_under_which_others_speak_or_hold(name: str) -> None:
    core = Core()
    for producer in ("operator", PEOPLE):
        body = cm.RegisterVersion(
            strategy=name, version=1, digest="d", path="p", instruments=("AAPL",), who=ANNA, reason="a test"
        )
        core.command(body, producer)
        assert core.of(ev.CommandTaken)[-1].refused == f"no strategy may be called {name}; give it another name"
        core.command(cm.Kill(scope="book", name="", mode=cm.KillMode.HALT_ENTRIES, who=ANNA, reason="stop"), producer)
        assert core.of(ev.CommandTaken)[-1].refused == ""


def test_cash_does_not_go_to_a_sub_account_that_nobody_has() -> None:
    core = Core()
    body = cm.MoveCash(kind="deposit", sub_account="tredn", asset="USD", amount=Decimal(5), who=ANNA, reason="a slip")
    core.command(body)
    assert "unknown sub-account 'tredn'; known: house, manual, trend" in core.of(ev.CommandTaken)[-1].refused
    assert "tredn" not in core.ledger.cash


@pytest.mark.parametrize("kind", GIVEN_BY_PEOPLE)
def test_the_guardian_only_tightens(core: Core, kind: type) -> None:
    """Whatever it asks for: of what only loosens or moves money nothing is done, or even becomes a proposal."""
    guardian = cm.Who(identity=GUARDIAN, verified=True, source="monitor")
    refused = refusal(core, command(kind, guardian), PEOPLE)
    tightens = kind in (cm.DisableStrategy, cm.CancelAll, cm.Kill, cm.SetThrottle, cm.EndOverride)
    assert ("may only tighten" in refused) is not tightens
    assert core.ledger.proposals == {}


def test_the_guardian_closes_no_position(core: Core) -> None:
    guardian = cm.Who(identity=GUARDIAN, verified=True, source="monitor")
    for body in (
        cm.Kill(scope="strategy", name="trend", mode=cm.KillMode.FLATTEN, who=guardian, reason="a test"),
        cm.DisableStrategy(strategy="trend", flatten=True, who=guardian, reason="a test"),
    ):
        assert "leaves that to a person" in refusal(core, body, PEOPLE)


def test_no_table_makes_the_guardian_somebody_who_may_more(core: Core) -> None:
    row = Identity(identity=GUARDIAN, person="rita", roles=(Role.RISK,))
    body = cm.SetPeople(rows=(*core.ledger.people.rows, row), four_eyes=False, who=who("rita"), reason="a test")
    for producer in (PEOPLE, SUPERVISOR):
        assert "under that name the desk itself speaks" in refusal(core, body, producer)
    assert core.ledger.people.find(GUARDIAN) is None
