"""The journal on a Redis server: lease, fenced append, commands, inboxes; bytes are the codec's business."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, NoReturn

from toolkit.adapters import codec, keys
from toolkit.adapters.command_sender import TAKEN_KEPT, CommandSender
from toolkit.adapters.redis_connection import BLOCKING_READS, LOST, RedisLine, Script, mapped, ours
from toolkit.adapters.redis_wire import Reply, ServerRefused
from toolkit.adapters.server_address import ServerAddress
from toolkit.domain.commands import Envelope
from toolkit.domain.errors import AmbiguousOutcome, Fenced, JournalError, TransportError
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.ports import Head, Lease, Received, Sealed
from toolkit.domain.time import NANOSECONDS, MonoTime

ENTRIES_A_CALL: Final = 500
INBOX_LENGTH: Final = 20_000
"""So many items of an inbox stay; what one batch tells a strategy is one entry of its stream, under its last number."""


class RedisJournal:
    """`domain.ports.Journal` over one Redis or Valkey server.

    `lease_seconds` is how long the book stays ours without a renewal; requests may be sent until `margin_seconds`
    before that, counted from before the renewal was asked for. `reply_seconds` is the patience with a silent server.
    """

    def __init__(
        self,
        address: ServerAddress,
        book: str,
        *,
        mono: Callable[[], MonoTime],
        lease_seconds: float = 2.0,
        margin_seconds: float = 0.3,
        reply_seconds: float = 1.0,
    ) -> None:
        self._book = book
        self._mono = mono
        self._lease_ms = int(lease_seconds * 1000)
        self._usable = int((lease_seconds - margin_seconds) * NANOSECONDS)
        # A lease is renewed beside an append that takes its time, never behind it.
        self._keeper = RedisLine(address, reply_seconds=reply_seconds)
        self._writer = RedisLine(address, reply_seconds=reply_seconds)
        self._reader = RedisLine(address, reply_seconds=None, connections=BLOCKING_READS)
        self._reply_seconds = reply_seconds
        self._sender = CommandSender(RedisLine(address, reply_seconds=reply_seconds), book)
        self._scripts = {name: Script(name) for name in ("acquire", "renew", "release", "append", "forget_commands")}
        self._owner = ""

    async def close(self) -> None:
        """Close the connections; the lease, if any, runs out by itself."""
        await self._sender.close()
        await self._keeper.close()
        await self._writer.close()
        await self._reader.close()

    # ------------------------------------------------------------------ lease

    async def acquire(self, owner: str, above: int = 0) -> Lease | None:
        asked = self._mono()
        with mapped(f"take the book {self._book}"):
            reply = await self._run(self._keeper, "acquire", self._lease_keys, [owner, self._lease_ms, above])
        if reply[0] == b"HELD":
            return None
        self._owner = owner
        return Lease(epoch=reply[1], send_by=asked + self._usable)

    async def renew(self, lease: Lease) -> Lease:
        asked = self._mono()
        with mapped(f"renew the lease on {self._book}"):
            reply = await self._run(self._keeper, "renew", self._lease_keys, [lease.epoch, self._owner, self._lease_ms])
        if reply[0] == b"FENCED":
            raise _fenced(self._book, lease.epoch, reply[1])
        return Lease(epoch=lease.epoch, send_by=asked + self._usable)

    async def release(self, lease: Lease) -> None:
        with mapped(f"give up the book {self._book}"):
            await self._run(self._keeper, "release", self._lease_keys, [lease.epoch])

    async def holder(self) -> str | None:
        """Epoch and owner of who holds the book, for people; None when nobody does."""
        with mapped(f"ask who holds {self._book}"):
            reply: bytes | None = await self._keeper.look("GET", keys.lease(self._book))
        return None if reply is None else reply.decode()

    # ------------------------------------------------------------------ append

    async def append(self, lease: Lease, batch: Sealed, inboxes: Mapping[str, Sequence[InboxEntry]]) -> None:
        names = [keys.head(self._book), keys.journal(self._book)]
        arguments: list[bytes | str | int] = [
            lease.epoch, batch.first, batch.last, batch.previous, batch.digest, batch.payload,
        ]  # fmt: skip
        for strategy, entries in inboxes.items():
            first, last = entries[0].number, entries[-1].number
            names.append(keys.inbox(self._book, strategy))
            arguments += (first, last, max(0, last - INBOX_LENGTH), codec.encode_inbox(entries))
        try:
            reply = await self._run(self._writer, "append", names, arguments)
        except LOST as error:
            await self._resolve(lease, batch, error)
        except ServerRefused as error:
            raise ours(f"append events {batch.first}…{batch.last}", error) from error
        else:
            _check_append(self._book, lease, batch, reply)

    async def _resolve(self, lease: Lease, batch: Sealed, error: Exception) -> None:
        """The reply to an append is lost: the head says whether the append took effect."""
        what = f"append events {batch.first}…{batch.last}"
        try:
            head, epoch = await self._state()
        except TransportError as second:
            raise AmbiguousOutcome(f"{what}: no reply ({error!r}), and the head cannot be read ({second})") from error
        if head == Head(batch.last, batch.digest):
            return
        if epoch != lease.epoch:
            raise _fenced(self._book, lease.epoch, epoch) from error
        if head.sequence >= batch.first:
            raise JournalError(
                f"{what}: no reply, and the journal now ends at another batch ({head.sequence})"
            ) from error
        raise TransportError(f"{what}: it had no effect ({error!r}); append the same batch again") from error

    async def head(self) -> Head:
        head, _ = await self._state()
        return head

    async def epoch(self) -> int:
        """The epoch last given out, 0 when the book was never held."""
        _, epoch = await self._state()
        return epoch

    async def _state(self) -> tuple[Head, int]:
        with mapped(f"read the head of {self._book}"):
            epoch, sequence, digest = await self._writer.look(
                "HMGET", keys.head(self._book), "epoch", "sequence", "digest"
            )
        return Head(int(sequence or 0), digest or b""), int(epoch or 0)

    async def trim(self, up_to: int) -> None:
        """Let go of the batches that end at or before event `up_to`; a reader that needs them gets Gap from then on."""
        with mapped(f"trim the journal of {self._book}"):
            await self._keeper.ask("XTRIM", keys.journal(self._book), "MINID", f"{up_to + 1}-0")

    # ------------------------------------------------------------------ reading

    async def read(self, after: int) -> AsyncIterator[Sealed]:
        chain = codec.Chain(after)
        coming = asyncio.create_task(self.batches(after, 0))
        try:
            while chunk := await coming:
                coming = asyncio.create_task(self.batches(chunk[-1].last, 0))
                await asyncio.sleep(0)  # the server looks for the next ones while these are worked on
                for batch in chunk:
                    chain.add(batch)
                    yield batch
        finally:
            coming.cancel()

    async def batches(self, after: int, block_ms: int) -> Sequence[Sealed]:
        key = keys.journal(self._book)
        entries = await self._stream(key, f"{after}-0", block_ms, ENTRIES_A_CALL)
        return [codec.sealed(fields[1]) for fields in entries]

    async def commands(self, positions: Mapping[str, str], block_ms: int) -> Sequence[Received]:
        if not positions:
            await asyncio.sleep(block_ms / 1000)
            return []
        streams = {keys.commands(self._book, producer): position for producer, position in positions.items()}
        found = await self._xread(streams, block_ms, ENTRIES_A_CALL)
        return [
            Received(position, codec.decode_envelope(fields[1])) for entries in found for position, fields in entries
        ]

    async def forget_commands(self, positions: Mapping[str, str]) -> None:
        taken = {name: position for name, position in positions.items() if position != "0"}
        if not taken:
            return
        names = [keys.commands(self._book, producer) for producer in taken]
        with mapped(f"let go of commands of {self._book}"):
            await self._run(self._keeper, "forget_commands", names, [TAKEN_KEPT, *taken.values()])

    async def inbox(self, strategy: str, after: int, block_ms: int) -> Sequence[InboxEntry]:
        key = keys.inbox(self._book, strategy)
        entries = await self._stream(key, f"{after}-0", block_ms, ENTRIES_A_CALL)
        return [entry for fields in entries for entry in codec.decode_inbox(fields[1]) if entry.number > after]

    async def send(self, envelope: Envelope) -> None:
        await self._sender.send(envelope)

    async def _stream(self, key: str, after: str, block_ms: int, count: int) -> list[list[bytes]]:
        found = await self._xread({key: after}, block_ms, count)
        return [fields for _, fields in found[0]] if found else []

    async def _xread(
        self, streams: Mapping[str, str], block_ms: int, count: int
    ) -> list[list[tuple[str, list[bytes]]]]:
        return await read_streams(self._reader, streams, block_ms, count, self._reply_seconds)

    async def _run(self, line: RedisLine, script: str, names: list[str], arguments: list[bytes | str | int]) -> Reply:
        return await self._scripts[script].call(line, names, arguments)

    @property
    def _lease_keys(self) -> list[str]:
        return [keys.lease(self._book), keys.head(self._book)]


async def read_streams(
    line: RedisLine, streams: Mapping[str, str], block_ms: int, count: int, patience: float
) -> list[list[tuple[str, list[bytes]]]]:
    """XREAD: per stream that has something new, its entries as (id, fields). Raises TransportError."""
    block = ("BLOCK", block_ms) if block_ms > 0 else ()
    with mapped(f"read {', '.join(streams)}"):
        async with asyncio.timeout(block_ms / 1000 + patience):
            reply = await line.look("XREAD", "COUNT", count, *block, "STREAMS", *streams.keys(), *streams.values())
    return [[(identifier.decode(), fields) for identifier, fields in entries] for _, entries in reply or ()]


def _check_append(book: str, lease: Lease, batch: Sealed, reply: Reply) -> None:
    code, epoch, sequence, digest = reply
    if code in (b"OK", b"SAME"):
        return
    if code == b"FENCED":
        raise _fenced(book, lease.epoch, int(epoch))
    _refuse(code, batch, int(sequence), digest)


def _refuse(code: bytes, batch: Sealed, sequence: int, digest: bytes) -> NoReturn:
    if code == b"GAP":
        raise JournalError(
            f"the journal ends at event {sequence}; a batch that begins at {batch.first} does not follow"
        )
    if code == b"HASH":
        raise JournalError(
            f"the journal ends at event {sequence} with hash {codec.short(digest)}; the batch follows "
            f"{codec.short(batch.previous)}: another history"
        )
    raise JournalError(f"an inbox is ahead of the journal, which ends at event {sequence}; the batch was not appended")


def _fenced(book: str, mine: int, newest: int) -> Fenced:
    return Fenced(f"epoch {newest} holds the book {book}; epoch {mine} may not write or send any more")
