"""`tk.sweep`: one strategy at every point of a grid of parameters, on all cores, resumable; it never trades."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from decimal import Decimal
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Any

from toolkit.client.home import find_home
from toolkit.domain.errors import ConfigError, TransportError
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_parameters import parameter_values
from toolkit.research import data as market_data
from toolkit.research.backtest import research_setting
from toolkit.research.check import is_strategy
from toolkit.research.data import FeedData
from toolkit.research.sweep_result import Sweep
from toolkit.research.sweep_store import Parameters, Store, Task, is_loading
from toolkit.research.sweep_worker import Outcome, Runner, prepare, run_point
from toolkit.simulation.paper_settings import PaperSettings

__all__ = ["sweep"]

Grid = Mapping[str, Sequence[object]]


def sweep(
    strategy: type[Strategy],
    grid: Grid,
    data: FeedData | None = None,
    *,
    processes: int | None = None,
    capital: float | Decimal = 100_000,
    sessions: int | None = None,
    limits: Mapping[str, object] | None = None,
    venue: PaperSettings | None = None,
    folder: str | Path | None = None,
    progress: bool = True,
) -> Sweep:
    """Backtest a strategy at every combination of `grid`, such as `{"fast": [5, 10], "slow": range(20, 60, 10)}`.

    Runs in `processes` fresh processes (as many as there are cores; 1 runs here), which load the class from its source
    as a promotion does: a notebook's class works, and what uncommitted state of the notebook it would need is refused.
    In a script, call it under `if __name__ == "__main__":`, since such processes import the script again.

    Every finished point is kept in `folder` (the desk's `var/sweeps`, or `var/sweeps` here): after Ctrl-C the same call
    goes on where it was, and a wider grid runs only what is new. Change source, a module of your own that it imports,
    data, capital, limits, venue or this package's version, and everything runs again. Not covered are files that it
    reads at run time and other installed packages: after they change, give a new `folder`. With `processes=1` a module
    that was edited must be imported anew first, as anywhere in Python. A point at which the strategy raises is told in
    the column `error` and tried again next time.

    ConfigError for a parameter that the strategy does not have or a value that does not fit; TransportError when a
    process dies, of too little memory for instance: what is done by then is kept.
    """
    if is_loading():
        raise ConfigError('this file sweeps while it is loaded; put the call under if __name__ == "__main__":')
    if not is_strategy(strategy):
        raise ConfigError(f"sweep takes one strategy class, such as class Trend(tk.Strategy), not {strategy!r}")
    if processes is not None and processes < 1:
        raise ConfigError(f"processes is {processes}; give 1 or more, or None for one on each core")
    points = list(_points(strategy, grid))
    data = _data(data, sessions)
    research_setting(strategy, data, points[0], capital, None, limits, venue)  # what fits no point is said here, once
    store = Store.open(_root(folder), strategy, data, _settings(capital, limits, venue))
    outcomes = [_kept(store, parameters) for parameters in points]
    missing = [place for place, outcome in enumerate(outcomes) if outcome is None]
    line = _Progress(len(points), len(points) - len(missing), store.folder, shown=progress)
    try:
        for place, outcome in _run(store.task, points, missing, processes or _cores()):
            outcomes[place] = outcome
            if not outcome.error:
                store.keep(points[place], outcome.figures)
            line.one_more()
    finally:
        line.end()
    done = [outcome for outcome in outcomes if outcome is not None]
    return Sweep(
        strategy.__name__, list(grid), points, done, variants=store.count() + sum(bool(one.error) for one in done),
        folder=store.folder, label=store.task.ground.label,
    )  # fmt: skip


def _run(
    task: Task, points: Sequence[Parameters], missing: Sequence[int], processes: int
) -> Iterator[tuple[int, Outcome]]:
    """The place and outcome of each missing point, as they come."""
    if not missing:
        return
    if min(processes, len(missing)) == 1:
        runner = Runner(task)
        for place in missing:
            yield place, runner.run(points[place])
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy a notebook's threads in the middle of their work
    stop = context.Event()
    pool = ProcessPoolExecutor(
        min(processes, len(missing)), mp_context=context, initializer=prepare, initargs=(task, stop)
    )
    futures: dict[Future[Outcome], int] = {}
    try:
        with _deaf_children():
            futures |= {pool.submit(run_point, points[place]): place for place in missing}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as problem:
        raise TransportError(
            "a process of the sweep died, maybe for want of memory; the same call goes on where it was, with fewer "
            "processes=… if it happens again"
        ) from problem
    finally:  # also on Ctrl-C: a worker in the middle of a backtest sees `stop` within a few steps
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that begin in here never hear a Ctrl-C, from their first instruction on; ours is only late by this."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _kept(store: Store, parameters: Parameters) -> Outcome | None:
    figures = store.known(parameters)
    return None if figures is None else Outcome(figures)


# ---- what it was given


def _points(strategy: type[Strategy], grid: Grid) -> Iterator[dict[str, Any]]:
    if not grid:
        raise ConfigError("the grid is empty; give values for at least one parameter, such as {'fast': [5, 10]}")
    for name, values in grid.items():
        if isinstance(values, str) or not hasattr(values, "__iter__") or not len(values):
            raise ConfigError(f"grid: {name} is {values!r}; give a list of values")
    names = list(grid)
    for combination in product(*([_plain(value) for value in grid[name]] for name in names)):
        parameters = dict(zip(names, combination, strict=True))
        parameter_values(strategy, parameters)
        yield parameters


def _plain(value: object) -> object:
    """numpy's numbers as Python's own."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value


def _settings(
    capital: float | Decimal, limits: Mapping[str, object] | None, venue: PaperSettings | None
) -> dict[str, Any]:
    return {"capital": capital, "limits": None if limits is None else dict(limits), "venue": venue}


def _data(data: FeedData | None, sessions: int | None) -> FeedData:
    if data is not None and sessions is not None:
        raise ConfigError("sessions belongs to the sample; cut your data where you make it")
    return market_data.sample(sessions) if data is None else data


def _root(folder: str | Path | None) -> Path:
    if folder is not None:
        return Path(folder)
    try:
        return find_home().var / "sweeps"
    except ConfigError:  # no desk here: research needs none
        return Path.cwd() / "var" / "sweeps"


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Progress:
    """One line that says how far it is and about how long it takes."""

    def __init__(self, total: int, known: int, folder: Path, *, shown: bool) -> None:
        self._total, self._done, self._known, self._folder = total, known, known, folder
        self._shown = shown
        self._begun = monotonic()
        self._write()

    def one_more(self) -> None:
        self._done += 1
        self._write()

    def end(self) -> None:
        """The last word, also of a sweep that was stopped."""
        if self._done < self._total:
            self._say(
                f"\rstopped at {self._done:,} of {self._total:,} points; the same call goes on ({self._folder})\n"
            )
        else:
            self._say("\n")

    def _write(self) -> None:
        run = self._done - self._known
        seconds = monotonic() - self._begun
        left = f", about {seconds / run * (self._total - self._done):,.0f} s left" if run else ""
        before = f" ({self._known:,} known from before)" if self._known else ""
        self._say(f"\r{self._done:,} of {self._total:,} points{before}, {seconds:,.0f} s{left}    ")

    def _say(self, text: str) -> None:
        if self._shown:
            sys.stdout.write(text)
            sys.stdout.flush()
