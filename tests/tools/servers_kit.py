"""How tests hurt the two servers: kill, pause, and an administrator's line that no user of a desk has."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator

from toolkit.adapters.blocking_redis import BlockingLine
from toolkit.adapters.embedded_servers import BUS_MEMORY, EmbeddedServers
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.server_address import ServerAddress


def pid_of(servers: EmbeddedServers, role: ServerRole) -> int:
    """The process of a server that runs."""
    identity = servers.identity(role)
    assert identity is not None, f"the {role} server does not run"
    return identity.pid


def kill(servers: EmbeddedServers, role: ServerRole) -> None:
    """kill -9, and wait until it is gone."""
    os.kill(pid_of(servers, role), signal.SIGKILL)
    while servers.identity(role) is not None:
        time.sleep(0.001)


@contextlib.contextmanager
def paused(servers: EmbeddedServers, role: ServerRole) -> Iterator[None]:
    """A server that hears everything and answers nothing."""
    pid = pid_of(servers, role)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def administrator(
    servers: EmbeddedServers, role: ServerRole = ServerRole.JOURNAL, patience: float = 2.0
) -> Iterator[BlockingLine]:
    """A line that may do anything to a server, which no user of a desk may."""
    with BlockingLine(servers.address(role, "supervisor"), patience) as line:
        line.ask("ACL", "SETUSER", "admin", "on", ">admin", "~*", "&*", "+@all")
    with BlockingLine(ServerAddress(f"unix://{servers.socket(role)}", "admin", "admin"), patience) as line:
        yield line


@contextlib.contextmanager
def nearly_full(line: BlockingLine, room: int) -> Iterator[None]:
    """A bus server that may take `room` bytes more than it holds, and holds most of them already."""
    begun = taken(line)
    line.ask("CONFIG", "SET", "maxmemory", begun + room)
    while taken(line) < begun + room * 27 // 32:
        line.ask("RPUSH", "much", bytes(room // 64))
    try:
        yield
    finally:
        line.ask("DEL", "much")
        line.ask("CONFIG", "SET", "maxmemory", BUS_MEMORY)


def taken(line: BlockingLine) -> int:
    """What a server holds, in bytes."""
    return int(line.ask("INFO", "memory").partition(b"used_memory:")[2].split()[0])
