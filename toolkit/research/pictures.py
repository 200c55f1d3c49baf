"""Pictures of a backtest in bokeh, legible on light and dark pages alike; they draw tables and compute no figure."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from bokeh.layouts import column
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    FactorRange,
    HoverTool,
    NumeralTickFormatter,
)
from bokeh.models.annotations import BoxAnnotation, Span, Title
from bokeh.models.layouts import Column
from bokeh.plotting import figure
from bokeh.transform import linear_cmap

from toolkit.measures.performance import drawdowns
from toolkit.research.outcome import Outcome
from toolkit.research.picture_parts import DOWN, INK, LINE, STRATEGIES, UP, blank_figure, dress, dress_legend
from toolkit.research.result_costs import PARTS

MOST_POINTS: Final = 1_500
INK_ON_COLOUR: Final = "#14181d"
_FROM_DOWN_TO_UP: Final = ("#d9485f", "#e28593", "#ecc0c6", "#e8eaed", "#b5dccb", "#69bd9c", "#1f9d6b")


def equity_picture(result: Outcome) -> Column:
    """Equity of the book and of each strategy, with its drawdown below, over the whole run."""
    table = _without_zone(thinned(result.equity, "total"))
    start, several = float(table["total"].iloc[0]), len(result.strategies) > 1
    table["fall"], table["none"] = drawdowns(table["total"].to_numpy(dtype=float)), 0.0
    for name in result.strategies:
        table[name] += start - table[name].iloc[0]
    source = _source(table)
    above = blank_figure(f"Equity in {result.currency} · backtest · {result.setting.data.label}", 250)
    if several:
        for place, name in enumerate(result.strategies):
            colour = STRATEGIES[place % len(STRATEGIES)]
            above.line("time", name, source=source, color=colour, line_width=1.2, alpha=0.85, legend_label=name)
    drawn = above.line("time", "total", source=source, color=LINE, line_width=2, legend_label="book")
    dress_legend(above, hidden=not several)
    above.add_layout(Span(location=start, dimension="width", line_color=INK, line_dash="dotted"))
    above.yaxis.formatter = NumeralTickFormatter(format="0,0")
    tips = [("", "@time{%F %H:%M} UTC"), ("equity", "@total{0,0.00}"), ("drawdown", "@fall{0.00%}")]
    above.add_tools(HoverTool(renderers=[drawn], mode="vline", tooltips=tips, formatters={"@time": "datetime"}))
    fall = blank_figure("Drawdown", 110, share=above)
    fall.varea("time", "fall", "none", source=source, color=DOWN, alpha=0.35)
    fall.yaxis.formatter = NumeralTickFormatter(format="0.0%")
    dates = result.measures.drawdown_dates
    if dates is not None and result.measures.drawdown.depth < 0:
        left, right = dates[0].tz_localize(None), (dates[2] or result.last_time).tz_localize(None)
        above.add_layout(BoxAnnotation(left=left, right=right, fill_color=DOWN, fill_alpha=0.06, line_color=None))
    return _stack(above, fall)


def comparison_picture(table: pd.DataFrame, currency: str, label: str) -> Column:
    """The PnL of two, the first two columns of the table, over time, and `difference` below."""
    shown = _without_zone(table)
    first, second = map(str, shown.columns[:2])
    source = _source(shown.assign(none=0.0).set_axis(["first", "second", "difference", "none"], axis=1))
    above = blank_figure(f"PnL in {currency} · backtest · {label}", 250)
    drawn = above.line("time", "first", source=source, color=LINE, line_width=2, legend_label=first)
    above.line("time", "second", source=source, color=STRATEGIES[0], line_width=2, legend_label=second)
    dress_legend(above)
    above.add_layout(Span(location=0, dimension="width", line_color=INK, line_dash="dotted"))
    tips = [
        ("", "@time{%F %H:%M} UTC"), (first, "@first{+0,0.00}"), (second, "@second{+0,0.00}"),
        ("difference", "@difference{+0,0.00}"),
    ]  # fmt: skip
    above.add_tools(HoverTool(renderers=[drawn], mode="vline", tooltips=tips, formatters={"@time": "datetime"}))
    below = blank_figure(f"{first} less {second}", 130, share=above)
    below.varea("time", "difference", "none", source=source, color=LINE, alpha=0.3)
    below.line("time", "difference", source=source, color=LINE, line_width=1.2)
    for one in (above, below):
        one.yaxis.formatter = NumeralTickFormatter(format="0,0")
    return _stack(above, below)


def heat_map(table: pd.DataFrame, title: str, *, less_is_better: bool = False) -> figure:
    """A figure by two parameters: the index goes up, the columns to the right; what is not known stays empty."""
    palette = _FROM_DOWN_TO_UP[::-1] if less_is_better else _FROM_DOWN_TO_UP
    down, across = [list(map(str, axis)) for axis in (table.index, table.columns)]
    made = figure(
        title=Title(text=title, text_color=INK, text_font_size="12px", text_font_style="normal"), tools="",
        x_range=FactorRange(factors=across), y_range=FactorRange(factors=down), height=90 + 34 * len(down),
        sizing_mode="stretch_width", toolbar_location=None,
        x_axis_label=str(table.columns.name), y_axis_label=str(table.index.name),
    )  # fmt: skip
    values = table.to_numpy(dtype=np.float64)
    cells = [(x, y, float(values[row, place])) for row, y in enumerate(down) for place, x in enumerate(across)]
    known = [value for _, _, value in cells if np.isfinite(value)]
    reach = max(map(abs, known), default=0.0) or 1.0
    colours = linear_cmap("value", palette, low=-reach, high=reach, nan_color="rgba(0,0,0,0)")
    data: dict[str, Any] = {name: [cell[place] for cell in cells] for place, name in enumerate(("x", "y", "value"))}
    source = ColumnDataSource(data | {"text": [f"{cell[2]:,.2f}" if np.isfinite(cell[2]) else "–" for cell in cells]})
    made.rect("x", "y", 0.97, 0.95, source=source, fill_color=colours, fill_alpha=0.95, line_color=None)
    made.text("x", "y", "text", source=source, text_align="center", text_baseline="middle", text_color=INK_ON_COLOUR,
              text_font_size="11px")  # fmt: skip
    made.background_fill_color = made.border_fill_color = made.outline_line_color = None
    made.grid.visible = False
    for axis in (*made.xaxis, *made.yaxis):
        axis.axis_line_color = axis.major_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = INK
        axis.axis_label_text_font_style = "normal"
    return made


def price_picture(result: Outcome, instrument: str) -> Column:
    """The middle of the quotes of one instrument with every fill, and the account's position below."""
    data = result.setting.data
    quotes = _without_zone(thinned(_traded_span(data.frame(instrument), result), "mid"))
    above = blank_figure(f"{instrument} with fills · backtest · {data.label}", 280)
    above.line("time", "mid", source=_source(quotes[["mid"]]), color=LINE, line_width=1.2)
    fills = _without_zone(result.fills[result.fills["instrument"] == instrument])
    for side, marker, colour in (("buy", "triangle", UP), ("sell", "inverted_triangle", DOWN)):
        _draw_fills(above, fills[fills["side"] == side], side, marker, colour)
    dress_legend(above)
    above.yaxis.formatter = NumeralTickFormatter(format="0,0.00")
    below = blank_figure("Position", 90, share=above)
    below.varea("time", "held", "none", source=_staircase(result, instrument), color=LINE, alpha=0.3)
    below.yaxis.formatter = NumeralTickFormatter(format="0,0")
    return _stack(above, below)


