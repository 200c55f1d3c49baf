"""What readers of exchanges whose books come on the line have in common: names, and numbers for changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import BookProof, Level, RawDepth
from toolkit.domain.time import FeedTime, WallTime

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LineBooks:
    """`ids` are the exchange's own names of our symbols. What it does not number is numbered here, by instrument."""

    quotes_from_book: Final = True

    def __init__(self, ids: Mapping[str, str], *, stream: str) -> None:
        self.ids = tuple(ids.values())
        self._by_symbol = dict(ids)
        self._symbols = {identifier: symbol for symbol, identifier in ids.items()}
        self._stream = stream
        self._counts: Counter[str] = Counter()

    def address(self) -> str:
        """Where to connect; what is wanted is said there."""
        return self._stream

    def snapshot_address(self, symbol: str) -> str:
        """Nowhere: the whole book comes on the line."""
        return ""

    def snapshot(self, symbol: str, text: str | bytes, received: FeedTime) -> RawDepth:
        """Never read apart."""
        raise TransportError(f"{symbol}: its book comes on the line")

    def identifier(self, symbol: str) -> str:
        return self._by_symbol[symbol]

    def symbol(self, identifier: str) -> str:
        """Ours; the exchange's own name where we have none."""
        return self._symbols.get(identifier, identifier)

    def depth(
        self,
        identifier: str,
        received: FeedTime,
        bids: Sequence[Level],
        asks: Sequence[Level],
        *,
        snapshot: bool = False,
        levels: int = 0,
        proof: BookProof | None = None,
    ) -> RawDepth:
        """The next row of an instrument's book."""
        self._counts[identifier] += 1
        number = self._counts[identifier]
        place = f"{identifier} book, row {number} of this process"
        symbol = self.symbol(identifier)
        return RawDepth(symbol, received, tuple(bids), tuple(asks), place, number, number, snapshot, levels, proof)

    def lost(self, identifier: str, received: FeedTime) -> RawDepth:
        """A row that tells the book of a change that never came: its number leaves one out."""
        self._counts[identifier] += 1
        return self.depth(identifier, received, (), ())


def nanoseconds(moment: datetime) -> WallTime:
    """A venue's time of day, exact to the microsecond that Python keeps."""
    return WallTime((moment - _EPOCH) // timedelta(microseconds=1) * 1_000)
