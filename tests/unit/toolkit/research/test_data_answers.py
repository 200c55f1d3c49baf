"""An exchange's answer in JSON becomes bars, trades or a quote at its own times; what holds none is refused by name."""

import json
from pathlib import Path

import pytest

import toolkit as tk
from tests.unit.toolkit.research.test_data_recordings import coins
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Bar, Quote, Trade

MINUTE = 60
AT = 1_700_000_040
KRAKEN_BOOK = {"asks": [["10.02", "0.136", AT], ["10.03", "1", AT + 7]], "bids": [["9.99", "0.002", AT + 3]]}
KRAKEN_TRADES = [["10.00", "0.5", AT + 0.25, "b", "l", "", 1], ["10.01", "0.25", AT + 1.5, "s", "m", "", 2]]
COINBASE_TRADE = {"trade_id": "1", "product_id": "BTCUSD", "price": "10", "size": "0.5", "side": "SELL"}


def klines(*minutes: int) -> list[list[object]]:
    return [
        [(AT + MINUTE * one) * 1_000, "10", "10.5", "9.5", "10.25", "3.5", (AT + MINUTE * one + 59) * 1_000, "35", 4,
         "1", "10", "0"]
        for one in minutes
    ]  # fmt: skip


def ohlc(*minutes: int) -> list[list[object]]:
    return [[AT + MINUTE * one, "10", "10.5", "9.5", "10.25", "10.1", "3.5", 4] for one in minutes]


def candles(start: str, unit: int, *minutes: int) -> list[dict[str, object]]:
    told = {"open": "10", "high": "10.5", "low": "9.5", "close": "10.25", "volume": "3.5"}
    return [{start: (AT + MINUTE * one) * unit, **told} for one in minutes]


@pytest.mark.parametrize(
    "content",
    [
        klines(0, 1, 2),
        {"error": [], "result": {"BTCUSD": ohlc(0, 1, 2, 3), "last": AT + 2 * MINUTE}},
        {"candles": candles("start", 1, 2, 1, 0)},
        {"candles": candles("time", 1_000, 0, 1, 2), "more_candles": False},
    ],
    ids=["Binance", "Kraken, whose last is not finished", "Coinbase, the newest first", "Kraken Futures"],
)
def test_candles_are_bars(content: object, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(content))
    bars = [one for step in tk.data.read(path, coins("BTCUSD")) for one in step.events if isinstance(one, Bar)]
    assert [one.start // 1_000_000_000 - AT for one in bars] == [0, MINUTE, 2 * MINUTE]
    assert {(one.open, one.high, one.low, one.close, one.volume) for one in bars} == {(1_000, 1_050, 950, 1_025, 3_500)}


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (klines(0, 1, 2), "answer.json:3"),
        ({"error": [], "result": {"BTCUSD": ohlc(0, 1, 2, 3), "last": AT + 2 * MINUTE}}, None),
        ({"error": [], "result": {"BTCUSD": ohlc(0, 1, 2)}}, "answer.json:3"),
        ({"candles": candles("start", 1, 2, 1, 0)}, "answer.json:1"),
        ({"candles": candles("time", 1_000, 0, 1, 2), "more_candles": False}, "answer.json:3"),
    ],
    ids=["Binance", "Kraken", "Kraken without its last", "Coinbase, the newest first", "Kraken Futures"],
)
def test_the_newest_candle_is_doubted_where_nobody_says_that_it_is_finished(
    content: object, place: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(content))
    told = [(one.fault, one.severity, one.places) for one in tk.data.read(path, coins("BTCUSD")).report.problems]
    assert told == ([("may change still", "warning", (place,))] if place else [])


@pytest.mark.parametrize(
    ("content", "seconds", "sides"),
    [
        ({"error": [], "result": {"BTCUSD": KRAKEN_BOOK}}, 7.0, (999, 2, 1_002, 136)),
        (
            {
                "result": "success",
                "orderBook": {"bids": [[9.9, 0.5], [9.95, 1.2]], "asks": [[10.05, 0.3]]},
                "serverTime": "2023-11-14T22:14:01.5Z",
            },
            1.5,
            (995, 1_200, 1_005, 300),
        ),
        (
            {
                "pricebook": {
                    "product_id": "BTCUSD",
                    "bids": [{"price": "9.9", "size": "1"}],
                    "asks": [],
                    "time": "2023-11-14T22:14:02Z",
                }
            },
            2.0,
            (990, 1_000, 0, 0),
        ),
    ],
    ids=["Kraken, as of its newest level", "Kraken Futures", "Coinbase, without an offer"],
)
def test_a_book_is_a_quote(content: object, seconds: float, sides: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(content))
    ((time, quote),) = [
        (step.time, one)
        for step in tk.data.read(path, coins("BTCUSD"))
        for one in step.events
        if isinstance(one, Quote)
    ]
    assert time / 1e9 - AT == pytest.approx(seconds)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == sides


