"""Small batches, commands and inbox entries for tests of the journal."""

from __future__ import annotations

from toolkit.adapters import codec
from toolkit.domain.commands import DisableStrategy, Envelope, Who
from toolkit.domain.events import Alarmed, Batch
from toolkit.domain.inbox import CapitalChanged, InboxEntry
from toolkit.domain.market import Quote, Step
from toolkit.domain.ports import Head, Sealed
from toolkit.domain.time import FeedTime, WallTime

WHO = Who(identity="unix:ada", verified=False, source="test")


def alarm(detail: str) -> Alarmed:
    return Alarmed(kind="test", subject="", detail=detail, time=FeedTime(0))


def batch_after(head: Head, *details: str, book: str = "paper", epoch: int = 1) -> Sealed:
    """A sealed batch behind `head`, one event for each detail."""
    return codec.seal(
        Batch(
            book=book,
            schema=codec.SCHEMA,
            epoch=epoch,
            first=head.sequence + 1,
            previous=head.digest,
            step=0,
            wall=WallTime(0),
            events=tuple(map(alarm, details or ("event",))),
        )
    )


def chain(count: int, size: int = 1, head: Head = codec.EMPTY) -> list[Sealed]:
    """`count` batches in a row, of `size` events each."""
    batches = []
    for number in range(count):
        batches.append(batch_after(head, *(f"{number}.{i}" for i in range(size))))
        head = end_of(batches[-1])
    return batches


def end_of(batch: Sealed) -> Head:
    return Head(batch.last, batch.digest)


def command(number: int, reason: str = "stop", *, incarnation: int = 1, producer: str = "operator") -> Envelope:
    body = DisableStrategy(strategy="trend", flatten=False, who=WHO, reason=reason)
    return Envelope(producer=producer, incarnation=incarnation, number=number, body=body)


def entry(number: int) -> InboxEntry:
    return InboxEntry(number=number, item=CapitalChanged(amount=number))


def step(number: int) -> Step:
    quote = Quote(instrument="AAPL", bid=100, ask=101, bid_size=1, ask_size=1)
    return Step(number=number, time=FeedTime(number), label="simulated", events=(quote,))
