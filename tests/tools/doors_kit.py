"""An app's doors without a browser: what a request with this cookie, from this origin, comes to."""

import asyncio
import http.client
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClosedError, websocket_connect

PATIENCE = 60.0  # seconds


def get(link: str, path: str, cookie: str, **headers: str) -> tuple[int, str]:
    line = http.client.HTTPConnection(link.removeprefix("http://").rstrip("/"), timeout=PATIENCE)
    line.request("GET", path, headers={"Cookie": cookie, **headers})
    answer = line.getresponse()
    return answer.status, answer.read().decode()


def post(link: str, name: str, password: str, origin: str) -> tuple[int, str, str]:
    line = http.client.HTTPConnection(link.removeprefix("http://").rstrip("/"), timeout=PATIENCE)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin}
    line.request("POST", "/login", urlencode({"name": name, "password": password}), form)
    answer = line.getresponse()
    return answer.status, answer.getheader("Set-Cookie", ""), answer.read().decode()


def cookie_of(link: str, name: str, password: str, same_site: str = "Strict") -> str:
    """The cookie of a login."""
    status, cookie, _ = post(link, name, password, origin=link.rstrip("/"))
    assert status == 302
    assert "HttpOnly" in cookie
    assert f"SameSite={same_site}" in cookie
    return cookie.partition(";")[0]


def tampered(cookie: str) -> str:
    """The same with one letter of what is signed changed."""
    name, _, value = cookie.partition("=")
    return f"{name}={'A' if value[0] != 'A' else 'B'}{value[1:]}"


def opens(link: str, token: str, origin: str, cookie: str, path: str = "") -> str:
    """What becomes of a websocket of this origin with this cookie: open, or why not."""

    async def knock() -> str:
        headers = {"Cookie": cookie, **({"Origin": origin} if origin else {})}
        url = f"{link.replace('http', 'ws', 1)}{path}ws"
        request = HTTPRequest(url, headers=headers, connect_timeout=PATIENCE, request_timeout=PATIENCE)
        try:
            line = await websocket_connect(request, subprotocols=["bokeh", token])
        except HTTPClientError as problem:
            return str(problem.code)
        try:
            first = await asyncio.wait_for(line.read_message(), PATIENCE)
        except WebSocketClosedError:
            return "closed"
        line.close()
        return "closed" if first is None else "open"

    with ThreadPoolExecutor(1) as beside:  # Playwright has a loop of its own in this thread
        return beside.submit(asyncio.run, knock()).result()
