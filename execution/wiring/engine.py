"""The engine's process: `python -m execution.wiring.engine --home HOME`; pairs its ports with adapters and runs it."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence

import uvloop

from execution.child import ExitCode, explain, read_secret, when_told_to_stop
from execution.home import Home, find_home
from execution.services.engine import EngineService
from execution.services.engine_parts import EngineParts, EnginePlan
from execution.settings import Settings, read_running
from execution.wiring.sample import sample_feed
from toolkit.adapters import codec, failpoints
from toolkit.adapters.archived_history import ArchivedHistory
from toolkit.adapters.beat_file import BeatFile
from toolkit.adapters.budget_places import FOLDER, Budgets
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.head_seen import HeadSeen
from toolkit.adapters.latch import Latch
from toolkit.adapters.lifeboat import Lifeboat
from toolkit.adapters.mirror import Mirror
from toolkit.adapters.paper_venue import PaperVenueLine
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.snapshots import Snapshot, SnapshotStore
from toolkit.adapters.sockets import socket_path
from toolkit.domain.errors import ExecutionError, Fenced, JournalGone
from toolkit.domain.market import FeedMode
from toolkit.domain.ports import Head
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.lifeboat import LeftFlatten
from toolkit.simulation.fees import fee_valuations

USER = "engine"
FREE_HISTORY = 5_000
PATIENCE_PER_LEASE = 4  # a server that hangs is given up while there is time left to cancel what rests


class WireCodec:
    """The codec as one object."""

    schema = codec.SCHEMA
    seal = staticmethod(codec.seal)
    open_batch = staticmethod(codec.open_batch)
    encode_step = staticmethod(codec.encode)


class BookLifeboat(Lifeboat):
    """The lifeboat with the view that recovery needs."""

    def orders(self) -> Sequence[str]:
        return tuple(entry.cancel.order_id for entry in self.cancels)

    def left(self) -> Sequence[LeftFlatten]:
        return tuple(LeftFlatten(entry.order, entry.wall, entry.who, entry.reason) for entry in self.flattens)


class BookSnapshots(SnapshotStore):
    """The snapshot store with the verb that the writer needs."""

    def keep(self, book: str, fold_version: int, head: Head, state: bytes) -> None:
        self.save(
            Snapshot(book=book, fold_version=fold_version, sequence=head.sequence, digest=head.digest, state=state)
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the exit code."""
    options = _options().parse_args(arguments)
    try:
        home = find_home(options.home)
        uvloop.run(trade(home, read_running(home.root), read_secret()))
    except Fenced as problem:
        explain(problem)
        return ExitCode.FENCED
    except JournalGone as problem:
        explain(problem)
        return ExitCode.JOURNAL_GONE
    except ExecutionError as problem:
        return explain(problem)
    return ExitCode.DONE


async def trade(home: Home, settings: Settings, password: str) -> None:
    """Hold the desk's book until told to stop."""
    clock = SystemClock()
    plan = plan_of(settings)
    addresses = {
        role: ServerAddress(f"unix://{socket_path(home.run, role.value)}", USER, password) for role in ServerRole
    }
    journal = RedisJournal(
        addresses[ServerRole.JOURNAL],
        plan.book,
        mono=clock.mono,
        lease_seconds=plan.lease_seconds,
        margin_seconds=settings.desk.engine.send_margin_seconds,
        reply_seconds=(plan.lease_seconds - settings.desk.engine.send_margin_seconds) / PATIENCE_PER_LEASE,
    )
    bus = RedisBus(addresses[ServerRole.BUS], plan.book)
    files = home.book(plan.book)
    latch = Latch(files / "latch")
    venues = {
        name: PaperVenueLine(socket_path(home.run, f"venue-{name}"), f"engine {os.getpid()}", latch, clock.mono)
        for name in plan.venues
    }
    parts = EngineParts(
        journal=journal,
        bus=bus,
        bank=bus,
        budgets=Budgets.publish(socket_path(home.run, "venue").parent / FOLDER, settings.budgets),
        venues=venues,
        mirror=Mirror(files / "mirror", durable=settings.desk.servers.durability != "process"),
        seen=HeadSeen(files / "head"),
        snapshots=BookSnapshots(files / "snapshots"),
        archive=ArchivedHistory(home.archive(plan.book), plan.book),
        lifeboat=BookLifeboat(files / "lifeboat"),
        beat_file=BeatFile(files / "engine-beat"),
        codec=WireCodec(),
        clock=clock,
        reach=failpoints.from_environment(),
        owner=f"{platform.node()} {os.getpid()}",
        host=platform.node(),
        pid=os.getpid(),
    )
    service = EngineService(parts, plan)
    when_told_to_stop(service.stop, in_order=service.told_in_order)
    try:
        await service.run()
    finally:
        for venue in venues.values():
            venue.close()
        await journal.close()
        await bus.close()


def plan_of(settings: Settings) -> EnginePlan:
    """What the desk's files say about its engine."""
    desk = settings.desk
    first_step, history_steps = _span(settings)
    return EnginePlan(
        book=desk.book,
        desk=desk.code,
        base_currency=desk.base_currency,
        currencies=settings.currencies,
        venues=tuple(settings.venues),
        abilities={name: able for venue in settings.venues.values() for name, able in venue.abilities.items()},
        router=settings.router,
        strategies=tuple(name for name, row in settings.strategies.items() if row.enabled),
        valuations=tuple(
            dict.fromkeys(value for venue in settings.venues.values() for value in fee_valuations(venue.fees))
        ),
        exchange_rates=settings.exchange_rates,
        feed_mode=desk.feed.mode,
        lease_seconds=desk.engine.lease_seconds,
        quarantine_seconds=desk.engine.quarantine_seconds,
        reconcile_seconds=desk.engine.reconcile_seconds,
        snapshot_every=desk.engine.snapshot_every,
        first_step=first_step,
        history_steps=history_steps,
        beat_seconds=desk.supervision.beat_seconds,
        dead_man={
            name: dead_man.after / NANOSECONDS
            for name, venue in settings.venues.items()
            if (dead_man := venue.own_dead_man) is not None
        },
    )


def _span(settings: Settings) -> tuple[int, int]:
    """After which step a new book trades, and how many before the book's step rebuild the View."""
    feed = settings.desk.feed
    if settings.feed is not None:  # nothing is on the bus but what came since the start
        return 0, 0
    if feed.mode is FeedMode.FREE:
        return 0, FREE_HISTORY
    sample = sample_feed(feed, settings.instruments)
    return sample.last_step(feed.first_session), sample.last_step(feed.history_sessions)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="execution.wiring.engine", description=__doc__)
    parser.add_argument("--home", required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
