"""What it costs an order that somebody looks on: the order path with and without monitor and dashboards, pair by pair.

Each pair is a block of orders with nobody looking on and blocks with those who do, in turns first: twenty pages open
and a scrape each second; the same processes stopped in the middle of everything; scrapes that nobody
reads; a channel that takes no message; a disk that takes nothing from who looks on. Beside them stands what a machine
makes of any company at all: a loop that never sleeps, of the lowest class there is, and touches nothing of the desk.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Final, NamedTuple

import uvloop

from execution.alive import page
from execution.supervision.managed import Specification
from execution.wiring import specifications
from tests.benchmarks.bench_desk import bench_desk
from tests.benchmarks.dashboards import free_port, write_state
from tests.benchmarks.order_path import BESIDE_OTHERS, Client, desk_client
from tests.benchmarks.report import Result, percentile
from tests.benchmarks.viewers import LOOKING, Viewer, words
from tests.tools.desk_kit import DeskKit

PAIRS, ORDERS, WARM_UP, VIEWERS = 10, 1_000, 300, 20
GOAL, SETTLE = 1.10, 1.0
PATIENCE = 240.0
WATCHERS: Final = ("monitor", "dashboards")
UNREAD: Final = 8
SMALL_FILES: Final = 1 << 16
ASKS: Final = """
import sys, time, urllib.request
from execution.child import stand_back
stand_back()
while True:
    urllib.request.urlopen(sys.argv[1], timeout=10).read()
    time.sleep(1)
"""
"""A scrape each second, far more often than Prometheus does."""
FULL: Final = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({SMALL_FILES}, {SMALL_FILES}))
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Stands before a process that may write a line into its log, and no file that is worth the name."""
LOOP: Final = "from execution.child import stand_back; stand_back()\nwhile True: pass"
"""The least that company can be: it never sleeps, and touches nothing of the desk."""
BESIDE_A_LOOP: Final = "a loop of the lowest class beside it, nobody looking on"

Change = Callable[[Specification], Specification]


class Looking(NamedTuple):
    """Who looks on: the desk, and the ports of its metrics and its dashboards."""

    kit: DeskKit
    metrics: int
    dashboards: int


Around = Callable[[Looking], contextlib.AbstractAsyncContextManager[None]]


class Scene(NamedTuple):
    """How those who look on are started, and what happens to them, each for a block of orders."""

    happens: Mapping[str, Around]
    change: Change = lambda wanted: wanted
    environment: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext
    looked_on: bool = True


def run() -> list[Result]:
    return results(uvloop.run(measure(PAIRS, ORDERS, VIEWERS)))


def results(pairs: Mapping[str, Sequence[tuple[float, float]]]) -> list[Result]:
    """The median over pairs of the ratio of their 99th percentiles."""
    found = []
    for name, each in pairs.items():
        ratio = median(watched / alone for alone, watched in each)
        found.append(
            Result(
                name=f"order path p99 at {BESIDE_OTHERS:g}/s, {name}",
                value=round(1e6 * median(watched for _, watched in each), 1),
                unit="µs",
                floor=round(1e6 * median(alone for alone, _ in each), 1),
                ratio=round(ratio, 3),
                goal="" if name == BESIDE_A_LOOP else f"ratio ≤ {GOAL:g}",
                met=None if name == BESIDE_A_LOOP else ratio <= GOAL,
            )
        )
    return found


async def measure(pairs: int, orders: int, viewers: int) -> dict[str, list[tuple[float, float]]]:
    """p99 in seconds without and with, for each pair."""
    scenes = scenes_of(viewers)
    found: dict[str, list[tuple[float, float]]] = {name: [] for scene in scenes for name in scene.happens}
    async with bench_desk("process") as kit, desk_client(kit) as client:
        write_state(kit.home)
        await client.block(WARM_UP)
        gc.collect()
        gc.freeze()
        for number in range(pairs):
            for scene in scenes:
                for name, pair in (await _pairs(kit, client, scene, orders, watched_first=bool(number % 2))).items():
                    found[name].append(pair)
        gc.unfreeze()
    return found


def scenes_of(viewers: int) -> tuple[Scene, ...]:
    """All that can happen to who looks on."""

    def look(looking: Looking) -> contextlib.AbstractAsyncContextManager[None]:
        return _looked_at(looking, viewers)

    plain = {f"{viewers} pages open, scraped": look, "monitor and dashboards stopped": _stopped}
    return (
        Scene({**plain, "Prometheus dead": _unread}),
        Scene({"webhook dead": _as_they_are}, environment=_dead_channel),
        Scene({"disk full": _as_they_are}, change=_on_a_full_disk),
        Scene({BESIDE_A_LOOP: _beside_a_loop}, looked_on=False),
    )


