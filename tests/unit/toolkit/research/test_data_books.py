"""A recorded order book becomes the best bid and offer after each change, a lost change ends it, told with place."""

import gzip
import json
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

import toolkit as tk
from tests.unit.toolkit.research.test_data_recordings import BEGAN, BINANCE, SECOND, coins, cryptofeed
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import FeedGap, Quote, Trade
from toolkit.research.data_own import OwnData

STREAM = "wss://stream.binance.example"
KRAKEN = "wss://ws.kraken.example"
Levels = list[list[str]]


def told(data: OwnData) -> list[tuple[float, int, int, int, int]]:
    """Seconds since the recording began, and the quote then."""
    return [
        ((step.time - BEGAN * SECOND) // 1_000_000 / 1_000, one.bid, one.bid_size, one.ask, one.ask_size)
        for step in data
        for one in step.events
        if isinstance(one, Quote)
    ]


def change(first: int, last: int, bids: Levels, asks: Levels, symbol: str = "BTCUSD") -> dict[str, object]:
    data = {"E": BEGAN * 1_000, "s": symbol, "U": first, "u": last, "b": bids, "a": asks}
    return {"stream": f"{symbol.lower()}@depth@100ms", "data": data}


def answered(path: Path, second: float, last: int, bids: Levels, asks: Levels) -> Path:
    """A whole book that was asked for, as cryptofeed keeps it."""
    book = json.dumps({"lastUpdateId": last, "bids": bids, "asks": asks})
    other = f"https://api.binance.example/api/v3/exchangeInfo -> {BEGAN}.1: {{}}"
    asked = f"https://api.binance.example/api/v3/depth?symbol=BTCUSD&limit=1000 -> {BEGAN + second}: {book}"
    path.write_bytes(gzip.compress(f"{other}\n{asked}\n".encode()))
    return path


def test_a_book_begins_with_the_whole_one_of_another_file(tmp_path: Path) -> None:
    """The first change is in it already, the second waits for it, and the third leaves the best as it was."""
    stream = cryptofeed(
        tmp_path / "BINANCE.ws.1.0.gz",
        STREAM,
        change(1, 3, [["9.5", "1"]], []),
        change(4, 6, [["9.99", "2"]], []),
        change(7, 7, [["9.9", "3"]], []),
        change(8, 9, [["9.99", "0"]], [["10.01", "0.5"]]),
    )
    asked = answered(tmp_path / "BINANCE.http.0.0.gz", 2.5, 4, [["9.9", "2"]], [["10.02", "1"]])
    assert told(tk.data.read(asked, coins("BTCUSD"))) == [(2.5, 990, 2_000, 1_002, 1_000)]
    data = tk.data.read([stream, asked], coins("BTCUSD"))
    assert told(data) == [(2.5, 999, 2_000, 1_002, 1_000), (4.0, 990, 3_000, 1_001, 500)]
    assert not data.report.problems
    assert data.label == "own quotes"
    with pytest.raises(ConfigError, match="nor an order book that begins with a whole one"):
        tk.data.read(stream, coins("BTCUSD"))
    with pytest.raises(ConfigError, match="nothing of ETHUSD is in it; it has BTCUSD"):
        tk.data.read(stream, coins("ETHUSD"))


def test_the_book_is_read_where_quotes_are_told_when_it_is_asked_for(tmp_path: Path) -> None:
    stream = cryptofeed(tmp_path / "BINANCE.ws.1.0.gz", STREAM, *BINANCE)
    asked = answered(tmp_path / "BINANCE.http.0.0.gz", 2.5, 2, [["9.9", "2"]], [["10.02", "1"]])
    both = [stream, asked]
    assert told(tk.data.read(both, coins("BTCUSD"))) == [(1.0, 999, 5_000, 1_001, 7_000)]
    data = tk.data.read(both, coins("BTCUSD"), book=True)
    assert told(data) == [(2.5, 990, 2_000, 1_002, 1_000), (3.0, 998, 1_000, 1_002, 1_000)]
    assert [event.price for step in data for event in step.events if isinstance(event, Trade)] == [1_000]
    with pytest.raises(ConfigError, match=r"no order book of BTCUSD that begins with a whole one; give the file"):
        tk.data.read(stream, coins("BTCUSD"), book=True)


def test_a_book_goes_on_in_the_next_file_of_a_recorder(tmp_path: Path) -> None:
    """Its own lines hold the whole book without a name: that of the only instrument whose changes came."""
    whole = {"lastUpdateId": 2, "bids": [["9.9", "2"]], "asks": [["10.02", "1"]]}
    paths = [tmp_path / "one.gz", tmp_path / "two.gz"]
    for path, messages in zip(
        paths,
        ([change(1, 2, [], []), whole], [change(3, 3, [["9.95", "1"]], []), change(5, 5, [["9.96", "1"]], [])]),
        strict=True,
    ):
        start = BEGAN + 10 * paths.index(path)
        lines = (f"{(start + number) * SECOND} {json.dumps(one)}" for number, one in enumerate(messages))
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
    data = tk.data.read(paths, coins("BTCUSD"))
    assert told(data) == [(1.0, 990, 2_000, 1_002, 1_000), (10.0, 995, 1_000, 1_002, 1_000)]
    (lost,) = data.report.problems
    assert (lost.fault, lost.severity, lost.places) == ("book lost", "warning", ("two.gz:1",))
    several = tmp_path / "three.gz"
    messages = [change(1, 2, [], []), change(1, 1, [], [], "ETHUSD"), whole]
    several.write_bytes(gzip.compress("\n".join(f"{BEGAN * SECOND} {json.dumps(one)}" for one in messages).encode()))
    with pytest.raises(ConfigError, match=r"three.gz:3: a book that names no instrument, and changes of 2 came before"):
        tk.data.read(several, coins("BTCUSD"))


def checksum(asks: Levels, bids: Levels) -> str:
    digits = "".join(number.replace(".", "").lstrip("0") for level in (*asks, *bids) for number in level)
    return str(crc32(digits.encode()))


def test_a_book_with_checksums_is_true_as_long_as_they_hold(tmp_path: Path) -> None:
    whole = [1, {"as": [["10.02", "1.000", "1.0"]], "bs": [["9.90", "2.000", "1.0"]]}, "book-10", "BTCUSD"]

    def better(price: str, asks: Levels, bids: Levels) -> list[object]:
        return [1, {"b": [[price, "1.000", "2.0"]], "c": checksum(asks, bids)}, "book-10", "BTCUSD"]

    ask, bid = [["10.02", "1.000"]], [["9.90", "2.000"]]
    fits = better("9.95", ask, [["9.95", "1.000"], *bid])
    fails = better("9.96", ask, [["9.96", "1.000"], *bid])  # of a book without 9.95: its change was lost
    path = cryptofeed(tmp_path / "KRAKEN.ws.1.0.gz", KRAKEN, {"event": "heartbeat"}, whole, fits, fails, fails)
    data = tk.data.read(path, coins("BTCUSD"))
    assert told(data) == [(2.0, 990, 2_000, 1_002, 1_000), (3.0, 995, 1_000, 1_002, 1_000)]
    (lost,) = data.report.problems
    assert (lost.fault, lost.places) == ("book lost", ("KRAKEN.ws.1.0.gz:5",))
    assert "changes of the order book are missing after it" in str(lost)


def test_a_new_connection_begins_a_new_book(tmp_path: Path) -> None:
    """What it changed meanwhile nobody heard; the changes before its own whole book say nothing."""
    whole = [1, {"as": [["10.02", "1.000", "1.0"]], "bs": [["9.90", "2.000", "1.0"]]}, "book-10", "BTCUSD"]
    later = [1, {"b": [["9.95", "1.000", "2.0"]]}, "book-10", "BTCUSD"]
    path = cryptofeed(tmp_path / "KRAKEN.ws.1.0.gz", KRAKEN, whole)
    again = f"\n{KRAKEN} <-> {BEGAN + 2}.5\n{BEGAN + 3}.0: {json.dumps(later)}\n{BEGAN + 4}.0: {json.dumps(whole)}"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + again.encode()))
    data = tk.data.read(path, coins("BTCUSD"))
    assert [time for time, *_ in told(data)] == [1.0, 4.0]
    assert [(one.fault, one.places) for one in data.report.problems] == [("book lost", ("KRAKEN.ws.1.0.gz:3",))]


