"""The live listener against an exchange on 127.0.0.1: cut lines, lost messages, slow readers, clocks that differ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest

from execution.services.live_listener import ArrivalClock
from tests.tools.listening_kit import Listening
from tests.tools.listening_kit import listening as listening_to
from tests.tools.loopback_exchange import LoopbackExchange, lively, loopback_exchange
from tests.tools.replay_kit import FEED, SYMBOL
from toolkit.adapters.binance_stream import BinanceSpot
from toolkit.adapters.ccxt_markets import open_exchange, read_markets
from toolkit.adapters.ccxt_stream import GenericSource
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.exchange_line import RawSource
from toolkit.domain.errors import ConfigError, TransportError
from toolkit.domain.market import FeedGap, Quote, Trade

pytestmark = pytest.mark.integration


@pytest.fixture
async def exchange() -> AsyncIterator[LoopbackExchange]:
    async with loopback_exchange() as exchange:
        yield exchange


def listening(source: RawSource | GenericSource) -> AbstractAsyncContextManager[Listening]:
    return listening_to(source, FEED)


def raw(exchange: LoopbackExchange) -> RawSource:
    stream = BinanceSpot({SYMBOL: "BTCUSDT"}, rest=f"{exchange.address}/api/v3", stream=f"{exchange.stream}/ws")
    return RawSource(stream, ArrivalClock(SystemClock()))


async def test_quotes_and_trades_come_in_ticks_and_the_book_is_mended_from_a_snapshot(
    exchange: LoopbackExchange,
) -> None:
    async with listening(raw(exchange)) as one:
        await one.until(lambda it: it.told.state == "running")
        await exchange.quote("BTCUSDT", 50_010.0, 50_011.0, 0.25)
        await exchange.trade("BTCUSDT", 50_010.5)
        await one.until(lambda it: it.of(Trade) and not it.told.books_pending)
    quote = Quote(instrument=SYMBOL, bid=5_001_000, ask=5_001_100, bid_size=25_000, ask_size=25_000)
    assert one.of(Quote) == [quote]
    assert one.of(Trade) == [Trade(instrument=SYMBOL, price=5_001_050, size=50_000)]
    assert exchange.snapshots >= 1


async def test_a_cut_line_comes_back_subscribed_and_what_was_known_is_not_trusted(exchange: LoopbackExchange) -> None:
    async with listening(raw(exchange)) as one, lively(exchange):
        await one.until(lambda it: len(it.of(Quote)) > 5 and it.told.snapshots)
        before = one.told.snapshots
        await exchange.cut()
        await one.until(lambda it: it.told.reconnects == 1 and it.told.state == "running")
        seen = len(one.of(Quote))
        await one.until(lambda it: len(it.of(Quote)) > seen + 5 and it.told.snapshots > before)
    assert FeedGap() in one.of(FeedGap)
    assert exchange.connections == 2
    assert len(exchange.subscribed) == 2 * 3
    assert any("reconnect: " in note and "closed by the exchange" in note for note in one.notes)


async def test_an_exchange_that_is_away_is_asked_again_more_and_more_seldom() -> None:
    async with loopback_exchange() as exchange:
        source = raw(exchange)
    async with listening(source) as one:
        await one.until(lambda it: it.told.reconnects >= 3)
    pauses = [note.rpartition("again in ")[2] for note in one.notes if note.startswith("reconnect")]
    assert pauses[:3] == ["0.05 s", "0.1 s", "0.2 s"]


async def test_a_lost_change_and_a_lost_trade_are_gaps_and_a_snapshot_mends_the_book(
    exchange: LoopbackExchange,
) -> None:
    async with listening(raw(exchange)) as one:
        await one.until(lambda it: it.told.state == "running")
        await exchange.quote("BTCUSDT", 50_000.0, 50_001.0)
        await one.until(lambda it: it.told.snapshots == 1)
        await exchange.quote("BTCUSDT", 50_002.0, 50_003.0, lose=True)
        await exchange.quote("BTCUSDT", 50_004.0, 50_005.0)
        await one.until(lambda it: it.told.snapshots == 2)
        assert one.told.gaps == 1
        await exchange.trade("BTCUSDT", 50_004.0)
        await exchange.trade("BTCUSDT", 50_004.0, lose=True)
        await exchange.trade("BTCUSDT", 50_004.0)
        await one.until(lambda it: len(it.of(Trade)) == 2)
    assert one.of(FeedGap) == [FeedGap(instrument=SYMBOL)] * 2


async def test_a_slow_reader_gets_the_latest_quote_and_every_trade(exchange: LoopbackExchange) -> None:
    async with listening(raw(exchange)) as one:
        await one.until(lambda it: it.told.state == "running")
        one.reader.is_slow = True
        await asyncio.sleep(0.05)
        for count in range(100):
            await exchange.quote("BTCUSDT", 50_000.0 + count, 50_001.0 + count)
            await exchange.trade("BTCUSDT", 50_000.0 + count)
        await one.until(lambda it: it.told.trades == 100)
        one.reader.is_slow = False
        await one.until(lambda it: len(it.of(Trade)) == 100 and it.told.conflated == 100 - len(it.of(Quote)))
    assert [event.price for event in one.of(Trade) if isinstance(event, Trade)] == [
        100 * (50_000 + count) for count in range(100)
    ]
    last = one.of(Quote)[-1]
    assert isinstance(last, Quote)
    assert last.bid == 100 * 50_099
    assert one.told.conflated == 100 - len(one.of(Quote)) > 50


async def test_a_clock_behind_the_exchanges_is_told_and_makes_nothing_stale(exchange: LoopbackExchange) -> None:
    """As in the recording, whose recorder ran 1.27 s behind: naive latency is negative."""
    exchange.clock_ahead_ms = 1_270
    async with listening(raw(exchange)) as one:
        async with lively(exchange):
            await one.until(lambda it: any("lateness" in note for note in it.notes))
            await one.until(lambda it: it.told.stale == () and -1_270 <= (it.told.lateness_ms or 0) < -1_000)
        await one.until(lambda it: it.told.stale == (SYMBOL,))  # and now nothing comes
    assert any("this clock is behind the exchange's" in note for note in one.notes)


async def test_what_cannot_be_read_is_told_and_the_line_goes_on(exchange: LoopbackExchange) -> None:
    async with listening(raw(exchange)) as one:
        await one.until(lambda it: it.told.state == "running")
        await exchange.trade("BTCUSDT", float("nan"))
        await exchange.say("btcusdt@trade", {"s": "BTCUSDT"})
        await exchange.trade("BTCUSDT", 50_000.0)
        await one.until(lambda it: it.of(Trade) and it.told.problems >= 2)
    assert len(one.of(Trade)) == 1
    assert "cannot be read" in one.told.last_problem


async def test_a_stock_ccxt_class_loads_markets_here_and_tells_ticks_lots_and_fees(exchange: LoopbackExchange) -> None:
    found = await read_markets("binance", ["BTC/USDT", "ETH/USDT"], rest=exchange.address, stream=exchange.stream)
    bitcoin, ether = found.markets
    assert (bitcoin.identifier, bitcoin.tick, bitcoin.lot) == ("BTCUSDT", Decimal("0.01"), Decimal("0.00001"))
    assert bitcoin.minimum_value == 5, "its filter NOTIONAL"
    assert (ether.quote, ether.maker, ether.taker) == ("USDT", Decimal("0.001"), Decimal("0.001"))
    assert (found.rest, found.stream) == (f"{exchange.address}/api/v3", f"{exchange.stream}/ws")
    with pytest.raises(ConfigError, match="binance has no market 'BTC/USTD'; the nearest: BTC/USDT"):
        await read_markets("binance", ["BTC/USTD"], rest=exchange.address)
    with pytest.raises(ConfigError, match="ccxt knows no exchange 'binanse'; the nearest: binance"):
        await read_markets("binanse", ["BTC/USDT"])


async def test_an_exchange_that_does_not_answer_is_a_transport_error() -> None:
    async with loopback_exchange() as exchange:
        address = exchange.address
    with pytest.raises(TransportError, match="binance does not answer"):
        await read_markets("binance", ["BTC/USDT"], rest=address)


async def test_the_generic_path_gives_quotes_and_trades_by_watching_and_says_what_it_is(
    exchange: LoopbackExchange,
) -> None:
    source = GenericSource(
        "binance", [SYMBOL], ArrivalClock(SystemClock()), rest=exchange.address, stream=exchange.stream
    )
    async with listening(source) as one, lively(exchange, 0.05):
        await one.until(lambda it: len(it.of(Quote)) > 3 and len(it.of(Trade)) > 3)
        await exchange.cut()
        seen = len(one.of(Trade))
        await one.until(lambda it: it.told.reconnects >= 1 and len(it.of(Trade)) > seen + 3)
    assert "generic path (OrderBook by stream, Trades by stream)" in one.told.path
    assert one.told.books_pending == 0


async def test_the_generic_path_asks_by_rest_where_there_is_no_stream(
    exchange: LoopbackExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_streams(name: str, **addresses: str) -> Any:
        found = open_exchange(name, **addresses)
        found.has |= {"watchOrderBook": False, "watchTrades": False}
        return found

    monkeypatch.setattr("toolkit.adapters.ccxt_stream.open_exchange", without_streams)
    arrival = ArrivalClock(SystemClock())
    source = GenericSource("binance", [SYMBOL], arrival, rest=exchange.address, stream=exchange.stream, pause=0.05)
    async with listening(source) as one, lively(exchange, 0.05):
        await one.until(lambda it: len(it.of(Quote)) > 3 and len(it.of(Trade)) > 3)
    assert "OrderBook by REST every 0.05 s" in one.told.path
