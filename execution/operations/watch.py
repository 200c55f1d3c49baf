"""Follows a desk's journal in a thread of its own and keeps the newest board; it never writes, and waits for nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock

import msgspec

from execution.operations.board import Board, board
from toolkit.client import emergency
from toolkit.client.alert_lines import AlertLines
from toolkit.client.books import Books
from toolkit.client.desk_state import DeskState, Problem, read_desk_state, to_mend
from toolkit.client.following import Following, Rounds
from toolkit.client.home import Home
from toolkit.domain.errors import ExecutionError
from toolkit.domain.people import People
from toolkit.monitoring.alert_book import Alert, AlertBook


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The newest board, None before the first; when it was made (steady seconds), and why there is no newer one."""

    board: Board | None = None
    people: People = People()
    looked: float = 0.0
    problem: str = ""
    state: DeskState | None = None
    to_mend: tuple[Problem, ...] = ()


class Watch:
    """`run` in a thread; `seen` is replaced as a whole. `viewers` says how many pages are open."""

    def __init__(self, home: Home, book: str, viewers: Callable[[], int]) -> None:
        self.home = home
        self.book = book
        self.seen = Seen()
        self._following = Following(home, book)
        self._lines = AlertLines(Books(home=home, book=book))
        self._book = AlertBook()
        self._lock = Lock()
        self._rounds = Rounds(self.look, watched=lambda: viewers() > 0)

    def run(self) -> None:
        """Look until `stop`: each second while somebody looks on, else now and then."""
        self._rounds.run()

    def stop(self) -> None:
        self._rounds.stop()

    def wake(self) -> None:
        """Somebody looks: do not sleep any longer."""
        self._rounds.wake()

    def look(self) -> Seen:
        """One look at journal, latch and processes. Blocks."""
        with self._lock:
            state = read_desk_state(self.home.processes)
            try:
                replica = self._following.caught_up()
            except ExecutionError as problem:
                self.seen = msgspec.structs.replace(
                    self._or_from_files(), problem=str(problem), state=state, to_mend=to_mend(state)
                )
            else:
                shut = emergency.shut_rows(self.home, self.book)
                self.seen = Seen(
                    board=board(replica, shut, self._alerts()), people=replica.ledger.people,
                    looked=time.monotonic(), state=state, to_mend=to_mend(state),
                )  # fmt: skip
            return self.seen

    def _alerts(self) -> tuple[Alert, ...]:
        """What fires, as the operations log tells; as it did before while the log is away."""
        with suppress(ExecutionError):
            for line in self._lines.new():
                self._book.hear(line)
        return self._book.open

    def _or_from_files(self) -> Seen:
        """The last board; before the first one, what this machine's files say, so that people are known."""
        if self.seen.board is not None:
            return self.seen
        with suppress(ExecutionError):  # it is said that the books cannot be read
            replica = self._following.from_files()
            if replica.ledger.sequence:
                shut = emergency.shut_rows(self.home, self.book)
                return Seen(board=board(replica, shut), people=replica.ledger.people, looked=time.monotonic())
        return self.seen
