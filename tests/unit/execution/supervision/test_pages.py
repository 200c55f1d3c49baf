"""A page is there when it is served: a process that listens and says nothing hangs."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from execution.supervision.jupyter import HOST, page_answers


class Alive(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the name is the library's
        self.send_response(200 if self.path == "/alive" else 403)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on a test's terminal."""


@pytest.mark.parametrize(("path", "there"), [("/alive", True), ("/other", False)])
def test_a_page_that_is_served_answers(path: str, there: bool) -> None:
    with HTTPServer((HOST, 0), Alive) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        assert page_answers(server.server_port, path) is there
        serving.join()


def test_a_process_that_only_listens_does_not_answer() -> None:
    with socket.create_server((HOST, 0)) as silent:
        assert not page_answers(silent.getsockname()[1], "/alive", patience=0.1)
        port = silent.getsockname()[1]
    assert not page_answers(port, "/alive", patience=0.1)
