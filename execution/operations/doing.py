"""Does what a button says, under the name of who is logged in, and tells what the engine journaled of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from execution.operations.actions import ACTIONS, Deed, may, wrong_with
from execution.operations.board import Board
from execution.operations.logins import Visitor
from execution.settings import known_instruments, read_instruments, read_strategies, read_venues
from toolkit.client import disabling, emergency
from toolkit.client.books import Books
from toolkit.client.commands import Outcome, answer_alert, give
from toolkit.client.desk_state import read_desk_state
from toolkit.client.home import Home
from toolkit.client.killing import Killed, KillSwitch
from toolkit.client.stopping import FLATTEN_SECONDS, Leftover, describe
from toolkit.domain.alerts import AlertAnswer, AlertDeed
from toolkit.domain.commands import (
    ApproveChange,
    Command,
    DisableStrategy,
    EnableStrategy,
    Kill,
    KillMode,
    RejectChange,
    Reopen,
    ResolveBreak,
    ResolveDoubt,
    Who,
)
from toolkit.domain.errors import AmbiguousOutcome, DomainError, ExecutionError, TransportError
from toolkit.domain.front_desk import Credential
from toolkit.domain.instruments import Instrument

APP: Final = "operations"
ANSWERED: Final = {
    AlertDeed.ACKNOWLEDGE: "it is yours, and goes on to nobody else",
    AlertDeed.SILENCE: "silenced; it still shows here",
    AlertDeed.ESCALATE: "it goes on to the next channel",
}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a deed. `good` is False for what was refused, or is not proven.

    `event` is its record in the journal (0: none), `record` where else it stands.
    """

    good: bool
    headline: str
    event: int = 0
    record: str = ""
    lines: tuple[str, ...] = ()


class Doing:
    """Gives commands for the people who are logged in; `secret` is how the front desk knows this app."""

    def __init__(
        self, home: Home, *, book: str, venues: tuple[str, ...], quarantine_seconds: float, secret: str
    ) -> None:
        self._home = home
        self._book = book
        self._venues = venues
        self._quarantine = quarantine_seconds
        self._secret = secret

    def do(self, deed: Deed, board: Board, visitor: Visitor) -> Told:
        """Blocks until it is done, refused, or not proven. The engine asks for the role once more."""
        if not may(deed, visitor.roles):
            return Told(good=False, headline=f"{visitor.person} may not do that; nothing was done")
        if wrong := wrong_with(deed, board):
            return Told(good=False, headline=f"nothing was done: {wrong}")
        credential = Credential(app=APP, secret=self._secret, login=visitor.login)
        who = Who(identity=f"login:{visitor.login}", verified=False, source=APP, via=f"app:{APP}")
        try:
            return self._do(ACTIONS[deed.action].command(deed, board, who), credential)
        except AmbiguousOutcome as problem:
            return Told(good=False, headline=f"it may have happened, or not: look first. {problem}")
        except (ExecutionError, OSError) as problem:
            return Told(good=False, headline=f"not done: {problem}")

    def _do(self, command: Command | AlertAnswer, credential: Credential) -> Told:
        match command:
            case AlertAnswer():
                return self._answer(command, credential)
            case Kill(mode=KillMode.FLATTEN):
                return self._flatten(command, credential)
            case Kill():
                return self._kill(command, credential)
            case DisableStrategy():
                return self._disable(command, credential)
            case EnableStrategy():
                self._check_file_enables(command.strategy)
                return self._let_go(command, credential, "strategy", command.strategy)
            case Reopen():
                return self._let_go(command, credential, command.scope, command.name)
            case _:
                return _told(give(self._books, command, credential=credential), _done(command))

    @property
    def _books(self) -> Books:
        return Books(home=self._home, book=self._book)

    @property
    def _sockets(self) -> Mapping[str, Path]:
        return emergency.venue_sockets(self._home, self._venues)

    # ---- alerts

    def _answer(self, answer: AlertAnswer, credential: Credential) -> Told:
        try:
            answer_alert(self._home, answer, credential)
        except DomainError as refused:
            return Told(good=False, headline=f"refused: {refused}")
        return Told(good=True, headline=f"{answer.alert}: {ANSWERED[answer.deed]}", record="in the operations log")

    # ---- stops

    def _kill(self, command: Kill, credential: Credential) -> Told:
        switch = self._switch(credential)
        killed = switch.confirm(switch.throw(command), self._quarantine)
        what = "entries are halted" if command.mode is KillMode.HALT_ENTRIES else "everything is cancelled"
        proof = "the venues show nothing of it, also after the quarantine" if killed.verified else "NOT PROVEN"
        return Told(
            good=killed.verified,
            headline=f"{command.name or 'the whole book'}: {what}; {proof}",
            event=killed.event,
            lines=tuple(_of_kill(killed, self._known())),
        )

    def _flatten(self, command: Kill, credential: Credential) -> Told:
        """The cancel of everything comes first, again; over what is not proven gone only a person's word closes."""
        first = msgspec.structs.replace(command, mode=KillMode.CANCEL_ALL, accept_unknown=False)
        switch = self._switch(credential)
        killed = switch.confirm(switch.throw(first), self._quarantine)
        if not (killed.verified or command.accept_unknown):
            return Told(
                good=False, headline="not flattened: first what is left must be gone, or accepted as unknown",
                event=killed.event,
                lines=tuple(_of_kill(killed, self._known())),
            )  # fmt: skip
        left = switch.flatten(killed, FLATTEN_SECONDS, accept_unknown=command.accept_unknown)
        words = f"NOT flat: {left}" if left else "is flat"
        return Told(
            good=not left, headline=f"{command.name or 'the whole book'} {words}", event=killed.event,
            lines=() if killed.verified else tuple(_of_kill(killed, self._known())),
        )  # fmt: skip

    def _known(self) -> Mapping[str, Instrument]:
        return known_instruments(self._home.root)

    def _switch(self, credential: Credential) -> KillSwitch:
        return KillSwitch(self._home, self._book, self._venues, credential)

    def _disable(self, command: DisableStrategy, credential: Credential) -> Told:
        state = read_desk_state(self._home.processes)
        if state is None:
            return Told(good=False, headline=f"{self._home.processes} cannot be read; use `execution disable`")
        found = disabling.disable(self._home, state, command, credential)
        strategy = command.strategy
        latch = f"the latch is NOT shut: {found.open_latch}" if found.open_latch else "its latch is shut"
        lines = (
            latch,
            *found.problems,
            *_of_left(found.left, self._known()),
            *(f"stays: {line}" for line in found.in_engine),
        )
        if found.refused:
            return Told(good=False, headline=f"refused: {found.refused}", event=found.event, lines=lines)
        if found.past_engine:
            words = f"the journal does not have it yet ({found.past_engine}); say it again once an engine runs"
            return Told(good=False, headline=words, lines=lines)
        proof = "the venue shows no open order of it" + (" but protective ones" if found.left.protective else "")
        return Told(
            good=found.left.clean,
            headline=f"{strategy} is disabled; {proof if found.left.clean else 'NOT PROVEN'}",
            event=found.event,
            lines=lines,
        )

    # ---- releases

    def _check_file_enables(self, strategy: str) -> None:
        """A file never enables, but a strategy that the file switches off stays off."""
        root = self._home.root
        rows = read_strategies(root, read_instruments(root, read_venues(root))[1])
        if strategy not in rows or not rows[strategy].enabled:
            raise TransportError(f"config/strategies.yaml does not say enabled: true for {strategy}; set it first")

    def _let_go(self, command: EnableStrategy | Reopen, credential: Credential, scope: str, name: str) -> Told:
        outcome = give(self._books, command, credential=credential)
        label = name or "the whole book"
        if outcome.refused or outcome.proposal:
            return _told(outcome, f"{label} stays stopped")
        emergency.forget_kill(self._home, self._book, scope, name)
        emergency.reopen_scope(self._home, self._book, f"{scope}:{name}" if name else scope)
        still = emergency.shut_scopes(self._home, self._book, self._venues)
        return Told(
            good=True, headline=f"{label} may trade again", event=outcome.event,
            lines=tuple(f"still shut: {each}; reopen it too" for each in still),
        )  # fmt: skip