async def _pairs(
    kit: DeskKit, client: Client, scene: Scene, orders: int, *, watched_first: bool
) -> dict[str, tuple[float, float]]:
    """A block alone, before or after, and one with each thing that happens."""
    alone = 0.0 if watched_first else await _p99(client, orders)
    watched: dict[str, float] = {}
    async with _looking_on(kit, scene) as looking:
        for name, around in scene.happens.items():
            async with around(looking):
                watched[name] = await _p99(client, orders)
    if watched_first:
        await asyncio.sleep(SETTLE)
        alone = await _p99(client, orders)
    return {name: (alone, each) for name, each in watched.items()}


async def _p99(client: Client, orders: int) -> float:
    return percentile(await client.due(orders, BESIDE_OTHERS), 99)


# ---- who looks on


@contextlib.asynccontextmanager
async def _looking_on(kit: DeskKit, scene: Scene) -> AsyncIterator[Looking]:
    """All who look on, ready and settled."""
    if not scene.looked_on:
        yield Looking(kit, 0, 0)
        return
    port = free_port()
    monitor = kit.specification("monitor")
    dashboards = specifications.dashboards(kit.home, kit.settings, port)
    with scene.environment():
        for wanted in (monitor, dashboards):
            kit.launch_as(scene.change(wanted))
        try:
            await _until_served(kit, int(monitor.subject), "/metrics")
            await _until_served(kit, port, "/alive")
            await asyncio.sleep(SETTLE)
            yield Looking(kit, int(monitor.subject), port)
        finally:
            for name in WATCHERS:
                await kit.end(name)


async def _until_served(kit: DeskKit, port: int, path: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(page, port, path) is None:
            assert all(kit.processes[name].poll() is None for name in WATCHERS), kit.last_words()
            await asyncio.sleep(0.05)


def _on_a_full_disk(wanted: Specification) -> Specification:
    return replace(wanted, arguments=(sys.executable, "-c", FULL, *wanted.arguments))


@contextlib.contextmanager
def _dead_channel() -> Iterator[None]:
    """Somebody listens at the address of every alert and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = "EXECUTION_ALERTS_DESK"
        before = os.environ.get(name)
        os.environ[name] = f"json://127.0.0.1:{silent.getsockname()[1]}/alerts"
        try:
            yield
        finally:
            os.environ.pop(name)
            if before is not None:
                os.environ[name] = before


# ---- what happens to them


@contextlib.asynccontextmanager
async def _looked_at(looking: Looking, viewers: int) -> AsyncIterator[None]:
    viewer = Viewer(looking.dashboards)
    await asyncio.to_thread(viewer.enter, looking.kit.home, looking.kit.processes["dashboards"].pid)
    scraping = subprocess.Popen((sys.executable, "-c", ASKS, f"http://127.0.0.1:{looking.metrics}/metrics"))
    seeing = subprocess.Popen(words(viewer, viewers), stdout=subprocess.PIPE, text=True)
    try:
        assert seeing.stdout is not None
        said = await asyncio.wait_for(asyncio.to_thread(seeing.stdout.readline), PATIENCE)
        assert said.strip() == LOOKING, "the pages did not open"
        yield
        assert (scraping.poll(), seeing.poll()) == (None, None), "somebody was not answered"
    finally:
        for process in (scraping, seeing):
            process.kill()
            process.wait()
        if seeing.stdout is not None:
            seeing.stdout.close()


@contextlib.asynccontextmanager
async def _stopped(looking: Looking) -> AsyncIterator[None]:
    for name in WATCHERS:
        looking.kit.processes[name].send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for name in WATCHERS:
            looking.kit.processes[name].send_signal(signal.SIGCONT)
        await asyncio.sleep(SETTLE)


@contextlib.asynccontextmanager
async def _unread(looking: Looking) -> AsyncIterator[None]:
    """Scrapes that ask and never read the answer."""
    with contextlib.ExitStack() as stack:
        for _ in range(UNREAD):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", looking.metrics), timeout=10))
            line.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        yield


@contextlib.asynccontextmanager
async def _beside_a_loop(_: Looking) -> AsyncIterator[None]:
    loop = subprocess.Popen((sys.executable, "-c", LOOP))
    try:
        await asyncio.sleep(SETTLE)
        assert loop.poll() is None, "the loop ended"
        yield
    finally:
        loop.kill()
        loop.wait()


@contextlib.asynccontextmanager
async def _as_they_are(_: Looking) -> AsyncIterator[None]:
    yield
