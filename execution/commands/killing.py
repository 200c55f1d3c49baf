"""`execution kill` and what lets go of it: one decision from outside of the trading process, proven by the venues."""

from __future__ import annotations

from pathlib import Path

import msgspec

from execution.commands.desk import Stop, running_state, the_home, the_state
from execution.commands.exits import Exit
from execution.commands.output import GREEN, RED, YELLOW, banner, complain, paint, say, say_json
from execution.commands.stopping import SOURCE, Known, instruments_of, waits
from execution.home import Home
from toolkit.client import emergency
from toolkit.client.books import Books
from toolkit.client.commands import give, person
from toolkit.client.desk_state import DeskState
from toolkit.client.killing import Killed, KillSwitch
from toolkit.client.stopping import FLATTEN_SECONDS, describe
from toolkit.domain.commands import Kill, KillMode, Reopen
from toolkit.domain.errors import ExecutionError

QUARANTINE_SECONDS = 2.0
"""Where config/desk.yaml cannot be read: a kill waits for nobody's mending."""


def kill(
    given: Path | None, *, strategy: str | None, venue: str | None, everything: bool, cancel_all: bool, flatten: bool,
    reason: str, as_json: bool, accept_unknown: bool = False,
) -> Exit:  # fmt: skip
    """Halt a scope and prove it; what flattens it is a second command, given once the first is proven."""
    scope, name = _scope(strategy, venue, everything)
    if not reason.strip():
        raise Stop(Exit.USAGE, "nothing is killed: --reason is empty; say why, a word is enough")
    if accept_unknown and not flatten:
        raise Stop(Exit.USAGE, "nothing is killed: --accept-unknown is about --flatten")
    home = the_home(given)
    state = the_state(home)
    _check(home, state, scope, name)
    mode = KillMode.CANCEL_ALL if cancel_all or flatten else KillMode.HALT_ENTRIES
    wish = Kill(scope=scope, name=name, mode=mode, who=person(SOURCE), reason=reason)
    return carry_out(home, state, wish, flatten=flatten, accept_unknown=accept_unknown, as_json=as_json)


def carry_out(
    home: Home, state: DeskState, wish: Kill, *, flatten: bool, accept_unknown: bool = False, as_json: bool
) -> Exit:
    """Throw a kill, prove it, flatten it if so wished, and tell what became of each."""
    switch = KillSwitch(home, state.book, state.venues)
    killed = switch.throw(wish)
    if not as_json:
        _tell_first(state, killed)
    killed = switch.confirm(killed, _quarantine(home))
    open_position = switch.flatten(killed, FLATTEN_SECONDS, accept_unknown=accept_unknown) if flatten else ""
    is_flat, known = flatten and not open_position, instruments_of(home)
    if is_flat:
        killed = msgspec.structs.replace(killed, unprotected=())
    if as_json:
        say_json(_document(killed, open_position, known))
    else:
        _tell_last(killed, open_position, known, is_flat=is_flat)
    if killed.refused:
        return Exit.REFUSED
    return Exit.DONE if killed.verified and not open_position else Exit.LEFT


def reopen(given: Path | None, scope: str, *, reason: str, as_json: bool) -> Exit:
    """Let go of a kill of the book or of a venue, and open its latch: a person's decision, with a reason."""
    home = the_home(given)
    state = the_state(home)
    known = ("book", *(f"venue:{name}" for name in state.venues))
    if scope not in known:
        raise Stop(Exit.USAGE, f"no latch is called {scope!r}; there are {', '.join(known)} (a strategy: `enable`)")
    if not reason.strip():
        raise Stop(Exit.USAGE, f"{scope} stays shut: --reason is empty; say why trading may go on")
    running_state(home)
    kind, _, name = scope.partition(":")
    command = Reopen(scope=kind, name=name, who=person(SOURCE), reason=reason)
    outcome = give(Books(home=home, book=state.book), command)
    if outcome.refused:
        raise Stop(Exit.REFUSED, f"{outcome.refused}. The latch of {scope} stays shut")
    if outcome.proposal:
        return waits(state, f"{scope} stays shut", outcome, as_json)
    emergency.forget_kill(home, state.book, kind, name)
    emergency.reopen_scope(home, state.book, scope)
    if as_json:
        say_json({"reopened": scope, "event": outcome.event})
    else:
        say(banner(state.kind, f"{scope} trades again (event {outcome.event:,}): its latch is open"))
    return Exit.DONE


