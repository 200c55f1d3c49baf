"""The venue's side of a dead-man switch: counts the silence of the newest trading session and cancels nothing."""

from __future__ import annotations

import asyncio

import msgspec

from execution.services.venue_lines import Frame, Line, Taker
from toolkit.domain.time import NANOSECONDS
from toolkit.domain.venue_line import CancelOnSilence
from toolkit.simulation.paper_settings import DeadMan
from toolkit.simulation.silence import FellSilent

_encode = msgspec.msgpack.Encoder().encode


class DeadManTimer:
    """Armed by the first sign of life; each one starts the count anew. `over` is set while nothing is counted.

    A venue that starts armed, because it was killed, counts from its start.
    """

    def __init__(self, taker: Taker, ability: DeadMan | None, armed_with: int) -> None:
        self._taker = taker
        self._ability = ability
        self._line = Line(taker, 0)
        self._line.client, self._line.trading = "dead man", True
        self._handle: asyncio.TimerHandle | None = None
        self.over = asyncio.Event()
        self._count(armed_with)

    def refusal(self, *, newest: bool) -> str:
        """Why a sign of life does not count, or an empty text."""
        if self._ability is None:
            return "this venue cancels nothing on silence: `dead_man` of its row says so"
        return "" if newest else "a newer trading line has taken over: this one gives no sign of life any more"

    def heard(self, message: object) -> None:
        if isinstance(message, CancelOnSilence):
            self._count(message.after)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _count(self, after: int) -> None:
        self.stop()
        if not after or self._ability is None:
            self.over.set()
            return
        self.over.clear()
        self._handle = asyncio.get_running_loop().call_later(after / NANOSECONDS, self._fall_silent)

    def _fall_silent(self) -> None:
        self._handle = None
        if self._ability is not None:
            message = FellSilent(everything=self._ability.everything)
            self._taker.take(self._line, Frame(message, msgspec.Raw(_encode(message))))
        self.over.set()
