"""Who gives a command is what was proved: by the system, by a token in force, by an app that vouches; never a claim."""

import os
import pwd
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from execution.supervision.front_desk import FrontDesk
from toolkit.client.credentials import new_secret, secret_hash
from toolkit.domain.alerts import AlertAnswer, AlertDeed
from toolkit.domain.commands import (
    ApproveChange,
    CancelAll,
    Command,
    EnableStrategy,
    Kill,
    KillMode,
    Reopen,
    RunnerStopped,
    Who,
)
from toolkit.domain.errors import TransportError
from toolkit.domain.front_desk import Ask, Credential, Peer, Told, Waiting
from toolkit.domain.people import GUARDIAN, Identity, People, Role, fingerprint

SECRET = new_secret()
HASH = secret_hash(SECRET)
ME = f"unix:{pwd.getpwuid(os.getuid()).pw_name}"
CLAIM = Who(identity="unix:root_of_all", verified=True, source="cli", via="app:none", alone=True)
BODY = CancelAll(who=CLAIM, reason="a test")


WAITS = Waiting(
    proposal="c0ffee", what="SetLimits", changes=("max_position of book: 1 → 2",), who="unix:anna", stands=True,
    source="cli", reason="more room", expires=2**62,
)  # fmt: skip


class Taken(NamedTuple):
    event: int
    refused: str
    proposal: str = ""


@dataclass
class Engine:
    """Takes what it is given."""

    given: list[Any] = field(default_factory=list)
    away: bool = False

    async def give(self, command: Command, patience: float) -> Taken:
        if self.away:
            raise TransportError("no engine took it")
        self.given.append(command)
        return Taken(9, "")


def table(secret_hash_in_force: str = HASH) -> People:
    token = Identity(
        identity="token:anna", person="anna", roles=(Role.RISK,), key=fingerprint(secret_hash_in_force)
    )  # fmt: skip
    return People(rows=(token,), four_eyes=False)


def desk(engine: Engine, people: People | None = None) -> FrontDesk:
    in_force = people or table()
    return FrontDesk(
        {"token:anna": HASH},
        people=lambda: in_force,
        give=engine.give,
        is_strategy={666}.__contains__,
        waiting=lambda: (WAITS,),
    )


async def said(front_desk: FrontDesk, credential: Credential, body: Command = BODY, process: int = 77) -> Told:
    return await front_desk.answer(Ask(body=body, credential=credential), Peer(os.getuid(), process))


async def test_without_anything_shown_the_system_says_who_it_is_whatever_is_claimed() -> None:
    engine = Engine()
    assert await said(desk(engine), Credential()) == Told(event=9)
    assert engine.given[0].who == Who(identity=ME, verified=True, source="cli")


async def test_a_token_names_its_person() -> None:
    engine = Engine()
    await said(desk(engine), Credential(token=f"anna.{SECRET}"))
    assert engine.given[0].who == Who(identity="token:anna", verified=True, source="cli")


@pytest.mark.parametrize(
    "token",
    [f"anna.{SECRET}x", "anna.", f"bob.{SECRET}", SECRET, f"anna.{HASH}"],
    ids=["longer", "empty", "of another", "without a name", "its hash"],
)
async def test_a_wrong_token_is_nobody_not_even_the_unix_user_who_shows_it(token: str) -> None:
    engine = Engine()
    told = await said(desk(engine), Credential(token=token))
    assert told.unproved
    assert engine.given == []


async def test_a_token_whose_hash_was_only_saved_is_not_in_force() -> None:
    engine = Engine()
    told = await said(desk(engine, table(secret_hash("another"))), Credential(token=f"anna.{SECRET}"))
    assert "in force" in told.unproved
    assert engine.given == []


async def test_an_app_vouches_for_its_login_and_the_record_shows_both() -> None:
    engine = Engine()
    front_desk = desk(engine)
    secret = front_desk.secret_for("operations")
    await said(front_desk, Credential(app="operations", secret=secret, login="anna"))
    assert engine.given[0].who == Who(identity="login:anna", verified=True, source="cli", via="app:operations")


async def test_only_an_app_with_its_own_secret_of_this_start_vouches() -> None:
    engine = Engine()
    front_desk = desk(engine)
    old = front_desk.secret_for("operations")
    front_desk.secret_for("operations")
    for app, secret in (("operations", old), ("operations", ""), ("dashboards", old)):
        assert "no app of this desk" in (await said(front_desk, Credential(app=app, secret=secret, login="a"))).unproved
    assert engine.given == []


async def test_a_command_says_why() -> None:
    engine = Engine()
    assert "reason" in (await said(desk(engine), Credential(), CancelAll(who=CLAIM, reason=" "))).unproved
    assert engine.given == []


async def test_no_person_speaks_for_a_process() -> None:
    engine = Engine()
    body = RunnerStopped(strategy="trend", cause="raised", detail="", given_up=True)
    assert "processes of the desk" in (await said(desk(engine), Credential(), body)).unproved
    assert engine.given == []