def test_a_change_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = cryptofeed(tmp_path / "K.ws.1.0.gz", KRAKEN, [1, {"b": [["x"]], "c": "7"}, "book-10", "BTCUSD"])
    with pytest.raises(ConfigError, match=r"K.ws.1.0.gz:3: Kraken sent what cannot be read"):
        tk.data.read(path, coins("BTCUSD"))
    table = tmp_path / "own.csv"
    table.write_text("time,bid,ask\n2024-01-02 10:00:00Z,1,2\n")
    with pytest.raises(ConfigError, match="book=True is for recordings of an exchange's stream"):
        tk.data.read(table, coins("BTCUSD"), book=True)


BITMEX = "wss://www.bitmex.example/realtime"
COINBASE = "wss://ws-feed.coinbase.example"


def levels(action: str, symbol: str, *rows: dict[str, object]) -> dict[str, object]:
    return {
        "table": "orderBookL2",
        "action": action,
        "filter": {"symbol": symbol},
        "data": [{"symbol": symbol, **row} for row in rows],
    }


def whole(symbol: str) -> dict[str, object]:
    bid = {"id": 1, "side": "Buy", "size": 2, "price": 9.9}
    return levels("partial", symbol, bid, {"id": 2, "side": "Sell", "size": 1, "price": 10.02})


