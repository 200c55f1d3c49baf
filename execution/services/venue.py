"""The process `execution venue`: hosts the paper matching on a unix socket, with a ledger that nobody else writes.

What comes in between two turns of the loop is matched in order, written to the ledger in one append, and only then
answered. Reports go to the newest trading line alone, as at a venue that knows one session per account; requests of
an older one are still taken and recorded, because a venue that refused them would hide a fence that failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from execution.services.venue_dead_man import DeadManTimer
from execution.services.venue_drill import Behaviour, LineMessage, PlaceForeign, SetBehaviour
from execution.services.venue_host import Answer, VenueHost
from execution.services.venue_lines import Frame, Line
from toolkit.domain.errors import DomainError, TransportError
from toolkit.domain.requests import ReplaceOrder, SubmitOrder
from toolkit.domain.venue_line import Advance, CancelOnSilence, FromVenue, LineError, Login
from toolkit.simulation.silence import FellSilent
from toolkit.simulation.surprises import BustFill, CorrectFill, LateFill, RefuseCancels, RejectOrders

_encode = msgspec.msgpack.Encoder().encode

ONLY_TRADING = (SubmitOrder, ReplaceOrder, Advance, CancelOnSilence)
SCRIPT = (SetBehaviour, PlaceForeign, RefuseCancels, RejectOrders, LateFill, BustFill, CorrectFill)


class VenueServer:
    """Lines on one side, the host on the other. `reach` is called at the named failpoints."""

    def __init__(self, host: VenueHost, reach: Callable[[str], None], *, scriptable: bool) -> None:
        self._host = host
        self._reach = reach
        self._scriptable = scriptable
        self._behaviour = Behaviour()
        self._inbox: list[tuple[Line, Frame]] = []
        self._lines: set[Line] = set()
        self._receiver: Line | None = None
        self._numbers = 0
        self._turn: asyncio.Handle | None = None
        self.dead_man = DeadManTimer(self, host.settings.own_dead_man, host.venue.dead_man_after)
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done with an exception when the venue cannot go on, for instance because its disk is full."""

    async def listen(self, path: Path) -> asyncio.Server:
        """Take lines on a unix socket that only this user can open."""
        server = await asyncio.get_running_loop().create_unix_server(self._new_line, str(path))
        path.chmod(0o600)
        return server

    def stop(self) -> None:
        """Answer what is in hand, store the state, and close every line. After a failure nothing more is written."""
        self.dead_man.stop()
        if self._turn is not None:
            self._turn.cancel()
        if not self.failed.done():
            self._work()
        if not self.failed.done():
            self._host.close()
        for line in tuple(self._lines):
            line.close()

    def take(self, line: Line, frame: Frame) -> None:
        """A message has arrived; it is worked on with everything else that arrives in this turn of the loop."""
        if self.failed.done():
            return
        self._inbox.append((line, frame))
        if self._turn is None:
            loop, pause = asyncio.get_running_loop(), self._behaviour.pause
            self._turn = loop.call_later(pause, self._work) if pause else loop.call_soon(self._work)

    def refuse(self, line: Line, problem: str) -> None:
        """A line that says what cannot be read is told so and closed."""
        line.send([LineError(problem=problem)])
        line.close()

    def fail(self, error: Exception) -> None:
        """What is matched and not written must not be told: nothing more is answered, whatever the error is."""
        self._inbox.clear()
        if not self.failed.done():
            self.failed.set_exception(error)

    def gone(self, line: Line) -> None:
        self._lines.discard(line)
        if self._receiver is line:
            self._receiver = None

    def _new_line(self) -> Line:
        self._numbers += 1
        line = Line(self, self._numbers)
        self._lines.add(line)
        return line

    def _work(self) -> None:
        self._turn = None
        inbox, self._inbox = self._inbox, []
        answers: list[tuple[Line, Answer]] = []
        cut: list[Line] = []
        for line, frame in inbox:
            answers.append((line, self._answer(line, frame)))
            if self._behaviour.cuts(frame.message):
                cut.append(line)
        try:
            self._reach("before_ledger")
            self._host.commit()
        except TransportError as error:
            self.fail(error)
            return
        self._reach("after_ledger_before_reply")
        for line in cut:
            line.abort()
        self._reply(answers)
        self._reach("after_reply")

    def _answer(self, line: Line, frame: Frame, *, foreign: bool = False) -> Answer:
        message = frame.message
        if isinstance(message, Login):
            return self._log_in(line, message)
        problem = "" if foreign else self._refusal(line, message)
        if problem:
            return Answer(own=(LineError(problem=problem),))
        if isinstance(message, SetBehaviour):
            self._behaviour = Behaviour(message)
            return Answer()
        if isinstance(message, PlaceForeign):
            return self._answer(line, Frame(message.order, msgspec.Raw(_encode(message.order))), foreign=True)
        if self._behaviour.swallows(message):
            self._host.ignore(line.number, line.client, frame.raw)
            return Answer()
        try:
            answer = self._host.take(line.number, line.client, message, frame.raw)
        except DomainError as error:
            return Answer(own=(LineError(problem=str(error)),))
        self.dead_man.heard(message)
        return answer

    def _log_in(self, line: Line, login: Login) -> Answer:
        line.client, line.trading = login.client, login.trading
        if login.trading:
            self._receiver = line
        return Answer()

    def _refusal(self, line: Line, message: LineMessage | FellSilent) -> str:
        """Why this line may not say this, or an empty text."""
        if not line.client:
            return "log in first: send Login"
        if isinstance(message, ONLY_TRADING) and not line.trading and not self._closes(message):
            return (
                f"{type(message).__name__} needs a trading line; this one logged in as {line.client} without trading, "
                "and may close what the account holds, no more"
            )
        if isinstance(message, CancelOnSilence):
            return self.dead_man.refusal(newest=line is self._receiver)
        if isinstance(message, SCRIPT) and not self._scriptable:
            return f"{type(message).__name__} needs a venue that was started with --scriptable"
        return ""

    def _closes(self, message: LineMessage | FellSilent) -> bool:
        """A person closes a position without an engine on a line that hears no reports: those are for the next engine.

        What the order is called is the word of whoever sends it; what it closes the account says.
        """
        return isinstance(message, SubmitOrder) and self._host.venue.closes(message)

    def _reply(self, answers: Iterable[tuple[Line, Answer]]) -> None:
        """One frame per line with everything for it, in order."""
        frames: dict[Line, list[FromVenue]] = {}
        for line, answer in answers:
            if answer.reports and self._receiver is not None:
                heard = [report for report in answer.reports if not self._behaviour.mutes(report)]
                heard += [report for report in heard if self._behaviour.repeats(report)]
                frames.setdefault(self._receiver, []).extend(heard)
            if answer.own:
                frames.setdefault(line, []).extend(answer.own)
        for line, messages in frames.items():
            if self._behaviour.delay:
                asyncio.get_running_loop().call_later(self._behaviour.delay, line.send, messages)
            else:
                line.send(messages)
