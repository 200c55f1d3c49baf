"""The kill switch where it is needed: engine alive, hung, dead, journal dead, a venue that is slow, refuses, is gone.

The venue's own word and its own ledger are the proof; each story runs on real processes.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from execution.commands.exits import Exit
from execution.services.venue_drill import SetBehaviour
from tests.benchmarks.bench_desk import STRATEGY
from tests.tools.desk_kit import PATIENCE
from tests.tools.kill_kit import FAR, KillDesk, kill_desk
from tests.tools.truth import venue_took
from toolkit.adapters.lifeboat import Lifeboat
from toolkit.client import killing, stopping
from toolkit.client.killing import Killed
from toolkit.client.stopping import Leftover
from toolkit.client.taken_book import EngineHolds, taken_book
from toolkit.domain.commands import EnableStrategy, Kill, KillMode, Reopen
from toolkit.domain.events import OrderRejected
from toolkit.domain.orders import Side, Status, TradingState
from toolkit.domain.requests import RejectReason
from toolkit.simulation.surprises import RefuseCancels

pytestmark = pytest.mark.faults

QUARANTINE = 0.5
SCOPES = {"book": "book:", "venue": "venue:paper", "strategy": f"strategy:{STRATEGY}"}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that lives is waited for, however busy the machine; what goes past one has tests of its own."""
    monkeypatch.setattr(killing, "ENGINE_SECONDS", 60.0)
    monkeypatch.setattr(killing, "BOOKS_SECONDS", 60.0)


async def thrown(desk: KillDesk, scope: str = "book", mode: KillMode = KillMode.HALT_ENTRIES) -> Killed:
    """A kill with both of its proofs."""
    killed = await asyncio.to_thread(desk.switch.throw, desk.wish(scope, mode))
    return await asyncio.to_thread(desk.switch.confirm, killed, QUARANTINE)


@pytest.mark.usefixtures("patient")
async def test_through_the_engine_scope_after_scope_and_a_person_lets_go_of_each() -> None:
    async with kill_desk() as desk:
        await desk.hold(10, stop=9_500)
        for scope, state in SCOPES.items():
            await desk.rest(3)
            killed = await thrown(desk, scope)
            assert (killed.verified, killed.past_engine) == (True, "")
            assert killed.event
            assert desk.classes() == ["protective"]
            assert killed.unprotected == ()
            await desk.kit.caught_up()
            assert desk.kit.ledger.states[state] == {"kill": TradingState.HALTED}
            who, reason = desk.wish().who, "looked at it"
            name = desk.wish(scope).name
            let_go = (
                EnableStrategy(strategy=name, who=who, reason=reason) if scope == "strategy"
                else Reopen(scope=scope, name=name, who=who, reason=reason)
            )  # fmt: skip
            assert "person" in (await desk.kit.line.give(let_go, PATIENCE)).refused
            await desk.reopen(scope)
            await desk.kit.caught_up()
            assert desk.kit.ledger.states == {}
        assert (await thrown(desk, mode=KillMode.CANCEL_ALL)).unprotected == (f"{STRATEGY} holds ALPHA +10",)
        assert desk.at_venue() == ()


@pytest.mark.chaos
async def test_a_flatten_is_a_second_step_and_ends_flat(capsys: pytest.CaptureFixture[str]) -> None:
    async with kill_desk() as desk:
        await desk.hold(10, stop=9_500)
        await desk.rest(2)
        assert await desk.command(flatten=True) == Exit.DONE
        said = json.loads(capsys.readouterr().out)
        assert (said["verified"], said["position"], said["unprotected"], desk.at_venue()) == (True, "", [], ())
        assert dict(desk.kit.venue().positions) == {}


@pytest.mark.parametrize("by", [KillDesk.flatten, pytest.param(KillDesk.disable, marks=pytest.mark.chaos)])
async def test_a_flatten_without_an_engine_goes_straight_to_the_venue_and_the_next_engine_knows_whose_it_was(
    capsys: pytest.CaptureFixture[str], by: Callable[[KillDesk], Awaitable[Exit]]
) -> None:
    async with kill_desk() as desk:
        await desk.hold(10, stop=9_500)
        await desk.rest(2)
        desk.kill_process("engine")
        assert await by(desk) == Exit.DONE
        said = json.loads(capsys.readouterr().out)
        assert (said["verified"], said["journaled"], said["position"]) == (True, False, "")
        assert (dict(desk.kit.venue().positions), desk.at_venue()) == ({}, ())
        (left,) = Lifeboat(desk.kit.home.book(desk.book) / "lifeboat").flattens
        assert (left.order.strategy, left.order.quantity, left.who.identity) == (STRATEGY, 10, desk.wish().who.identity)
        assert await desk.command(flatten=True) == Exit.DONE, "a second time there is nothing to close"
        desk.kit.launch("engine")
        await desk.kit.until(lambda: desk.kit.ledger.epoch > 1 and not desk.kit.ledger.open_orders())
        order = desk.kit.ledger.order(left.order.order_id)
        assert order is not None
        assert (order.status, order.strategy) == (Status.FILLED, STRATEGY)
        assert desk.kit.ledger.position(STRATEGY, left.order.instrument).lots == 0
        assert not desk.kit.ledger.position("house", left.order.instrument).lots


