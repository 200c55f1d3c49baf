"""Recordings of exchanges' raw messages, and barter's events, as tables of quotes, trades and bars; nothing is judged.

Taken are best bids and offers, trades and finished candles by the time at which the recorder received them: many of
these messages carry no other, and a strategy could not have known of them before. Of an instrument whose best bid and
offer are not told, they come from its order book.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from heapq import merge
from pathlib import Path
from typing import Any, Final

from toolkit.domain.errors import ConfigError
from toolkit.research.data_books import quotes_of_books
from toolkit.research.data_lines import EXCHANGES, Line, Rows, Taken, lines_of, refuse_others
from toolkit.research.data_table import RawTable
from toolkit.research.data_times import MILLISECOND, counted, moment

MALFORMED: Final = (ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError)
"""What comes of looking into a message that is not as its exchange writes it."""

Take = Callable[[Taken, Line, Any], None]


def recordings(paths: Sequence[Path], symbols: Sequence[str], *, book: bool) -> dict[Path, list[RawTable]]:
    """The tables of recordings that go on in each other: the book of one is that of the next.

    `symbols` are what the exchange calls them; rows of others are left out. With `book` quotes come from order books
    alone, and told ones are left out. Those of books stand with the first of the files.
    """
    wanted, named = set(symbols), ", ".join(map(str, paths))
    taken = {path: _told(path, quotes=not book) for path in paths}
    there: set[str] = set().union(*(one.symbols() for one in taken.values()))
    without = wanted.difference(*(one.quotes.symbols() for one in taken.values()))
    lines = merge(*map(lines_of, paths), key=lambda line: line.received) if without else ()
    books = quotes_of_books(lines, without)
    if book and (without := wanted - books.symbols()):
        raise ConfigError(
            f"{named}: no order book of {', '.join(sorted(without))} that begins with a whole one; give the file that "
            "has it as well, or read without book=True"
        )
    refuse_others(named, there | books.told, wanted)
    if not (there | books.symbols()) & wanted:
        raise ConfigError(
            f"{named}: it holds neither best bids and offers, nor an order book that begins with a whole one, nor "
            "trades, nor finished candles; read another stream's file"
        )
    tables = {path: one.tables(path.name, wanted) for path, one in taken.items()}
    tables[paths[0]] += [rows.table(name, wanted) for name, rows in books.runs]
    return tables


def _told(path: Path, *, quotes: bool) -> Taken:
    taken = Taken()
    for line in lines_of(path):
        if not line.text or line.asked:
            continue
        try:
            _EXCHANGES[line.exchange](taken, line, json.loads(line.text))
        except MALFORMED as problem:
            raise ConfigError(f"{line.place}: no message of its exchange ({problem!r}); delete the line") from problem
    if not quotes:
        taken.quotes = Rows("quotes")
    return taken


def _of_binance(taken: Taken, line: Line, message: Any) -> None:
    """Its candles too, where they are finished."""
    stream, told = message.get("stream", "").partition("@")[2], message.get("data")
    if stream == "bookTicker":
        taken.quotes.take(line.number, line.received, told["s"], told["b"], told["a"], told["B"], told["A"])
    elif stream in ("trade", "aggTrade"):
        taken.trades.take(line.number, line.received, told["s"], told["p"], told["q"])
    elif stream.startswith("kline_"):
        candle(taken, line.number, told, heard=line.received)


def candle(taken: Taken, place: int, told: Any, *, heard: int = 0) -> None:
    """A candle of Binance's streams, where it is finished."""
    one = told["k"]
    if one["x"]:
        values = (one[name] for name in ("o", "h", "l", "c", "v"))
        taken.bars.take(place, counted(one["t"], MILLISECOND), one["s"], *values, heard=heard)


def _of_coinbase(taken: Taken, line: Line, message: Any) -> None:
    """Its ticker tells of the best bid and offer with each trade, and of no sizes."""
    if message["type"] == "ticker":
        sides = (message["best_bid"], message["best_ask"])
        taken.quotes.take(line.number, line.received, message["product_id"], *sides)
    elif message["type"] == "match":  # `last_match` is of before
        taken.trades.take(line.number, line.received, message["product_id"], message["price"], message["size"])


def _of_kraken(taken: Taken, line: Line, message: Any) -> None:
    if isinstance(message, dict):  # of the connection
        return
    *_, channel, symbol = message
    if channel == "ticker":
        bid, ask = message[1]["b"], message[1]["a"]
        taken.quotes.take(line.number, line.received, symbol, bid[0], ask[0], bid[2], ask[2])
    elif channel == "trade":
        for price, size, *_ in message[1]:
            taken.trades.take(line.number, line.received, symbol, price, size)


def _of_bitmex(taken: Taken, line: Line, message: Any) -> None:
    table = message.get("table")
    for row in message["data"] if table in ("quote", "trade") else ():
        if table == "quote":
            sides = (row.get(name) for name in ("bidPrice", "askPrice", "bidSize", "askSize"))
            taken.quotes.take(line.number, line.received, row["symbol"], *sides)
        elif message["action"] == "insert":  # a `partial` tells of trades before
            taken.trades.take(line.number, line.received, row["symbol"], row["price"], row["size"])


_EXCHANGES: Final[Mapping[str, Take]] = dict(
    zip(EXCHANGES, (_of_binance, _of_bitmex, _of_coinbase, _of_kraken), strict=True)
)


# ---- barter: one list of events


def barter(path: Path, events: Any, symbols: Sequence[str]) -> Taken:
    """Normalised events, whose instruments are numbers; what lies between them (`Reconnecting`) is no row."""
    taken = Taken()
    try:
        for place, event in enumerate(events, start=1):
            if "Item" in event and (told := event["Item"].get("Ok")) is not None:
                _event(taken, place, told, symbols, path)
    except MALFORMED as problem:
        raise ConfigError(f"{path}: no list of barter's market events ({problem!r})") from problem
    return taken


def _event(taken: Taken, place: int, told: Any, symbols: Sequence[str], path: Path) -> None:
    number = told["instrument"]
    if not 0 <= number < len(symbols):
        raise ConfigError(
            f"{path}: event {place} is of instrument {number}, {len(symbols)} are given; give all that were recorded, "
            "in the order in which barter numbers them from 0"
        )
    received, ((kind, what),) = moment(told["time_received"]), told["kind"].items()
    if kind == "Trade":
        taken.trades.take(place, received, symbols[number], what["price"], what["amount"])
    elif kind == "OrderBookL1":
        bid, ask = what.get("best_bid") or {}, what.get("best_ask") or {}
        sides = (bid.get("price"), ask.get("price"), bid.get("amount"), ask.get("amount"))
        taken.quotes.take(place, received, symbols[number], *sides)
