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

pytestmark = pytest.mark.integration

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
