"""How many orders a second a whole desk sustains: open loop, journal on, until p99 or the queue says that it is enough.

Orders leave when they are due, whether or not the ones before are answered. A rate is sustained when the 99th
percentile from the moment an order was due to its fill in the strategy's inbox stays within the limit, and nothing is
open a second after the last one. Servers, engine and venue are processes of their own; this one is the strategy's.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import uvloop

from tests.benchmarks.bench_desk import STRATEGY, bench_desk
from tests.benchmarks.order_path import answer, desk_client, stages_of
from tests.benchmarks.report import Result, at_least, percentile, plain
from tests.tools.desk_kit import DeskKit
from toolkit.adapters import codec, keys
from toolkit.adapters.clock import mono_time
from toolkit.adapters.command_sender import STREAM_LENGTH
from toolkit.adapters.redis_connection import RedisLine
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_access import ServerRole
from toolkit.domain.commands import Envelope
from toolkit.domain.inbox import FillBooked, OrderChanged
from toolkit.domain.orders import Status

GOAL, P99_MS = 20_000, 30.0
FIRST_RATE, LARGEST_RATE = 1_000, 64_000
SECONDS, PATIENCE, PATIENCE_OF_LINE, TICK = 3.0, 1.0, 30.0, 0.001
FINENESS = 1.1
CLOCK_TICK = os.sysconf("SC_CLK_TCK")


class Offered(NamedTuple):
    """What became of one rate. Latencies in milliseconds; `spent` is processor time in µs an order, by process."""

    rate: float
    done: bool
    p50: float
    p99: float
    spent: Mapping[str, float]

    @property
    def sustained(self) -> bool:
        return self.done and self.p99 <= P99_MS


def run() -> list[Result]:
    return uvloop.run(_measure())


async def _measure() -> list[Result]:
    async with bench_desk("process") as kit, desk_client(kit) as client:
        await client.block(300)
        strategy = _Strategy(kit, client.incarnation, client.number, client.read)
        gc.collect()
        gc.freeze()
        best = await _highest(strategy)
        before = (await kit.line.head()).sequence
        await strategy.offer(best.rate)
        await strategy.close()
        stages = await stages_of(kit, before)
        gc.unfreeze()
    return [
        at_least("sustained orders, open loop", best.rate, "orders/s", GOAL),
        plain("sustained orders: p50", best.p50, "ms"),
        plain("sustained orders: p99", best.p99, "ms"),
        *(plain(f"sustained orders: processor, {name}", value, "µs/order") for name, value in best.spent.items()),
        *(plain(f"sustained orders, stage: {name}", value, "µs") for name, value in stages.items()),
    ]


async def _highest(strategy: _Strategy) -> Offered:
    """Double the rate while it is sustained, then halve the interval down to a tenth. AssertionError when none is."""
    best: Offered | None = None
    rate, too_much = float(FIRST_RATE), float("inf")
    while rate <= LARGEST_RATE and (best is None or too_much / best.rate > FINENESS):
        found = await strategy.offer(rate)
        if not found.sustained:  # once more: a machine that others use too has bad seconds
            found = await strategy.offer(rate)
        print(f"  {rate:>8,.0f} orders/s: p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms", flush=True)
        if found.sustained:
            best = found
        else:
            too_much = rate
        rate = 2 * rate if too_much == float("inf") else ((best.rate if best else 0) + too_much) / 2
        assert rate > 50, "not even 50 orders/s are sustained"
    assert best is not None
    return best


class _Strategy:
    """The strategy's side: sends what is due, reads the inbox, keeps the time of each order."""

    def __init__(self, kit: DeskKit, incarnation: int, number: int, read: int) -> None:
        self._kit = kit
        self._incarnation = incarnation
        self._number = number
        self._read = read
        address = kit.line.runner_address(ServerRole.JOURNAL, STRATEGY)
        book = kit.settings.desk.book
        self._journal = RedisJournal(address, book, mono=mono_time, reply_seconds=PATIENCE_OF_LINE)
        self._line = RedisLine(address, reply_seconds=PATIENCE_OF_LINE)
        self._key = keys.commands(book, STRATEGY)
        self._due: dict[int, float] = {}
        self._latencies: list[float] = []
        self._refused = ""

    async def offer(self, rate: float) -> Offered:
        """Orders at `rate` for a while; what is still open afterwards is waited for before this returns."""
        self._latencies = []
        count = int(rate * SECONDS)
        reading = asyncio.create_task(self._hear())
        spent = self._processor_time()
        sent = await self._send(rate, count, time.perf_counter() + 0.05)
        done = await self._answered(sent, PATIENCE) and sent == count
        spent = {name: 1e6 * (used - spent[name]) / sent for name, used in self._processor_time().items()}
        if not done:
            assert await self._answered(sent, 60.0), (
                f"{len(self._due)} of {sent} orders are never filled. {self._refused}"
            )
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        milliseconds = [1_000 * seconds for seconds in self._latencies]
        return Offered(rate, done, percentile(milliseconds, 50), percentile(milliseconds, 99), spent)

    async def close(self) -> None:
        await self._line.close()
        await self._journal.close()

    async def _send(self, rate: float, count: int, began: float) -> int:
        """What gathered during one round trip leaves with the next, as from a runner. Returns how many left.

        Stops when more are open than may wait for an engine: no runner goes on then either.
        """
        sent = 0
        while sent < count and len(self._due) < STREAM_LENGTH // 2:
            due = min(count, max(0, int((time.perf_counter() - began) * rate)))
            if commands := [self._command(began + place / rate) for place in range(sent, due)]:
                refused = [reply for reply in await self._line.ask_all(commands) if isinstance(reply, Exception)]
                assert not refused, f"the server refuses commands: {refused[0]}"
            sent = due
            await asyncio.sleep(TICK)
        return sent

    def _command(self, due: float) -> tuple[str | bytes | int, ...]:
        self._number += 1
        self._due[self._number] = due
        body = answer(self._number, self._read)
        envelope = Envelope(producer=STRATEGY, incarnation=self._incarnation, number=self._number, body=body)
        identifier = f"{self._incarnation}-{self._number}"
        return "XADD", self._key, "MAXLEN", "~", STREAM_LENGTH, identifier, "b", codec.encode(envelope)

    async def _hear(self) -> None:
        while True:
            entries = await self._journal.inbox(STRATEGY, self._read, 1000)
            now = time.perf_counter()
            for entry in entries:
                if type(entry.item) is FillBooked:
                    number = int(entry.item.intent_id.rpartition(".")[2])
                    self._latencies.append(now - self._due.pop(number))
                elif type(entry.item) is OrderChanged and entry.item.status in (Status.DENIED, Status.REJECTED):
                    self._refused = entry.item.reason
            if entries:
                self._read = entries[-1].number

    async def _answered(self, count: int, patience: float) -> bool:
        deadline = time.perf_counter() + patience
        while len(self._latencies) < count and time.perf_counter() < deadline:
            await asyncio.sleep(0.005)
        return len(self._latencies) == count

    def _processor_time(self) -> dict[str, float]:
        """Seconds of user and system time so far, by process."""
        pids = {name: process.pid for name, process in self._kit.processes.items()}
        if (server := self._kit.line.servers.identity(ServerRole.JOURNAL)) is not None:
            pids["journal server"] = server.pid
        used = {name: _used(pid) for name, pid in pids.items()}
        return used | {"strategy (the benchmark)": time.process_time()}


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICK
