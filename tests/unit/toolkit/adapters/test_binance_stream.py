"""Binance's raw streams against what was recorded of them, and the rebuilt book against that recording's oracle."""

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from toolkit.adapters.binance_stream import BinanceSpot
from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import RawDepth, RawQuote, RawTrade
from toolkit.domain.time import FeedTime
from toolkit.engine.depth_book import DepthBook, Followed

FILES = ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz")
ADDRESS = {"rest": "https://127.0.0.1/api/v3", "stream": "wss://127.0.0.1:9443/ws"}


def recorded(recordings: Path) -> Iterator[tuple[int, str]]:
    """Local receive time (ns) and message, both files as the one recording that they are."""
    for name in FILES:
        with gzip.open(recordings / "binance_ws" / name, "rt") as lines:
            for line in lines:
                received, _, text = line.partition(" ")
                yield int(received), text


def test_the_rebuilt_book_equals_the_book_ticker_as_the_oracle_says(recordings: Path) -> None:
    """No gap, and the top equals the last bookTicker in 6,449 of 6,451 comparisons (../shared/data/README.md)."""
    binance = BinanceSpot({"BTC/USDT": "BTCUSDT"}, **ADDRESS)
    book, quote = DepthBook(), None
    found = dict.fromkeys(Followed, 0)
    compared = equal = trades = 0
    last_trade = None
    for received, text in recorded(recordings):
        if '"lastUpdateId"' in text:
            assert book.load(binance.snapshot("BTC/USDT", text, FeedTime(received)))
            continue
        (row,) = binance.parse(text, FeedTime(received)).rows
        if isinstance(row, RawQuote):
            quote = row
        elif isinstance(row, RawTrade):
            assert last_trade is None or row.previous == last_trade, "trade ids have no gap"
            last_trade, trades = row.number, trades + 1
        else:
            followed = book.take(row)
            found[followed] += 1
            if followed is Followed.APPLIED and quote is not None and (quote.number or 0) <= book.last:
                compared += 1
                sides = (quote.bid, quote.bid_size, quote.ask, quote.ask_size)
                equal += book.top() == tuple(Decimal(str(side)) for side in sides)
    assert found[Followed.GAP] == 0
    assert trades == 9_757 + 10_147
    assert (equal, compared) == (6_449, 6_451)


def test_other_pairs_of_other_years_are_read_too(recordings: Path) -> None:
    """cryptofeed's capture of 2021 has four pairs, and streams that are none of ours, which say nothing."""
    symbols: set[str] = set()
    with gzip.open(recordings / "cryptofeed_raw" / "BINANCE.ws.1.0.gz", "rt") as lines:
        messages = [line.partition(": ")[2] for line in lines if line[:1].isdigit()]
    binance = BinanceSpot({}, **ADDRESS)
    for text in messages:
        for row in binance.parse(text, FeedTime(0)).rows:
            assert isinstance(row, RawQuote | RawTrade | RawDepth)
            symbols.add(row.instrument)
    assert len(symbols) == 4


def test_the_address_names_the_streams_so_that_connecting_again_subscribes_again() -> None:
    binance = BinanceSpot({"BTC/USDT": "BTCUSDT"}, **ADDRESS)
    names = "btcusdt@bookTicker/btcusdt@trade/btcusdt@depth@100ms"
    assert binance.address() == f"wss://127.0.0.1:9443/stream?streams={names}"
    assert binance.snapshot_address("BTC/USDT") == "https://127.0.0.1/api/v3/depth?symbol=BTCUSDT&limit=5000"


def test_the_venues_own_time_is_told_where_there_is_one() -> None:
    binance = BinanceSpot({"BTC/USDT": "BTCUSDT"}, **ADDRESS)
    trade = {"E": 1_700, "s": "BTCUSDT", "t": 3, "p": "10.0", "q": "1"}
    message = binance.parse(json.dumps({"stream": "btcusdt@trade", "data": trade}), FeedTime(9))
    assert message.sent == 1_700_000_000
    assert message.rows == (RawTrade("BTC/USDT", FeedTime(9), "10.0", "1", "btcusdt@trade 3", 3, 2),)


def test_what_cannot_be_read_is_shown_and_a_refused_subscription_told() -> None:
    binance = BinanceSpot({"BTC/USDT": "BTCUSDT"}, **ADDRESS)
    with pytest.raises(TransportError, match=r"cannot be read.*half a mess"):
        binance.parse('{"stream": "half a mess', FeedTime(0))
    assert "Invalid" in binance.parse('{"error": {"code": 2, "msg": "Invalid request"}}', FeedTime(0)).refused
