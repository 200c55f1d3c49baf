"""Results of strategies over time as one picture, for the views that show it; the curves are those of the tallies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import nan
from typing import Any, Final

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.compared import AGAINST, apart_by
from toolkit.dashboards.drawing import HEIGHT, MOST_POINTS, colour_of, lines, thinned
from toolkit.dashboards.face import Data, Picture
from toolkit.dashboards.known import Known
from toolkit.replica.views import money

MOST_LINES: Final = 6
PARTS: Final = ("pnl", "realised", "fees")
BESIDE: Final = "broad and pale behind each line: its replay, and its backtest where that is another"


def pnl_picture(known: Known, choice: Choice, *, height: int = HEIGHT, beside: bool = False) -> Picture:
    """The result of each chosen strategy since the book began, at its marks, over the span; its replay `beside` it."""
    names = [name for name in known.tallies.equity.curves if choice.takes(name)]
    shown = sorted(names)[:MOST_LINES]
    data = pnl_columns(known, choice, shown)
    some = len(data["time"]) > 1
    left = len(names) - len(shown)
    others = _others(known, choice, shown, data) if beside and known.sessions else {}
    columns = [(f"pnl{place}", name, colour_of(place)) for place, name in enumerate(shown)]
    behind = [(key, words, colour_of(place)) for key, (place, words, _) in others.items()]
    below = (f"and {left} more strategies: choose them above" if left > 0 else "", BESIDE if others else "")
    return Picture(
        key="pnl", title=f"PnL by strategy, {known.currency}", wide=True, shape=(*shown, *others),
        data={**data, **{key: values for key, (_, _, values) in others.items()}},
        legend=tuple((versioned(known, name), colour_of(place)) for place, name in enumerate(shown)),
        draw=lines(
            [*behind, *columns], known.currency, form="0,0", zero=True, height=height, pale=tuple(others),
        ),
        empty="" if some else f"Nothing was marked in {choice.span_words}.",
        below="; ".join(filter(None, below)),
    )  # fmt: skip


def _others(known: Known, choice: Choice, names: Sequence[str], data: Data) -> dict[str, tuple[int, str, list[float]]]:
    """Column → place, words and values of each replay, and of a backtest that is not the same: live less their
    difference, which is known at the end of each session."""
    found: dict[str, tuple[int, str, list[float]]] = {}
    walls = _walls(known, choice, names)
    for place, name in enumerate(names):
        told: list[float] = []
        for against in AGAINST:
            times, apart = apart_by(known, name, against)
            if len(times) < 2 or (against != "replay" and apart == told):
                continue
            told = apart
            values = [
                live - apart[bisect_right(times, wall) - 1]
                for live, wall in zip(data[f"pnl{place}"], walls, strict=True)
            ]
            found[f"{against}{place}"] = place, f"{name}, {against}", values
    return found


def versioned(known: Known, name: str) -> str:
    """`trend v7`."""
    deployment = known.replica.ledger.deployments.get(name)
    return name if deployment is None else f"{name} v{deployment.version}"


def pnl_columns(known: Known, choice: Choice, names: list[str], *, parts: bool = False) -> Data:
    """`time` and `pnl0`, `pnl1`, … of these strategies at the moments that any of them was marked.

    With `parts` also `realised0`, `fees0`, … . NaN before the first mark of a strategy.
    """
    walls, curves = _walls(known, choice, names), known.tallies.equity.curves
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


def _walls(known: Known, choice: Choice, names: Sequence[str]) -> list[int]:
    """The moments at which any of them was marked, as many as a picture shows."""
    curves = known.tallies.equity.curves
    walls = sorted({point.wall for name in names for point in curves[name].points if known.covers(choice, point.wall)})
    return [walls[place] for place in thinned(len(walls), MOST_POINTS)]