def exposure_picture(result: Outcome) -> figure:
    """What is held as a share of the capital: all of it, and longs less shorts."""
    capital = float(result.capital)
    shares = _without_zone(thinned(result.exposure / capital if capital else result.exposure * np.nan, "gross"))
    times, held = shares.index.to_numpy(), shares.to_numpy(dtype=float)
    ends = np.append(times[1:], np.datetime64(result.last_time.tz_localize(None)))
    stairs: dict[str, Any] = {
        "time": np.column_stack([times, ends]).ravel(), "gross": np.repeat(held[:, 0], 2),
        "net": np.repeat(held[:, 1], 2), "none": np.zeros(2 * len(held)),
    }  # fmt: skip
    source = ColumnDataSource(stairs)
    made = blank_figure(f"Exposure, share of the capital · backtest · {result.setting.data.label}", 190)
    made.varea("time", "gross", "none", source=source, color=LINE, alpha=0.22, legend_label="gross: Σ|position|")
    drawn = made.line("time", "gross", source=source, color=LINE, line_width=1)
    made.line("time", "net", source=source, color=STRATEGIES[0], line_width=1.4, legend_label="net: longs less shorts")
    dress_legend(made)
    made.add_layout(Span(location=1, dimension="width", line_color=INK, line_dash="dotted"))
    made.yaxis.formatter = NumeralTickFormatter(format="0%")
    tips = [("", "@time{%F %H:%M} UTC"), ("gross", "@gross{0.0%}"), ("net", "@net{0.0%}")]
    made.add_tools(HoverTool(renderers=[drawn], mode="vline", tooltips=tips, formatters={"@time": "datetime"}))
    return made


