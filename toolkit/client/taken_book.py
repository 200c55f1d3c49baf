"""A book in a person's hand: while somebody closes positions past the engine, no engine and no second person trades it.

The lease is the engine's own, so one that was hung finds itself fenced when it wakes, and one that starts waits. Where
the journal is dead no engine can trade either; a lock of this machine keeps persons apart, and an engine that comes
back with the journal waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from toolkit.adapters.blocking_redis import BlockingJournal
from toolkit.adapters.lifeboat import Lifeboat
from toolkit.client.books import Books
from toolkit.client.home import Home
from toolkit.domain.errors import Fenced, TransportError

LEASE_SECONDS = 10.0
SLACK_SECONDS = 0.25
LOOK_AGAIN = 0.05
ENGINE = "engine"


class EngineHolds(TransportError):
    """An engine lives: what is to be closed is its work."""


@contextmanager
def taken_book(home: Home, book: str, owner: str) -> Iterator[Callable[[], None]]:
    """Hold the book; what is handed out prolongs that, and raises Fenced once somebody else has it.

    Raises EngineHolds when an engine goes on holding it, TransportError when another person does.
    """
    with Lifeboat(home.book(book) / "lifeboat").in_hand():
        try:
            journal = Books(home=home, book=book, user=ENGINE).journal()
        except TransportError:  # whoever holds the book cannot append either
            yield lambda: None
            return
        try:
            epoch = _acquired(journal, owner)
            try:
                yield lambda: _prolonged(journal, epoch, owner)
            finally:
                with suppress(TransportError):
                    journal.release(epoch)
        finally:
            journal.close()


def _acquired(journal: BlockingJournal, owner: str) -> int:
    """Wait until the lease that somebody left has run out; one that lives prolongs it."""
    first, left = journal.holder()
    deadline = time.monotonic() + left + SLACK_SECONDS
    while True:
        is_last = time.monotonic() > deadline  # looked at before, for this process may get no time to run in between
        epoch = journal.acquire(owner, LEASE_SECONDS)
        if epoch is not None:
            return epoch
        if is_last:
            raise EngineHolds(f"epoch {journal.holder()[0] or first} holds the book, and lives")
        time.sleep(LOOK_AGAIN)


def _prolonged(journal: BlockingJournal, epoch: int, owner: str) -> None:
    try:
        journal.renew(epoch, owner, LEASE_SECONDS)
    except Fenced:
        raise
    except TransportError:  # the journal died meanwhile: nobody takes the book
        return
