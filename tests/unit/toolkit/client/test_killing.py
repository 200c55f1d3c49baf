"""A kill reads the books only when it must know whose an order is: a long journal takes longer than a kill."""

from pathlib import Path
from threading import Event
from typing import Any

import pytest

from toolkit.client import killing
from toolkit.client.commands import Outcome
from toolkit.client.home import Home
from toolkit.client.killing import Concerns, Killed, KillSwitch
from toolkit.client.stopping import Leftover
from toolkit.domain.commands import Kill, KillMode, Who
from toolkit.domain.errors import TransportError
from toolkit.domain.orders import OrderClass, Side
from toolkit.domain.requests import VenueOrder
from toolkit.replica.replica import Replica

RESTING = VenueOrder(
    order_id="X", venue_order_id="V", instrument="AAPL", side=Side.BUY, quantity=1, filled=0, price=1,
    order_class=OrderClass.ENTRY,
)  # fmt: skip
WISH = Kill(
    scope="strategy", name="trend", mode=KillMode.HALT_ENTRIES, who=Who(identity="unix:a", verified=True, source="cli"),
    reason="a test",
)  # fmt: skip


class Books:
    def __init__(self) -> None:
        self.reads = 0
        self.read_once = Event()

    def read(self) -> Replica | None:
        self.reads += 1
        self.read_once.set()
        return None


def test_all_orders_concern_a_kill_of_all_and_nothing_is_read() -> None:
    books = Books()
    concerns = Concerns(None, books.read)
    concerns.begin()
    assert concerns(RESTING)
    assert books.reads == 0


def test_of_one_strategy_they_are_read_once_when_an_order_rests() -> None:
    books = Books()
    concerns = Concerns("trend", books.read)
    assert books.reads == 0
    assert concerns(RESTING), "nobody knows whose it is, so it may be anybody's"
    assert concerns(RESTING)
    assert books.reads == 1


@pytest.mark.parametrize("dawdles", [False, True], ids=["an engine that is there", "one that dawdles"])
def test_an_engine_that_answers_at_once_costs_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dawdles: bool
) -> None:
    books = Books()
    switch = KillSwitch(Home(tmp_path), "paper", ("paper",))
    Home(tmp_path).prepare()

    def answers(self: KillSwitch, kill: Kill, patience: float) -> Outcome:
        assert not dawdles or books.read_once.wait(60)
        return Outcome(7, "")

    def looked(*_: Any, **__: Any) -> Leftover:
        return Leftover()

    monkeypatch.setattr(killing, "AT_ONCE_SECONDS", 0.05 if dawdles else 60.0)  # a busy machine is no engine that does
    monkeypatch.setattr(killing, "ENGINE_SECONDS", 120.0)
    monkeypatch.setattr(KillSwitch, "_ask", answers)
    monkeypatch.setattr(KillSwitch, "_books", lambda _: books.read())
    monkeypatch.setattr(killing, "verify_stopped", looked)
    assert switch.throw(WISH).event == 7
    assert books.reads == dawdles


def test_an_engine_that_took_the_kill_and_died_then_leaves_no_position_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = KillSwitch(Home(tmp_path), "paper", ("paper",))
    past: list[Kill] = []

    def dead(*_: object) -> Outcome:
        raise TransportError("no engine took the command")

    def closed(kill: Kill, _: float) -> str:
        past.append(kill)
        return ""

    monkeypatch.setattr(switch, "_ask", dead)
    monkeypatch.setattr(switch, "_flatten_past_engine", closed)
    killed = Killed(kill=WISH, left=Leftover(), seconds=0.1, event=7)
    assert switch.flatten(killed, 1.0) == ""
    assert [kill.mode for kill in past] == [KillMode.FLATTEN]
