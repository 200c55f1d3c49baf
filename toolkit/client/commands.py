"""The one way for people to command: through the front desk to the engine, and wait for what became of it.

What a command does, and who may give it, is never decided here.
"""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path
from typing import Final, NamedTuple

from toolkit.adapters.blocking_redis import BlockingJournal
from toolkit.adapters.front_desk import ask_front_desk
from toolkit.adapters.sockets import socket_path
from toolkit.client.books import Books, opened
from toolkit.client.credentials import credential_of
from toolkit.client.home import Home
from toolkit.domain.alerts import AlertAnswer
from toolkit.domain.commands import Command, Envelope, Who
from toolkit.domain.errors import ConfigError, DomainError, StaleIncarnation, TransportError
from toolkit.domain.events import CommandTaken
from toolkit.domain.front_desk import Ask, Credential, Told, Waiting
from toolkit.domain.people import OPERATOR
from toolkit.engine.command_rules import may_tighten

ATTEMPTS: Final = 5


class Outcome(NamedTuple):
    """What became of a command: the event that says so (0 while unknown), and why it was refused ("" is done).

    `proposal` names the proposal that it has become: another person must approve it before it takes effect.
    """

    event: int
    refused: str
    proposal: str = ""


def person(source: str) -> Who:
    """The user who runs this process, as it claims; the front desk proves it and writes what it found."""
    return Who(identity=_user(), verified=False, source=source)


def ourselves(source: str) -> Who:
    """The user who runs this process, for the supervisor, which is its own front desk."""
    return Who(identity=_user(), verified=True, source=source)


def give(
    books: Books, body: Command, *, patience_seconds: float = 5.0, credential: Credential | None = None
) -> Outcome:
    """Send a command and wait until the engine has journaled what became of it.

    It goes through the supervisor's front desk, which says who gives it: by `credential`, else by the token file that
    EXECUTION_TOKEN_FILE names, else as the system knows it. Where the front desk is dead or hangs, only what tightens
    goes through, past it and unverified. ConfigError when it proves nothing or says no reason. TransportError when the
    server is away (nothing was sent), or when no engine takes the command in time: it stays in its stream then and
    takes effect when an engine comes back.
    """
    if not getattr(body, "reason", "").strip():
        raise ConfigError(f"{type(body).__name__} says no reason; a word is enough, and it stands in the journal")
    try:
        return give_at(front_desk_socket(books.home), body, patience_seconds, credential)
    except FrontDeskAway as problem:
        if not may_tighten(type(body)):
            raise
        return _give_past_the_front_desk(books, body, patience_seconds, problem)


def give_at(
    socket: Path, body: Command, patience_seconds: float = 5.0, credential: Credential | None = None
) -> Outcome:
    """The same at the socket that config/people.yaml names for other users of this machine; past it nothing goes."""
    told = _ask(socket, body, patience_seconds, credential)
    if told.problem:
        raise TransportError(told.problem)
    return Outcome(told.event, told.refused, told.proposal)


def answer_alert(home: Home, answer: AlertAnswer, credential: Credential | None = None) -> None:
    """Say something to an alert, under one's own name. DomainError when that is refused, ConfigError when unproved.

    TransportError when the front desk or the log is away: who answers is proved there or nowhere.
    """
    ask = Ask(body=None, answer=answer, credential=credential_of() if credential is None else credential)
    told = _told(front_desk_socket(home), ask, "the answer")
    if told.problem:
        raise TransportError(told.problem)
    if told.refused:
        raise DomainError(told.refused)


def waiting_at(socket: Path, credential: Credential | None = None) -> tuple[Waiting, ...]:
    """What waits for an approval, as the front desk tells whoever is named in config/people.yaml."""
    return _ask(socket, None, 5.0, credential).waiting


class FrontDeskAway(TransportError):
    """Nobody heard the question, or nobody answered it."""


def _ask(socket: Path, body: Command | None, patience: float, credential: Credential | None) -> Told:
    shown = credential_of() if credential is None else credential
    what = "the question" if body is None else type(body).__name__
    return _told(socket, Ask(body=body, credential=shown, patience=patience), what)


def _told(socket: Path, ask: Ask, what: str) -> Told:
    try:
        told = ask_front_desk(socket, ask)
    except TransportError as problem:
        raise FrontDeskAway(str(problem)) from problem
    if told.unproved:
        raise ConfigError(f"{what} went nowhere: {told.unproved}")
    return told


def front_desk_socket(home: Home) -> Path:
    """Where a desk's supervisor hears people."""
    return socket_path(home.run, "people")


def _give_past_the_front_desk(books: Books, body: Command, patience: float, problem: TransportError) -> Outcome:
    """The way out is open: what tightens needs nobody's word. The engine refuses whatever else comes this way."""
    journal = Books(home=books.home, book=books.book, user=OPERATOR).journal()
    try:
        after = journal.head().sequence
        envelope = _send(journal, body)
        return _wait(journal, after, envelope, patience)
    except TransportError as away:
        raise TransportError(f"{away} ({problem})") from None
    finally:
        journal.close()


def _user() -> str:
    try:
        return f"unix:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"unix:{os.getuid()}"


def _send(journal: BlockingJournal, body: Command) -> Envelope:
    """Several people share one producer: who is overtaken, or has a clock that was set back, takes a larger number."""
    newest = 0
    for _ in range(ATTEMPTS):
        incarnation = max(time.time_ns(), newest + 1)
        envelope = Envelope(producer=OPERATOR, incarnation=incarnation, number=1, body=body)
        try:
            journal.send(envelope)
        except StaleIncarnation:
            newest = journal.newest_incarnation(OPERATOR)
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
                    return Outcome(number, event.refused, event.proposal)
    raise TransportError(
        f"no engine took the command within {patience:.0f} s; it waits in its stream and takes effect when one is back "
        "(`execution status` shows whether one runs)"
    )


def _is(event: CommandTaken, envelope: Envelope) -> bool:
    found = (event.producer, event.incarnation, event.number)
    return found == (envelope.producer, envelope.incarnation, envelope.number)
