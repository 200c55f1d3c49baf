"""An alert stops what it is about, with the engine alive, hung and dead; channels that fail delay none of it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from execution.services import telling
from execution.services.alerting import CHANNEL_SILENT
from execution.services.guardian import ASKED
from execution.wiring.alerts import Alerts
from execution.wiring.front_desk import Door
from tests.benchmarks.bench_desk import STRATEGY
from tests.tools.alert_kit import rule
from tests.tools.desk_kit import DeskKit
from tests.tools.kill_kit import KillDesk, kill_desk
from tests.tools.webhook import Webhook
from toolkit.adapters import notifications
from toolkit.client import emergency
from toolkit.client.alert_lines import AlertLines
from toolkit.client.books import Books
from toolkit.client.commands import answer_alert
from toolkit.domain.alerts import AlertAnswer, AlertDeed
from toolkit.domain.events import TradingStateChanged
from toolkit.domain.people import GUARDIAN
from toolkit.domain.time import WallTime
from toolkit.monitoring.alert_book import Alert, AlertState, book_of
from toolkit.monitoring.channels import Channel, Telling
from toolkit.monitoring.evaluation import Firing
from toolkit.monitoring.rules import Action

pytestmark = pytest.mark.faults

RULES = {
    Action.HALT_ENTRIES: rule("rejects", action=Action.HALT_ENTRIES, channels=("chat", "phone"), by=("venue",)),
    Action.DISABLE: rule("diverges", action=Action.DISABLE, channels=("chat", "phone")),
    Action.KILL: rule("engine_silent", action=Action.KILL, channels=("chat", "phone"), by=()),
}
SLOW = 20.0
"""Seconds. Who waits for a channel that hangs waits for longer here; a busy machine takes no look so long."""
SCOPES = {Action.HALT_ENTRIES: (("venue", "paper"),), Action.DISABLE: (("strategy", STRATEGY),), Action.KILL: ()}


class Post:
    """A desk whose alerts the test fires; `look` is what a monitor does four times a second."""

    def __init__(self, desk: KillDesk, *hooks: Webhook) -> None:
        self.desk = desk
        self.firing: list[Firing] = []
        channels = tuple(
            Channel(name=name, address=hook.address) for name, hook in zip(("chat", "phone"), hooks, strict=False)
        )
        self.alerts = Alerts(
            desk.kit.home, desk.kit.settings, list(RULES.values()),
            Telling(channels=channels, heartbeat=hooks[0].page, heartbeat_every=0.1), ledger=lambda: desk.kit.ledger,
            wall=lambda: WallTime(time.time_ns()), say=print, user="operator",
        )  # fmt: skip
        self.slowest = 0.0
        self.meanwhile = 0

    def fire(self, action: Action) -> None:
        now = WallTime(time.time_ns())
        self.firing.append(Firing(rule=RULES[action], scope=SCOPES[action], value=6.1, threshold=5.0, since=now))

    async def until(self, true: Callable[[], bool], seconds: float = 90.0) -> None:
        """Look until it is so."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, self.alerts.desk.book.history
            began = time.monotonic()
            self.meanwhile += any(ASKED in alert.action for alert in self.alerts.desk.book.open)
            self.alerts.take(self.firing, WallTime(time.time_ns()), journal_read=True)
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(0.02)

    def open(self, action: Action) -> Alert:
        found = self.alerts.desk.book.open_in(RULES[action].name, SCOPES[action])
        assert found is not None
        return found

    def done(self, action: Action) -> bool:
        found = self.alerts.desk.book.open_in(RULES[action].name, SCOPES[action])
        return found is not None and bool(found.action) and ASKED not in found.action


def door_knows_the_monitor(kit: DeskKit) -> Door:
    """A front desk for which this very process is the monitor."""
    process: Any = SimpleNamespace(pid=os.getpid(), specification=SimpleNamespace(kind="monitor"))
    return Door(kit.home, kit.settings, kit.line, {"monitor": process})


