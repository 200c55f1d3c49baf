"""People who look at dashboards, without a browser: come in by the link, open pages, read on; what they see is timed.

As a process of its own it looks until it is ended: `python -m tests.benchmarks.viewers PORT COOKIE HOW_MANY`.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import sys
import time
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import uvloop
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from execution.alive import who_lives
from execution.child import stand_back
from execution.operations.links import FILE, OneTimeSecret
from toolkit.client.home import Home
from toolkit.dashboards.pages import VIEWS

PATIENCE = 240.0
LOOKING = "all of them look"
READY = (
    '{"events":[{"kind":"MessageSent","msg_type":"bokeh_event","msg_data":{"type":"event","name":"document_ready",'
    '"values":{"type":"map","entries":[]}}}]}'
)
"""What a browser says once its page stands."""


class Viewer:
    """One login at the dashboards of a port."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.port = port
        self.cookie = cookie

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def enter(self, home: Home, pid: int) -> None:
        """Wait until this process answers, and come in by the link."""
        deadline = time.monotonic() + PATIENCE
        while (lives := who_lives(self.port)) is None or lives.pid != pid:
            assert time.monotonic() < deadline, "the dashboards do not answer"
            time.sleep(0.02)
        secret = OneTimeSecret(home.run / FILE).now()
        headers = {"Origin": self.origin, "Content-Type": "application/x-www-form-urlencoded"}
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        line.request("POST", "/enter", urlencode({"once": secret}), headers)
        answer = line.getresponse()
        assert answer.status == 302, f"{answer.status}: {answer.read()!r}"
        self.cookie = answer.getheader("Set-Cookie", "").partition(";")[0]

    async def open(self, path: str) -> WebSocketClientConnection:
        """The line of a page, as its script would open it."""
        whole = await asyncio.to_thread(self._page, path)
        token = re.search(r'"token":"([^"]+)"', whole)
        assert token is not None, whole[:300]
        url = f"ws://127.0.0.1:{self.port}/{path.partition('?')[0]}/ws"
        headers = {"Cookie": self.cookie, "Origin": self.origin}
        return await websocket_connect(HTTPRequest(url, headers=headers), subprotocols=["bokeh", token[1]])

    def _page(self, path: str) -> str:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        line.request("GET", f"/{path}", headers={"Cookie": self.cookie})
        return line.getresponse().read().decode()


async def time_to_open(viewer: Viewer, view: str) -> float:
    """Seconds until a page stands there with its numbers: page, line, and the whole document over it."""
    began = time.perf_counter()
    line = await viewer.open(f"{view}?span=all")
    await _until_said(line, '"ACK"')
    await _say(line, "PULL-DOC-REQ", "{}")
    await _until_said(line, 'class=\\"numbers\\"')
    line.close()
    return time.perf_counter() - began


async def _say(line: WebSocketClientConnection, kind: str, content: str) -> None:
    for part in (f'{{"msgid":"1","msgtype":"{kind}"}}', "{}", content):
        await line.write_message(part)


@contextlib.asynccontextmanager
async def viewing(viewer: Viewer, count: int) -> AsyncIterator[list[WebSocketClientConnection]]:
    """So many pages that stand open, of every view, each refreshed once."""
    names = list(VIEWS)
    lines = [await viewer.open(f"{names[number % len(names)]}?span=all") for number in range(count)]
    try:
        for line in lines:
            await _until_said(line, '"ACK"')
            await _say(line, "PATCH-DOC", READY)
        await asyncio.gather(*(_until_said(line, "PATCH-DOC") for line in lines))
        yield lines
    finally:
        for line in lines:
            line.close()


async def _until_said(line: WebSocketClientConnection, words: str) -> None:
    message: str | bytes | None = ""
    while words not in str(message):
        message = await asyncio.wait_for(line.read_message(), PATIENCE)
        assert message is not None, "the line was cut"


def words(viewer: Viewer, count: int) -> tuple[str, ...]:
    """The command of a process that looks."""
    return (sys.executable, "-m", "tests.benchmarks.viewers", str(viewer.port), viewer.cookie, str(count))


async def _look(port: str, cookie: str, count: str) -> None:
    async with viewing(Viewer(int(port), cookie), int(count)) as lines:
        print(LOOKING, flush=True)
        await asyncio.gather(*map(_read_on, lines))


async def _read_on(line: WebSocketClientConnection) -> None:
    while await line.read_message() is not None:
        pass


if __name__ == "__main__":
    stand_back()
    uvloop.run(_look(*sys.argv[1:]))
