"""What it costs an order that somebody looks on: the order path with and without the monitor, pair by pair.

Each pair is a block of orders with nobody looking on and one with the monitor, in turns first. It follows the journal
and its page is asked for meanwhile, by a process of its own. Then the same with a monitor that is stopped in the middle
of everything, its lines to both servers open.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from statistics import median
from typing import Final

import uvloop

from execution.alive import page
from tests.benchmarks.bench_desk import bench_desk
from tests.benchmarks.order_path import Client, desk_client
from tests.benchmarks.report import Result, percentile
from tests.tools.desk_kit import DeskKit

PAIRS, ORDERS, WARM_UP = 10, 300, 300
GOAL, SETTLE = 1.10, 1.0
WATCHERS: Final = ("monitor",)
ASKS: Final = """
import sys, time, urllib.request
while True:
    urllib.request.urlopen(sys.argv[1], timeout=10).read()
    time.sleep(1)
"""
"""A scrape each second, far more often than Prometheus does."""

Around = Callable[[DeskKit], contextlib.AbstractAsyncContextManager[None]]


def run() -> list[Result]:
    return results(uvloop.run(measure(PAIRS, ORDERS)))


def results(pairs: dict[str, list[tuple[float, float]]]) -> list[Result]:
    """The median over pairs of the ratio of their 99th percentiles."""
    found = []
    for name, each in pairs.items():
        ratio = median(watched / alone for alone, watched in each)
        found.append(
            Result(
                name=f"order path p99, {name}",
                value=round(1e6 * median(watched for _, watched in each), 1),
                unit="µs",
                floor=round(1e6 * median(alone for alone, _ in each), 1),
                ratio=round(ratio, 3),
                goal=f"ratio ≤ {GOAL:g}",
                met=ratio <= GOAL,
            )
        )
    return found


async def measure(pairs: int, orders: int) -> dict[str, list[tuple[float, float]]]:
    """p99 in seconds without and with, for each pair."""
    found: dict[str, list[tuple[float, float]]] = {"monitor on": [], "monitor stopped": []}
    async with bench_desk("process") as kit, desk_client(kit) as client:
        await client.block(WARM_UP)
        gc.collect()
        gc.freeze()
        for number in range(pairs):
            for name, around in (("monitor on", _looking_on), ("monitor stopped", _stopped)):
                found[name].append(await _pair(kit, client, around, orders, watched_first=bool(number % 2)))
        gc.unfreeze()
    return found


async def _pair(
    kit: DeskKit, client: Client, around: Around, orders: int, *, watched_first: bool
) -> tuple[float, float]:
    alone = 0.0 if watched_first else percentile(await client.block(orders), 99)
    async with around(kit):
        watched = percentile(await client.block(orders), 99)
    if watched_first:
        await asyncio.sleep(SETTLE)
        alone = percentile(await client.block(orders), 99)
    return alone, watched


@contextlib.asynccontextmanager
async def _looking_on(kit: DeskKit) -> AsyncIterator[None]:
    address = await _start(kit)
    asking = subprocess.Popen((sys.executable, "-c", ASKS, address))
    try:
        yield
        assert asking.poll() is None, "the monitor's page did not answer"
    finally:
        asking.kill()
        asking.wait()
        await _end(kit)


@contextlib.asynccontextmanager
async def _stopped(kit: DeskKit) -> AsyncIterator[None]:
    await _start(kit)
    for name in WATCHERS:
        kit.processes[name].send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for name in WATCHERS:
            kit.processes[name].send_signal(signal.SIGCONT)
        await _end(kit)


async def _start(kit: DeskKit) -> str:
    """All who look on, ready and settled; where the metrics are."""
    address = ""
    for name in WATCHERS:
        wanted = kit.specification(name)
        process = kit.launch_as(wanted)
        async with asyncio.timeout(60):
            while await asyncio.to_thread(page, int(wanted.subject), "/metrics") is None:
                assert process.poll() is None, kit.last_words()
                await asyncio.sleep(0.05)
        address = address or wanted.address
    await asyncio.sleep(SETTLE)
    return address


async def _end(kit: DeskKit) -> None:
    for name in WATCHERS:
        await kit.end(name)
