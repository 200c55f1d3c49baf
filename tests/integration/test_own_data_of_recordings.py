"""The readers of `tk.data.read` on real recordings, held against their oracles and against a second reader."""

import gzip
import re
from decimal import Decimal
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from tests.tools.recordings import BTCUSDT, IBM, binance
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Bar, Quote, SessionOpened, Trade
from toolkit.engine.raw_rows import normalise
from toolkit.research.data_own import OwnData
from toolkit.research.data_series import Series

pytestmark = pytest.mark.integration

READ_WITHOUT_A_NAME = (  # as of the only instrument given
    "klines_response.json", "trades_response.json", "kline_stream_closed.json", "http_candles.json",
    "http_futures_candles_trade.json", "http_futures_candles_spot.json", "http_futures_candles_mark.json",
    "http_futures_orderbook.json",
)  # fmt: skip
PAIRS = (
    "WAVES/EUR", "XMR/USD", "KSM/XBT", "GRT/ETH", "SC/EUR", "ETH/CHF", "OCEAN/XBT", "OMG/USD", "XBT/CHF", "ADA/XBT",
)  # fmt: skip
SPY, BTCUSD, EURUSD = tk.data.instruments(
    pd.DataFrame(
        {
            "symbol": ["SPY", "BTCUSD", "EURUSD"],
            "tick": ["0.01", "0.01", "0.00001"],
            "lot": ["1", "0.00000001", "1"],
            "quantum": ["0.0001", "0.0000000001", "0.00001"],
            "calendar": ["XNYS", "24/7", "24/5"],
        }
    ).assign(currency="USD")
)


class Flips(tk.Strategy):
    """In and out again with each minute."""

    bar = "1m"
    warmup = 1

    def on_quote(self, quote: object) -> None:
        if not self.position:
            self.target_position(100, reason="in")


def test_the_best_of_one_exchange_is_what_was_derived_from_it(recordings: Path) -> None:
    """Two layouts of the same day, the second one made by other code than ours: equal in every row."""
    derived = tk.data.read(recordings / "derived/ibm_nyse_bbo_20131008.csv.gz", IBM)
    lean = tk.data.read(recordings / "lean/equity/usa/tick/ibm/20131008_quote.zip", IBM, exchange="N")
    ours, theirs = lean.report.spans[0].series, derived.report.spans[0].series
    assert len(theirs.times) == 13_574
    assert np.array_equal(ours.times, theirs.times)
    assert all(np.array_equal(ours.values[name], theirs.values[name]) for name in theirs.values)
    crossed = derived.report.count("crossed") / len(theirs.times)
    assert 0.01 <= crossed <= 0.06, "one exchange alone is crossed in 1 to 6 %"
    (problem, *_) = derived.report.warnings
    assert problem.places[0].startswith("ibm_nyse_bbo_20131008.csv.gz:")


def test_quotes_of_several_exchanges_are_not_mixed_in_silence(recordings: Path) -> None:
    with pytest.raises(ConfigError, match=r"quotes of several exchanges do not mix: choose of .*'N' \("):
        tk.data.read(recordings / "lean/equity/usa/tick/ibm/20131008_quote.zip", IBM)


def test_raw_binance_lines_are_what_the_listener_makes_of_them(recordings: Path) -> None:
    data = tk.data.read(recordings / "binance_ws/spot_btcusdt_20240808.gz", BTCUSDT)
    assert not data.report.problems
    counts = {one.series.kind: len(one.series.times) for one in data.report.spans}
    assert counts == {"quotes": 28_040, "trades": 9_757}
    wanted = [normalise(BTCUSDT, row) for row in islice(binance(recordings), 3_000)]
    told = (event for step in data for event in step.events if isinstance(event, Quote | Trade))
    assert list(islice(told, 3_000)) == wanted


def test_us_minutes_are_in_new_york_and_trade_on_own_quotes(recordings: Path) -> None:
    folder = recordings / "lean/equity/usa/minute/spy"
    paths = [folder / f"{day}_{kind}.zip" for day in ("20131007", "20131008") for kind in ("trade", "quote")]
    data = tk.data.read(paths, SPY, round_to_tick=True)
    assert data.label == "own quotes"
    first = next(event for step in data for event in step.events if isinstance(event, Bar))
    assert (first.open, first.high, first.low, first.close, first.volume) == (16_741, 16_741, 16_725, 16_727, 3_197)
    assert pd.Timestamp(int(first.start), tz="UTC") == pd.Timestamp("2013-10-07 04:00", tz="America/New_York")
    result = tk.backtest(Flips, data)
    assert len(result.fills) >= 1
    assert result.fills.index[0] >= pd.Timestamp("2013-10-07 09:30", tz="America/New_York")


