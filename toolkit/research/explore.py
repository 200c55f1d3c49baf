"""`tk.explore`: a backtest that runs again as parameters move, in a notebook; it keeps nothing and never trades."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from html import escape
from threading import Event, Lock
from time import perf_counter
from typing import Any, Final, NamedTuple

import ipywidgets
from IPython.display import HTML, display

from toolkit.domain.errors import ConfigError
from toolkit.engine.strategy import Strategy
from toolkit.research import data as market_data
from toolkit.research.backtest import backtest, research_setting
from toolkit.research.check import is_strategy
from toolkit.research.embedding import current_cell, notebook, style
from toolkit.research.explore_controls import controls
from toolkit.research.feed_data import FeedData, Stopped, stoppable
from toolkit.research.observation import RAISED
from toolkit.research.result import BacktestResult
from toolkit.research.result_page import glance
from toolkit.simulation.paper_settings import PaperSettings

__all__ = ["explore"]

PAUSE: Final = 0.3  # seconds that all controls must rest before it runs


def explore(
    strategy: type[Strategy],
    data: FeedData | None = None,
    *,
    capital: float | Decimal = 100_000,
    limits: Mapping[str, object] | None = None,
    venue: PaperSettings | None = None,
    **ranges: object,
) -> Explorer:
    """Controls for parameters, and the backtest at where they stand: `tk.explore(Trend, fast=(5, 20), slow=[30, 60])`.

    A tuple (low, high) or (low, high, step) makes a slider, a list a menu; the first run is at the class's defaults.
    When a control has rested for a moment the backtest runs again, beside the notebook, which stays free; the last
    result stays until the next is there, and a run that is overtaken stops. What the strategy raises is shown in red.
    The other arguments are those of `tk.backtest`. ConfigError for a parameter or range that does not fit.

    What comes back has `.result` (of the last run), `.parameters`, and `.variants`: how many combinations were looked
    at. The best of many looks is too good, here as in a sweep.
    """
    if not is_strategy(strategy):
        raise ConfigError(f"explore takes one strategy class, such as class Trend(tk.Strategy), not {strategy!r}")
    data = market_data.sample() if data is None else data
    made = controls(strategy, ranges)
    settings = {"capital": capital, "limits": limits, "venue": venue}
    research_setting(strategy, data, {}, capital, None, limits, venue)  # what fits no run is said here, once
    return Explorer(strategy, data, made, settings)


class _Run(NamedTuple):
    """What came of one run: a result, or what was raised."""

    parameters: Mapping[str, Any]
    result: BacktestResult | None
    error: str
    seconds: float


class Explorer:
    """The controls and what came out at them. Displaying it shows both."""

    def __init__(
        self, strategy: type[Strategy], data: FeedData, made: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> None:
        self.result: BacktestResult | None = None
        self._strategy, self._data, self._settings = strategy, data, settings
        self._controls = dict(made)
        self._looked_at: set[str] = set()
        self._moves = self._shown = 0
        self._follows = False
        self._lock = Lock()
        self._overtaken = Event()
        self._work: asyncio.Task[None] | None = None
        self._status = ipywidgets.HTML()
        self._page = ipywidgets.Output(layout=ipywidgets.Layout(min_height="430px"))
        self._box = ipywidgets.VBox([*self._controls.values(), self._status, self._page])
        self._show(self._run(self.parameters, Event()))
        for control in self._controls.values():
            control.observe(self._moved, names="value")

    @property
    def parameters(self) -> dict[str, Any]:
        """Where the controls stand."""
        return {name: control.value for name, control in self._controls.items()}

    @property
    def variants(self) -> int:
        """How many combinations of parameters have been run."""
        return len(self._looked_at)

    async def settled(self) -> None:
        """Wait until what the controls say is what is shown."""
        if self._work is not None:
            await self._work

    def _ipython_display_(self) -> None:
        """Bokeh's own script goes before the controls, once, and not with every run."""
        script = notebook.library(current_cell())
        if script:
            display(HTML(script))
        display(self._box)

    # ---- running

    def _moved(self, _: object) -> None:
        with self._lock:  # a kernel with subshells may call from several threads
            self._moves += 1
            self._overtaken.set()
            begins, self._follows = not self._follows, True
        if begins:
            try:
                self._work = asyncio.get_running_loop().create_task(self._follow())
            except RuntimeError:  # no notebook: nobody waits beside it
                self._follows = False
                self._show(self._run(self.parameters, Event()))

    async def _follow(self) -> None:
        """Run until nothing has moved meanwhile."""
        try:
            while not self._is_settled():
                moves = self._moves
                await asyncio.sleep(PAUSE)
                if moves != self._moves:
                    continue
                self._overtaken = Event()
                self._say("running …")
                with suppress(Stopped):
                    self._show(await asyncio.to_thread(self._run, self.parameters, self._overtaken))
                    self._shown = moves
        except BaseException as error:
            self._follows = False
            self._say(f"<span class='qd-down'>ended by {type(error).__name__}</span>; move a control to go on")
            raise

    def _is_settled(self) -> bool:
        """Whether the last move is shown; then nobody follows any more."""
        with self._lock:
            self._follows = self._shown != self._moves
            return not self._follows

    def _run(self, parameters: Mapping[str, Any], overtaken: Event) -> _Run:
        """Raises Stopped once it is overtaken."""
        begun = perf_counter()
        data = stoppable(self._data, overtaken.is_set)
        try:
            result = backtest(self._strategy, data, parameters=parameters, **self._settings)
        except (*RAISED, AssertionError) as error:
            return _Run(parameters, None, f"{type(error).__name__}: {error}", perf_counter() - begun)
        return _Run(parameters, result, "", perf_counter() - begun)

    # ---- showing

    def _show(self, run: _Run) -> None:
        self._looked_at.add(repr(sorted(run.parameters.items())))
        if run.result is None:
            kept = "; below is the last that ran" if self.result is not None else ""
            self._say(f"<span class='qd-down'>{escape(run.error)}</span>{kept}")
            return
        self.result = run.result
        page = {"text/html": glance(run.result), "text/plain": repr(run.result)}
        self._page.outputs = ({"output_type": "display_data", "data": page, "metadata": {}},)
        self._say(f"{run.seconds:.1f} s · {self.variants:,} variant{'s' * (self.variants > 1)} looked at")

    def _say(self, words: str) -> None:
        self._status.value = f"{style()}<div class='qd-result'><p>{words}</p></div>"
