"""Controls that move a backtest: it runs once they rest, keeps the last result, shows errors, refuses what is none."""

import asyncio
from threading import Event
from typing import Any

import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.research import explore as module
from toolkit.research.explore import Explorer

DATA = tk.data.sample(40, ["IBM"])
RUNS: list[int] = []
GO_ON = Event()


class Rising(tk.Strategy):
    """Holds what closed above its average; breaks at 13."""

    bar = "1d"
    warmup = 20
    count: int = 4
    share: float = 0.5
    kind: str = "mean"

    def on_start(self) -> None:
        RUNS.append(self.count)
        if self.count == 17:
            raise OSError("disk")
        if self.count == 10:
            assert GO_ON.wait(60)

    def on_bar(self, bar: Any) -> None:
        if self.count == 13:
            raise ValueError("<13>")
        closes = self.history.closes(self.count)
        size = self.instrument.quantity(self.share * self.capital / bar.close, "down")
        self.target_position(size if bar.close > sum(closes) / self.count else 0)


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch) -> Explorer:
    monkeypatch.setattr(module, "PAUSE", 0.02)
    RUNS.clear()
    return tk.explore(Rising, DATA, count=(2, 20), share=(0.1, 0.9), kind=["mean", "median"])


def control(panel: Explorer, name: str) -> Any:
    return panel._controls[name]


def test_it_begins_at_the_defaults_with_a_result(panel: Explorer) -> None:
    assert panel.parameters == {"count": 4, "share": 0.5, "kind": "mean"}
    assert panel.result is not None
    assert panel.result.digest == tk.backtest(Rising, DATA).digest
    assert panel.variants == 1
    assert "PnL after fees" in panel._page.outputs[0]["data"]["text/html"]
    assert [type(one).__name__ for one in panel._controls.values()] == ["IntSlider", "FloatSlider", "Dropdown"]


async def test_it_runs_once_when_the_controls_have_come_to_rest(panel: Explorer) -> None:
    for count in (5, 6, 7, 8):
        control(panel, "count").value = count
    assert RUNS == [4]
    await panel.settled()
    assert RUNS == [4, 8]
    assert panel.result is not None
    assert panel.result.digest == tk.backtest(Rising, DATA, parameters={"count": 8}).digest
    assert panel.variants == 2
    assert "2 variants looked at" in panel._status.value


async def test_an_overtaken_run_stops_and_the_last_result_stays_meanwhile(panel: Explorer) -> None:
    first = panel.result
    control(panel, "count").value = 10
    while len(RUNS) < 2:
        assert panel.result is first
        await asyncio.sleep(0)
    assert "running" in panel._status.value
    control(panel, "count").value = 11
    GO_ON.set()
    await panel.settled()
    assert RUNS == [4, 10, 11]
    assert panel.variants == 2, "the overtaken run was never looked at"


async def test_what_the_strategy_raises_is_shown_and_the_last_result_stays(panel: Explorer) -> None:
    shown = panel._page.outputs
    control(panel, "count").value = 13
    await panel.settled()
    assert "qd-down'>ValueError: &lt;13&gt;</span>; below is the last that ran" in panel._status.value
    assert panel._page.outputs is shown
    control(panel, "count").value = 5
    await panel.settled()
    assert "qd-down" not in panel._status.value.partition("</style>")[2]


async def test_what_is_no_fault_of_the_strategy_is_raised_and_the_next_move_goes_on(panel: Explorer) -> None:
    control(panel, "count").value = 17
    with pytest.raises(OSError, match="disk"):
        await panel.settled()
    assert "ended by OSError" in panel._status.value
    control(panel, "count").value = 5
    await panel.settled()
    assert "2 variants looked at" in panel._status.value


def test_without_a_notebook_it_runs_at_once(panel: Explorer) -> None:
    control(panel, "kind").value = "median"
    assert len(RUNS) == 2
    assert panel.parameters["kind"] == "median"


@pytest.mark.parametrize(
    ("ranges", "told"),
    [
        ({}, "name at least one parameter"),
        ({"cuont": (2, 5)}, "did you mean 'count'"),
        ({"count": 5}, r"count is 5; give a tuple \(low, high\)"),
        ({"count": (5, 2)}, "from low to high"),
        ({"count": (2, 3, 4, 5)}, "from low to high"),
        ({"count": (0.5, 2.5)}, r"Rising\.count = 0\.5 must be int"),
        ({"kind": ("a", "b")}, "from low to high"),
        ({"count": []}, r"count is \[\]"),
        ({"count": (2, 5), "limits": {"max_positon": 5}}, "max_positon"),
    ],
)
def test_what_is_no_range_is_refused(ranges: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        tk.explore(Rising, DATA, **ranges)


def test_steps_are_round_and_shown_with_their_digits() -> None:
    panel = tk.explore(Rising, DATA, share=(0.0, 0.5), count=(2, 20, 2))
    assert (control(panel, "share").step, control(panel, "share").readout_format) == (0.01, ".2f")
    assert control(panel, "count").step == 2
