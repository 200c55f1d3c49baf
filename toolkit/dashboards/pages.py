"""The views by name, in the order of the menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from toolkit.dashboards import alerts, execution_latency, fill_rate, overview, pnl_live, risk_limits
from toolkit.dashboards.choice import Choice
from toolkit.dashboards.face import Face
from toolkit.dashboards.known import Known


class View(NamedTuple):
    """One view: what the menu calls it, and what it shows."""

    title: str
    face: Callable[[Known, Choice], Face]


VIEWS: Final[Mapping[str, View]] = {
    "overview": View(overview.TITLE, overview.face),
    "execution_latency": View(execution_latency.TITLE, execution_latency.face),
    "fill_rate": View(fill_rate.TITLE, fill_rate.face),
    "pnl_live": View(pnl_live.TITLE, pnl_live.face),
    "risk_limits": View(risk_limits.TITLE, risk_limits.face),
    "alerts": View(alerts.TITLE, alerts.face),
}
FIRST: Final = "overview"
