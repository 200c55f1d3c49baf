"""What a sweep found: a table, the best of it, a heat map, and how many variants were tried for it; it runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.engine.strategy_parameters import nearest
from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import Floats
from toolkit.measures.selection import expected_best_sharpe, probabilistic_sharpe
from toolkit.research.embedding import Pictures, current_cell, notebook, style
from toolkit.research.page_parts import figure_card, number, percent, signed, table_of
from toolkit.research.pictures import heat_map
from toolkit.research.sweep_store import Figures, Parameters
from toolkit.research.sweep_worker import Outcome

MOST_ROWS: Final = 10
_LESS_IS_BETTER: Final = frozenset({"sharpe_error", "volatility", "turnover", "fees", "slippage_cost", "denials"})
_SHOWN: Final = ("sharpe", "pnl", "drawdown", "turnover", "fees", "fills")
_FORMATS: Final[Mapping[str, Callable[[float], str]]] = {
    "sharpe": lambda value: number(Figure(value)), "pnl": signed, "drawdown": lambda value: percent(Figure(value)),
    "turnover": lambda value: number(Figure(value), "×"), "fees": lambda value: number(Figure(value)),
    "fills": lambda value: f"{value:,.0f}",
}  # fmt: skip


class Best(NamedTuple):
    """The point that came out best. `tk.backtest(Trend, data, parameters=best.parameters)` looks at it closely."""

    parameters: Mapping[str, Any]
    figures: Figures


class HeatMap:
    """A picture for a cell of its own."""

    def __init__(self, table: pd.DataFrame, title: str, *, less_is_better: bool = False) -> None:
        self.table = table
        self._title = title
        self._less_is_better = less_is_better

    def __repr__(self) -> str:
        return f"{self._title}\n{self.table}"

    def _repr_html_(self) -> str:
        pictures = Pictures()
        spot = pictures.place(heat_map(self.table, self._title, less_is_better=self._less_is_better))
        script = notebook.library(current_cell())
        return f"{style()}{script}<div class='qd-result'>{spot}</div>{pictures.script()}"


class Sweep:
    """Every point of a grid. `variants` counts all that were ever tried on the same source, data and settings: the
    best of many is too good by as much as many are tried."""

    def __init__(
        self, title: str, names: Sequence[str], points: Sequence[Parameters], outcomes: Sequence[Outcome], *,
        variants: int, folder: Path, label: str,
    ) -> None:  # fmt: skip
        self.title = title
        self.names = tuple(names)
        self.variants = variants
        self.folder = folder
        self.label = label
        self._points = [dict(parameters) for parameters in points]
        self._outcomes = list(outcomes)

    def __len__(self) -> int:
        return len(self._points)

    def frame(self) -> pd.DataFrame:
        """One row a point: its parameters, its figures (NaN where they cannot be known), `error` when it raised."""
        rows = [
            {**parameters, **outcome.figures, "error": outcome.error}
            for parameters, outcome in zip(self._points, self._outcomes, strict=True)
        ]
        return pd.DataFrame(rows)

    def best(self, by: str = "sharpe") -> Best:
        """The best point by a figure: the largest, or the smallest of a risk or cost. ConfigError if none is known."""
        self._check_figure(by)
        values = self._values(by)
        if np.isnan(values).all():
            raise ConfigError(f"{by} is not known at any point; see the column error of frame()")
        place = int(np.nanargmin(values) if by in _LESS_IS_BETTER else np.nanargmax(values))
        return Best(self._points[place], self._outcomes[place].figures)

    @property
    def luck(self) -> Figure:
        """The annual Sharpe ratio that the best of `variants` is expected to have when none is worth anything."""
        return expected_best_sharpe(self._values("sharpe"), self.variants)

    @property
    def confidence(self) -> Figure:
        """The probability that the best Sharpe ratio is more than that luck (deflated Sharpe ratio)."""
        if np.isnan(self._values("sharpe")).all():
            return unknown("no Sharpe ratio is known")
        figures = self.best().figures
        return probabilistic_sharpe(Figure(figures["sharpe"]), Figure(figures["sharpe_error"]), self.luck)

    def heat_map(self, across: str | None = None, up: str | None = None, *, by: str = "sharpe") -> HeatMap:
        """A figure by two parameters, the first two that vary where none are named; median over all others."""
        self._check_figure(by)
        varying = self._varying()
        chosen = [across or (varying[0] if varying else ""), up or (varying[1] if len(varying) > 1 else "")]
        for name in chosen:
            if name not in self.names:
                raise ConfigError(
                    f"a heat map needs two parameters with several values each{nearest(name, self.names)}"
                )
        table = self.frame().pivot_table(index=chosen[1], columns=chosen[0], values=by, aggfunc="median", dropna=False)
        told = ", median over the other parameters" if len(varying) > 2 else ""
        return HeatMap(table, f"{by}{told} · backtest · {self.label}", less_is_better=by in _LESS_IS_BETTER)

    def __repr__(self) -> str:
        return (
            f"Sweep of {self.title}: {len(self):,} points of {', '.join(self.names)}; {self.variants:,} variants tried"
        )

    def _repr_html_(self) -> str:
        pictures = Pictures()
        parts = [self._header(), self._cards(), self._picture(pictures), self._table()]
        body = "".join(parts)
        script = notebook.library(current_cell()) if "qd-picture" in body else ""
        return f"{style()}{script}<div class='qd-result'>{body}</div>{pictures.script()}"

    # ---- helpers

    def _values(self, figure: str) -> Floats:
        """A figure at every point, NaN where it is not known."""
        return np.array([outcome.figures.get(figure, np.nan) for outcome in self._outcomes], dtype=np.float64)

    def _varying(self) -> list[str]:
        return [name for name in self.names if len({repr(parameters[name]) for parameters in self._points}) > 1]

    def _check_figure(self, by: str) -> None:
        figures = next((outcome.figures for outcome in self._outcomes if outcome.figures), None)
        if figures is not None and by not in figures:
            raise ConfigError(f"a sweep has no figure {by!r}{nearest(by, figures)}")

    def _header(self) -> str:
        failed = sum(bool(outcome.error) for outcome in self._outcomes)
        under = f"{len(self):,} points of {', '.join(self.names)} · {self.label}" + (
            f" · {failed:,} raised an error" if failed else ""
        )
        return (
            f"<header><span class='qd-badge'>SWEEP</span><h2>{escape(self.title)}</h2>"
            f"<div class='qd-under'>{escape(under)}</div></header>"
        )

    def _cards(self) -> str:
        values = self._values("sharpe")
        sharpe = values[np.isfinite(values)]
        if not len(sharpe):
            return "<p>No Sharpe ratio is known at any point.</p>"
        best = self.best()
        chosen = ", ".join(f"{name}={value}" for name, value in best.parameters.items())
        cards = [
            figure_card("Best Sharpe, a year", number(Figure(best.figures["sharpe"])), chosen),
            figure_card(
                "Median Sharpe", number(Figure(float(np.median(sharpe)))), "of all points: what choosing added"
            ),
            figure_card("Above 0", f"{(sharpe > 0).mean():.0%}", f"of {len(sharpe):,} points"),
            figure_card("Variants tried", f"{self.variants:,}", _luck_note(self.luck, self.confidence)),
        ]
        return f"<div class='qd-cards'>{''.join(cards)}</div>"

    def _picture(self, pictures: Pictures) -> str:
        if len(self._varying()) < 2 or not any(outcome.figures for outcome in self._outcomes):
            return ""
        table = self.heat_map().table
        return pictures.place(heat_map(table, f"Sharpe, a year · backtest · {self.label}"))

    def _table(self) -> str:
        ranked = sorted(
            zip(self._points, self._outcomes, strict=True),
            key=lambda pair: -_or_last(pair[1].figures.get("sharpe", float("nan"))),
        )
        failed = [outcome.error for _, outcome in ranked if outcome.error]
        rows = [
            [*(str(parameters[name]) for name in self.names), *_cells(outcome)]
            for parameters, outcome in ranked[: min(MOST_ROWS, len(ranked) - len(failed))]
        ]
        told = "".join(f"<p>{escape(error)}</p>" for error in dict.fromkeys(failed))
        return table_of((*self.names, *_SHOWN), rows, texts=0) + told


def _luck_note(luck: Figure, confidence: Figure) -> str:
    if not confidence.is_known:
        return luck.reason or confidence.reason
    return f"the best by luck alone: {number(luck)}; more than that with {confidence.value:.0%}"


def _cells(outcome: Outcome) -> list[str]:
    return [_FORMATS[name](outcome.figures.get(name, float("nan"))) for name in _SHOWN]


def _or_last(value: float) -> float:
    return value if value == value else float("-inf")