def timed(work: Callable[[], Told]) -> Told:
    """The same, with how long it took."""
    began = time.monotonic()
    told = work()
    return msgspec.structs.replace(told, headline=f"{told.headline} ({time.monotonic() - began:.1f} s)")


def _done(command: Command) -> str:
    match command:
        case ApproveChange():
            return f"{command.proposal[:10]} is approved, and in force"
        case RejectChange():
            return f"{command.proposal[:10]} is rejected"
        case ResolveDoubt():
            return f"{command.order_id}: {command.outcome}"
        case ResolveBreak():
            return f"{command.venue} {command.kind} {command.subject}: {command.outcome}"
        case _:
            return f"{type(command).__name__} is done"


def _told(outcome: Outcome, done: str) -> Told:
    if outcome.refused:
        return Told(good=False, headline=f"refused: {outcome.refused}", event=outcome.event)
    if outcome.proposal:
        words = f"{done}: it waits for another person as {outcome.proposal[:10]}"
        return Told(good=True, headline=words, event=outcome.event)
    return Told(good=True, headline=done, event=outcome.event)


def _of_kill(killed: Killed, known: Mapping[str, Instrument]) -> list[str]:
    lines = [f"the engine refused: {killed.refused}"] if killed.refused else []
    lines += [f"past the engine: {killed.past_engine}"] if killed.past_engine else []
    lines += [f"the latch is NOT shut: {killed.open_latch}"] if killed.open_latch else []
    lines += _of_left(killed.left, known)
    lines += [*killed.unresolved, *killed.problems]
    lines += [f"unknown: {line}" for line in killed.unknown]
    return lines + [f"without protection: {line}" for line in killed.unprotected]


def _of_left(left: Leftover, known: Mapping[str, Instrument]) -> list[str]:
    lines = [f"LEFT: {describe(found, known)}" for found in left.open_orders]
    lines += [f"venue {name} does not answer: what rests there is unknown" for name in left.silent]
    return lines + [f"stays: {describe(found, known)}" for found in left.protective]
