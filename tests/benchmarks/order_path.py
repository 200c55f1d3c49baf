"""Strategy → queue → risk → journal → venue → fill → strategy, one by one, beside the same hops without an engine."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import chain
from pathlib import Path
from statistics import median

import msgspec
import uvloop

from tests.benchmarks.bench_desk import STRATEGY, SYMBOLS, bench_desk
from tests.benchmarks.floor import BOOK, FloorPlan
from tests.benchmarks.report import Result, against, percentile, plain
from tests.tools.desk_kit import PROJECT, DeskKit
from toolkit.adapters import codec
from toolkit.adapters.clock import mono_time, wall_time
from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_access import ServerRole, runner_user
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.server_checks import Durability
from toolkit.domain.commands import Command, Envelope, RunnerAnswer, RunnerHello
from toolkit.domain.events import Batch, OrderAcknowledged, OrderFilled, OrderSubmitted
from toolkit.domain.inbox import FillBooked, InboxEntry, Restored
from toolkit.domain.intents import PlaceOrder
from toolkit.domain.orders import OrderType, Side
from toolkit.domain.requests import Acknowledged, Filled, SubmitOrder, VenueReport
from toolkit.domain.time import MonoTime

WARM_UP, BLOCKS, ORDERS = 300, 20, 100
P50, P99 = 1.5, 2.0
PATIENCE = 10.0
BESIDE_OTHERS = 200.0
"""Orders a second, where it is measured what others cost them."""


def run() -> list[Result]:
    process = uvloop.run(measure("process", BLOCKS))
    machine = uvloop.run(measure("machine", 5))
    return [
        against("order path p50", process.p50, "µs", process.floor_p50, P50),
        against("order path p99", process.p99, "µs", process.floor_p99, P99),
        against("order path p50, durable", machine.p50, "µs", machine.floor_p50),
        against("order path p99, durable", machine.p99, "µs", machine.floor_p99),
        *(plain(f"order path stage: {name}", value, "µs") for name, value in process.stages.items()),
    ]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds. p50 is the median of the blocks' own, p99 is taken over all orders of a kind."""

    p50: float
    p99: float
    floor_p50: float
    floor_p99: float
    stages: dict[str, float]


