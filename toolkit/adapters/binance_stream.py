"""Binance spot's public streams, message by message as they come off the wire; it opens no connection itself.

Below ccxt's `watch_*` on purpose: those hand out the newest state and drop what came between, and a trade or a change
of the book that was dropped cannot be told from one that was lost. Three streams an instrument:

    bookTicker     best bid and offer at every change; carries the book's number but no time
    trade          every trade; ids have no gap
    depth@100ms    changes of the whole book, numbered without a gap: the proof that nothing on this line was lost

Source: developers.binance.com, Spot, "WebSocket Streams" and "Market Data endpoints".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import Level, RawDepth, RawMessage, RawQuote, RawTrade
from toolkit.domain.time import FeedTime, WallTime

MILLISECOND: Final = 1_000_000
SNAPSHOT_LEVELS: Final = 5_000  # the most that Binance hands out


class _Combined(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")


class _BookTicker(msgspec.Struct):
    u: int
    s: str
    b: str
    B: str
    a: str
    A: str


class _Trade(msgspec.Struct):
    E: int
    s: str
    t: int
    p: str
    q: str


class _Depth(msgspec.Struct):
    E: int
    s: str
    U: int
    u: int
    b: tuple[Level, ...]
    a: tuple[Level, ...]


class _Snapshot(msgspec.Struct):
    last: int = msgspec.field(name="lastUpdateId")
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()


_combined = msgspec.json.Decoder(_Combined).decode
_book_ticker = msgspec.json.Decoder(_BookTicker).decode
_trade = msgspec.json.Decoder(_Trade).decode
_depth = msgspec.json.Decoder(_Depth).decode
_snapshot = msgspec.json.Decoder(_Snapshot).decode


class BinanceSpot:
    """The streams of some instruments. `ids` are the exchange's own names of our symbols, such as BTCUSDT."""

    name: Final = "Binance spot, raw streams"
    quotes_from_book: Final = False

    def __init__(self, ids: Mapping[str, str], *, rest: str, stream: str) -> None:
        self._ids = dict(ids)
        self._symbols = {identifier: symbol for symbol, identifier in ids.items()}
        self._rest = rest.rstrip("/")
        self._stream = stream.rstrip("/").removesuffix("/ws")

    def address(self) -> str:
        """Where to connect; the address names the streams, so that a new connection has subscribed again."""
        names = (f"{one.lower()}@{kind}" for one in self._symbols for kind in ("bookTicker", "trade", "depth@100ms"))
        return f"{self._stream}/stream?streams={'/'.join(names)}"

    def greetings(self) -> Sequence[str]:
        """What to say once connected: nothing."""
        return ()

    def again(self, symbol: str) -> Sequence[str]:
        """Nothing: the whole book is asked for apart."""
        return ()

    def snapshot_address(self, symbol: str) -> str:
        """Where the whole book of an instrument is."""
        return f"{self._rest}/depth?symbol={self._ids[symbol]}&limit={SNAPSHOT_LEVELS}"

    def parse(self, text: str | bytes, received: FeedTime) -> RawMessage:
        """One message. TransportError when it cannot be read."""
        try:
            message = _combined(text)
            if message.error:
                return RawMessage(refused=bytes(message.error).decode())
            return self._rows(message, received)
        except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
            raise TransportError(f"Binance sent what cannot be read ({problem}): {text[:200]!r}") from problem

    def snapshot(self, symbol: str, text: str | bytes, received: FeedTime) -> RawDepth:
        """The whole book of an instrument. TransportError when it cannot be read."""
        try:
            book = _snapshot(text)
        except msgspec.MsgspecError as problem:
            raise TransportError(f"Binance's book of {symbol} cannot be read ({problem}): {text[:200]!r}") from problem
        place = f"{self._ids[symbol]} snapshot {book.last}"
        return RawDepth(symbol, received, book.bids, book.asks, place, book.last, book.last, snapshot=True)

    def _rows(self, message: _Combined, received: FeedTime) -> RawMessage:
        name, _, kind = message.stream.partition("@")
        symbol = self._symbols.get(name.upper(), name.upper())
        if kind == "bookTicker":
            ticker = _book_ticker(message.data)
            place = f"{message.stream} {ticker.u}"
            row = RawQuote(symbol, received, ticker.b, ticker.a, ticker.B, ticker.A, place, number=ticker.u)
            return RawMessage((row,))
        if kind == "trade":
            trade = _trade(message.data)
            place = f"{message.stream} {trade.t}"
            row_of_trade = RawTrade(symbol, received, trade.p, trade.q, place, trade.t, trade.t - 1)
            return RawMessage((row_of_trade,), _nanoseconds(trade.E))
        if kind.startswith("depth"):
            depth = _depth(message.data)
            change = RawDepth(symbol, received, depth.b, depth.a, f"{message.stream} {depth.u}", depth.U, depth.u)
            return RawMessage((change,), _nanoseconds(depth.E))
        return RawMessage()


def _nanoseconds(milliseconds: int) -> WallTime:
    return WallTime(milliseconds * MILLISECOND)
