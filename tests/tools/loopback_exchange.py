"""An exchange on 127.0.0.1 that speaks Binance's public spot interface, REST and WebSocket, and breaks when told to.

A stock ccxt class loads its markets and watches its books here; our raw reader gets the same combined streams.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import WSMsgType, web

FILTERS = {
    "BTCUSDT": ("0.01000000", "0.00001000", "9000.00000000"),
    "ETHUSDT": ("0.01000000", "0.00010000", "9000.00000000"),
}


class Book:
    """One instrument: its levels, the number of the last change, and the last trade's id."""

    def __init__(self, bid: float, ask: float) -> None:
        self.bids = {bid: 1.0, bid - 1: 2.0}
        self.asks = {ask: 1.0, ask + 1: 2.0}
        self.number = 1_000
        self.trade = 500


class LoopbackExchange:
    """`address` is what `rest:` takes in config/desk.yaml, `stream` what `stream:` takes there."""

    def __init__(self) -> None:
        self.books = {"BTCUSDT": Book(50_000.0, 50_001.0), "ETHUSDT": Book(3_000.0, 3_001.0)}
        self.connections = 0
        self.snapshots = 0
        self.subscribed: list[str] = []
        self.address = self.stream = ""
        self.clock_ahead_ms = 0
        self._sockets: dict[web.WebSocketResponse, set[str]] = {}

    # ---- the market

    async def quote(self, symbol: str, bid: float, ask: float, size: float = 1.0, *, lose: bool = False) -> None:
        """Move the top of the book. With `lose` its change of the book is never sent, as on a line that drops."""
        book = self.books[symbol]
        gone = [price for price in book.bids if price != bid], [price for price in book.asks if price != ask]
        book.bids, book.asks = {bid: size}, {ask: size}
        first, book.number = book.number + 1, book.number + 3
        name = symbol.lower()
        ticker = {"u": book.number, "s": symbol, "b": f"{bid:.8f}", "B": f"{size:.8f}", "a": f"{ask:.8f}",
                  "A": f"{size:.8f}"}  # fmt: skip
        sides = [[[f"{price:.8f}", "0.00000000"] for price in side] for side in gone]
        depth = {"e": "depthUpdate", "E": self._now(), "s": symbol, "U": first, "u": book.number,
                 "b": [*sides[0], [f"{bid:.8f}", f"{size:.8f}"]],
                 "a": [*sides[1], [f"{ask:.8f}", f"{size:.8f}"]]}  # fmt: skip
        await self.say(f"{name}@bookTicker", ticker)
        if not lose:
            await self.say(f"{name}@depth@100ms", depth)

    async def trade(self, symbol: str, price: float, size: float = 0.5, *, lose: bool = False) -> None:
        """A trade; with `lose` it is never sent."""
        book = self.books[symbol]
        book.trade += 1
        data = {"e": "trade", "E": self._now(), "T": self._now(), "s": symbol, "t": book.trade, "p": f"{price:.8f}",
                "q": f"{size:.8f}", "m": False}  # fmt: skip
        if not lose:
            await self.say(f"{symbol.lower()}@trade", data)

    async def cut(self) -> None:
        """Close every line, as an exchange does once a day and whenever it likes."""
        for socket in list(self._sockets):
            await socket.close(code=1001)

    # ---- the interface

    async def exchange_info(self, _: web.Request) -> web.Response:
        return web.json_response({"timezone": "UTC", "serverTime": self._now(), "rateLimits": [], "exchangeFilters": [],
                                  "symbols": [_listing(symbol) for symbol in self.books]})  # fmt: skip

    async def depth(self, request: web.Request) -> web.Response:
        self.snapshots += 1
        book = self.books[request.query["symbol"]]
        sides = {
            name: [[f"{price:.8f}", f"{size:.8f}"] for price, size in sorted(side.items(), reverse=name == "bids")]
            for name, side in (("bids", book.bids), ("asks", book.asks))
        }
        return web.json_response({"lastUpdateId": book.number, **sides})

    async def trades(self, request: web.Request) -> web.Response:
        book = self.books[request.query["symbol"]]
        ids = range(book.trade - 3, book.trade + 1)
        rows = [{"id": one, "a": one, "price": "50000.5", "p": "50000.5", "qty": "0.5", "q": "0.5", "time": self._now(),
                 "T": self._now(), "isBuyerMaker": False, "m": False} for one in ids]  # fmt: skip
        return web.json_response(rows)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        wanted = {name for name in request.query.get("streams", "").split("/") if name}
        self._sockets[socket] = wanted
        self.subscribed += sorted(wanted)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    said = json.loads(message.data)
                    wanted |= set(said.get("params", ()))
                    self.subscribed += said.get("params", ())
                    await socket.send_json({"result": None, "id": said.get("id")})
        finally:
            self._sockets.pop(socket, None)
        return socket

    async def say(self, stream: str, data: dict[str, Any]) -> None:
        """Send one message of a stream to everyone who has subscribed."""
        for socket, wanted in list(self._sockets.items()):
            if stream in wanted or stream.replace("@depth@100ms", "@depth") in wanted:
                combined = any("/" in str(name) for name in wanted) or socket._req.path == "/stream"
                with suppress(ConnectionError):  # who was killed has gone without a word; the market goes on
                    await socket.send_json({"stream": stream, "data": data} if combined else data)

    def _now(self) -> int:
        return int(time.time() * 1000) + self.clock_ahead_ms


def _listing(symbol: str) -> dict[str, Any]:
    tick, lot, largest = FILTERS[symbol]
    base, quote = symbol.removesuffix("USDT"), "USDT"
    return {
        "symbol": symbol, "status": "TRADING", "baseAsset": base, "baseAssetPrecision": 8, "quoteAsset": quote,
        "quotePrecision": 8, "quoteAssetPrecision": 8, "isSpotTradingAllowed": True, "isMarginTradingAllowed": False,
        "orderTypes": ["LIMIT", "MARKET"], "permissions": [], "permissionSets": [["SPOT"]],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": largest, "stepSize": lot},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
        ],
    }  # fmt: skip


@asynccontextmanager
async def loopback_exchange() -> AsyncIterator[LoopbackExchange]:
    """The exchange, listening for as long as the block lasts."""
    exchange = LoopbackExchange()
    app = web.Application()
    app.add_routes([
        web.get("/api/v3/exchangeInfo", exchange.exchange_info),
        web.get("/api/v3/depth", exchange.depth),
        web.get("/api/v3/trades", exchange.trades),
        web.get("/api/v3/aggTrades", exchange.trades),
        web.get("/stream", exchange.socket),
        web.get("/ws", exchange.socket),
        web.get("/ws/{rest:.*}", exchange.socket),
    ])  # fmt: skip
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    exchange.address, exchange.stream = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    try:
        yield exchange
    finally:
        await exchange.cut()
        await runner.cleanup()


@asynccontextmanager
async def lively(exchange: LoopbackExchange, every: float = 0.02) -> AsyncIterator[None]:
    """Quotes and trades for as long as the block lasts."""

    async def live() -> None:
        count = 0
        while True:
            count += 1
            middle = 50_000 + count % 50
            await exchange.quote("BTCUSDT", middle, middle + 1.0)
            await exchange.quote("ETHUSDT", 3_000 + count % 10, 3_001.0 + count % 10)
            await exchange.trade("BTCUSDT", middle + 0.5)
            await asyncio.sleep(every)

    task = asyncio.create_task(live())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task  # a market that broke by itself is told
