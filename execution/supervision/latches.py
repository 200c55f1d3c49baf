"""Latches that were shut past the journal, as the commands that bring them into it; nothing here opens one."""

from __future__ import annotations

from collections.abc import Iterator

from execution.settings import Settings
from execution.supervision.opening import is_disabled
from toolkit.client import emergency
from toolkit.client.home import Home
from toolkit.client.killing import latch_scope
from toolkit.domain.commands import Command, DisableStrategy, Kill, KillMode, Who
from toolkit.domain.errors import TransportError
from toolkit.domain.ledger import Ledger
from toolkit.engine.kill_switch import is_killed

SHUT = "its latch was shut while the journal was away"


class Latches:
    """Looks at the latch of one book, round after round. `who` stands for a latch that nobody signed."""

    def __init__(self, home: Home, settings: Settings, who: Who) -> None:
        self._home = home
        self._book = settings.desk.book
        self._strategies = tuple(settings.strategies)
        self._who = who
        self._before: set[str] = set()

    def not_journaled(self, ledger: Ledger) -> Iterator[Command]:
        """What the journal does not say yet of scopes that were shut in two rounds: no command is on its way then."""
        shut = self._shut()
        for scope in sorted(shut & self._before):
            command = self._command(ledger, scope)
            if command is not None:
                yield command
        self._before = shut
        self._forget_what_is_journaled(ledger)

    def _shut(self) -> set[str]:
        rows = emergency.latch_rows(self._home, self._book)
        missing = {latch_scope("strategy", name) for name in self._strategies} - rows.keys()
        return {scope for scope, is_open in rows.items() if not is_open} | missing

    def _command(self, ledger: Ledger, row: str) -> Command | None:
        """The kill that somebody wrote down, else what a shut latch means by itself."""
        scope, _, name = row.partition(":")
        if is_killed(ledger, scope, name):
            return None
        if waiting := [kill for kill in self._waiting() if (kill.scope, kill.name) == (scope, name)]:
            return waiting[-1]
        if scope == "strategy":
            known = is_disabled(ledger, name) or name not in self._strategies
            return None if known else DisableStrategy(strategy=name, flatten=False, who=self._who, reason=SHUT)
        if scope == "book" or name in ledger.venues:
            return Kill(scope=scope, name=name, mode=KillMode.HALT_ENTRIES, who=self._who, reason=SHUT)
        return None

    def _forget_what_is_journaled(self, ledger: Ledger) -> None:
        for kill in self._waiting():
            if is_killed(ledger, kill.scope, kill.name):
                try:
                    emergency.forget_kill(self._home, self._book, kill.scope, kill.name)
                except TransportError:  # it harms nothing: a kill that is in force is not given again
                    return

    def _waiting(self) -> tuple[Kill, ...]:
        return emergency.waiting_kills(self._home, self._book)
