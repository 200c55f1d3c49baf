"""The journal without a server: the same promises in memory, for tests and backtests that want a journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from toolkit.adapters import codec
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.commands import Envelope
from toolkit.domain.errors import Fenced, JournalError, StaleIncarnation, TransportError
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.ports import Head, Lease, Received, Sealed
from toolkit.domain.time import NANOSECONDS, MonoTime

ENTRIES_A_CALL = 500
STREAM_LENGTH, TAKEN_KEPT = 10_000, 1_000  # as on a server


class MemoryJournal:
    """`domain.ports.Journal` on a `MemoryServer`; several of them on one server stand for several processes."""

    def __init__(
        self,
        server: MemoryServer,
        *,
        mono: Callable[[], MonoTime],
        lease_seconds: float = 2.0,
        margin_seconds: float = 0.3,
    ) -> None:
        self._server = server
        self._mono = mono
        self._lease = int(lease_seconds * NANOSECONDS)
        self._usable = int((lease_seconds - margin_seconds) * NANOSECONDS)
        self._owner = ""

    async def close(self) -> None:
        """Nothing to close."""

    async def acquire(self, owner: str, above: int = 0) -> Lease | None:
        await self._turn()
        server, now = self._server, self._mono()
        if server.expires is not None and now < server.expires:
            return None
        server.epoch = max(server.epoch, above) + 1
        server.owner = self._owner = owner
        server.expires = now + self._lease
        return Lease(server.epoch, now + self._usable)

    async def renew(self, lease: Lease) -> Lease:
        await self._turn()
        self._check_epoch(lease)
        now = self._mono()
        self._server.expires = now + self._lease
        self._server.owner = self._owner
        return Lease(lease.epoch, now + self._usable)

    async def release(self, lease: Lease) -> None:
        await self._turn()
        if lease.epoch == self._server.epoch:
            self._server.expires = None

    async def holder(self) -> str | None:
        await self._turn()
        held = self._server.expires is not None and self._mono() < self._server.expires
        return f"{self._server.epoch} {self._server.owner}" if held else None

    async def append(self, lease: Lease, batch: Sealed, inboxes: Mapping[str, Sequence[InboxEntry]]) -> None:
        await self._turn()
        self._check_epoch(lease)
        server = self._server
        if server.head == Head(batch.last, batch.digest):
            return
        head = codec.follows(server.head, batch)
        for strategy, entries in inboxes.items():
            last = server.inboxes[strategy][-1].number if server.inboxes[strategy] else 0
            for entry in entries:
                if entry.number <= last:
                    raise JournalError(
                        f"the inbox of {strategy} is ahead of the journal, at {last}; nothing was appended"
                    )
                last = entry.number
        server.batches.append(batch)
        server.head = head
        for strategy, entries in inboxes.items():
            server.inboxes[strategy].extend(codec.decode_inbox(codec.encode_inbox(entries)))
        server.change()

    async def trim(self, up_to: int) -> None:
        await self._turn()
        self._server.batches[:] = [batch for batch in self._server.batches if batch.last > up_to]

    async def head(self) -> Head:
        await self._turn()
        return self._server.head

    async def epoch(self) -> int:
        await self._turn()
        return self._server.epoch

    async def read(self, after: int) -> AsyncIterator[Sealed]:
        chain = codec.Chain(after)
        while chunk := await self.batches(after, 0):
            for batch in chunk:
                chain.add(batch)
                yield batch
            after = chunk[-1].last

    async def batches(self, after: int, block_ms: int) -> Sequence[Sealed]:
        return await self._server.wait_for(
            lambda: [batch for batch in self._server.batches if batch.last > after][:ENTRIES_A_CALL], block_ms
        )

    async def commands(self, positions: Mapping[str, str], block_ms: int) -> Sequence[Received]:
        return await self._server.wait_for(lambda: self._commands_after(positions), block_ms)

    async def inbox(self, strategy: str, after: int, block_ms: int) -> Sequence[InboxEntry]:
        return await self._server.wait_for(
            lambda: [entry for entry in self._server.inboxes[strategy] if entry.number > after][:ENTRIES_A_CALL],
            block_ms,
        )

    async def send(self, envelope: Envelope) -> None:
        await self._turn()
        stream = self._server.commands[envelope.producer]
        identifier, payload = (envelope.incarnation, envelope.number), codec.encode(envelope)
        if stream and identifier <= stream[-1][:2]:
            self._check_known(envelope, payload)
            return
        if len(stream) >= STREAM_LENGTH:
            raise TransportError(f"{envelope.producer} is full: {STREAM_LENGTH} commands wait for an engine")
        stream.append((*identifier, payload, codec.decode_envelope(payload)))
        self._server.change()

    async def forget_commands(self, positions: Mapping[str, str]) -> None:
        await self._turn()
        for producer, position in positions.items():
            stream, last = self._server.commands[producer], _identifier(position)
            taken = sum(entry[:2] <= last for entry in stream)
            del stream[: max(0, taken - TAKEN_KEPT)]

    def _check_known(self, envelope: Envelope, payload: bytes) -> None:
        place = f"{envelope.producer} {envelope.incarnation}-{envelope.number}"
        for incarnation, number, known, _ in self._server.commands[envelope.producer]:
            if (incarnation, number) == (envelope.incarnation, envelope.number):
                if known != payload:
                    raise JournalError(f"another command is known as {place}; numbers are never reused")
                return
        raise StaleIncarnation(f"the stream is past {place}; take a larger incarnation")

    def _commands_after(self, positions: Mapping[str, str]) -> list[Received]:
        found = []
        for producer, position in positions.items():
            after = _identifier(position)
            for incarnation, number, _, envelope in self._server.commands[producer]:
                if (incarnation, number) > after:
                    found.append(Received(f"{incarnation}-{number}", envelope))
        return found

    def _check_epoch(self, lease: Lease) -> None:
        if lease.epoch != self._server.epoch:
            raise Fenced(
                f"epoch {self._server.epoch} holds the book; epoch {lease.epoch} may not write or send any more"
            )

    async def _turn(self) -> None:
        """A request to a server gives others a turn; so does this."""
        await asyncio.sleep(0)
        self._server.reach()


def _identifier(position: str) -> tuple[int, int]:
    incarnation, _, number = position.partition("-")
    return int(incarnation), int(number or 0)
