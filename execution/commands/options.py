"""Options that many commands have, with one wording each, and how a command ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from execution.commands.exits import Exit

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The desk's folder; else EXECUTION_HOME, else the nearest parent with config/."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; it stands in the journal beside your name.")]


def end(code: Exit) -> NoReturn:
    """Leave with this exit code."""
    raise typer.Exit(code)
