"""Coinbase Exchange's public WebSocket feed, message by message as they come off the wire; it opens no connection.

    level2_batch    the whole book first, then changes of it, gathered for 50 ms
    matches         every trade; ids have no gap
    heartbeat       once a second the id of the last trade

Changes of the book have no numbers (and `full`, whose messages have, wants a key). What proves that this line lost
nothing is that the ids of its trades have no gap, also against the heartbeat; where they have, the book is asked for
anew. Quotes are the top of the book, for `ticker` tells of it only with a trade. Source: docs.cdp.coinbase.com,
Exchange, "WebSocket feed: channels".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from toolkit.adapters.line_books import LineBooks, nanoseconds
from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import Level, RawDepth, RawMessage, RawRow, RawTrade
from toolkit.domain.time import FeedTime

BOOK: Final = "level2_batch"


class _Any(msgspec.Struct):
    type: str


class _Snapshot(msgspec.Struct):
    product_id: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class _Update(msgspec.Struct):
    product_id: str
    changes: tuple[tuple[str, str, str], ...]
    time: datetime


class _Match(msgspec.Struct):
    type: str
    product_id: str
    trade_id: int
    price: str
    size: str
    time: datetime


class _Heartbeat(msgspec.Struct):
    product_id: str
    last_trade_id: int
    time: datetime


class _Error(msgspec.Struct):
    message: str = ""
    reason: str = ""


_any = msgspec.json.Decoder(_Any).decode
_snapshot = msgspec.json.Decoder(_Snapshot).decode
_update = msgspec.json.Decoder(_Update).decode
_match = msgspec.json.Decoder(_Match).decode
_heartbeat = msgspec.json.Decoder(_Heartbeat).decode
_error = msgspec.json.Decoder(_Error).decode


class CoinbaseExchange(LineBooks):
    """The streams of some instruments. `ids` are Coinbase's own names of our symbols, such as BTC-USD."""

    name: Final = "Coinbase Exchange, raw streams"

    def __init__(self, ids: Mapping[str, str], *, stream: str) -> None:
        super().__init__(ids, stream=stream)
        self._trades: dict[str, int] = {}
        self._beats: dict[str, int] = {}

    def greetings(self) -> Sequence[str]:
        """What to say once connected; what an earlier line said counts no more."""
        self._trades.clear()
        self._beats.clear()
        return (self._say("subscribe", self.ids, (BOOK, "matches", "heartbeat")),)

    def again(self, symbol: str) -> Sequence[str]:
        """What to say for the whole book of an instrument."""
        product = (self.identifier(symbol),)
        return (self._say("unsubscribe", product, (BOOK,)), self._say("subscribe", product, (BOOK,)))

    def parse(self, text: str | bytes, received: FeedTime) -> RawMessage:
        """One message. TransportError when it cannot be read."""
        try:
            return self._read(text, received)
        except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
            raise TransportError(f"Coinbase sent what cannot be read ({problem}): {text[:200]!r}") from problem

    def _read(self, text: str | bytes, received: FeedTime) -> RawMessage:
        match _any(text).type:
            case "l2update":
                update = _update(text)
                bids, asks = (_levels(update, side) for side in ("buy", "sell"))
                return RawMessage((self.depth(update.product_id, received, bids, asks),), nanoseconds(update.time))
            case "match" | "last_match":
                trade = _match(text)
                # The last trade before the line began is of the past: its time tells nothing of how late messages are.
                sent = nanoseconds(trade.time) if trade.type == "match" else None
                return RawMessage(tuple(self._of_trade(trade, received)), sent)
            case "snapshot":
                book = _snapshot(text)
                return RawMessage((self.depth(book.product_id, received, book.bids, book.asks, snapshot=True),))
            case "heartbeat":
                beat = _heartbeat(text)
                return RawMessage(tuple(self._of_beat(beat, received)), nanoseconds(beat.time))
            case "error":
                error = _error(text)
                return RawMessage(refused=f"Coinbase: {error.message} {error.reason}".strip())
        return RawMessage()

    def _of_trade(self, trade: _Match, received: FeedTime) -> Iterator[RawRow]:
        product, number = trade.product_id, trade.trade_id
        before = self._trades.get(product)
        if before is not None and number > before + 1:
            yield self.lost(product, received)
        self._trades[product] = max(number, before or 0)
        if trade.type == "match":
            place = f"{product} match {number}"
            yield RawTrade(self.symbol(product), received, trade.price, trade.size, place, number, number - 1)

    def _of_beat(self, beat: _Heartbeat, received: FeedTime) -> Iterator[RawDepth]:
        """Channels may overtake each other: what one heartbeat tells has time to come until the next."""
        product = beat.product_id
        due = self._beats.get(product, 0)
        self._beats[product] = beat.last_trade_id
        if (seen := self._trades.get(product)) is not None and due > seen:
            self._trades[product] = due
            yield self.lost(product, received)

    def _say(self, what: str, products: Sequence[str], channels: Sequence[str]) -> str:
        return msgspec.json.encode({"type": what, "product_ids": list(products), "channels": list(channels)}).decode()


def _levels(update: _Update, side: str) -> list[Level]:
    return [(price, size) for which, price, size in update.changes if which == side]