async def test_a_book_is_flattened_by_one_hand_an_engine_that_wakes_finds_itself_fenced(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with kill_desk() as desk:
        await desk.hold(10)
        with pytest.raises(EngineHolds, match="lives"), taken_book(desk.kit.home, desk.book, "a test"):
            pass
        desk.send_signal("engine", signal.SIGSTOP)
        with taken_book(desk.kit.home, desk.book, "a test"):
            assert await desk.command(flatten=True) == Exit.LEFT, "somebody else is at it"
        assert dict(desk.kit.venue().positions) == {"ALPHA": 10}
        capsys.readouterr()
        assert await desk.disable() == Exit.DONE, "with the engine hung it is handed to the kill switch"
        said = json.loads(capsys.readouterr().out)
        assert (said["verified"], said["scope"], said["name"], said["position"]) == (True, "strategy", STRATEGY, "")
        engine = desk.kit.processes["engine"]
        desk.send_signal("engine", signal.SIGCONT)
        assert await asyncio.to_thread(engine.wait, PATIENCE) != 0
        assert dict(desk.kit.venue().positions) == {}
        desk.kit.processes.pop("engine")


async def test_over_what_books_and_venue_do_not_agree_on_only_a_persons_word_flattens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with kill_desk() as desk:
        await desk.hold(10)
        desk.kill_process("engine")
        desk.arrive_late(market=True)  # 3 more, of which no book knows
        assert await desk.command(flatten=True) == Exit.LEFT
        said = json.loads(capsys.readouterr().out)["position"]
        assert "the venue holds +13 lots, the books say +10" in said
        assert dict(desk.kit.venue().positions) == {"ALPHA": 13}
        assert await desk.command(flatten=True, accept_unknown=True) == Exit.DONE
        assert dict(desk.kit.venue().positions) == {}
        left = Lifeboat(desk.kit.home.book(desk.book) / "lifeboat").flattens
        assert [(each.order.strategy, each.order.quantity) for each in left] == [(STRATEGY, 10), ("manual", 3)]


@pytest.mark.parametrize("number", [signal.SIGSTOP, pytest.param(signal.SIGKILL, marks=pytest.mark.chaos)])
async def test_with_the_engine_hung_or_dead_the_venue_is_asked_past_it_and_the_next_engine_knows(
    number: signal.Signals,
) -> None:
    async with kill_desk() as desk:
        await desk.hold(10)
        await desk.rest(5)
        desk.send_signal("engine", number)
        killed = await thrown(desk)
        assert (killed.verified, desk.at_venue()) == (True, ())
        assert (killed.event, "no engine took" in killed.past_engine) == (0, True)
        assert killed.unprotected == (f"{STRATEGY} holds ALPHA +10",)
        assert len(Lifeboat(desk.kit.home.book(desk.book) / "lifeboat").cancels) == 5
        desk.kill_process("engine")
        await desk.order(Side.BUY, 1, FAR)  # what a runner still asked for
        desk.kit.launch("engine")
        await desk.kit.until(lambda: desk.kit.ledger.states.get("book:", {}) == {"kill": TradingState.HALTED})
        await desk.kit.until(lambda: not desk.kit.ledger.open_orders())
        assert desk.at_venue() == ()


async def test_with_the_journal_dead_the_latch_holds_and_the_author_gets_into_the_books_later() -> None:
    async with kill_desk() as desk:
        await desk.rest(5)
        desk.kill_journal()
        killed = await thrown(desk, "strategy")
        assert (killed.verified, killed.event, desk.at_venue()) == (True, 0, ())
        assert await desk.kit.ends("engine") != 0
        await asyncio.to_thread(desk.kit.line.start_servers)
        desk.kit.launch("engine")
        await desk.kit.until(lambda: desk.kit.ledger.epoch == 2)
        await desk.kit.until(lambda: not desk.kit.ledger.open_orders())
        assert await desk.journal_what_the_latch_says() == [desk.wish("strategy")]
        await desk.kit.caught_up()
        assert desk.kit.ledger.states[SCOPES["strategy"]] == {"kill": TradingState.HALTED}
        assert await desk.journal_what_the_latch_says() == []


async def test_an_order_that_was_appended_and_not_yet_sent_does_not_leave_after_the_kill() -> None:
    """The engine stands between journal and line when the kill comes, and goes on afterwards."""
    async with kill_desk() as desk:
        await desk.rest(1)
        before = len(venue_took(desk.kit))
        await hold_before_sending(desk, 7)
        killed = await thrown(desk)
        assert (killed.verified, desk.at_venue()) == (True, ())
        desk.send_signal("engine", signal.SIGCONT)
        await desk.kit.until(lambda: not desk.kit.ledger.open_orders())
        dropped = [event for batch in desk.kit.batches for event in batch.events if isinstance(event, OrderRejected)]
        assert [event.reason for event in dropped] == [RejectReason.NOT_SENT]
        assert [took.client for took in venue_took(desk.kit)[before:]] == ["operator"], "nothing but our cancel arrived"


async def hold_before_sending(desk: KillDesk, quantity: int) -> None:
    """Order, and stop the engine with that in the journal and not yet at the venue; other batches pass there too."""
    place = "after_mirror_before_send:stop"
    desk.kit.arm("engine", place)
    await desk.order(Side.BUY, quantity, FAR)
    while True:
        await desk.kit.until_stopped("engine")
        await desk.kit.caught_up()
        if any(order.quantity == quantity for order in desk.kit.ledger.open_orders()):
            return
        desk.kit.arm("engine", place)
        desk.send_signal("engine", signal.SIGCONT)


@pytest.mark.usefixtures("patient")
async def test_orders_that_race_with_the_kill_are_gone_or_named_and_none_leaves_after_it() -> None:
    async with kill_desk() as desk:
        stop = asyncio.Event()

        async def keep_asking() -> None:
            while not stop.is_set():
                await desk.order(Side.BUY, 1, FAR)

        asking = asyncio.create_task(keep_asking())
        await desk.kit.until(lambda: len(desk.at_venue()) > 20)
        killed = await thrown(desk)
        stop.set()
        await asking
        await asyncio.sleep(0.3)
        assert (killed.verified, desk.at_venue()) == (True, ())


@pytest.mark.usefixtures("patient")
async def test_a_fill_after_the_kill_changes_the_books() -> None:
    async with kill_desk() as desk:
        desk.script(SetBehaviour(mute=("filled",)))
        await desk.order(Side.BUY, 4)
        await desk.kit.until(lambda: dict(desk.kit.venue().positions).get("ALPHA") == 4)
        killed = await asyncio.to_thread(desk.switch.throw, desk.wish())
        desk.script(SetBehaviour())
        killed = await asyncio.to_thread(desk.switch.confirm, killed, QUARANTINE)
        assert any("ALPHA +4" in line for line in killed.unprotected), killed
        await desk.kit.until(lambda: desk.kit.ledger.position(STRATEGY, "ALPHA").lots == 4)


@pytest.mark.usefixtures("patient")
async def test_a_slow_venue_is_waited_for() -> None:
    async with kill_desk() as desk:
        await desk.rest(4)
        desk.script(SetBehaviour(delay=0.4, pause=0.2))
        killed = await thrown(desk)
        assert killed.verified
        assert desk.at_venue() == ()


async def test_an_order_that_the_venue_will_not_cancel_is_named_in_the_exit(capsys: pytest.CaptureFixture[str]) -> None:
    async with kill_desk() as desk:
        await desk.rest(3)
        stubborn = desk.at_venue()[1].order_id
        desk.script(RefuseCancels(count=1_000, order_id=stubborn))
        assert await desk.command() == Exit.LEFT
        said = json.loads(capsys.readouterr().out)
        assert [stubborn in line for line in said["left"]] == [True]
        assert (said["verified"], [order.order_id for order in desk.at_venue()]) == (False, [stubborn])


async def test_a_venue_that_is_gone_is_a_non_zero_exit_that_says_what_is_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with kill_desk() as desk:
        await desk.hold(10)
        await desk.rest(2)
        await desk.kit.caught_up()
        desk.kill_process("venue-paper")
        assert await desk.command() == Exit.LEFT
        said = json.loads(capsys.readouterr().out)
        assert (said["verified"], said["silent"]) == (False, ["paper"])
        assert len([line for line in said["unknown"] if "entry" in line]) == 2
        assert "paper: position ALPHA +10 lots by the books" in said["unknown"]


async def test_what_appears_at_the_venue_within_the_quarantine_is_cancelled_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An order that was on the wire when the first look came."""
    async with kill_desk() as desk:
        await desk.rest(1)
        desk.send_signal("engine", signal.SIGSTOP)
        killed = await asyncio.to_thread(desk.switch.throw, desk.wish())
        assert killed.left.clean
        looks = 0

        def look(*asked: Any) -> Leftover:
            nonlocal looks
            looks += 1
            found = stopping.look(*asked)
            if looks == 1:
                desk.arrive_late()
            return found

        monkeypatch.setattr(killing, "look", look)
        killed = await asyncio.to_thread(desk.switch.confirm, killed, 3.0)
        assert (killed.verified, desk.at_venue()) == (True, ())
        desk.send_signal("engine", signal.SIGCONT)


@pytest.mark.chaos
async def test_a_kill_that_waits_for_the_journal_is_over_when_a_person_lets_go() -> None:
    async with kill_desk() as desk:
        desk.send_signal("engine", signal.SIGSTOP)
        assert (await thrown(desk)).verified
        desk.send_signal("engine", signal.SIGCONT)
        await desk.kit.until(lambda: "book:" in desk.kit.ledger.states)
        await desk.reopen("book")
        await desk.kit.until(lambda: "book:" not in desk.kit.ledger.states)
        found = await desk.journal_what_the_latch_says()
        assert not [command for command in found if isinstance(command, Kill)]
        await desk.rest(1)
