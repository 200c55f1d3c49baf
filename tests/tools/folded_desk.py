"""The journal that a random desk would have, and what everyone who looks on makes of it."""

from __future__ import annotations

from tests.tools.random_desk import RandomDesk
from toolkit.adapters import codec
from toolkit.domain import events as ev
from toolkit.domain.ports import Sealed
from toolkit.domain.time import WallTime
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies


class Journal:
    """What each act of a random desk led to is one batch, as it stands in `sealed`; `batches` have their digests."""

    def __init__(self, seed: int, book: str = "paper") -> None:
        self.desk = RandomDesk(seed)
        self.batches: list[tuple[ev.Batch, bytes]] = []
        self.sealed: list[Sealed] = []
        self._book = book
        self._taken = 0
        self.seal()

    def act(self, times: int) -> None:
        for _ in range(times):
            self.desk.act()
            self.seal()

    def seal(self) -> None:
        events = tuple(self.desk.events[self._taken :])
        if not events:
            return
        batch = ev.Batch(
            book=self._book, schema=codec.SCHEMA, epoch=1, first=self._taken + 1,
            previous=self.batches[-1][1] if self.batches else b"", step=0, wall=WallTime(self.desk.mono), events=events,
        )  # fmt: skip
        self.sealed.append(codec.seal(batch))
        self.batches.append((batch, self.sealed[-1].digest))
        self._taken += len(events)


def folded(journal: Journal) -> tuple[Replica, Tallies]:
    """Both folds of all of it."""
    replica, counted = Replica(), Tallies()
    for batch, digest in journal.batches:
        replica.apply(batch, digest)
        counted.hear(batch, replica.ledger)
    return replica, counted
