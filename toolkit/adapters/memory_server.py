"""What a Redis server keeps for a book, in memory: shared by all fakes that stand for connections to it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from toolkit.domain.beats import Beat
from toolkit.domain.commands import Envelope
from toolkit.domain.errors import TransportError
from toolkit.domain.inbox import InboxEntry, Released
from toolkit.domain.market import Step
from toolkit.domain.ports import Head, Sealed
from toolkit.domain.time import MonoTime

Found = TypeVar("Found")


class MemoryServer:
    """The state of one book. `away` makes every request fail as a dead server would."""

    def __init__(self) -> None:
        self.away = False
        self.epoch = 0
        self.owner = ""
        self.expires: MonoTime | None = None
        self.head = Head(0, b"")
        self.batches: list[Sealed] = []
        self.commands: dict[str, list[tuple[int, int, bytes, Envelope]]] = defaultdict(list)
        self.inboxes: dict[str, list[InboxEntry]] = defaultdict(list)
        self.steps: dict[str, list[Step]] = defaultdict(list)
        self.released: dict[int, list[Released]] = defaultdict(list)
        self.beats: dict[str, Beat] = {}
        self.given: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self.clock: Callable[[], int] = time.monotonic_ns
        self._changed = asyncio.Event()

    def reach(self) -> None:
        """What each request does first."""
        if self.away:
            raise TransportError("the server in memory is away")

    def lease_tokens(self, key: str, wanted: int, overdrawn: int, pool: int, span: int) -> int:
        """What `lease_tokens.lua` does, on `clock`."""
        now = self.clock()
        given = [(at, tokens) for at, tokens in self.given[key] if now - at < span]
        tokens = max(0, min(wanted, pool - overdrawn - sum(count for _, count in given)))
        self.given[key] = [*given, (now, tokens + overdrawn)]
        return tokens

    def change(self) -> None:
        """Wake whoever waits for something new."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for(self, look: Callable[[], Sequence[Found]], block_ms: int) -> Sequence[Found]:
        """What `look` finds, waiting up to `block_ms` until it finds something; gives others a turn anyway."""
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + block_ms / 1000
        while True:
            self.reach()
            found = look()
            left = deadline - loop.time()
            if found or left <= 0:
                return found
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                return look()
