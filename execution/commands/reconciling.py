"""`execution reconcile`: where books and venues differ, and what a named person says about it; it never trades."""

from __future__ import annotations

import time
from decimal import Decimal, InvalidOperation
from pathlib import Path

from execution.commands.desk import Stop, running_state, the_home
from execution.commands.exits import Exit
from execution.commands.output import GREEN, RED, YELLOW, ago, banner, heading, paint, say, say_json, table
from execution.commands.stopping import waits
from execution.home import Home
from toolkit.client.books import Books
from toolkit.client.commands import give, person
from toolkit.client.desk_state import DeskState
from toolkit.domain.breaks import BreakKind
from toolkit.domain.commands import AdoptBreak, Command, ResolveBreak, ResolveDoubt, TransferCash, TransferPosition
from toolkit.domain.ledger import Ledger
from toolkit.domain.time import WallTime
from toolkit.replica.reconciliation import ReconciliationView, reconciliation

SOURCE = "cli"


def show(given: Path | None, *, as_json: bool) -> Exit:
    """Every break, doubt and residual. LEFT while there is a break or a doubt."""
    _, state, books = open_books(given)
    view = reconciliation(books.replica().ledger, WallTime(time.time_ns()))
    if as_json:
        say_json(view)
    else:
        say(banner(state.kind, f"desk {state.name} · books against venues"))
        show_breaks(view)
        _show_doubts(view)
        _show_residuals(view)
        if view.clean:
            say(paint("  books and venues agree; nothing is in doubt", GREEN))
    return Exit.DONE if view.clean else Exit.LEFT


def show_breaks(view: ReconciliationView) -> None:
    """The breaks alone, where there are any."""
    if not view.breaks:
        return
    say(f"\n{heading('BREAKS')}")
    rows = [
        (f"{row.venue}:{row.kind}:{row.subject}", row.ours, row.theirs, row.residual, row.held, ago(row.since))
        for row in view.breaks
    ]
    say(table(("break", "ours>", "venue>", "residual>", "REDUCING", "since"), rows))
    for row in view.breaks:
        say(paint(f"  {row.detail}", RED))


def adopt(given: Path | None, subject: str, into: str, *, price: str | None, reason: str, as_json: bool) -> Exit:
    """Take what only the venue has into a sub-account."""
    _, state, books = open_books(given)
    venue, kind, name = _named(books.replica().ledger, subject)
    command = AdoptBreak(
        venue=venue, kind=kind, subject=name, sub_account=into, price=decimal_of("--price", price),
        who=person(SOURCE), reason=reason,
    )  # fmt: skip
    return tell_outcome(state, books, command, f"{kind} {name} is adopted into {into}", as_json)


def assign(
    given: Path | None, subject: str, source: str, target: str, *,
    quantity: str | None, price: str | None, reason: str, as_json: bool,
) -> Exit:  # fmt: skip
    """Give a position or cash, as a rule of `house` or `manual`, to a sub-account."""
    _, state, books = open_books(given)
    ledger, amount = books.replica().ledger, decimal_of("--quantity", quantity)
    command: Command
    if ledger.instruments.find(subject) is not None:
        command = TransferPosition(
            source=source, target=target, instrument=subject, quantity=amount, price=decimal_of("--price", price),
            who=person(SOURCE), reason=reason,
        )  # fmt: skip
    elif subject in ledger.currencies:
        if amount is None:
            raise Stop(Exit.USAGE, f"how much {subject}? Say it with --quantity")
        command = TransferCash(
            source=source, target=target, asset=subject, amount=amount, who=person(SOURCE), reason=reason
        )
    else:
        raise Stop(Exit.USAGE, f"{subject!r} is neither an instrument nor a currency of this book")
    return tell_outcome(state, books, command, f"{subject} went from {source} to {target}", as_json)


def resolve(given: Path | None, subject: str, outcome: str, *, reason: str, as_json: bool) -> Exit:
    """Say what a break was, or what became of an order in doubt."""
    _, state, books = open_books(given)
    ledger = books.replica().ledger
    order = ledger.order(subject)
    command: Command
    if order is not None and order.chain[0] in ledger.doubtful:
        command = ResolveDoubt(order_id=order.order_id, outcome=outcome, who=person(SOURCE), reason=reason)
    else:
        venue, kind, name = _named(ledger, subject)
        command = ResolveBreak(venue=venue, kind=kind, subject=name, outcome=outcome, who=person(SOURCE), reason=reason)
    return tell_outcome(state, books, command, f"{subject}: {outcome}", as_json)


# ---- parts


def open_books(given: Path | None) -> tuple[Home, DeskState, Books]:
    """A running desk and its books. Stop when it does not run."""
    home = the_home(given)
    state = running_state(home)
    return home, state, Books(home=home, book=state.book)


def _named(ledger: Ledger, subject: str) -> tuple[str, str, str]:
    """The break that a person means: `venue:kind:subject`, or the subject alone where that is clear."""
    found = [one for one in ledger.breaks.values() if subject in (one.subject, f"{one.venue}:{one.kind}:{one.subject}")]
    if len(found) == 1:
        return found[0].venue, found[0].kind, found[0].subject
    parts = subject.split(":")
    if not found and len(parts) == 3 and parts[1] in list(BreakKind):
        return parts[0], parts[1], parts[2]  # it may have ended since: the engine says so
    names = ", ".join(f"{one.venue}:{one.kind}:{one.subject}" for one in found or ledger.breaks.values()) or "none"
    doubts = ", ".join(ledger.doubtful) or "none"
    count = len(found) or "no"
    raise Stop(Exit.USAGE, f"{subject!r} names {count} break or doubt; breaks: {names}; orders in doubt: {doubts}")


def tell_outcome(state: DeskState, books: Books, command: Command, words: str, as_json: bool) -> Exit:
    """Give a command and say what became of it."""
    outcome = give(books, command)
    if outcome.refused:
        raise Stop(Exit.REFUSED, outcome.refused)
    if outcome.proposal:
        return waits(state, words, outcome, as_json)
    if as_json:
        say_json({"command": type(command).__name__, "event": outcome.event, "done": words})
    else:
        say(banner(state.kind, f"{words} (event {outcome.event:,})"))
    return Exit.DONE


def _show_doubts(view: ReconciliationView) -> None:
    if not view.doubts:
        return
    say(f"\n{heading('DOUBTS')}")
    rows = [
        (
            row.order_id,
            row.strategy,
            row.venue,
            row.instrument,
            row.side,
            row.at_risk,
            row.doubt,
            f"{row.age_seconds} s",
        )
        for row in view.doubts
    ]
    say(table(("order", "strategy", "venue", "instrument", "side", "may trade>", "doubt", "seconds>"), rows))


def _show_residuals(view: ReconciliationView) -> None:
    if not view.residuals:
        return
    say(f"\n{heading('OWNED BY NO STRATEGY')}")
    say(table(("sub-account", "what", "amount>"), [(r.sub_account, r.subject, r.amount) for r in view.residuals]))
    say(paint("  `execution reconcile assign WHAT --from house --to STRATEGY --reason WHY` gives it to one", YELLOW))


def decimal_of(option: str, text: str | None) -> Decimal | None:
    """What was typed as a number; None where nothing was."""
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Stop(Exit.USAGE, f"{option} {text!r} is no number") from None
    if not value.is_finite():
        raise Stop(Exit.USAGE, f"{option} {text!r} is not a finite number")
    return value
