"""`execution disable`, `enable`, `throttle`: one decision each, with who and why; a stop is proven at the venue."""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

from execution.commands.desk import Stop, running_state, the_home, the_state
from execution.commands.exits import Exit
from execution.commands.output import GREEN, RED, YELLOW, banner, complain, paint, say, say_json
from execution.home import Home
from toolkit.client import disabling, emergency
from toolkit.client.books import Books
from toolkit.client.commands import Outcome, give, person
from toolkit.client.desk_state import DeskState
from toolkit.client.disabling import Disabled
from toolkit.client.stopping import Leftover, describe
from toolkit.domain.commands import Command, DisableStrategy, EnableStrategy, SetThrottle
from toolkit.domain.instruments import Instrument

FLATTEN_SECONDS = 60.0
SOURCE = "cli"

Known = Mapping[str, Instrument]
"""Instruments by symbol, for prices as people say them."""


def disable(given: Path | None, strategy: str, *, flatten: bool, reason: str, as_json: bool) -> Exit:
    """Stop a strategy: latch first, then the engine, then the proof from the venue itself."""
    if not reason.strip():
        raise Stop(Exit.USAGE, f"{strategy} is NOT stopped: --reason is empty; say why, a word is enough")
    home = the_home(given)
    state = the_state(home)
    emergency.check_strategy(home, state, strategy)
    command = DisableStrategy(strategy=strategy, flatten=flatten, who=person(SOURCE), reason=reason)
    found = disabling.disable(home, state, command)
    known = instruments_of(home)
    open_still = f"the latch of {strategy} is NOT shut: {found.open_latch}" if found.open_latch else ""
    if found.refused:
        raise Stop(Exit.REFUSED, f"{found.refused}. {open_still or f'The latch of {strategy} is shut all the same'}")
    if found.past_engine:
        return _tell_without_engine(state, strategy, found, open_still, known, as_json)
    if open_still:
        complain(open_still)
    open_position = _wait_flat(home, state, strategy) if flatten and found.left.clean else ""
    return _tell(state, strategy, found, open_position, known, as_json)


def _tell(state: DeskState, strategy: str, found: Disabled, open_position: str, known: Known, as_json: bool) -> Exit:
    left = found.left
    if as_json:
        document = _document(strategy, left, found.event, open_position, "", known)
        say_json(document | {"in_engine": found.in_engine})
    else:
        say(banner(state.kind, f"{strategy} is disabled (event {found.event:,})"))
        _name(left, known)
        for line in found.in_engine:
            say(f"  stays: {line}")
        if open_position:
            say(paint(f"  LEFT: {open_position}", RED))
        if left.clean:
            say(paint("  the venue shows no open order of it" + (" but those" if left.protective else ""), GREEN))
    return Exit.DONE if left.clean and not open_position else Exit.LEFT


def _tell_without_engine(
    state: DeskState, strategy: str, found: Disabled, open_still: str, known: Known, as_json: bool
) -> Exit:
    """The journal or the engine is away, or lies. The latch is shut, unless `open_still` says why not."""
    for refused in found.problems:
        complain(refused)
    if as_json:
        problem = "; ".join(filter(None, (found.past_engine, open_still)))
        say_json(_document(strategy, found.left, 0, "", problem, known))
    else:
        complain(f"{found.past_engine}\n{open_still or f'the latch of {strategy} is shut: nothing leaves for it'}")
        words = "is NOT stopped" if open_still else "is shut by its latch"
        say(banner(state.kind, f"{strategy} {words}; the journal does not have it yet"))
        _name(found.left, known)
        if found.left.clean:
            say("  nothing of it rests at the venue but what is named here")
        say("  say it again once `execution status` answers, so that the journal has it")
    return Exit.LEFT


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


def _wait_flat(home: Home, state: DeskState, strategy: str) -> str:
    """What the strategy still holds after --flatten had its time; "" when it is flat."""
    books = Books(home=home, book=state.book)
    deadline = time.monotonic() + FLATTEN_SECONDS
    while True:
        held = emergency.held_by(books.replica(), strategy)
        if not held or time.monotonic() > deadline:
            return held and f"still held: {held} after {FLATTEN_SECONDS:.0f} s"
        time.sleep(0.2)


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


def _name(left: Leftover, known: Known) -> None:
    for found in left.open_orders:
        say(paint(f"  LEFT: {describe(found, known)}", RED))
    for name in left.silent:
        say(paint(f"  LEFT: venue {name} does not answer: what rests there is unknown", RED))
    for found in left.protective:
        say(f"  stays: {describe(found, known)}")


def _document(
    strategy: str, left: Leftover, event: int, open_position: str, problem: str, known: Known
) -> dict[str, object]:
    return {
        "strategy": strategy,
        "verified": left.clean and not open_position and not problem,
        "journaled": event > 0,
        "event": event,
        "left": [describe(found, known) for found in left.open_orders],
        "silent": left.silent,
        "protective": [describe(found, known) for found in left.protective],
        "position": open_position,
        "problem": problem,
    }
