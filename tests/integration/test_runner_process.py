"""The runner as the process that it is: small, no secret in sight, ended by its pipe, its memory, its strategy."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from execution.services.runner_setup import RunnerExit, RunnerSetup
from tests.servers import Server
from tests.unit.toolkit.engine.strategy_kit import AAPL, USD, Feed, nothing, quote
from toolkit.adapters import codec
from toolkit.adapters.clock import mono_time
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.versions import Registry, Version
from toolkit.domain.beats import Beat
from toolkit.domain.commands import Envelope, RunnerAnswer, RunnerHello
from toolkit.domain.events import Alarmed, Batch
from toolkit.domain.inbox import InboxEntry, Released
from toolkit.domain.intents import PlaceOrder
from toolkit.domain.market import FeedMode
from toolkit.domain.ports import Lease
from toolkit.domain.time import FeedTime, WallTime

pytestmark = pytest.mark.integration

BUYS = """
import sys
import toolkit as tk

class Trend(tk.Strategy):
    size: int = 10

    def on_quote(self, quote):
        heavy = sorted({"numpy", "pandas", "pydantic"} & set(sys.modules))
        self.buy(self.size, quote.bid, reason=f"loaded: {heavy}")
        print("a strategy may print")

    def on_stop(self):
        self.log("last words")
"""
RAISES = BUYS.replace("print(", "1 / 0; print(")
HANGS = BUYS.replace("print(", "print('now', file=sys.stderr, flush=True); exec('while True: pass'); print(")
EATS = BUYS.replace("print(", "self.state.all = bytearray(1 << 30); print(")
ENDS = BUYS.replace("print(", "sys.exit(0); print(")


class Engine:
    """The engine's side of one strategy's streams, on real servers."""

    def __init__(self, journal: Server, bus: Server, book: str) -> None:
        self.book = book
        self.journal = RedisJournal(journal.address("engine"), book, mono=mono_time, reply_seconds=60.0)
        self.bus = RedisBus(bus.address("engine"), book, reply_seconds=60.0)
        self._lease: Lease | None = None
        self._position = "0"

    async def begin(self) -> None:
        self._lease = await self.journal.acquire("test")
        assert self._lease is not None
        beat = Beat(process="engine", pid=1, wall=WallTime(0), epoch=self._lease.epoch)
        await self.bus.beat(beat)

    async def welcome(self) -> RunnerHello:
        """Wait for the hello and answer it."""
        (hello,) = await self.commands(1)
        assert isinstance(hello.body, RunnerHello)
        assert self._lease is not None
        alarm = Alarmed(kind="test", subject="", detail="", time=FeedTime(0))
        batch = Batch(
            book=self.book,
            schema=codec.SCHEMA,
            epoch=self._lease.epoch,
            first=1,
            previous=b"",
            step=0,
            wall=WallTime(0),
            events=(alarm,),
        )
        entry = InboxEntry(number=1, item=nothing(incarnation=hello.incarnation))
        await self.journal.append(self._lease, codec.seal(batch), {"trend": [entry]})
        return hello.body

    async def release(self, number: int) -> None:
        feed = Feed()
        steps = [feed.step(quote(10000, 10002)) for _ in range(number)]
        assert self._lease is not None
        released = Released(step=codec.encode(steps[-1]), number=number, inboxes=(("trend", 1),))
        await self.bus.release(self._lease.epoch, [released])

    async def commands(self, number: int) -> Sequence[Envelope]:
        found: list[Envelope] = []
        async with asyncio.timeout(60):
            while len(found) < number:
                for received in await self.journal.commands({"trend": self._position}, 200):
                    self._position = received.position
                    found.append(received.envelope)
        return found


class Runner:
    """A runner's process and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.beats: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def ended(self) -> tuple[int, list[str]]:
        """Exit code and stderr."""
        assert self.process.stderr is not None
        async with asyncio.timeout(60):
            said = (await self.process.stderr.read()).decode().splitlines()
            return await self.process.wait(), said

    async def beat(self, words: str) -> None:
        async with asyncio.timeout(60):
            while words not in self.beats:
                await asyncio.sleep(0.01)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.beats.append(line.decode().rstrip())


Start = Callable[..., "asyncio.Future[Runner]"]


@pytest.fixture
async def engine(journal_server: Server, bus_server: Server, book: str) -> AsyncIterator[Engine]:
    engine = Engine(journal_server, bus_server, book)
    await engine.begin()
    yield engine
    await engine.journal.close()
    await engine.bus.close()


def promoted(folder: Path, source: str) -> Version:
    registry = Registry(folder / "registry")
    return registry.add("trend", "trend.py", source, "Trend", {"size": 7}, ("AAPL",), lambda path, digest: None)


def setup_of(version: Version, journal: Server, bus: Server, book: str) -> RunnerSetup:
    address = journal.address("runner-trend")
    return RunnerSetup(
        strategy="trend",
        version=version.label,
        digest=version.digest,
        path=str(version.path),
        book=book,
        mode=FeedMode.LOCKSTEP,
        journal_url=address.url,
        bus_url=bus.address("runner-trend").url,
        username=address.username,
        password=address.password,
        instruments=(AAPL,),
        base_currency=USD,
        memory_mb=256,
        beat_seconds=0.05,
    )


