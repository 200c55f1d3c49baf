"""Keeps a desk running: starts its processes in order, watches them, takes proposals from files, stops all in order.

It owns no order and decides nothing about one: everything that touches the books is a command to the engine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from execution.settings import Settings
from execution.settings.venue_rows import dead_men_in_force
from execution.supervision.config_watch import ConfigWatch
from execution.supervision.jupyter import free_port, new_lab
from execution.supervision.latches import Latches
from execution.supervision.managed import Ended, Managed, Specification, State
from execution.supervision.opening import opening_commands
from execution.supervision.status_file import StatusFile
from execution.supervision.upkeep import keep
from execution.supervision.watcher import Watcher
from execution.wiring import specifications
from execution.wiring.desk_book import write_desk_book
from execution.wiring.desk_line import DeskLine, start_time
from execution.wiring.drift_rule import DriftRuleFile
from execution.wiring.front_desk import Door
from execution.wiring.versions import register_missing
from toolkit.client import emergency
from toolkit.client.commands import ourselves
from toolkit.client.home import Home
from toolkit.client.stopping import Leftover, describe, held_in_engine, look, stop_at_venues, verify_stopped
from toolkit.domain.commands import CancelAll, Command, DisableStrategy, RunnerStopped
from toolkit.domain.errors import ConfigError, ExecutionError, TransportError
from toolkit.domain.events import Batch, CapitalAllocated, DeploymentChanged, LimitsChanged, TradingStateChanged
from toolkit.domain.instruments import Instrument
from toolkit.domain.orders import TradingState
from toolkit.engine.command_desk import DOWN

READY_SECONDS = 60.0
NO_ROW = "deployed, but nothing runs it: give it a row in config/strategies.yaml, then `execution down`, `execution up`"
RETRY_SECONDS = 0.25
VENUE_SECONDS = 3.0
HOPELESS_STARTS = 4
ARCHIVER, REPLAYER, OPERATIONS, MONITOR, DASHBOARDS = "archiver", "replayer", "operations", "monitor", "dashboards"
NO_WAY = "its folder is gone, and the way to the venues with it: what rests there was not looked at"
OPTIONAL = (ARCHIVER, REPLAYER, OPERATIONS, MONITOR, DASHBOARDS)
"""No desk waits for these: neither a damaged archive nor a page or a measure that does not come stops trading."""
STOPPED = (
    DASHBOARDS, OPERATIONS, REPLAYER, "runner", "jupyter", "listener", "engine", "watchdog", "venue", ARCHIVER, MONITOR,
)  # fmt: skip
"""In this order."""


@dataclass(kw_only=True)
class Wishes:
    """What the person who started the desk wants."""

    speed: float = 1.0
    lab: bool = False
    operations: bool = False
    leave_orders: bool = False


@dataclass(kw_only=True)
class Stopped:
    """How the desk ended: what was left at the venues, and what could not be verified."""

    leftover: Leftover | None = None
    left_on_purpose: bool = False
    problem: str = ""
    in_engine: tuple[str, ...] = ()
    instruments: Mapping[str, Instrument] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        if self.problem or self.leftover is None:
            return False
        return not self.leftover.silent if self.left_on_purpose else self.leftover.clean

    def document(self) -> dict[str, Any]:
        """The same for `execution down`, which asks from another process."""
        left = self.leftover or Leftover()
        return {
            "verified": self.verified,
            "left_on_purpose": self.left_on_purpose,
            "problem": self.problem,
            "left": [
                *(describe(found, self.instruments) for found in left.open_orders),
                *(f"{name} does not answer" for name in left.silent),
            ],
            "protective": [*(describe(found, self.instruments) for found in left.protective), *self.in_engine],
            "positions": [f"{name}: position {symbol} {lots:+d} lots" for name, symbol, lots in left.positions],
        }


@dataclass
class Supervisor:
    """One desk. `say` is told of progress, line by line; `is_home` says whether its folder is still the one that this
    process holds."""

    home: Home
    settings: Settings
    wishes: Wishes
    say: Callable[[str], None]
    is_home: Callable[[], bool] = lambda: True
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    managed: dict[str, Managed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.line = DeskLine(self.home, self.settings)
        self.status = StatusFile(self.home, self.settings, start_time, DriftRuleFile(self.home), self.is_home)
        self.door = Door(self.home, self.settings, self.line, self.managed)
        self._tasks: list[asyncio.Task[None]] = []
        self._pages: dict[str, tuple[int, Callable[[int], Specification], str]] = {}
        self._stopping = False
        self._latches = Latches(self.home, self.settings, ourselves("latch"))

    # ---- life

    async def start(self) -> None:
        """Everything up and ready, or an ExecutionError that says what is in the way (call `end` then as well)."""
        begun = time.monotonic()
        self.status.begin()
        await self._start_servers()
        self._keep_dead_men()
        self.say("venue and engine")
        self._start(*(specifications.venue(self.home, self.settings, self.line, name) for name in self.settings.venues))
        self._start(specifications.engine(self.home, self.settings, self.line))
        if specifications.needs_watchdog(self.settings):
            self._start(specifications.watchdog(self.home, self.settings, self.line))
        watcher = Watcher(
            self.managed,
            hung_after=self.settings.desk.supervision.hung_after_seconds,
            requests=self.home.run / "restart",
            beats=self.line.beats,
            venue_answers=partial(specifications.venue_answers, self.home),
            each_round=self._each_round,
            revive=self.revive,
            changed=self._write,
            pass_on=self.line.pass_on,
        )
        self._tasks.append(keep("watch over processes", watcher.run, self.status.problem))
        await self._wait_for(*self.managed)
        await self._end_an_old_stop()
        await self._open_desk()
        await self.door.open(self.status.problem)
        enabled = [name for name, row in self.settings.strategies.items() if row.enabled]
        self.say(f"listener and {len(enabled)} runners" + (", JupyterLab" if self.wishes.lab else ""))
        self._start(specifications.listener(self.home, self.settings, self.line, self.wishes.speed))
        self._start(specifications.archiver(self.home, self.settings, self.line))
        if self.settings.desk.replayer.enabled:
            self._start(specifications.replayer(self.home, self.settings, self.line))
        for name in enabled:
            self.start_runner(name)
        if self.wishes.lab:
            self._start_lab()
        self._start_pages()
        await self._wait_for(*(name for name in self.managed if name not in OPTIONAL))
        self.status.ready(time.monotonic() - begun)
        self._write()
        await self.line.note("start", "supervisor", seconds=f"{time.monotonic() - begun:.1f}")

    async def run(self) -> None:
        """Keep it so until `stop` is set."""
        watch = ConfigWatch(
            self.home,
            self.settings,
            propose=self.propose,
            problem=self.status.problem,
            recognise=self.door.desk.recognise,
        )
        self._tasks.append(keep("watch over config/", watch.run, self.status.problem))
        await self.stop.wait()

    async def end(self) -> Stopped:
        """Entries stop, resting orders are cancelled and that is verified at the venues, then processes and servers."""
        self._stopping = True
        self.status.leaving()
        stopped = Stopped(instruments={each.symbol: each for each in self.settings.instruments})
        await self.door.close()
        try:  # with runners alive: in lockstep nothing moves without them, a cancel that takes its time neither
            await self._cancel_and_verify(stopped)
        except ExecutionError as problem:
            stopped.problem = str(problem)
        for kind in STOPPED:
            await self._stop_kind(kind)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stop_servers()
        self.status.ended(stopped.problem)
        return stopped

    def revive(self, name: str) -> bool:
        """A person wants this process started anew; whether there is one of that name."""
        managed = self.managed.get(name)
        if managed is None:
            return False
        self._tasks.append(asyncio.create_task(managed.restart(), name=f"restart {name}"))
        return True

    async def propose(self, command: Command) -> str:
        """Send a command; "" when it was done, else why not. What switches off also shuts the latch, and that first."""
        open_still = self._shut_latch(command)
        try:
            refused = (await self.line.give(command)).refused
        except TransportError as problem:
            refused = str(problem)
        return "; ".join(filter(None, (open_still, refused)))

    # ---- starting

    async def _start_servers(self) -> None:
        self.say("journal and bus servers")
        found = await asyncio.to_thread(self.line.start_servers)
        self.status.servers(found)
        await self.line.open()
        self.line.latch()
        self._tasks.append(keep("reading the journal", self._follow, self.status.problem))

    def _keep_dead_men(self) -> None:
        """Venues and watchdog read the file by themselves, and the file may end no dead man that is in force."""
        table, rows = self.line.replica.ledger.limits, self.settings.limits.rows
        self.settings = replace(self.settings, venues=dead_men_in_force(self.settings.venues, table, rows))

    def _start(self, *wanted: Specification) -> None:
        for specification in wanted:
            self.managed[specification.name] = Managed(
                specification,
                specifications.backoff(self.settings, specification),
                changed=self._write,
                ended=self._ended,
            )

    def start_runner(self, strategy: str) -> None:
        """Start the runner of a strategy's deployed version, unless there is one, or say why that cannot be."""
        if f"runner-{strategy}" in self.managed:
            return
        try:
            specification = specifications.runner(self.home, self.settings, self.line, strategy)
        except ExecutionError as problem:
            self.status.problem(f"runner-{strategy}", str(problem))
            # In lockstep everybody waits for this one's answers until somebody says that none will come.
            telling = self._tell_of_runner(strategy, "hash", str(problem), given_up=True)
            self._tasks.append(asyncio.create_task(telling, name=f"tell of {strategy}"))
            return
        self.status.problem(f"runner-{strategy}", "")
        self._start(specification)

    def _start_lab(self) -> None:
        lab = new_lab(self.settings.desk.jupyter.first_port)
        self.status.link("JupyterLab", lab.link)
        self._start(specifications.jupyter(self.home, self.settings, lab))

    def _start_pages(self) -> None:
        """What listens on a port of its own: the app with the buttons, metrics, dashboards."""
        desk = self.settings.desk
        if self.wishes.operations or desk.operations.enabled:
            self._start_on_port(OPERATIONS, desk.operations.port, self._operations, "Operations")
        if desk.monitor.enabled:
            monitor = partial(specifications.monitor, self.home, self.settings, self.line)
            self._start_on_port(MONITOR, desk.monitor.port, monitor, "Metrics")
        if desk.dashboards.enabled:
            self._start_on_port(
                DASHBOARDS, desk.dashboards.port, partial(specifications.dashboards, self.home, self.settings)
            )

    def _operations(self, port: int) -> Specification:
        secret = self.door.desk.secret_for(OPERATIONS)
        return specifications.operations(self.home, self.settings, port, secret)

    def _start_on_port(self, name: str, first: int, make: Callable[[int], Specification], link: str = "") -> None:
        """On the next free port; without one the desk runs, and says so."""
        try:
            specification = make(free_port(first, f"{name}.port"))
        except ConfigError as problem:
            self.status.problem(name, str(problem))
            return
        self._pages[name] = first, make, link
        if link:
            self.status.link(link, specification.address)
        self._start(specification)

    def _move_page(self, name: str) -> None:
        """Whoever else took the port in the meantime, keeps it: the page comes back on another one."""
        managed = self.managed.get(name)
        if name not in self._pages or managed is None:
            return
        first, make, link = self._pages[name]
        port = int(managed.specification.subject)
        with suppress(ConfigError):  # none is free: it waits for its own
            if free_port(port) != port:
                managed.specification = make(free_port(first))
                if link:
                    self.status.link(link, managed.specification.address)

    async def _end_an_old_stop(self) -> None:
        """A `down` that no engine took in its time was taken just now: a new epoch ends it, as it ends every `down`."""
        if DOWN in self.line.replica.ledger.states.get("book:", {}):
            self.say("engine again: it found the end of an earlier run waiting")
            await self.managed["engine"].restart()
            await self._wait_for("engine")

    async def _open_desk(self) -> None:
        """Versions first, since nothing can be said about a strategy that has none; then what the files say."""
        await register_missing(self.home, self.settings, self.line, say=self.say, problem=self.status.problem)
        for command in opening_commands(self.settings, self.line.replica.ledger, ourselves("up")):
            refused = await self.propose(command)
            if refused:
                self.status.problem(type(command).__name__, refused)
        self._keep_book()

    def _keep_book(self) -> None:
        """What is traded as a file, for notebooks that run the same book; without it the desk trades all the same."""
        if self.settings.feed is not None:  # a notebook has the sample alone; a recording is read by itself
            return
        try:
            write_desk_book(self.home, self.settings, self.line.replica.ledger)
        except (ExecutionError, OSError) as problem:
            self.status.problem("book.msgpack", str(problem))
        else:
            self.status.problem("book.msgpack", "")

    async def _wait_for(self, *names: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while waiting := [name for name in names if self.managed[name].state is not State.RUNNING]:
            gone = [self.managed[name] for name in waiting if self._is_hopeless(name)]
            if gone:
                raise ConfigError(f"{gone[0].specification.name} does not start: {gone[0].detail}")
            if time.monotonic() > deadline:
                raise TransportError(f"{', '.join(waiting)}: not ready within {READY_SECONDS:.0f} s; see var/logs")
            if self.stop.is_set():
                raise TransportError("stopped while starting")
            await asyncio.sleep(0.02)

    def _is_hopeless(self, name: str) -> bool:
        """A service that failed again and again at the start will not come; a runner that is given up is shown."""
        managed = self.managed[name]
        return managed.specification.kind in ("engine", "venue", "listener") and managed.restarts >= HOPELESS_STARTS

    # ---- events

    async def _follow(self) -> None:
        while True:
            try:
                await self.line.follow(self._heard)
            except TransportError as problem:
                self.status.problem("journal", str(problem))
                await asyncio.sleep(RETRY_SECONDS)

    def _heard(self, batch: Batch) -> None:
        """A person enabled a strategy: its runner gets another chance. Another version is deployed: that one runs."""
        self.status.problem("journal", "")
        for event in batch.events if not self._stopping else ():
            if isinstance(event, TradingStateChanged) and event.scope == "strategy":
                self._switched(event.name, event.state)
            elif isinstance(event, DeploymentChanged):
                self._deployed(event.strategy)
        if any(isinstance(event, DeploymentChanged | LimitsChanged | CapitalAllocated) for event in batch.events):
            self._keep_book()

    def _switched(self, strategy: str, state: TradingState) -> None:
        managed = self.managed.get(f"runner-{strategy}")
        if state is not TradingState.ACTIVE:
            return
        if managed is None and strategy in self.settings.strategies:
            self.start_runner(strategy)
        elif managed is not None and managed.state is State.GIVEN_UP:
            self.revive(managed.specification.name)

    def _deployed(self, strategy: str) -> None:
        """The engine does not listen to the old version any more; its process makes room for the new one."""
        self.status.problem(f"version of {strategy}", "")
        if strategy not in self.settings.strategies:
            self.status.problem(strategy, NO_ROW)
        managed = self.managed.get(f"runner-{strategy}")
        if managed is None:
            return
        try:
            managed.specification = specifications.runner(self.home, self.settings, self.line, strategy)
        except ExecutionError as problem:
            self.status.problem(managed.specification.name, str(problem))
        else:
            self.revive(managed.specification.name)

    async def _each_round(self) -> None:
        """Servers that died come back; a latch that was shut while the journal was away gets into the journal."""
        if not self.is_home():  # whoever moved the folder may start another desk: two would trade one book
            self.stop.set()
            return
        found = await asyncio.to_thread(self.line.revive_servers)
        if found is not None:
            self.status.servers(found)
            await self.line.note("restart", "supervisor", what="a server had died")
        engine = self.managed.get("engine")
        if engine is not None and engine.state is State.RUNNING and not self._stopping:
            for command in self._latches.not_journaled(self.line.replica.ledger):
                await self.propose(command)

    async def _ended(self, ended: Ended) -> None:
        """A process ended by itself: tell the operations log, and of a runner also the engine."""
        specification = ended.specification
        await self.line.note(
            "ended", specification.name, cause=ended.cause, detail=ended.detail, given_up=str(ended.given_up).lower()
        )
        self._move_page(specification.name)
        if specification.kind == "runner" and not self._stopping:
            await self._tell_of_runner(specification.subject, ended.cause, ended.detail, ended.given_up)

    async def _tell_of_runner(self, strategy: str, cause: str, detail: str, given_up: bool) -> None:
        command = RunnerStopped(strategy=strategy, cause=cause, detail=detail, given_up=given_up)
        with suppress(TransportError):  # kept by the producer, which sends it with the next command
            await self.line.give(command, patience=2.0)

    # ---- stopping

    async def _stop_kind(self, kind: str) -> None:
        of_kind = [managed for managed in self.managed.values() if managed.specification.kind == kind]
        if not of_kind:
            return
        self.say(f"stopping {', '.join(managed.specification.name for managed in of_kind)}")
        patience = self.settings.desk.supervision.stop_seconds
        await asyncio.gather(*(managed.stop(patience) for managed in of_kind))

    async def _cancel_and_verify(self, stopped: Stopped) -> None:
        """As `execution down` promises: cancelled, looked at in the venue, and what is left is named."""
        stopped.in_engine = held_in_engine(self.line.replica.ledger)
        engine = self.managed.get("engine")
        if engine is None or engine.state is not State.RUNNING:
            await self._cancel_without_engine(stopped)
            return
        if self.wishes.leave_orders:
            self.say("leaving resting orders at the venues")
        else:
            self.say("cancelling resting orders")
            refused = await self.propose(CancelAll(who=ourselves("down"), reason="the desk goes down"))
            stopped.problem = refused and f"the engine did not cancel: {refused}"
        if not self.is_home():
            stopped.problem = "; ".join(filter(None, (stopped.problem, NO_WAY)))
            return
        sockets = specifications.venue_sockets(self.home, self.settings)
        if self.wishes.leave_orders:
            stopped.leftover = await asyncio.to_thread(look, sockets)
            stopped.left_on_purpose = True
        else:
            stopped.leftover = await asyncio.to_thread(stop_at_venues, sockets, VENUE_SECONDS, not stopped.problem)

    async def _cancel_without_engine(self, stopped: Stopped) -> None:
        """Past engine and journal, as the lifeboat records it and the next start journals it."""
        await self._stop_kind("engine")
        if not self.is_home():
            stopped.problem = NO_WAY
            return
        sockets = specifications.venue_sockets(self.home, self.settings)
        stopped.leftover = await asyncio.to_thread(look, sockets)
        if self.wishes.leave_orders:
            stopped.left_on_purpose = True
            return
        self.say("cancelling resting orders without the engine")
        cause = "the desk goes down without an engine"
        resting = stopped.leftover.open_orders
        book = self.settings.desk.book
        stopped.problem = "; ".join(
            await asyncio.to_thread(emergency.cancel_all, self.home, book, sockets, resting, cause)
        )
        stopped.leftover = await asyncio.to_thread(verify_stopped, sockets, 1.0)

    async def _stop_servers(self) -> None:
        self.say("stopping the servers")
        with suppress(ExecutionError, OSError):
            await asyncio.to_thread(self.line.keep_checkpoint)
        with suppress(ExecutionError):
            await self.line.close()
        await asyncio.to_thread(self.line.stop_servers)

    def _shut_latch(self, command: Command) -> str:
        """Why the latch could not be shut; the engine is told all the same."""
        try:
            if isinstance(command, DisableStrategy):
                self.line.shut_latch(command.strategy)
        except TransportError as problem:
            return str(problem)
        return ""

    def _write(self) -> None:
        self.status.write(self.managed.values())
