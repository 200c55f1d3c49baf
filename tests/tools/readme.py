"""The parts of README.md that the code knows better: `python -m tests.tools.readme` writes them, a test compares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer.main
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from execution.commands.app import app
from execution.commands.exits import MEANINGS
from execution.settings.monitoring import read_monitoring
from tests.benchmarks.report import RESULTS
from toolkit.domain.order_tables import diagram
from toolkit.monitoring.inventory import alerts_table, metrics_table
from toolkit.monitoring.plan import Plan

SAID_ABOVE = frozenset({"home", "json"})
README = Path(__file__).resolve().parents[2] / "README.md"


def blocks() -> dict[str, str]:
    """Marker → what stands between `<!-- marker -->` and `<!-- /marker -->`."""
    return {
        "order states": f"```mermaid\n{diagram().strip()}\n```",
        "commands": _table(("command", "what it does"), ((f"`{name}`", said) for name, said in commands().items())),
        "measured": _measured(json.loads(RESULTS.read_text(encoding="utf-8"))),
        "alerts": "\n".join(alerts_table(_plan())),
        "metrics": "\n".join(metrics_table(_plan())),
        "exit codes": _table(("exit code", "means"), ((str(code.value), said) for code, said in MEANINGS.items())),
    }


@cache
def _plan() -> Plan:
    return read_monitoring(README.parent).plan


def commands() -> dict[str, str]:
    """Every command with its arguments, and what its help says first."""
    return dict(_walk(typer.main.get_command(app), ""))


def between(text: str, marker: str) -> str:
    """ValueError when the marker is not there."""
    _, begin, rest = text.partition(f"<!-- {marker} -->\n")
    inside, end, _ = rest.partition(f"\n<!-- /{marker} -->")
    if not (begin and end):
        if f"<!-- {marker} -->\n<!-- /{marker} -->" in text:
            return ""
        raise ValueError(f"README.md has no <!-- {marker} --> … <!-- /{marker} -->")
    return inside


def written(text: str) -> str:
    """The README with every block as it should be."""
    for marker, block in blocks().items():
        begin, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}{block}\n{end}{rest.partition(end)[2]}"
    return text


def _walk(command: object, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(command, TyperGroup):
        if command.invoke_without_command:
            yield prefix, (command.help or "").split("\n\n")[0].replace("\n", " ")
        for name, inner in command.commands.items():
            yield from _walk(inner, f"{prefix} {name}".strip())
    if isinstance(command, TyperCommand):
        words = [word for parameter in command.params if (word := _word(parameter))]
        yield " ".join([prefix, *words]), (command.help or "").split("\n\n")[0].replace("\n", " ")


def _word(parameter: object) -> str:
    """How a parameter is typed; what every command has is said once, above the table."""
    if isinstance(parameter, TyperArgument):
        name = (parameter.metavar or parameter.name or "").upper()
        return name if parameter.required else f"[{name}]"
    if isinstance(parameter, TyperOption) and parameter.name not in SAID_ABOVE:
        option = max(parameter.opts, key=len)
        return option if parameter.required else f"[{option}]"
    return ""


def _measured(results: Mapping[str, dict[str, Any]]) -> str:
    """Every figure with a goal or a peer; the rest stands in results.json."""
    rows = (
        (name, f"{row['value']:,g} {row['unit']}", _beside(row), row["goal"], _met(row["met"]))
        for name, row in results.items()
        if row["goal"] or row["peers"]
    )
    return _table(("what", "measured", "beside", "goal", ""), rows)


def _beside(row: Mapping[str, Any]) -> str:
    floor = [] if row["floor"] is None else [f"floor {row['floor']:,g}, ratio {row['ratio']:g}"]
    return ", ".join([*floor, *(f"{peer} {value:,g}" for peer, value in row["peers"].items())])


def _met(met: bool | None) -> str:
    return "" if met is None else "met" if met else "**missed**"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(
        [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
    )


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
