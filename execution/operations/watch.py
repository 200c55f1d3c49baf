"""Follows a desk's journal in a thread of its own and keeps the newest board; it never writes, and waits for nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock
from typing import Final

import msgspec

from execution.operations.board import Board, board, problems
from toolkit.client import emergency
from toolkit.client.books import Books
from toolkit.client.desk_state import DeskState, Problem, read_desk_state
from toolkit.client.home import Home
from toolkit.domain.errors import ExecutionError, JournalError
from toolkit.domain.people import People
from toolkit.replica.replica import Replica

LOOK_SECONDS: Final = 1.0
UNWATCHED_SECONDS: Final = 10.0


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
        self._viewers = viewers
        self._replica: Replica | None = None
        self._lock = Lock()
        self._stop = Event()
        self._again = Event()

    def run(self) -> None:
        """Look until `stop`: each second while somebody looks on, else now and then."""
        while not self._stop.is_set():
            self.look()
            self._again.wait(LOOK_SECONDS if self._viewers() else UNWATCHED_SECONDS)
            self._again.clear()

    def stop(self) -> None:
        self._stop.set()
        self._again.set()

    def wake(self) -> None:
        """Somebody looks: do not sleep any longer."""
        self._again.set()

    def look(self) -> Seen:
        """One look at journal, latch and processes. Blocks."""
        with self._lock:
            state = read_desk_state(self.home.processes)
            try:
                replica = self._caught_up()
            except ExecutionError as problem:
                self.seen = msgspec.structs.replace(
                    self._or_from_files(), problem=str(problem), state=state, to_mend=problems(state)
                )
            else:
                shut = emergency.shut_rows(self.home, self.book)
                self.seen = Seen(
                    board=board(replica, shut), people=replica.ledger.people, looked=time.monotonic(),
                    state=state, to_mend=problems(state),
                )  # fmt: skip
            return self.seen

    def _caught_up(self) -> Replica:
        books = Books(home=self.home, book=self.book)
        journal = books.journal()
        try:
            if self._replica is None:
                self._replica = books.start(journal.head().sequence)
            books.catch_up(self._replica, journal)
        except JournalError:
            self._replica = None
            raise
        finally:
            journal.close()
        return self._replica

    def _or_from_files(self) -> Seen:
        """The last board; before the first one, what this machine's files say, so that people are known."""
        if self.seen.board is not None:
            return self.seen
        with suppress(ExecutionError):  # it is said that the books cannot be read
            replica = Books(home=self.home, book=self.book).replica_without_server()
            if replica.ledger.sequence:
                shut = emergency.shut_rows(self.home, self.book)
                return Seen(board=board(replica, shut), people=replica.ledger.people, looked=time.monotonic())
        return self.seen
