"""BitMEX's public realtime streams, message by message as they come off the wire; it opens no connection.

    orderBookL2    the whole book first (`partial`), then levels by id: insert, update, delete
    trade          every trade, without a number

Changes have no numbers and, but for inserted levels, name a level by its id alone. An id that is changed or deleted and
was never told means that a change was lost: the book is asked for anew. Quotes are the top of the book; the `quote`
stream is gathered and tells of fewer. Sizes are whole counts of a unit that each instrument has.
Source: www.bitmex.com/app/wsAPI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from toolkit.adapters.line_books import LineBooks, nanoseconds
from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import Level, RawMessage, RawRow, RawTrade
from toolkit.domain.time import FeedTime, WallTime

BOOK: Final = "orderBookL2"
ONE: Final = Decimal(1)


class _Filter(msgspec.Struct, frozen=True):
    symbol: str = ""


class _Message(msgspec.Struct):
    table: str = ""
    action: str = ""
    filter: _Filter = _Filter()
    data: msgspec.Raw = msgspec.Raw(b"[]")
    error: str = ""


class _Level(msgspec.Struct):
    symbol: str
    id: int
    side: str
    size: Decimal | None = None
    price: Decimal | None = None
    timestamp: datetime | None = None


class _Trade(msgspec.Struct):
    symbol: str
    size: Decimal
    price: Decimal
    timestamp: datetime
    match: str = msgspec.field(default="", name="trdMatchID")


_message = msgspec.json.Decoder(_Message).decode
_levels = msgspec.json.Decoder(tuple[_Level, ...]).decode
_trades = msgspec.json.Decoder(tuple[_Trade, ...]).decode


class Bitmex(LineBooks):
    """The streams of some instruments. `units` are how much of our symbols one count of BitMEX is, 1 where unnamed."""

    name: Final = "BitMEX, raw streams"

    def __init__(self, ids: Mapping[str, str], *, stream: str, units: Mapping[str, Decimal]) -> None:
        super().__init__(ids, stream=stream)
        self._units = dict(units)
        self._prices: dict[str, dict[int, Decimal]] = {}

    def greetings(self) -> Sequence[str]:
        """What to say once connected; the levels of an earlier line are gone."""
        self._prices.clear()
        return (_say("subscribe", [f"{table}:{one}" for one in self.ids for table in ("trade", BOOK)]),)

    def again(self, symbol: str) -> Sequence[str]:
        """What to say for the whole book of an instrument."""
        name = [f"{BOOK}:{self.identifier(symbol)}"]
        return (_say("unsubscribe", name), _say("subscribe", name))

    def parse(self, text: str | bytes, received: FeedTime) -> RawMessage:
        """One message. TransportError when it cannot be read."""
        try:
            message = _message(text)
            if message.error:
                return RawMessage(refused=f"BitMEX: {message.error}")
            if message.table == BOOK:
                return self._of_book(message, received)
            if message.table == "trade" and message.action == "insert":
                return self._of_trades(_trades(message.data), received)
        except (msgspec.MsgspecError, UnicodeDecodeError, ArithmeticError) as problem:
            raise TransportError(f"BitMEX sent what cannot be read ({problem}): {text[:200]!r}") from problem
        return RawMessage()

    def _of_book(self, message: _Message, received: FeedTime) -> RawMessage:
        """Levels of one table message; before its `partial` an instrument's changes say nothing."""
        by_symbol: dict[str, list[_Level]] = {message.filter.symbol: []} if message.action == "partial" else {}
        told = _levels(message.data)
        for level in told:
            by_symbol.setdefault(level.symbol, []).append(level)
        if message.action == "partial":
            self._prices |= {one: {} for one in by_symbol}
        rows = [
            self._changed(one, levels, message.action, received)
            for one, levels in by_symbol.items()
            if one in self._prices
        ]
        times = [level.timestamp for level in told if level.timestamp] if message.action != "partial" else []
        return RawMessage(tuple(rows), _newest(times))

    def _changed(self, identifier: str, levels: Sequence[_Level], action: str, received: FeedTime) -> RawRow:
        prices = self._prices[identifier]
        sides: dict[str, list[Level]] = {"Buy": [], "Sell": []}
        for level in levels:
            price = level.price if level.price is not None else prices.get(level.id)
            if price is None or (action in ("update", "delete") and level.id not in prices):
                del self._prices[identifier]  # until its next partial
                return self.lost(identifier, received)
            prices[level.id] = price
            if action == "delete":
                del prices[level.id]
            size = Decimal(0) if action == "delete" or level.size is None else level.size
            sides[level.side].append((f"{price:f}", self._amount(identifier, size)))
        return self.depth(identifier, received, sides["Buy"], sides["Sell"], snapshot=action == "partial")

    def _of_trades(self, trades: Sequence[_Trade], received: FeedTime) -> RawMessage:
        rows = (
            RawTrade(
                self.symbol(one.symbol), received, one.price, self._amount(one.symbol, one.size),
                f"{one.symbol} trade {one.match}",
            )
            for one in trades
        )  # fmt: skip
        return RawMessage(tuple(rows), _newest([one.timestamp for one in trades]))

    def _amount(self, identifier: str, count: Decimal) -> str:
        return f"{count * self._units.get(self.symbol(identifier), ONE):f}"


def _newest(times: Sequence[datetime]) -> WallTime | None:
    return nanoseconds(max(times)) if times else None


def _say(what: str, names: Sequence[str]) -> str:
    return msgspec.json.encode({"op": what, "args": list(names)}).decode()
