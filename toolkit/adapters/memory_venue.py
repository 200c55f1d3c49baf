"""The paper venue in our own process behind the same port as a real one: no socket, no file, no task."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from toolkit.adapters.send_gate import OpenFor, sort_out
from toolkit.domain.market import Step
from toolkit.domain.requests import OrderFound, OrderNotFound, VenueReport, VenueRequest, VenueState
from toolkit.domain.time import MonoTime


class Matching(Protocol):
    """What `toolkit.simulation.matching.PaperVenue` offers."""

    def process(self, message: VenueRequest | Step) -> tuple[VenueReport, ...]: ...

    def state(self) -> VenueState: ...


class MemoryVenue:
    """Every report is kept, for `replay`: meant for tests and short runs."""

    def __init__(self, matching: Matching, latch: OpenFor, mono: Callable[[], MonoTime]) -> None:
        self._matching = matching
        self._latch = latch
        self._mono = mono
        self._all: list[VenueReport] = []
        self._arrived: deque[VenueReport] = deque()
        self._news = asyncio.Event()

    async def send(
        self, requests: Sequence[VenueRequest], by_person: frozenset[str] = frozenset()
    ) -> Sequence[VenueRequest]:
        """Give the venue what may leave. Returns what may not."""
        may, dropped = sort_out(requests, self._latch, self._mono(), by_person)
        for request in may:
            self._say(self._matching.process(request))
        return dropped

    async def advance(self, step: Step) -> Sequence[VenueReport]:
        """Match the next step. All reports that nobody has fetched yet."""
        self._say(self._matching.process(step))
        return self._fetch()

    async def sync(self) -> Sequence[VenueReport]:
        """All reports that nobody has fetched yet."""
        return self._fetch()

    async def reports(self) -> AsyncIterator[VenueReport]:
        while True:
            while self._arrived:
                yield self._arrived.popleft()
            self._news.clear()
            await self._news.wait()

    async def state(self) -> VenueState:
        return self._matching.state()

    async def replay(self, after: int) -> Sequence[VenueReport]:
        return tuple(report for report in self._all if _number(report) > after)

    def _say(self, reports: tuple[VenueReport, ...]) -> None:
        self._all.extend(report for report in reports if _number(report))
        self._arrived.extend(reports)
        self._news.set()

    def _fetch(self) -> tuple[VenueReport, ...]:
        fetched = tuple(self._arrived)
        self._arrived.clear()
        return fetched


def _number(report: VenueReport) -> int:
    return 0 if isinstance(report, (OrderFound, OrderNotFound)) else report.report
