"""Pictures of a backtest in bokeh, legible on a light and on a dark page alike; they draw tables and compute no figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from bokeh.layouts import column
from bokeh.models import BoxAnnotation, ColumnDataSource, CrosshairTool, HoverTool, NumeralTickFormatter, Span
from bokeh.models.layouts import Column
from bokeh.plotting import figure

from toolkit.measures.performance import drawdowns
from toolkit.research.result import BacktestResult

INK: Final = "#8a929c"
LINE: Final = "#3d7eea"
UP: Final = "#1f9d6b"
DOWN: Final = "#d9485f"
STRATEGIES: Final = ("#e0892b", "#8d62d8", "#1aa5b8", "#b8579c", "#7a9a2e", "#a9744f")
MOST_POINTS: Final = 1_500


def equity_picture(result: BacktestResult) -> Column:
    """Equity of the book and of each strategy, with its drawdown below, over the whole run."""
    table = _without_zone(thinned(result.equity, "total"))
    currency, label = result.currency, result.setting.data.label
    above = _figure(f"Equity in {currency} · backtest · {label}", 250)
    if len(result.strategies) > 1:
        for name, colour in zip(result.strategies, _colours(len(result.strategies)), strict=True):
            own = table[name] - table[name].iloc[0] + table["total"].iloc[0]
            above.line(table.index, own, color=colour, line_width=1.2, alpha=0.85, legend_label=name)
    drawn = above.line(table.index, table["total"], color=LINE, line_width=2, legend_label="book")
    _dress_legend(above, hidden=len(result.strategies) == 1)
    above.add_layout(Span(location=table["total"].iloc[0], dimension="width", line_color=INK, line_dash="dotted"))
    above.yaxis.formatter = NumeralTickFormatter(format="0,0")
    above.add_tools(HoverTool(renderers=[drawn], mode="vline", tooltips=[("", "@x{%F %H:%M} UTC"), ("equity", "@y{0,0.00}")], formatters={"@x": "datetime"}))
    fall = _figure("Drawdown", 110, share=above)
    fall.varea(table.index, drawdowns(table["total"].to_numpy()), 0, color=DOWN, alpha=0.35)
    fall.yaxis.formatter = NumeralTickFormatter(format="0.0%")
    dates = result.measures.drawdown_dates
    if dates is not None and result.measures.drawdown.depth < 0:
        left, right = dates[0].tz_localize(None), (dates[2] or result.last_time).tz_localize(None)
        above.add_layout(BoxAnnotation(left=left, right=right, fill_color=DOWN, fill_alpha=0.06, line_color=None))
    return _stack(above, fall)


def price_picture(result: BacktestResult, instrument: str) -> Column:
    """The middle of the quotes of one instrument with every fill, and the account's position below."""
    data = result.setting.data
    quotes = _without_zone(thinned(_traded_span(data.frame(instrument), result), "mid"))
    above = _figure(f"{instrument} with fills · backtest · {data.label}", 280)
    above.line(quotes.index, quotes["mid"], color=LINE, line_width=1.2)
    fills = _without_zone(result.fills[result.fills["instrument"] == instrument])
    for side, marker, colour in (("buy", "triangle", UP), ("sell", "inverted_triangle", DOWN)):
        chosen = fills[fills["side"] == side]
        source = ColumnDataSource(chosen[["price", "quantity", "strategy", "fee", "liquidity"]].reset_index())
        drawn = above.scatter("time", "price", source=source, marker=marker, size=8, color=colour, alpha=0.75, line_color=None, legend_label=f"{side} ({len(chosen)})")
        above.add_tools(HoverTool(renderers=[drawn], tooltips=[("", f"{side} @quantity{{0,0.##}} at @price{{0,0.00##}}"), ("strategy", "@strategy, @liquidity"), ("fee", "@fee{0,0.00##}"), ("time", "@time{%F %H:%M:%S} UTC")], formatters={"@time": "datetime"}))
    _dress_legend(above)
    above.yaxis.formatter = NumeralTickFormatter(format="0,0.00")
    below = _figure("Position", 90, share=above)
    held = _without_zone(result.positions)
    series = held[instrument] if instrument in held else pd.Series(0.0, index=held.index)
    times, lots = _steps(series, quotes.index)
    below.varea(times, lots, 0, color=LINE, alpha=0.3)
    below.yaxis.formatter = NumeralTickFormatter(format="0,0")
    return _stack(above, below)


