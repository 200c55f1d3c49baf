"""Raw messages of exchanges as recorders wrote them down: own lines, cryptofeed's, barter's; nothing is judged.

Taken are the best bids and offers that an exchange tells of, and trades, both by the time at which the recorder
received them: many of these messages carry no other, and a strategy could not have known of them before. Changes of an
order book are left out.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.domain.time import NANOSECONDS
from toolkit.research.data_table import RawTable

_OWN: Final = re.compile(r"\d{16,19} \{")
_CRYPTOFEED: Final = re.compile(r"(?P<url>\w+://(?P<host>[^/:? ]+)\S*) (?P<way><->|<-|->) \d+(\.\d+)?(: |$)")
_RECEIVED: Final = re.compile(r"(?P<seconds>\d+(?:\.\d+)?): (?P<text>.*)")


class Rows:
    """The rows of one kind that a recording holds, in the order of its lines."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.times: list[int] = []
        self._lines: list[int] = []
        self._symbols: list[str] = []
        self._values: list[tuple[float, ...]] = []

    def take(self, line: int, received: int, symbol: str, *values: object) -> None:
        """One row: bid, ask and their sizes, or price and size. None is a side that is not there."""
        self.times.append(received)
        self._lines.append(line)
        self._symbols.append(symbol)
        self._values.append(tuple(np.nan if value is None else float(str(value)) for value in values))

    def table(self, name: str) -> RawTable:
        columns = ["bid", "ask", "bid_size", "ask_size"] if self.kind == "quotes" else ["price", "size"]
        width = len(self._values[0])  # some tell of no sizes
        frame = pd.DataFrame(self._values, columns=columns[:width]).assign(instrument=self._symbols)
        return RawTable(self.kind, frame, np.array(self.times), {}, name, np.array(self._lines))


Take = Callable[[Rows, Rows, int, int, Any], None]


def recording(path: Path, symbols: Sequence[str]) -> tuple[RawTable, ...] | None:
    """The tables of a recording, known by its first line; None for any other file. Rows of others are left out.

    `symbols` are what the exchange calls them, for barter those that it numbers, in that order.
    """
    first = next(text_lines(path), "")
    if _OWN.match(first):
        return _tables(path, symbols, _own(path))
    if (found := _CRYPTOFEED.match(first)) is not None:
        return _tables(path, symbols, _cryptofeed(path, found))
    if first.startswith("[") and path.name.endswith((".json", ".json.gz")):
        return _tables(path, symbols, _barter(path, symbols))
    return None


def text_lines(path: Path) -> Iterator[str]:
    """Line by line, also of what is packed; nothing of tables that are no text."""
    if path.name.endswith((".zip", ".parquet")):
        return
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as text:
            yield from text
    else:
        with path.open(encoding="utf-8", errors="replace") as text:
            yield from text


def _tables(path: Path, symbols: Sequence[str], rows: tuple[Rows, Rows]) -> tuple[RawTable, ...]:
    tables = [one.table(path.name) for one in rows if one.times]
    if not tables:
        raise ConfigError(f"{path}: it holds neither best bids and offers nor trades; read another stream's file")
    there = sorted({symbol for one in tables for symbol in one.frame["instrument"].unique()})
    if not set(there) & set(symbols):
        raise ConfigError(f"{path}: nothing of {', '.join(symbols)} is in it; it has {', '.join(there)}")
    chosen = [_only(one, one.frame["instrument"].isin(symbols).to_numpy()) for one in tables]
    return tuple(one for one in chosen if len(one.times))


