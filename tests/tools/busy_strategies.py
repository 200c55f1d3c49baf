"""A desk that asks for more than a person would: what it asks hangs on its quotes alone, so it can be done again."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import msgspec

import toolkit as tk
from execution.settings import Settings, read_settings
from execution.wiring.replayer import plan_of
from tests.benchmarks.soak import soak_home
from tests.integration.test_strategy_restart import container
from toolkit.engine.messages import EngineSettings
from toolkit.engine.strategy_market import OrderView, Quote
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.paper_settings import PaperSettings

MOST_HELD, MOST_OPEN = 150, 7


class Dabbler(tk.Strategy):
    """A bit of everything: limits that reach through, stops here and there, brackets, changes, cancels."""

    instruments = ("AAPL", "FB", "GOOG")
    bar = "1d"
    warmup = 0

    def on_quote(self, quote: Quote) -> None:
        dice = crc32(f"{quote.instrument} {quote.bid} {quote.ask} {self.now}".encode())
        held = self.position(quote.instrument)
        buys = held < 0 if abs(held) > MOST_HELD else bool(dice & 256)
        mine = [order for order in self.orders if order.instrument == quote.instrument]
        if len(mine) > MOST_OPEN:
            self.cancel(mine[0].intent_id)
        elif dice % 13 < 9:
            self._ask(quote, dice, buys)
        elif mine:
            self._change(quote, dice, buys, mine[dice // 64 % len(mine)])

    def _ask(self, quote: Quote, dice: int, buys: bool) -> None:
        side, symbol, lots = self.buy if buys else self.sell, quote.instrument, 1 + dice // 16 % 60
        rests, reaches, beyond = self._prices(quote, dice, buys)
        match dice % 13:
            case 0 | 1:
                side(symbol, lots * (1 + dice % 2 * 4), reaches)
            case 2:
                side(symbol, lots)
            case 3:
                side(symbol, lots, rests, tif="day")
            case 4:
                side(symbol, lots, reaches, tif="ioc")
            case 5:
                side(symbol, lots, rests, tif="gtd", until=7200)
            case 6:
                side(symbol, lots, stop=beyond)
            case 7:
                side(symbol, lots, beyond, stop=beyond, held="engine" if dice & 512 else "venue")
            case 8:
                away = -0.01 if buys else 0.01
                stop, target = (self.instruments[symbol].price(quote.mid * (1 + by)) for by in (away, -away))
                self.bracket("buy" if buys else "sell", symbol, lots, stop=stop, target=target)

    def _change(self, quote: Quote, dice: int, buys: bool, order: OrderView) -> None:
        rests, reaches, _ = self._prices(quote, dice, buys)
        if dice % 13 == 9:
            self.cancel(order.intent_id)
        elif order.status in ("NEW", "PARTIALLY_FILLED") and order.price:
            more = max(order.remaining, 1 + dice // 16 % 60) if dice & 4096 else None
            self.modify(order.intent_id, price=rests if dice & 2048 else reaches, quantity=more)

    def _prices(self, quote: Quote, dice: int, buys: bool) -> tuple[float, float, float]:
        """Where an order rests, where it reaches through, and where a stop lies beyond."""
        price, off, away = self.instruments[quote.instrument].price, dice // 1024 % 40, -1 if buys else 1
        return (
            price(quote.mid * (1 + away * off / 10_000)),
            price(quote.mid * (1 - away * off / 5_000)),
            price(quote.mid * (1 - away * (off + 5) / 10_000)),
        )


class BusyDesk:
    """The soak's desk, whose extra strategy trades at every quote (`churn`) or dabbles; at a venue that is as given."""

    def __init__(self, folder: Path, *, dabbles: bool = False, **venue: object) -> None:
        self.settings: Settings = read_settings(soak_home(folder))
        self.venue: PaperSettings = msgspec.structs.replace(next(iter(self.settings.venues.values())), **venue)
        self.engine: EngineSettings = plan_of(self.settings).settings
        self._dabbles = dabbles

    def container(self, name: str) -> StrategyContainer:
        if name != "churn" or not self._dabbles:
            return container(self.settings, name)
        instruments = {symbol: self.settings.instrument(symbol) for symbol in Dabbler.instruments}
        return StrategyContainer(Dabbler, {}, instruments, self.settings.base_currency, name=name)

    def containers(self) -> dict[str, StrategyContainer]:
        return {name: self.container(name) for name in self.settings.strategies}
