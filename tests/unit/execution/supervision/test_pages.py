"""A page is there when it is served: who listens and says nothing hangs, and another desk's page is not ours."""

import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from execution.alive import HOST, PATH, Alive, alive_here, page, who_lives


class Page(BaseHTTPRequestHandler):
    body = alive_here("paper")

    def do_GET(self) -> None:  # the name is the library's
        self.send_response(200 if self.path == PATH else 403)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on a test's terminal."""


class Other(Page):
    body = b"alive"


@pytest.mark.parametrize(
    ("handler", "lives"), [(Page, Alive(book="paper", pid=os.getpid())), (Other, None)], ids=["ours", "another"]
)
def test_a_page_that_is_served_says_whose_it_is(handler: type[Page], lives: Alive | None) -> None:
    with HTTPServer((HOST, 0), handler) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        assert who_lives(server.server_port) == lives
        serving.join()


def test_what_is_refused_is_no_page() -> None:
    with HTTPServer((HOST, 0), Page) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        assert page(server.server_port, "/other") is None
        serving.join()


def test_a_process_that_only_listens_does_not_answer() -> None:
    with socket.create_server((HOST, 0)) as silent:
        assert who_lives(silent.getsockname()[1], patience=0.1) is None
        port = silent.getsockname()[1]
    assert who_lives(port, patience=0.1) is None
