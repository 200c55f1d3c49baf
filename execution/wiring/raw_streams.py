"""Exchanges whose raw messages we read ourselves, by ccxt's names; every other one goes the generic path."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from execution.settings.feed_file import FeedFile
from toolkit.adapters.binance_stream import BinanceSpot
from toolkit.adapters.bitmex_stream import Bitmex
from toolkit.adapters.coinbase_stream import CoinbaseExchange
from toolkit.adapters.exchange_line import RawStream
from toolkit.adapters.kraken_stream import Kraken

RAW_STREAMS: Mapping[str, Callable[[FeedFile], RawStream]] = {
    "binance": lambda feed: BinanceSpot(feed.ids, rest=feed.rest, stream=feed.stream),
    "bitmex": lambda feed: Bitmex(feed.ids, stream=feed.stream, units=feed.units),
    "coinbaseexchange": lambda feed: CoinbaseExchange(feed.ids, stream=feed.stream),
    "kraken": lambda feed: Kraken(feed.ids, stream=feed.stream),
}
