"""Exchanges whose whole book comes on the line: recorded messages over loopback, one kept back, a line cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web

from execution.services.live_listener import ArrivalClock
from execution.settings.feed_file import FeedFile
from execution.settings.models import CurrencyRow, InstrumentRow
from execution.wiring.live_feed import source_of
from execution.wiring.raw_streams import RAW_STREAMS
from tests.tools.listening_kit import listening
from tests.tools.recordings import cryptofeed
from tests.tools.replay_kit import FEED
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.exchange_line import RawSource
from toolkit.domain.market import FeedGap, Quote, Trade

pytestmark = pytest.mark.integration


class Played:
    """A server that says what was recorded of one line, from the whole book on each time that it is asked for."""

    def __init__(self, messages: Sequence[str], is_book_wanted: str) -> None:
        self.messages = list(messages)
        self.keep_back: set[int] = set()
        self.heard: list[str] = []
        self._wanted = is_book_wanted
        self._sockets: list[web.WebSocketResponse] = []

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.heard.append(message.data)
                if self._wanted in message.data and "unsubscribe" not in message.data:
                    await self._play(socket)
        return socket

    async def cut(self) -> None:
        for socket in self._sockets:
            await socket.close(code=1001)

    async def _play(self, socket: web.WebSocketResponse) -> None:
        kept, self.keep_back = self.keep_back, set()  # the second time all of them come
        for index, text in enumerate(self.messages):
            if index not in kept:
                with suppress(ConnectionError):
                    await socket.send_str(text)


@asynccontextmanager
async def playing(played: Played) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.get("/", played.socket)])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = runner.addresses[0]
    try:
        yield f"ws://{address[0]}:{address[1]}/"
    finally:
        await runner.cleanup()


def feed_of(exchange: str, symbol: str, identifier: str, tick: str, lot: str, stream: str) -> FeedFile:
    row = InstrumentRow(tick=Decimal(tick), lot=Decimal(lot), currency="USD", calendar="24/7", venue="paper")
    return FEED.model_copy(update={
        "exchange": exchange, "spec": f"ccxt:{exchange}:{symbol}", "base_currency": "USD",
        "currencies": {"USD": CurrencyRow(quantum=Decimal("1e-18"))}, "instruments": {symbol: row},
        "ids": {symbol: identifier}, "stream": stream,
    })  # fmt: skip


def source(feed: FeedFile) -> RawSource:
    return RawSource(RAW_STREAMS[feed.exchange](feed), ArrivalClock(SystemClock()), book_seconds=0.2)


CASES = [
    # exchange, our symbol, its name, tick, lot, recording, what asks for the book, word of a message that is missed
    ("kraken", "OMG/USD", "OMG/USD", "0.000001", "1e-8", "KRAKEN.ws.50.0", '"book"', '"a":'),
    ("bitmex", "XBT/USD", "XBTUSD", "0.5", "1", "BITMEX.ws.1.0", "orderBookL2", '"action":"insert"'),
]


@pytest.mark.parametrize(("exchange", "symbol", "name", "tick", "lot", "file", "wanted", "missed"), CASES)
async def test_a_message_that_never_came_is_a_gap_and_the_book_is_asked_for_anew(
    recordings: Path, exchange: str, symbol: str, name: str, tick: str, lot: str, file: str, wanted: str, missed: str
) -> None:
    messages = [text for _, text in cryptofeed(recordings, file) if f'"{name}"' in text]
    messages = [text for text in messages if "subscri" not in text and '"table":"quote"' not in text]
    played = Played(messages, wanted)
    played.keep_back = {index for index, text in enumerate(messages) if missed in text and index > 20}
    async with playing(played) as stream:
        feed = feed_of(exchange, symbol, name, tick, lot, stream)
        async with listening(source(feed), feed) as one:
            await one.until(lambda it: it.told.gaps >= 1 and it.told.snapshots >= 2 and not it.told.books_pending)
            seen = len(one.of(Quote))
            await played.cut()
            await one.until(lambda it: it.told.snapshots >= 3 and len(it.of(Quote)) > seen)
    assert FeedGap(instrument=symbol) in one.of(FeedGap)
    assert FeedGap() in one.of(FeedGap), "the cut"
    assert any("unsubscribe" in words for words in played.heard)
    assert one.told.path.endswith("raw streams")


async def test_coinbase_tells_every_trade_and_the_top_of_its_book(recordings: Path) -> None:
    texts = [text for _, text in cryptofeed(recordings, "COINBASE.ws.28.0") if '"product_id":"SKL-USD"' in text]
    trades = [json.loads(text) for text in texts if '"type":"match"' in text]
    tickers = [json.loads(text) for text in texts if '"type":"ticker"' in text]
    played = Played(texts, "level2_batch")
    async with playing(played) as stream:
        feed = feed_of("coinbaseexchange", "SKL/USD", "SKL-USD", "0.0001", "0.1", stream)
        async with listening(source(feed), feed) as one:
            await one.until(lambda it: it.told.trades == len(trades))
            await asyncio.sleep(0.1)
    assert [event.price for event in one.of(Trade) if isinstance(event, Trade)] == [
        int(Decimal(trade["price"]) / Decimal("0.0001")) for trade in trades
    ]
    last = one.of(Quote)[-1]
    assert isinstance(last, Quote)
    assert last.bid < last.ask
    assert (one.told.gaps, one.told.problems, len(tickers) > 10) == (0, 0, True)


@pytest.mark.parametrize("exchange", sorted(RAW_STREAMS))
def test_an_exchange_with_a_reader_of_ours_is_read_raw(exchange: str) -> None:
    feed = feed_of(exchange, "A/USD", "A", "1", "1", "wss://127.0.0.1/")
    assert isinstance(source_of(feed, ArrivalClock(SystemClock())), RawSource)
