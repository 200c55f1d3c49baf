"""Sends a person's command to the engine and waits for what became of it; what a command does is never decided here."""

from __future__ import annotations

import os
import pwd
import time
from typing import Final, NamedTuple

from toolkit.adapters.blocking_redis import BlockingJournal
from toolkit.client.books import Books, opened
from toolkit.domain.commands import Command, Envelope, Who
from toolkit.domain.errors import StaleIncarnation, TransportError
from toolkit.domain.events import CommandTaken

PRODUCER: Final = "operator"
ATTEMPTS: Final = 5


class Outcome(NamedTuple):
    """What became of a command: the event that says so (0 while unknown), and why it was refused ("" is done)."""

    event: int
    refused: str


def person(source: str) -> Who:
    """The user who runs this process, as the system knows it; unverified until identities come."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return Who(identity=f"unix:{name}", verified=False, source=source)


def give(books: Books, body: Command, *, patience_seconds: float = 5.0) -> Outcome:
    """Send a command and wait until the engine has journaled what became of it.

    TransportError when the server is away (nothing was sent), or when no engine takes the command in time: it stays in
    its stream then and takes effect when an engine comes back.
    """
    journal = Books(home=books.home, book=books.book, user="operator").journal()
    try:
        after = journal.head().sequence
        envelope = _send(journal, body)
        return _wait(journal, after, envelope, patience_seconds)
    finally:
        journal.close()


def _send(journal: BlockingJournal, body: Command) -> Envelope:
    """Several people share one producer: who is overtaken, or has a clock that was set back, takes a larger number."""
    newest = 0
    for _ in range(ATTEMPTS):
        incarnation = max(time.time_ns(), newest + 1)
        envelope = Envelope(producer=PRODUCER, incarnation=incarnation, number=1, body=body)
        try:
            journal.send(envelope)
        except StaleIncarnation:
            newest = journal.newest_incarnation(PRODUCER)
        else:
            return envelope
    raise TransportError(f"{ATTEMPTS} times somebody else was quicker with a command; say it again")


def _wait(journal: BlockingJournal, after: int, envelope: Envelope, patience: float) -> Outcome:
    deadline = time.monotonic() + patience
    while (left := deadline - time.monotonic()) > 0:
        for sealed in journal.batches(after, block_ms=max(1, int(min(left, 0.25) * 1000))):
            after = sealed.last
            for number, event in enumerate(opened(sealed).events, start=sealed.first):
                if isinstance(event, CommandTaken) and _is(event, envelope):
                    return Outcome(number, event.refused)
    raise TransportError(
        f"no engine took the command within {patience:.0f} s; it waits in its stream and takes effect when one is back "
        "(`execution status` shows whether one runs)"
    )


def _is(event: CommandTaken, envelope: Envelope) -> bool:
    found = (event.producer, event.incarnation, event.number)
    return found == (envelope.producer, envelope.incarnation, envelope.number)
