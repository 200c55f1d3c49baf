"""Market data of a paper venue on a free feed: reads the bus as any participant would; lockstep brings its own."""

from __future__ import annotations

import asyncio

import msgspec

from execution.services.venue import VenueServer
from execution.services.venue_lines import Frame, Line
from toolkit.domain.errors import TransportError
from toolkit.domain.market import FeedGap, Step
from toolkit.domain.ports import Bus
from toolkit.domain.venue_line import Advance

FEED = "feed"
BLOCK_MS = 200
AT_ONCE = 500

_encode = msgspec.msgpack.Encoder().encode


class VenueFeed:
    """Hands every step of the bus to the venue, once and in order; steps that the bus lost are told as a gap."""

    def __init__(self, server: VenueServer, bus: Bus, after: int) -> None:
        self._server = server
        self._bus = bus
        self._after = after
        self._line = Line(server, 0)
        self._line.client, self._line.trading = "feed", True

    async def run(self) -> None:
        """For ever. A bus that is away is waited for: without prices nothing is matched."""
        while True:
            try:
                steps = await self._bus.steps(FEED, self._after, BLOCK_MS, AT_ONCE)
            except TransportError:
                await asyncio.sleep(BLOCK_MS / 1000)
                continue
            for step in steps:
                self._take(step)

    def _take(self, step: Step) -> None:
        if self._after and step.number > self._after + 1:
            step = msgspec.structs.replace(step, events=(FeedGap(), *step.events))
        self._after = step.number
        message = Advance(step=step)
        self._server.take(self._line, Frame(message, msgspec.Raw(_encode(message))))
