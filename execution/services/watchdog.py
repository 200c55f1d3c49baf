"""Waits for an engine to fall silent, then has its entries cancelled; for venues that have no dead man of their own.

It outlives a supervisor that was killed: it ends when told to, or when it has done its work and nobody is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

LOOKS_PER_SILENCE = 8


class Beats(Protocol):
    """Where an engine's signs of life are seen."""

    def silence(self) -> float | None: ...


class Watchdog:
    """Fires once for each silence of `after` seconds; a new sign of life arms it again."""

    def __init__(
        self, engine: Beats, after: float, fire: Callable[[float], Awaitable[None]], alive: Callable[[], None]
    ) -> None:
        """`fire` is told how long the engine has been silent, `alive` is called at each look."""
        self._engine = engine
        self._after = after
        self._fire = fire
        self._alive = alive
        self._told = asyncio.Event()
        self._alone = False

    def stop(self) -> None:
        self._told.set()

    def left_alone(self) -> None:
        """The supervisor is gone: end as soon as there is nothing to wait for."""
        self._alone = True

    async def run(self) -> None:
        """Until told to stop, or left alone with nothing that beats."""
        fired = False
        while not self._told.is_set():
            self._alive()
            silence = self._engine.silence()
            silent = silence is not None and silence >= self._after
            if silent and silence is not None and not fired:
                await self._fire(silence)
            fired = silent
            if self._alone and (silence is None or fired):
                return
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._after / LOOKS_PER_SILENCE):
                await self._told.wait()
        except TimeoutError:
            return
