"""The listener as the process that it is: killed, cut off from the bus, stopped; the bus ends up whole each time."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from tests.tools.desk_kit import is_stopped
from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.server_access import ServerRole
from toolkit.client.home import Home
from toolkit.domain.beats import Beat
from toolkit.domain.errors import TransportError
from toolkit.domain.time import WallTime
from toolkit.research.data import sample

pytestmark = pytest.mark.integration

BOOK = "paper"
WINDOW = 2_000


@pytest.fixture
def home(tmp_path: Path, repository: Path) -> Home:
    shutil.copytree(repository / "config", tmp_path / "desk" / "config")
    return Home(tmp_path / "desk")


@pytest.fixture
def servers(home: Home) -> Iterator[EmbeddedServers]:
    servers = EmbeddedServers(home.run, home.servers, home.logs, books=(BOOK,))
    servers.start()
    yield servers
    servers.stop()


class Engine:
    """Nothing but the engine's heartbeat, and eyes to see what the bus holds."""

    def __init__(self, servers: EmbeddedServers) -> None:
        self.bus = RedisBus(servers.address(ServerRole.BUS, "engine"), BOOK)

    async def is_at(self, step: int) -> None:
        await self.bus.beat(Beat(process="engine", pid=1, wall=WallTime(0), epoch=1, step=step))

    async def sees(self, first: int, last: int) -> None:
        """Wait until the bus holds exactly these steps, and see that they are the sample's."""
        async with asyncio.timeout(60):
            while await self._last() != last:
                await asyncio.sleep(0.02)
        found = await self.bus.steps("feed", 0, 0, 10_000)
        assert list(found) == list(islice(sample(sessions=400), first - 1, last))

    async def _last(self) -> int:
        try:
            return await self.bus.last("feed")
        except TransportError:
            return -1


@pytest.fixture
async def engine(servers: EmbeddedServers) -> AsyncIterator[Engine]:
    engine = Engine(servers)
    yield engine
    await engine.bus.close()


@contextmanager
def listener(home: Home, servers: EmbeddedServers, failpoints: str = "") -> "Iterator[subprocess.Popen[bytes]]":
    environment = dict(os.environ)
    if failpoints:
        (home.root / "failpoints").write_text(failpoints)
        environment["EXECUTION_FAILPOINTS"] = str(home.root / "failpoints")
    process = subprocess.Popen(
        [sys.executable, "-m", "execution.wiring.listener", "--home", str(home.root), "--speed", "0"],
        stdin=subprocess.PIPE,
        env=environment,
    )
    assert process.stdin is not None
    process.stdin.write((servers.address(ServerRole.BUS, "listener").password or "").encode() + b"\n")
    process.stdin.flush()
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


async def ended(process: "subprocess.Popen[bytes]") -> int:
    return await asyncio.to_thread(process.wait, 60)


@pytest.mark.parametrize("place", ["before_publish", "after_publish"])
async def test_killed_at_any_failpoint_its_successor_neither_skips_nor_doubles(
    home: Home, servers: EmbeddedServers, engine: Engine, place: str
) -> None:
    await engine.is_at(0)
    with listener(home, servers, f"{place}:kill:2\n") as process:
        assert await ended(process) == -signal.SIGKILL
    await engine.sees(1, {"before_publish": 500, "after_publish": 1_000}[place])
    with listener(home, servers):
        await engine.sees(1, WINDOW)
        await engine.is_at(600)
        await engine.sees(1, WINDOW + 600)


async def test_a_bus_that_is_killed_is_filled_again(home: Home, servers: EmbeddedServers, engine: Engine) -> None:
    await engine.is_at(1_800)
    with listener(home, servers):
        await engine.sees(301, WINDOW + 1_800)  # 100 sessions of history
        identity = servers.identity(ServerRole.BUS)
        assert identity is not None
        os.kill(identity.pid, signal.SIGKILL)
        await asyncio.to_thread(restart, servers)
        await engine.is_at(1_900)
        await engine.sees(401, WINDOW + 1_900)


def restart(servers: EmbeddedServers) -> None:
    while servers.identity(ServerRole.BUS) is not None:
        time.sleep(0.01)
    servers.start()


async def test_paused_while_the_bus_is_replaced_it_leaves_no_hole(
    home: Home, servers: EmbeddedServers, engine: Engine
) -> None:
    await engine.is_at(0)
    with listener(home, servers, "before_publish:stop:3\n") as process:
        await engine.sees(1, 1_000)
        async with asyncio.timeout(60):
            while not is_stopped(process.pid):
                await asyncio.sleep(0.01)
        identity = servers.identity(ServerRole.BUS)
        assert identity is not None
        os.kill(identity.pid, signal.SIGKILL)
        await asyncio.to_thread(restart, servers)
        process.send_signal(signal.SIGCONT)
        await engine.is_at(10)
        await engine.sees(1, WINDOW + 10)


@pytest.mark.parametrize("how", ["stdin closes", "SIGTERM"])
async def test_it_stops_in_order(home: Home, servers: EmbeddedServers, engine: Engine, how: str) -> None:
    await engine.is_at(0)
    with listener(home, servers) as process:
        await engine.sees(1, WINDOW)
        if how == "SIGTERM":
            process.terminate()
        else:
            assert process.stdin is not None
            process.stdin.close()
        assert await ended(process) == 0
    assert (await engine.bus.beats())["listener"].state == "stopped"


async def test_with_a_wrong_password_it_says_so_and_ends(home: Home, servers: EmbeddedServers) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "execution.wiring.listener", "--home", str(home.root)),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"wrong\n")
    said = await asyncio.wait_for(process.stderr.read(), 60)
    assert await process.wait() == 2
    assert b"ConfigError" in said
