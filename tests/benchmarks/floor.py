"""The order path without an engine: the same client, scripts, hops and bytes, and nothing that thinks.

Two processes: `engine` takes a command, appends, writes to the venue's line, hears, appends; `venue` answers every
frame with the same one.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

import msgspec
import uvloop

from execution.services.collector import collect_seldom
from toolkit.adapters import codec
from toolkit.adapters.clock import mono_time
from toolkit.adapters.paper_venue import PaperVenueLine
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_address import ServerAddress
from toolkit.domain.inbox import InboxEntry, InboxItem
from toolkit.domain.ports import Lease, Sealed
from toolkit.domain.requests import SubmitOrder, VenueReport

BOOK = "floor"
DIGEST = bytes(32)


class FloorPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk's own processes said and wrote about one order, to be said and written again and again."""

    journal: tuple[str, str | None, str | None]
    socket: str
    producer: str
    decided: bytes
    decided_items: tuple[InboxItem, ...]
    request: SubmitOrder
    reports: tuple[VenueReport, ...]
    booked: bytes
    booked_items: tuple[InboxItem, ...]


class _AlwaysOpen:
    def open_for(self, strategy: str, venue: str) -> bool:
        return True


class _Echo(asyncio.Protocol):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._unread = bytearray()
        self._logged_in = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while len(self._unread) >= 4 and len(self._unread) >= (end := 4 + int.from_bytes(self._unread[:4], "big")):
            codec.decode_to_venue(bytes(self._unread[4:end]))
            del self._unread[:end]
            if self._logged_in:
                self._transport.write(self._answer)
            self._logged_in = True


class _Appender:
    """Appends the same bytes under numbers that go on; the script checks them like any others."""

    def __init__(self, journal: RedisJournal, lease: Lease, strategy: str) -> None:
        self._journal, self._lease, self._strategy = journal, lease, strategy
        self._sequence = self._inbox = 0
        self._digest = b""

    async def append(self, payload: bytes, items: tuple[InboxItem, ...]) -> None:
        first = self._sequence + 1
        batch = Sealed(first, first + 1, self._digest, DIGEST, payload)
        entries = [InboxEntry(number=self._inbox + k, item=item) for k, item in enumerate(items, 1)]
        await self._journal.append(self._lease, batch, {self._strategy: entries})
        self._sequence, self._inbox, self._digest = batch.last, self._inbox + len(items), DIGEST


async def engine(plan: FloorPlan) -> None:
    journal = RedisJournal(ServerAddress(*plan.journal), BOOK, mono=mono_time, lease_seconds=3600)
    line = PaperVenueLine(Path(plan.socket), "floor", _AlwaysOpen(), mono_time)
    lease = await journal.acquire("floor")
    assert lease is not None, "somebody else holds the floor's book"
    await line.connect(5.0)
    appender, reports, position = _Appender(journal, lease, plan.producer), line.reports(), "0"
    print("ready", flush=True)
    while True:
        for command in await journal.commands({plan.producer: position}, 100):
            position = command.position
            await appender.append(plan.decided, plan.decided_items)
            await line.send((plan.request,))
            for _ in plan.reports:
                await anext(reports)
            await appender.append(plan.booked, plan.booked_items)


async def venue(plan: FloorPlan) -> None:
    body = codec.encode_line(plan.reports)
    answer = len(body).to_bytes(4, "big") + body
    await asyncio.get_running_loop().create_unix_server(lambda: _Echo(answer), plan.socket)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _until_told(work: asyncio.Task[None]) -> None:
    """Until standard input closes."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    closed = asyncio.create_task(reader.read())
    done, _ = await asyncio.wait((work, closed), return_when=asyncio.FIRST_COMPLETED)
    if work in done:
        work.result()


async def main(role: str, plan: FloorPlan) -> None:
    collect_seldom()
    await _until_told(asyncio.create_task(engine(plan) if role == "engine" else venue(plan)))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], msgspec.msgpack.decode(Path(sys.argv[2]).read_bytes(), type=FloorPlan)))
