"""Results of strategies over time as one picture, for the views that show it; the curves are those of the tallies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import nan
from typing import Any, Final

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.drawing import HEIGHT, MOST_POINTS, colour_of, lines, thinned
from toolkit.dashboards.face import Data, Picture
from toolkit.dashboards.known import Known
from toolkit.replica.views import money

MOST_LINES: Final = 6
PARTS: Final = ("pnl", "realised", "fees")


def pnl_picture(known: Known, choice: Choice, *, height: int = HEIGHT) -> Picture:
    """The result of each chosen strategy since the book began, at its marks, over the span."""
    names = [name for name in known.tallies.equity.curves if choice.takes(name)]
    shown = sorted(names)[:MOST_LINES]
    data = pnl_columns(known, choice, shown)
    some = len(data["time"]) > 1
    left = len(names) - len(shown)
    return Picture(
        key="pnl", title=f"PnL by strategy, {known.currency}", data=data, wide=True, shape=tuple(shown),
        legend=tuple((versioned(known, name), colour_of(place)) for place, name in enumerate(shown)),
        draw=lines(
            [(f"pnl{place}", name, colour_of(place)) for place, name in enumerate(shown)], known.currency,
            form="0,0", zero=True, height=height,
        ),
        empty="" if some else f"Nothing was marked in {choice.span_words}.",
        below=f"and {left} more strategies: choose them above" if left > 0 else "",
    )  # fmt: skip


def versioned(known: Known, name: str) -> str:
    """`trend v7`."""
    deployment = known.replica.ledger.deployments.get(name)
    return name if deployment is None else f"{name} v{deployment.version}"


def pnl_columns(known: Known, choice: Choice, names: list[str], *, parts: bool = False) -> Data:
    """`time` and `pnl0`, `pnl1`, … of these strategies at the moments that any of them was marked.

    With `parts` also `realised0`, `fees0`, … . NaN before the first mark of a strategy.
    """
    begins, curves = known.begins(choice), known.tallies.equity.curves
    walls = sorted({point.wall for name in names for point in curves[name].points if point.wall >= begins})
    walls = [walls[place] for place in thinned(len(walls), MOST_POINTS)]
    columns: dict[str, Sequence[Any]] = {"time": list(known.zone.axis(walls))}
    for place, name in enumerate(names):
        points = curves[name].points
        stamps = [point.wall for point in points]
        places = [bisect_right(stamps, wall) - 1 for wall in walls]
        for part in PARTS if parts else PARTS[:1]:
            quanta = [getattr(points[at], part) if at >= 0 else None for at in places]
            columns[f"{part}{place}"] = [
                nan if value is None else float(money(known.replica.ledger, value)) for value in quanta
            ]
    return columns
