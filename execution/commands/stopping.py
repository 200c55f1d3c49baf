"""`execution enable` and `throttle`: one decision each, with who and why; `disable` has a module of its own."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

from execution.commands.desk import Stop, running_state, the_home
from execution.commands.exits import Exit
from execution.commands.output import YELLOW, banner, paint, say, say_json
from execution.home import Home
from toolkit.client import emergency
from toolkit.client.books import Books
from toolkit.client.commands import Outcome, give, person
from toolkit.client.desk_state import DeskState
from toolkit.domain.commands import Command, EnableStrategy, SetThrottle
from toolkit.domain.instruments import Instrument

SOURCE = "cli"

Known = Mapping[str, Instrument]
"""Instruments by symbol, for prices as people say them."""


def enable(given: Path | None, strategy: str, *, reason: str, version: int | None, as_json: bool) -> Exit:
    """Let a strategy trade again: only a person does that. Registers its version when it has none."""
    home = the_home(given)
    state = running_state(home)
    _check_file_enables(home, strategy)
    books = Books(home=home, book=state.book)
    _register_if_needed(home, books, strategy, version)
    outcome = give(books, EnableStrategy(strategy=strategy, who=person(SOURCE), reason=reason))
    if outcome.refused:
        raise Stop(Exit.REFUSED, outcome.refused)
    if outcome.proposal:
        return waits(state, f"{strategy} stays stopped", outcome, as_json)
    emergency.forget_kill(home, state.book, "strategy", strategy)
    emergency.reopen(home, state.book, strategy)
    shut = emergency.shut_scopes(home, state.book, state.venues)
    if as_json:
        say_json({"strategy": strategy, "enabled": not shut, "event": outcome.event, "shut": shut})
    else:
        say(banner(state.kind, f"{strategy} is enabled (event {outcome.event:,})"))
        for scope in shut:
            say(paint(f"  {scope} is still shut: `execution reopen {scope} --reason …` opens it", YELLOW))
    return Exit.DONE


def waits(state: DeskState, what: str, outcome: Outcome, as_json: bool) -> Exit:
    """Tell that a command has become a proposal."""
    if as_json:
        say_json({"proposal": outcome.proposal, "event": outcome.event})
    else:
        say(banner(state.kind, f"{what}: it waits for another person as {outcome.proposal[:10]}"))
        say(f"  `execution limits approve {outcome.proposal[:10]} --reason WHY`, by somebody else of role risk")
    return Exit.WAITS


def throttle(
    given: Path | None, *, venue: str | None, strategy: str | None, rate: str, reason: str, as_json: bool
) -> Exit:
    """Set the messages per second of a venue or strategy, or lift what was set (`off`)."""
    if (venue is None) == (strategy is None):
        raise Stop(Exit.USAGE, "name one of --venue and --strategy")
    home = the_home(given)
    state = running_state(home)
    scope, name = ("venue", venue) if venue is not None else ("strategy", strategy or "")
    if scope == "strategy":
        emergency.check_strategy(home, state, name or "")
    elif name not in state.venues:
        raise Stop(Exit.USAGE, f"no venue {name!r}; there are {', '.join(state.venues)}")
    wanted = _rate(rate)
    command = SetThrottle(scope=scope, name=name or "", rate=wanted, who=person(SOURCE), reason=reason)
    outcome = give(Books(home=home, book=state.book), command)
    if outcome.refused:
        raise Stop(Exit.REFUSED, outcome.refused)
    if outcome.proposal:
        return waits(state, f"throttle of {scope} {name}", outcome, as_json)
    words = "is lifted" if wanted is None else f"is {wanted:f} messages a second"
    if as_json:
        say_json({"scope": scope, "name": name, "rate": wanted, "event": outcome.event})
    else:
        say(banner(state.kind, f"the throttle of {scope} {name} {words} (event {outcome.event:,})"))
    return Exit.DONE


# ---- parts


def _rate(text: str) -> Decimal | None:
    """`5/s`, `0.5/s`, `5` or `off`."""
    if text == "off":
        return None
    try:
        rate = Decimal(text.removesuffix("/s"))
    except InvalidOperation:
        rate = Decimal(-1)
    if not rate.is_finite() or rate < 0:
        raise Stop(Exit.USAGE, f"--rate {text!r} is no rate; write 5/s, 0/s or off")
    return rate


def _check_file_enables(home: Home, strategy: str) -> None:
    from execution.settings import read_instruments, read_strategies, read_venues

    strategies = read_strategies(home.root, read_instruments(home.root, read_venues(home.root))[1])
    if strategy not in strategies:
        raise Stop(Exit.USAGE, f"config/strategies.yaml has no {strategy!r}; it has {', '.join(strategies)}")
    if not strategies[strategy].enabled:
        raise Stop(Exit.USAGE, f"config/strategies.yaml says enabled: false for {strategy}; set it to true first")


def _register_if_needed(home: Home, books: Books, strategy: str, version: int | None) -> None:
    from execution.wiring.versions import register_for_enable

    command: Command | None = register_for_enable(home, books.replica().ledger, strategy, version, person(SOURCE))
    if command is not None:
        outcome = give(books, command)
        if outcome.refused:
            raise Stop(Exit.REFUSED, outcome.refused)


def instruments_of(home: Home) -> Known:
    """For prices as people say them; none where config/ cannot be read."""
    from execution.settings import known_instruments

    return known_instruments(home.root)
