"""The commands about what people decide together: limits, people, changelog; what they do is imported when run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from execution.commands.options import HomeOption, JsonOption, ReasonOption, end

limits = typer.Typer(help="What may be sent, how much of it is used, and who may change it.", rich_markup_mode=None)
people = typer.Typer(help="Who may do what here.", no_args_is_help=True, rich_markup_mode=None)


@limits.callback(invoke_without_command=True)
def limits_alone(context: typer.Context) -> None:
    """What may be sent, how much of it is used, and who may change it; alone it is `limits list`."""
    if context.invoked_subcommand is None:
        limits_list()


@limits.command("list")
def limits_list(
    home: HomeOption = None,
    scope: Annotated[str | None, typer.Option("--scope", "-s", help="Only book, venue …, or of this name.")] = None,
    json: JsonOption = False,
) -> None:
    """Each control with limit in force, scope, use, last denial, file and line."""
    from execution.commands.limits import show

    end(show(home, scope=scope, as_json=json))


@limits.command("diff")
def limits_diff(home: HomeOption = None, json: JsonOption = False) -> None:
    """What the files would change, and what waits for an approval."""
    from execution.commands.limits import diff

    end(diff(home, as_json=json))


@limits.command("propose")
def limits_propose(reason: ReasonOption, home: HomeOption = None, json: JsonOption = False) -> None:
    """Stand behind what limits.yaml, strategies.yaml and people.yaml ask for."""
    from execution.commands.limits import propose

    end(propose(home, reason=reason, as_json=json))


@limits.command("approve")
def limits_approve(
    checksum: Annotated[str, typer.Argument(help="Of the proposal, or its first digits.")],
    reason: ReasonOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let exactly this change take effect: another person than who proposed it, of role risk."""
    from execution.commands.limits import decide

    end(decide(home, checksum, yes=True, reason=reason, as_json=json))


@limits.command("reject")
def limits_reject(
    checksum: Annotated[str, typer.Argument(help="Of the proposal, or its first digits.")],
    reason: ReasonOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say no to a proposal, or take one's own back."""
    from execution.commands.limits import decide

    end(decide(home, checksum, yes=False, reason=reason, as_json=json))


@limits.command("override")
def limits_override(
    limit: Annotated[str, typer.Argument(help="Such as max_order_value.")],
    value: Annotated[str | None, typer.Argument(help="What is to hold for a while; none with --end.")] = None,
    *,
    reason: ReasonOption,
    scope: Annotated[str, typer.Option("--scope", "-s", help="book, or strategy:trend, instrument:IBM …")] = "book",
    lasts: Annotated[str | None, typer.Option("--for", help="30s, 15m or 2h; else 24 hours.")] = None,
    orders: Annotated[int, typer.Option("--orders", "-n", min=0, help="Entries, and changes of them; 0: any.")] = 0,
    finish: Annotated[bool, typer.Option("--end", help="What the table says holds again, at once.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Loosen one limit for a while or for so many orders, once another person has approved it."""
    from execution.commands.overriding import end_override, override

    if finish:
        end(end_override(home, limit, scope=scope, reason=reason, as_json=json))
    end(override(home, limit, value, scope=scope, lasts=lasts, orders=orders, reason=reason, as_json=json))


@limits.command("history")
def limits_history(
    home: HomeOption = None,
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="How many of the newest; 0: all.")] = 40,
    json: JsonOption = False,
) -> None:
    """Every change of limits and capital, and who approved it."""
    from execution.commands.limits import history

    end(history(home, count=count, as_json=json))


def changelog(
    home: HomeOption = None,
    kind: Annotated[str | None, typer.Option("--kind", "-k", help="Such as limits, capital, states.")] = None,
    who: Annotated[str | None, typer.Option("--who", help="Only of this identity, or a part of it.")] = None,
    about: Annotated[str | None, typer.Option("--about", help="Only what names this, such as a strategy.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="30m, 2h, 3d, or a time (UTC).")] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="How many of the newest; 0: all.")] = 40,
    json: JsonOption = False,
) -> None:
    """Who changed what, when, why, from what to what: limits, capital, versions, states, people."""
    from execution.commands.changelog import changelog

    end(changelog(home, kind=kind, who=who, about=about, since=since, count=count, as_json=json))


@people.command("list")
def people_list(home: HomeOption = None, json: JsonOption = False) -> None:
    """Who may do what, how each is recognised, and whether four eyes are real."""
    from execution.commands.people import show

    end(show(home, as_json=json))


@people.command("token")
def people_token(
    name: Annotated[str, typer.Argument(help="Of the person in config/people.yaml.")],
    file: Annotated[Path, typer.Option("--file", help="A new file, for that person alone.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a token file, and the line for config/people.yaml that knows it by hash."""
    from execution.commands.people import token

    end(token(home, name, file, as_json=json))


@people.command("password")
def people_password(
    name: Annotated[str, typer.Argument(help="Of the person in config/people.yaml.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Ask for a password for the operations app; print the line for config/people.yaml."""
    from execution.commands.people import password

    end(password(home, name, as_json=json))