def _only(table: RawTable, wanted: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> RawTable:
    frame = table.frame[wanted].reset_index(drop=True)
    return table._replace(frame=frame, times=table.times[wanted], lines=table.lines[wanted])


# ---- lines: time received, raw message


def _own(path: Path) -> tuple[Rows, Rows]:
    """Binance's combined streams behind nanoseconds."""
    quotes, trades = Rows("quotes"), Rows("trades")
    for number, line in enumerate(text_lines(path), start=1):
        received, _, text = line.partition(" ")
        if "@bookTicker" in text or "@trade" in text:
            _take(_of_binance, quotes, trades, path.name, number, received, text)
    return quotes, trades


def _cryptofeed(path: Path, first: re.Match[str]) -> tuple[Rows, Rows]:
    """What cryptofeed's raw collection kept of one connection; sent, connected and answered lines name their URL."""
    if first["url"].startswith("http"):
        raise ConfigError(f"{path}: answers to questions (REST), and no stream; read the `ws` file beside it")
    take = next((one for name, one in _EXCHANGES.items() if name in first["host"]), None)
    if take is None:
        raise ConfigError(f"{path}: {first['host']} is not read; known are {', '.join(sorted(_EXCHANGES))}")
    quotes, trades = Rows("quotes"), Rows("trades")
    for number, line in enumerate(text_lines(path), start=1):
        if (found := _RECEIVED.match(line)) is not None:
            received = str(int(Decimal(found["seconds"]) * NANOSECONDS))
            _take(take, quotes, trades, path.name, number, received, found["text"])
    return quotes, trades


def _take(take: Take, quotes: Rows, trades: Rows, name: str, number: int, received: str, text: str) -> None:
    try:
        take(quotes, trades, number, int(received), json.loads(text))
    except (ValueError, KeyError, TypeError, IndexError) as problem:
        raise ConfigError(f"{name}:{number}: no message of its exchange ({problem!r}); delete the line") from problem


def _of_binance(quotes: Rows, trades: Rows, line: int, received: int, message: Any) -> None:
    stream, told = message["stream"].partition("@")[2], message["data"]
    if stream == "bookTicker":
        quotes.take(line, received, told["s"], told["b"], told["a"], told["B"], told["A"])
    elif stream in ("trade", "aggTrade"):
        trades.take(line, received, told["s"], told["p"], told["q"])


def _of_coinbase(quotes: Rows, trades: Rows, line: int, received: int, message: Any) -> None:
    """Its ticker tells of the best bid and offer with each trade, and of no sizes."""
    if message["type"] == "ticker":
        quotes.take(line, received, message["product_id"], message["best_bid"], message["best_ask"])
    elif message["type"] == "match":  # `last_match` is of before
        trades.take(line, received, message["product_id"], message["price"], message["size"])


def _of_kraken(quotes: Rows, trades: Rows, line: int, received: int, message: Any) -> None:
    if isinstance(message, dict):  # of the connection
        return
    *_, channel, symbol = message
    if channel == "ticker":
        bid, ask = message[1]["b"], message[1]["a"]
        quotes.take(line, received, symbol, bid[0], ask[0], bid[2], ask[2])
    elif channel == "trade":
        for price, size, *_ in message[1]:
            trades.take(line, received, symbol, price, size)


def _of_bitmex(quotes: Rows, trades: Rows, line: int, received: int, message: Any) -> None:
    table = message.get("table")
    for row in message["data"] if table in ("quote", "trade") else ():
        if table == "quote":
            sides = (row.get(name) for name in ("bidPrice", "askPrice", "bidSize", "askSize"))
            quotes.take(line, received, row["symbol"], *sides)
        elif message["action"] == "insert":  # a `partial` tells of trades before
            trades.take(line, received, row["symbol"], row["price"], row["size"])


_EXCHANGES: Final[Mapping[str, Take]] = {
    "binance": _of_binance,
    "bitmex": _of_bitmex,
    "coinbase": _of_coinbase,
    "kraken": _of_kraken,
}


# ---- barter: one list of events


def _barter(path: Path, symbols: Sequence[str]) -> tuple[Rows, Rows]:
    """Normalised events, whose instruments are numbers; what lies between them (`Reconnecting`) is no row."""
    quotes, trades = Rows("quotes"), Rows("trades")
    try:
        events = json.loads("".join(text_lines(path)))
        for place, event in enumerate(events, start=1):
            if "Item" in event and (told := event["Item"].get("Ok")) is not None:
                _event(quotes, trades, place, told, symbols, path)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ConfigError(f"{path}: no list of barter's market events ({problem!r})") from problem
    return quotes, trades


def _event(quotes: Rows, trades: Rows, place: int, told: Any, symbols: Sequence[str], path: Path) -> None:
    number = told["instrument"]
    if number >= len(symbols):
        raise ConfigError(
            f"{path}: event {place} is of instrument {number}, {len(symbols)} are given; give all that were recorded, "
            "in the order in which barter numbers them from 0"
        )
    received, ((kind, what),) = pd.Timestamp(told["time_received"]).value, told["kind"].items()
    if kind == "Trade":
        trades.take(place, received, symbols[number], what["price"], what["amount"])
    elif kind == "OrderBookL1":
        bid, ask = what.get("best_bid") or {}, what.get("best_ask") or {}
        sides = (bid.get("price"), ask.get("price"), bid.get("amount"), ask.get("amount"))
        quotes.take(place, received, symbols[number], *sides)
