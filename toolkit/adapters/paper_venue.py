"""The engine's line to `execution venue` on a unix socket: checks latch and `send_by`, writes, hears; it never decides.

Requests are written straight into the socket, without a buffer in between, so that what was checked is what leaves
now. A frame that cannot leave whole in time is cut off with its line: half a frame has no effect.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec

from toolkit.adapters import codec
from toolkit.adapters.send_gate import OpenFor, earliest_send_by, sort_out
from toolkit.domain.errors import AmbiguousOutcome, DomainError, TransportError
from toolkit.domain.market import Step
from toolkit.domain.requests import OrderFound, OrderNotFound, VenueReport, VenueRequest, VenueState
from toolkit.domain.time import NANOSECONDS, MonoTime
from toolkit.domain.venue_line import (
    Advance,
    Advanced,
    AskReplay,
    AskState,
    CancelOnSilence,
    FromVenue,
    LineError,
    Login,
    ReplayDone,
    Sync,
    Synced,
    ToVenue,
)

LARGEST_FRAME = 256 * 1024 * 1024
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
ROOM_WITHIN = 1.0
"""Seconds in which a venue that reads at all has read something."""


class _Question:
    """Something asked, in order, and what ends the answer; `heard` are the reports that belong to a replay."""

    __slots__ = ("answer", "ends_with", "heard")

    def __init__(self, ends_with: type[FromVenue], *, replay: bool = False) -> None:
        self.ends_with = ends_with
        self.heard: list[VenueReport] | None = [] if replay else None
        self.answer: asyncio.Future[tuple[FromVenue, tuple[VenueReport, ...]]] = (
            asyncio.get_running_loop().create_future()
        )


class PaperVenueLine:
    """One trading line. `connect` before anything else, and again after a TransportError.

    In lockstep reports come as the answers of `advance` and `sync`; in free mode from `reports`. Not both at once.
    """

    def __init__(self, path: Path, client: str, latch: OpenFor, mono: Callable[[], MonoTime]) -> None:
        self._path = path
        self._client = client
        self._latch = latch
        self._mono = mono
        self._socket: socket.socket | None = None
        self._unread = bytearray()
        self._arrived: deque[VenueReport] = deque()
        self._questions: deque[_Question] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._writing = asyncio.Lock()
        self._tokens = 0
        self._lost = f"no line to {path} yet"
        self._complaint: str | None = None

    @property
    def connected(self) -> bool:
        return self._socket is not None

    async def connect(self, within: float) -> None:
        """Open the line and log in, trying for `within` seconds. What the old line left unread is dropped: replay it.

        Raises TransportError when the venue does not answer in that time.
        """
        self.close()
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + within, FIRST_PAUSE
        while (line := await self._dial()) is None:
            if loop.time() + pause > deadline:
                raise TransportError(
                    f"{self._path}: no venue answers within {within:g} s ({self._lost}); is it running?"
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self._socket = line
        self._unread.clear()
        self._arrived.clear()
        self._complaint = None
        loop.add_reader(line.fileno(), self._on_readable)
        await self._write((Login(client=self._client, trading=True),), None)

    async def send(
        self, requests: Sequence[VenueRequest], by_person: frozenset[str] = frozenset()
    ) -> Sequence[VenueRequest]:
        """Write what may leave, in one frame. Returns what may not (latched shut, or after its `send_by`).

        Raises TransportError when none of it had any effect. After a later cut of the line what was sent is in doubt.
        """
        async with self._writing:
            self._require_line()
            may, dropped = sort_out(requests, self._latch, self._mono(), by_person)
            if may:
                await self._write_locked(may, earliest_send_by(may))
        return dropped

    async def advance(self, step: Step) -> Sequence[VenueReport]:
        """Have the next step matched. All reports up to its end; a step that was matched before has none."""
        answer, reports = await self._ask(Advance(step=step), Advanced)
        if isinstance(answer, Advanced) and answer.number != step.number:
            raise DomainError(f"{self._path}: asked to match step {step.number}, heard of {answer.number}")
        return reports

    async def sync(self) -> Sequence[VenueReport]:
        """All reports to what was sent before."""
        self._tokens += 1
        _, reports = await self._ask(Sync(token=self._tokens), Synced)
        return reports

    async def stay_alive(self, seconds: float) -> None:
        """A sign of life for a venue that cancels entries after so much silence; 0 disarms. Never waited for.

        TransportError when there is no line to give it on.
        """
        self._require_line()
        after = int(seconds * NANOSECONDS)
        if not self._writing.locked():  # what is being written is a sign as good as this
            await self._write((CancelOnSilence(after=after),), MonoTime(int(self._mono()) + (after or NANOSECONDS)))

    async def reports(self) -> AsyncIterator[VenueReport]:
        """Facts as they arrive. Raises TransportError when the line is cut, after the last fact that came over it."""
        while True:
            while self._arrived:
                yield self._arrived.popleft()
            self._raise_complaint()
            self._require_line()
            self._news.clear()
            await self._news.wait()

    async def state(self) -> VenueState:
        """The venue's open orders, positions and newest report."""
        answer = await self._answer(AskState(), _Question(VenueState))
        if not isinstance(answer[0], VenueState):
            raise DomainError(f"{self._path}: asked for the state, heard {answer[0]}")
        return answer[0]

    async def replay(self, after: int) -> Sequence[VenueReport]:
        """Every report above `after`; those that arrive while asking are part of it and come here alone."""
        _, reports = await self._answer(AskReplay(after=after), _Question(ReplayDone, replay=True))
        numbered = {_number(report): report for report in reports}
        return tuple(numbered[number] for number in sorted(numbered) if number > after)

    def close(self) -> None:
        """End the line. Open questions fail with AmbiguousOutcome."""
        self._cut("closed by ourselves")

    # ------------------------------------------------------------------ asking

    async def _ask(self, message: ToVenue, ends_with: type[FromVenue]) -> tuple[FromVenue, tuple[VenueReport, ...]]:
        return await self._answer(message, _Question(ends_with))

    async def _answer(self, message: ToVenue, question: _Question) -> tuple[FromVenue, tuple[VenueReport, ...]]:
        async with self._writing:
            self._require_line()
            self._questions.append(question)
            await self._write_locked((message,), None)
        return await question.answer

    def _require_line(self) -> None:
        if self._socket is None:
            raise TransportError(f"{self._path}: the line to the venue is cut ({self._lost}); connect again")

    def _raise_complaint(self) -> None:
        if self._complaint is not None:
            complaint, self._complaint = self._complaint, None
            raise DomainError(f"{self._path}: the venue says: {complaint}")

    # ------------------------------------------------------------------ writing

    async def _write(self, messages: tuple[ToVenue, ...], send_by: MonoTime | None) -> None:
        async with self._writing:
            await self._write_locked(messages, send_by)

    async def _write_locked(self, messages: tuple[ToVenue, ...], send_by: MonoTime | None) -> None:
        """Write one frame. TransportError when it did not leave whole; the line is cut then."""
        body = codec.encode_line(messages)
        rest = memoryview(len(body).to_bytes(4, "big") + body)
        while True:
            line = self._socket
            if line is None:
                raise TransportError(f"{self._path}: the line was cut while writing ({self._lost})")
            try:
                rest = rest[line.send(rest) :]
            except BlockingIOError:
                pass
            except OSError as error:
                self._cut(str(error))
                raise TransportError(f"{self._path}: {error}") from error
            if not rest:
                return
            await self._writable(line, send_by)
            if send_by is not None and self._mono() > send_by:
                self._cut("the rest of a frame would have left too late")
                raise TransportError(f"{self._path}: the venue does not read; the frame was cut off unsent")

    async def _writable(self, line: socket.socket, send_by: MonoTime | None) -> None:
        """Wait until the socket takes more, or the line is cut; when that takes too long we cut it: others wait too."""
        loop = asyncio.get_running_loop()
        self._room.clear()
        loop.add_writer(line.fileno(), self._room.set)
        left = ROOM_WITHIN if send_by is None else min(ROOM_WITHIN, max(0, send_by - self._mono()) / NANOSECONDS)
        try:
            async with asyncio.timeout(left):
                await self._room.wait()
        except TimeoutError:
            self._cut("the venue does not read")
            raise TransportError(f"{self._path}: the venue does not read; the frame was cut off unsent") from None
        finally:
            if self._socket is line:
                loop.remove_writer(line.fileno())

    # ------------------------------------------------------------------ hearing

    async def _dial(self) -> socket.socket | None:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(line, str(self._path))
        except OSError as error:
            line.close()
            self._lost = str(error)
            return None
        return line

    def _on_readable(self) -> None:
        line = self._socket
        if line is None:
            return
        try:
            data = line.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError as error:
            self._cut(str(error))
            return
        if not data:
            self._cut("the venue closed it")
            return
        self._unread += data
        try:
            while (body := self._next_body()) is not None:
                for message in codec.decode_from_venue(body):
                    self._hear(message)
        except msgspec.MsgspecError as error:
            self._cut(f"unreadable: {error}")
        self._news.set()

    def _next_body(self) -> bytes | None:
        if len(self._unread) < 4:
            return None
        length = int.from_bytes(self._unread[:4], "big")
        if length > LARGEST_FRAME:
            raise msgspec.ValidationError(f"a frame of {length} bytes")
        if len(self._unread) < 4 + length:
            return None
        body = bytes(self._unread[4 : 4 + length])
        del self._unread[: 4 + length]
        return body

    def _hear(self, message: FromVenue) -> None:
        question = self._questions[0] if self._questions else None
        if question is not None and isinstance(message, question.ends_with):
            self._questions.popleft()
            self._finish(question, message)
        elif isinstance(message, LineError):
            self._complain(message)
        elif isinstance(message, (Advanced, Synced, VenueState, ReplayDone)):
            self._cut(f"an answer to nothing that was asked: {message}")
        elif question is not None and question.heard is not None and _number(message):
            question.heard.append(message)
        else:
            self._arrived.append(message)

    def _finish(self, question: _Question, message: FromVenue) -> None:
        if question.heard is not None:
            reports = tuple(question.heard)
        elif question.ends_with is VenueState:
            reports = ()
        else:
            reports = tuple(self._arrived)
            self._arrived.clear()
        if not question.answer.done():
            question.answer.set_result((message, reports))

    def _complain(self, error: LineError) -> None:
        if not self._questions:
            self._complaint = error.problem
            return
        question = self._questions.popleft()
        if not question.answer.done():
            question.answer.set_exception(DomainError(f"{self._path}: the venue says: {error.problem}"))

    def _cut(self, why: str) -> None:
        """The line is over: nothing more is heard on it, and what was asked on it is open."""
        line, self._socket = self._socket, None
        if line is None:
            return
        self._lost = why
        loop = asyncio.get_running_loop()
        loop.remove_reader(line.fileno())
        loop.remove_writer(line.fileno())
        line.close()
        self._room.set()
        while self._questions:
            question = self._questions.popleft()
            if not question.answer.done():
                question.answer.set_exception(AmbiguousOutcome(f"{self._path}: the line was cut ({why}): ask again"))
        self._news.set()


def _number(report: VenueReport) -> int:
    """The venue's number of a report; 0 for an answer to a question."""
    return 0 if isinstance(report, (OrderFound, OrderNotFound)) else report.report
