"""Reads what is known of a running desk beside its journal, for the monitor: files, beats, servers, feed, disk.

Each look is quick and raises nothing that a desk in trouble brings about: what cannot be read is not known.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from execution.services.engine import FEED
from execution.supervision.child_process import resident_megabytes
from execution.wiring.examination import memory_taken
from toolkit.adapters.blocking_redis import BlockingBus, BlockingJournal
from toolkit.adapters.ladder_file import LadderReader
from toolkit.adapters.records import replace_file
from toolkit.adapters.server_access import ServerRole
from toolkit.client.books import Books
from toolkit.client.desk_state import DeskState, ProcessState, read_desk_state
from toolkit.client.home import Home
from toolkit.domain.beats import Beat
from toolkit.domain.errors import ExecutionError, TransportError
from toolkit.domain.market import Quote, SessionClosed, SessionOpened, Step
from toolkit.domain.time import WallTime
from toolkit.monitoring.facts import DeskFacts, ProcessFact, ServerFact

MARKETS_FILE: Final = "markets.json"
SLOW_SECONDS: Final = 5.0
"""Disk, memory of servers, archive and snapshots are looked at no more often."""
STEPS_A_LOOK: Final = 2_000
SILENT_NS: Final = 5 * 10**9
NO_FEED: Final[Mapping[str, Any]] = {}
PATIENCE: Final = 0.5
AGAIN_SECONDS: Final = 2.0
"""A server that hangs holds a look up for so long, and is asked again after a while: the rest is told meanwhile."""

Connection = TypeVar("Connection", BlockingBus, BlockingJournal)
Answer = TypeVar("Answer")


class Line(Generic[Connection]):
    """A connection that is opened when it is needed, given up when it fails, and tried again later."""

    def __init__(self, connect: Callable[[float], Connection], mono: Callable[[], float] = time.monotonic) -> None:
        self.up = False
        self._connect: Callable[[float], Connection] = connect
        self._mono = mono
        self._open: Connection | None = None
        self._not_before = float("-inf")

    def ask(self, question: Callable[[Connection], Answer]) -> Answer | None:
        """The answer, None while there is none to be had."""
        if self._mono() < self._not_before:
            return None
        try:
            if self._open is None:
                self._open = self._connect(PATIENCE)
            answer = question(self._open)
        except ExecutionError:
            self.close()
            self._not_before = self._mono() + AGAIN_SECONDS
            return None
        self.up = True
        return answer

    def close(self) -> None:
        self.up = False
        if self._open is not None:
            self._open.close()
            self._open = None


class Markets(msgspec.Struct, frozen=True):
    """Which calendars have a session, as of a step of the feed."""

    step: int
    open: dict[str, bool]


class FeedEar:
    """When each instrument was last quoted, which markets have a session, and how the listener goes on.

    A market says once a day that it opens. What it said is `kept` in a file, for a monitor that starts in between.
    """

    def __init__(self, kept: Path | None = None) -> None:
        self.quotes: dict[str, int] = {}
        self.open_markets: dict[str, bool] = {}
        self.step_seen = 0
        self._position = -1
        self._kept = kept

    def hear(self, bus: BlockingBus, wall: int) -> None:
        """What came since the last look; of a feed that is quicker than this only its end."""
        last = bus.last(FEED)
        if self._position < 0:
            self._remember(last)
        before = dict(self.open_markets)
        if self._position < 0 or last - self._position > STEPS_A_LOOK or last < self._position:
            self._position = max(0, last - STEPS_A_LOOK)
        steps = bus.steps(FEED, self._position, STEPS_A_LOOK)
        for step in steps:
            self._step(step, wall)
        if steps:
            self._position, self.step_seen = steps[-1].number, wall
        if self.open_markets != before:
            self._keep()

    def _remember(self, last: int) -> None:
        """What was kept, unless the feed has begun anew since then."""
        if self._kept is not None:
            with suppress(OSError, msgspec.MsgspecError):
                kept = msgspec.json.decode(self._kept.read_bytes(), type=Markets)
                if kept.step <= last:
                    self.open_markets = kept.open

    def _keep(self) -> None:
        if self._kept is not None:
            with suppress(TransportError):  # a full disk: only a restart of the monitor would miss it
                said = msgspec.json.encode(Markets(step=self._position, open=self.open_markets))
                replace_file(self._kept, self._kept.with_suffix(".new"), said, durable=False)

    def _step(self, step: Step, wall: int) -> None:
        for event in step.events:
            if type(event) is Quote:
                self.quotes[event.instrument] = wall
            elif isinstance(event, SessionOpened | SessionClosed):
                self.open_markets[event.calendar] = isinstance(event, SessionOpened)


class FactsReader:
    """One desk's facts. Used by one thread. `mono` are seconds of a clock that nobody sets."""

    def __init__(
        self, home: Home, book: str, user: str, wall: Callable[[], WallTime], mono: Callable[[], float] = time.monotonic
    ) -> None:
        self._home = home
        self._books = Books(home=home, book=book, user=user)
        self._folder = home.book(book)
        self._archive = home.archive(book)
        self._wall = wall
        self._mono = mono
        self._bus = Line(self._books.bus, mono)
        self._journal = Line(self._books.journal, mono)
        self._beats: Mapping[str, Beat] = {}
        self._said: dict[ServerRole, Mapping[str, str]] = {}
        self._feed = FeedEar(home.run / MARKETS_FILE)
        self._ladder = LadderReader(home.ladder(book))
        self._slow: dict[str, Any] = {}
        self._state: DeskState | None = None
        self._slow_at = float("-inf")
        self._nothing_waited = int(wall())

    def close(self) -> None:
        self._bus.close()
        self._journal.close()

    def beat(self, beat: Beat) -> None:
        """Say on the bus that the reader lives; one that is away hears nothing."""
        self._bus.ask(lambda bus: bus.beat(beat))

    def read(self, journal_read: int) -> DeskFacts:
        """Everything now. `journal_read` is when the monitor last stood at the journal's end (wall ns)."""
        wall = int(self._wall())
        self._beats = self._bus.ask(lambda bus: bus.beats()) or self._beats
        self._bus.ask(lambda bus: self._feed.hear(bus, wall))
        head = self._journal.ask(lambda journal: journal.head())
        if self._mono() - self._slow_at >= SLOW_SECONDS:
            self._slow_at, self._slow = self._mono(), self._look_slowly()
        state = self._state = read_desk_state(self._home.processes) or self._state  # one that is lost says nothing new
        health = self._health()
        late, stale = health.get("lateness_ms"), health.get("stale")
        return DeskFacts(
            ready=state is not None and state.ready,
            problems=0 if state is None else len(state.problems),
            processes=self._processes(state),
            servers=(self._server(ServerRole.JOURNAL, self._journal), self._server(ServerRole.BUS, self._bus)),
            journal_end=0 if head is None else head.sequence,
            journal_read=journal_read,
            feed_step_seen=self._feed.step_seen,
            feed_lateness=None if late is None else late / 1_000,
            stale=None if stale is None else tuple(stale),
            skews={} if late is None else {"feed": max(0.0, -late / 1_000)},
            quotes=dict(self._feed.quotes),
            open_markets=dict(self._feed.open_markets),
            **self._divergence(),
            **{**self._slow, "archived": self._archived(None if head is None else head.sequence, wall)},
        )

    def _server(self, role: ServerRole, line: Line[BlockingBus] | Line[BlockingJournal]) -> ServerFact:
        said = self._said.get(role, {})
        return ServerFact(
            name=role.value, up=line.up, memory_bytes=int(said.get("used_memory", 0)), full=memory_taken(said)
        )

    # ---- processes

    def _processes(self, state: DeskState | None) -> tuple[ProcessFact, ...]:
        if state is None:
            return ()
        return tuple(self._process(process) for process in (state.supervisor, *state.processes))

    def _process(self, process: ProcessState) -> ProcessFact:
        beat, alive = self._beats.get(process.name), process.is_alive()
        ours = beat if beat is not None and beat.pid == process.pid else None
        return ProcessFact(
            name=process.name,
            up=alive and process.state in ("running", "starting", "stopping"),
            given_up=process.state == "given up",
            restarts=process.restarts,
            memory_bytes=round(resident_megabytes(process.pid) * 1e6) if alive else 0,
            started=process.since if alive else 0,
            beat=0 if ours is None else int(ours.wall),
            step=0 if ours is None else ours.step,
        )

    # ---- files

    def _divergence(self) -> dict[str, Any]:
        """What the replayer last said. Sums of a replayer that is away stand: nothing says that they are over."""
        told = self._ladder.now()
        drifts = () if told is None else told.drifts
        judged = [each for each in drifts if each.better is not None and each.worse is not None]
        return {
            "divergence": {(each.strategy, each.against): each.last for each in judged if each.last is not None},
            "drift": {(each.strategy, each.against): max(each.better or 0.0, each.worse or 0.0) for each in judged},
            "unmeasured": {(each.strategy, each.against): each.unmeasured for each in drifts},
        }

    def _archived(self, journal_end: int | None, wall: int) -> int:
        """When the archive last grew, or had all that there is: after a weekend the first event waits for minutes, not
        for days. What waited before we began is not known, and counts from then; so does what waited before the clock
        was set back."""
        end: int | None = self._slow["archive_end"]
        if end is not None and journal_end is not None and end >= journal_end:
            self._nothing_waited = wall
            return wall
        self._nothing_waited = min(self._nothing_waited, wall)
        return max(int(self._slow["archived"]), self._nothing_waited)

    def _look_slowly(self) -> dict[str, Any]:
        manifest = _newest(self._archive, "*/manifest.json")
        snapshot = _newest(self._folder / "snapshots", "*.snapshot")
        self._said[ServerRole.JOURNAL] = self._journal.ask(lambda line: line.information("memory")) or {}
        self._said[ServerRole.BUS] = self._bus.ask(lambda line: line.information("memory")) or {}
        found: dict[str, Any] = {
            "archived": _touched(manifest),
            "archive_end": _archive_end(manifest),
            "snapshot": _touched(snapshot),
        }
        with suppress(OSError):
            usage = shutil.disk_usage(self._home.var)
            found |= {"disk_free": usage.free, "disk_size": usage.total}
        return found

    def _health(self) -> Mapping[str, Any]:
        """What the listener of a live feed last said, while it says something."""
        path = self._home.run / "feed.json"
        with suppress(OSError, ValueError):
            if 0 <= int(self._wall()) - path.stat().st_mtime_ns < SILENT_NS:
                said = json.loads(path.read_text())
                return said if isinstance(said, dict) else NO_FEED
        return NO_FEED


def _newest(folder: Path, pattern: str) -> Path | None:
    """By name: days and numbers of events stand in names."""
    return max(folder.glob(pattern), default=None)


def _touched(path: Path | None) -> int:
    try:
        return 0 if path is None else path.stat().st_mtime_ns
    except OSError:
        return 0


def _archive_end(manifest: Path | None) -> int | None:
    """The last event that a day's manifest names; 0 while nothing is archived, None where it cannot be read."""
    if manifest is None:
        return 0
    try:
        return int(json.loads(manifest.read_text())["parts"][-1]["last"])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
