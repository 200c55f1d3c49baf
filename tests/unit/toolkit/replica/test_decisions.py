"""The changelog tells each change once: who, when, why, from what to what; and what waits is shown until its time."""

from decimal import Decimal
from typing import get_args

import msgspec

from tests.tools.core_kit import Core, limit, limits
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.people import PEOPLE, SUPERVISOR, Identity, Role
from toolkit.domain.time import WallTime
from toolkit.engine.risk import venue_limits
from toolkit.engine.risk.limits import NAMES
from toolkit.replica.decisions import KINDS, TAGS, ChangeLine, Changelog, proposals
from toolkit.replica.limits_in_use import CONTROLS

FILE = cm.Who(identity="unix:anna", verified=False, source="config/limits.yaml")
ANNA = cm.Who(identity="unix:anna", verified=True, source="cli")
BOB = cm.Who(identity="login:bob", verified=True, source="operations", via="app:operations")


def told(core: Core) -> list[ChangeLine]:
    batch = ev.Batch(
        book="main", schema=1, epoch=1, first=1, previous=b"", step=0, wall=WallTime(77), events=tuple(core.events)
    )
    return list(Changelog().hear(batch))


def core_with_people(*, four_eyes: bool = True) -> Core:
    core = Core()
    rows = tuple(
        Identity(identity=identity, person=identity.partition(":")[2], roles=(Role.RISK,))
        for identity in ("unix:anna", "login:bob")
    )
    core.command(cm.SetPeople(rows=rows, four_eyes=four_eyes, who=FILE, reason="two of us"), SUPERVISOR)
    return core


def test_a_restart_says_who_and_why() -> None:
    core = core_with_people()
    core.command(cm.RestartProcess(process="listener", who=ANNA, reason="it hangs"), PEOPLE)
    (line,) = (line for line in told(core) if line.kind == "processes")
    assert (line.what, line.after, line.who, line.reason) == ("listener", "restarted", "unix:anna", "it hangs")


def words(lines: list[ChangeLine], kind: str) -> list[tuple[str, str, str]]:
    return [(line.what, line.before, line.after) for line in lines if line.kind == kind]


def test_each_change_says_from_what_to_what() -> None:
    core = core_with_people()
    core.command(cm.SetLimits(rows=limits(max_position="7"), checksum="x", who=FILE, reason="saved"), SUPERVISOR)
    core.command(cm.AllocateCapital(strategy="trend", amount=Decimal(5), who=ANNA, reason="less"), PEOPLE)
    core.command(cm.SetThrottle(scope="venue", name="paper", rate=Decimal(5), who=ANNA, reason="slow"), PEOPLE)
    core.command(cm.SetThrottle(scope="venue", name="paper", rate=Decimal(4), who=ANNA, reason="slower"), PEOPLE)
    core.disable()
    core.command(cm.EnableStrategy(strategy="trend", who=ANNA, reason="go"), PEOPLE)
    lines = told(core)
    assert words(lines, "limits")[1:] == [("max_position of book", "100000", "7 (config/limits.yaml:12)")]
    assert words(lines, "capital") == [("trend", "–", "100,000.00"), ("trend", "100,000.00", "5.00")]
    assert words(lines, "throttles") == [("venue paper", "off", "5/s"), ("venue paper", "5/s", "4/s")]
    assert words(lines, "states") == [
        ("strategy trend by disable", "ACTIVE", "HALTED"), ("strategy trend by disable", "HALTED", "ACTIVE")
    ]  # fmt: skip
    assert words(lines, "versions") == [("trend", "–", "v1 (d1) at PAPER")]
    assert words(lines, "people")[-1] == ("four_eyes", "–", "on")


def test_every_line_says_who_and_why_also_of_an_event_that_does_not() -> None:
    core = core_with_people()
    for line in told(core):
        assert line.who, line
        assert line.reason, line
        assert line.wall == 77
    deployed = next(line for line in told(core) if line.kind == "versions")
    assert (deployed.who, deployed.reason) == ("files", "test")


