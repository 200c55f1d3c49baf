"""`execution monitoring …` on the command line: names, options and help; what they do is imported when one is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from execution.commands.options import HomeOption, JsonOption, end

monitoring = typer.Typer(
    help="What is an alert: config/monitoring.yaml, and the files that other tools take from it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@monitoring.command("check")
def monitoring_check(
    home: HomeOption = None,
    metrics: Annotated[bool, typer.Option("--metrics", help="Every metric, and the alerts that look at it.")] = False,
    json: JsonOption = False,
) -> None:
    """Whether config/monitoring.yaml can work; what has no series yet, and how often it would be wrong."""
    from execution.commands.monitoring import check

    end(check(home, metrics=metrics, as_json=json))


@monitoring.command("generate")
def monitoring_generate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or one that this wrote before.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Rules of Prometheus with their tests, routes of Alertmanager, dashboards of Grafana, a page of metrics."""
    from execution.commands.monitoring import generate

    end(generate(home, folder, as_json=json))


@monitoring.command("test")
def monitoring_test(home: HomeOption = None, json: JsonOption = False) -> None:
    """Run the cases of config/monitoring.yaml: through the desk's own evaluation, and through promtool where it is."""
    from execution.commands.monitoring import run_cases

    end(run_cases(home, as_json=json))


@monitoring.command("fire")
def monitoring_fire(
    name: Annotated[str, typer.Argument(help="Name of the alert.")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; the message says it.")] = "a trial",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send a trial of an alert along its whole way to a person; it is marked as one and stops nothing."""
    from execution.commands.trying import fire

    end(fire(home, name, reason=reason, as_json=json))
