"""The bus on a Redis server: quotes, released steps, heartbeats, all of which may be lost; no facts of the books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from toolkit.adapters import codec, keys
from toolkit.adapters.redis_connection import BLOCKING_READS, RedisLine, Script, mapped, ours
from toolkit.adapters.redis_journal import read_streams
from toolkit.adapters.redis_wire import ServerRefused
from toolkit.adapters.server_address import ServerAddress
from toolkit.domain.beats import Beat
from toolkit.domain.inbox import Released
from toolkit.domain.market import Step

STEPS_KEPT: Final = 200_000
RELEASED_KEPT: Final = 50_000


class RedisBus:
    """`domain.ports.Bus` over one Redis or Valkey server. `steps_kept` is how far back a runner can warm up."""

    def __init__(
        self, address: ServerAddress, book: str, *, reply_seconds: float = 1.0, steps_kept: int = STEPS_KEPT
    ) -> None:
        self._book = book
        self._steps_kept = steps_kept
        self._reply_seconds = reply_seconds
        self._writer = RedisLine(address, reply_seconds=reply_seconds)
        self._reader = RedisLine(address, reply_seconds=None, connections=BLOCKING_READS)
        self._leaser = RedisLine(address, reply_seconds=reply_seconds)  # never behind what is published
        self._lease_tokens = Script("lease_tokens")

    async def close(self) -> None:
        await self._writer.close()
        await self._reader.close()
        await self._leaser.close()

    async def publish(self, stream: str, steps: Sequence[Step]) -> None:
        entries = [(step.number, codec.encode(step)) for step in steps]
        await self._add(keys.steps(self._book, stream), entries, self._steps_kept)

    async def steps(self, stream: str, after: int, block_ms: int, count: int) -> Sequence[Step]:
        return [
            codec.decode_step(payload)
            for payload in await self._after(keys.steps(self._book, stream), after, block_ms, count)
        ]

    async def last(self, stream: str) -> int:
        with mapped(f"read the end of {stream}"):
            reply = await self._writer.look("XREVRANGE", keys.steps(self._book, stream), "+", "-", "COUNT", 1)
        return int(reply[0][0].partition(b"-")[0]) if reply else 0

    async def forget(self, stream: str) -> None:
        with mapped(f"remove the steps of {stream}"):
            await self._writer.ask("UNLINK", keys.steps(self._book, stream))

    async def release(self, epoch: int, steps: Sequence[Released]) -> None:
        entries = [(step.number, codec.encode(step)) for step in steps]
        await self._add(keys.released(self._book, epoch), entries, RELEASED_KEPT)

    async def released(self, epoch: int, after: int, block_ms: int, count: int) -> Sequence[Released]:
        key = keys.released(self._book, epoch)
        return [codec.decode_released(payload) for payload in await self._after(key, after, block_ms, count)]

    async def beat(self, beat: Beat) -> None:
        with mapped(f"beat of {beat.process}"):
            await self._writer.ask("HSET", keys.beats(self._book), beat.process, codec.encode(beat))

    async def beats(self) -> Mapping[str, Beat]:
        with mapped("read the heartbeats"):
            reply = await self._writer.look("HVALS", keys.beats(self._book))
        return {beat.process: beat for beat in map(codec.decode_beat, reply)}

    async def lease_tokens(self, key: str, wanted: int, overdrawn: int, pool: int, span: int) -> int:
        with mapped(f"lease tokens of {key}"):
            given: int = await self._lease_tokens.call(
                self._leaser, [keys.budget(key)], [wanted, overdrawn, pool, span // 1_000]
            )
        return given

    async def forget_epoch(self, epoch: int) -> None:
        """Remove the released steps of an epoch that is over."""
        with mapped(f"remove the released steps of epoch {epoch}"):
            await self._writer.ask("UNLINK", keys.released(self._book, epoch))

    async def _add(self, key: str, entries: Sequence[tuple[int, bytes]], kept: int) -> None:
        """XADD them in order, all or none, so that what is retried leaves no hole."""
        if not entries:
            return
        requests = [("XADD", key, "MAXLEN", "~", kept, f"{number}-0", "b", payload) for number, payload in entries]
        with mapped(f"publish to {key}"):
            results = await self._writer.ask_all(requests)
        for result in results:
            known = isinstance(result, ServerRefused) and "equal or smaller" in str(result)
            if isinstance(result, Exception) and not known:
                raise ours(f"publish to {key}", result) from result

    async def _after(self, key: str, after: int, block_ms: int, count: int) -> list[bytes]:
        found = await read_streams(self._reader, {key: f"{after}-0"}, block_ms, count, self._reply_seconds)
        return [fields[1] for entries in found for _, fields in entries]
