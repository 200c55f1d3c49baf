"""Looks at a running desk four times a second: who is ready, who hangs, who eats memory, what people asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import suppress
from pathlib import Path

from execution.alive import who_lives
from execution.supervision.health import Pulse
from execution.supervision.jupyter import answers
from execution.supervision.managed import Managed, State
from toolkit.domain.beats import Beat
from toolkit.domain.errors import ExecutionError
from toolkit.domain.time import WallTime

LOOK_SECONDS = 0.25
STARTING_LOOK_SECONDS = 0.05
ROUND_SECONDS = 2.0
"""Every so often it also weighs the processes and asks venues and servers whether they answer."""

STARTING_SECONDS = 60.0
STANDS_BACK = frozenset({"dashboards", "replayer"})
"""What takes only the processor time that nobody else wants, and is given PATIENT times as long before it counts as
hung: on a machine that is used up it is slow, and starting it anew would make it slower."""
PATIENT = 12
ASKED = frozenset({"venue", "operations", "dashboards"})
"""What says no beat is asked for an answer."""
NOT_READY = frozenset({"starting", "recovering"})


class Watcher:
    """Judges the managed processes of one desk.

    `beats` is what they say of themselves (None while the bus is away), `venue_answers` asks a venue, `each_round`
    looks after servers and latch, `revive` starts a process anew for a person who left its name in `requests`.
    `pass_on` tells everybody of a beat that only we heard.
    """

    def __init__(
        self,
        managed: Mapping[str, Managed],
        *,
        hung_after: float,
        requests: Path,
        beats: Callable[[], Awaitable[Mapping[str, Beat] | None]],
        venue_answers: Callable[[str], bool],
        each_round: Callable[[], Awaitable[None]],
        revive: Callable[[str], bool],
        changed: Callable[[], None],
        pass_on: Callable[[Beat], Awaitable[None]],
    ) -> None:
        self._managed = managed
        self._requests = requests
        self._beats = beats
        self._ask_venue = venue_answers
        self._each_round = each_round
        self._revive = revive
        self._changed = changed
        self._pass_on = pass_on
        self._passed: dict[str, int] = {}
        self._pulse = Pulse(hung_after)
        self._starting = Pulse(STARTING_SECONDS)
        self._answers: dict[str, int] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        next_round = time.monotonic()
        while True:
            beats = await self._beats()
            await self._note_ready(beats or {})
            if time.monotonic() >= next_round:
                next_round = time.monotonic() + ROUND_SECONDS
                await self._round()
            if beats is not None:
                await self._pass_on_beats()
            self._accuse_silent(beats)
            self._take_requests()
            self._changed()
            starting = any(managed.state is State.STARTING for managed in self._managed.values())
            await asyncio.sleep(STARTING_LOOK_SECONDS if starting else LOOK_SECONDS)

    async def _note_ready(self, beats: Mapping[str, Beat]) -> None:
        for name, managed in list(self._managed.items()):  # more are started while one of them is asked
            if managed.state is State.STARTING and managed.pid and await self._is_ready(managed, beats.get(name)):
                managed.running()

    async def _is_ready(self, managed: Managed, beat: Beat | None) -> bool:
        match managed.specification.kind:
            case "jupyter":
                return answers(int(managed.specification.subject))
            case "watchdog":
                return _touched(managed.specification.address) is not None
            case "venue" | "operations" | "dashboards":
                return await asyncio.to_thread(self._ask, managed)
            case _:
                return beat is not None and beat.pid == managed.pid and beat.state not in NOT_READY

    async def _pass_on_beats(self) -> None:
        """A runner says that it lives to us alone, since it may write nothing anywhere; who watches asks the bus."""
        for name, managed in list(self._managed.items()):
            if managed.specification.kind == "runner" and managed.pid and managed.heard > self._passed.get(name, 0):
                self._passed[name] = managed.heard
                wall = WallTime(managed.heard)
                await self._pass_on(
                    Beat(process=name, pid=managed.pid, wall=wall, state=managed.says, step=managed.step)
                )

    async def _round(self) -> None:
        self._accuse_heavy()
        with suppress(ExecutionError):  # shown as the problem `journal`, tried again in the next round
            await self._each_round()
        for managed in list(self._managed.values()):
            name, kind = managed.specification.name, managed.specification.kind
            if kind in ASKED and managed.pid and await asyncio.to_thread(self._ask, managed):
                self._answers[name] = self._answers.get(name, 0) + 1

    def _ask(self, managed: Managed) -> bool:
        """Whether it answers now, and no other desk at its port. Blocks."""
        if managed.specification.kind == "venue":
            return self._ask_venue(managed.specification.subject)
        lives = who_lives(int(managed.specification.subject))
        return lives is not None and lives.pid == managed.pid

    def _accuse_silent(self, beats: Mapping[str, Beat] | None) -> None:
        running: dict[str, Hashable] = {}
        starting: dict[str, Hashable] = {}
        for name, managed in self._managed.items():
            if managed.pid and managed.state is State.STARTING:
                starting[name] = managed.pid
            elif managed.pid and managed.state is State.RUNNING:
                sign = self._sign(managed, beats)
                if sign is not None:
                    running[name] = (managed.pid, sign)
        now = time.monotonic()
        patience = {name: PATIENT for name, each in self._managed.items() if each.specification.kind in STANDS_BACK}
        for name, silent in self._pulse.look(running, now, patience).items():
            self._managed[name].accuse("hung", f"no sign of life for {silent:g} s")
        for name, late in self._starting.look(starting, now, patience).items():
            self._managed[name].accuse("hung", f"not ready {late:g} s after its start")

    def _sign(self, managed: Managed, beats: Mapping[str, Beat] | None) -> Hashable | None:
        """What changes as long as a process lives; None where nothing can be expected now."""
        match managed.specification.kind:
            case "runner":
                return managed.beats
            case "venue" | "operations" | "dashboards":
                return self._answers.get(managed.specification.name, 0)
            case "jupyter":
                return None
            case "watchdog":
                return _touched(managed.specification.address)
            case _:
                return None if beats is None else beats.get(managed.specification.name)

    def _accuse_heavy(self) -> None:
        for managed in self._managed.values():
            limit = managed.specification.memory_megabytes
            if managed.child is not None and managed.pid and limit:
                used = managed.child.resident_megabytes()
                if used > limit:
                    managed.accuse("memory", f"{used:.0f} MB, limit {limit} MB")

    def _take_requests(self) -> None:
        """`execution restart NAME` leaves a file of that name."""
        if self._requests.is_dir():
            for request in list(self._requests.iterdir()):
                self._revive(request.name)
                request.unlink(missing_ok=True)


def _touched(path: str) -> int | None:
    """When a process that trusts no server last gave its sign of life; None before the first."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return None
