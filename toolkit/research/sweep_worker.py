"""What runs one point of a sweep, in this process or in another one; it keeps nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import wait
from multiprocessing.synchronize import Event
from threading import Thread
from typing import NamedTuple

from toolkit.research.backtest import backtest
from toolkit.research.feed_data import FeedData, stoppable
from toolkit.research.observation import RAISED
from toolkit.research.result import BacktestResult
from toolkit.research.sweep_store import Figures, Parameters, Task, load_class, read_steps


class Outcome(NamedTuple):
    """The figures of a point, or what its strategy raised."""

    figures: Figures
    error: str = ""


class Runner:
    """Loads the class once, verified against its digest, and runs point after point."""

    def __init__(self, task: Task, is_stopped: Callable[[], bool] = lambda: False) -> None:
        self._strategy = load_class(task.version, task.digest)
        self._settings = task.ground.settings
        ground = task.ground
        steps = FeedData(partial(read_steps, task.steps), ground.instruments, title=ground.title, label=ground.label)
        self._data = stoppable(steps, is_stopped)

    def run(self, parameters: Parameters) -> Outcome:
        """One backtest. What a strategy's own code raises is its outcome; everything else goes through."""
        try:
            return Outcome(figures_of(backtest(self._strategy, self._data, parameters=parameters, **self._settings)))
        except (*RAISED, AssertionError) as error:
            return Outcome({}, f"{type(error).__name__}: {error}")


def figures_of(result: BacktestResult) -> Figures:
    """The figures that a sweep compares. Fractions of the capital; money in the base currency."""
    measured = result.measures
    return {
        "pnl": float(result.pnl),
        "total_return": measured.total_return.value,
        "sharpe": measured.sharpe.value,
        "sharpe_error": measured.sharpe_error.value,
        "volatility": measured.volatility.value,
        "drawdown": measured.drawdown.depth,
        "turnover": measured.turnover.value,
        "exposure": measured.exposure.value,
        "hit_rate": measured.hit_rate.value,
        "fees": measured.fees,
        "slippage_cost": measured.slippage_cost,
        "fills": float(len(result.fills)),
        "denials": float(len(result.denials)),
        "sessions": float(measured.sessions),
    }


# ---- in a process of its own

_here: list[Runner] = []


def prepare(task: Task, stop: Event) -> None:
    """Called once in each worker. When the process that sweeps dies, the worker does too."""
    Thread(target=_end_with_parent, daemon=True).start()
    _here[:] = [Runner(task, stop.is_set)]


def run_point(parameters: Parameters) -> Outcome:
    """One point, in a worker that was prepared."""
    return _here[0].run(parameters)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
