"""What a benchmark found, as the file that is committed and as a table for people; it measures nothing."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).with_name("results.json")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value. `floor` is the same work without us, in the same run; `ratio` is value by floor.

    `goal` is in words (`ratio ≤ 1.5`), empty without one; `met` is None then. `peers` are others on the same work.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    peers: dict[str, float] = {}


def at_most(name: str, value: float, unit: str, limit: float) -> Result:
    """A value with a largest one that is good."""
    return Result(name=name, value=_short(value), unit=unit, goal=f"≤ {limit:,g} {unit}", met=value <= limit)


def at_least(name: str, value: float, unit: str, limit: float) -> Result:
    """A value with a smallest one that is good."""
    return Result(name=name, value=_short(value), unit=unit, goal=f"≥ {limit:,g} {unit}", met=value >= limit)


def against(name: str, value: float, unit: str, floor: float, limit: float | None = None) -> Result:
    """A value beside its floor; with `limit` the greatest ratio that is good."""
    ratio = value / floor
    return Result(
        name=name,
        value=_short(value),
        unit=unit,
        floor=_short(floor),
        ratio=round(ratio, 2),
        goal="" if limit is None else f"ratio ≤ {limit:g}",
        met=None if limit is None else ratio <= limit,
    )


def beside(
    name: str,
    value: float,
    unit: str,
    peers: Mapping[str, float],
    least: float = 0,
    times: float = 0,
) -> Result:
    """A speed beside the peers'. `least` is enough, and so many `times` the best of them; 0 asks for nothing."""
    goals = [(f"≥ {least:,g} {unit}", value >= least)] if least else []
    if times and peers:
        goals.append((f"≥ {times:g}× {', '.join(peers)}", value >= times * max(peers.values())))
    return Result(
        name=name,
        value=_short(value),
        unit=unit,
        goal=", ".join(words for words, _ in goals),
        met=all(met for _, met in goals) if goals else None,
        peers={peer: _short(speed) for peer, speed in peers.items()},
    )


def plain(name: str, value: float, unit: str) -> Result:
    """A value without a goal."""
    return Result(name=name, value=_short(value), unit=unit)


def keep(results: Iterable[Result], path: Path = RESULTS) -> None:
    """Put results into the file; those of benchmarks that did not run this time stay."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for result in results:
        fields = msgspec.to_builtins(result)
        known[fields.pop("name")] = fields
    text = json.dumps(dict(sorted(known.items())), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def show(results: Sequence[Result]) -> None:
    """Print the table."""
    table = Table(title=f"{platform.machine()}, Python {platform.python_version()}", title_justify="left")
    for column in ("what", "value", "unit", "floor", "ratio", "goal", ""):
        table.add_column(column, justify="right" if column in ("value", "floor", "ratio") else "left", no_wrap=True)
    for result in results:
        table.add_row(
            result.name,
            f"{result.value:,g}",
            result.unit,
            "" if result.floor is None else f"{result.floor:,g}",
            "" if result.ratio is None else f"{result.ratio:.2f}",
            result.goal,
            {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[result.met],
        )
    console = Console()
    console = console if console.is_terminal else Console(width=140)
    console.print(table)
    for result in results:
        for peer, speed in result.peers.items():
            console.print(f"{result.name}: {peer} {speed:,g} {result.unit}, ours {result.value / speed:.1f} times that")


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _short(value: float) -> float:
    """Four digits are more than a measurement knows."""
    return float(f"{value:.4g}")
