"""The listener's readers of raw messages for who reads what was recorded of them; no connection is opened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol

from toolkit.adapters.binance_stream import BinanceSpot
from toolkit.adapters.bitmex_stream import Bitmex
from toolkit.adapters.coinbase_stream import CoinbaseExchange
from toolkit.adapters.kraken_stream import Kraken
from toolkit.domain.raw_rows import RawDepth, RawMessage
from toolkit.domain.time import FeedTime


class RecordedStream(Protocol):
    """Reads messages in the order received; `greetings` are those of a new connection, which forgets the one before."""

    def greetings(self) -> Sequence[str]: ...

    def parse(self, text: str | bytes, received: FeedTime) -> RawMessage: ...

    def snapshot(self, symbol: str, text: str | bytes, received: FeedTime) -> RawDepth: ...


_STREAMS: Final[Mapping[str, Callable[[Mapping[str, str]], RecordedStream]]] = {
    "binance": lambda ids: BinanceSpot(ids, rest="", stream=""),
    "bitmex": lambda ids: Bitmex(ids, stream="", units={}),
    "coinbase": lambda ids: CoinbaseExchange(ids, stream=""),
    "kraken": lambda ids: Kraken(ids, stream=""),
}


def recorded_stream(exchange: str, symbols: Collection[str]) -> RecordedStream:
    """A reader of its own for each recording of instruments by the names that the exchange has for them."""
    return _STREAMS[exchange]({symbol: symbol for symbol in symbols})
