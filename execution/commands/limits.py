"""`execution limits`: what is in force and how much of it is used, what the files would change, and who says yes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from execution.commands.changelog import show_lines
from execution.commands.desk import Stop, running_state, the_home, the_state
from execution.commands.exits import Exit
from execution.commands.output import DIM, GREEN, RED, YELLOW, ago, banner, heading, moment, paint, say, say_json, table
from execution.home import Home
from execution.proven import proven
from execution.settings import Settings, read_people, read_settings
from toolkit.client import approvals
from toolkit.client.books import Books
from toolkit.client.commands import Outcome, give, give_at, person, waiting_at
from toolkit.client.desk_state import DeskState
from toolkit.domain.commands import (
    AllocateCapital,
    ApproveChange,
    Command,
    DefineInstruments,
    RejectChange,
    SetLimits,
    SetPeople,
    Who,
)
from toolkit.domain.errors import DomainError
from toolkit.domain.front_desk import Waiting
from toolkit.domain.ledger import Ledger
from toolkit.domain.money import to_quanta
from toolkit.engine import redefining
from toolkit.engine.command_rules import RULES
from toolkit.replica.limits_in_use import LimitInUse, limits_in_use

SOURCE = "cli"
OF_THE_SYSTEM = frozenset(range(25, 37))
"""Controls of each order are switched off one by one; these are of the system: stories of faults prove them."""


def show(given: Path | None, *, scope: str | None, as_json: bool) -> Exit:
    """Each control with its limits in force: scope, use, last denial, file and line."""
    state, books = _open(given)
    rows = [row for row in limits_in_use(books.replica(), now=time.time_ns()) if scope in (None, row.scope, row.name)]
    if as_json:
        say_json(rows)
        return Exit.DONE
    say(banner(state.kind, f"desk {state.name} · {len(rows)} limits in force"))
    columns = ("control>", "limit", "scope", "name", "in force>", "used>", "last denial", "set in")
    body = [
        (row.control, row.limit, row.scope, row.name or "–", row.value, row.used or "–", _denied(row), row.source)
        for row in rows
    ]
    say(table(columns, body))
    for row in rows:
        if row.override:
            what = f"{row.limit} of {row.scope} {row.name}".rstrip()
            say(paint(f"  {what} is overridden {row.override}", YELLOW))
    say(paint(proofs_of({row.control for row in rows}), DIM))
    return Exit.DONE


def proofs_of(controls: set[int]) -> str:
    """What this release proved of these controls: each was switched off, and its tests failed."""
    known = proven()
    shown = [known[number] for number in sorted(controls) if number in known]
    if not shown:
        return "no proof of these controls was shipped with this release"
    tests = sum(len(tests) for proof in shown for tests in proof.tests.values())
    missing = ", ".join(str(number) for number in sorted(controls - known.keys() - OF_THE_SYSTEM))
    told = f"proven with this release: controls {', '.join(str(proof.control) for proof in shown)} by {tests} tests"
    last = max(shown, key=lambda proof: proof.date)
    return f"{told}, {last.date}, commit {last.commit[:7]}" + (f"; not yet: {missing}" if missing else "")


def diff(given: Path | None, *, as_json: bool) -> Exit:
    """What the files would change, and what waits for an approval already."""
    home = the_home(given)
    if (socket := _from_outside(home)) is not None:
        return _waiting_from_outside(socket, as_json)
    state = the_state(home)
    ledger = Books(home=home, book=state.book).replica().ledger
    asked = list(_asked(ledger, read_settings(home.root), person(SOURCE)))
    there = approvals.waiting(ledger)
    if as_json:
        say_json({"files": [_document(ledger, body) for body in asked], "proposals": there})
        return Exit.DONE
    say(banner(state.kind, f"desk {state.name} · what the files say otherwise than what is in force"))
    for body in asked:
        for line in _looser(ledger, body):
            say(paint(f"  looser   {line}", YELLOW))
        if not _looser(ledger, body):
            say(f"  tighter  {_name(body)}: takes effect when it is saved, or with the next `execution up`")
    if not asked:
        say("  nothing")
    show_proposals(there)
    return Exit.DONE


def propose(given: Path | None, *, reason: str, as_json: bool) -> Exit:
    """Stand behind what the files ask for: another person may approve it then."""
    home = the_home(given)
    state = running_state(home)
    books = Books(home=home, book=state.book)
    bodies = list(_asked(books.replica().ledger, read_settings(home.root), person(SOURCE), reason))
    outcomes = [(body, give(books, body)) for body in bodies]
    if as_json:
        say_json([_answer(body, outcome) for body, outcome in outcomes])
    else:
        say(banner(state.kind, f"desk {state.name} · proposed" if outcomes else "the files ask for nothing new"))
        for body, outcome in outcomes:
            say(f"  {_name(body)}: {_become(outcome)}")
        show_proposals(approvals.waiting(books.replica().ledger))
    return _code(outcome for _, outcome in outcomes)


def decide(given: Path | None, named: str, *, yes: bool, reason: str, as_json: bool) -> Exit:
    """Approve or reject one proposal, named by its checksum."""
    home = the_home(given)
    kind = ApproveChange if yes else RejectChange
    if (socket := _from_outside(home)) is not None:
        shown, found = "", approvals.find(waiting_at(socket), named)
        outcome = give_at(socket, kind(proposal=found.proposal, who=person(SOURCE), reason=reason))
    else:
        state = running_state(home)
        books = Books(home=home, book=state.book)
        shown, found = state.kind, approvals.find(approvals.waiting(books.replica().ledger), named)
        outcome = give(books, kind(proposal=found.proposal, who=person(SOURCE), reason=reason))
    if outcome.refused:
        raise Stop(Exit.REFUSED, outcome.refused)
    if as_json:
        say_json({"proposal": found.proposal, "approved": yes, "event": outcome.event, "changes": found.changes})
    else:
        words = "approved, and in force" if yes else "rejected"
        said = f"{found.proposal[:10]} is {words} (event {outcome.event:,})"
        say(banner(shown, said) if shown else said)
        for change in found.changes:
            say(paint(f"  {change}", GREEN if yes else DIM))
    return Exit.DONE


def history(given: Path | None, *, count: int, as_json: bool) -> Exit:
    """The changes of limits and capital, and who approved what."""
    state, books = _open(given)
    return show_lines(state, books, kinds=("limits", "capital", "approvals"), count=count, as_json=as_json)


def show_proposals(there: tuple[Waiting, ...]) -> None:
    """What waits, for `limits diff` and `status`."""
    if not there:
        return
    say(f"\n{heading('WAITING FOR ANOTHER PERSON')}")
    for each in there:
        behind = (
            f"by {each.who}" if each.stands else f"{each.source}: nobody stands behind it, `execution limits propose`"
        )
        say(f"  {each.proposal[:10]}  {behind} · until {moment(each.expires)[:16]}Z · {each.reason}")
        for change in each.changes:
            say(paint(f"              {change}", YELLOW))
    say(paint("  `execution limits approve CHECKSUM --reason WHY`, or reject", DIM))


# ---- parts


def _from_outside(home: Home) -> Path | None:
    """The socket for users who may not enter var/; None for the desk's own. Stop where there is none for others."""
    if os.access(home.var, os.X_OK) or not home.var.is_dir():
        return None
    socket = read_people(home.root).socket
    if socket is None:
        raise Stop(Exit.USAGE, "the desk runs as another user, and config/people.yaml names no socket for others")
    return socket


