"""A sweep's page, its heat map and its arguments; the points of its picture are those of its table."""

from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.research.sweep_result import Sweep
from toolkit.research.sweep_worker import Outcome

POINTS = [{"fast": fast, "slow": slow} for fast in (5, 10, 20) for slow in (30, 60)]


def outcome(sharpe: float) -> Outcome:
    figures = dict.fromkeys(("pnl", "drawdown", "turnover", "fees", "fills", "volatility"), 1.0)
    return Outcome(figures | {"sharpe": sharpe, "sharpe_error": 0.4})


def sweep(*sharpes: float, points: list[dict[str, Any]] = POINTS) -> Sweep:
    outcomes = [outcome(sharpe) for sharpe in sharpes]
    return Sweep("Cross <b>", ["fast", "slow"], points, outcomes, variants=12, folder=Path("x"), label="made up")


def test_the_heat_map_has_every_point_where_it_belongs() -> None:
    table = sweep(1, 2, 3, 4, 5, float("nan")).heat_map().table
    assert table.loc[60, 10] == 4
    assert table.loc[30, 20] == 5
    assert table.loc[[60], 20].isna().all()
    assert list(table.columns) == [5, 10, 20]
    assert sweep(1, 2, 3, 4, 5, 6).heat_map("slow", "fast").table.loc[10, 60] == 4


def test_the_page_leads_with_what_choosing_added_and_what_luck_explains() -> None:
    found = sweep(0.2, 0.4, 0.6, 0.8, 1.0, 1.2)
    page = found._repr_html_()
    assert page.count("class='qd-picture'") == 1
    assert "Cross &lt;b&gt;" in page
    assert "<b>Cross <b></b>" not in page
    assert "fast=20, slow=60" in page
    assert 0.5 < found.luck.value < 0.8
    assert 0.8 < found.confidence.value < 0.95
    assert f"luck alone: {found.luck.value:.2f}" in page


def test_the_heat_map_is_a_picture_of_its_own() -> None:
    shown = sweep(1, 2, 3, 4, 5, 6).heat_map(by="pnl")._repr_html_()
    assert shown.count("class='qd-picture'") == 1
    assert r"pnl \u00b7 backtest \u00b7 made up" in shown


def test_a_risk_is_best_when_it_is_small() -> None:
    assert sweep(3, 2, 1, 4, 5, 6).best("sharpe_error").figures["sharpe_error"] == 0.4
    assert sweep(3, 2, 1, 4, 5, 6).best().parameters == {"fast": 20, "slow": 60}


def test_nothing_known_anywhere_has_no_best_and_still_shows() -> None:
    empty = Sweep("None", ["fast"], POINTS[:1], [Outcome({}, "KeyError: 'x'")], variants=1, folder=Path(), label="")
    with pytest.raises(ConfigError, match="not known at any point"):
        empty.best()
    page = empty._repr_html_()
    assert "KeyError" in page
    assert "No Sharpe ratio is known" in page
    assert not empty.confidence.is_known


def test_a_figure_or_a_parameter_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'sharpe'"):
        sweep(1, 2, 3, 4, 5, 6).best("sharp")
    with pytest.raises(ConfigError, match="did you mean 'slow'"):
        sweep(1, 2, 3, 4, 5, 6).heat_map("slo", "fast")
    with pytest.raises(ConfigError, match="two parameters"):
        sweep(1, 2, points=POINTS[:2]).heat_map()


def test_an_instance_is_no_class() -> None:
    instance: Any = Idle()
    with pytest.raises(ConfigError, match="takes one strategy class"):
        tk.sweep(instance, {"count": [1]})


class Idle(tk.Strategy):
    count: int = 1

    def on_start(self) -> None:
        self.log("here")


@pytest.mark.parametrize(
    ("grid", "settings", "message"),
    [
        ({}, {}, "the grid is empty"),
        ({"count": 3}, {}, "count is 3; give a list of values"),
        ({"count": "34"}, {}, "count is '34'; give a list of values"),
        ({"count": []}, {}, r"count is \[\]"),
        ({"count": [1]}, {"processes": 0}, "processes is 0"),
        ({"count": [1]}, {"sessions": 5, "data": tk.data.sample(5)}, "sessions belongs to the sample"),
    ],
)
def test_what_cannot_be_swept_is_refused(tmp_path: Path, grid: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tk.sweep(Idle, grid, folder=tmp_path, **settings)
