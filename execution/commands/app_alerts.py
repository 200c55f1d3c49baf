"""`execution alerts …` on the command line: names, options and help; what they do is imported when one is run."""

from __future__ import annotations

from typing import Annotated

import typer

from execution.commands.options import HomeOption, JsonOption, end

alerts = typer.Typer(help="What fires, and your answers to it.", rich_markup_mode=None)

NamesArgument = Annotated[
    list[str], typer.Argument(metavar="ALERT…", help="Ids, their first letters, or a rule for all that it has open.")
]
WhyOption = Annotated[str, typer.Option("--reason", "-r", help="Why; it stands in the log beside your name.")]


@alerts.callback(invoke_without_command=True)
def alerts_alone(context: typer.Context) -> None:
    """What fires, and your answers to it; alone it is `alerts list`."""
    if context.invoked_subcommand is None:
        alerts_list()


@alerts.command("list")
def alerts_list(
    home: HomeOption = None,
    history: Annotated[int, typer.Option("--history", "-n", min=0, help="Also so many of the newest steps.")] = 0,
    json: JsonOption = False,
) -> None:
    """Everything that fires: what, where, since when, the value, what was done, who was told."""
    from execution.commands.alerts import show

    end(show(home, history=history, as_json=json))


@alerts.command("ack")
def alerts_ack(names: NamesArgument, reason: WhyOption, home: HomeOption = None, json: JsonOption = False) -> None:
    """Take an alert on: it goes on to nobody else, and still shows until it is over."""
    from execution.commands.alerts import answer
    from toolkit.domain.alerts import AlertDeed

    end(answer(home, AlertDeed.ACKNOWLEDGE, names, reason=reason, as_json=json))


@alerts.command("silence")
def alerts_silence(
    names: NamesArgument,
    lasting: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 1d; seven days at most.")],
    reason: WhyOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have an alert told to nobody for some time; it still shows, and is told again when the time is over."""
    from execution.commands.alerts import answer
    from toolkit.domain.alerts import AlertDeed

    end(answer(home, AlertDeed.SILENCE, names, reason=reason, as_json=json, lasting=lasting))


@alerts.command("escalate")
def alerts_escalate(names: NamesArgument, reason: WhyOption, home: HomeOption = None, json: JsonOption = False) -> None:
    """Send an alert on to the next channel of its chain now."""
    from execution.commands.alerts import answer
    from toolkit.domain.alerts import AlertDeed

    end(answer(home, AlertDeed.ESCALATE, names, reason=reason, as_json=json))