# ---- parts


def _scope(strategy: str | None, venue: str | None, everything: bool) -> tuple[str, str]:
    if sum((strategy is not None, venue is not None, everything)) != 1:
        raise Stop(Exit.USAGE, "say what to kill: one of --strategy NAME, --venue NAME and --all")
    if everything:
        return "book", ""
    return ("strategy", strategy) if strategy is not None else ("venue", venue or "")


def _check(home: Home, state: DeskState, scope: str, name: str) -> None:
    """A name with a slip in it kills nothing, and says so at once."""
    if scope == "strategy":
        emergency.check_strategy(home, state, name)
    elif scope == "venue" and name not in state.venues:
        raise Stop(Exit.USAGE, f"no venue {name!r}; there are {', '.join(state.venues)}")


def _quarantine(home: Home) -> float:
    from execution.settings import read_running

    try:
        return read_running(home.root).desk.engine.quarantine_seconds
    except ExecutionError:
        return QUARANTINE_SECONDS


def _label(killed: Killed) -> str:
    return killed.kill.name or "the book"


def _tell_first(state: DeskState, killed: Killed) -> None:
    what = "entries are halted" if killed.kill.mode is KillMode.HALT_ENTRIES else "everything is cancelled"
    if killed.past_engine:
        complain(f"{killed.past_engine}\npast the engine: straight to the venues")
    how = f"event {killed.event:,}" if killed.event else "the journal does not have it yet"
    say(banner(state.kind, f"{_label(killed)} is killed: {what} ({how})"))
    if killed.open_latch:
        say(paint(f"  LEFT: the latch is NOT shut: {killed.open_latch}", RED))
    if killed.left.clean:
        say(f"  after {killed.seconds * 1000:.0f} ms nothing of it rests at a venue; asking again after the quarantine")


def _tell_last(killed: Killed, open_position: str, known: Known, *, is_flat: bool) -> None:
    for line in _survivors(killed, known):
        say(paint(f"  LEFT: {line}", RED))
    for line in killed.unknown:
        say(paint(f"  unknown: {line}", RED))
    for line in killed.problems:
        complain(line)
    for found in killed.left.protective:
        say(f"  stays: {describe(found, known)}")
    for line in killed.unprotected:
        say(paint(f"  without protection: {line}", YELLOW))
    if open_position:
        say(paint(f"  LEFT: {open_position}", RED))
    if killed.verified:
        say(paint("  asked again after the quarantine: nothing of it rests at the venue", GREEN))
    if is_flat:
        say(paint("  then flattened: what it held is closed", GREEN))
    scope, name = killed.kill.scope, killed.kill.name
    let_go = f"enable {name}" if scope == "strategy" else f"reopen {scope}{':' if name else ''}{name}"
    say(f"  only a person lets go: `execution {let_go} --reason …`")


def _survivors(killed: Killed, known: Known) -> list[str]:
    refused = [f"the engine refused: {killed.refused}"] if killed.refused else []
    orders = [describe(found, known) for found in killed.left.open_orders]
    silent = [f"venue {name} does not answer: what rests there is unknown" for name in killed.left.silent]
    return [*refused, *orders, *silent, *killed.unresolved]


def _document(killed: Killed, open_position: str, known: Known) -> dict[str, object]:
    return {
        "scope": killed.kill.scope,
        "name": killed.kill.name,
        "mode": killed.kill.mode.value,
        "verified": killed.verified and not open_position,
        "journaled": killed.event > 0,
        "event": killed.event,
        "seconds": killed.seconds,
        "latch_open": killed.open_latch,
        "past_engine": killed.past_engine,
        "left": [describe(found, known) for found in killed.left.open_orders],
        "silent": killed.left.silent,
        "unresolved": killed.unresolved,
        "unknown": killed.unknown,
        "refused": killed.refused,
        "problems": killed.problems,
        "stays": [describe(found, known) for found in killed.left.protective],
        "unprotected": killed.unprotected,
        "position": open_position,
    }
