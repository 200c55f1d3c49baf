"""What recorders wrote down becomes quotes and trades of the instruments asked for; whatever else is there is named."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Bar, Quote, Trade
from toolkit.research.data_own import OwnData

SECOND = 1_000_000_000
BEGAN = 1_600_000_000


def coins(*symbols: str) -> pd.DataFrame:
    return pd.DataFrame({"symbol": symbols}).assign(
        tick="0.01", lot="0.001", quantum="0.00001", currency="USD", calendar="24/7"
    )


def cryptofeed(path: Path, url: str, *messages: object) -> Path:
    """One connection: opened, asked for something, and a message received each second after."""
    lines = [f"{url} <-> {BEGAN}.5", f'{url} <- {BEGAN}.75: {{"subscribe": "all"}}']
    lines += [f"{BEGAN + number}.0000005: {json.dumps(message)}" for number, message in enumerate(messages, start=1)]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def events(data: OwnData, kind: type) -> list[tuple[int, str]]:
    return [
        (step.time, event.instrument)
        for step in data
        for event in step.events
        if isinstance(event, kind) and isinstance(event, Quote | Trade)
    ]


BINANCE = (
    {"stream": "btcusd@bookTicker", "data": {"u": 1, "s": "BTCUSD", "b": "9.99", "B": "5", "a": "10.01", "A": "7"}},
    {"stream": "btcusd@aggTrade", "data": {"s": "BTCUSD", "p": "10", "q": "2"}},
    {"stream": "btcusd@depth@100ms", "data": {"E": 1, "s": "BTCUSD", "U": 3, "u": 4, "b": [["9.98", "1"]], "a": []}},
)
KRAKEN = (
    {"event": "heartbeat"},
    [7, {"a": ["10.01", 35, "7.5"], "b": ["9.99", 185, "5.5"]}, "ticker", "BTCUSD"],
    [8, [["10", "2", "1600000000.1", "s", "m", ""], ["10.01", "1", "1600000000.2", "b", "l", ""]], "trade", "BTCUSD"],
)
COINBASE = (
    {"type": "snapshot", "product_id": "BTCUSD", "bids": [["9.99", "1"]], "asks": [["10.01", "1"]]},
    {"type": "last_match", "product_id": "BTCUSD", "price": "11", "size": "1"},
    {"type": "ticker", "product_id": "BTCUSD", "best_bid": "9.99", "best_ask": "10.01"},
    {"type": "match", "product_id": "BTCUSD", "price": "10", "size": "2"},
)
BITMEX = (
    {"info": "Welcome"},
    {"table": "trade", "action": "partial", "data": [{"symbol": "BTCUSD", "price": 11.0, "size": 1}]},
    {
        "table": "quote",
        "action": "insert",
        "data": [{"symbol": "BTCUSD", "bidPrice": 9.99, "askPrice": 10.01, "bidSize": 5, "askSize": 7}],
    },
    {"table": "trade", "action": "insert", "data": [{"symbol": "BTCUSD", "price": 10.0, "size": 2}]},
)


@pytest.mark.parametrize(
    ("url", "messages", "quoted", "traded"),
    [
        ("wss://stream.binance.example:9443/stream?streams=btcusd@aggTrade", BINANCE, [1], [2]),
        ("wss://ws.kraken.example", KRAKEN, [2], [3, 3]),
        ("wss://ws-feed.coinbase.example", COINBASE, [3], [4]),
        ("wss://www.bitmex.example/realtime", BITMEX, [3], [4]),
    ],
)
def test_a_connection_of_cryptofeed_is_read_by_the_time_received(
    url: str, messages: tuple[object, ...], quoted: list[int], traded: list[int], tmp_path: Path
) -> None:
    data = tk.data.read(cryptofeed(tmp_path / "EXCHANGE.ws.1.0.gz", url, *messages), coins("BTCUSD"))
    assert not [problem for problem in data.report.problems if problem.severity == "error"]
    assert events(data, Quote) == [((BEGAN + second) * SECOND + 500, "BTCUSD") for second in quoted]
    assert events(data, Trade) == [((BEGAN + second) * SECOND + 500, "BTCUSD") for second in traded]


def test_of_many_instruments_those_that_are_given_are_read(tmp_path: Path) -> None:
    other = {"stream": "ethusd@bookTicker", "data": {"u": 1, "s": "ETHUSD", "b": "1", "B": "1", "a": "2", "A": "1"}}
    path = cryptofeed(tmp_path / "BINANCE.ws.1.0.gz", "wss://stream.binance.example", *BINANCE, other)
    assert {symbol for _, symbol in events(tk.data.read(path, coins("BTCUSD")), Quote)} == {"BTCUSD"}
    assert {symbol for _, symbol in events(tk.data.read(path, coins("BTCUSD", "ETHUSD")), Quote)} == {
        "BTCUSD",
        "ETHUSD",
    }
    with pytest.raises(ConfigError, match="nothing of SOLUSD is in it; it has BTCUSD, ETHUSD"):
        tk.data.read(path, coins("SOLUSD"))


@pytest.mark.parametrize(
    ("url", "messages", "told"),
    [
        (
            "wss://stream.bybit.example",
            BINANCE,
            "stream.bybit.example is not read; known are binance, bitmex, coinbase, kraken",
        ),
        ("wss://stream.binance.example", BINANCE[2:], "nor an order book that begins with a whole one, nor trades"),
        ("wss://stream.binance.example", ({"stream": "b@bookTicker", "data": {}},), "ws.1.0.gz:3: no message of its"),
    ],
)
def test_what_cannot_be_read_is_named(url: str, messages: tuple[object, ...], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        tk.data.read(cryptofeed(tmp_path / "X.ws.1.0.gz", url, *messages), coins("BTCUSD"))
    assert told in str(raised.value)


def test_events_of_barter_are_of_instruments_by_number(tmp_path: Path) -> None:
    def event(number: int, second: int, kind: dict[str, object]) -> dict[str, object]:
        told = {"time_received": f"2024-12-20T19:05:{second:02}.000000001Z", "instrument": number, "kind": kind}
        return {"Item": {"Ok": told}}

    top = {"best_bid": {"price": 9.99, "amount": 5.0}, "best_ask": {"price": 10.01, "amount": 7.0}}
    path = tmp_path / "events.json"
    path.write_text(
        json.dumps(
            [
                event(0, 1, {"OrderBookL1": top}),
                {"Reconnecting": "binance_spot"},
                {"Item": {"Err": "cut"}},
                event(1, 3, {"Trade": {"price": 10.0, "amount": 2.0}}),
            ],
            indent=2,
        )
    )
    data = tk.data.read(path, coins("BTCUSD", "ETHUSD"))
    at = pd.Timestamp("2024-12-20T19:05:01.000000001Z").value
    assert events(data, Trade) == [(at + 2 * SECOND, "ETHUSD")]
    assert (at, "BTCUSD") in events(data, Quote)
    with pytest.raises(ConfigError, match="event 4 is of instrument 1, 1 are given"):
        tk.data.read(path, coins("BTCUSD"))
    path.write_text('[{"Item": 1}]')
    with pytest.raises(ConfigError, match="no list of barter's market events"):
        tk.data.read(path, coins("BTCUSD"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"{BEGAN * SECOND} 5", "own.gz:2: no message of its exchange"),
        (f"{BEGAN * SECOND} []", "own.gz:2: no message of its exchange"),
        ("9" * 30 + " {}", "own.gz:2: no time of receipt"),
        ("² {}", "own.gz:2: no time of receipt"),
    ],
)
def test_a_line_that_is_no_message_is_named(line: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "own.gz"
    path.write_bytes(gzip.compress(f"{BEGAN * SECOND} {json.dumps(BINANCE[0])}\n{line}\n".encode()))
    with pytest.raises(ConfigError, match=told):
        tk.data.read(path, coins("BTCUSD"))


def test_a_candle_is_told_when_it_came_and_never_before_its_end(tmp_path: Path) -> None:
    """A strategy could not know of it before; a recorder whose clock is behind has it before it ended."""
    minute = 60
    start = BEGAN - BEGAN % minute
    late = {0: 2.0, 1: 0.25, 2: -1.25, 3: 90.0}
    lines = [
        f"{int((start + minute * (one + 1) + after) * SECOND)} "
        + json.dumps(
            {"stream": "btcusd@kline_1m", "data": {"k": {"t": (start + minute * one) * 1_000, "x": True} | CANDLE}}
        )
        for one, after in late.items()
    ]
    path = tmp_path / "own.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    data = tk.data.read(path, coins("BTCUSD"))
    assert not data.report.problems
    told = {
        one.start // SECOND: step.time / SECOND - start for step in data for one in step.events if isinstance(one, Bar)
    }
    assert told == {
        start + minute * one: pytest.approx(minute * (one + 1) + max(after, 0)) for one, after in late.items()
    }
    times = [step.time / SECOND - start for step in data for one in step.events if isinstance(one, Quote)]
    assert times == pytest.approx([60, 60, 80, 100, 119, 120, 140, 160, 179, 180, 200, 220, 239]), (
        "as if it came at once"
    )


CANDLE = {"s": "BTCUSD", "o": "10", "c": "10.25", "h": "10.5", "l": "9.5", "v": "3.5"}


def test_events_between_which_nothing_was_received_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text('[{"Reconnecting": "binance_spot"}]')
    with pytest.raises(ConfigError, match=r"events.json: no rows of BTCUSD"):
        tk.data.read(path, coins("BTCUSD"))
    path.write_text(json.dumps([{"Item": {"Ok": {"time_received": "", "instrument": 0, "kind": {}}}}]))
    with pytest.raises(ConfigError, match=r"events.json: no list of barter's market events"):
        tk.data.read(path, coins("BTCUSD"))
