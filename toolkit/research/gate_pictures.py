"""How the gates of a rollout decide, as pictures to play with: drawn versions beside rules; nothing moves capital."""

from __future__ import annotations

from html import escape
from typing import Final, NamedTuple

import ipywidgets
import numpy as np
from bokeh.models import NumeralTickFormatter, Range1d
from bokeh.plotting import figure

from toolkit.measures.performance import Floats
from toolkit.measures.sequential import Boundary, Places, long_run_deviation
from toolkit.research.embedding import Pictures, current_cell, notebook, style
from toolkit.research.page_parts import figure_card
from toolkit.research.picture_parts import DOWN, INK, LINE, UP, blank_figure
from toolkit.rollout.scenarios import Scenario, differences

BURN_IN: Final = 200
DRAWS: Final = 400
SHOWN: Final = 12


class Rule(NamedTuple):
    """A rule at every observation: whether it has fired by then, as a share of the drawn versions."""

    name: str
    colour: str
    fired: Floats


def rules_fired(scenario: Scenario, orders: int, day: int = 20, draws: int = DRAWS, seed: int = 7) -> tuple[Rule, ...]:
    """By when each rule has fired, of so many drawn versions: two that look at 2 σ, and the gate's boundary.

    The first holds each day's sum (`day` orders) against 2 σ, the second the sum so far against 2 σ·√t, looking every
    day; the third is the boundary, looking after each order.
    """
    dice = np.random.default_rng(seed)
    daily, summed, gate = (np.zeros(orders) for _ in range(3))
    for _ in range(draws):
        before = differences(scenario, BURN_IN, dice)
        series = differences(scenario, orders, dice) - scenario.worse
        sigma = long_run_deviation(before).value
        looks = np.arange(day, orders + 1, day)
        sums = np.cumsum(series)[looks - 1]
        of_day = np.diff(np.concatenate(([0.0], sums)))
        daily += _since(np.abs(of_day) > 2 * sigma * np.sqrt(day), looks, orders)
        summed += _since(np.abs(sums) > 2 * sigma * np.sqrt(looks), looks, orders)
        path = Boundary(sigma, BURN_IN).path(series)
        gate += _since(path > 1, np.arange(1, orders + 1), orders)
    return (
        Rule("each day against 2 σ", DOWN, daily / draws),
        Rule("the sum so far against 2 σ", INK, summed / draws),
        Rule("the gate's boundary", LINE, gate / draws),
    )


def _since(fires: np.ndarray, looks: Places, orders: int) -> Floats:
    """1 from the first look at which it fires."""
    found = np.zeros(orders)
    places = np.flatnonzero(fires)
    if len(places):
        found[looks[places[0]] - 1 :] = 1.0
    return found


def rules_picture(scenario: Scenario, orders: int, day: int = 20, seed: int = 7) -> figure:
    """By when each rule has fired: false alarms of an honest version, or how soon a worse one is caught."""
    what = f"{scenario.worse:g} bp worse" if scenario.worse else "nothing is wrong"
    picture = blank_figure(f"Share of versions that each rule has stopped · {what}", 260, time=False)
    places = np.arange(1.0, orders + 1)
    for rule in rules_fired(scenario, orders, day, seed=seed):
        picture.line(places, rule.fired, color=rule.colour, line_width=2, legend_label=rule.name)
    picture.y_range = Range1d(start=0, end=1.02)
    picture.yaxis.formatter = NumeralTickFormatter(format="0 %")
    picture.legend.location = "top_left"
    picture.legend.label_text_color, picture.legend.label_text_font_size = INK, "11px"
    picture.legend.background_fill_alpha = picture.legend.border_line_alpha = 0
    return _by_orders(picture)


