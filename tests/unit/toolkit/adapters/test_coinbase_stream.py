"""Coinbase Exchange's raw messages against what was recorded of them, and how a loss on its line is noticed."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.tools.book_kit import Rebuilt
from tests.tools.recordings import cryptofeed
from toolkit.adapters.coinbase_stream import CoinbaseExchange
from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import RawDepth, RawTrade
from toolkit.domain.time import FeedTime
from toolkit.engine.depth_book import Followed

FILE = "COINBASE.ws.28.0"
CONNECTED = "2021-04-17T16:43:37.07"
TIME = "2021-04-17T16:43:37.056746Z"
SNAPSHOT = '{"type":"snapshot","product_id":"BTC-USD","bids":[["9","1"]],"asks":[["11","1"]]}'


def coinbase() -> CoinbaseExchange:
    return CoinbaseExchange({"BTC/USD": "BTC-USD"}, stream="wss://127.0.0.1")


def match(number: int, kind: str = "match") -> str:
    return json.dumps({
        "type": kind, "trade_id": number, "product_id": "BTC-USD", "price": "10", "size": "2", "time": TIME,
        "side": "sell", "sequence": 7,
    })  # fmt: skip


def heartbeat(last: int) -> str:
    return json.dumps({
        "type": "heartbeat", "sequence": 90, "last_trade_id": last, "product_id": "BTC-USD", "time": TIME,
    })  # fmt: skip


def test_rebuilt_books_are_whole_never_cross_and_equal_every_ticker_of_the_line(recordings: Path) -> None:
    """97 of 97; ten more are of trades from before the line was there and tell of a book that is past."""
    found = Rebuilt(coinbase())
    equal = older = 0
    for received, text in cryptofeed(recordings, FILE):
        found.take(text, received)
        if '"type":"ticker"' in text:
            ticker = json.loads(text)
            top = found.books[ticker["product_id"]].top()
            assert top is not None
            told = Decimal(ticker["best_bid"]), Decimal(ticker["best_ask"])
            if ticker["time"] < CONNECTED:
                older += 1
            else:
                assert (top.bid, top.ask) == told
                equal += 1
    assert found.loaded == {True: 10}
    assert found.followed == {Followed.APPLIED: 9_719}
    assert (found.crossed, equal, older) == (0, 97, 10)


def test_trades_of_the_recording_have_no_gap_and_the_one_before_the_line_is_none(recordings: Path) -> None:
    trades = Rebuilt(coinbase()).take_all(cryptofeed(recordings, FILE)).trades
    assert len(trades) == 97
    last: dict[str, int] = {}
    for trade in trades:
        assert trade.number is not None
        assert last.setdefault(trade.instrument, trade.number - 1) == trade.previous
        last[trade.instrument] = trade.number


def test_a_trade_that_never_came_makes_the_book_unbelievable() -> None:
    found = Rebuilt(coinbase())
    for text in (SNAPSHOT, match(4, "last_match"), match(5), match(7)):
        found.take(text, FeedTime(1))
    assert found.followed == {Followed.GAP: 1}
    assert [(trade.number, trade.previous) for trade in found.trades] == [(5, 4), (7, 6)]


def test_a_heartbeat_tells_of_a_lost_trade_once_the_trade_has_had_time_to_come() -> None:
    found = Rebuilt(coinbase())
    for text in (SNAPSHOT, match(4, "last_match"), heartbeat(5), match(5), heartbeat(6)):
        found.take(text, FeedTime(1))
    assert not found.followed
    found.take(heartbeat(6), FeedTime(2))
    assert found.followed == {Followed.GAP: 1}
    found.take(heartbeat(6), FeedTime(3))
    assert found.followed == {Followed.GAP: 1}, "it is told once"


def test_a_new_line_begins_without_the_trades_of_the_old_one() -> None:
    stream = coinbase()
    found = Rebuilt(stream)
    for text in (SNAPSHOT, match(4)):
        found.take(text, FeedTime(1))
    stream.greetings()
    for text in (SNAPSHOT, match(90, "last_match"), match(91)):
        found.take(text, FeedTime(2))
    assert not found.followed


def test_changes_and_trades_are_read_with_the_venues_time() -> None:
    stream = coinbase()
    update = '{"type":"l2update","product_id":"BTC-USD","changes":[["buy","9","0.0"],["sell","11","3"]],"time":"%s"}'
    message = stream.parse(update % TIME, FeedTime(3))
    (row,) = message.rows
    assert isinstance(row, RawDepth)
    assert (row.instrument, row.bids, row.asks) == ("BTC/USD", (("9", "0.0"),), (("11", "3"),))
    assert message.sent == 1_618_677_817_056_746_000
    assert stream.parse(match(5), FeedTime(4)).rows == (
        RawTrade("BTC/USD", FeedTime(4), "10", "2", "BTC-USD match 5", 5, 4),
    )


def test_it_subscribes_to_what_needs_no_key_and_asks_for_one_book_anew() -> None:
    (greeting,) = coinbase().greetings()
    assert json.loads(greeting)["channels"] == ["level2_batch", "matches", "heartbeat"]
    assert [json.loads(words)["type"] for words in coinbase().again("BTC/USD")] == ["unsubscribe", "subscribe"]


def test_what_cannot_be_read_is_shown_and_refusals_are_told() -> None:
    for text in ('{"type":"match"}', "nonsense", '{"type":"l2update","product_id":"BTC-USD","changes":7}'):
        with pytest.raises(TransportError, match="Coinbase sent what cannot be read"):
            coinbase().parse(text, FeedTime(0))
    error = '{"type":"error","message":"Failed to subscribe","reason":"X-USD is not a valid product"}'
    assert coinbase().parse(error, FeedTime(0)).refused == "Coinbase: Failed to subscribe X-USD is not a valid product"
    assert not coinbase().parse('{"type":"subscriptions","channels":[]}', FeedTime(0)).rows