def test_coins_trade_around_the_clock_on_simulated_quotes(recordings: Path) -> None:
    path = recordings / "lean/crypto/coinbase/minute/btcusd/20180404_trade.zip"
    assert tk.data.read(path, BTCUSD).report.count("off lot") == 0
    data = tk.data.read(path, BTCUSD)
    bars = [event for step in data for event in step.events if isinstance(event, Bar)]
    assert (len(bars), bars[0].open, bars[0].volume) == (1_007, 742_491, 714_319_709)
    assert data.report.count("gap") == 1
    assert [event.session for step in data for event in step.events if isinstance(event, SessionOpened)] == [
        "2018-04-04"
    ]


def test_currencies_have_no_sizes_and_that_is_told(recordings: Path) -> None:
    data = tk.data.read(recordings / "lean/forex/oanda/tick/eurusd/20140505_quote.zip", EURUSD)
    assert {problem.fault for problem in data.report.problems} <= {"no sizes", "gap", "locked"}
    first = next(event for step in data for event in step.events if isinstance(event, Quote))
    assert first.bid_size == 1_000
    assert data.report.rows().__next__()[2] == "25,177"


def test_trades_between_ticks_are_errors_with_their_line(recordings: Path) -> None:
    """A day that prints in cents, read as if IBM moved in steps of five."""
    path = recordings / "lean/equity/usa/tick/ibm/20131008_trade.zip"
    nickels = msgspec.structs.replace(IBM, tick=Decimal("0.05"))
    report = tk.data.read(path, nickels).report
    assert [problem.fault for problem in report.errors] == ["off tick"]
    assert report.errors[0].places[0].startswith("20131008_trade.zip:")
    rounded = tk.data.read(path, nickels, round_to_tick=True).report
    assert (rounded.errors, rounded.count("rounded")) == ((), report.count("off tick"))


@pytest.mark.parametrize(
    ("name", "symbol", "tick", "quotes", "trades"),
    [
        (
            "BINANCE.ws.1.0",
            "NKNUSDT",
            "0.0001",
            r'@bookTicker","data":{"u":\d+,"s":"NKNUSDT"',
            r'@aggTrade".*"s":"NKNUSDT"',
        ),
        ("COINBASE.ws.28.0", "SKL-USD", "0.0001", r'"type":"ticker".*"SKL-USD"', r'"type":"match".*"SKL-USD"'),
        ("KRAKEN.ws.49.0", "XMR/USD", "0.01", r'"ticker","XMR/USD"\]', r"nothing of it"),
        ("KRAKEN.ws.48.0", "SC/EUR", "0.000001", r"nothing of it", r'"trade","SC/EUR"\]'),
        (
            "BITMEX.ws.1.0",
            "XBTUSD",
            "0.5",
            r'"table":"quote".*"XBTUSD"',
            r'"table":"trade","action":"insert".*"XBTUSD"',
        ),
    ],
)
def test_connections_of_cryptofeed_have_what_their_lines_say(
    name: str, symbol: str, tick: str, quotes: str, trades: str, recordings: Path
) -> None:
    """A second reader counts the received lines that speak of the instrument; each is a row, or several of some."""
    path = recordings / "cryptofeed_raw" / f"{name}.gz"
    coin = pd.DataFrame(
        {
            "symbol": [symbol],
            "tick": [tick],
            "lot": ["0.00000001"],
            "quantum": ["0.00000000000001"],
            "calendar": ["24/7"],
        }
    ).assign(currency="USD")
    data = tk.data.read(path, coin, sort=True)
    lines = [line for line in gzip.decompress(path.read_bytes()).decode().splitlines() if line[:1].isdigit()]
    rows = {one.series.kind: len(one.series.times) for one in data.report.spans}
    for kind, pattern in (("quotes", quotes), ("trades", trades)):
        told = sum(bool(re.search(pattern, line)) for line in lines)
        several = name in ("BITMEX.ws.1.0", "KRAKEN.ws.48.0")
        assert (rows.get(kind, 0) >= told > 0) if told else kind not in rows, f"{kind}: {told} lines, {rows}"
        if not several:
            assert rows.get(kind, 0) == told