def paths_picture(scenario: Scenario, orders: int, seed: int = 7) -> figure:
    """Some drawn versions: what they lost against paper so far, and the boundary that stops them."""
    dice = np.random.default_rng(seed)
    picture = blank_figure(
        "What a version has lost against paper, bp summed over its orders, and the boundary", 300, time=False
    )
    places = np.arange(1.0, orders + 1)
    sigma = long_run_deviation(differences(scenario, 100 * BURN_IN, dice)).value  # a typical one: each has its own
    boundary = Boundary(sigma, BURN_IN)
    for _ in range(SHOWN):
        series = differences(scenario, orders, dice) - scenario.worse
        crossed = np.flatnonzero(boundary.path(series) > 1)
        end = int(crossed[0]) + 1 if len(crossed) else orders
        picture.line(
            places[:end], -np.cumsum(series)[:end], color=DOWN if len(crossed) else UP, alpha=0.7, line_width=1.2
        )
        if len(crossed):
            picture.scatter([end], [-np.cumsum(series)[end - 1]], color=DOWN, size=7)
    picture.line(places, boundary.at(places), color=LINE, line_width=2.5)
    return _by_orders(picture)


def _by_orders(picture: figure) -> figure:
    picture.xaxis.formatter = NumeralTickFormatter(format="0,0")
    picture.xaxis.axis_label = "orders"
    picture.xaxis.axis_label_text_color, picture.xaxis.axis_label_text_font_style = INK, "normal"
    return picture


class GateExplorer:
    """Controls for a version that never was, and what each rule would have made of it. Displaying it shows both."""

    def __init__(self, *, orders: int = 500, seed: int = 7) -> None:
        self._seed = seed
        wide = ipywidgets.Layout(width="420px")
        named = {"style": {"description_width": "150px"}, "layout": wide, "continuous_update": False}
        self.worse = ipywidgets.FloatSlider(0.0, min=0, max=6, step=0.5, description="worse by, bp", **named)
        self.deviation = ipywidgets.FloatSlider(8.0, min=2, max=30, step=1, description="σ of an order, bp", **named)
        self.memory = ipywidgets.FloatSlider(0.0, min=0, max=0.6, step=0.1, description="autocorrelation", **named)
        self.orders = ipywidgets.IntSlider(orders, min=100, max=2_000, step=100, description="orders", **named)
        self.tails = ipywidgets.Checkbox(False, description="fat tails, t(3)", indent=True, style=named["style"])
        self._page = ipywidgets.Output()
        self._controls = (self.worse, self.deviation, self.memory, self.orders, self.tails)
        for control in self._controls:
            control.observe(lambda _: self._show(), names="value")
        self.widget = ipywidgets.VBox([*self._controls, self._page])
        self._script = notebook.library(current_cell())
        self._show()

    @property
    def scenario(self) -> Scenario:
        """Where the controls stand."""
        return Scenario(
            name="as the controls say",
            deviation=self.deviation.value,
            memory=self.memory.value,
            noise="t3" if self.tails.value else "normal",
            worse=self.worse.value,
        )

    def page(self) -> str:
        """What the controls lead to, as HTML."""
        scenario, orders = self.scenario, int(self.orders.value)
        rules = rules_fired(scenario, orders, seed=self._seed)
        good = "stopped though nothing is wrong" if not scenario.worse else "caught within these orders"
        cards = "".join(figure_card(rule.name, f"{rule.fired[-1]:.0%}", good) for rule in rules)
        pictures = Pictures()
        spots = pictures.place(paths_picture(scenario, orders, self._seed)) + pictures.place(
            rules_picture(scenario, orders, seed=self._seed)
        )
        title = escape(f"{orders:,} orders of a version that never was")
        head = f"<header><span class='qd-badge'>SIMULATED</span><h2>{title}</h2></header>"
        return (
            f"{style()}<div class='qd-result'>{head}<div class='qd-cards'>{cards}</div>{spots}</div>{pictures.script()}"
        )

    def _show(self) -> None:
        page, self._script = self._script + self.page(), ""
        data = {"text/html": page, "text/plain": repr(self)}
        self._page.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.widget)

    def __repr__(self) -> str:
        return f"GateExplorer at {self.scenario.worse:g} bp worse, σ {self.scenario.deviation:g} bp"
