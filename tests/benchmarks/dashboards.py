"""Dashboards: how soon a page of a long journal opens, what 20 viewers cost, and what cold starts do to an order."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import uvloop
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from execution.alive import who_lives
from execution.operations.links import FILE, OneTimeSecret
from tests.benchmarks.bench_desk import bench_desk
from tests.benchmarks.idle_desk import _megabytes, _seconds
from tests.benchmarks.order_path import Client, desk_client
from tests.benchmarks.recovery import _fill_journal
from tests.benchmarks.report import Result, at_most, percentile, plain
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
ORDERS, ORDERS_AT_ONCE, WARM_UP = 1_000, 50, 300
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
        _write_state(home)
        _keep(home)
        with _dashboards(home) as pages:
            opened = [uvloop.run(_open(pages, name)) for name in VIEWS for _ in range(3)]
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


def _write_state(home: Home) -> None:
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


class Pages:
    """A dashboards process for a home, and a session in it."""

    def __init__(self, home: Home, port: int) -> None:
        self.port = port
        self._home = home
        words = (
            sys.executable, "-m", "execution.wiring.dashboards", "--home", str(home.root), "--port", str(port),
            "--session-hours", "1", "--viewers", "100",
        )  # fmt: skip
        self._process = subprocess.Popen(words, cwd=PROJECT, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._process.stdin is not None
        self._process.stdin.write(b"-\n")
        self._process.stdin.flush()
        self.pid = self._process.pid
        self.cookie = ""

    def enter(self, patience: float = 60.0) -> None:
        """Wait until it answers, and come in by the link."""
        deadline = time.monotonic() + patience
        while not self._answers():
            assert self._process.poll() is None, self._process.stderr and self._process.stderr.read().decode()
            assert time.monotonic() < deadline, "the dashboards do not answer"
            time.sleep(0.02)
        secret = OneTimeSecret(self._home.run / FILE).now()
        headers = {"Origin": self.origin, "Content-Type": "application/x-www-form-urlencoded"}
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        line.request("POST", "/enter", urlencode({"once": secret}), headers)
        answer = line.getresponse()
        assert answer.status == 302, f"{answer.status}: {answer.read()!r}"
        self.cookie = answer.getheader("Set-Cookie", "").partition(";")[0]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str) -> str:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        line.request(method, path, headers={"Cookie": self.cookie})
        return line.getresponse().read().decode()

    def end(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)

    def _answers(self) -> bool:
        lives = who_lives(self.port)
        return lives is not None and lives.pid == self.pid


@contextlib.contextmanager
def _dashboards(home: Home) -> Iterator[Pages]:
    pages = Pages(home, _free_port())
    try:
        pages.enter()
        yield pages
    finally:
        pages.end()


async def _open(pages: Pages, view: str) -> float:
    """Seconds until a page stands there with its numbers: page, line, and the whole document over it."""
    began = time.perf_counter()
    line = await _line(pages, f"{view}?span=all")
    while '"ACK"' not in str(await asyncio.wait_for(line.read_message(), 60)):
        pass
    await line.write_message('{"msgid":"1","msgtype":"PULL-DOC-REQ"}')
    await line.write_message("{}")
    await line.write_message("{}")
    while True:
        message = await asyncio.wait_for(line.read_message(), 60)
        assert message is not None, "the line was cut"
        if isinstance(message, str) and "class=&quot;numbers&quot;" in message:
            line.close()
            return time.perf_counter() - began


async def _line(pages: Pages, path: str) -> WebSocketClientConnection:
    whole = await asyncio.to_thread(pages.ask, "GET", f"/{path}")
    token = re.search(r'"token":"([^"]+)"', whole)
    assert token is not None, whole[:300]
    url = f"ws://127.0.0.1:{pages.port}/{path.partition('?')[0]}/ws"
    headers = {"Cookie": pages.cookie, "Origin": pages.origin}
    return await websocket_connect(HTTPRequest(url, headers=headers), subprotocols=["bokeh", token[1]])


async def _viewers(pages: Pages) -> tuple[list[float], float]:
    """The longest gap between two signs of life of each viewer, and the processor's share."""
    names = list(VIEWS)
    lines = [await _line(pages, f"{names[number % len(names)]}?span=all") for number in range(VIEWERS)]
    await asyncio.gather(*(_until_patched(line) for line in lines))
    before, began = _seconds(pages.pid), time.monotonic()
    gaps = await asyncio.gather(*(_longest_gap(line, began + WATCH) for line in lines))
    used = 100 * (_seconds(pages.pid) - before) / (time.monotonic() - began)
    for line in lines:
        line.close()
    return gaps, used


async def _until_patched(line: WebSocketClientConnection) -> None:
    while "PATCH-DOC" not in str(await asyncio.wait_for(line.read_message(), 60)):
        pass


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
        _write_state(kit.home)
        await desk.block(WARM_UP)
        for _ in range(PAIRS):
            alone = percentile(await desk.block(ORDERS), 99)
            ratios.append(percentile(await _beside_cold_starts(desk, kit.home), 99) / alone)
    starts = PAIRS * STARTS_A_PAIR
    return [at_most(f"order path p99, beside {starts} cold starts of dashboards", median(ratios), "× alone", RATIO)]


async def _beside_cold_starts(desk: Client, home: Home) -> Sequence[float]:
    """Orders for as long as dashboards start one after the other."""
    starting = asyncio.create_task(asyncio.to_thread(_start_and_end, home))
    taken: list[float] = []
    while not starting.done():
        taken += await desk.block(ORDERS_AT_ONCE)
    await starting
    return taken


def _start_and_end(home: Home) -> None:
    for _ in range(STARTS_A_PAIR):
        with _dashboards(home) as pages:
            asyncio.run(_open(pages, "overview"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
