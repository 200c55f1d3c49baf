"""`execution rollout …` on the command line: names, options and help; what they do is imported when one is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from execution.commands.options import HomeOption, JsonOption, end

rollout = typer.Typer(help="How a version earns its capital: the plan.", no_args_is_help=True, rich_markup_mode=None)


@rollout.command("validate")
def rollout_validate(
    home: HomeOption = None,
    orders_a_day: Annotated[float, typer.Option("--orders-a-day", min=0.01, help="Of the strategy.")] = 100,
    deviation: Annotated[float, typer.Option("--sd", min=0.01, help="Of one order's cost against paper, in bp.")] = 8.0,
    lots: Annotated[float, typer.Option("--lots", min=0, help="Of a typical order at all of its capital.")] = 100,
    least_lots: Annotated[float, typer.Option("--least-lots", min=0, help="What the venue takes at least.")] = 1,
    json: JsonOption = False,
) -> None:
    """What config/rollout.yaml promises: time, false alarms, what it finds. Refuses what it cannot answer for."""
    from execution.commands.rollout import validate
    from toolkit.rollout.forecast import Pace

    end(validate(home, Pace(orders_a_day, deviation, lots, least_lots), as_json=json))


@rollout.command("simulate")
def rollout_simulate(
    scenario: Annotated[list[str] | None, typer.Argument(help="Of the shipped ones; all without.")] = None,
    home: HomeOption = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Rollouts of each.")] = 200,
    orders_a_day: Annotated[
        int | None, typer.Option("--orders-a-day", min=1, help="Instead of the scenario's.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 7,
    history: Annotated[
        Path | None,
        typer.Option("--history", help="Noise of real orders, drawn in blocks: live less paper in bp, one a line."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Made-up versions through the plan's gates: honest ones, and each kind of harm."""
    from execution.commands.rollout import run_simulation

    end(run_simulation(home, scenario or [], count, orders_a_day, seed, history, as_json=json))