def test_events_of_barter_are_trades_of_numbered_instruments(recordings: Path) -> None:
    coins = pd.DataFrame({"symbol": ["BTC", "ETH", "SOL"]}).assign(
        tick="0.01", lot="0.00001", quantum="0.0000001", currency="USDT", calendar="24/7"
    )
    data = tk.data.read(recordings / "barter/binance_spot_market_data_with_disconnect_events.json", coins, sort=True)
    assert {one.series.symbol: len(one.series.times) for one in data.report.spans} == {"BTC": 9, "SOL": 12}


def coins(*symbols: str) -> pd.DataFrame:
    fine = {"tick": "0.00000001", "lot": "0.00000001", "quantum": "0.0000000000000001"}
    return pd.DataFrame({"symbol": symbols}).assign(**fine, currency="USD", calendar="24/7")


def quotes(data: OwnData) -> Series:
    (series,) = [one.series for one in data.report.spans if one.series.kind == "quotes"]
    return series


def best(series: Series) -> list[tuple[int, int]]:
    """Bid and ask of each row."""
    return list(zip(series.values["bid"].tolist(), series.values["ask"].tolist(), strict=True))


def test_the_book_of_two_binance_files_has_the_best_of_the_told_quotes(recordings: Path) -> None:
    """The oracle of the recording: no gap, and equal, price and size, in 6,449 of the comparisons after each change."""
    paths = [recordings / f"binance_ws/spot_btcusdt_{day}.gz" for day in ("20240808", "20240809")]
    told, book = (tk.data.read(paths, BTCUSDT, book=book) for book in (False, True))
    assert not book.report.problems, "no change is lost, from one file to the next neither"
    rebuilt, told_best = quotes(book), quotes(told)
    lines = (line for path in paths for line in gzip.decompress(path.read_bytes()).decode().splitlines())
    changes = np.array([int(line.partition(" ")[0]) for line in lines if "@depth" in line[:60]])
    changes = changes[changes >= rebuilt.times[0]]
    ours, theirs = (np.searchsorted(one.times, changes, side="right") - 1 for one in (rebuilt, told_best))
    equal = np.all([rebuilt.values[name][ours] == told_best.values[name][theirs] for name in told_best.values], axis=0)
    assert equal.sum() == 6_449
    assert len(changes) == 6_492, "a told quote may be newer than the change: those are not compared by the oracle"


def test_every_checksum_of_ten_kraken_books_holds(recordings: Path) -> None:
    """4,269 changes of ten pairs, each with a checksum of the book after it: one that failed would end its book.

    On another connection tickers told of the best with each trade: each book had it, but for what was there before it.
    """
    path, tickers = (recordings / f"cryptofeed_raw/KRAKEN.ws.{number}.0.gz" for number in (50, 49))
    data = tk.data.read(path, coins(*PAIRS))
    assert not data.report.problems
    books = {one.series.symbol: best(one.series) for one in data.report.spans}
    assert (set(books), sum(map(len, books.values()))) == (set(PAIRS), 810)
    told = {one.series.symbol: best(one.series)[1:] for one in tk.data.read(tickers, coins(*PAIRS)).report.spans}
    assert sum(map(len, told.values())) == 8
    assert all(set(told[pair]) <= set(books[pair]) for pair in PAIRS)


def test_a_change_that_was_lost_ends_a_kraken_book(recordings: Path, tmp_path: Path) -> None:
    """The same recording without one line: the next checksum of that pair fails, and the report says where."""
    lines = gzip.decompress((recordings / "cryptofeed_raw/KRAKEN.ws.50.0.gz").read_bytes()).decode().splitlines()
    changes = [
        place for place, line in enumerate(lines) if line.endswith('"book-1000","XMR/USD"]') and '"b":[["353.7' in line
    ]
    path = tmp_path / "KRAKEN.ws.50.0"
    path.write_text("\n".join([*lines[: changes[0]], *lines[changes[0] + 1 :]]))
    (lost,) = tk.data.read(path, coins("XMR/USD")).report.problems
    assert (lost.fault, lost.count) == ("book lost", 1)


