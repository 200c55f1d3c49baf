"""What exchanges answer to one question, kept as JSON: candles, trades and order books; nothing is judged.

Nobody noted when such an answer came, so its rows stand at the exchange's own times. A candle that may change still is
left out where the answer says which one it is; where it does not, the newest one is marked. A file of anything else,
such as orders, is refused by what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from toolkit.domain.errors import ConfigError
from toolkit.domain.time import NANOSECONDS
from toolkit.research.data_lines import Taken, refuse_others, text_lines
from toolkit.research.data_recordings import MALFORMED, barter, candle
from toolkit.research.data_table import RawTable
from toolkit.research.data_times import MILLISECOND, counted, moment

_OHLC, _TRADE, _KLINE = 8, 7, 12  # how many values a row of Kraken's and Binance's answers has


class _Answer(NamedTuple):
    """A file's content. Where it does not say whose it is, it is of the only instrument that was given."""

    path: Path
    content: Any
    symbols: Sequence[str]

    @property
    def symbol(self) -> str:
        if len(self.symbols) != 1:
            raise ConfigError(
                f"{self.path}: it does not say whose it is, and {len(self.symbols)} instruments are given; give one"
            )
        return self.symbols[0]


def answer(path: Path, symbols: Sequence[str]) -> list[RawTable]:
    """The tables of an answer. ConfigError says what the file is where that is no market data, or has no time."""
    try:
        content = json.loads("".join(text_lines(path)), parse_float=Decimal)
    except ValueError as problem:
        raise ConfigError(f"{path}: no whole JSON ({problem}); fetch it again") from problem
    asked = _Answer(path, content, symbols)
    rows = content if isinstance(content, list) else None
    if rows is not None and any(isinstance(row, dict) and row.keys() & {"Item", "Reconnecting"} for row in rows):
        return barter(path, rows, symbols).tables(path.name, set(symbols))
    taken = Taken()
    reader = _of_rows(rows) if rows is not None else _of_object(content)
    if reader is None:
        raise ConfigError(f"{path}: {_what(content)}; read candles, trades or order books")
    try:
        reader(taken, asked)
    except MALFORMED as problem:
        raise ConfigError(f"{path}: not as its exchange writes it ({problem!r}); fetch it again") from problem
    if not taken.symbols():
        raise ConfigError(f"{path}: there is no row in it, or only a candle that may change still; fetch it later")
    refuse_others(str(path), taken.symbols(), set(symbols))
    return taken.tables(path.name, set(symbols))


Reader = Callable[[Taken, _Answer], None]


def _of_rows(rows: Sequence[Any]) -> Reader | None:
    first = rows[0] if rows else None
    if isinstance(first, list) and len(first) == _KLINE:
        return _binance_klines
    if isinstance(first, dict) and {"id", "price", "qty", "time", "isBestMatch"} <= first.keys():
        return None if "commission" in first else _binance_trades  # those are one's own
    return None


def _of_object(content: Any) -> Reader | None:
    if not isinstance(content, dict):
        return None
    found = next((reader for keys, reader in _BY_KEYS if keys <= content.keys()), None)
    return None if found is _kraken and not _is_kraken(content["result"]) else found


def _what(content: Any) -> str:
    if isinstance(content, dict) and "lastUpdateId" in content:
        return "an order book that does not say when it was true; a recording does"
    if isinstance(content, dict) and content.keys() & {"channel", "feed", "e", "stream"}:
        return "a single message of a stream; a recording says when each came"
    first = content[0] if isinstance(content, list) and content else content
    names = sorted(first)[:6] if isinstance(first, dict) else []
    return f"no market data that is read (it has {', '.join(names) or 'no names'})"


# ---- Binance


def _binance_klines(taken: Taken, asked: _Answer) -> None:
    """Time in ms, open, high, low, close, volume, and more that is not read."""
    for place, (time, *prices_and_volume) in enumerate(asked.content, start=1):
        taken.bars.take(place, counted(time, MILLISECOND), asked.symbol, *prices_and_volume[:5])
    taken.bars.newest_may_change(asked.symbol)


def _binance_trades(taken: Taken, asked: _Answer) -> None:
    for place, row in enumerate(asked.content, start=1):
        taken.trades.take(place, counted(row["time"], MILLISECOND), asked.symbol, row["price"], row["qty"])


