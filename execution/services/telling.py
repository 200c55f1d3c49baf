"""Sends messages to channels, each in a thread of its own with a bounded queue; what it takes and how long is reported.

Nothing here waits for a channel but that channel's own thread: one that is dead or hangs delays nobody, and what it
missed is sent to it as one digest when it is back.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Condition, Thread
from typing import Final, NamedTuple

from toolkit.monitoring.channels import Channel
from toolkit.monitoring.messages import Message

MOST_WAITING: Final = 200
"""Messages that wait for one channel; older ones are counted, and the digest says how many."""
HANGING_SECONDS: Final = 8.0
"""Longer than any time-out of a send: a channel that is still busy then hangs."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0

Send = Callable[[Channel, Message], str]
"""Blocks until the channel has taken it; why it did not, "" when it did."""
Prepare = Callable[[Channel], str]
"""Blocks, once, before the first message: loads what a channel needs. Why that cannot be, "" when it can."""
Digest = Callable[[Sequence[Message], int], Message]


class Report(NamedTuple):
    """What became of a message at a channel: `problem` is "" when it was taken. `messages` are those that it was."""

    channel: str
    messages: tuple[Message, ...]
    problem: str


class Line:
    """One channel: its queue, its thread, and since when it is busy."""

    def __init__(
        self, channel: Channel, send: Send, digest: Digest, reports: SimpleQueue[Report], prepare: Prepare
    ) -> None:
        self.channel = channel
        self._send = send
        self._digest = digest
        self._reports = reports
        self._prepare = prepare
        self._waiting: deque[Message] = deque()
        self._dropped = 0
        self._changed = Condition()
        self._closing = False
        self._busy_since = 0.0
        self._accused = False
        self._in_hand: tuple[Message, ...] = ()
        self._thread = self._begin()

    def put(self, message: Message) -> None:
        """Never waits; of too many the oldest are only counted."""
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(message)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()

    def look(self, now: float) -> None:
        """Report a send that hangs, once, and a thread that broke, which is begun anew."""
        if not self._thread.is_alive() and not self._closing:
            self._reports.put(Report(self.channel.name, self._in_hand, "broke; the log of the monitor says why"))
            self._busy_since, self._thread = 0.0, self._begin()
        with self._changed:
            hangs = bool(self._busy_since) and now - self._busy_since > HANGING_SECONDS
            if not hangs or self._accused:
                return
            self._accused = True
            missed = (*self._in_hand, *self._waiting)
        self._reports.put(Report(self.channel.name, missed, f"hangs: no answer for {HANGING_SECONDS:g} s"))

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    # ---- the thread

    def _begin(self) -> Thread:
        thread = Thread(target=self._work, name=f"channel {self.channel.name}", daemon=True)
        thread.start()
        return thread

    def _work(self) -> None:
        pause = 0.0
        if problem := self._prepare(self.channel):
            self._reports.put(Report(self.channel.name, (), problem))
        while (batch := self._next(pause)) is not None:
            messages, dropped = batch
            alone = len(messages) == 1 and not dropped
            self._in_hand = messages
            problem = self._try(messages[0] if alone else self._digest(messages, dropped))
            self._in_hand = ()
            if problem:
                pause = min(LONGEST_PAUSE, 2 * pause or FIRST_PAUSE)
                self._put_back(messages, dropped)
            else:
                pause = 0.0
            self._reports.put(Report(self.channel.name, messages, problem))

    def _next(self, pause: float) -> tuple[tuple[Message, ...], int] | None:
        """The message that is due, or after a failure, and when the pause is over, all of them; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, timeout=pause or 0.0)
            self._changed.wait_for(lambda: self._closing or bool(self._waiting))
            if self._closing:
                return None
            count = len(self._waiting) if pause else 1
            messages = tuple(self._waiting.popleft() for _ in range(count))
            dropped, self._dropped = self._dropped, 0
            return messages, dropped

    def _put_back(self, messages: tuple[Message, ...], dropped: int) -> None:
        with self._changed:
            self._dropped += dropped
            room = MOST_WAITING - len(self._waiting)
            kept = messages[max(0, len(messages) - room) :] if room > 0 else ()
            self._dropped += len(messages) - len(kept)
            self._waiting.extendleft(reversed(kept))

    def _try(self, message: Message) -> str:
        self._busy_since = time.monotonic()
        try:
            return self._send(self.channel, message)
        finally:
            with self._changed:
                self._busy_since, self._accused = 0.0, False


class Teller:
    """Every channel of a desk. `tell` and `reports` return at once."""

    def __init__(
        self, channels: Sequence[Channel], send: Send, digest: Digest, prepare: Prepare = lambda _: ""
    ) -> None:
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._lines = {each.name: Line(each, send, digest, self._reports, prepare) for each in channels}

    def tell(self, channel: str, message: Message) -> None:
        self._lines[channel].put(message)

    def reports(self) -> tuple[Report, ...]:
        """What was sent, or was not, since the last time."""
        now, found = time.monotonic(), []
        for line in self._lines.values():
            line.look(now)
        while True:
            try:
                found.append(self._reports.get_nowait())
            except Empty:
                return tuple(found)

    def waiting(self, channel: str) -> int:
        """How many messages wait for a channel."""
        return self._lines[channel].waiting

    def close(self) -> None:
        """What waits is not sent any more; a thread that hangs ends with the process."""
        for line in self._lines.values():
            line.close()
