"""The archiver's process: `python -m execution.wiring.archiver --home HOME`; pairs its ports with adapters."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import uvloop

from execution.child import explain, read_secret, when_told_to_stop
from execution.home import Home, find_home
from execution.services.archiver import Archiver, ArchiverParts, ArchiverPlan
from execution.settings import Settings, read_running
from toolkit.adapters import codec
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.journal_archive import JournalArchive
from toolkit.adapters.operations_log import OperationsLog
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.snapshots import SnapshotStore
from toolkit.adapters.sockets import socket_path
from toolkit.domain.beats import Beat
from toolkit.domain.errors import ExecutionError, TransportError
from toolkit.domain.ledger import FOLD_VERSION

PROCESS = "archiver"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="execution.wiring.archiver", description=__doc__)
    parser.add_argument("--home", required=True)
    options = parser.parse_args(arguments)
    try:
        home = find_home(options.home)
        uvloop.run(archive(home, read_running(home.root), read_secret()))
    except ExecutionError as problem:
        return explain(problem)
    return 0


async def archive(home: Home, settings: Settings, password: str) -> None:
    """Keep the desk's journal for good until told to stop."""
    book, clock = settings.desk.book, SystemClock()
    address = {
        role: ServerAddress(f"unix://{socket_path(home.run, role.value)}", PROCESS, password) for role in ServerRole
    }
    journal = RedisJournal(address[ServerRole.JOURNAL], book, mono=clock.mono)
    operations = OperationsLog(address[ServerRole.JOURNAL], book)
    bus = RedisBus(address[ServerRole.BUS], book)
    snapshots = SnapshotStore(home.book(book) / "snapshots")

    def snapshot() -> int:
        newest = snapshots.newest(book, FOLD_VERSION)
        return 0 if newest is None else newest.sequence

    async def note(kind: str, **detail: str) -> None:
        await operations.write(kind, PROCESS, clock.wall(), **detail)

    async def beat(state: str, event: int) -> None:
        with suppress(TransportError):
            await bus.beat(Beat(process=PROCESS, pid=os.getpid(), wall=clock.wall(), state=state, step=event))

    parts = ArchiverParts(
        journal=journal,
        archive=JournalArchive(home.archive(book), book),
        open_batch=codec.open_batch,
        snapshot=snapshot,
        wall=clock.wall,
        note=note,
        beat=beat,
    )
    rules = settings.desk.archive
    plan = ArchiverPlan(part_events=rules.part_events, part_seconds=rules.part_seconds, trims=rules.trim)
    archiver = Archiver(parts, plan)
    when_told_to_stop(archiver.stop)
    try:
        await archiver.run()
    finally:
        for line in (journal, operations, bus):
            await line.close()


if __name__ == "__main__":
    sys.exit(main())
