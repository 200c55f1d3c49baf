"""The command line: names, options and help of every command; what they do is imported when one is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from execution.commands.exits import Exit, epilog

app = typer.Typer(
    name="execution",
    help="Run a desk, look at it, stop anything on it. PAPER or LIVE stands on every screen.",
    epilog=epilog(),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
journal = typer.Typer(help="Look at the journal: every fact, in order.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(journal, name="journal")

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The desk's folder; else EXECUTION_HOME, else the nearest parent with config/."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
StrategyOption = Annotated[str, typer.Option("--strategy", "-s", help="Name of the strategy.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; it stands in the journal beside your name.")]


@app.command()
def up(
    home: HomeOption = None,
    background: Annotated[bool, typer.Option("-d", "--detach", help="Run in the background.")] = False,
    lab: Annotated[bool, typer.Option("--lab", help="JupyterLab too, on the next free port.")] = False,
    speed: Annotated[float, typer.Option(min=0, help="How much faster than configured; 0: as fast as it goes.")] = 1.0,
    json: JsonOption = False,
) -> None:
    """Start the desk. Ctrl-C stops all of it in order."""
    from execution.commands.running import up

    _end(up(home, speed=speed, lab=lab, background=background, as_json=json))


@app.command()
def down(
    home: HomeOption = None,
    leave_orders: Annotated[bool, typer.Option(help="Leave resting orders at the venues.")] = False,
    json: JsonOption = False,
) -> None:
    """Cancel resting orders, verify that at the venues, stop everything."""
    from execution.commands.running import down

    _end(down(home, leave_orders=leave_orders, as_json=json))


@app.command()
def status(
    home: HomeOption = None,
    limits: Annotated[bool, typer.Option("--limits", help="Each limit with the line it stands in.")] = False,
    json: JsonOption = False,
) -> None:
    """What runs, what it holds, what it earns, what is wrong."""
    from execution.commands.status import status

    _end(status(home, as_json=json, all_limits=limits))


def run() -> int:
    """Run the command that was typed; the exit code."""
    from execution.commands.desk import Stop, code_of
    from execution.commands.output import complain
    from toolkit.domain.errors import ExecutionError

    try:
        app(standalone_mode=True)
    except Stop as stop:
        if str(stop):
            complain(str(stop))
        return stop.code
    except ExecutionError as problem:
        complain(str(problem))
        return code_of(problem)
    except BrokenPipeError:  # `| head` has seen enough
        return Exit.DONE
    return Exit.DONE


def _end(code: Exit) -> None:
    raise typer.Exit(code)


Command = Callable[..., None]
