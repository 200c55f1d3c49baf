"""Kinds of pictures that several views draw: lines over time, bars, steps; they draw columns and compute no figure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Final

from bokeh.models import (
    ColumnDataSource,
    DataRange1d,
    DatetimeTickFormatter,
    FactorRange,
    HoverTool,
    NumeralTickFormatter,
)
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from toolkit.dashboards.face import Data
from toolkit.research.picture_parts import INK, STRATEGIES, blank_figure, dress

HEIGHT: Final = 240
BAR: Final = 26
MOST_BARS: Final = 16
SHADES: Final = ("#3d7eea", "#e0892b", "#d9485f")
"""Of the middle, the tail and the far tail; of anything that gets worse in three steps."""
MOST_POINTS: Final = 1_000
Draw = Callable[[ColumnDataSource], figure]


def colour_of(place: int) -> str:
    return STRATEGIES[place % len(STRATEGIES)]


def lines(
    columns: Sequence[tuple[str, str, str]], unit: str, *, form: str = "0,0.[00]", log: bool = False,
    dots: bool = False, zero: bool = False, height: int = HEIGHT, step: bool = False, pale: Collection[str] = (),
) -> Draw:  # fmt: skip
    """Columns (name, words, colour) over `time`, each a line; `unit` stands at the axis, `pale` ones are broad."""
    return partial(
        _lines, columns=tuple(columns), unit=unit, form=form, log=log, dots=dots, zero=zero, height=height, step=step,
        pale=frozenset(pale),
    )  # fmt: skip


def _lines(
    source: ColumnDataSource, *, columns: Sequence[tuple[str, str, str]], unit: str, form: str, log: bool, dots: bool,
    zero: bool, height: int, step: bool, pale: Collection[str],
) -> figure:  # fmt: skip
    made = blank(height, log=log)
    tips = [("", "@time{%d %b %H:%M:%S}")]
    first: Any = None
    for name, words, colour in columns:
        how: dict[str, Any] = {"source": source, "color": colour, "line_width": 1.8}
        if name in pale:
            how |= {"line_width": 7, "alpha": 0.28}
        drawn = made.step("time", name, mode="after", **how) if step else made.line("time", name, **how)
        if dots:
            made.scatter("time", name, source=source, color=colour, size=4)
        tips.append((words, f"@{{{name}}}{{{form}}} {unit}"))
        first = first or drawn
    made.add_tools(HoverTool(renderers=[first], mode="vline", tooltips=tips, formatters={"@time": "datetime"}))
    made.yaxis.axis_label = unit
    made.yaxis.formatter = NumeralTickFormatter(format=form)
    if zero:
        made.add_layout(Span(location=0, dimension="width", line_color=INK, line_dash="dotted"))
    label(made)
    return made


def bars(unit: str, *, form: str = "0,0.[00]", limit: float | None = None) -> Draw:
    """`value` of each `name`, the first on top, in the `colour` beside it; `text` stands at the end."""
    return partial(_bars, unit=unit, form=form, limit=limit)


def factors(source: ColumnDataSource) -> list[str]:
    """What the upright axis of bars counts, from below; with other names a figure needs no new one."""
    data: Any = source.data
    return list(reversed(data["name"]))


def _bars(source: ColumnDataSource, *, unit: str, form: str, limit: float | None) -> figure:
    names = factors(source)
    made = figure(
        y_range=FactorRange(factors=names), height=70 + BAR * len(names), sizing_mode="stretch_width",
        toolbar_location=None, tools="", x_axis_label=unit, x_range=DataRange1d(start=0, range_padding=0.4),
    )  # fmt: skip
    dress(made)
    drawn = made.hbar(y="name", right="value", left=0, height=0.62, color="colour", alpha=0.85, source=source)
    made.text(
        x="value", y="name", text="text", source=source, x_offset=6, text_baseline="middle", text_color=INK,
        text_font_size="11px",
    )  # fmt: skip
    made.add_tools(HoverTool(renderers=[drawn], tooltips=[("@name", "@text")]))
    made.xaxis.formatter = NumeralTickFormatter(format=form)
    made.ygrid.visible = False
    few_ticks(made)
    if limit is not None:
        made.scatter(x=[limit], y=[0.5], alpha=0)  # so that the line is within what is seen
        made.add_layout(Span(location=limit, dimension="height", line_color=SHADES[2], line_dash="dashed"))
    label(made)
    return made


def bar_data(rows: Sequence[tuple[str, float, str, str]]) -> Data:
    """(name, value, text, colour), the first MOST_BARS of them."""
    shown = rows[:MOST_BARS]
    names, values, texts, colours = zip(*shown, strict=True) if shown else ((), (), (), ())
    return {"name": list(names), "value": list(values), "text": list(texts), "colour": list(colours)}


def blank(height: int = HEIGHT, *, log: bool = False, time: bool = True) -> figure:
    """An empty figure; with `log` its upright axis is logarithmic."""
    made = blank_figure("", height, time=time, log=log)
    if time:
        made.xaxis.formatter = DatetimeTickFormatter(
            milliseconds="%H:%M:%S.%3N", seconds="%H:%M:%S", minsec="%H:%M:%S", minutes="%H:%M", hourmin="%H:%M",
            hours="%H:%M", days="%d %b", months="%d %b", years="%d %b %H:%M",  # the last: of one tick alone
        )  # fmt: skip
    few_ticks(made)
    return made


def few_ticks(made: figure) -> None:
    """So many as fit on a phone."""
    ticker: Any = made.xaxis.ticker
    ticker.desired_num_ticks = 4


def label(made: figure) -> None:
    for axis in (*made.xaxis, *made.yaxis):
        axis.axis_label_text_color, axis.axis_label_text_font_style = INK, "normal"
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "11px"


def thinned(count: int, most: int = MOST_POINTS) -> list[int]:
    """Places of at most about `most` of so many points, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    step = (count - 1) / (most - 1)
    return sorted({round(place * step) for place in range(most)})


def curves(columns: Sequence[tuple[str, str, str, str]], across: str, up: str, *, zero: bool = False) -> Draw:
    """(x, y, words, colour), each a curve; units stand at the axes, and the axis across is logarithmic."""
    return partial(_curves, columns=tuple(columns), across=across, up=up, zero=zero)


def _curves(
    source: ColumnDataSource, *, columns: Sequence[tuple[str, str, str, str]], across: str, up: str, zero: bool
) -> figure:
    made = figure(
        height=HEIGHT, sizing_mode="stretch_width", toolbar_location=None, tools="", x_axis_label=across,
        y_axis_label=up, x_axis_type="log", min_border_left=64,
    )  # fmt: skip
    dress(made)
    for x, y, words, colour in columns:
        drawn = made.line(x, y, source=source, color=colour, line_width=1.8)
        tips = [("", words), (up, f"@{{{y}}}{{0.0}}"), (across, f"@{{{x}}}{{0,0.[000]}}")]
        made.add_tools(HoverTool(renderers=[drawn], tooltips=tips))
    made.xaxis.formatter = made.yaxis.formatter = NumeralTickFormatter(format="0,0.[000]")
    made.yaxis.minor_tick_line_color = None
    if zero:
        made.add_layout(Span(location=0, dimension="width", line_color=INK, line_dash="dotted"))
    label(made)
    return made
