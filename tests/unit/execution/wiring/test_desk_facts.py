"""What is known beside the journal comes from what is there; what is broken, away or silent is simply not known."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from execution.wiring import desk_facts
from execution.wiring.desk_facts import STEPS_A_LOOK, FactsReader, FeedEar, Line
from toolkit.adapters.blocking_redis import BlockingBus
from toolkit.adapters.ladder_file import LadderFile
from toolkit.adapters.process_identity import this_process
from toolkit.client.desk_state import DeskState, ProcessState, write_desk_state
from toolkit.client.home import Home
from toolkit.domain.errors import TransportError
from toolkit.domain.market import MarketEvent, Quote, SessionClosed, SessionOpened, Step
from toolkit.domain.rungs import Divergence, Drift
from toolkit.domain.time import FeedTime, WallTime


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


@pytest.fixture
def reader(home: Home) -> FactsReader:
    return FactsReader(home, "paper", "monitor", lambda: WallTime(time.time_ns()))


class Bus(BlockingBus):
    """Only the feed of one, in memory."""

    def __init__(self) -> None:
        self.numbered: list[Step] = []
        self.asked: list[int] = []

    def say(self, *events: MarketEvent) -> None:
        number = len(self.numbered) + 1
        self.numbered.append(Step(number=number, time=FeedTime(number), label="test", events=events))

    def last(self, stream: str) -> int:
        return self.numbered[-1].number if self.numbered else 0

    def steps(self, stream: str, after: int, count: int) -> Sequence[Step]:
        found = [step for step in self.numbered if step.number > after][:count]
        self.asked.append(len(found))
        return found


def quote(symbol: str) -> Quote:
    return Quote(instrument=symbol, bid=1, ask=2, bid_size=1, ask_size=1)


def test_the_feed_is_heard_on_from_where_it_was_left() -> None:
    ear, bus = FeedEar(), Bus()
    bus.say(SessionOpened(calendar="XNYS", session="2024-01-02"), quote("AAPL"))
    ear.hear(bus, 10)
    bus.say(quote("MSFT"))
    ear.hear(bus, 20)
    ear.hear(bus, 30)
    assert ear.quotes == {"AAPL": 10, "MSFT": 20}
    assert (ear.step_seen, ear.open_markets) == (20, {"XNYS": True})
    bus.say(SessionClosed(calendar="XNYS", session="2024-01-02"))
    ear.hear(bus, 40)
    assert (ear.step_seen, ear.open_markets) == (40, {"XNYS": False})
    assert bus.asked == [1, 1, 0, 1]


def test_of_a_feed_that_is_quicker_only_the_end_is_heard() -> None:
    ear, bus = FeedEar(), Bus()
    bus.say(quote("OLD"))
    ear.hear(bus, 1)
    for _ in range(2 * STEPS_A_LOOK):
        bus.say(quote("NEW"))
    ear.hear(bus, 2)
    assert bus.asked == [1, STEPS_A_LOOK]
    assert ear.quotes == {"OLD": 1, "NEW": 2}


def test_a_monitor_that_starts_anew_knows_the_session_that_was_opened_hours_ago(tmp_path: Path) -> None:
    kept, bus = tmp_path / "markets.json", Bus()
    bus.say(SessionOpened(calendar="24/7", session="2024-01-02"))
    FeedEar(kept).hear(bus, 1)
    for _ in range(2 * STEPS_A_LOOK):
        bus.say(quote("BTC/USDT"))
    anew = FeedEar(kept)
    anew.hear(bus, 2)
    assert anew.open_markets == {"24/7": True}
    bus.say(SessionClosed(calendar="24/7", session="2024-01-02"))
    anew.hear(bus, 3)
    again = FeedEar(kept)
    again.hear(bus, 4)
    assert again.open_markets == {"24/7": False}
    fresh = Bus()
    fresh.say(quote("AAPL"))
    other = FeedEar(kept)
    other.hear(fresh, 5)
    assert other.open_markets == {}, "another feed, which has said nothing yet"
    kept.write_bytes(b"{")
    broken = FeedEar(kept)
    broken.hear(fresh, 6)
    assert broken.open_markets == {}


def test_a_bus_that_began_anew_is_heard_from_its_beginning() -> None:
    ear, bus = FeedEar(), Bus()
    bus.say(quote("AAPL"))
    bus.say(quote("AAPL"))
    ear.hear(bus, 1)
    fresh = Bus()
    fresh.say(quote("MSFT"))
    ear.hear(fresh, 2)
    assert ear.quotes == {"AAPL": 1, "MSFT": 2}


def test_a_line_that_fails_is_tried_again_later_and_holds_nobody_up_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Bus] = []

    def connect(patience: float) -> Bus:
        if away:
            raise TransportError("no server")
        opened.append(Bus())
        return opened[-1]

    away = True
    line: Line[BlockingBus] = Line(connect)
    assert line.ask(lambda bus: bus.last("feed")) is None
    away = False
    assert line.ask(lambda bus: bus.last("feed")) is None, "too early"
    assert not line.up
    monkeypatch.setattr(line, "_not_before", 0.0)
    assert line.ask(lambda bus: bus.last("feed")) == 0
    assert line.ask(lambda bus: bus.last("feed")) == 0
    assert line.up
    assert len(opened) == 1


def test_of_a_desk_that_never_ran_hardly_anything_is_known(reader: FactsReader) -> None:
    facts = reader.read(0)
    assert (facts.ready, facts.processes, facts.journal_end, facts.archive_end) == (False, (), 0, 0)
    assert [(server.name, server.up) for server in facts.servers] == [("journal", False), ("bus", False)]
    assert facts.disk_free is not None
    assert facts.stale is None
    assert facts.feed_lateness is None
    reader.close()


def test_a_process_is_up_when_this_very_process_runs(home: Home, reader: FactsReader) -> None:
    ours = this_process()
    processes = (
        ProcessState(name="engine", kind="engine", pid=ours.pid, started=ours.started, state="running", since=7),
        ProcessState(name="listener", kind="listener", pid=ours.pid, started="another one", state="running"),
        ProcessState(name="runner-x", kind="runner", state="given up", restarts=5),
    )
    supervisor = ProcessState(name="supervisor", kind="supervisor", pid=ours.pid, started=ours.started, state="running")
    write_desk_state(
        home.processes,
        DeskState(name="d", kind="paper", book="paper", venues=(), supervisor=supervisor, ready=True,
                  processes=processes),
    )  # fmt: skip
    facts = reader.read(0)
    found = {process.name: process for process in facts.processes}
    assert facts.ready
    assert {name: process.up for name, process in found.items()} == {
        "supervisor": True, "engine": True, "listener": False, "runner-x": False,
    }  # fmt: skip
    assert found["engine"].memory_bytes > 10**6
    assert found["engine"].started == 7
    assert (found["listener"].memory_bytes, found["listener"].started) == (0, 0)
    assert (found["runner-x"].given_up, found["runner-x"].restarts) == (True, 5)


def test_what_a_live_listener_said_counts_while_it_says_something(home: Home, reader: FactsReader) -> None:
    path = home.run / "feed.json"
    path.write_text(json.dumps({"lateness_ms": 250.0, "stale": ["AAPL"]}))
    facts = reader.read(0)
    assert (facts.feed_lateness, facts.stale, facts.skews) == (0.25, ("AAPL",), {"feed": 0.0})
    path.write_text(json.dumps({"lateness_ms": -600.0, "stale": []}))
    assert reader.read(0).skews == {"feed": 0.6}, "it came before it was sent: the exchange's clock is ahead of ours"
    old = time.time() - 60
    os.utime(path, (old, old))
    assert (reader.read(0).stale, reader.read(0).skews) == (None, {})
    path.write_text("{")
    assert reader.read(0).stale is None


def test_archive_and_snapshots_are_as_old_as_their_newest_file(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_facts, "SLOW_SECONDS", 0.0)
    reader = FactsReader(home, "paper", "monitor", lambda: WallTime(5))
    assert reader.read(0).archived == 5, "there is none yet: how long it is missing counts from when somebody looks"
    for day, last in (("2024-01-02", 50), ("2024-01-03", 80)):
        folder = home.archive("paper") / day
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"parts": [{"last": last}]}))
        os.utime(folder / "manifest.json", (last, last))
    snapshots = home.book("paper") / "snapshots"
    snapshots.mkdir()
    (snapshots / "000000000000010.snapshot").write_bytes(b"")
    os.utime(snapshots / "000000000000010.snapshot", (9, 9))
    facts = reader.read(0)
    assert (facts.archive_end, facts.archived, facts.snapshot) == (80, 80 * 10**9, 9 * 10**9)
    (home.archive("paper") / "2024-01-03" / "manifest.json").write_text("{")
    assert reader.read(0).archive_end is None


def test_what_is_archived_counts_from_no_future_that_a_clock_was_set_back_from(home: Home) -> None:
    walls = [7_200 * 10**9]
    reader = FactsReader(home, "paper", "monitor", lambda: WallTime(walls[-1]))
    assert reader.read(0).archived == walls[-1]
    walls.append(3_600 * 10**9)
    assert reader.read(0).archived == walls[-1]


def test_what_the_replayer_says_is_told_and_what_it_does_not_know_is_not(home: Home, reader: FactsReader) -> None:
    assert (reader.read(0).divergence, reader.read(0).drift, reader.read(0).unmeasured) == ({}, {}, {})
    drifts = (
        Drift(strategy="trend", against="replay", sigma=2.0, last=-1.5, better=0.0, worse=9.0),
        Drift(strategy="quoting", against="replay", sigma=2.0, better=3.0, worse=0.0, unmeasured=2),
        Drift(strategy="reverting", against="replay", sessions=7, why="too few"),
    )
    LadderFile(home.ladder("paper")).show(Divergence(wall=1, drifts=drifts))
    facts = reader.read(0)
    assert facts.divergence == {("trend", "replay"): -1.5}
    assert facts.drift == {("trend", "replay"): 9.0, ("quoting", "replay"): 3.0}
    assert facts.unmeasured == {("trend", "replay"): 0, ("quoting", "replay"): 2, ("reverting", "replay"): 0}
