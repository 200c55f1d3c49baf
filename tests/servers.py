"""Real servers for tests: one pair for the whole session with a book of its own for each test, or a pair to break."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.server_checks import Durability

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Server:
    """A running server and the ways in, as the users of a desk."""

    servers: EmbeddedServers
    role: ServerRole

    def address(self, user: str = "engine") -> ServerAddress:
        return self.servers.address(self.role, user)

    @property
    def pid(self) -> int:
        identity = self.servers.identity(self.role)
        assert identity is not None, f"the {self.role} server of this test does not run"
        return identity.pid


def make_servers(
    home: Path, durability: Durability = Durability.PROCESS, books: tuple[str, ...] = ("*",)
) -> EmbeddedServers:
    """A pair of servers in a folder, not started. Their users may use every book unless told otherwise."""
    return EmbeddedServers(
        home / "run",
        home / "servers",
        home / "logs",
        books=books,
        strategies=("trend", "reversion"),
        durability=durability,
    )


@pytest.fixture(scope="session")
def shared_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServers]:
    """One pair for all tests that do not break it."""
    servers = make_servers(tmp_path_factory.mktemp("servers"))
    servers.start()
    yield servers
    servers.stop()


@pytest.fixture
def journal_server(shared_servers: EmbeddedServers) -> Server:
    """The shared journal server; use it with a `book` of your own."""
    return Server(shared_servers, ServerRole.JOURNAL)


@pytest.fixture
def bus_server(shared_servers: EmbeddedServers) -> Server:
    """The shared bus server; use it with a `book` of your own."""
    return Server(shared_servers, ServerRole.BUS)


@pytest.fixture
def book() -> str:
    """A name of a book that no other test uses."""
    return f"book{next(_numbers)}"


@pytest.fixture
def start_servers(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServers]]:
    """Starts pairs of servers that a test may kill, pause or fill; ended whatever became of them."""
    started: list[EmbeddedServers] = []

    def start(durability: Durability = Durability.PROCESS) -> EmbeddedServers:
        servers = make_servers(tmp_path / f"pair{len(started)}", durability)
        started.append(servers)
        servers.start()
        return servers

    yield start
    for servers in started:
        servers.stop()
