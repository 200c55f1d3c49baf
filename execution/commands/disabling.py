"""`execution disable`: one decision with who and why, proven at the venue; closed past an engine that is away."""

from __future__ import annotations

import time
from pathlib import Path

from execution.commands.desk import Stop, the_home, the_state
from execution.commands.exits import Exit
from execution.commands.killing import carry_out
from execution.commands.output import GREEN, RED, banner, complain, paint, say, say_json
from execution.commands.stopping import SOURCE, Known, instruments_of
from execution.home import Home
from toolkit.client import disabling, emergency
from toolkit.client.books import Books
from toolkit.client.commands import person
from toolkit.client.desk_state import DeskState
from toolkit.client.disabling import Disabled
from toolkit.client.stopping import FLATTEN_SECONDS, Leftover, describe
from toolkit.domain.commands import DisableStrategy, Kill, KillMode


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
    if found.past_engine and flatten:
        return _hand_over(home, state, command, found, as_json)
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


def _hand_over(home: Home, state: DeskState, command: DisableStrategy, found: Disabled, as_json: bool) -> Exit:
    """No engine closes anything now: the kill switch does it past the engine, and proves it."""
    complain(
        f"{found.past_engine}\nno engine closes its positions: the kill switch takes it over, and it is a kill now"
    )
    wish = Kill(
        scope="strategy", name=command.strategy, mode=KillMode.CANCEL_ALL, who=command.who, reason=command.reason
    )
    return carry_out(home, state, wish, flatten=True, as_json=as_json)


# ---- parts


def _wait_flat(home: Home, state: DeskState, strategy: str) -> str:
    """What the strategy still holds after --flatten had its time; "" when it is flat."""
    books = Books(home=home, book=state.book)
    deadline = time.monotonic() + FLATTEN_SECONDS
    while True:
        held = emergency.held_by(books.replica(), strategy)
        if not held or time.monotonic() > deadline:
            return held and (
                f"still held: {held} after {FLATTEN_SECONDS:.0f} s. If the engine hangs, "
                f"`execution kill --strategy {strategy} --flatten --reason …` goes past it"
            )
        time.sleep(0.2)


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
