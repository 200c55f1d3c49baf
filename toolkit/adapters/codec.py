"""Bytes of every wire message (msgpack), the hash chain of the journal, and the upcasters of old events; never any I/O.

A batch's payload contains the hash of the payload before it, and its own hash is taken over its payload: one chain
from the first event to the last. Stored bytes are never rewritten: what an older version wrote is brought up to date
while it is read (`UPCASTERS`), at no cost for bytes of today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from toolkit.domain.beats import Beat
from toolkit.domain.commands import Envelope
from toolkit.domain.errors import Gap, JournalError
from toolkit.domain.events import Batch
from toolkit.domain.inbox import InboxEntry, Released
from toolkit.domain.market import Step
from toolkit.domain.ports import Head, Sealed
from toolkit.domain.venue_line import FromVenue, ToVenue

SCHEMA: Final = 3
"""Number of the present set of event types; written into each batch. One more for every new kind of event."""

DIGEST_SIZE: Final = 32
EMPTY: Final = Head(sequence=0, digest=b"")

RawEvent = list[object]
Upcaster = Callable[[RawEvent], RawEvent]

UPCASTERS: Final[Mapping[str, Upcaster]] = {}
"""Old tag → function from the old event (`[tag, field, …]`) to its successor, which must carry another tag."""


class Cover(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="batch"):
    """A batch with its events left unread: numbers and hashes cost nothing to look at."""

    book: str
    schema: int
    epoch: int
    first: int
    previous: bytes
    step: int
    wall: int
    events: tuple[msgspec.Raw, ...]


_encoder = msgspec.msgpack.Encoder()
_batch = msgspec.msgpack.Decoder(Batch)
_cover = msgspec.msgpack.Decoder(Cover)
_raw = msgspec.msgpack.Decoder(list[object])

encode: Callable[[msgspec.Struct], bytes] = _encoder.encode
decode_envelope: Callable[[bytes], Envelope] = msgspec.msgpack.Decoder(Envelope).decode
decode_inbox: Callable[[bytes], tuple[InboxEntry, ...]] = msgspec.msgpack.Decoder(tuple[InboxEntry, ...]).decode
decode_released: Callable[[bytes], Released] = msgspec.msgpack.Decoder(Released).decode
decode_step: Callable[[bytes], Step] = msgspec.msgpack.Decoder(Step).decode
decode_beat: Callable[[bytes], Beat] = msgspec.msgpack.Decoder(Beat).decode
decode_to_venue: Callable[[bytes], tuple[ToVenue, ...]] = msgspec.msgpack.Decoder(tuple[ToVenue, ...]).decode
decode_from_venue: Callable[[bytes], tuple[FromVenue, ...]] = msgspec.msgpack.Decoder(tuple[FromVenue, ...]).decode


def encode_inbox(entries: Sequence[InboxEntry]) -> bytes:
    """What one batch tells a strategy."""
    return _encoder.encode(entries)


def encode_line(messages: tuple[ToVenue, ...] | tuple[FromVenue, ...]) -> bytes:
    """The body of one frame on a venue's line."""
    return _encoder.encode(messages)


def digest(payload: bytes) -> bytes:
    """blake2b-256 of a payload."""
    return blake2b(payload, digest_size=DIGEST_SIZE).digest()


def seal(batch: Batch) -> Sealed:
    """The batch as bytes with its hash, ready to append. Raises JournalError for an empty or misnumbered batch."""
    if not batch.events or batch.first < 1:
        raise JournalError(f"a batch must hold events with numbers from 1 on; this one begins at {batch.first}")
    payload = _encoder.encode(batch)
    return Sealed(batch.first, batch.last, batch.previous, digest(payload), payload)


def sealed(payload: bytes) -> Sealed:
    """Numbers and hashes of stored bytes, without reading their events. Raises JournalError when they are no batch."""
    found = cover(payload)
    return Sealed(found.first, found.first + len(found.events) - 1, found.previous, digest(payload), payload)


def cover(payload: bytes) -> Cover:
    """A stored batch with its events unread. Raises JournalError when these bytes are no batch."""
    try:
        return _cover.decode(payload)
    except msgspec.MsgspecError as error:
        raise JournalError(f"the journal holds {len(payload)} bytes that are no batch: {error}") from error


def open_batch(payload: bytes, upcasters: Mapping[str, Upcaster] = UPCASTERS) -> Batch:
    """The batch that stored bytes stand for, old events brought up to date.

    Raises JournalError for bytes that no version of ours wrote, or that a newer version wrote.
    """
    try:
        batch = _batch.decode(payload)
    except msgspec.MsgspecError as error:
        return _open_old(payload, upcasters, error)
    if batch.schema == SCHEMA:
        return batch
    return _open_old(payload, upcasters, None)


def follows(head: Head, batch: Sealed) -> Head:
    """The head after `batch`; JournalError when it does not continue the chain that ends at `head`."""
    if batch.first != head.sequence + 1:
        raise JournalError(f"the journal has a gap: event {head.sequence} is followed by {batch.first}")
    if batch.previous != head.digest:
        raise JournalError(
            f"the journal's chain is broken at event {batch.first}: the batch before it should be "
            f"{short(batch.previous)} and is {short(head.digest)}"
        )
    return Head(batch.last, batch.digest)


class Chain:
    """Checks batches one after the other, from the first that holds events above `after`."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._newest: Sealed | None = None

    def add(self, batch: Sealed) -> None:
        """Raises Gap when the first batches are gone, JournalError when one does not continue the chain."""
        newest = self._newest
        if newest is None:
            if batch.first > self._after + 1:
                raise Gap(f"events {self._after + 1}…{batch.first - 1} were trimmed away; load a snapshot first")
        elif batch.first != newest.last + 1 or batch.previous != newest.digest:
            follows(Head(newest.last, newest.digest), batch)  # raises, and says what is wrong
        self._newest = batch


def short(value: bytes) -> str:
    """The first digits of a hash, for messages."""
    return value.hex()[:12] or "nothing"


def _open_old(payload: bytes, upcasters: Mapping[str, Upcaster], error: Exception | None) -> Batch:
    try:
        old = _cover.decode(payload)
        if old.schema > SCHEMA:
            raise JournalError(
                f"events {old.first}… were written by a newer version (schema {old.schema}, known here: {SCHEMA}); "
                "install that version or a later one"
            ) from error
        events = [_upcast(_raw.decode(event), upcasters) for event in old.events]
        fields: list[object] = _raw.decode(payload)
        fields[-1] = events
        return _batch.decode(_encoder.encode(fields))
    except msgspec.MsgspecError as problem:
        raise JournalError(f"the journal holds a batch that cannot be read: {problem}") from problem


def _upcast(event: RawEvent, upcasters: Mapping[str, Upcaster]) -> RawEvent:
    while (upcaster := upcasters.get(str(event[0]))) is not None:
        event = upcaster(event)
    return event