def test_an_approval_shows_the_app_that_vouched_and_who_had_proposed_it() -> None:
    core = core_with_people()
    looser = cm.SetLimits(rows=limits(max_position="200000"), checksum="y", who=ANNA, reason="more room")
    core.command(looser, PEOPLE)
    (waiting,) = proposals(core.ledger, 0)
    assert (waiting.who, waiting.stands) == ("unix:anna", True)
    assert waiting.changes == ("max_position of book: 100000 → 200000 (config/limits.yaml:12)",)
    core.command(cm.ApproveChange(proposal=waiting.proposal, who=BOB, reason="seen"), PEOPLE)
    lines = [line for line in told(core) if line.kind in ("approvals", "limits")][1:]
    assert [(line.kind, line.after.partition(" ")[0], line.who, line.how) for line in lines] == [
        ("approvals", "proposed", "unix:anna", ""),
        ("limits", "200000", "unix:anna", ""),
        ("approvals", "approved", "login:bob", "via app:operations"),
    ]
    assert proposals(core.ledger, 0) == ()


def test_what_ran_out_of_time_is_not_shown_though_no_step_has_said_so() -> None:
    core = core_with_people()
    core.command(cm.SetLimits(rows=limits(max_position="200000"), checksum="y", who=ANNA, reason="more"), PEOPLE)
    (waiting,) = proposals(core.ledger, 0)
    assert proposals(core.ledger, waiting.expires - 1)
    assert proposals(core.ledger, waiting.expires) == ()


def test_with_four_eyes_off_every_line_says_so() -> None:
    core = core_with_people(four_eyes=False)
    before = len(told(core))
    core.command(cm.SetLimits(rows=limits(max_position="200000"), checksum="y", who=ANNA, reason="more"), PEOPLE)
    core.command(cm.SetThrottle(scope="venue", name="paper", rate=Decimal(5), who=ANNA, reason="slow"), PEOPLE)
    assert {line.how for line in told(core)[before:]} == {"four eyes off"}


def test_every_event_that_says_who_makes_a_line() -> None:
    said = {kind for kind in get_args(ev.Event) if "who" in kind.__struct_fields__}
    tags = {kind.__struct_config__.tag for kind in said - {ev.CommandTaken, ev.VersionRegistered}}
    assert tags <= set(TAGS), "of these two the version that is deployed and the change itself tell"


def test_what_a_person_changes_in_the_books_is_a_line_too() -> None:
    core = core_with_people()
    core.command(cm.DisableStrategy(strategy="trend", flatten=True, who=ANNA, reason="home"), PEOPLE)
    assert words(told(core), "books") == [("FlattenStarted", "–", "strategy trend")]


def test_every_kind_of_line_is_one_that_can_be_asked_for() -> None:
    core = core_with_people()
    core.throttle_venue("5")
    core.disable(flatten=True)
    core.command(cm.RestartProcess(process="listener", who=ANNA, reason="it hangs"), PEOPLE)
    core.command(cm.SetLimits(rows=limits(max_position="200000"), checksum="y", who=ANNA, reason="more"), PEOPLE)
    assert {line.kind for line in told(core)} == set(KINDS)


def test_every_limit_has_its_control() -> None:
    assert set(CONTROLS) == {*NAMES, *venue_limits.NAMES}


def test_lines_go_out_as_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(told(core_with_people())))
    assert limit("max_position", "1")


def test_a_strategy_that_is_armed_before_it_was_off_counts_anew_and_does_not_change_from_active_to_active() -> None:
    core = core_with_people()
    core.buy(1, 10_001)
    core.quote(10_000, 10_001)
    core.disable()
    core.command(cm.EnableStrategy(strategy="trend", who=ANNA, reason="go"), PEOPLE)
    armed = [(before, after) for what, before, after in words(told(core), "states") if what.endswith("executions")]
    assert armed == [("ACTIVE", "counts anew")]
