"""The desk of a drill: real servers, venue and engine under the supervisor's own rules; the drill is feed and strategy.

It lives in a temporary home and is gone afterwards; no other desk can be reached from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from execution.home import Home
from execution.services.venue_drill import LineMessage
from execution.services.venue_ledger import Took, read_ledger
from execution.settings import read_settings
from execution.supervision.managed import Ended, Managed, Specification, State
from execution.supervision.opening import opening_commands
from execution.supervision.watcher import Watcher
from execution.wiring import drill_home, specifications
from execution.wiring.desk_line import DeskLine
from execution.wiring.drill_home import CALENDAR, STRATEGY, SYMBOLS, VENUE
from execution.wiring.versions import register_missing
from toolkit.adapters import codec
from toolkit.adapters.clock import mono_time, wall_time
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.venue_hotline import VenueHotline
from toolkit.client.commands import ourselves
from toolkit.client.stopping import venue_state
from toolkit.domain.commands import Command, Envelope, RunnerAnswer, RunnerHello
from toolkit.domain.errors import ConfigError, DomainError, TransportError
from toolkit.domain.events import Batch, Event
from toolkit.domain.intents import Intent
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import MarketEvent, Quote, SessionOpened, Step
from toolkit.domain.requests import VenueState
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.domain.venue_line import LineError, Login, Sync

BID, ASK, SIZE = 9_999, 10_001, 500
STEP_SECONDS = 0.05
LOOK_SECONDS = 0.01
PATIENCE = 10.0


class DrillDesk:
    """What a drill may do to a desk, and what it can see of it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.settings = read_settings(home.root)
        self.line = DeskLine(home, self.settings)
        self.managed: dict[str, Managed] = {}
        self.heard: list[tuple[float, Event]] = []
        self.ended: list[tuple[float, str]] = []
        self.quoted = set(SYMBOLS)
        self.odd: dict[str, tuple[int, int]] = {}
        self.revives_servers = True
        self._tasks: list[asyncio.Task[None]] = []
        self._incarnation = int(wall_time())
        self._said = self._step = 0

    # ---- life

    async def start(self) -> None:
        """Servers, venue, engine, the book's set-up, prices, and ourselves as its only strategy."""
        await asyncio.to_thread(self.line.start_servers)
        await self.line.open()
        self.line.latch().close()
        self._work(self._follow())
        self._keep(self._scriptable(specifications.venue(self.home, self.settings, self.line, VENUE)))
        self._keep(specifications.engine(self.home, self.settings, self.line))
        self._work(self._watch())
        await self.until(lambda: all(each.state is State.RUNNING for each in self.managed.values()), 60)
        await register_missing(self.home, self.settings, self.line, say=lambda _: None, problem=_raise)
        for command in opening_commands(self.settings, self.line.replica.ledger, ourselves("up")):
            _raise(type(command).__name__, (await self.line.give(command, PATIENCE)).refused)
        self._bus = RedisBus(self.line.address(ServerRole.BUS, "listener"), self.settings.desk.book)
        self._runner = RedisJournal(
            self.line.runner_address(ServerRole.JOURNAL, STRATEGY), self.settings.desk.book, mono=mono_time
        )
        self._work(self._feed())
        deployed = self.ledger.deployments[STRATEGY]
        await self._say(RunnerHello(strategy=STRATEGY, version=f"v{deployed.version}", digest=deployed.digest))
        await self.until(lambda: STRATEGY in self.ledger.runners, 30)

    async def stop(self) -> None:
        """Everything ends, whatever state it is in."""
        for managed in reversed(self.managed.values()):
            await managed.stop(5.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for name in ("_bus", "_runner"):
            if (line := getattr(self, name, None)) is not None:
                await line.close()
        with contextlib.suppress(AttributeError):  # never opened
            await self.line.close()
        await asyncio.to_thread(self.line.stop_servers)

    # ---- doing

    async def ask(self, *intents: Intent) -> float:
        """Say what the strategy wants; when that was (monotonic seconds). Tried again while the journal is away."""
        deadline = time.monotonic() + PATIENCE
        while True:
            asked = time.monotonic()
            try:
                await self._say(RunnerAnswer(strategy=STRATEGY, step=self._step, inbox=0, intents=intents))
                return asked
            except TransportError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)

    def script(self, *messages: LineMessage) -> None:
        """Make the venue misbehave. TransportError when it is away."""
        exchange(specifications.venue_socket(self.home, VENUE), messages)

    def send_signal(self, name: str, number: signal.Signals) -> float:
        """A signal to a process of the desk; when that was."""
        if name == "journal-server":
            identity = self.line.servers.identity(ServerRole.JOURNAL)
            pid = 0 if identity is None else identity.pid
        else:
            pid = self.managed[name].pid
        if not pid:
            raise DomainError(f"{name} does not run: nothing can be done to it")
        os.kill(pid, number)
        return time.monotonic()

    def cancel_at_venue(self, identifier: str) -> bool:
        """Cancel an order past the engine, as a person does at the venue's own screen; whether it rested there."""
        with VenueHotline(specifications.venue_socket(self.home, VENUE), "drill", 2.0) as line:
            found = [order for order in line.ask_state().open_orders if order.order_id == identifier]
            line.cancel(found)
        return bool(found)

    # ---- seeing

    @property
    def strategy(self) -> str:
        return STRATEGY

    @property
    def ledger(self) -> Ledger:
        return self.line.replica.ledger

    def venue(self) -> VenueState | None:
        """The venue's own word; None while it does not answer."""
        try:
            return venue_state(specifications.venue_socket(self.home, VENUE), timeout=0.5)
        except TransportError:
            return None

    def resting(self) -> set[str]:
        """Ids of what rests at the venue; nothing while it does not answer."""
        state = self.venue()
        return set() if state is None else {order.order_id for order in state.open_orders}

    def took(self) -> list[Took]:
        """Everything that the venue wrote into its own ledger."""
        path = self.home.venue(VENUE) / "ledger"
        return [record.entry for record in read_ledger(path) if isinstance(record.entry, Took)]

    async def until(self, true: Callable[[], bool], seconds: float = PATIENCE) -> float:
        """When something came true (monotonic seconds). TimeoutError."""
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(true):
                await asyncio.sleep(LOOK_SECONDS)
        return time.monotonic()

    async def event(
        self, wanted: Callable[[Event], bool], after: float, seconds: float = PATIENCE
    ) -> tuple[float, Event]:
        """The first such event that was journaled after an instant, and when we read it there."""

        def found() -> tuple[float, Event] | None:
            return next(((at, event) for at, event in self.heard if at >= after and wanted(event)), None)

        await self.until(lambda: found() is not None, seconds)
        seen = found()
        if seen is None:
            raise DomainError("an event that was there is gone")
        return seen

    # ---- machinery

    async def _say(self, body: Command) -> None:
        self._said += 1
        await self._runner.send(
            Envelope(producer=STRATEGY, incarnation=self._incarnation, number=self._said, body=body)
        )

    def _work(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    def _keep(self, specification: Specification) -> None:
        backoff = specifications.backoff(self.settings, specification)
        self.managed[specification.name] = Managed(specification, backoff, changed=lambda: None, ended=self._ended)

    async def _ended(self, ended: Ended) -> None:
        self.ended.append((time.monotonic(), ended.specification.name))

    async def _watch(self) -> None:
        """As the supervisor does: what dies comes back, servers too."""
        watcher = Watcher(
            self.managed,
            hung_after=self.settings.desk.supervision.hung_after_seconds,
            requests=self.home.run / "restart",
            beats=self.line.beats,
            venue_answers=partial(specifications.venue_answers, self.home),
            each_round=self._revive_servers,
            revive=lambda _: False,
            changed=lambda: None,
            pass_on=self.line.pass_on,
        )
        await watcher.run()

    async def _revive_servers(self) -> None:
        if self.revives_servers:
            await asyncio.to_thread(self.line.revive_servers)

    async def _follow(self) -> None:
        while True:
            try:
                await self.line.follow(self._hear)
            except TransportError:
                await asyncio.sleep(0.05)

    def _hear(self, batch: Batch) -> None:
        now = time.monotonic()
        self.heard += [(now, event) for event in batch.events]

    async def _feed(self) -> None:
        """Quotes of what is quoted, some at odd prices, on a clock that goes on."""
        began = time.monotonic()
        while True:
            number = self._step = self._step + 1
            opening: list[MarketEvent] = [SessionOpened(calendar=CALENDAR, session="2024-01-02")] if number == 1 else []
            at = FeedTime(NANOSECONDS + int((time.monotonic() - began) * NANOSECONDS))
            step = Step(number=number, time=at, label="drill", events=(*opening, *self._quotes()))
            with contextlib.suppress(TransportError):
                await self._bus.publish("feed", [step])
            await asyncio.sleep(STEP_SECONDS)

    def _quotes(self) -> Iterator[MarketEvent]:
        for symbol in sorted(self.quoted):
            bid, ask = self.odd.get(symbol, (BID, ASK))
            yield Quote(instrument=symbol, bid=bid, ask=ask, bid_size=SIZE, ask_size=SIZE)

    def _scriptable(self, specification: Specification) -> Specification:
        return replace(specification, arguments=(*specification.arguments, "--scriptable"))


def exchange(path: Path, messages: Sequence[LineMessage]) -> None:
    """Say something to a venue on a line without trading, until it has taken effect. TransportError, DomainError."""
    body = msgspec.msgpack.encode((Login(client="drill", trading=False), *messages, Sync(token=1)))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(5.0)
        try:
            line.connect(str(path))
            line.sendall(len(body).to_bytes(4, "big") + body)
            answer = line.recv(1 << 16)
        except OSError as problem:
            raise TransportError(f"{path}: no venue answers ({problem})") from None
    for said in codec.decode_from_venue(answer[4:]):
        if isinstance(said, LineError):
            raise DomainError(f"{path}: the venue says: {said.problem}")


@contextlib.asynccontextmanager
async def drill_desk() -> AsyncIterator[DrillDesk]:
    """A running desk in a temporary home, gone without a trace afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="qd-drill-"))
    desk = DrillDesk(drill_home.lay_out(folder))
    try:
        await desk.start()
        yield desk
    finally:
        await desk.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _raise(subject: str, problem: str) -> None:
    if problem:
        raise ConfigError(f"{subject}: {problem}")
