"""One start of an engine as far as its ledger, in this process: plan on standard input, what it took on the output."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Any, cast

import msgspec
import uvloop

from execution.services.engine_parts import EngineParts, EnginePlan
from execution.services.engine_recovery import recover_ledger
from execution.wiring.engine import BookSnapshots, WireCodec
from tests.benchmarks.workshop import BOOK, DESK, USD, VENUE
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.head_seen import HeadSeen
from toolkit.adapters.mirror import Mirror
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_address import ServerAddress
from toolkit.domain.market import FeedMode
from toolkit.engine.router_settings import NO_RULES

NOT_NEEDED = cast(Any, None)
UNITS_PER_MB = 1_000_000 if sys.platform == "darwin" else 1_000


class RecoveryPlan(msgspec.Struct, frozen=True, kw_only=True):
    journal: tuple[str, str | None, str | None]
    folder: str
    from_snapshot: bool = True


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of `recover_ledger` by the wall and of this processor, its ledger's digest, the process's most memory."""

    seconds: float
    processor: float
    digest: str
    megabytes: float


async def recover(plan: RecoveryPlan) -> Recovered:
    folder, clock = Path(plan.folder), SystemClock()
    journal = RedisJournal(ServerAddress(*plan.journal), BOOK, mono=clock.mono, lease_seconds=60, reply_seconds=30)
    parts = parts_of(journal, folder, plan, clock)
    lease = await journal.acquire("benchmark")
    assert lease is not None, "somebody else holds the book"
    began, busy = time.perf_counter(), time.process_time()
    ledger = await recover_ledger(parts, engine_plan(), lease)
    seconds, processor = time.perf_counter() - began, time.process_time() - busy
    await journal.release(lease)
    await journal.close()
    return Recovered(
        seconds=seconds,
        processor=processor,
        digest=ledger.digest(),
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNITS_PER_MB,
    )


def parts_of(journal: RedisJournal, folder: Path, plan: RecoveryPlan, clock: SystemClock) -> EngineParts:
    """What recovery takes of an engine."""
    return EngineParts(
        journal=journal,
        bus=NOT_NEEDED,
        bank=NOT_NEEDED,
        budgets=NOT_NEEDED,
        venues={},
        mirror=Mirror(folder / f"mirror-{plan.from_snapshot}", durable=False),
        seen=HeadSeen(folder / f"head-{plan.from_snapshot}"),
        snapshots=BookSnapshots(folder / ("snapshots" if plan.from_snapshot else "none")),
        archive=NOT_NEEDED,
        lifeboat=NOT_NEEDED,
        beat_file=NOT_NEEDED,
        codec=WireCodec(),
        clock=clock,
        reach=lambda _: None,
        owner="benchmark",
        host="",
        pid=0,
    )


def engine_plan() -> EnginePlan:
    return EnginePlan(
        book=BOOK,
        desk=DESK,
        base_currency=USD.code,
        valuations=(),
        exchange_rates=(),
        currencies=(USD,),
        venues=(VENUE,),
        abilities={},
        router=NO_RULES,
        strategies=(),
        feed_mode=FeedMode.FREE,
        lease_seconds=60,
        quarantine_seconds=1,
        snapshot_every=50_000,
        first_step=0,
        history_steps=0,
        beat_seconds=1,
    )


if __name__ == "__main__":
    done = uvloop.run(recover(msgspec.json.decode(sys.stdin.buffer.read(), type=RecoveryPlan)))
    sys.stdout.buffer.write(msgspec.json.encode(done))