@asynccontextmanager
async def started(first_line: bytes) -> AsyncIterator[Runner]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "execution.wiring.runner",
        "--strategy",
        "trend",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(first_line)
    runner = Runner(process)
    try:
        yield runner
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await runner._reading


@pytest.fixture
def first_line(tmp_path: Path, journal_server: Server, bus_server: Server, book: str) -> Callable[[str], bytes]:
    return lambda source: setup_of(promoted(tmp_path, source), journal_server, bus_server, book).line()


def resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def test_it_answers_stays_small_shows_no_secret_and_ends_with_its_pipe(
    engine: Engine, first_line: Callable[[str], bytes], journal_server: Server
) -> None:
    async with started(first_line(BUYS)) as runner:
        hello = await engine.welcome()
        assert hello.version.startswith("trend v1 (")
        await engine.release(1)
        (envelope,) = await engine.commands(1)
        assert isinstance(envelope.body, RunnerAnswer)
        (intent,) = envelope.body.intents
        assert isinstance(intent, PlaceOrder)
        assert (intent.quantity, intent.price, intent.reason) == (7, 10000, "loaded: []")
        await runner.beat("beat running 1")

        if sys.platform.startswith("linux"):
            assert resident_megabytes(runner.process.pid) <= 40
            seen = Path(f"/proc/{runner.process.pid}/environ").read_bytes()
            seen += Path(f"/proc/{runner.process.pid}/cmdline").read_bytes()
            assert str(journal_server.address("runner-trend").password).encode() not in seen

        assert runner.process.stdin is not None
        runner.process.stdin.close()
        code, said = await runner.ended()
    assert code == RunnerExit.STOPPED
    assert said == ["a strategy may print", "last words"]


@pytest.mark.parametrize(
    ("source", "ending", "place"),
    [
        (RAISES, RunnerExit.RAISED, "trend.py:11 in on_quote: ZeroDivisionError: division by zero"),
        (EATS, RunnerExit.MEMORY, "trend.py:11 in on_quote: MemoryError"),
        (ENDS, RunnerExit.RAISED, "trend.py:11 in on_quote: SystemExit: 0"),
    ],
)
async def test_a_strategy_that_fails_ends_alone_and_says_where(
    engine: Engine, first_line: Callable[[str], bytes], source: str, ending: RunnerExit, place: str
) -> None:
    async with started(first_line(source)) as runner:
        await engine.welcome()
        await engine.release(1)
        code, said = await runner.ended()
    assert code == ending
    assert said[0] == said[-1] == place  # the first line for people, the last for `execution status`
    assert any("Traceback" in line for line in said)
    assert not await engine.journal.commands({"trend": engine._position}, 100)


async def test_a_strategy_that_hangs_falls_silent(engine: Engine, first_line: Callable[[str], bytes]) -> None:
    async with started(first_line(HANGS)) as runner:
        await engine.welcome()
        await runner.beat("beat running 0")
        await engine.release(1)
        assert runner.process.stderr is not None
        assert await asyncio.wait_for(runner.process.stderr.readline(), 60) == b"now\n"
        await asyncio.sleep(0.5)  # what it said before is read
        before = len(runner.beats)
        await asyncio.sleep(0.5)
        assert len(runner.beats) == before
        assert runner.process.returncode is None


async def test_a_changed_file_does_not_start(
    tmp_path: Path, journal_server: Server, bus_server: Server, book: str
) -> None:
    version = promoted(tmp_path, BUYS)
    (version.path / "trend.py").chmod(0o644)
    (version.path / "trend.py").write_text(BUYS + "\n")
    async with started(setup_of(version, journal_server, bus_server, book).line()) as runner:
        code, said = await runner.ended()
    assert code == RunnerExit.HASH
    assert f"{version.path / 'trend.py'} was changed since it was promoted" in said[-1]


async def test_what_does_not_import_or_fit_does_not_start(first_line: Callable[[str], bytes]) -> None:
    for line, ending, told in [
        (first_line("import no_such\n" + BUYS), RunnerExit.IMPORT, "trend.py:1 in <module>: ModuleNotFoundError"),
        (first_line(BUYS.replace("tk.Strategy", "object")), RunnerExit.IMPORT, "Trend is no tk.Strategy"),
        (first_line(BUYS.replace("size: int", "length: int")), RunnerExit.SETUP, "Trend has no parameter 'size'"),
        (first_line(BUYS).replace(b"AAPL", b"MSFT", 1), RunnerExit.SETUP, "trades AAPL"),
        (b"a password\n", RunnerExit.SETUP, "no RunnerSetup"),
    ]:
        async with started(line) as runner:
            code, said = await runner.ended()
        assert (code, told in said[-1]) == (ending, True), said
