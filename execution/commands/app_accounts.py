"""`execution reconcile` and `execution account` on the command line; what they do is imported when one is run."""

from __future__ import annotations

from typing import Annotated

import typer

from execution.commands.options import HomeOption, JsonOption, ReasonOption, end

reconcile = typer.Typer(
    help="Where books and venues differ: breaks, doubts with their ages, and what no strategy owns.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
account = typer.Typer(
    help="Book what moved cash or changed lots outside of trading.", no_args_is_help=True, rich_markup_mode=None
)


VenueOption = Annotated[str, typer.Option("--venue", help="Whose account; where the book has several.")]


@reconcile.callback(invoke_without_command=True)
def reconcile_show(context: typer.Context, home: HomeOption = None, json: JsonOption = False) -> None:
    """Where books and venues differ: breaks, doubts with their ages, and what no strategy owns."""
    from execution.commands.reconciling import show

    if context.invoked_subcommand is None:
        end(show(home, as_json=json))


@reconcile.command("adopt")
def reconcile_adopt(
    subject: Annotated[str, typer.Argument(metavar="BREAK", help="As `execution reconcile` names it, or its subject.")],
    into: Annotated[str, typer.Option("--to", help="The sub-account that gets it: manual, house or a strategy.")],
    reason: ReasonOption,
    price: Annotated[str | None, typer.Option(help="What a position was bought at; else its last mark.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take an order, a position or cash that only the venue has into a sub-account."""
    from execution.commands.reconciling import adopt

    end(adopt(home, subject, into, price=price, reason=reason, as_json=json))


@reconcile.command("assign")
def reconcile_assign(
    subject: Annotated[str, typer.Argument(metavar="WHAT", help="An instrument or a currency.")],
    target: Annotated[str, typer.Option("--to", help="The sub-account that gets it.")],
    reason: ReasonOption,
    source: Annotated[str, typer.Option("--from", help="The sub-account that has it.")] = "house",
    quantity: Annotated[str | None, typer.Option(help="How much; else all of a position.")] = None,
    price: Annotated[str | None, typer.Option(help="At this price; else at the last mark.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Give a position or cash of one sub-account to another; the sum stays the venue's."""
    from execution.commands.reconciling import assign

    end(assign(home, subject, source, target, quantity=quantity, price=price, reason=reason, as_json=json))


@reconcile.command("resolve")
def reconcile_resolve(
    subject: Annotated[str, typer.Argument(metavar="WHAT", help="An order in doubt, or a break.")],
    outcome: Annotated[str, typer.Option(help="Of an order: working or gone. Of a break: what it was.")],
    reason: ReasonOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say what became of an order in doubt, or what a break was, and how you know it."""
    from execution.commands.reconciling import resolve

    end(resolve(home, subject, outcome, reason=reason, as_json=json))


@account.command("move", context_settings={"ignore_unknown_options": True})
def account_move(
    kind: Annotated[str, typer.Argument(help="deposit, withdrawal, dividend, funding, interest, borrow, fee, …")],
    amount: Annotated[str, typer.Argument(help="Positive for what came in.")],
    asset: Annotated[str, typer.Argument(help="A currency of the book.")],
    to: Annotated[str, typer.Option("--to", help="The sub-account.")],
    reason: ReasonOption,
    venue: VenueOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Book cash that came into a venue's account, or left it."""
    from execution.commands.accounting import move

    end(move(home, kind, amount, asset, to, venue=venue, reason=reason, as_json=json))


@account.command("distribute", context_settings={"ignore_unknown_options": True})
def account_distribute(
    kind: Annotated[str, typer.Argument(help="dividend, funding, interest or borrow.")],
    instrument: Annotated[str, typer.Argument(help="What it is paid on.")],
    per_unit: Annotated[str, typer.Argument(help="A unit held; who is short pays it.")],
    asset: Annotated[str, typer.Argument(help="A currency of the book.")],
    reason: ReasonOption,
    amount: Annotated[
        str | None, typer.Option(help="The venue's own figure; what rounding leaves goes to house.")
    ] = None,
    venue: VenueOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Pay every sub-account by what it holds of an instrument."""
    from execution.commands.accounting import distribute

    end(distribute(home, kind, instrument, per_unit, asset, amount=amount, venue=venue, reason=reason, as_json=json))


@account.command("split")
def account_split(
    instrument: Annotated[str, typer.Argument(help="What was split.")],
    ratio: Annotated[str, typer.Argument(help="new:old, such as 2:1.")],
    reason: ReasonOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Book a split: lots change, what they cost does not."""
    from execution.commands.accounting import split

    end(split(home, instrument, ratio, reason=reason, as_json=json))


@account.command("rename")
def account_rename(
    old: Annotated[str, typer.Argument(help="The symbol until now.")],
    new: Annotated[str, typer.Argument(help="The new one, defined in config/instruments.yaml.")],
    reason: ReasonOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Book a change of symbol: positions go over, lot for lot."""
    from execution.commands.accounting import rename

    end(rename(home, old, new, reason=reason, as_json=json))