async def test_an_alert_halts_entries_as_the_guardian_and_tells_what_was_done() -> None:
    with Webhook() as chat, Webhook() as phone:
        async with kill_desk(door=door_knows_the_monitor) as desk:
            post = Post(desk, chat, phone)
            await desk.hold(10, stop=9_500)
            await desk.rest(3)
            post.fire(Action.HALT_ENTRIES)
            await post.until(lambda: post.done(Action.HALT_ENTRIES) and len(chat.taken) >= 2 and bool(chat.called))
            assert (
                "entries of venue paper are halted: proven at the venues (event "
                in post.open(Action.HALT_ENTRIES).action
            )
            assert desk.classes() == ["protective"]
            await desk.kit.caught_up()
            (change,) = [
                each for batch in Books(home=desk.kit.home, book=desk.book).batches() for each in batch.events
                if isinstance(each, TradingStateChanged) and each.cause == "kill"
            ]  # fmt: skip
            assert (change.who.identity, change.who.verified) == (GUARDIAN, True)
            assert "alert " in change.reason
            assert "6.1 s > 5 s" in change.reason
            assert "action: entries of venue paper are halted (asked for)" in chat.taken[0][1]["message"]
            assert "proven at the venues" in chat.taken[1][1]["message"]

            post.fire(Action.DISABLE)  # a strategy at that venue: it began after the halt, which may be the cause
            await post.until(lambda: post.done(Action.DISABLE))
            assert post.open(Action.DISABLE).action == "waits: venue paper had a command less than 60 s ago"
            post.alerts.close()

            kept = book_of(AlertLines(Books(home=desk.kit.home, book=desk.book)).new())
            assert {alert.rule for alert in kept.open} == {"rejects", "diverges"}


async def test_a_person_answers_through_the_front_desk_and_a_dead_channel_is_passed_over() -> None:
    with Webhook() as chat, Webhook() as phone:
        async with kill_desk() as desk:
            post = Post(desk, chat, phone)
            chat.refuses = True
            post.fire(Action.DISABLE)
            await post.until(lambda: len(phone.taken) >= 1)
            assert any("diverges" in title for title in phone.titles())
            await post.until(lambda: post.done(Action.DISABLE))
            assert f"strategy {STRATEGY} is disabled: proven at the venues (event " in post.open(Action.DISABLE).action
            await post.until(lambda: any(CHANNEL_SILENT in title for title in phone.titles()))
            alert = post.open(Action.DISABLE)
            said = AlertAnswer(deed=AlertDeed.ACKNOWLEDGE, alert=alert.id, reason="on it", source="test")
            await asyncio.to_thread(answer_alert, desk.kit.home, said)
            await post.until(lambda: post.open(Action.DISABLE).state is AlertState.ACKNOWLEDGED)
            assert post.open(Action.DISABLE).by.startswith("unix:")
            chat.refuses = False
            await post.until(lambda: any("late" in title or "diverges" in title for title in chat.titles()))
            post.alerts.close()
            assert post.slowest < SLOW, "no look waited for a channel"


async def test_with_the_engine_hung_and_then_redis_dead_the_latch_is_shut_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(telling, "HANGING_SECONDS", 1.0)
    monkeypatch.setattr(notifications, "ANSWER_SECONDS", 3 * SLOW)
    with Webhook() as chat, Webhook() as phone:
        async with kill_desk(door=door_knows_the_monitor) as desk:
            post = Post(desk, chat, phone)
            await desk.rest(2)
            chat.hang()
            desk.send_signal("engine", signal.SIGSTOP)
            try:
                post.fire(Action.HALT_ENTRIES)
                await post.until(lambda: "venue:paper" in emergency.shut_rows(desk.kit.home, desk.book))
                await post.until(lambda: post.done(Action.HALT_ENTRIES))
                assert post.meanwhile, "no look waited for the command to the engine that hangs"
            finally:
                desk.send_signal("engine", signal.SIGCONT)
            assert desk.at_venue() == ()
            desk.kill_journal()
            post.firing.clear()
            post.fire(Action.KILL)
            # It began within a minute after the guardian's own halt of the venue: told, and not acted on yet.
            await post.until(lambda: post.done(Action.KILL) and any("engine_silent" in each for each in phone.titles()))
            assert post.slowest < SLOW, "no look waited for a channel"
            post.alerts.close()


async def test_with_redis_dead_an_alert_kills_past_the_engine() -> None:
    with Webhook() as chat:
        async with kill_desk(door=door_knows_the_monitor) as desk:
            post = Post(desk, chat)
            await desk.rest(2)
            await post.until(lambda: bool(chat.called))
            desk.kill_journal()
            post.fire(Action.KILL)
            await post.until(lambda: "book" in emergency.shut_rows(desk.kit.home, desk.book))
            await post.until(lambda: post.done(Action.KILL) and len(chat.taken) >= 2)
            assert "the whole book is killed, all cancelled" in post.open(Action.KILL).action
            assert desk.at_venue() == ()
            assert [kill.who.identity for kill in emergency.waiting_kills(desk.kit.home, desk.book)] == [GUARDIAN]
            post.alerts.close()
