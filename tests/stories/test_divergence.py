"""A book is held against its own replay: equal to the cent on a normal day, apart by what a cause costs on another."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from execution.settings import Settings, read_settings
from tests.tools.replayed_desk import ReplayedDesk, dearer


@pytest.fixture(scope="module")
def settings(repository: Path) -> Settings:
    return read_settings(repository)


def test_on_a_normal_day_nothing_is_apart(settings: Settings, tmp_path: Path) -> None:
    desk = ReplayedDesk(settings, tmp_path)
    desk.trade(40)
    assert len(desk.sessions) == 40
    rungs = [rung for session in desk.sessions[1:] for rung in session.rungs]
    assert sum(rung.orders for rung in rungs) > 100
    assert all(rung.live == rung.replay == rung.backtest is not None for rung in rungs)


def test_fees_that_a_venue_raised_are_what_is_apart(settings: Settings, tmp_path: Path) -> None:
    desk = ReplayedDesk(settings, tmp_path, dearer(settings, maker_basis_points=Decimal(10)))
    desk.trade(20)
    quoting = [rung for session in desk.sessions for rung in session.rungs if rung.strategy == "quoting"]
    apart = sum(rung.live - rung.replay for rung in quoting if rung.live is not None and rung.replay is not None)
    assert apart < 0
    assert sum(rung.fees for rung in quoting) == pytest.approx(apart)