def connected_again(path: Path, url: str, second: float, *messages: object) -> Path:
    """The same file with another connection, and a message in each second after."""
    lines = [f"{url} <-> {BEGAN + second}"]
    lines += [f"{BEGAN + second + number}: {json.dumps(one)}" for number, one in enumerate(messages, start=1)]
    path.write_bytes(gzip.compress("\n".join([gzip.decompress(path.read_bytes()).decode(), *lines]).encode()))
    return path


def test_one_connection_that_begins_anew_leaves_the_books_of_another_alone(tmp_path: Path) -> None:
    """The other goes on with its own levels by id: none of its changes is left out in silence."""
    grown = levels("update", "ETHUSD", {"id": 1, "side": "Buy", "size": 5})
    one = connected_again(cryptofeed(tmp_path / "BITMEX.ws.1.0.gz", BITMEX, whole("BTCUSD")), BITMEX, 2.5)
    other = cryptofeed(tmp_path / "BITMEX.ws.2.0.gz", BITMEX, {"info": "Welcome"}, whole("ETHUSD"), {}, grown)
    data = tk.data.read([one, other], coins("BTCUSD", "ETHUSD"))
    of_other = [row for row in told(data) if row[0] > 1]
    assert of_other == [(2.0, 990, 2_000, 1_002, 1_000), (4.0, 990, 5_000, 1_002, 1_000)]
    assert [(lost.fault, lost.instrument) for lost in data.report.problems] == [("book lost", "BTCUSD")]


def coinbase(kind: str, symbol: str, **rest: object) -> dict[str, object]:
    return {"type": kind, "product_id": symbol, "time": "2020-09-13T12:26:41Z", **rest}


def of_coinbase(symbol: str, number: int) -> list[dict[str, object]]:
    """A whole book, and the trade that was the last before it."""
    book = coinbase("snapshot", symbol, bids=[["9.9", "2"]], asks=[["10.02", "1"]])
    return [book, coinbase("last_match", symbol, trade_id=number, price="10", size="1")]


def test_a_trade_that_is_missing_ends_the_book_whatever_other_connections_do(tmp_path: Path) -> None:
    """The ids that prove it are those of its own connection."""
    match = coinbase("match", "ETHUSD", trade_id=9, price="10", size="1")
    one = connected_again(cryptofeed(tmp_path / "C.ws.1.0.gz", COINBASE, *of_coinbase("BTCUSD", 3)), COINBASE, 2.5)
    other = cryptofeed(tmp_path / "C.ws.2.0.gz", COINBASE, *of_coinbase("ETHUSD", 7), {"type": "subscriptions"}, match)
    data = tk.data.read([one, other], coins("BTCUSD", "ETHUSD"), book=True)
    assert {lost.instrument for lost in data.report.problems if lost.fault == "book lost"} == {"BTCUSD", "ETHUSD"}


