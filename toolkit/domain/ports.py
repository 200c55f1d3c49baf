"""What the services need from the outside, as protocols; each has a real adapter and an in-memory fake that ships."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import msgspec

from toolkit.domain.beats import Beat
from toolkit.domain.commands import Envelope
from toolkit.domain.inbox import InboxEntry, Released
from toolkit.domain.market import Step
from toolkit.domain.requests import VenueReport, VenueRequest, VenueState
from toolkit.domain.time import MonoTime


class Head(msgspec.Struct, frozen=True, gc=False):
    """The end of a journal: number of the last event (0 when empty) and hash of the last batch (b"" when empty)."""

    sequence: int
    digest: bytes


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """A batch as bytes, ready to append: its numbers, its own hash and that of the batch before."""

    first: int
    last: int
    previous: bytes
    digest: bytes
    payload: bytes


class Received(msgspec.Struct, frozen=True, gc=False):
    """A command as read from its stream; `position` is handed back to read on from there."""

    position: str
    envelope: Envelope


class Lease(msgspec.Struct, frozen=True, gc=False):
    """The right to write: the epoch, and until when requests may be sent (counted from before the renewal was sent)."""

    epoch: int
    send_by: MonoTime


class Journal(Protocol):
    """The append-only record of one book, its lease, and each strategy's inbox."""

    async def acquire(self, owner: str, above: int = 0) -> Lease | None:
        """Take the book when nobody holds it; None while somebody does. A new epoch each time, larger than `above`."""

    async def renew(self, lease: Lease) -> Lease:
        """Prolong the lease. Raises Fenced when a newer epoch exists, TransportError when the server is away."""

    async def release(self, lease: Lease) -> None:
        """Give the book up so that a successor need not wait."""

    async def append(self, lease: Lease, batch: Sealed, inboxes: Mapping[str, Sequence[InboxEntry]]) -> None:
        """Append one batch and the inbox entries of its events in one atomic step.

        Raises Fenced (newer epoch), JournalError (gap or wrong previous hash), AmbiguousOutcome (no reply, and the
        head could not be read either), TransportError (it had no effect: disk or memory full, server away). A lost
        reply is resolved by reading the head; appending the same batch twice has one effect, another one in its
        place may not be tried.
        """

    async def head(self) -> Head:
        """The end of the journal."""

    def read(self, after: int) -> AsyncIterator[Sealed]:
        """Every batch that holds events with numbers above `after`, in order, up to the present end, chain checked.

        Asks for ≤ 500 entries a call. Raises Gap when the first was trimmed away, JournalError for a broken chain.
        """

    async def batches(self, after: int, block_ms: int) -> Sequence[Sealed]:
        """The next ≤ 500 batches with events numbered above `after`, waiting up to `block_ms` for the first."""

    async def commands(self, positions: Mapping[str, str], block_ms: int) -> Sequence[Received]:
        """Commands after the given position per producer stream ("0" from the start), waiting up to `block_ms`."""

    async def inbox(self, strategy: str, after: int, block_ms: int) -> Sequence[InboxEntry]:
        """Inbox entries with numbers above `after`."""

    async def send(self, envelope: Envelope) -> None:
        """Put a command into its producer's stream; the same command twice has one effect.

        Raises JournalError (that number is there with another payload), StaleIncarnation (the stream is past that
        number: number anew under a larger incarnation), TransportError (send the same again, before any later one; also
        when so many wait for an engine that no more may).
        """

    async def forget_commands(self, positions: Mapping[str, str]) -> None:
        """Let go of commands up to these positions, which have taken effect for good, but for the newest of them."""


class Bus(Protocol):
    """Quotes, released steps and heartbeats: may be lost at any time without harm to the books.

    Every method raises TransportError, and nothing else, when the server is away or full. With `block_ms` 0 a read
    does not wait.
    """

    async def publish(self, stream: str, steps: Sequence[Step]) -> None:
        """Publish numbered steps; publishing a number again that is already there is ignored."""

    async def steps(self, stream: str, after: int, block_ms: int, count: int) -> Sequence[Step]:
        """Steps with numbers above `after`, waiting up to `block_ms`; a first one above `after` + 1 means trimmed."""

    async def last(self, stream: str) -> int:
        """Number of the newest step, 0 when there is none."""

    async def forget(self, stream: str) -> None:
        """Remove all steps of a stream, so that it can be filled anew from an earlier number or by another feed."""

    async def release(self, epoch: int, steps: Sequence[Released]) -> None:
        """Hand steps to the runners; a number that is already there is ignored."""

    async def released(self, epoch: int, after: int, block_ms: int, count: int) -> Sequence[Released]:
        """Released steps of one epoch with numbers above `after`, waiting up to `block_ms`."""

    async def forget_epoch(self, epoch: int) -> None:
        """Remove the released steps of an epoch that is over."""

    async def beat(self, beat: Beat) -> None:
        """Replace the heartbeat of a process."""

    async def beats(self) -> Mapping[str, Beat]:
        """The last heartbeat of each process."""


class TokenBank(Protocol):
    """Hands out what several processes share of a venue key's rate."""

    async def lease_tokens(self, key: str, wanted: int, overdrawn: int, pool: int, span: int) -> int:
        """Up to `wanted` tokens, of which no more than `pool` are given within any `span` nanoseconds.

        What the caller sent beyond its own is `overdrawn` and comes off the pool first. TransportError when the server
        is away: whether it took effect does not matter, for what was given and not heard of is never spent.
        """


class Venue(Protocol):
    """A line to one venue."""

    async def send(
        self, requests: Sequence[VenueRequest], by_person: frozenset[str] = frozenset()
    ) -> Sequence[VenueRequest]:
        """Write requests to the line, dropping those whose `send_by` has passed or whose scope is latched shut.

        Returns the dropped ones: they never left. `by_person` names orders of a person's flatten, which no latch
        stops. Raises TransportError when none of them left.
        """

    def reports(self) -> AsyncIterator[VenueReport]:
        """Facts as they arrive. Raises TransportError when the line is cut: what is unanswered is in doubt then."""

    async def state(self) -> VenueState:
        """Ask the venue for its open orders, positions and newest report."""

    async def replay(self, after: int) -> Sequence[VenueReport]:
        """Reports with numbers above `after`, for recovery."""