class Client:
    """A strategy's side of the queue: sends an answer with one order, waits for the fill in its inbox."""

    def __init__(self, journal: RedisJournal, body: Callable[[int, int], Command]) -> None:
        self.journal = journal
        self._body = body
        self.incarnation = int(wall_time())
        self.number = 0
        self.read = 0
        self.entries: list[InboxEntry] = []

    async def say(self, body: Command) -> None:
        self.number += 1
        await self.journal.send(
            Envelope(producer=STRATEGY, incarnation=self.incarnation, number=self.number, body=body)
        )

    async def hear(self, kind: type) -> None:
        """Read on until something of this kind stands in the inbox."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.entries = list(await self.journal.inbox(STRATEGY, self.read, 1000))
            if self.entries:
                self.read = self.entries[-1].number
            if any(isinstance(entry.item, kind) for entry in self.entries):
                return
        raise TimeoutError(f"no {kind.__name__} within {PATIENCE} s; last heard: {self.entries}")

    async def last_entries(self, count: int) -> Sequence[InboxEntry]:
        """The newest entries of the inbox."""
        return await self.journal.inbox(STRATEGY, self.read - count, 0)

    async def order(self) -> float:
        """One order from decision to fill, in seconds."""
        began = time.perf_counter()
        await self.say(self._body(self.number, self.read))
        await self.hear(FillBooked)
        return time.perf_counter() - began

    async def block(self, orders: int) -> list[float]:
        return [await self.order() for _ in range(orders)]

    async def due(self, orders: int, rate: float) -> list[float]:
        """Orders that are due one after another, so many a second, each timed from then: one that is late makes the
        next one wait, and that is counted.

        Back to back they would take both processors of a small machine for themselves, and anything at all beside them
        would be paid for: a loop of the idle class that touches nothing of the desk doubles their p99.
        """
        began, waited = time.perf_counter(), []
        for number in range(orders):
            due = began + number / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
                due = time.perf_counter()  # a timer's fineness is a millisecond, and no order's fault
            await self.order()
            waited.append(time.perf_counter() - due)
        return waited


async def measure(durability: str, blocks: int) -> Measured:
    """Blocks of orders, through the desk and through the floor in turns."""
    async with bench_desk(durability) as kit, desk_client(kit) as desk:
        await desk.block(WARM_UP)
        async with _floor_client(kit, desk, durability) as floor:
            await floor.block(WARM_UP)
            gc.collect()
            gc.freeze()
            ours: list[list[float]] = []
            theirs: list[list[float]] = []
            for _ in range(blocks):
                theirs.append(await floor.block(ORDERS))
                ours.append(await desk.block(ORDERS))
            gc.unfreeze()
        stages = await stages_of(kit, 0)
    return Measured(
        p50=1e6 * median(percentile(block, 50) for block in ours),
        p99=1e6 * percentile([*chain(*ours)], 99),
        floor_p50=1e6 * median(percentile(block, 50) for block in theirs),
        floor_p99=1e6 * percentile([*chain(*theirs)], 99),
        stages=stages,
    )


# ---- the desk's side


@contextlib.asynccontextmanager
async def desk_client(kit: DeskKit) -> AsyncIterator[Client]:
    """A runner of the desk that is heard."""
    address = kit.line.runner_address(ServerRole.JOURNAL, STRATEGY)
    journal = RedisJournal(address, kit.settings.desk.book, mono=mono_time)
    client = Client(journal, answer)
    deployment = kit.ledger.deployments[STRATEGY]
    await client.say(RunnerHello(strategy=STRATEGY, version=f"v{deployment.version}", digest=deployment.digest))
    await client.hear(Restored)
    try:
        yield client
    finally:
        await journal.close()


def answer(number: int, read: int) -> RunnerAnswer:
    """An entry that differs from its neighbours, so that it is no duplicate."""
    intent = PlaceOrder(
        intent_id=f"1.{read}.{number}",
        instrument=SYMBOLS[number % len(SYMBOLS)],
        side=Side.BUY,
        quantity=1 + number % 97,
        order_type=OrderType.MARKET,
        reason="benchmark",
    )
    return RunnerAnswer(strategy=STRATEGY, step=1, inbox=read, intents=(intent,))


# ---- the floor's side


async def _plan(kit: DeskKit, desk: Client, address: ServerAddress, socket: Path) -> FloorPlan:
    """What the last order of the desk left behind, to be said again by the floor."""
    (decided, submission), (booked, facts) = (await _batches(kit, 0))[-2:]
    submitted = next(event for event in submission.events if isinstance(event, OrderSubmitted))
    filled = next(event for event in facts.events if isinstance(event, OrderFilled))
    items = tuple(entry.item for entry in await desk.last_entries(4))
    return FloorPlan(
        journal=(address.url, address.username, address.password),
        socket=str(socket),
        producer=STRATEGY,
        decided=decided,
        decided_items=items[:1],
        request=_request(submitted),
        reports=_reports(filled),
        booked=booked,
        booked_items=items[1:],
    )


def _request(order: OrderSubmitted) -> SubmitOrder:
    return SubmitOrder(
        venue=order.venue,
        order_id=order.order_id,
        strategy=order.strategy,
        instrument=order.instrument,
        side=order.side,
        quantity=order.quantity,
        order_type=order.order_type,
        price=order.price,
        time_in_force=order.time_in_force,
        order_class=order.order_class,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        time=order.time,
        epoch=1,
        send_by=MonoTime(2**62),
    )


def _reports(fill: OrderFilled) -> tuple[VenueReport, ...]:
    acknowledged = Acknowledged(
        venue="paper",
        report=fill.report - 1,
        order_id=fill.order_id,
        venue_order_id=fill.venue_order_id,
        time=fill.time,
        wall=fill.wall,
    )
    filled = Filled(
        venue="paper",
        report=fill.report,
        order_id=fill.order_id,
        venue_order_id=fill.venue_order_id,
        execution_id=fill.execution_id,
        instrument=fill.instrument,
        side=fill.side,
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        liquidity=fill.liquidity,
        time=fill.time,
        wall=fill.wall,
    )
    return acknowledged, filled


@contextlib.asynccontextmanager
async def _floor_client(kit: DeskKit, desk: Client, durability: str) -> AsyncIterator[Client]:
    """Servers, engine and venue of the floor, in processes of their own."""
    folder = Path(tempfile.mkdtemp(prefix="qd-bench-"))
    servers = EmbeddedServers(
        folder / "run", folder / "servers", folder / "logs", books=("*",), strategies=(STRATEGY,),
        durability=Durability(durability),
    )  # fmt: skip
    processes: list[subprocess.Popen[bytes]] = []
    try:
        await asyncio.to_thread(servers.start)
        plan = await _plan(kit, desk, servers.address(ServerRole.JOURNAL, "engine"), folder / "venue.sock")
        path = folder / "plan"
        path.write_bytes(msgspec.msgpack.encode(plan))
        processes += [_launch("venue", path), _launch("engine", path)]
        journal = RedisJournal(servers.address(ServerRole.JOURNAL, runner_user(STRATEGY)), BOOK, mono=mono_time)
        try:
            yield Client(journal, answer)
        finally:
            await journal.close()
    finally:
        for process in processes:
            process.communicate(timeout=5)
        await asyncio.to_thread(servers.stop)
        shutil.rmtree(folder)


def _launch(role: str, plan: Path) -> subprocess.Popen[bytes]:
    """Start a process of the floor; it runs until its standard input closes."""
    process = subprocess.Popen(
        (sys.executable, "-m", "tests.benchmarks.floor", role, str(plan)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n", f"the floor's {role} did not start"
    return process


# ---- where the time goes


async def _batches(kit: DeskKit, after: int) -> list[tuple[bytes, Batch]]:
    journal = RedisJournal(kit.line.address(ServerRole.JOURNAL), kit.settings.desk.book, mono=mono_time)
    found = [(sealed.payload, codec.open_batch(sealed.payload)) async for sealed in journal.read(after)]
    await journal.close()
    return found


async def stages_of(kit: DeskKit, after: int) -> dict[str, float]:
    """Medians in µs from the times that stand in the journal, of the orders after an event."""
    decided: dict[str, tuple[int, int]] = {}
    found: dict[str, list[int]] = {}
    for _, batch in await _batches(kit, after):
        for event in batch.events:
            if isinstance(event, OrderSubmitted):
                decided[event.order_id] = (int(event.wall), int(batch.wall))
            elif isinstance(event, OrderAcknowledged) and event.order_id in decided:
                taken, sealed = decided[event.order_id]
                times = (taken, sealed, int(event.sent), int(event.wall), int(batch.wall))
                names = ("decide", "journal, mirror, send", "to the venue and matched", "back and booked")
                for name, begin, end in zip(names, times, times[1:], strict=False):
                    found.setdefault(name, []).append(end - begin)
    return {name: median(values) / 1000 for name, values in found.items()}
