"""The command line: names, options and help of every command; what they do is imported when one is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from execution.commands.app_accounts import account, reconcile
from execution.commands.app_alerts import alerts
from execution.commands.app_decisions import changelog, limits, people
from execution.commands.app_monitoring import monitoring
from execution.commands.app_rollout import rollout
from execution.commands.exits import Exit, epilog
from execution.commands.options import HomeOption, JsonOption, ReasonOption
from execution.commands.options import end as _end

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
app.add_typer(reconcile, name="reconcile")
app.add_typer(account, name="account")
app.add_typer(limits, name="limits")
app.add_typer(people, name="people")
app.add_typer(rollout, name="rollout")
app.add_typer(alerts, name="alerts")
app.add_typer(monitoring, name="monitoring")
app.command()(changelog)


StrategyOption = Annotated[str | None, typer.Option("--strategy", "-s", help="Name of the strategy.")]
NameArgument = Annotated[str | None, typer.Argument(metavar="NAME", help="The same as --strategy.", show_default=False)]
FEED_HELP = "Prices: ccxt:EXCHANGE:SYMBOL,… (no key needed) or replay:DIR or sample; else the feed of config/desk.yaml."


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or an empty folder.")],
    json: JsonOption = False,
) -> None:
    """Lay out a desk: configuration, notebooks, runbooks."""
    from execution.commands.laying_out import init

    _end(init(folder, as_json=json))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the strategy, such as first_idea.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Lay out a strategy with its notebook and its test; they run as they are."""
    from execution.commands.laying_out import new

    _end(new(home, name, as_json=json))


@app.command()
def up(
    home: HomeOption = None,
    background: Annotated[bool, typer.Option("-d", "--detach", help="Run in the background.")] = False,
    lab: Annotated[bool, typer.Option("--lab", help="JupyterLab too, on the next free port.")] = False,
    operations: Annotated[bool, typer.Option("--operations", help="The app with the buttons too.")] = False,
    speed: Annotated[float, typer.Option(min=0, help="How much faster than configured; 0: as fast as it goes.")] = 1.0,
    feed: Annotated[str | None, typer.Option(metavar="SPEC", help=FEED_HELP)] = None,
    json: JsonOption = False,
) -> None:
    """Start the desk. Ctrl-C stops all of it in order."""
    from execution.commands.running import up

    _end(up(home, speed=speed, lab=lab, background=background, feed=feed, as_json=json, operations=operations))


@app.command()
def record(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or one that this feed began.")],
    feed: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="What to record: ccxt:EXCHANGE:SYMBOL,…; else the feed of config/desk.yaml."),
    ] = None,
    home: HomeOption = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stop by itself after so long.")] = None,
    part_seconds: Annotated[float, typer.Option(min=1, help="A kill -9 loses this much at most.")] = 30,
    json: JsonOption = False,
) -> None:
    """Keep what an exchange sends, in Parquet; `up --feed replay:DIR` runs a desk on it."""
    from execution.commands.record import record

    _end(record(home, folder, feed=feed, seconds=seconds, part_seconds=part_seconds, as_json=json))


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


@app.command()
def orders(
    home: HomeOption = None,
    strategy: Annotated[str | None, typer.Option("--strategy", "-s", help="Only of this strategy.")] = None,
    closed: Annotated[int, typer.Option(min=0, help="Also so many of the newest that are over.")] = 0,
    json: JsonOption = False,
) -> None:
    """Open orders; UNKNOWN is one whose fate the venue is being asked for."""
    from execution.commands.looking import orders

    _end(orders(home, strategy=strategy, closed=closed, as_json=json))


@app.command()
def positions(
    home: HomeOption = None,
    strategy: Annotated[str | None, typer.Option("--strategy", "-s", help="Only of this strategy.")] = None,
    json: JsonOption = False,
) -> None:
    """Positions with their result at the last mark."""
    from execution.commands.looking import positions

    _end(positions(home, strategy=strategy, as_json=json))


