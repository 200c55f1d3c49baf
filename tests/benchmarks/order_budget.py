"""What an order costs by stage: the code of engine and paper venue in this process, without a server or a socket.

Processor time of market orders that come in frames, as they do on a busy desk; the lower quartile of many frames,
because others use the machine too. What the processes spend beside it on sockets and waking up, `sustained` shows.
"""

from __future__ import annotations

import gc
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from execution.services.collector import collect_seldom
from execution.services.venue_host import VenueHost
from tests.benchmarks.report import Result, percentile, plain
from tests.benchmarks.workshop import BOOK, Workshop, quick_venue
from toolkit.adapters import codec
from toolkit.adapters.clock import mono_time, wall_time
from toolkit.adapters.mirror import Mirror
from toolkit.domain.commands import Envelope, RunnerAnswer
from toolkit.domain.events import Batch, OrderFilled
from toolkit.domain.intents import PlaceOrder
from toolkit.domain.orders import OrderType, Side
from toolkit.domain.ports import Head
from toolkit.domain.requests import VenueReport
from toolkit.domain.time import NANOSECONDS, Now
from toolkit.engine.messages import Message
from toolkit.engine.transaction import Transaction

ORDERS, FRAMES, WARM_UP = 50, 300, 30
STRATEGY, SYMBOLS = "bench", 5


def run() -> list[Result]:
    folder = Path(tempfile.mkdtemp(prefix="qd-bench-"))
    try:
        spent = _Desk(folder).measure()
    finally:
        shutil.rmtree(folder)
    stages = {name: percentile(frames[WARM_UP:], 25) / 1000 / ORDERS for name, frames in spent.items()}
    for who in ("engine", "venue"):
        stages[f"{who}, all of it"] = sum(value for name, value in stages.items() if name.startswith(f"{who}: "))
    return [plain(f"order budget, {name}", value, "µs/order") for name, value in stages.items()]


class _Desk:
    """Engine, journal's bytes and venue, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._shop = Workshop(symbols=SYMBOLS, strategies=[STRATEGY])
        self._host = VenueHost(quick_venue(), self._shop.master, folder / "venue", durable=False, wall=wall_time)
        self._host.venue = self._shop.venue
        self._mirror = Mirror(folder / "mirror", durable=False)
        self._head = Head(0, b"")
        self._number = 1  # the runner's hello
        self._spent: dict[str, list[float]] = {}

    def measure(self) -> dict[str, list[float]]:
        """Nanoseconds of each stage, frame by frame, with the collector as in the processes themselves."""
        before = gc.get_threshold()
        collect_seldom()
        for _ in range(FRAMES):
            for spent in self._spent.values():
                spent.append(0)
            self._shop.time += 2 * NANOSECONDS  # past the window of duplicates
            self._shop.quote()
            self._frame()
        gc.unfreeze()
        gc.set_threshold(*before)
        return self._spent

    def _frame(self) -> None:
        said = [codec.encode(self._command()) for _ in range(ORDERS)]
        with self._stage("engine: read"):
            commands = [codec.decode_envelope(command) for command in said]
        with self._stage("engine: decide"):
            decided = self._take(commands)
        self._commit(decided)
        with self._stage("engine: line"):
            frame = codec.encode_line(tuple(decided.requests))
        answer = self._at_the_venue(frame)
        with self._stage("engine: line"):
            reports = codec.decode_from_venue(answer)
        with self._stage("engine: book"):
            booked = self._take([report for report in reports if isinstance(report, VenueReport)])
        self._commit(booked)
        fills = sum(isinstance(event, OrderFilled) for event in booked.events)
        assert fills == ORDERS, f"{fills} of {ORDERS} orders were filled"

    def _take(self, messages: Sequence[Message]) -> Transaction:
        engine = self._shop.engine
        transaction = engine.begin(self._now())
        for message in messages:
            engine.take(transaction, self._now(), message)
        return transaction

    def _commit(self, decided: Transaction) -> None:
        batch = Batch(
            book=BOOK, schema=codec.SCHEMA, epoch=1, first=self._head.sequence + 1, previous=self._head.digest,
            step=self._shop.step, wall=wall_time(), events=tuple(decided.events),
        )  # fmt: skip
        with self._stage("engine: journal's bytes"):
            sealed = codec.seal(batch)
        with self._stage("engine: inbox's bytes"):
            codec.encode_inbox(decided.inbox[STRATEGY])
        with self._stage("engine: mirror"):
            self._mirror.write(sealed, decided.inbox)
        self._head = Head(sealed.last, sealed.digest)

    def _at_the_venue(self, frame: bytes) -> bytes:
        raws = msgspec.msgpack.decode(frame, type=tuple[msgspec.Raw, ...])
        with self._stage("venue: line"):
            requests = codec.decode_to_venue(frame)
        with self._stage("venue: match"):
            answers = [self._host.take(1, "engine", one, raw) for one, raw in zip(requests, raws, strict=True)]
        with self._stage("venue: ledger"):
            self._host.commit()
        with self._stage("venue: line"):
            return codec.encode_line(tuple(report for answer in answers for report in answer.reports))

    def _command(self) -> Envelope:
        self._number += 1
        order = PlaceOrder(
            intent_id=f"budget.{self._number}",
            instrument=self._shop.master[self._number % SYMBOLS].symbol,
            side=Side.BUY,
            quantity=1 + self._number % 97,
            order_type=OrderType.MARKET,
            reason="benchmark",
        )
        body = RunnerAnswer(strategy=STRATEGY, step=self._shop.step, inbox=self._number, intents=(order,))
        return Envelope(producer=STRATEGY, incarnation=1, number=self._number, body=body)

    def _now(self) -> Now:
        return Now(self._shop.engine.view.time, wall_time(), mono_time())

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        frames = self._spent.setdefault(name, [0])
        began = time.process_time_ns()
        yield
        frames[-1] += time.process_time_ns() - began
