"""The supervisor's lines to the outside: servers, journal, bus, latch and venues of one desk; it decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from execution.settings import Settings
from toolkit.adapters import codec
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.latch import Latch, strategy_scope, venue_scope
from toolkit.adapters.operations_log import OperationsLog
from toolkit.adapters.process_identity import ProcessIdentity, end, identify, is_running
from toolkit.adapters.producer import Producer
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_access import ServerRole, runner_user
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.server_checks import Durability, check_bus_server, check_journal_server
from toolkit.client.books import Books
from toolkit.client.home import Home
from toolkit.domain.beats import Beat
from toolkit.domain.commands import Command, Envelope
from toolkit.domain.errors import StaleIncarnation, TransportError
from toolkit.domain.events import Batch, CommandTaken
from toolkit.domain.people import PEOPLE, SUPERVISOR
from toolkit.domain.ports import Head
from toolkit.replica.replica import Replica

USER = SUPERVISOR
FOLLOW_MS = 250
CHECKPOINT_EVENTS = 20_000
REPLY_SECONDS = 10.0  # whoever opens and ends a desk holds no lease: on a busy machine it waits rather than gives up


Key = tuple[str, int, int]
"""Producer, incarnation and number of a command."""


class Taken(NamedTuple):
    """What became of a command: the number of its event, why it was refused, what it waits as ("" and "": done)."""

    event: int
    refused: str
    proposal: str = ""


class DeskLine:
    """Everything the supervisor reaches. `start_servers` first, then `open`."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self._home = home
        self._settings = settings
        self._book = settings.desk.book
        self.servers = embedded_servers(home, settings)
        self.replica = Replica()
        self._clock = SystemClock()
        self._waiting: dict[Key, asyncio.Future[Taken]] = {}
        self._early: dict[Key, Taken] = {}
        self._newest = 0
        self._checkpoint = 0

    # ---- servers

    def start_servers(self) -> Mapping[str, tuple[int, str]]:
        """Start or adopt both servers and check that they keep what the configuration promises. Blocks.

        Role → pid and start time.
        """
        found = self.servers.start()
        check_journal_server(self.address(ServerRole.JOURNAL), Durability(self._settings.desk.servers.durability))
        check_bus_server(self.address(ServerRole.BUS))
        return {role.value: (identity.pid, identity.started) for role, identity in found.items()}

    def revive_servers(self) -> Mapping[str, tuple[int, str]] | None:
        """Start again what died; None when both run. Blocks."""
        if all(self.servers.identity(role) for role in ServerRole):
            return None
        return self.start_servers()

    def stop_servers(self) -> None:
        """End both. Blocks."""
        self.servers.stop()

    def address(self, role: ServerRole, user: str = USER) -> ServerAddress:
        return self.servers.address(role, user)

    def password(self, user: str) -> str:
        """The secret of a user of the servers."""
        return self.address(ServerRole.JOURNAL, user).password or ""

    def runner_address(self, role: ServerRole, strategy: str) -> ServerAddress:
        return self.address(role, runner_user(strategy))

    # ---- journal

    async def open(self) -> None:
        """Connect, and read the books up to the journal's present end."""
        address = self.address(ServerRole.JOURNAL)
        self._journal = RedisJournal(address, self._book, mono=self._clock.mono, reply_seconds=REPLY_SECONDS)
        self._bus = RedisBus(self.address(ServerRole.BUS), self._book)
        self._operations = OperationsLog(address, self._book)
        self._producer = Producer(self._journal, USER, wall=self._clock.wall)
        books = Books(home=self._home, book=self._book, user=USER)
        self.replica = books.start((await self._journal.head()).sequence)
        first = await self._journal.batches(self.replica.ledger.sequence, 0)
        if first and first[0].first > self.replica.ledger.sequence + 1:
            await asyncio.to_thread(books.fold_archived, self.replica)
        self._checkpoint = self.replica.ledger.sequence
        await self._catch_up(lambda _: None)

    async def close(self) -> None:
        for line in (self._journal, self._bus, self._operations):
            await line.close()

    async def follow(self, heard: Callable[[Batch], None]) -> None:
        """Fold the journal as it grows, for ever; `heard` is told of each batch. TransportError when it goes away."""
        while True:
            await self._fold(FOLLOW_MS, heard)

    async def give(self, command: Command, patience: float = 10.0) -> Taken:
        """Send a command and wait for what became of it (while `follow` runs). TransportError when nobody says."""
        envelope = await self._producer.send(command)
        key = _key(envelope)
        if key in self._early:  # the engine was quicker than our own return from `send`
            return self._early.pop(key)
        return await self._outcome(key, command, patience)

    async def give_for_people(self, command: Command, patience: float) -> Taken:
        """The same for a person whom the front desk has proved. What was not sent is not sent later."""
        leap = 1
        while True:
            self._newest = max(self._newest + leap, int(self._clock.wall()))
            envelope = Envelope(producer=PEOPLE, incarnation=self._newest, number=1, body=command)
            outcome = asyncio.ensure_future(self._outcome(_key(envelope), command, patience))
            try:
                await asyncio.sleep(0)  # it waits before the engine can answer
                await self._journal.send(envelope)
                return await outcome
            except StaleIncarnation:  # a clock that was set back; one step at a time would take years
                leap *= 2
            finally:
                outcome.cancel()

    async def _outcome(self, key: Key, command: Command, patience: float) -> Taken:
        waiting: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._waiting[key] = waiting
        try:
            async with asyncio.timeout(patience):
                return await waiting
        except TimeoutError:
            raise TransportError(
                f"no engine took {type(command).__name__} within {patience:.0f} s; it waits in its stream and takes "
                "effect when one is back (`execution status` shows whether one runs)"
            ) from None
        finally:
            self._waiting.pop(key, None)

    async def head(self) -> Head:
        """Where the journal ends now. TransportError when it is away."""
        return await self._journal.head()

    async def note(self, kind: str, process: str, **detail: str) -> None:
        """Add a line to the operations log; one that is lost harms nothing."""
        with suppress(TransportError):
            await self.write(kind, process, **detail)

    async def write(self, kind: str, process: str, **detail: str) -> None:
        """The same for a line that somebody waits for. TransportError when the log is away."""
        await self._operations.write(kind, process, self._clock.wall(), **detail)

    def keep_checkpoint(self) -> None:
        """Leave the books as folded so far, so that `execution status` starts from here."""
        Books(home=self._home, book=self._book, user=USER).keep(self.replica)

    async def _catch_up(self, heard: Callable[[Batch], None]) -> None:
        while await self._fold(0, heard):
            pass

    async def _fold(self, block_ms: int, heard: Callable[[Batch], None]) -> int:
        found = await self._journal.batches(self.replica.ledger.sequence, block_ms)
        for sealed in found:
            batch = codec.open_batch(sealed.payload)
            self.replica.apply(batch, sealed.digest)
            self._resolve(batch)
            heard(batch)
        if self.replica.ledger.sequence - self._checkpoint >= CHECKPOINT_EVENTS:
            self._checkpoint = self.replica.ledger.sequence
            await asyncio.to_thread(self.keep_checkpoint)
        return len(found)

    def _resolve(self, batch: Batch) -> None:
        for number, event in enumerate(batch.events, start=batch.first):
            if isinstance(event, CommandTaken) and event.producer in (USER, PEOPLE):
                key, taken = (
                    (event.producer, event.incarnation, event.number),
                    Taken(number, event.refused, event.proposal),
                )
                waiting = self._waiting.get(key)
                if waiting is None and event.producer == USER and event.incarnation >= self._producer.incarnation:
                    self._early[key] = taken
                elif waiting is not None and not waiting.done():
                    waiting.set_result(taken)

    # ---- bus, latch

    async def beats(self) -> Mapping[str, Beat] | None:
        """What every process last said of itself, None while the bus is away."""
        try:
            return await self._bus.beats()
        except TransportError:
            return None

    async def pass_on(self, beat: Beat) -> None:
        """What a process said of itself to us alone; lost while the bus is away, as every beat."""
        with suppress(TransportError):
            await self._bus.beat(beat)

    def latch(self) -> Latch:
        """The latch of the book; made, all open, for a desk whose journal is empty. One that was lost stays shut."""
        path = latch_path(self._home, self._book)
        scopes = latch_scopes(self._settings)
        if not path.exists() and self.replica.ledger.sequence == 0:
            return Latch.create(path, scopes)
        latch = Latch(path)
        latch.add(scopes)
        return latch

    def latch_is_shut(self, strategy: str) -> bool:
        """Whether nothing may leave for this strategy."""
        latch = Latch(latch_path(self._home, self._book))
        try:
            return not latch.is_open(strategy_scope(strategy))
        finally:
            latch.close()

    def shut_latch(self, strategy: str) -> None:
        """Nothing more leaves for this strategy but cancels and a person's flatten, whatever else is dead."""
        Latch(latch_path(self._home, self._book)).shut(strategy_scope(strategy))


