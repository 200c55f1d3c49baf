"""The quotes of our replay through nautilus_trader's backtest; prints quotes a second as JSON.

Runs in `.venv-peers` alone. Arguments: a .npy file of int64 rows (instrument, nanoseconds, bid and ask in cents, bid
and ask size), and how often the strategy trades: a market order at every n-th quote, none with 0.
"""

import json
import sys
import time
import warnings
from importlib.metadata import version

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("PAPER")
REPEATS = 3


class Quotes(Strategy):
    """Looks at every quote; buys at every n-th."""

    def __init__(self, instruments, every):
        super().__init__()
        self.traded, self.every, self.number = instruments, every, 0

    def on_start(self):
        for instrument in self.traded:
            self.subscribe_quote_ticks(instrument.id)

    def on_quote_tick(self, tick):
        self.number += 1
        if self.every and self.number % self.every == 0:
            size = Quantity.from_int(1 + self.number // self.every % 97)
            self.submit_order(self.order_factory.market(tick.instrument_id, OrderSide.BUY, size))


def equity(number):
    symbol = f"S{number}"
    return Equity(
        instrument_id=InstrumentId(Symbol(symbol), VENUE), raw_symbol=Symbol(symbol), currency=USD, price_precision=2,
        price_increment=Price.from_str("0.01"), lot_size=Quantity.from_int(1), ts_event=0, ts_init=0,
    )  # fmt: skip


def run(instruments, ticks, every):
    """Seconds of one run, without the loading of the data."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(1_000_000_000, USD)], base_currency=USD)
    for instrument in instruments:
        engine.add_instrument(instrument)
    engine.add_data(ticks)
    strategy = Quotes(instruments, every)
    engine.add_strategy(strategy)
    began = time.process_time()
    engine.run()
    seconds = time.process_time() - began
    orders = len(engine.cache.orders())
    assert strategy.number == len(ticks), f"{strategy.number} of {len(ticks)} quotes seen"
    assert orders == (len(ticks) // every if every else 0), f"{orders} orders"
    engine.dispose()
    return seconds


def main(path, every):
    rows = np.load(path).tolist()
    instruments = [equity(number) for number in range(1 + max(row[0] for row in rows))]
    ticks = [
        QuoteTick(
            instruments[number].id, Price(bid / 100, 2), Price(ask / 100, 2), Quantity.from_int(bid_size),
            Quantity.from_int(ask_size), time, time,
        )
        for number, time, bid, ask, bid_size, ask_size in rows
    ]  # fmt: skip
    seconds = sorted(run(instruments, ticks, every) for _ in range(REPEATS))[REPEATS // 2]
    peer = f"nautilus_trader {version('nautilus_trader')}"
    print(json.dumps({"peer": peer, "quotes_per_second": len(ticks) / seconds}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], int(sys.argv[2]))
