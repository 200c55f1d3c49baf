"""`tk.sweep`: a grid of parameters, every point kept, so that nothing is computed twice and every variant counts."""

from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError

DATA = tk.data.sample(30, ["IBM"])


class Rising(tk.Strategy):
    """Holds what closed above its average; breaks where the average is of thirteen."""

    instruments = ("IBM",)
    bar = "1d"
    warmup = 13
    count: int = 3
    size: int = 100

    def on_bar(self, bar: Any) -> None:
        if self.count == 13:
            raise ZeroDivisionError("thirteen")
        closes = self.history.closes(self.count)
        self.target_position(self.size if bar.close > sum(closes) / self.count else 0)


def sweep(folder: Path, strategy: Any = Rising, data: tk.data.FeedData = DATA, **grid: Any) -> Any:
    return tk.sweep(strategy, grid, data, folder=folder, processes=1)


def test_each_point_is_the_backtest_of_its_parameters(tmp_path: Path) -> None:
    found = sweep(tmp_path, count=[3, 6], size=[50, 100])
    table = found.frame().set_index(["count", "size"])
    alone = tk.backtest(Rising, DATA, parameters={"count": 6, "size": 50})
    assert len(table) == 4
    assert table.loc[(6, 50), "pnl"] == float(alone.pnl)
    assert table.loc[(6, 50), "sharpe"] == alone.measures.sharpe.value
    best = found.best("pnl")
    assert best.figures["pnl"] == table["pnl"].max()
    assert float(tk.backtest(Rising, DATA, parameters=best.parameters).pnl) == best.figures["pnl"]


def test_a_wider_grid_runs_only_what_is_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(tmp_path, count=[3, 6])
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/points/*.json")}
    found = sweep(tmp_path, count=[2, 3, 6, 9])
    assert "(2 known from before)" in capsys.readouterr().out
    assert len(kept) == 2
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())
    assert found.variants == 4


def test_a_narrow_look_still_counts_every_variant_that_was_tried(tmp_path: Path) -> None:
    sweep(tmp_path, count=[2, 3, 4, 6, 9])
    found = sweep(tmp_path, count=[4])
    assert (len(found), found.variants) == (1, 5)


@pytest.mark.parametrize("changed", ["source", "data", "capital"])
def test_what_is_known_counts_only_on_the_same_ground(tmp_path: Path, changed: str) -> None:
    ways: dict[str, Any] = {"source": (Other, DATA, {}), "data": (Rising, tk.data.sample(31, ["IBM"]), {}),
                            "capital": (Rising, DATA, {"capital": 50_000})}  # fmt: skip
    strategy, data, settings = ways[changed]
    sweep(tmp_path, count=[3, 6])
    again = tk.sweep(strategy, {"count": [3]}, data, folder=tmp_path, processes=1, **settings)
    assert again.variants == 1
    assert len(list(tmp_path.glob("*/points/*.json"))) == 3


def test_a_point_that_raises_is_told_and_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = sweep(tmp_path, count=[3, 13])
    assert list(found.frame()["error"]) == ["", "ZeroDivisionError: thirteen"]
    assert found.best().parameters == {"count": 3}
    assert "thirteen" in found._repr_html_()
    sweep(tmp_path, count=[3, 13])
    assert "(1 known from before)" in capsys.readouterr().out


def test_what_fits_no_point_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no parameter 'cuont'; did you mean 'count'\?"):
        sweep(tmp_path, cuont=[3])
    with pytest.raises(ConfigError, match=r"Rising\.count = 'six' must be int"):
        sweep(tmp_path, count=[3, "six"])
    with pytest.raises(ConfigError, match="max_positon"):
        tk.sweep(Rising, {"count": [3]}, DATA, folder=tmp_path, limits={"max_positon": 5})
    assert list(tmp_path.iterdir()) == []


class Other(Rising):
    """The same file, another class: another source as far as results go."""
