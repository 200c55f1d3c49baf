"""BitMEX's raw messages against what was recorded of them: levels by id, and ids that nobody told of."""

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.tools.book_kit import Rebuilt
from tests.tools.recordings import cryptofeed
from toolkit.adapters.bitmex_stream import Bitmex
from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import RawDepth, RawTrade
from toolkit.domain.time import FeedTime
from toolkit.engine.depth_book import Followed, Top

FILE = "BITMEX.ws.1.0"
SECOND = 1_000_000_000
LEVELS = [{"symbol": "XBTUSDT", "id": 1, "side": "Buy", "size": 1000, "price": 9.5},
          {"symbol": "XBTUSDT", "id": 2, "side": "Sell", "size": 2000, "price": 11}]  # fmt: skip


def bitmex() -> Bitmex:
    return Bitmex({"BTC/USDT": "XBTUSDT"}, stream="wss://127.0.0.1", units={"BTC/USDT": Decimal("0.001")})


def book(action: str, *levels: dict[str, object]) -> str:
    said = {"table": "orderBookL2", "action": action, "data": levels}
    return json.dumps(said | ({"filter": {"symbol": "XBTUSDT"}} if action == "partial" else {}))


def test_rebuilt_books_are_whole_never_cross_and_had_every_quote_that_the_venue_told(recordings: Path) -> None:
    """426 quotes, gathered by the venue: each was the top of our book, price and size, within the second before."""
    found = Rebuilt(Bitmex({}, stream="", units={}))
    tops: defaultdict[str, list[tuple[int, Top | None]]] = defaultdict(list)
    quotes = equal = 0
    for received, text in cryptofeed(recordings, FILE):
        found.take(text, received)
        message = json.loads(text)
        if message.get("table") == "orderBookL2":
            for symbol in {level["symbol"] for level in message["data"]}:
                tops[symbol].append((received, found.books[symbol].top()))
        if (message.get("table"), message.get("action")) == ("quote", "insert"):
            for row in message["data"]:
                names = ("bidPrice", "bidSize", "askPrice", "askSize")
                told = Top(*(Decimal(str(row[name])) for name in names))
                quotes += 1
                equal += any(top == told for time, top in tops[row["symbol"]] if received - time < SECOND) or (
                    tops[row["symbol"]][-1][1] == told
                )
    assert found.loaded == {True: 10}
    assert found.followed == {Followed.APPLIED: 1_969}
    assert (found.crossed, equal, quotes) == (0, 426, 426)


def test_the_trades_of_the_recording_are_those_since_it_began(recordings: Path) -> None:
    trades = Rebuilt(Bitmex({}, stream="", units={})).take_all(cryptofeed(recordings, FILE)).trades
    assert len(trades) == 17
    assert {trade.instrument for trade in trades} >= {"UNIUSDT", "XBTUSD", "MATICUSDT"}


def test_levels_come_by_id_in_units_of_what_is_traded() -> None:
    found = Rebuilt(bitmex())
    found.take(book("partial", *LEVELS), FeedTime(1))
    assert found.books["BTC/USDT"].top() == (Decimal("9.5"), 1, 11, 2)
    found.take(book("insert", {"symbol": "XBTUSDT", "id": 3, "side": "Buy", "size": 500, "price": 10}), FeedTime(2))
    found.take(book("update", {"symbol": "XBTUSDT", "id": 2, "side": "Sell", "size": 7}), FeedTime(3))
    assert found.books["BTC/USDT"].top() == (10, Decimal("0.5"), 11, Decimal("0.007"))
    found.take(book("delete", {"symbol": "XBTUSDT", "id": 3, "side": "Buy"}), FeedTime(4))
    assert found.books["BTC/USDT"].top() == (Decimal("9.5"), 1, 11, Decimal("0.007"))


@pytest.mark.parametrize("action", ["update", "delete"])
def test_an_id_that_nobody_told_of_is_a_loss_and_the_next_partial_mends_it(action: str) -> None:
    found = Rebuilt(bitmex())
    found.take(book("partial", *LEVELS), FeedTime(1))
    unknown = {"symbol": "XBTUSDT", "id": 9, "side": "Buy", "size": 5, "price": 9}
    found.take(book(action, unknown), FeedTime(2))
    assert found.followed == {Followed.GAP: 1}
    found.take(book("update", {"symbol": "XBTUSDT", "id": 1, "side": "Buy", "size": 5}), FeedTime(3))
    assert found.followed == {Followed.GAP: 1}, "until then its changes say nothing"
    found.take(book("partial", *LEVELS), FeedTime(4))
    assert found.loaded == {True: 2}


def test_what_comes_before_the_whole_book_says_nothing() -> None:
    row = {"symbol": "XBTUSDT", "id": 1, "side": "Buy", "size": 5, "price": 9}
    assert bitmex().parse(book("insert", row), FeedTime(1)).rows == ()


def test_small_prices_keep_their_digits_and_trades_the_venues_time() -> None:
    stream = bitmex()
    (row,) = stream.parse(book("partial", LEVELS[0] | {"price": 1.814e-05}), FeedTime(1)).rows
    assert isinstance(row, RawDepth)
    assert row.bids == (("0.00001814", "1.000"),)
    trade = {"timestamp": "2021-07-22T22:36:10.014Z", "symbol": "XBTUSDT", "side": "Buy", "size": 52, "price": 17.297,
             "trdMatchID": "39744121"}  # fmt: skip
    message = stream.parse(json.dumps({"table": "trade", "action": "insert", "data": [trade]}), FeedTime(2))
    assert message.rows == (RawTrade("BTC/USDT", FeedTime(2), Decimal("17.297"), "0.052", "XBTUSDT trade 39744121"),)
    assert message.sent == 1_626_993_370_014_000_000


def test_it_subscribes_to_trades_and_books_and_asks_for_one_book_anew() -> None:
    (greeting,) = bitmex().greetings()
    assert json.loads(greeting) == {"op": "subscribe", "args": ["trade:XBTUSDT", "orderBookL2:XBTUSDT"]}
    assert [json.loads(words) for words in bitmex().again("BTC/USDT")] == [
        {"op": "unsubscribe", "args": ["orderBookL2:XBTUSDT"]},
        {"op": "subscribe", "args": ["orderBookL2:XBTUSDT"]},
    ]


def test_what_cannot_be_read_is_shown_and_refusals_are_told() -> None:
    for text in ("nonsense", '{"table":"orderBookL2","action":"insert","data":[{"id":1}]}'):
        with pytest.raises(TransportError, match="BitMEX sent what cannot be read"):
            bitmex().parse(text, FeedTime(0))
    assert bitmex().parse('{"status":400,"error":"Unknown table: x"}', FeedTime(0)).refused == (
        "BitMEX: Unknown table: x"
    )
