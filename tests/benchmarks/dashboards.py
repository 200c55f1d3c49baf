"""Dashboards: how soon a page of a long journal opens, what 20 viewers cost, and what cold starts do to an order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import uvloop
from tornado.websocket import WebSocketClientConnection

from tests.benchmarks.bench_desk import bench_desk
from tests.benchmarks.idle_desk import _megabytes, _seconds
from tests.benchmarks.order_path import BESIDE_OTHERS, Client, desk_client
from tests.benchmarks.recovery import _fill_journal
from tests.benchmarks.report import Result, at_most, percentile, plain
from tests.benchmarks.viewers import PATIENCE, Viewer, time_to_open, viewing
from tests.tools.desk_kit import PROJECT
from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.process_identity import identify
from toolkit.adapters.server_access import ServerRole
from toolkit.client.desk_state import DeskState, ProcessState, write_desk_state
from toolkit.client.home import Home
from toolkit.client.watching import Watching
from toolkit.dashboards.pages import VIEWS

BOOK = "paper"
VIEWERS, WATCH = 20, 20.0
PAIRS, STARTS_A_PAIR = 10, 5
ORDERS, ORDERS_AT_ONCE, WARM_UP = 1_000, 100, 300
OPEN_SECONDS, GAP_SECONDS, RATIO = 2.0, 3.0, 1.10


def run() -> list[Result]:
    return [*_long_journal(), *uvloop.run(_cold_starts())]


# ---- a journal of a million events


def _long_journal() -> list[Result]:
    folder = Path(tempfile.mkdtemp(prefix="qd-bench-"))
    home = Home(folder)
    shutil.copytree(PROJECT / "config", folder / "config")
    home.prepare()
    servers = EmbeddedServers(home.run, home.servers, home.logs, books=(BOOK,))
    try:
        servers.start()
        uvloop.run(_fill_journal(servers.address(ServerRole.JOURNAL, "engine"), home.book(BOOK)))
        write_state(home)
        _keep(home)
        with _dashboards(home) as pages:
            opened = [uvloop.run(time_to_open(pages, name)) for name in VIEWS for _ in range(3)]
            gaps, used = uvloop.run(_viewers(pages))
            memory = _megabytes(pages.pid)
    finally:
        servers.stop()
        shutil.rmtree(folder)
    return [
        at_most("dashboards, a page of 10⁶ events opens", max(opened), "s", OPEN_SECONDS),
        plain("dashboards, a page of 10⁶ events opens, median", median(opened), "s"),
        at_most(f"dashboards, {VIEWERS} viewers, longest time without a refresh", max(gaps), "s", GAP_SECONDS),
        plain(f"dashboards, {VIEWERS} viewers, processor", used, "% of one core"),
        plain(f"dashboards, {VIEWERS} viewers, memory", memory, "MB"),
    ]


def write_state(home: Home) -> None:
    """As the supervisor would, for a desk that has none."""
    this = identify(os.getpid())
    assert this is not None
    runs = ProcessState(name="supervisor", kind="supervisor", pid=this.pid, started=this.started, state="running")
    write_desk_state(
        home.processes, DeskState(name="bench", kind="paper", book=BOOK, venues=(BOOK,), supervisor=runs, ready=True)
    )


def _keep(home: Home) -> None:
    """What the monitor of a running desk stores every now and then."""
    watching = Watching(home, BOOK)
    while not watching.read_at_end:
        watching.advance()
    watching.keep()
    watching.close()


# ---- the process, and who looks


class Pages(Viewer):
    """A dashboards process for a home, and a session in it."""

    def __init__(self, home: Home, port: int) -> None:
        super().__init__(port)
        words = (
            sys.executable, "-m", "execution.wiring.dashboards", "--home", str(home.root), "--port", str(port),
            "--session-hours", "1", "--viewers", "100",
        )  # fmt: skip
        self._process = subprocess.Popen(words, cwd=PROJECT, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdin is not None
        self._process.stdin.write(b"-\n")
        self._process.stdin.flush()
        self.pid = self._process.pid

    def end(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE)


@contextlib.contextmanager
def _dashboards(home: Home) -> Iterator[Pages]:
    pages = Pages(home, free_port())
    try:
        pages.enter(home, pages.pid)
        yield pages
    finally:
        pages.end()


async def _viewers(pages: Pages) -> tuple[list[float], float]:
    """The longest gap between two signs of life of each viewer, and the processor's share."""
    async with viewing(pages, VIEWERS) as lines:
        before, began = _seconds(pages.pid), time.monotonic()
        gaps = await asyncio.gather(*(_longest_gap(line, began + WATCH) for line in lines))
        used = 100 * (_seconds(pages.pid) - before) / (time.monotonic() - began)
    return gaps, used


async def _longest_gap(line: WebSocketClientConnection, until: float) -> float:
    last, longest = time.monotonic(), 0.0
    while (now := time.monotonic()) < until:
        message = await asyncio.wait_for(line.read_message(), 60)
        if "PATCH-DOC" in str(message):
            now = time.monotonic()
            longest, last = max(longest, now - last), now
    return longest


# ---- what cold starts do to an order


async def _cold_starts() -> list[Result]:
    """Blocks of orders without and with dashboards that start, read the journal, show a page and end."""
    ratios: list[float] = []
    async with bench_desk("process") as kit, desk_client(kit) as desk:
        write_state(kit.home)
        await desk.block(WARM_UP)
        for number in range(PAIRS):
            beside = await _beside_cold_starts(desk, kit.home) if number % 2 else 0.0
            alone = percentile(await desk.due(ORDERS, BESIDE_OTHERS), 99)
            ratios.append((beside or await _beside_cold_starts(desk, kit.home)) / alone)
    name = f"order path p99 at {BESIDE_OTHERS:g}/s, beside {PAIRS * STARTS_A_PAIR} cold starts of dashboards"
    return [at_most(name, median(ratios), "× alone", RATIO)]


async def _beside_cold_starts(desk: Client, home: Home) -> float:
    """p99 of orders for as long as dashboards start one after the other."""
    words = (sys.executable, "-m", "tests.benchmarks.dashboards", str(home.root))
    starting = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert starting.stdout is not None
        await asyncio.to_thread(starting.stdout.readline)
        taken: list[float] = []
        while starting.poll() is None:
            taken += await desk.due(ORDERS_AT_ONCE, BESIDE_OTHERS)
        assert starting.returncode == 0, "dashboards did not start"
        return percentile(taken, 99)
    finally:
        starting.kill()
        starting.communicate()


def _start_and_end(home: Home) -> None:
    """In a process of its own, which gives way as who looks on from another machine; what it starts does not."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE | os.SCHED_RESET_ON_FORK, os.sched_param(0))
    print("starting", flush=True)
    for _ in range(STARTS_A_PAIR):
        with _dashboards(home) as pages:
            asyncio.run(time_to_open(pages, "overview"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    _start_and_end(Home(Path(sys.argv[1])))