@pytest.mark.parametrize(
    ("name", "symbols", "told", "strange"),
    [
        ("BITMEX.ws.1.0", ("XBTUSD",), 285, 0),
        ("COINBASE.ws.28.0", ("SKL-USD", "SKL-BTC", "NMR-EUR", "DASH-BTC"), 87, 1),
    ],
)
def test_books_have_had_the_best_that_was_told(
    name: str, symbols: tuple[str, ...], told: int, strange: int, recordings: Path
) -> None:
    """Since each book began. Coinbase tells it with trades, once of a moment within the changes that it gathers."""
    path = recordings / f"cryptofeed_raw/{name}.gz"
    in_book = []
    for symbol in symbols:
        book, quoted = (quotes(tk.data.read(path, coins(symbol), book=book)) for book in (True, False))
        had = set(best(book))
        in_book += [each in had for each in best(quoted.only(quoted.times >= book.times[0]))]
    assert (len(in_book), in_book.count(False)) == (told, strange)


def test_a_binance_book_begins_with_the_answer_in_the_file_beside_it(recordings: Path) -> None:
    paths = [recordings / "cryptofeed_raw" / f"BINANCE.{name}.0.gz" for name in ("ws.1", "http.0")]
    data = tk.data.read(paths, coins("NKNUSDT"), book=True)
    book, told = best(quotes(data)), best(quotes(tk.data.read(paths, coins("NKNUSDT"))))
    assert not data.report.problems
    assert (len(book), len(told)) == (38, 74)
    assert set(book) <= set(told)


@pytest.mark.parametrize(
    ("name", "symbol", "kind", "count", "first"),
    [
        ("kraken/http_ohlc.json", "XBTUSDT", "bars", 720, "106038.2"),
        ("kraken/http_trades.json", "XBTUSDT", "trades", 1_000, "105433.6"),
        ("kraken/http_order_book.json", "XBTUSDT", "quotes", 1, "105944.2"),
        ("kraken/http_futures_candles_trade.json", "PF_XBTUSD", "bars", 3, "91069"),
        ("kraken/http_futures_orderbook.json", "PF_XBTUSD", "quotes", 1, "105900"),
        ("coinbase/http_candles.json", "BTC-USD", "bars", 2, "65984.18"),
        ("coinbase/http_product_book.json", "BTC-USD", "quotes", 1, "68923.66"),
        ("coinbase/http_ticker.json", "BTC-USD", "trades", 3, None),
        ("binance/spot/http_json/klines_response.json", "ETHBTC", "bars", 1, "0.0163479"),
        ("binance/spot/http_json/trades_response.json", "ETHBTC", "trades", 1, "4.000001"),
        ("binance/futures/market_data_json/kline_stream_closed.json", "BTCUSDT", "bars", 1, "0.001"),
    ],
)
def test_answers_of_exchanges_are_read(
    name: str, symbol: str, kind: str, count: int, first: str | None, recordings: Path
) -> None:
    """`first` is the first row's open, price or bid as the file has it; Kraken's last candle is not finished."""
    every = "1m" if kind == "bars" and count == 1 else None
    data = tk.data.read(recordings / "venue_payloads_nautilus" / name, coins(symbol), every=every)
    (series,) = [one.series for one in data.report.spans]
    assert (series.kind, len(series.times)) == (kind, count)
    if first is not None:
        assert series.values[{"bars": "open", "quotes": "bid", "trades": "price"}[kind]][0] == Decimal(first) * 10**8


def test_whatever_else_lies_beside_them_is_refused_with_what_it_is(recordings: Path) -> None:
    """Orders, balances, instruments, transcripts: no file is read as something that it is not."""
    folders = ("venue_payloads_nautilus", "venue_transcripts", "ib_gateway_recorded")
    refused = set()
    for path in (one for folder in folders for one in sorted((recordings / folder).rglob("*")) if one.is_file()):
        if path.name in READ_WITHOUT_A_NAME:
            continue
        with pytest.raises(ConfigError, match=re.escape(path.name)):
            tk.data.read(path, coins("BTCUSDT"))
        refused.add(path.name)
    assert len(refused) > 120
