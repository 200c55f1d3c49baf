"""A server that somebody else runs, named by URL: the same checks, the same journal, also over TCP on loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.journal_kit import chain, end_of
from toolkit.adapters.blocking_redis import BlockingLine
from toolkit.adapters.clock import mono_time
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.server_binary import find_server
from toolkit.adapters.server_checks import Durability, check_bus_server, check_journal_server
from toolkit.domain.errors import ConfigError, TransportError

pytestmark = pytest.mark.integration


@pytest.fixture
def external(tmp_path: Path) -> Iterator[ServerAddress]:
    """A server as it comes out of the box: no durability, one password, a port on loopback."""
    child, address = started(tmp_path)
    yield address
    child.kill()
    child.wait()


def started(folder: Path) -> tuple[subprocess.Popen[bytes], ServerAddress]:
    """One that answers; who finds that somebody else took its port ends, and the next has another."""
    while True:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--requirepass", "secret"]
        child = subprocess.Popen(
            [find_server(), *options, "--save", ""], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        address = ServerAddress(f"redis://127.0.0.1:{port}/0", None, "secret")
        while child.poll() is None:
            try:
                ask(address, "PING")
            except TransportError:
                time.sleep(0.01)
            else:
                return child, address


def ask(address: ServerAddress, *words: str) -> None:
    with BlockingLine(address) as line:
        line.ask(*words)


async def test_a_server_is_refused_until_it_keeps_what_the_class_promises(external: ServerAddress) -> None:
    with pytest.raises(ConfigError, match="appendonly yes") as refusal:
        check_journal_server(external, Durability.MACHINE)
    assert "everysec" in str(refusal.value)
    check_bus_server(external)
    ask(external, "CONFIG", "SET", "appendonly", "yes")
    ask(external, "CONFIG", "SET", "appendfsync", "always")
    check_journal_server(external, Durability.MACHINE)
    ask(external, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(ConfigError, match="noeviction"):
        check_journal_server(external, Durability.MACHINE)


async def test_a_journal_works_over_tcp(external: ServerAddress) -> None:
    journal = RedisJournal(external, "paper", mono=mono_time)
    lease = await journal.acquire("first")
    assert lease is not None
    for batch in chain(2):
        await journal.append(lease, batch, {})
    assert await journal.head() == end_of(chain(2)[-1])
    await journal.close()


async def test_a_wrong_password_is_a_mistake_of_configuration(external: ServerAddress) -> None:
    wrong = external._replace(password="guess")
    journal = RedisJournal(wrong, "paper", mono=mono_time)
    with pytest.raises(ConfigError, match="user, password"):
        await journal.head()
    with pytest.raises(ConfigError):
        check_journal_server(wrong, Durability.PROCESS)
    await journal.close()


async def test_nobody_there_is_a_transport_error() -> None:
    journal = RedisJournal(ServerAddress("redis://127.0.0.1:1/0"), "paper", mono=mono_time)
    with pytest.raises(TransportError, match="read the head"):
        await journal.head()
    await journal.close()
