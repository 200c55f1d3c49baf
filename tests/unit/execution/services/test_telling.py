"""A channel that is dead, hangs or is full delays nobody; what it missed it gets when it is back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from execution.services import telling
from execution.services.telling import MOST_WAITING, Report, Teller
from toolkit.monitoring.channels import Channel
from toolkit.monitoring.messages import Desk, Message, News, digest

CHAT, PHONE = Channel(name="chat", address="json://secret"), Channel(name="phone", address="json://other")


def message(number: int) -> Message:
    return Message(title=f"m{number}", body="", severity="warning", news=News.FIRING, alerts=(f"A{number}",))


class World:
    """Takes messages until it is told not to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Message]] = []
        self.dead: set[str] = set()
        self.hangs: dict[str, Event] = {}
        self.reports: list[Report] = []
        self.teller = Teller(
            (CHAT, PHONE), self.send, lambda missed, dropped: digest(Desk(name="d", kind="paper"), missed, dropped)
        )

    def send(self, channel: Channel, message: Message) -> str:
        if channel.name in self.hangs:
            self.hangs[channel.name].wait(60)
        if channel.name in self.dead:
            return "refused"
        self.taken.append((channel.name, message))
        return ""

    def until(self, true: Callable[[], bool], seconds: float = 60.0) -> bool:
        deadline = time.monotonic() + seconds
        while not true():
            self.reports += self.teller.reports()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(telling, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(telling, "LONGEST_PAUSE", 0.05)
    made = World()
    yield made
    for event in made.hangs.values():
        event.set()
    made.teller.close()


def test_a_message_is_sent_and_reported(world: World) -> None:
    world.teller.tell("chat", message(1))
    assert world.until(lambda: bool(world.reports))
    assert world.taken == [("chat", message(1))]
    assert world.reports == [Report("chat", (message(1),), "")]


def test_a_dead_channel_delays_no_other_and_is_reported_with_what_it_missed(world: World) -> None:
    world.dead.add("chat")
    world.teller.tell("chat", message(1))
    world.teller.tell("phone", message(2))
    assert world.until(lambda: {report.channel for report in world.reports} == {"chat", "phone"})
    assert ("phone", message(2)) in world.taken
    assert next(report for report in world.reports if report.problem) == Report("chat", (message(1),), "refused")


def test_what_a_dead_channel_missed_it_gets_as_one_digest_when_it_is_back(world: World) -> None:
    world.dead.add("chat")
    for number in range(5):
        world.teller.tell("chat", message(number))
    assert world.until(lambda: bool(world.reports))
    world.dead.clear()
    assert world.until(lambda: any(not report.problem for report in world.reports))
    told = [each for _, each in world.taken]
    assert {alert for each in told for alert in each.alerts} == {f"A{number}" for number in range(5)}
    assert "5 messages were late" in told[0].title


def test_a_hanging_channel_is_reported_while_it_hangs_and_no_call_waits_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "HANGING_SECONDS", 0.1)
    world.hangs["chat"] = Event()
    world.teller.tell("chat", message(1))
    world.teller.tell("chat", message(2))
    for number in range(50):
        world.teller.tell("phone", message(number))
    assert ("chat", message(1)) not in world.taken, "it hangs still"
    assert world.until(lambda: any(report.channel == "chat" and report.problem for report in world.reports))
    of_chat = [report for report in world.reports if report.channel == "chat"]
    assert [report.messages for report in of_chat] == [(message(1), message(2))], "once"
    world.hangs["chat"].set()
    assert world.until(lambda: ("chat", message(2)) in world.taken)


def test_a_full_queue_drops_the_oldest_and_says_how_many(world: World) -> None:
    world.hangs["chat"] = Event()
    world.dead.add("chat")
    for number in range(MOST_WAITING + 50):
        world.teller.tell("chat", message(number))
    assert world.teller.waiting("chat") <= MOST_WAITING
    world.hangs["chat"].set()
    world.dead.clear()
    assert world.until(
        lambda: world.teller.waiting("chat") == 0 and any("were late" in each.title for _, each in world.taken)
    )
    told = [each for channel, each in world.taken if channel == "chat"]
    late = next(each for each in told if "were late" in each.title)
    dropped = int(late.title.split(": ")[1].split(" ")[0]) - len(late.alerts)
    assert dropped + len({alert for each in told for alert in each.alerts}) == MOST_WAITING + 50


def test_no_representation_of_a_channel_shows_its_address() -> None:
    assert "secret" not in repr(CHAT)