def costs_picture(result: Outcome) -> figure:
    """Each instrument's costs in basis points of what was traded in it, part beside part; gains go to the left."""
    costs = result.costs
    names = [str(name) for name in costs.index][::-1]
    points = costs[[*PARTS]].div(costs["traded"], axis=0).iloc[::-1] * 1e4
    heading = f"Costs in basis points of what was traded · backtest · {result.setting.data.label}"
    made = figure(
        title=Title(text=heading, text_color=INK, text_font_size="12px", text_font_style="normal"), tools="",
        y_range=FactorRange(factors=names), height=70 + 26 * len(names), sizing_mode="stretch_width",
        toolbar_location=None, min_border_left=64,
    )  # fmt: skip
    for sign in (1, -1):
        data: dict[str, Any] = {"instrument": names} | {
            part: np.maximum(sign * points[part].to_numpy(dtype=float), 0) * sign for part in PARTS
        }
        drawn = made.hbar_stack(
            list(PARTS), y="instrument", height=0.62, source=ColumnDataSource(data), alpha=0.85, line_color=None,
            color=[INK, LINE, STRATEGIES[0], DOWN], legend_label=[part.replace("_", " ") for part in PARTS],
        )  # fmt: skip
        for part, bars in zip(PARTS, drawn, strict=True):
            tips = [("", "@instrument"), (part.replace("_", " "), f"@{part}{{0.00}} bp")]
            made.add_tools(HoverTool(renderers=[bars], tooltips=tips))
    dress(made)
    dress_legend(made)
    made.ygrid.visible = False
    made.add_layout(Span(location=0, dimension="height", line_color=INK, line_alpha=0.6))
    return made


def _draw_fills(above: figure, fills: pd.DataFrame, side: str, marker: str, colour: str) -> None:
    source = _source(fills[["price", "quantity", "strategy", "fee", "liquidity"]])
    drawn = above.scatter(
        "time", "price", source=source, marker=marker, size=9 if len(fills) < 300 else 5, color=colour, alpha=0.8,
        line_color=None, legend_label=f"{side} ({len(fills):,})",
    )  # fmt: skip
    tips = [
        ("", f"{side} @quantity{{0,0.##}} at @price{{0,0.00##}}"),
        ("strategy", "@strategy, @liquidity"),
        ("fee", "@fee{0,0.00##}"),
        ("time", "@time{%F %H:%M:%S} UTC"),
    ]
    above.add_tools(HoverTool(renderers=[drawn], tooltips=tips, formatters={"@time": "datetime"}))


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


def _traded_span(quotes: pd.DataFrame, result: Outcome) -> pd.DataFrame:
    """Without the history that only warmed up, and what came after the last step."""
    return quotes.loc[result.equity.index[0] : result.last_time] if len(result.equity) else quotes


def _without_zone(table: pd.DataFrame) -> pd.DataFrame:
    """bokeh knows no time zones: what it shows is UTC."""
    return table.set_axis(table.index.tz_localize(None), axis=0) if isinstance(table.index, pd.DatetimeIndex) else table


def _source(table: pd.DataFrame) -> ColumnDataSource:
    columns: dict[str, Any] = {str(name): table[name].to_numpy() for name in table}
    return ColumnDataSource({"time": table.index.to_numpy(), **columns})


def _staircase(result: Outcome, instrument: str) -> ColumnDataSource:
    """The account's position as a staircase up to the last step."""
    positions = result.positions
    held = positions[instrument].to_numpy(dtype=float) if instrument in positions else np.zeros(len(positions))
    times = _without_zone(positions).index.to_numpy()
    ends = np.append(times[1:], np.datetime64(result.last_time.tz_localize(None)))
    both = np.column_stack([times, ends]).ravel()
    return ColumnDataSource({"time": both, "held": np.repeat(held, 2), "none": np.zeros(2 * len(held))})


def _stack(above: figure, below: figure) -> Column:
    above.xaxis.visible = False
    cross = CrosshairTool(dimensions="height", line_color=INK, line_alpha=0.5)
    above.add_tools(cross)
    below.add_tools(cross)
    return column(above, below, sizing_mode="stretch_width", spacing=0)
