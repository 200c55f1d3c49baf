"""What happened around the books, in a capped stream on the journal server: starts, stops, health; never a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from toolkit.adapters import keys
from toolkit.adapters.blocking_redis import OPERATIONS_KEPT
from toolkit.adapters.redis_connection import BLOCKING_READS, RedisLine, mapped
from toolkit.adapters.redis_journal import read_streams
from toolkit.adapters.server_address import ServerAddress
from toolkit.domain.time import WallTime

ENTRIES_A_CALL: Final = 500


class Operation(NamedTuple):
    """One entry. `kind` is heartbeat, feed, start, stop, log, alert …; `position` is where reading goes on."""

    position: str
    kind: str
    process: str
    wall: WallTime
    detail: Mapping[str, str]


class OperationsLog:
    """Writer and reader of one book's operations log; unfenced: every process writes its own lines."""

    def __init__(
        self, address: ServerAddress, book: str, *, kept: int = OPERATIONS_KEPT, reply_seconds: float = 1.0
    ) -> None:
        self._key = keys.operations(book)
        self._kept = kept
        self._reply_seconds = reply_seconds
        self._writer = RedisLine(address, reply_seconds=reply_seconds)
        self._reader = RedisLine(address, reply_seconds=None, connections=BLOCKING_READS)

    async def close(self) -> None:
        await self._writer.close()
        await self._reader.close()

    async def write(self, kind: str, process: str, wall: WallTime, **detail: str) -> None:
        """Add a line. Raises TransportError; a line that is lost harms nothing."""
        fields = {**detail, "kind": kind, "process": process, "wall": str(int(wall))}
        flat = [word for pair in fields.items() for word in pair]
        with mapped(f"write to {self._key}"):
            await self._writer.ask("XADD", self._key, "MAXLEN", "~", self._kept, "*", *flat)

    async def after(self, position: str, block_ms: int) -> Sequence[Operation]:
        """Up to 500 lines after a position ("0" for the oldest), waiting up to `block_ms`."""
        found = await read_streams(self._reader, {self._key: position}, block_ms, ENTRIES_A_CALL, self._reply_seconds)
        return [_operation(identifier, fields) for entries in found for identifier, fields in entries]

    async def newest(self, count: int) -> Sequence[Operation]:
        """The last `count` lines, oldest first."""
        with mapped(f"read {self._key}"):
            reply = await self._reader.look("XREVRANGE", self._key, "+", "-", "COUNT", count)
        return [_operation(identifier.decode(), fields) for identifier, fields in reversed(reply)]


def _operation(position: str, flat: Sequence[bytes]) -> Operation:
    words = [word.decode("utf-8", "replace") for word in flat]
    detail = dict(zip(words[::2], words[1::2], strict=True))
    kind, process, wall = detail.pop("kind", ""), detail.pop("process", ""), int(detail.pop("wall", "0"))
    return Operation(position, kind, process, WallTime(wall), detail)