def thinned(table: pd.DataFrame, column_name: str) -> pd.DataFrame:
    """At most about MOST_POINTS rows of a long table: first, lowest, highest and last of each stretch stay."""
    if len(table) <= MOST_POINTS:
        return table
    values = table[column_name].to_numpy()
    kept = {0, len(values) - 1}
    for part in np.array_split(np.arange(len(values)), MOST_POINTS // 4):
        within = values[part]
        kept |= {int(part[0]), int(part[-1])}
        if not np.all(np.isnan(within)):
            kept |= {int(part[np.nanargmin(within)]), int(part[np.nanargmax(within)])}
    return table.iloc[sorted(kept)]


def _traded_span(quotes: pd.DataFrame, result: BacktestResult) -> pd.DataFrame:
    """Without the history that only warmed up, and what came after the last step."""
    return quotes.loc[result.equity.index[0] : result.last_time] if len(result.equity) else quotes


def _without_zone(table: pd.DataFrame) -> pd.DataFrame:
    """bokeh knows no time zones: what it shows is UTC."""
    return table.set_axis(table.index.tz_localize(None), axis=0) if isinstance(table.index, pd.DatetimeIndex) else table


def _steps(series: pd.Series[float], span: pd.DatetimeIndex) -> tuple[list[pd.Timestamp], list[float]]:
    """A position as a staircase up to the end of the picture."""
    times: list[pd.Timestamp] = []
    lots: list[float] = []
    for time, value in series.items():
        if lots:
            times.append(pd.Timestamp(str(time)))
            lots.append(lots[-1])
        times.append(pd.Timestamp(str(time)))
        lots.append(float(value))
    if lots and len(span):
        times.append(span[-1])
        lots.append(lots[-1])
    return times, lots


def _figure(title: str, height: int, share: figure | None = None) -> figure:
    """A figure without a background of its own, in inks that stand out on white and on black."""
    options = {} if share is None else {"x_range": share.x_range}
    made = figure(
        title=title, height=height, x_axis_type="datetime", sizing_mode="stretch_width", toolbar_location=None,
        tools="xpan,xwheel_zoom,box_zoom,reset", active_drag="box_zoom", active_scroll=None, **options,
    )  # fmt: skip
    made.background_fill_color = made.border_fill_color = None
    made.outline_line_color = None
    made.title.text_color, made.title.text_font_size, made.title.text_font_style = INK, "12px", "normal"
    made.grid.grid_line_color, made.grid.grid_line_alpha = INK, 0.18
    for axis in (*made.xaxis, *made.yaxis):
        axis.axis_line_color = axis.minor_tick_line_color = None
        axis.major_tick_line_color, axis.major_tick_line_alpha = INK, 0.4
        axis.major_label_text_color = INK
    made.yaxis.minor_tick_line_color = None
    made.min_border_left = 64
    made.x_range.range_padding = 0.01
    return made


def _dress_legend(made: figure, *, hidden: bool = False) -> None:
    legend = made.legend[0]
    legend.visible = not hidden
    legend.location, legend.orientation, legend.click_policy = "top_left", "horizontal", "hide"
    legend.background_fill_color = legend.border_line_color = None
    legend.label_text_color, legend.label_text_font_size = INK, "11px"
    legend.padding, legend.margin, legend.spacing = 2, 2, 12


def _stack(above: figure, below: figure) -> Column:
    above.xaxis.visible = False
    cross = CrosshairTool(dimensions="height", line_color=INK, line_alpha=0.5)
    above.add_tools(cross)
    below.add_tools(cross)
    return column(above, below, sizing_mode="stretch_width", spacing=0)


def _colours(count: int) -> Sequence[str]:
    return [STRATEGIES[place % len(STRATEGIES)] for place in range(count)]