def _waiting_from_outside(socket: Path, as_json: bool) -> Exit:
    there = waiting_at(socket)
    if as_json:
        say_json({"files": [], "proposals": there})
        return Exit.DONE
    show_proposals(there)
    if not there:
        say("nothing waits for an approval")
    return Exit.DONE


def _open(given: Path | None) -> tuple[DeskState, Books]:
    home: Home = the_home(given)
    state = the_state(home)
    return state, Books(home=home, book=state.book)


def _asked(ledger: Ledger, settings: Settings, who: Who, reason: str = "as the files say") -> Iterator[Command]:
    """What the files say otherwise than the books, as the commands that would bring it into force."""
    limits, people = settings.limits, settings.people.people
    if limits.rows != ledger.limits:
        yield SetLimits(rows=limits.rows, checksum=limits.checksum, who=who, reason=reason)
    for name, row in settings.strategies.items():
        if ledger.capital.get(name) != to_quanta(row.capital, settings.base_currency.quantum, name):
            yield AllocateCapital(strategy=name, amount=row.capital, who=who, reason=reason)
    if looser := redefining.looser(ledger, settings.instruments):
        yield DefineInstruments(instruments=looser, who=who, reason=reason)
    if people != ledger.people:
        yield SetPeople(
            rows=people.rows, four_eyes=people.four_eyes, who=who, reason=reason, approval_hours=people.approval_hours
        )


def _looser(ledger: Ledger, body: Command) -> list[str]:
    try:
        return [str(change) for change in RULES[type(body)].loosens(ledger, body)]
    except DomainError as problem:
        return [str(problem)]


def _name(body: Command) -> str:
    match body:
        case SetLimits():
            return "config/limits.yaml, config/venues.yaml"
        case AllocateCapital():
            return f"capital of {body.strategy} in config/strategies.yaml"
        case DefineInstruments():
            return "config/instruments.yaml"
        case _:
            return "config/people.yaml"


def _document(ledger: Ledger, body: Command) -> dict[str, object]:
    return {"file": _name(body), "loosens": _looser(ledger, body)}


def _answer(body: Command, outcome: Outcome) -> dict[str, object]:
    return {"file": _name(body), "event": outcome.event, "refused": outcome.refused, "proposal": outcome.proposal}


def _become(outcome: Outcome) -> str:
    if outcome.refused:
        return paint(f"refused: {outcome.refused}", RED)
    return f"waits as {outcome.proposal[:10]}" if outcome.proposal else paint("in force", GREEN)


def _code(outcomes: Iterator[Outcome]) -> Exit:
    found = list(outcomes)
    if any(outcome.refused for outcome in found):
        return Exit.REFUSED
    return Exit.WAITS if any(outcome.proposal for outcome in found) else Exit.DONE


def _denied(row: LimitInUse) -> str:
    return f"{ago(row.denied)} ago, {row.why}" if row.denied else "–"
