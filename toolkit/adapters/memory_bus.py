"""The bus without a server: the same promises in memory, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from toolkit.adapters import codec
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.beats import Beat
from toolkit.domain.inbox import Released
from toolkit.domain.market import Step


class MemoryBus:
    """`domain.ports.Bus` on a `MemoryServer`; several of them on one server stand for several processes."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server

    async def close(self) -> None:
        """Nothing to close."""

    async def publish(self, stream: str, steps: Sequence[Step]) -> None:
        await self._turn()
        known = self._server.steps[stream]
        for step in steps:
            if not known or step.number > known[-1].number:
                known.append(codec.decode_step(codec.encode(step)))
        self._server.change()

    async def steps(self, stream: str, after: int, block_ms: int, count: int) -> Sequence[Step]:
        return await self._server.wait_for(
            lambda: [step for step in self._server.steps[stream] if step.number > after][:count], block_ms
        )

    async def last(self, stream: str) -> int:
        await self._turn()
        known = self._server.steps[stream]
        return known[-1].number if known else 0

    async def forget(self, stream: str) -> None:
        await self._turn()
        self._server.steps.pop(stream, None)

    async def release(self, epoch: int, steps: Sequence[Released]) -> None:
        await self._turn()
        known = self._server.released[epoch]
        for step in steps:
            if not known or step.number > known[-1].number:
                known.append(codec.decode_released(codec.encode(step)))
        self._server.change()

    async def released(self, epoch: int, after: int, block_ms: int, count: int) -> Sequence[Released]:
        return await self._server.wait_for(
            lambda: [step for step in self._server.released[epoch] if step.number > after][:count], block_ms
        )

    async def forget_epoch(self, epoch: int) -> None:
        await self._turn()
        self._server.released.pop(epoch, None)

    async def beat(self, beat: Beat) -> None:
        await self._turn()
        self._server.beats[beat.process] = beat

    async def beats(self) -> Mapping[str, Beat]:
        await self._turn()
        return dict(self._server.beats)

    async def lease_tokens(self, key: str, wanted: int, overdrawn: int, pool: int, span: int) -> int:
        await self._turn()
        return self._server.lease_tokens(key, wanted, overdrawn, pool, span)

    async def _turn(self) -> None:
        await asyncio.sleep(0)
        self._server.reach()
