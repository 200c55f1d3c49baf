"""A book is held against its own replay: equal to the cent on a normal day, apart by what a cause costs on another."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from threading import Thread

import pytest

from execution.services import replayer
from execution.services.replayer import Replayer
from execution.settings import Settings, read_settings
from tests.tools.busy_strategies import BusyDesk
from tests.tools.disturbed_desk import DisturbedDesk
from tests.tools.replayed_desk import ReplayedDesk, dearer, other_prices
from toolkit.domain.commands import DisableStrategy, RunnerAnswer, Who
from toolkit.domain.errors import JournalError
from toolkit.domain.inbox import InboxItem
from toolkit.domain.market import Step
from toolkit.domain.rungs import Rung
from toolkit.engine.messages import Message
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.stretch import Stretch

ADA = Who(identity="ada", verified=True, source="cli")


@pytest.fixture(scope="module")
def settings(repository: Path) -> Settings:
    return read_settings(repository)


def test_on_a_normal_day_nothing_is_apart(settings: Settings, tmp_path: Path) -> None:
    desk = ReplayedDesk(settings, tmp_path)
    desk.trade(25)
    assert len(desk.sessions) == 25
    rungs = [rung for session in desk.sessions[1:] for rung in session.rungs]
    assert sum(rung.orders for rung in rungs) > 80
    assert all(rung.live == rung.replay == rung.backtest is not None for rung in rungs)
    assert not any((rung.delay, rung.spread_impact, rung.missed, rung.fees, rung.signal) != (0,) * 5 for rung in rungs)


@pytest.mark.parametrize(("seed", "dabbles"), [(1, False), (2, False), (3, True), (4, True)])
def test_no_bad_moment_to_look_and_no_command_makes_an_honest_desk_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, dabbles: bool
) -> None:
    desk = DisturbedDesk(BusyDesk(tmp_path, dabbles=dabbles), tmp_path / "ladder", seed)
    consult = desk.book._consult

    def disturbed(step: Step) -> list[Message]:
        desk.meddle()
        return consult(step)

    monkeypatch.setattr(desk.book, "_consult", disturbed)
    desk.trade(16, looks=False)
    rungs = [rung for session in desk.sessions for rung in session.rungs if rung.replay is not None]
    assert len(rungs) > 30
    assert sum(rung.orders for rung in rungs) > 20
    assert [apart(rung) for rung in rungs] == [0] * len(rungs)
    assert desk.begun_anew
    assert any("by ada" in remark for session in desk.sessions for remark in session.remarks)


def test_fees_that_a_venue_raised_are_what_is_apart(settings: Settings, tmp_path: Path) -> None:
    desk = ReplayedDesk(settings, tmp_path, dearer(settings, maker_basis_points=Decimal(10)))
    desk.trade(20)
    total = sum(apart(rung) for rung in quoting(desk))
    assert total < 0
    assert sum(rung.fees for rung in quoting(desk)) == pytest.approx(total)


def test_other_decisions_are_path_and_signal_and_no_position_is_carried_into_the_next_session(
    settings: Settings, tmp_path: Path
) -> None:
    desk = ReplayedDesk(settings, tmp_path)
    desk.trade(12)
    desk.make = lambda name: desk.container(name, edge=30) if name == "quoting" else desk.container(name)
    desk.start()
    desk.trade(10)
    later = quoting(desk)[12:]
    assert any(apart(rung) for rung in later)
    for rung in later:
        assert rung.signal == pytest.approx(apart(rung), abs=1)
    assert not any(apart(rung) for session in desk.sessions for rung in session.rungs if rung.strategy != "quoting")


def test_a_replay_that_was_given_up_is_gone_before_the_next_one_begins(settings: Settings, tmp_path: Path) -> None:
    desk = ReplayedDesk(settings, tmp_path)
    desk.trade(4)
    gc.collect()
    before = stretches()
    gc.disable()
    try:
        for number in range(1, 4):
            desk.command(number, DisableStrategy(strategy="quoting", flatten=False, who=ADA, reason="a try"))
            desk.trade(1)
        assert stretches() == before
    finally:
        gc.enable()


def test_what_people_do_is_no_difference_of_a_strategy(settings: Settings, tmp_path: Path) -> None:
    desk = ReplayedDesk(settings, tmp_path)
    desk.trade(10.5)
    desk.command(1, DisableStrategy(strategy="quoting", flatten=False, who=ADA, reason="a try"))
    desk.trade(4.5)
    assert not any(apart(rung) for rung in quoting(desk))
    assert "DisableStrategy by ada" in desk.sessions[10].remarks[0]


def test_a_replayer_that_was_killed_goes_on_with_the_books_of_now(settings: Settings, tmp_path: Path) -> None:
    desk = ReplayedDesk(settings, tmp_path, dearer(settings, maker_basis_points=Decimal(10)))
    desk.trade(15)
    whole = [apart(rung) for rung in quoting(desk)]
    halved = ReplayedDesk(settings, tmp_path / "other", dearer(settings, maker_basis_points=Decimal(10)))
    halved.trade(15 + 10 / 15)
    halved.start()
    halved.trade(5 / 15)
    assert [apart(rung) for rung in quoting(halved)][:15] == whole[:15]
    assert halved.sessions[15].remarks[-1].startswith("the replay began, after step")
    halved.trade(10 / 15)
    halved.start()
    halved.trade(1, looks=False)
    halved.start()
    assert halved.sessions[16].remarks[-1] == "nobody saw how it ended"


def test_steps_that_nobody_has_any_more_are_not_measured_and_that_is_said(settings: Settings, tmp_path: Path) -> None:
    desk = ReplayedDesk(settings, tmp_path)
    desk.trade(10)
    desk.trade(2, looks=False)
    desk.lost = 10 * 15 + 3
    desk.trade(3)
    lost, after = desk.sessions[10], desk.sessions[-1]
    assert [rung.replay for rung in lost.rungs] == [None] * 3
    assert all("are not on the bus" in rung.missing for rung in lost.rungs)
    assert all(rung.replay is not None for rung in after.rungs)


def test_a_replay_that_could_not_keep_up_says_so_and_goes_on_with_the_next_session(
    settings: Settings, tmp_path: Path
) -> None:
    desk = ReplayedDesk(settings, tmp_path)
    desk.trade(10)
    desk.trade(1.4, looks=False)
    desk.trimmed = len(desk.journal) - 2
    with pytest.raises(JournalError, match="could not keep up"):
        desk.replayer.look()
    desk.replayer._forget()
    desk.trade(2.6)
    behind, after = desk.sessions[-3:-1], desk.sessions[-1]
    assert any("could not keep up" in rung.missing for session in behind for rung in session.rungs)
    assert [rung.replay is None for rung in after.rungs] == [False] * 3
    assert not any(apart(rung) for session in desk.sessions for rung in session.rungs if rung.replay is not None)


def test_a_strategy_that_raises_in_its_replay_is_told_of_and_tried_again_the_next_day(
    settings: Settings, tmp_path: Path
) -> None:
    desk = ReplayedDesk(settings, tmp_path)
    desk.trade(5)
    desk.make = lambda name: desk.container(name, Failing)
    desk.start()
    desk.trade(4)
    assert quoting(desk)[5].replay is not None
    assert "not replayed any further: RuntimeError: not this one" in quoting(desk)[6].missing
    assert desk.said
    assert quoting(desk)[6].replay is None


def test_other_data_are_told_apart_from_other_fills(settings: Settings, tmp_path: Path) -> None:
    desk = ReplayedDesk(settings, tmp_path)
    desk.trade(10)
    desk.source = other_prices(desk.feed, 10 * 15 + 5)
    desk.trade(2)
    assert all(rung.backtest == rung.replay for rung in quoting(desk)[:10])
    assert quoting(desk)[10].replay is not None
    assert quoting(desk)[10].backtest is None


def stretches() -> int:
    return sum(isinstance(each, Stretch) for each in gc.get_objects())


def quoting(desk: ReplayedDesk) -> list[Rung]:
    return [rung for session in desk.sessions for rung in session.rungs if rung.strategy == "quoting"]


def apart(rung: Rung) -> int:
    assert rung.live is not None
    assert rung.replay is not None
    return rung.live - rung.replay


class Failing(StrategyContainer):
    """A runner whose strategy raises from a step on."""

    after = 6 * 15 + 5

    def process(self, items: Sequence[tuple[int, InboxItem]], step: Step | None, *, hold: bool = False) -> RunnerAnswer:
        if step is not None and step.number > self.after:
            raise RuntimeError("not this one")
        return super().process(items, step, hold=hold)


def test_a_session_whose_end_was_written_right_before_the_replayer_died_is_not_written_twice(
    settings: Settings, tmp_path: Path
) -> None:
    desk = ReplayedDesk(settings, tmp_path)
    desk.trade(2.5)
    shown = desk.store.now
    assert shown is not None
    desk.trade(1)
    known = [each.session for each in desk.sessions]
    desk.store.show(shown)
    desk.start()
    assert [each.session for each in desk.sessions] == known


def test_who_rests_for_long_because_he_worked_for_long_says_that_he_lives_and_stops_at_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, said = ReplayedDesk(settings, tmp_path), list[str]()
    monkeypatch.setattr(replayer, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(time, "process_time", count(step=1_000).__next__)
    parts = replace(desk.replayer._parts, beat=lambda state, step: said.append(state))
    rests = Replayer(parts, desk._plan)
    running = Thread(target=rests.run)
    running.start()
    until = time.monotonic() + 60
    while said[-3:] != ["resting"] * 3 and time.monotonic() < until:
        time.sleep(0.01)
    rests.stop()
    running.join(60)
    assert not running.is_alive()
    assert said[-3:] == ["resting"] * 3
