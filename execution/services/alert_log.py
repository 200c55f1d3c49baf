"""The desk's lines into the operations log and everybody's out of it, in a thread; a server that is away is waited for.

What was to be written meanwhile is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Final, NamedTuple, Protocol

from toolkit.domain.errors import ExecutionError
from toolkit.monitoring.alert_book import LINE

REMEMBERED_LINES: Final = 20_000
MOST_WAITING: Final = 5_000
"""Lines that wait for the server; each carries a whole alert, so that losing the oldest loses no state."""
LOOK_SECONDS: Final = 0.1
RETRY_SECONDS: Final = 0.5
PROCESS: Final = "monitor"

Line = Mapping[str, str]


class Stream(Protocol):
    """The operations log of a book at its server; every method blocks, and may raise TransportError."""

    def operations(self, count: int) -> Sequence[tuple[str, Line]]: ...
    def operations_after(self, position: str) -> Sequence[tuple[str, Line]]: ...
    def note(self, fields: Line) -> None: ...
    def close(self) -> None: ...


class Heard(NamedTuple):
    """Lines of alerts. `remembered`: these are the newest that there were when the log was first read."""

    lines: tuple[Line, ...]
    remembered: bool


class AlertLog:
    """`write` and `heard` return at once."""

    def __init__(self, connect: Callable[[], Stream]) -> None:
        self._connect = connect
        self._pending: deque[dict[str, str]] = deque(maxlen=MOST_WAITING)
        self._found: SimpleQueue[Heard] = SimpleQueue()
        self._wake = Event()
        self._closing = False
        self._position = ""
        self.problem = ""
        self._thread = Thread(target=self._work, name="alert log", daemon=True)
        self._thread.start()

    def write(self, line: Line, wall: int) -> None:
        self._pending.append({**line, "kind": LINE, "process": PROCESS, "wall": str(wall)})
        self._wake.set()

    def heard(self) -> tuple[Heard, ...]:
        """What was read since the last time."""
        found = []
        while True:
            try:
                found.append(self._found.get_nowait())
            except Empty:
                return tuple(found)

    def close(self, patience: float = 1.0) -> None:
        """Write what waits, for as long as that may take."""
        self._closing = True
        self._wake.set()
        self._thread.join(patience)

    # ---- the thread

    def _work(self) -> None:
        while not self._closing or self._pending:
            try:
                self._serve(self._connect())
            except ExecutionError as problem:
                self.problem = str(problem)
                if self._closing:
                    return
                self._wake.wait(RETRY_SECONDS)
                self._wake.clear()

    def _serve(self, stream: Stream) -> None:
        try:
            while True:
                if not self._position:
                    self._remember(stream)
                self._write(stream)
                self._read(stream)
                self.problem = ""
                if self._closing and not self._pending:
                    return
                self._wake.wait(LOOK_SECONDS)
                self._wake.clear()
        finally:
            stream.close()

    def _remember(self, stream: Stream) -> None:
        found = stream.operations(REMEMBERED_LINES)
        self._position = found[-1][0] if found else "0-0"
        self._found.put(Heard(_of_alerts(found), remembered=True))

    def _write(self, stream: Stream) -> None:
        """One after the other; a line of which nobody knows whether it came through is written again."""
        while self._pending:
            line = self._pending[0]
            stream.note(line)
            if self._pending and self._pending[0] is line:  # a full queue may have dropped it meanwhile
                self._pending.popleft()

    def _read(self, stream: Stream) -> None:
        while found := stream.operations_after(self._position):
            self._position = found[-1][0]
            if lines := _of_alerts(found):
                self._found.put(Heard(lines, remembered=False))


def _of_alerts(found: Sequence[tuple[str, Line]]) -> tuple[Line, ...]:
    return tuple(fields for _, fields in found if fields.get("kind") == LINE)