@pytest.mark.parametrize("folders", [("", ""), ("monday", "tuesday")], ids=["names", "the same name in two folders"])
def test_the_connection_of_the_next_file_has_trades_and_a_book_of_its_own(
    folders: tuple[str, str], tmp_path: Path
) -> None:
    """Trades between the two are no gap in the second; the quote before it held nobody knows how long."""
    for folder in folders:
        (tmp_path / folder).mkdir(exist_ok=True)
    first, second = (
        tmp_path / folder / (f"C.ws.{number}.0.gz" if not folder else "C.ws.gz")
        for number, folder in enumerate(folders)
    )
    cryptofeed(first, COINBASE, *of_coinbase("BTCUSD", 3))
    second.write_bytes(gzip.compress(b""))
    change = coinbase("l2update", "BTCUSD", changes=[["buy", "9.95", "1"]])
    connected_again(second, COINBASE, 10, *of_coinbase("BTCUSD", 700), change)
    second.write_bytes(gzip.compress(gzip.decompress(second.read_bytes()).lstrip()))
    data = tk.data.read([first, second], coins("BTCUSD"), book=True)
    assert [(time, bid) for time, bid, *_ in told(data)] == [(1.0, 990), (11.0, 990), (13.0, 995)]
    (lost,) = data.report.problems
    assert (lost.fault, lost.places) == ("book lost", (f"{first.name}:3",))


def gaps(data: OwnData) -> list[tuple[float, str]]:
    return [
        ((step.time - BEGAN * SECOND) // 1_000_000 / 1_000, one.instrument)
        for step in data
        for one in step.events
        if isinstance(one, FeedGap)
    ]


def test_a_lost_book_is_a_gap_in_the_feed_as_it_is_live(tmp_path: Path) -> None:
    """From the moment at which it was known, and once; the quote that follows is trusted again."""
    book = [1, {"as": [["10.02", "1.000", "1.0"]], "bs": [["9.90", "2.000", "1.0"]]}, "book-10", "BTCUSD"]
    wrong = [1, {"b": [["9.96", "1.000", "2.0"]], "c": "1"}, "book-10", "BTCUSD"]
    path = cryptofeed(tmp_path / "KRAKEN.ws.1.0.gz", KRAKEN, book, {}, wrong, wrong, book)
    data = tk.data.read(connected_again(path, KRAKEN, 7.5, book), coins("BTCUSD"))
    assert [time for time, *_ in told(data)] == [1.0, 5.0, 8.5]
    assert gaps(data) == [(3.0, "BTCUSD"), (7.5, "BTCUSD")]
    assert data.report.count("book lost") == 2
    later = connected_again(cryptofeed(tmp_path / "KRAKEN.ws.2.0.gz", KRAKEN, book), KRAKEN, 20, book)
    lines = gzip.decompress(later.read_bytes()).decode().splitlines()
    later.write_bytes(gzip.compress("\n".join(lines[3:]).encode()))
    data = tk.data.read([path, later], coins("BTCUSD"))
    assert gaps(data)[2:] == [(20.0, "BTCUSD")], "when the next connection began, not when it had its book"


def test_a_trade_beside_a_book_need_not_be_as_the_listener_wants_it(tmp_path: Path) -> None:
    trade = {"stream": "btcusd@trade", "data": {"s": "BTCUSD", "p": "10", "q": "2"}}
    stream = cryptofeed(tmp_path / "BINANCE.ws.1.0.gz", STREAM, trade, change(1, 3, [], []))
    asked = answered(tmp_path / "BINANCE.http.0.0.gz", 2.5, 4, [["9.9", "2"]], [["10.02", "1"]])
    assert told(tk.data.read([stream, asked], coins("BTCUSD"))) == [(2.5, 990, 2_000, 1_002, 1_000)]


class Takes(tk.Strategy):
    """Takes what is offered with each trade that it sees."""

    def on_trade(self, trade: Any) -> None:
        self.buy(trade.instrument, 0.01, 10.5, tif="ioc", reason="a trade")


def test_nothing_trades_on_the_quote_before_a_lost_book(tmp_path: Path) -> None:
    book = [1, {"as": [["10.02", "1.000", "1.0"]], "bs": [["9.90", "2.000", "1.0"]]}, "book-10", "BTCUSD"]
    wrong = [1, {"b": [["9.96", "1.000", "2.0"]], "c": "1"}, "book-10", "BTCUSD"]
    trade = [8, [["10", "2", f"{BEGAN}.1", "s", "m", ""]], "trade", "BTCUSD"]
    path = cryptofeed(tmp_path / "KRAKEN.ws.1.0.gz", KRAKEN, book, trade, {}, wrong, {}, trade, {}, book, {}, trade, {})
    result = tk.backtest(Takes, tk.data.read(path, coins("BTCUSD")))
    seconds = [round(time.timestamp()) - BEGAN for time in result.fills.index]
    assert seconds == [2, 10]