@app.command()
def why(
    order: Annotated[str, typer.Argument(help="Any id of the order.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """The whole story of one order: seen, wanted, checked, journaled, sent, answered, filled."""
    from execution.commands.looking import why

    _end(why(home, order, as_json=json))


@app.command()
def disable(
    reason: ReasonOption,
    strategy: StrategyOption = None,
    name: NameArgument = None,
    home: HomeOption = None,
    flatten: Annotated[bool, typer.Option("--flatten", help="Close its position as well.")] = False,
    json: JsonOption = False,
) -> None:
    """Stop a strategy. Returns when the venue shows no open order of it; works with Redis dead."""
    from execution.commands.disabling import disable

    _end(disable(home, _one(strategy, name), flatten=flatten, reason=reason, as_json=json))


@app.command()
def enable(
    reason: ReasonOption,
    name: NameArgument = None,
    strategy: StrategyOption = None,
    home: HomeOption = None,
    version: Annotated[int | None, typer.Option(min=1, help="Deploy this version of the registry.")] = None,
    json: JsonOption = False,
) -> None:
    """Let a strategy trade again; registers its version when it has none."""
    from execution.commands.stopping import enable

    _end(enable(home, _one(strategy, name), reason=reason, version=version, as_json=json))


@app.command()
def kill(
    reason: ReasonOption,
    strategy: StrategyOption = None,
    venue: Annotated[str | None, typer.Option("--venue", help="All that goes to this venue.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole book.")] = False,
    cancel_all: Annotated[bool, typer.Option("--cancel-all", help="Cancel exits and protection as well.")] = False,
    flatten: Annotated[bool, typer.Option("--flatten", help="Then, as a second step, close positions.")] = False,
    accept_unknown: Annotated[bool, typer.Option("--accept-unknown", help="Flatten over orders in doubt too.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Halt entries and cancel them, proven at the venue twice; works with engine and Redis dead."""
    from execution.commands.killing import kill

    _end(
        kill(
            home, strategy=strategy, venue=venue, everything=everything, cancel_all=cancel_all, flatten=flatten,
            reason=reason, as_json=json, accept_unknown=accept_unknown,
        )
    )  # fmt: skip


@app.command()
def reopen(
    scope: Annotated[str, typer.Argument(help="book or venue:NAME.")],
    reason: ReasonOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let go of a kill of the book or of a venue, and open its latch; a strategy is enabled."""
    from execution.commands.killing import reopen

    _end(reopen(home, scope, reason=reason, as_json=json))


@app.command()
def throttle(
    reason: ReasonOption,
    rate: Annotated[str, typer.Option("--rate", help="Messages a second, such as 5/s; off lifts it.")],
    home: HomeOption = None,
    venue: Annotated[str | None, typer.Option("--venue", help="Name of the venue.")] = None,
    strategy: StrategyOption = None,
    json: JsonOption = False,
) -> None:
    """Slow a venue or strategy down, at once and over restarts. Cancels keep their reserve."""
    from execution.commands.stopping import throttle

    _end(throttle(home, venue=venue, strategy=strategy, rate=rate, reason=reason, as_json=json))


@app.command()
def restart(
    process: Annotated[str, typer.Argument(help="Name of the process, as status shows it.")],
    reason: ReasonOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Start one process anew; a runner that was given up gets another chance."""
    from execution.commands.restarting import restart

    _end(restart(home, process, reason=reason, as_json=json))


@app.command()
def logs(
    process: Annotated[str | None, typer.Argument(help="Also the log of this process.")] = None,
    home: HomeOption = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many lines.")] = 40,
    json: JsonOption = False,
) -> None:
    """The operations log, and a process's own."""
    from execution.commands.looking import logs

    _end(logs(home, process, count=count, as_json=json))


@app.command()
def drill(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; none with --all.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    short: Annotated[bool, typer.Option("--short", help="Each once instead of three times.")] = False,
    reports: Annotated[Path | None, typer.Option(help="Where to; else reports/drills of the desk.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Break a desk of its own on purpose, against the paper venue alone; measure, and write a dated report."""
    from execution.commands.drilling import drill

    _end(drill(home, names or [], everything=everything, short=short, reports=reports, as_json=json))


@app.command()
def doctor(home: HomeOption = None, json: JsonOption = False) -> None:
    """Look at servers, durability, clock, disk, configuration, versions, processes; say what to do."""
    from execution.commands.doctor import doctor

    _end(doctor(home, as_json=json))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def venue(context: typer.Context) -> None:
    """Host the paper venue by itself (`execution venue --help`)."""
    from execution.wiring.venue import main

    raise typer.Exit(main(context.args))


@app.command()
def version(json: JsonOption = False) -> None:
    """Which version this is."""
    from execution.commands.restarting import version

    _end(version(as_json=json))


@journal.command("tail")
def journal_tail(
    home: HomeOption = None,
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="How many events.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with each new event.")] = False,
    kind: Annotated[str | None, typer.Option("--kind", "-k", help="Only this kind, such as OrderFilled.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """The newest events."""
    from execution.commands.recording import tail

    _end(tail(home, count=count, follow=follow, kind=kind, as_json=json))


@journal.command("verify")
def journal_verify(
    home: HomeOption = None,
    anchors: Annotated[
        Path | None, typer.Option("--anchors", help="Heads kept elsewhere, as `journal heads` printed them.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Read all of it, archive and server: numbers, hash chain, fold, and heads that were kept elsewhere."""
    from execution.commands.recording import verify

    _end(verify(home, anchors=anchors, as_json=json))


@journal.command("heads")
def journal_heads(home: HomeOption = None, json: JsonOption = False) -> None:
    """The hash that ends each archived day. Keep it where nobody who can change this machine can change it too."""
    from execution.commands.recording import heads

    _end(heads(home, as_json=json))


def run() -> int:
    """Run the command that was typed; the exit code."""
    from execution.commands.desk import Stop, code_of
    from execution.commands.output import complain
    from toolkit.domain.errors import ExecutionError

    try:
        app(standalone_mode=True, prog_name="execution")
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


def _one(strategy: str | None, name: str | None) -> str:
    """The strategy, said in either way: nobody should look that up in an emergency."""
    if strategy is not None and name not in (None, strategy):
        raise typer.BadParameter(f"two strategies named: {strategy} and {name}")
    found = strategy or name
    if not found:
        raise typer.BadParameter("name the strategy; `execution status` lists them", param_hint="NAME")
    return found