def _key(envelope: Envelope) -> Key:
    return envelope.producer, envelope.incarnation, envelope.number


def embedded_servers(home: Home, settings: Settings) -> EmbeddedServers:
    """The two servers of a desk, as its configuration has them."""
    return EmbeddedServers(
        home.run,
        home.servers,
        home.logs,
        books=(settings.desk.book,),
        strategies=tuple(settings.strategies),
        durability=Durability(settings.desk.servers.durability),
    )


def latch_path(home: Home, book: str) -> Path:
    return home.book(book) / "latch"


def latch_scopes(settings: Settings) -> tuple[str, ...]:
    """A row for the book, each venue and each strategy."""
    return ("book", *map(venue_scope, settings.venues), *map(strategy_scope, settings.strategies))


def running(pid: int, started: str) -> bool:
    """Whether this very process still runs."""
    return pid > 0 and is_running(ProcessIdentity(pid=pid, started=started))


def start_time(pid: int) -> str:
    """What tells the process under a pid from a later one; "" when nobody runs there."""
    identity = identify(pid)
    return "" if identity is None else identity.started


def end_process(pid: int, started: str, patience: float = 5.0) -> bool:
    """End this very process; whether it ran."""
    return pid > 0 and end(ProcessIdentity(pid=pid, started=started), patience_seconds=patience)
