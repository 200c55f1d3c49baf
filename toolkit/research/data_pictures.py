"""The page of a data report: prices with gaps, splits and errors where they stand; it judges no row."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import ColumnDataSource, HoverTool
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from toolkit.research.data_findings import Findings, badge
from toolkit.research.data_problems import Problem
from toolkit.research.data_sessions import Spans
from toolkit.research.embedding import Pictures, current_cell, notebook, style
from toolkit.research.page_parts import table_of
from toolkit.research.picture_parts import DOWN, INK, LINE, STRATEGIES, blank_figure
from toolkit.research.pictures import thinned

MOST_PICTURES = 8

_HEADS = ("instrument", "kind", "rows", "first (UTC)", "last (UTC)", "lowest", "highest")
_SPLIT = "suspected split"


def report_page(report: Findings) -> str:
    """The report as a cell's output."""
    pictures = Pictures()
    spots = "".join(
        pictures.place(price_with_problems(one, report)) for one in report.spans[:MOST_PICTURES] if len(one.starts)
    )
    more = len(report.spans) - MOST_PICTURES
    header = (
        f"<header><span class='qd-badge'>DATA</span><h2>{escape(report.title)}</h2>"
        f"<div class='qd-under'>{escape(report.label)} · {escape(badge(report))}</div></header>"
    )
    parts = [
        style(),
        notebook.library(current_cell()),
        "<div class='qd-result'>",
        header,
        table_of(_HEADS, list(report.rows()), texts=len(_HEADS)),
        spots,
        f"<p>{more} more without a picture</p>" if more > 0 else "",
        _problems("Errors: nothing trades until they are mended", report.errors),
        _problems("Warnings: yours to judge", report.warnings),
        "</div>",
        pictures.script(),
    ]
    return "".join(parts)


def price_with_problems(spans: Spans, report: Findings) -> figure:
    """The price of one instrument; suspected splits and gaps as lines, every other problem as a dot."""
    series, tick = spans.series, float(spans.series.instrument.tick)
    prices = np.where(series.price > 0, series.price * tick / 2, np.nan)
    table = thinned(pd.DataFrame({"price": prices}, index=pd.to_datetime(spans.starts)), "price")
    drawn = blank_figure(f"{series.symbol} · {series.kind} · {report.label}", 190)
    line = drawn.line("time", "price", source=_source(table.index, price=table["price"]), color=LINE, line_width=1.2)
    tips = [("", "@time{%F %H:%M:%S} UTC"), ("price", "@price{0,0.00######}")]
    drawn.add_tools(HoverTool(renderers=[line], mode="vline", tooltips=tips, formatters={"@time": "datetime"}))
    for problem in report.problems:
        if problem.instrument == series.symbol and problem.times:
            _mark(drawn, problem, spans, prices)
    return drawn


def _mark(drawn: figure, problem: Problem, spans: Spans, prices: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    times = np.array(problem.times, dtype=np.int64)
    if problem.fault in (_SPLIT, "gap"):
        colour, dash = (DOWN, "solid") if problem.fault == _SPLIT else (INK, "dotted")
        for time in times[:40]:
            drawn.add_layout(
                Span(location=time / 1e6, dimension="height", line_color=colour, line_dash=dash, line_alpha=0.7)
            )
        return
    rows = np.clip(np.searchsorted(spans.starts, times), 0, len(prices) - 1)
    source = _source(pd.to_datetime(times), price=prices[rows], fault=[problem.fault] * len(times))
    colour = DOWN if problem.severity == "error" else STRATEGIES[0]
    dots = drawn.scatter("time", "price", source=source, size=6, color=colour, alpha=0.8, line_color=None)
    tips = [("", "@fault"), ("", "@time{%F %H:%M:%S} UTC")]
    drawn.add_tools(HoverTool(renderers=[dots], tooltips=tips, formatters={"@time": "datetime"}))


def _problems(title: str, problems: tuple[Problem, ...]) -> str:
    if not problems:
        return ""
    heads = ("fault", "instrument", "rows", "first places", "what, and the mend")
    rows = [
        (one.fault, one.instrument, f"{one.count:,}", ", ".join(one.places), f"{one.what}; {one.mend}")
        for one in problems
    ]
    return f"<p>{escape(title)}</p>{table_of(heads, rows, texts=len(heads), wide=4)}"


def _source(times: pd.Index, **columns: Any) -> ColumnDataSource:
    data: dict[str, Any] = {"time": times.to_numpy(), **columns}
    return ColumnDataSource(data)
