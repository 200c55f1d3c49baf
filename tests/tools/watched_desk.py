"""A watched core on a desk that is there: servers, processes and files are real, and read as the monitor reads them.

The clock alone is the story's, so that an hour takes no hour: who lives says so by it, and files are as old as it says.
Each process is a `cat` that the supervisor's own parts keep running; what it would do is done here while it runs.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from execution.services.engine import FEED
from execution.services.judging import Judgement
from execution.supervision.backoff import Backoff
from execution.supervision.config_watch import ConfigWatch
from execution.supervision.managed import Managed, Specification
from execution.supervision.status_file import StatusFile
from execution.wiring.desk_facts import MARKETS_FILE, FactsReader
from execution.wiring.desk_line import start_time
from execution.wiring.live_feed import HEALTH_FILE, write_beside
from tests.tools.servers_kit import administrator, kill, nearly_full
from tests.tools.surroundings import (
    DISK_LOW,
    DISK_NOISE,
    MEGABYTE,
    PATIENCE,
    Surroundings,
    health,
    is_at_work,
    rules_of_disk,
    take,
    until,
)
from tests.tools.venue_kit import settings, step, stock
from tests.tools.watched_core import BEGIN, PROCESSES, WatchedCore
from toolkit.adapters import codec, keys
from toolkit.adapters.journal_archive import MANIFEST, JournalArchive
from toolkit.adapters.ladder_file import LadderFile
from toolkit.adapters.server_access import ServerRole
from toolkit.client.desk_state import DriftRule
from toolkit.client.watching import Watching
from toolkit.domain.beats import Beat
from toolkit.domain.errors import JournalError, TransportError
from toolkit.domain.market import MarketEvent, Quote, SessionClosed, SessionOpened, Step
from toolkit.domain.ports import Sealed
from toolkit.domain.raw_rows import RawQuote
from toolkit.domain.requests import VenueReport
from toolkit.domain.rungs import Divergence, Rung, SessionRungs
from toolkit.domain.time import NANOSECONDS, FeedTime, MonoTime, WallTime
from toolkit.engine.live_feed import LONGEST_SILENCE
from toolkit.engine.market_data import MarketDataListener
from toolkit.measures.divergence import drifts_of
from toolkit.monitoring.collecting import collect
from toolkit.monitoring.facts import DeskFacts
from toolkit.monitoring.steps import Steps
from toolkit.simulation.matching import NO_WALL, PaperVenue

SIGMA: Final = 1_000
"""What a session of the strategy usually differs from its replay by, in quanta."""
ARCHIVED_AFTER: Final = 1_800 * NANOSECONDS
DISK_LOCK: Final = Path(tempfile.gettempdir()) / f"quarterdeck-tests-fill-this-disk-{os.getuid()}"
BACKOFFS: Final[Mapping[str, Mapping[str, float | int]]] = {
    "listener": {"first": 0.01, "longest": 0.01},
    "runner-trend": {"first": 0.01, "longest": 0.01, "give_up_after": 3},
}
"""Whoever is not named here is away for half a minute."""


class WatchedDesk(WatchedCore):
    """`measured` are the names of all that was ever measured. Close it: its processes run."""

    def __init__(self, around: Surroundings) -> None:
        self.around, self.home = around, around.home
        self.name = next(around.books)
        self.measured: set[str] = set()
        self.ahead = 0.0
        self.set_back = 0.0
        self.read_at = 0
        self.managed: dict[str, Managed] = {}
        self._unwritten: list[Sealed] = []
        self._waiting: list[Sealed] = []
        self._waits_since = 0
        self._days = itertools.count(1)
        self._lines = ExitStack()
        self._journal_line = self._lines.enter_context(administrator(around.servers, ServerRole.JOURNAL, PATIENCE))
        self.bus = self._lines.enter_context(administrator(around.servers, ServerRole.BUS, PATIENCE))
        self._market = MarketDataListener((stock(),), label="story", longest_silence={"AAPL": LONGEST_SILENCE})
        self._archive = JournalArchive(self.home.archive(self.name), self.name)
        self._ladder = LadderFile(self.home.ladder(self.name))
        self._follower = Watching(self.home, self.name, user="monitor")
        self.mono = 0
        self._reader = FactsReader(
            self.home, self.name, "monitor", lambda: WallTime(self.wall), lambda: self.mono / NANOSECONDS
        )
        self._steps = Steps()
        self._filling = self.home.var / "filling"
        for left in (HEALTH_FILE, MARKETS_FILE):
            (self.home.run / left).unlink(missing_ok=True)
        super().__init__()
        self.judgement = Judgement(rules_of_disk(shutil.disk_usage(self.home.var).free // 2))
        for _ in range(25):
            self.session(live=SIGMA, replay=0)
            self.session(live=-SIGMA, replay=0)
        self._start_processes()

    def close(self) -> None:
        self._do(self._stop_processes())
        self._reader.close()
        self._follower.close()
        self._filling.unlink(missing_ok=True)
        self._lines.close()
        if self.around.servers.identity(ServerRole.JOURNAL) is None:  # the story killed it
            self.around.servers.start()

    @property
    def wall(self) -> int:
        """The machine's clock, which somebody may set back."""
        return BEGIN + self.mono - round(self.set_back * NANOSECONDS)

    # ---- looks

    def look(self) -> None:
        self._live_on()
        wall = WallTime(self.wall)
        with suppress(TransportError, JournalError):  # as the monitor does: what it shows is old then
            while self._follower.advance():
                pass
            self.read_at = self.wall
        self._steps.look(wall, MonoTime(self.mono))
        samples = collect(self._follower.replica, self._follower.tallies, self.facts(), wall, self._steps.undone)
        self.measured |= {name for name, _ in samples}
        self.alerts.take(self.judgement.look(samples, wall, MonoTime(self.mono)), wall)

    def facts(self) -> DeskFacts:
        """As they are read; only what nobody writes yet can be told."""
        return msgspec.structs.replace(self._reader.read(self.read_at), **self.changed)

    # ---- what the desk does as long as it is well

    def wrote(self, batch: Sealed) -> None:
        """As the engine appends it; what a server that is away did not take waits."""
        if not self._waiting:
            self._waits_since = self.wall
        self._waiting.append(batch)
        self._unwritten.append(batch)
        with suppress(TransportError):
            while self._unwritten:
                first = self._unwritten[0]
                self._journal_line.ask("XADD", keys.journal(self.name), f"{first.last}-0", "b", first.payload)
                self._journal_line.ask("HSET", keys.head(self.name), "sequence", first.last, "digest", first.digest)
                del self._unwritten[0]

    def feed(self, *events: MarketEvent, seconds: float = 1) -> None:
        super().feed(*events, seconds=seconds)
        made = step(self.engine.view.step, self.time, *events)
        self.bus.ask("XADD", keys.steps(self.name, FEED), f"{made.number}-0", "b", codec.encode(made))
        for event in events:
            if isinstance(event, Quote):
                self._market.take(
                    RawQuote(event.instrument, FeedTime(self.mono), event.bid, event.ask, 1, 1, "story", made.number)
                )
            elif isinstance(event, SessionOpened | SessionClosed):
                self._market.tell(FeedTime(self.mono), event)

    def _live_on(self) -> None:
        """Beats, the listener's health, the archive: each from a process, while that runs."""
        living = {name: each.pid for name, each in self.managed.items() if is_at_work(each.pid)}
        beats = [
            word
            for name, pid in living.items()
            for word in (name, codec.encode(Beat(process=name, pid=pid, wall=WallTime(self.wall))))
        ]
        self.bus.ask("HSET", keys.beats(self.name), *beats)
        if "listener" in living:
            self._market.stale(FeedTime(self.mono))
            late = 50 - self.set_back * 1_000  # the exchange's clock is right, and its messages take 50 ms
            path = self.home.run / HEALTH_FILE
            write_beside(path, msgspec.json.encode(health(late, self._market.silent)))
            self._touch(path)
        if "archiver" in living and self._waiting and self.wall - self._waits_since >= ARCHIVED_AFTER:
            self.archive()

    def archive(self) -> None:
        self._archive.add(self._waiting)
        self._touch(max(self.home.archive(self.name).glob(f"*/{MANIFEST}")))
        self._waiting.clear()

    def session(self, *, live: int, replay: int | None) -> None:
        """One more of them is held against its replay; None where it could not be replayed."""
        rung = Rung(
            strategy="trend", version="v1", live=None if replay is None else live, replay=replay, orders=10,
            missing="the replay could not keep up" if replay is None else "",
        )  # fmt: skip
        day = next(self._days)
        self._ladder.add(SessionRungs(session=f"day {day}", step=day, time=day, wall=self.wall, rungs=(rung,)))
        self._ladder.show(Divergence(wall=self.wall, drifts=drifts_of(self._ladder.sessions)))

    # ---- what may go wrong

    def stop(self, process: str) -> None:
        """It hangs."""
        pid = self.managed[process].pid
        os.kill(pid, signal.SIGSTOP)
        self._do(until(lambda: not is_at_work(pid)))

    def go_on(self, process: str) -> None:
        pid = self.managed[process].pid
        os.kill(pid, signal.SIGCONT)
        self._do(until(lambda: is_at_work(pid)))

    def die(self, process: str, times: int = 1) -> None:
        """It dies, and its supervisor does what follows; of several times each when it has come back."""
        managed = self.managed[process]
        for _ in range(times):
            self._do(until(lambda: managed.pid > 0))
            managed.running()
            before = managed.restarts
            os.kill(managed.pid, signal.SIGKILL)
            self._do(until(lambda before=before: managed.restarts > before))
        self._show()

    def begin_to_go_down(self) -> None:
        """As told: all but the archiver and the monitor have ended in order."""
        self._status.leaving()
        for name in ("runner-trend", "listener", "engine"):
            self._do(self.managed[name].stop(PATIENCE))
        self._show()

    def kill_server(self) -> None:
        kill(self.around.servers, ServerRole.JOURNAL)

    def start_server(self) -> None:
        self.around.servers.start()
        line = administrator(self.around.servers, ServerRole.JOURNAL, PATIENCE)
        self._journal_line = self._lines.enter_context(line)

    def fill_server(self) -> None:
        self._lines.enter_context(nearly_full(self.bus, 16 * MEGABYTE))

    def fill_disk(self, less: int) -> None:
        """Until `less` and something is left than now, by rules of this disk: see DISK_LOW.

        One desk after the other, until it is closed: two that fill one disk at once free each other's room.
        """
        alone = self._lines.enter_context(DISK_LOCK.open("wb"))
        fcntl.flock(alone, fcntl.LOCK_EX)
        free = shutil.disk_usage(self.home.var).free
        self.judgement = Judgement(rules_of_disk(free - DISK_LOW), self.judgement)
        with self._filling.open("wb", buffering=0) as file:
            while shutil.disk_usage(self.home.var).free >= free - less - DISK_NOISE:
                assert file.tell() < 16 * DISK_LOW, "this disk does not say how full it is"
                take(file, 4 * MEGABYTE)

    def break_journal(self) -> None:
        self._journal_line.ask("XADD", keys.journal(self.name), f"{self.written + 1}-0", "b", b"no batch at all")

    def save_broken(self, name: str) -> None:
        path = self.home.config / name
        sound = path.read_text()
        path.write_text("limits: [")
        watch = ConfigWatch(self.home, self.around.settings, propose=_nobody, problem=self._status.problem)
        self._do(watch.look({name}))
        path.write_text(sound)

    # ---- machinery

    def make_venue(self, **venue: Any) -> Venue:
        return Venue(self, settings(**venue), self.instruments)

    def _start_processes(self) -> None:
        self._status = StatusFile(self.home, self.around.settings, start_time, DriftRule, lambda: True)
        self._status.begin()
        self._do(self._start())
        self._status.ready(0.0)
        self._show()

    async def _start(self) -> None:
        for name in PROCESSES:
            specification = Specification(
                name=name, kind=name.partition("-")[0], subject=name, arguments=("cat",), first_line=b"",
                log=self.home.log(name), folder=self.home.root, memory_megabytes=0,
            )  # fmt: skip
            backoff = Backoff(**{"first": 30, "longest": 30, **BACKOFFS.get(name, {})})
            self.managed[name] = Managed(specification, backoff, changed=_nothing, ended=_nobody)
        await until(lambda: all(each.pid for each in self.managed.values()))
        for each in self.managed.values():
            each.running()

    async def _stop_processes(self) -> None:
        for each in self.managed.values():
            if each.pid:
                os.kill(each.pid, signal.SIGCONT)
            await each.stop(PATIENCE)

    def _show(self) -> None:
        self._status.write(self.managed.values())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        self.around.loop.run_until_complete(work)

    def _touch(self, path: Path) -> None:
        os.utime(path, ns=(self.wall, self.wall))


class Venue(PaperVenue):
    """Of a desk, with a clock of its own that says `desk.ahead` seconds more."""

    def __init__(self, desk: WatchedDesk, *paper: Any) -> None:
        super().__init__(*paper)
        self._desk = desk

    def process(self, message: Any, wall: WallTime = NO_WALL) -> tuple[VenueReport, ...]:
        return super().process(message, self._now_here())

    def advance(self, made: Step, wall: WallTime = NO_WALL) -> tuple[VenueReport, ...]:
        return super().advance(made, self._now_here())

    def _now_here(self) -> WallTime:
        return WallTime(BEGIN + self._desk.mono + round(self._desk.ahead * NANOSECONDS))


def _nothing() -> None: ...


async def _nobody(_: object) -> str:
    """Whom nothing has to be told."""
    return ""
