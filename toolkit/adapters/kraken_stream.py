"""Kraken spot's public WebSocket (version 1), message by message as they come off the wire; it opens no connection.

    book-100    the best hundred levels of each side: whole first, then changes, each with a checksum of the best ten
    trade       every trade, without an id: nothing but the unbroken line says that none was lost

Its changes have no numbers. The checksum proves the book, and so that nothing on this line was lost; a level that is
pushed out of the best hundred is gone without a word. Quotes are the top of the book, for `ticker` tells of it only
with a trade. Source: docs.kraken.com, "WebSocket API v1", book and "Spot WebSocket book checksum (v1)".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final
from zlib import crc32

import msgspec

from toolkit.adapters.line_books import LineBooks
from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import BookProof, ExactLevel, Level, RawMessage, RawTrade
from toolkit.domain.time import NANOSECONDS, FeedTime, WallTime

DEPTH: Final = 100
PROVEN: Final = 10
_UNREAD: Final = (msgspec.MsgspecError, ArithmeticError, ValueError, LookupError, TypeError)

Row = tuple[str, ...]


class _Event(msgspec.Struct):
    event: str = ""
    status: str = ""
    error: str = msgspec.field(default="", name="errorMessage")
    pair: str = ""


class _Book(msgspec.Struct):
    bids: tuple[Row, ...] = msgspec.field(default=(), name="b")
    asks: tuple[Row, ...] = msgspec.field(default=(), name="a")
    all_bids: tuple[Row, ...] | None = msgspec.field(default=None, name="bs")
    all_asks: tuple[Row, ...] | None = msgspec.field(default=None, name="as")
    checksum: str = msgspec.field(default="", name="c")


_event = msgspec.json.Decoder(_Event).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_book = msgspec.json.Decoder(_Book).decode
_trades = msgspec.json.Decoder(tuple[Row, ...]).decode


class Kraken(LineBooks):
    """The streams of some instruments. `ids` are Kraken's `wsname` of our symbols, such as XBT/USD."""

    name: Final = "Kraken spot, raw streams"

    def greetings(self) -> Sequence[str]:
        """What to say once connected."""
        return (_say("subscribe", self.ids, name="trade"), self._of_books("subscribe", self.ids))

    def again(self, symbol: str) -> Sequence[str]:
        """What to say for the whole book of an instrument."""
        pair = [self.identifier(symbol)]
        return (self._of_books("unsubscribe", pair), self._of_books("subscribe", pair))

    def parse(self, text: str | bytes, received: FeedTime) -> RawMessage:
        """One message. TransportError when it cannot be read."""
        try:
            if text[:1] in ("{", b"{"):
                return _answer(_event(text))
            return self._rows(_list(text), received)
        except _UNREAD as problem:
            raise TransportError(f"Kraken sent what cannot be read ({problem}): {text[:200]!r}") from problem

    def _rows(self, message: Sequence[msgspec.Raw], received: FeedTime) -> RawMessage:
        """A list is [channel, content, …, name of the channel, pair]; a change of both sides has two contents."""
        channel, pair = _text(message[-2]), _text(message[-1])
        if channel.startswith("book-"):
            return self._of_book(pair, int(channel.removeprefix("book-")), message[1:-2], received)
        if channel == "trade":
            return self._of_trades(pair, message[1], received)
        return RawMessage()

    def _of_book(self, pair: str, depth: int, contents: Sequence[msgspec.Raw], received: FeedTime) -> RawMessage:
        books = [_book(content) for content in contents]
        snapshot = any(book.all_bids is not None or book.all_asks is not None for book in books)
        bids = [row for book in books for row in book.all_bids or book.bids]
        asks = [row for book in books for row in book.all_asks or book.asks]
        checksum = next((book.checksum for book in books if book.checksum), "")
        proof = BookProof(PROVEN, _Checksum(int(checksum)).holds) if checksum else None
        row = self.depth(pair, received, _levels(bids), _levels(asks), snapshot=snapshot, levels=depth, proof=proof)
        return RawMessage((row,), None if snapshot else _newest(row[2] for row in (*bids, *asks)))

    def _of_trades(self, pair: str, content: msgspec.Raw, received: FeedTime) -> RawMessage:
        trades = _trades(content)
        symbol = self.symbol(pair)
        rows = (RawTrade(symbol, received, price, size, f"{pair} trade {time}") for price, size, time, *_ in trades)
        return RawMessage(tuple(rows), _newest(trade[2] for trade in trades))

    def _of_books(self, what: str, pairs: Sequence[str]) -> str:
        return _say(what, pairs, name="book", depth=DEPTH)


class _Checksum:
    """CRC-32 over the best ten asks, then bids: digits of price and size, without point and leading zeros."""

    __slots__ = ("_value",)

    def __init__(self, value: int) -> None:
        self._value = value

    def holds(self, bids: Sequence[ExactLevel], asks: Sequence[ExactLevel]) -> bool:
        digits = (_digits(number) for side in (asks, bids) for level in side for number in level)
        return crc32("".join(digits).encode()) == self._value


def _digits(number: Decimal) -> str:
    return f"{number:f}".replace(".", "").lstrip("0")


def _levels(rows: Iterable[Row]) -> list[Level]:
    return [(row[0], row[1]) for row in rows]


def _newest(times: Iterable[str]) -> WallTime | None:
    """Kraken's seconds with six decimals; exact."""
    newest = max((Decimal(time) for time in times), default=None)
    return None if newest is None else WallTime(int(newest * NANOSECONDS))


def _answer(event: _Event) -> RawMessage:
    refused = event.error or (f"system is {event.status}" if _is_down(event) else "")
    return RawMessage(refused=f"Kraken: {event.pair} {refused}".replace("  ", " ") if refused else "")


def _is_down(event: _Event) -> bool:
    return event.event == "systemStatus" and event.status != "online"


def _say(what: str, pairs: Sequence[str], **subscription: Any) -> str:
    return msgspec.json.encode({"event": what, "pair": list(pairs), "subscription": subscription}).decode()
