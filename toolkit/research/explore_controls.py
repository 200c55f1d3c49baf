"""Sliders and menus for the parameters of a strategy, of ipywidgets; what they move is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import ipywidgets

from toolkit.domain.errors import ConfigError
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_parameters import parameter_values

_LAYOUT = {"description_width": "110px"}
_STEPS = 50


def controls(strategy: type[Strategy], ranges: Mapping[str, object]) -> dict[str, Any]:
    """A control for each parameter, at the class's default, or at the nearest place that its range has.

    A tuple (low, high) or (low, high, step) is a slider, a list are the values of a menu. ConfigError names what does
    not fit.
    """
    if not ranges:
        raise ConfigError("name at least one parameter with its range, such as fast=(5, 20)")
    made = {}
    for name, given in ranges.items():
        values = list(given) if isinstance(given, list | tuple) else []
        if not values:
            raise ConfigError(f"{name} is {given!r}; give a tuple (low, high), (low, high, step) or a list of values")
        for value in values[:2] if isinstance(given, tuple) else values:
            parameter_values(strategy, {name: value})
        default = _default(strategy, name)
        made[name] = _menu(name, values, default) if isinstance(given, list) else _slider(name, values, default)
    return made


def _default(strategy: type[Strategy], name: str) -> Any:
    return parameter_values(strategy, {}).get(name, getattr(strategy, name))


def _menu(name: str, values: list[Any], default: Any) -> Any:
    chosen = default if default in values else values[0]
    return ipywidgets.Dropdown(options=values, value=chosen, description=name, style=_LAYOUT)


def _slider(name: str, values: list[Any], default: Any) -> Any:
    low, high = values[:2] if len(values) in (2, 3) else (1, 0)
    if isinstance(low, str | bool) or not low < high:
        raise ConfigError(f"{name} is {tuple(values)!r}; give (low, high) or (low, high, step), from low to high")
    whole = isinstance(default, int) and isinstance(low, int) and isinstance(high, int)
    step = values[2] if len(values) == 3 else 1 if whole else _round_step(high - low)
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    more = {} if whole else {"readout_format": f".{_digits(step)}f"}
    return kind(
        value=min(max(default, low), high), min=low, max=high, step=step, description=name, style=_LAYOUT,
        layout=ipywidgets.Layout(width="420px"), **more,
    )  # fmt: skip


def _digits(step: float) -> int:
    """How many digits behind the point a step has."""
    return len(f"{Decimal(repr(step)).normalize():f}".partition(".")[2])


def _round_step(span: float) -> float:
    """About a fiftieth of the span, as one digit and zeros: 0.01 of 0.5."""
    return float(f"{span / _STEPS:.0e}")