@pytest.mark.parametrize(
    "content",
    [
        {"error": [], "result": {"BTCUSD": KRAKEN_TRADES, "last": "1700000041500000000"}},
        {
            "trades": [
                {**COINBASE_TRADE, "price": "10.01", "size": "0.25", "time": "2023-11-14T22:14:01.5Z"},
                {**COINBASE_TRADE, "time": "2023-11-14T22:14:00.25Z"},
            ],
            "best_bid": "9.99",
        },
        [
            {"id": 1, "price": "10", "qty": "0.5", "time": AT * 1_000 + 250, "isBestMatch": True},
            {"id": 2, "price": "10.01", "qty": "0.25", "time": AT * 1_000 + 1_500, "isBestMatch": True},
        ],
    ],
    ids=["Kraken", "Coinbase, the newest first", "Binance"],
)
def test_trades_stand_at_the_time_of_the_exchange(content: object, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(content))
    data = tk.data.read(path, coins("BTCUSD"))
    trades = [(step.time / 1e9 - AT, one) for step in data for one in step.events if isinstance(one, Trade)]
    assert [round(time, 3) for time, _ in trades] == [0.25, 1.5]
    assert [(one.price, one.size) for _, one in trades] == [(1_000, 500), (1_001, 250)]


KLINE = {"t": AT * 1_000, "s": "BTCUSD", "o": "10", "c": "10.25", "h": "10.5", "l": "9.5", "v": "3.5"}


def test_a_candle_that_may_change_still_is_none(tmp_path: Path) -> None:
    path = tmp_path / "kline.json"
    path.write_text(json.dumps({"e": "kline", "s": "BTCUSD", "k": {**KLINE, "x": True}}))
    data = tk.data.read(path, coins("BTCUSD"), every="1m")
    assert [one.close for step in data for one in step.events if isinstance(one, Bar)] == [1_025]
    path.write_text(json.dumps({"e": "kline", "s": "BTCUSD", "k": {**KLINE, "x": False}}))
    with pytest.raises(ConfigError, match="only a candle that may change still"):
        tk.data.read(path, coins("BTCUSD"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"lastUpdateId": 7, "bids": [["9.9", "1"]], "asks": []}, "an order book that does not say when it was true"),
        ({"channel": "book", "data": []}, "a single message of a stream; a recording says when each came"),
        ({"error": [], "result": {"XXBT": "1.5"}}, r"no market data that is read \(it has error, result\)"),
        ([{"symbol": "BTCUSD", "orderId": 7}], r"no market data that is read \(it has orderId, symbol\)"),
        (
            [{"id": 1, "price": "1", "qty": "1", "time": 1, "isBestMatch": True, "commission": "0", "orderId": 2}],
            "no market data that is read",
        ),
        ({"error": [], "result": {"ETHUSD": ohlc(0, 1)}}, "nothing of BTCUSD is in it; it has ETHUSD"),
        (
            {"retCode": 0, "result": {"list": [["1700000040000", "10", "10", "10", "10", "1", "10"]]}},
            r"no market data that is read \(it has result, retCode\)",  # Bybit's candles are as wide as Kraken's trades
        ),
        ({"candles": [{"start": "x"}]}, "not as its exchange writes it"),
        ([], r"no market data that is read \(it has no names\)"),
    ],
)
def test_what_is_no_market_data_is_named(content: object, told: str, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=told):
        tk.data.read(path, coins("BTCUSD"))


def test_an_answer_without_a_name_is_of_the_only_instrument(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(klines(0, 1)))
    with pytest.raises(ConfigError, match="it does not say whose it is, and 2 instruments are given; give one"):
        tk.data.read(path, coins("BTCUSD", "ETHUSD"))
    path.write_text("[1, ")
    with pytest.raises(ConfigError, match="no whole JSON"):
        tk.data.read(path, coins("BTCUSD"))


HUGE = "9" * 4_000


@pytest.mark.parametrize(
    "content",
    [
        {"candles": [{**candles("time", 1, 0)[0], "time": "2023-11-14T22:14:00.000000000Z", "complete": True}]},
        {"candles": [{**candles("start", 1, 0)[0], "start": "1e999999999"}]},
        [[str(one[0] * 1_000), *one[1:]] for one in klines(0, 1)],  # microseconds
        [{"id": 1, "price": "10", "qty": "1", "time": HUGE, "isBestMatch": True}],
        {"error": [], "result": {"BTCUSD": [[HUGE, *ohlc(0)[0][1:]]]}},
        {"error": [], "result": {"BTCUSD": {"asks": [["10", "1", HUGE]], "bids": []}}},
        {"e": "kline", "s": "BTCUSD", "k": {**KLINE, "t": HUGE, "x": True}},
        {"pricebook": {"product_id": "BTCUSD", "bids": [], "asks": [{"price": "10", "size": "1"}], "time": ""}},
        {"pricebook": {"product_id": "BTCUSD", "bids": [], "asks": [{"price": "10", "size": "1"}], "time": None}},
    ],
    ids=["OANDA", "exponent", "microseconds", "trade", "candle", "book", "kline", "empty", "none"],
)
def test_a_time_that_is_none_or_out_of_range_is_refused(content: object, tmp_path: Path) -> None:
    """Never a text a thousand million times over, an overflow, or a year in which there was no exchange."""
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"answer\.json: (not as its exchange writes it|no market data that is read)"):
        tk.data.read(path, coins("BTCUSD"), every="1m")


def test_a_count_that_is_told_as_text_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps([[str(one[0]), *one[1:]] for one in klines(0)]))
    (bar,) = (
        one for step in tk.data.read(path, coins("BTCUSD"), every="1m") for one in step.events if isinstance(one, Bar)
    )
    assert bar.start == AT * 1_000_000_000