async def test_a_strategy_is_nobody_though_it_runs_as_the_desk_s_user_and_whatever_it_shows() -> None:
    engine = Engine()
    for credential in (Credential(), Credential(token=f"anna.{SECRET}")):
        assert "a strategy asks" in (await said(desk(engine), credential, process=666)).unproved
    assert engine.given == []


async def test_what_waits_is_shown_to_whoever_is_named_and_to_nobody_else() -> None:
    front_desk = desk(Engine())
    named = await front_desk.answer(Ask(body=None, credential=Credential(token=f"anna.{SECRET}")), Peer(os.getuid(), 7))
    assert named.waiting == (WAITS,)
    for shown in (Credential(), Credential(token="anna.wrong"), Credential(app="x", secret="y", login="anna")):
        told = await front_desk.answer(Ask(body=None, credential=shown), Peer(os.getuid(), 7))
        assert told.unproved
        assert told.waiting == ()


async def test_an_engine_that_is_away_is_told() -> None:
    assert (await said(desk(Engine(away=True)), Credential())).problem == "no engine took it"


# ---- the guardian, and answers to alerts

MONITOR = 555


def alert_desk(engine: Engine, kept: list[tuple[AlertAnswer, Who]], people: People | None = None) -> FrontDesk:
    in_force = people or table()

    async def note(answer: AlertAnswer, who: Who) -> None:
        if engine.away:
            raise TransportError("the log is away")
        kept.append((answer, who))

    return FrontDesk(
        {"token:anna": HASH}, people=lambda: in_force, give=engine.give, is_strategy={666}.__contains__,
        waiting=lambda: (), is_monitor={MONITOR}.__contains__, note=note,
    )  # fmt: skip


def kill() -> Kill:
    return Kill(scope="book", name="", mode=KillMode.HALT_ENTRIES, who=CLAIM, reason="a test")


@pytest.mark.parametrize("shown", [Credential(), Credential(token=f"anna.{SECRET}")])
async def test_the_monitor_speaks_as_the_guardian_whatever_it_shows(shown: Credential) -> None:
    engine = Engine()
    assert await said(alert_desk(engine, []), shown, kill(), MONITOR) == Told(event=9)
    assert engine.given[0].who == Who(identity=GUARDIAN, verified=True, source="cli")


async def test_the_guardian_lets_go_of_nothing_and_approves_nothing() -> None:
    engine = Engine()
    desk = alert_desk(engine, [])
    for body in (
        Reopen(scope="book", name="", who=CLAIM, reason="a test"),
        EnableStrategy(strategy="trend", who=CLAIM, reason="a test"),
        ApproveChange(proposal="c0ffee", who=CLAIM, reason="a test"),
    ):
        told = await said(desk, Credential(token=f"anna.{SECRET}"), body, MONITOR)
        assert "may only tighten" in told.unproved
    assert engine.given == []


async def answered(desk: FrontDesk, deed: AlertDeed, process: int = 77, **changes: Any) -> Told:
    fields = {"deed": deed, "alert": "A7K2P9", "reason": "on it", "source": "cli", "seconds": 60.0} | changes
    token = Credential(token=f"anna.{SECRET}")
    return await desk.answer(Ask(body=None, credential=token, answer=AlertAnswer(**fields)), Peer(os.getuid(), process))


@pytest.mark.parametrize("deed", list(AlertDeed))
async def test_an_answer_to_an_alert_is_kept_under_the_name_that_was_proved(deed: AlertDeed) -> None:
    kept: list[tuple[AlertAnswer, Who]] = []
    assert await answered(alert_desk(Engine(), kept), deed) == Told()
    assert [(answer.deed, who.identity) for answer, who in kept] == [(deed, "token:anna")]


async def test_who_may_only_look_and_who_says_no_reason_answers_no_alert() -> None:
    kept: list[tuple[AlertAnswer, Who]] = []
    looks = Identity(identity="token:anna", person="anna", roles=(Role.VIEWER,), key=fingerprint(HASH))
    told = await answered(alert_desk(Engine(), kept, People(rows=(looks,))), AlertDeed.ACKNOWLEDGE)
    assert "takes role operator or quant or risk; this is token:anna, who is anna and has viewer" in told.refused
    assert "no reason" in (await answered(alert_desk(Engine(), kept), AlertDeed.SILENCE, reason=" ")).refused
    assert "a silence of 0 s" in (await answered(alert_desk(Engine(), kept), AlertDeed.SILENCE, seconds=0.0)).refused
    assert kept == []


@pytest.mark.parametrize("process", [666, MONITOR])
async def test_neither_a_strategy_nor_the_monitor_itself_answers_an_alert(process: int) -> None:
    kept: list[tuple[AlertAnswer, Who]] = []
    assert (await answered(alert_desk(Engine(), kept), AlertDeed.ACKNOWLEDGE, process)).unproved
    assert kept == []


async def test_an_answer_that_no_log_keeps_is_a_problem() -> None:
    assert "not kept" in (await answered(alert_desk(Engine(away=True), []), AlertDeed.ACKNOWLEDGE)).problem
