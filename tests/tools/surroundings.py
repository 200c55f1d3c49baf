"""What a watched desk stands on: a home with two servers, rules for this machine's disk, and how processes are seen."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Final, Self

import msgspec
import pytest

from execution.services.live_listener import FeedHealth
from execution.settings import read_settings
from execution.wiring import desk_facts
from tests.tools.desk_kit import is_stopped, make_home
from tests.tools.watched_core import BEGIN, shipped
from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.process_identity import identify
from toolkit.client import watching
from toolkit.monitoring.rules import Rule

MEGABYTE: Final = 2**20
DISK_LOW: Final = 256 * MEGABYTE
"""So much less is left than at first: a test that left no more than the shipped gigabytes would have to write many."""
DISK_NOISE: Final = DISK_LOW // 2
"""What others who use this disk may free meanwhile."""
PATIENCE: Final = 60.0
"""Seconds; of a machine that does much else, servers and processes take longer than a desk would wait."""


class Surroundings:
    """A desk's home and its two servers, for many stories one after the other; each has a book of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = make_home(folder)
        self.settings = read_settings(folder)
        self.servers = EmbeddedServers(self.home.run, self.home.servers, self.home.logs, books=("*",))
        self.loop = asyncio.new_event_loop()
        self.books = (f"book{number}" for number in itertools.count(1))
        self._patience = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        for module in (desk_facts, watching):
            self._patience.setattr(module, "PATIENCE", PATIENCE)
        self.servers.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.servers.stop()
        self.loop.close()
        self._patience.undo()


def rules_of_disk(low: int) -> tuple[Rule, ...]:
    """The shipped ones, with other thresholds for this disk: what is low, and what is `DISK_LOW` less."""
    thresholds = {"disk_low": low, "disk_full": low - DISK_LOW}
    return tuple(
        _with_threshold(rule, thresholds[rule.name]) if rule.name in thresholds else rule
        for rule in shipped().plan.rules
    )


def _with_threshold(rule: Rule, threshold: float) -> Rule:
    clear = threshold + DISK_NOISE
    watches = (msgspec.structs.replace(watch, threshold=threshold, clear=clear) for watch in rule.watches)
    return msgspec.structs.replace(rule, watches=tuple(watches))


def health(late: float, stale: tuple[str, ...]) -> FeedHealth:
    return FeedHealth(
        feed="story", path="a story", state="running", since=BEGIN, step=1, reconnects=0, lateness_ms=late, quotes=1,
        trades=0, conflated=0, waiting=0, gaps=0, snapshots=0, books_pending=0, problems=0, stale=stale,
        last_problem="",
    )  # fmt: skip


def is_at_work(pid: int) -> bool:
    """Whether a process runs, and no signal has stopped it."""
    if sys.platform.startswith("linux"):  # several times a look: quicker than asking `ps`
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "TtZX"
        except OSError:
            return False
    return identify(pid) is not None and not is_stopped(pid)


def take(file: FileIO, size: int) -> None:
    """More room on the disk, without a byte to write where the system knows how."""
    at = file.seek(0, os.SEEK_END)
    if sys.platform == "linux":
        os.posix_fallocate(file.fileno(), at, size)
    else:
        file.write(bytes(size))
    file.seek(0, os.SEEK_END)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.002)
