"""Prices of an exchange for which there is no raw reader of ours, through ccxt: `watch_*`, else REST again and again.

This way is second best and says so in its name: ccxt hands out the newest state, so changes between two reads are not
seen, nothing proves that no trade was lost, and REST is late by as much as its pause.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from toolkit.adapters.ccxt_markets import open_exchange
from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import RawDepth, RawMessage, RawQuote, RawTrade
from toolkit.domain.time import FeedTime, WallTime

PAUSE_SECONDS: Final = 1.0
LEVELS: Final = 5
MILLISECOND: Final = 1_000_000
REMEMBERED: Final = 5_000

Answer = RawMessage | Exception


class GenericSource:
    """Best bids, offers and trades of some symbols. `arrival` tells the time at which something arrives."""

    has_depth: Final = False
    quotes_from_book: Final = False

    def __init__(
        self,
        exchange: str,
        symbols: Sequence[str],
        arrival: Callable[[], FeedTime],
        *,
        rest: str = "",
        stream: str = "",
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._exchange_name = exchange
        self._symbols = tuple(symbols)
        self._arrival = arrival
        self._addresses = {"rest": rest, "stream": stream}
        self._pause = pause
        self.name = f"{exchange} by ccxt, generic path"

    async def __aenter__(self) -> Self:
        self._exchange = open_exchange(self._exchange_name, **self._addresses)
        ways = [f"{what} by {self._way(what)}" for what in ("OrderBook", "Trades")]
        self.name = f"{self._exchange_name} by ccxt, generic path ({', '.join(ways)}): changes in between are not seen"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exchange.close()

    async def messages(self) -> AsyncGenerator[RawMessage, None]:
        """Ask for everything at once and hand out what comes. TransportError with the first thing that fails."""
        answers: asyncio.Queue[Answer] = asyncio.Queue()
        loops = [loop(symbol, answers) for symbol in self._symbols for loop in (self._quotes, self._trades)]
        tasks = [asyncio.create_task(self._until_it_fails(loop, answers)) for loop in loops]
        try:
            while True:
                answer = await answers.get()
                if isinstance(answer, Exception):
                    raise TransportError(f"{self._exchange_name}: {answer}") from answer
                yield answer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def snapshot(self, symbol: str) -> RawDepth:
        """Never wanted: without numbers there is no book to mend."""
        raise TransportError(f"{self._exchange_name}: the generic path has no book of {symbol}")

    async def _until_it_fails(self, loop: Awaitable[None], answers: asyncio.Queue[Answer]) -> None:
        errors = importlib.import_module("ccxt.base.errors")
        try:
            await loop
        except (errors.BaseError, OSError, TimeoutError) as problem:
            answers.put_nowait(problem)

    async def _quotes(self, symbol: str, answers: asyncio.Queue[Answer]) -> None:
        """Each new top of the book."""
        last: tuple[object, ...] = ()
        while True:
            book = await self._ask("OrderBook", symbol, LEVELS)
            (bid, bid_size), (ask, ask_size) = (_best(book[side]) for side in ("bids", "asks"))
            sides = (bid, ask, bid_size, ask_size)
            if sides != last and any(sides):
                last = sides
                row = RawQuote(symbol, self._arrival(), *sides, f"{symbol} book")
                answers.put_nowait(RawMessage((row,), _sent(book)))

    async def _trades(self, symbol: str, answers: asyncio.Queue[Answer]) -> None:
        """Each trade that was not seen yet; the first answer is of the past and only remembered."""
        seen: dict[str, None] | None = None
        while True:
            trades = await self._ask("Trades", symbol, None)
            known = seen or {}
            new = {_identity(trade): trade for trade in trades if _identity(trade) not in known}
            if seen is not None or self._way("Trades") == "stream":
                for identity, trade in new.items():
                    place = f"{symbol} trade {identity}"
                    row = RawTrade(symbol, self._arrival(), trade["price"], trade["amount"], place)
                    answers.put_nowait(RawMessage((row,), _sent(trade)))
            seen = dict.fromkeys([*known, *new][-REMEMBERED:])

    async def _ask(self, what: str, symbol: str, limit: int | None) -> Any:
        if self._way(what) == "stream":
            watch = self._exchange.watch_order_book if what == "OrderBook" else self._exchange.watch_trades
            return await watch(symbol)
        await asyncio.sleep(self._pause)
        if what == "OrderBook":
            return await self._exchange.fetch_order_book(symbol, limit)
        return await self._exchange.fetch_trades(symbol)

    def _way(self, what: str) -> str:
        return "stream" if self._exchange.has.get(f"watch{what}") else f"REST every {self._pause:g} s"


def _best(levels: Sequence[Sequence[float]]) -> tuple[float, float]:
    return (levels[0][0], levels[0][1]) if levels else (0, 0)


def _sent(answer: Mapping[str, Any]) -> WallTime | None:
    with suppress(KeyError, TypeError):
        return WallTime(int(answer["timestamp"]) * MILLISECOND)
    return None


def _identity(trade: Mapping[str, Any]) -> str:
    return str(trade.get("id") or (trade.get("timestamp"), trade.get("price"), trade.get("amount"), trade.get("side")))
