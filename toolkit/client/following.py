"""Keeps one replica of a desk as new as its journal, look after look, for a process that shows it; it never writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from toolkit.client.books import Books
from toolkit.client.home import Home
from toolkit.domain.errors import JournalError
from toolkit.replica.replica import Replica


class Following:
    """One replica that outlives lost servers; after a gap or a break in the chain it begins anew."""

    def __init__(self, home: Home, book: str) -> None:
        self._books = Books(home=home, book=book)
        self._replica: Replica | None = None

    def caught_up(self) -> Replica:
        """The books up to the journal's present end, the same object each time. Blocks.

        TransportError when the server is away, JournalError when what is there does not follow.
        """
        journal = self._books.journal()
        try:
            if self._replica is None:
                self._replica = self._books.start(journal.head().sequence)
            self._books.catch_up(self._replica, journal)
        except JournalError:
            self._replica = None
            raise
        finally:
            journal.close()
        return self._replica

    def from_files(self) -> Replica:
        """The books as this machine's files have them, for who cannot reach the server. Blocks."""
        return self._books.replica_without_server()


class Rounds:
    """Calls `look` until stopped: often while somebody looks on, else now and then. `run` belongs into a thread."""

    def __init__(
        self, look: Callable[[], object], *, watched: Callable[[], bool], often: float = 1.0, seldom: float = 10.0
    ) -> None:
        self._look = look
        self._watched = watched
        self._often = often
        self._seldom = seldom
        self._stop = Event()
        self._again = Event()

    def run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self._again.clear()
            self._look()
            pause = self._often if self._watched() else self._seldom
            self._again.wait(max(pause / 10, began + pause - time.monotonic()))

    def stop(self) -> None:
        self._stop.set()
        self._again.set()

    def wake(self) -> None:
        """Somebody looks: do not sleep any longer."""
        self._again.set()
