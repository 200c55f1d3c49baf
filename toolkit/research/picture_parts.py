"""How bokeh pictures look, on light and on dark pages alike: inks, an empty figure, a legend; nothing is drawn here."""

from __future__ import annotations

from typing import Final

from bokeh.models import BasicTicker, DataRange1d
from bokeh.models.annotations import Title
from bokeh.plotting import figure

INK: Final = "#8a929c"
LINE: Final = "#3d7eea"
UP: Final = "#1f9d6b"
DOWN: Final = "#d9485f"
STRATEGIES: Final = ("#e0892b", "#8d62d8", "#1aa5b8", "#b8579c", "#7a9a2e", "#a9744f")
SMALL: Final = 150


def blank_figure(
    title: str, height: int, share: figure | None = None, *, time: bool = True, log: bool = False
) -> figure:
    """A figure without a background of its own, in inks that stand out on white and on black."""
    heading = Title(text=title, text_color=INK, text_font_size="12px", text_font_style="normal")
    made = figure(
        title=heading, height=height, x_axis_type="datetime" if time else "linear",
        y_axis_type="log" if log else "linear",
        sizing_mode="stretch_width", toolbar_location=None,
        tools="xpan,xwheel_zoom,box_zoom,reset", active_drag="box_zoom", active_scroll=None,
        x_range=DataRange1d(range_padding=0.01) if share is None else share.x_range, min_border_left=64,
    )  # fmt: skip
    dress(made)
    made.yaxis.minor_tick_line_color = None
    if height < SMALL and not log:
        made.yaxis.ticker = BasicTicker(desired_num_ticks=3)
    return made


def dress(made: figure) -> None:
    """Nothing of its own behind it, and inks that stand out on white and on black."""
    made.background_fill_color = made.border_fill_color = None
    made.outline_line_color = None
    made.grid.grid_line_color, made.grid.grid_line_alpha = INK, 0.18
    for axis in (*made.xaxis, *made.yaxis):
        axis.axis_line_color = axis.minor_tick_line_color = None
        axis.major_tick_line_color, axis.major_tick_line_alpha = INK, 0.4
        axis.major_label_text_color = INK


def dress_legend(made: figure, *, hidden: bool = False) -> None:
    """Above the picture, where it covers nothing; a click hides what it names."""
    (legend,) = made.legend
    legend.visible = not hidden
    made.add_layout(legend, "above")
    legend.location, legend.orientation, legend.click_policy = "top_left", "horizontal", "hide"
    legend.background_fill_color = legend.border_line_color = None
    legend.label_text_color, legend.label_text_font_size = INK, "11px"
    legend.update(padding=0, margin=0, spacing=14)
