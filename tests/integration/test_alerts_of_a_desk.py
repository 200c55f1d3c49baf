"""Alerts of a whole desk: a quiet one tells nobody anything, and a trial reaches a person."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from tests.tools.desk_kit import FAST, make_home
from tests.tools.webhook import Webhook
from tests.tools.whole_desk import Desk, running, until

pytestmark = pytest.mark.integration
QUIET_SECONDS = 5.0


@pytest.fixture(scope="module")
def hook() -> Iterator[Webhook]:
    with Webhook() as listening:
        yield listening


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, hook: Webhook) -> Iterator[Desk]:
    changes = {**FAST, "monitor": {"enabled": True}}
    home = make_home(tmp_path_factory.mktemp("alarming"), changes)
    with running(home.root, EXECUTION_ALERTS_DESK=hook.address) as desk:
        yield desk
    assert [title for title in hook.titles() if "trading_halted" in title] == [], "to go down as told is no news"


def is_of_the_machine(words: str) -> bool:
    """What this machine's disk has room for is no matter of the desk's."""
    return "disk_" in words


def test_a_desk_that_is_well_tells_nobody_anything(desk: Desk, hook: Webhook) -> None:
    time.sleep(QUIET_SECONDS)
    assert [title for title in hook.titles() if not is_of_the_machine(title)] == []
    assert [
        alert["rule"] for alert in desk.json("alerts", "list")["open"] if not is_of_the_machine(alert["rule"])
    ] == []


def test_every_process_that_can_fall_silent_is_heard(desk: Desk) -> None:
    """A runner tells the supervisor alone, which passes it on."""
    begun = time.time()
    names = ("engine", "listener", "archiver", "runner-trend", "runner-quoting", "runner-mean_reversion")
    assert until(lambda: all(heard(desk, name) > begun for name in names)), {name: heard(desk, name) for name in names}


def heard(desk: Desk, process: str) -> float:
    """When the monitor last knew of a beat, 0 for never."""
    with urlopen(desk.process("monitor").address, timeout=60) as answer:
        page = answer.read().decode()
    found = page.partition(f'quarterdeck_process_beat_timestamp_seconds{{process="{process}"}}')[2].split()
    return float(found[0]) if found else 0.0


def test_a_trial_reaches_a_person_marked_as_one(desk: Desk, hook: Webhook) -> None:
    answer = desk.run("monitoring", "fire", "order_late", "--reason", "is it me")
    assert answer.returncode == 0, answer.stderr
    assert until(lambda: any("trial_of_order_late" in title for title in hook.titles()))
    message = next(message for _, message in hook.taken if "trial_of_order_late" in message["title"])
    assert "TRIAL of order_late by" in message["message"]
    assert "runbooks/order-late.md" in message["message"]
    (alert,) = [each for each in desk.json("alerts", "list")["open"] if each["rule"] == "trial_of_order_late"]
    assert alert["action"] == ""