def _binance_kline(taken: Taken, asked: _Answer) -> None:
    if asked.content["e"] == "kline":
        candle(taken, 1, asked.content)


# ---- Kraken


def _kraken(taken: Taken, asked: _Answer) -> None:
    """Candles and trades as lists of rows, or one book, by pair; `last` is the last candle that is finished."""
    last = asked.content["result"].get("last")
    for pair, told in asked.content["result"].items():
        if isinstance(told, dict):
            _kraken_book(taken, pair, told)
        for place, row in enumerate(told if isinstance(told, list) else (), start=1):
            if len(row) == _OHLC and (last is None or row[0] <= last):
                time, opened, high, low, close, _vwap, volume, _count = row
                taken.bars.take(place, counted(time, NANOSECONDS), pair, opened, high, low, close, volume)
            elif len(row) == _TRADE:
                price, size, seconds, *_ = row
                taken.trades.take(place, counted(seconds, NANOSECONDS), pair, price, size)
        if last is None and pair in taken.bars.symbols():
            taken.bars.newest_may_change(pair)


def _is_kraken(result: Any) -> bool:
    told = result.values() if isinstance(result, dict) else ()
    return any({"bids", "asks"} <= one.keys() if isinstance(one, dict) else _are_rows(one) for one in told)


def _are_rows(told: Any) -> bool:
    return isinstance(told, list) and all(isinstance(row, list) and len(row) in (_OHLC, _TRADE) for row in told)


def _kraken_book(taken: Taken, pair: str, book: Any) -> None:
    """It stands at the time of its newest level, the earliest moment at which it can have been so."""
    times = [counted(time, NANOSECONDS) for side in ("bids", "asks") for _price, _size, time in book[side]]
    _best(taken, max(times), pair, book, lambda level: level[:2])


def _kraken_futures_book(taken: Taken, asked: _Answer) -> None:
    time = moment(asked.content["serverTime"])
    _best(taken, time, asked.symbol, asked.content["orderBook"], lambda level: level)


# ---- Coinbase, and candles of Kraken Futures


def _candles(taken: Taken, asked: _Answer) -> None:
    """Coinbase tells seconds and the newest first, Kraken Futures milliseconds."""
    rows = [
        (counted(row["start"], NANOSECONDS) if "start" in row else counted(row["time"], MILLISECOND), place, row)
        for place, row in enumerate(asked.content["candles"], start=1)
    ]
    for time, place, row in sorted(rows, key=lambda one: one[0]):
        prices = (row[name] for name in ("open", "high", "low", "close", "volume"))
        taken.bars.take(place, time, asked.symbol, *prices)
    if rows:
        taken.bars.newest_may_change(asked.symbol)


def _coinbase_trades(taken: Taken, asked: _Answer) -> None:
    """The newest first."""
    rows = [(moment(row["time"]), -place, row) for place, row in enumerate(asked.content["trades"], start=1)]
    for time, place, row in sorted(rows, key=lambda one: one[:2]):
        taken.trades.take(-place, time, row["product_id"], row["price"], row["size"])


def _coinbase_book(taken: Taken, asked: _Answer) -> None:
    book = asked.content["pricebook"]
    _best(taken, moment(book["time"]), book["product_id"], book, lambda level: (level["price"], level["size"]))


_BY_KEYS: Final[Sequence[tuple[frozenset[str], Reader]]] = (
    (frozenset({"e", "k"}), _binance_kline),
    (frozenset({"candles"}), _candles),
    (frozenset({"pricebook"}), _coinbase_book),
    (frozenset({"trades", "best_bid"}), _coinbase_trades),
    (frozenset({"orderBook", "serverTime"}), _kraken_futures_book),
    (frozenset({"error", "result"}), _kraken),
)


def _best(taken: Taken, time: int, symbol: str, book: Any, level: Callable[[Any], Sequence[Any]]) -> None:
    """The best of each side, whose levels the exchange may have put in any order."""
    bids, asks = ([tuple(level(one)) for one in book[side]] for side in ("bids", "asks"))
    bid = max(bids, key=lambda one: Decimal(one[0]), default=(None, 0))
    ask = min(asks, key=lambda one: Decimal(one[0]), default=(None, 0))
    taken.quotes.take(1, time, symbol, bid[0], ask[0], bid[1], ask[1])
