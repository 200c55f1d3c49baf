"""Alerts of a whole desk: its monitor finds what really went wrong, tells people and hears them, and nobody waits.

One desk for all of it, since its start takes longest; each test leaves it as it was.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from tests.tools.servers_kit import administrator, nearly_full
from tests.tools.webhook import Webhook
from tests.tools.whole_desk import PATIENCE, Desk, until
from toolkit.adapters.blocking_redis import BlockingLine
from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.server_access import ServerRole
from toolkit.client.home import Home

pytestmark = pytest.mark.integration


class Watched:
    """A desk whose channels are two webhooks."""

    def __init__(self, desk: Desk, chat: Webhook, phone: Webhook) -> None:
        self.desk, self.chat, self.phone = desk, chat, phone

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.desk.json("alerts", "list")["open"]
        return found

    def told(self, alert: str) -> Callable[[], bool]:
        return lambda: any(f" {alert}" in title for title in self.chat.titles())

    def event(self) -> int:
        return int(self.desk.json("status")["as_of"]["event"])


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with Webhook() as chat, Webhook() as phone:
        desk = Desk(tmp_path_factory.mktemp("alerts") / "desk")
        desk.home.mkdir()
        assert desk.run("init", str(desk.home)).returncode == 0
        path = desk.home / "config" / "desk.yaml"
        settings = yaml.safe_load(path.read_text())
        settings["supervision"]["hung_after_seconds"] = 600  # so that what is stopped here is not started again
        settings["supervision"]["give_up_after"] = 2
        settings["feed"]["session_seconds"] = 1.0
        path.write_text(yaml.safe_dump(settings))
        answer = desk.run(
            "up", "-d", EXECUTION_ALERTS_DESK=chat.address, EXECUTION_ALERTS_PHONE=phone.address,
            EXECUTION_HEARTBEAT=chat.page,
        )  # fmt: skip
        try:
            assert answer.returncode == 0, answer.stderr
            yield Watched(desk, chat, phone)
        finally:
            desk.run("down")


def test_an_engine_that_hangs_is_told_acknowledged_by_a_person_and_remembered_by_the_next_monitor(
    watched: Watched,
) -> None:
    assert until(lambda: bool(watched.chat.called)), "the heartbeat address is called while all is well"
    assert "engine_silent" not in {alert["rule"] for alert in watched.alerts()}
    engine = watched.desk.process("engine").pid
    os.kill(engine, signal.SIGSTOP)
    try:
        assert until(watched.told("engine_silent"))
        (alert,) = [each for each in watched.alerts() if each["rule"] == "engine_silent"]
        answer = watched.desk.run("alerts", "ack", alert["id"][:4], "--reason", "on it")
        assert answer.returncode == 0, answer.stderr
        beats = len(watched.chat.called)
        os.kill(watched.desk.process("monitor").pid, signal.SIGKILL)
        assert until(lambda: len(watched.chat.called) > beats), "the next monitor looks, and says that it lives"
        (found,) = [each for each in watched.alerts() if each["rule"] == "engine_silent"]
        assert (found["id"], found["state"], found["reason"]) == (alert["id"], "acknowledged", "on it")
        assert found["by"].startswith("unix:")
    finally:
        os.kill(engine, signal.SIGCONT)
    assert [title for title in watched.chat.titles() if "engine_silent" in title and "resolved" not in title] != []
    assert len({json.dumps(m["title"]) for _, m in watched.chat.taken if "CRITICAL engine_silent" in m["title"]}) == 1


def test_a_monitor_that_is_stopped_delays_no_order(watched: Watched) -> None:
    monitor = watched.desk.process("monitor").pid
    os.kill(monitor, signal.SIGSTOP)
    try:
        before = watched.event()
        assert until(lambda: watched.event() > before + 20), "the desk trades on"
    finally:
        os.kill(monitor, signal.SIGCONT)


def test_a_slip_and_a_missing_reason_are_answered_with_what_to_do(watched: Watched) -> None:
    answer = watched.desk.run("alerts", "ack", "nosuch", "--reason", "x")
    assert answer.returncode == 2
    assert "no alert 'nosuch'" in answer.stderr
    assert watched.desk.run("alerts", "ack", "nosuch").returncode == 2
    assert watched.desk.run("alerts", "silence", "nosuch", "--for", "forever", "--reason", "x").returncode == 2


def test_what_goes_wrong_beside_the_books_is_told_by_its_name_and_is_over_when_it_is_mended(watched: Watched) -> None:
    """All of it at once, since each takes its time: who hangs, who dies and dies again, a file, a server that fills."""
    desk = watched.desk
    limits = desk.home / "config" / "limits.yaml"
    sound = limits.read_text()
    hangs = desk.process("runner-quoting").pid
    os.kill(hangs, signal.SIGSTOP)
    try:
        with administrator_of_bus(desk) as line, nearly_full(line, 64 * 2**20):
            for _ in range(2):
                dies(desk, "runner-mean_reversion")
            assert until(lambda: desk.process("runner-mean_reversion").state == "given up")
            for _ in range(3):
                dies(desk, "archiver")
            assert until(lambda: desk.process("archiver").state == "running")
            limits.write_text("limits: [")  # who starts anew goes by the files as this desk read them at its start
            wrong = {
                "runner_silent": "runner-quoting", "process_given_up": "runner-mean_reversion",
                "process_down": "runner-mean_reversion", "process_restarts": "archiver", "server_memory": "bus",
                "desk_problem": "desk",
            }  # fmt: skip
            found: set[tuple[str, str]] = set()
            assert until(lambda: bool(found.update(firing(watched))) or wrong.items() <= found), found
            assert until(lambda: all(watched.told(alert)() for alert in wrong.keys() - {"process_down"}))
            down = [title for title in watched.chat.titles() if " process_down" in title and "mean_reversion" in title]
            assert down == [], "it was said already that nobody starts it again"
    finally:
        os.kill(hangs, signal.SIGCONT)
        limits.write_text(sound)
    assert desk.run("restart", "runner-mean_reversion", "--reason", "mended").returncode == 0
    over = wrong.items() - {("process_restarts", "archiver")}  # for ten minutes
    assert until(lambda: not over & firing(watched)), firing(watched)


def firing(watched: Watched) -> set[tuple[str, str]]:
    """What fires, and the last word of where."""
    return {(alert["rule"], alert["where"].rpartition(" ")[2]) for alert in watched.alerts()}


def dies(desk: Desk, name: str) -> None:
    """A process that runs, and its supervisor knows of it."""
    assert until(lambda: desk.process(name).state == "running")
    process = desk.process(name)
    os.kill(process.pid, signal.SIGKILL)
    assert until(lambda: desk.process(name).restarts > process.restarts)


@contextmanager
def administrator_of_bus(desk: Desk) -> Iterator[BlockingLine]:
    home = Home(desk.home)
    servers = EmbeddedServers(home.run, home.servers, home.logs, books=("paper",))
    with administrator(servers, ServerRole.BUS, PATIENCE) as line:
        yield line


def test_a_rule_that_is_saved_is_watched_and_its_command_is_the_guardians(watched: Watched) -> None:
    """Nobody restarts anything: the disk has as little room as the file now says is too little."""
    path = watched.desk.home / "config" / "monitoring.yaml"
    text = path.read_text()
    old = "below: 500000000, clear: 1000000000}]\n    severity: critical\n"
    assert old in text
    path.write_text(
        text.replace(
            old, "below: 900000000000000, clear: 950000000000000}]\n    severity: critical\n    action: kill\n"
        )
    )
    assert until(watched.told("disk_full"))
    assert until(lambda: any("whole book is killed" in message["message"] for _, message in watched.chat.taken))

    def by_the_guardian() -> list[dict[str, Any]]:
        return [line for line in watched.desk.json("changelog", "--who", "system:guardian") if line["kind"] == "states"]

    assert until(lambda: bool(by_the_guardian()))
    line = by_the_guardian()[0]
    assert (line["verified"], line["after"]) == (True, "HALTED")
    assert "disk_full" in line["reason"]
    assert "book" in watched.desk.json("status")["latch_shut"]
    answer = watched.desk.run("reopen", "book", "--reason", "there is room")
    assert answer.returncode == 0, answer.stderr
