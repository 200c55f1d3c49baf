"""A server of messages on loopback that takes, refuses or hangs, as a channel of people in tests does."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Self


class Webhook:
    """`with Webhook() as hook`: `taken` is what came, each with the moment at which it did."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, dict[str, Any]]] = []
        self.called: list[float] = []
        self.refuses = False
        self.released = Event()
        self.released.set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                hook.released.wait(60)
                if not hook.refuses:
                    hook.taken.append((time.time(), json.loads(body)))
                self._answer(503 if hook.refuses else 200)

            def do_GET(self) -> None:
                hook.called.append(time.time())
                self._answer(200)

            def _answer(self, status: int) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:  # who sent it does not wait any more
                    return

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """As apprise names it."""
        return f"json://127.0.0.1:{self.port}/alerts"

    @property
    def page(self) -> str:
        """As a browser does; what a heartbeat calls."""
        return f"http://127.0.0.1:{self.port}/alive"

    def titles(self) -> list[str]:
        return [message["title"] for _, message in self.taken]

    def hang(self) -> None:
        """Take messages and never answer."""
        self.released.clear()

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
