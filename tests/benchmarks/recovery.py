"""The start of an engine after 10⁶ events: from a snapshot and the tail behind it, and from the first event."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median

import msgspec
import uvloop

from tests.benchmarks.recover import Recovered, RecoveryPlan
from tests.benchmarks.report import Result, at_least, at_most, plain
from tests.benchmarks.workshop import BOOK, DESK, Workshop
from tests.tools.desk_kit import PROJECT
from toolkit.adapters import codec, keys
from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.redis_connection import RedisLine
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.snapshots import Snapshot, SnapshotStore
from toolkit.domain.events import Batch, Event
from toolkit.domain.fold import apply_batch
from toolkit.domain.identifiers import order_id, order_number
from toolkit.domain.intents import CancelIntent, Intent, PlaceOrder
from toolkit.domain.ledger import FOLD_VERSION, Ledger
from toolkit.domain.orders import OrderType, Side
from toolkit.domain.ports import Sealed
from toolkit.domain.time import WallTime

EVENTS, TAIL, DECIDED = 1_000_000, 50_000, 60_000
STRATEGIES = ("alpha", "bravo", "charlie")
AT_ONCE = 500
STARTS = 3


def run() -> list[Result]:
    folder = Path(tempfile.mkdtemp(prefix="qd-bench-"))
    servers = EmbeddedServers(folder / "run", folder / "servers", folder / "logs", books=("*",))
    try:
        servers.start()
        address = servers.address(ServerRole.JOURNAL, "engine")
        events = uvloop.run(_fill_journal(address, folder))
        plan = RecoveryPlan(journal=(address.url, address.username, address.password), folder=str(folder))
        quick = [_recover(plan) for _ in range(STARTS)]
        whole = _recover(msgspec.structs.replace(plan, from_snapshot=False))
    finally:
        servers.stop()
        shutil.rmtree(folder)
    assert len({each.digest for each in (*quick, whole)}) == 1, "two ways of recovery, two ledgers"
    return [
        at_most("recovery after a million events, snapshot + tail", median(each.seconds for each in quick), "s", 1.0),
        at_least("full fold from the journal", events / whole.seconds, "events/s", 100_000),
        plain("full fold from the journal, of processor time", events / whole.processor, "events/s"),
        plain("full fold, memory of the process", whole.megabytes, "MB"),
    ]


def _recover(plan: RecoveryPlan) -> Recovered:
    """Once in a fresh process."""
    done = subprocess.run(
        (sys.executable, "-m", "tests.benchmarks.recover"),
        input=msgspec.json.encode(plan), capture_output=True, cwd=PROJECT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout, type=Recovered)


# ---- a journal of a million events


async def _fill_journal(address: ServerAddress, folder: Path) -> int:
    """A book's journal in the stream, and its snapshot in the folder; returns how many events there are.

    The engine decides the first part; the rest is that part again under later numbers, which the fold cannot tell.
    """
    shop = Workshop(symbols=20, strategies=STRATEGIES)
    line, ledger = RedisLine(address, reply_seconds=60.0), Ledger()
    waiting: list[Sealed] = []
    snapshot_at = EVENTS - TAIL
    for events in _history(shop):
        batch = _batch(shop, ledger, events)
        sealed = codec.seal(batch)
        apply_batch(ledger, batch, sealed.digest)
        waiting.append(sealed)
        if sealed.last >= snapshot_at:
            snapshot_at = 2 * EVENTS
            _keep_snapshot(ledger, folder)
        if len(waiting) == AT_ONCE or sealed.last >= EVENTS:
            await _append(line, waiting)
            waiting.clear()
        if sealed.last >= EVENTS:
            break
    await line.ask("HSET", keys.head(BOOK), "sequence", ledger.sequence, "digest", ledger.batch_digest, "epoch", 1)
    await line.close()
    return ledger.sequence


def _history(shop: Workshop) -> Iterator[list[Event]]:
    """Batches without end: the opening of the book once, then trading, then the same trading with later ids."""
    opening = len(shop.batches)
    answers, decided = _answers(shop), 0
    while decided < DECIDED:
        before = len(shop.batches)
        strategy, intents = next(answers)
        shop.answer(strategy, *intents)
        decided += sum(map(len, shop.batches[before:]))
    counts = shop.ledger.counts[STRATEGIES[0]]
    assert counts["fills"] > counts["orders"] / 2, f"the history is not one of trading: {counts}"
    yield from shop.batches
    orders, reports = shop.ledger.order_count, shop.venue.last_report
    for copy in count(1):
        for events in shop.batches[opening:]:
            yield [_later(event, copy, copy * orders, copy * reports) for event in events]


def _later(event: Event, copy: int, orders: int, reports: int) -> Event:
    """The same fact about a later order, so that nothing in it was seen before."""
    changes: dict[str, object] = {}
    for field in event.__struct_fields__:
        if field == "order_id":
            changes[field] = order_id(DESK, 1, order_number(getattr(event, field)) + orders)
        elif field == "report":
            changes[field] = getattr(event, field) + reports
        elif field in ("intent_id", "execution_id", "venue_order_id"):
            changes[field] = f"{getattr(event, field)}.{copy}"
        elif field == "number":
            changes[field] = getattr(event, field) + copy * DECIDED
    return msgspec.structs.replace(event, **changes)


def _keep_snapshot(ledger: Ledger, folder: Path) -> None:
    snapshot = Snapshot(
        book=BOOK, fold_version=FOLD_VERSION, sequence=ledger.sequence, digest=ledger.batch_digest,
        state=ledger.to_bytes(),
    )  # fmt: skip
    SnapshotStore(folder / "snapshots").save(snapshot)


async def _append(line: RedisLine, batches: list[Sealed]) -> None:
    key = keys.journal(BOOK)
    replies = await line.ask_all([("XADD", key, f"{batch.last}-0", "b", batch.payload) for batch in batches])
    assert not any(isinstance(reply, Exception) for reply in replies), replies


def _batch(shop: Workshop, ledger: Ledger, events: list[Event]) -> Batch:
    return Batch(
        book=BOOK, schema=codec.SCHEMA, epoch=1, first=ledger.sequence + 1, previous=ledger.batch_digest,
        step=shop.step, wall=WallTime(shop.time), events=tuple(events),
    )  # fmt: skip


def _answers(shop: Workshop) -> Iterator[tuple[str, tuple[Intent, ...]]]:
    """Market orders both ways, and orders that rest and are cancelled."""
    draw, number = random.Random(7), 0
    while True:
        number += 1
        strategy, symbol = draw.choice(STRATEGIES), draw.choice(shop.master).symbol
        side, quantity = draw.choice((Side.BUY, Side.SELL)), draw.randint(1, 500)
        if draw.random() < 0.75:
            order = PlaceOrder(
                intent_id=f"{number}", instrument=symbol, side=side, quantity=quantity, order_type=OrderType.MARKET
            )
            yield strategy, (order,)
            continue
        price = draw.randint(8_000, 9_000) if side is Side.BUY else draw.randint(11_000, 12_000)
        yield strategy, (
            PlaceOrder(
                intent_id=f"{number}", instrument=symbol, side=side, quantity=quantity, order_type=OrderType.LIMIT,
                price=price, reason="rests",
            ),
        )  # fmt: skip
        if draw.random() < 0.97:
            yield strategy, (CancelIntent(intent_id=f"{number}c", target=f"{number}"),)
