"""The sample through venue, engine and one strategy, as a backtest does it; without orders, and with some.

Processor time: nothing here waits, so what else the machine does is left out. Where the peers are set up
(`make bench-peers`) nautilus_trader gets the same quotes in turn with us.
"""

from __future__ import annotations

import gc
import time
from itertools import count, islice
from statistics import median
from typing import Any

from execution.settings import read_settings
from execution.wiring.listener import sample_feed
from tests.benchmarks import bench_peers
from tests.benchmarks.report import Result, beside
from tests.benchmarks.workshop import book_spec, quick_venue
from tests.tools.desk_kit import PROJECT
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Quote, Step
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.backtest import Backtest
from toolkit.simulation.matching import PaperVenue

STEPS, REPEATS = 30_000, 5
QUIET, TRADING, TIMES = 400_000, 200_000, 5.0
NAME = "bench"


class Watches(Strategy):
    """Looks at every quote and does nothing."""

    bar = "1d"
    warmup = 0

    def on_quote(self, quote: Any) -> None:
        return


class Trades(Strategy):
    """Buys at every hundredth quote."""

    bar = "1d"
    warmup = 0

    def on_start(self) -> None:
        self.numbers = count(1)

    def on_quote(self, quote: Any) -> None:
        if (number := next(self.numbers)) % 100 == 0:
            self.buy(quote.instrument, 1 + number // 100 % 97)


def run() -> list[Result]:
    settings = read_settings(PROJECT)
    steps = list(islice(sample_feed(settings.desk.feed, settings.instruments).steps(0), STEPS))
    quotes = sum(type(event) is Quote for step in steps for event in step.events)
    results = []
    for strategy, name, every, goal in (
        (Watches, "replay without trading", 0, QUIET),
        (Trades, "replay with an order per 100 quotes", 100, TRADING),
    ):
        runs = [_replay(strategy, steps) for _ in range(REPEATS)]
        peers = bench_peers.quotes_per_second(steps, every)
        runs += [_replay(strategy, steps) for _ in range(REPEATS)]
        ledger = runs[0][1]
        assert (ledger.order_count > quotes / 150) is (strategy is Trades), f"{ledger.order_count} orders"
        results.append(beside(name, quotes / median(seconds for seconds, _ in runs), "quotes/s", peers, goal, TIMES))
    return results


def _replay(strategy: type[Strategy], steps: list[Step]) -> tuple[float, Ledger]:
    settings = read_settings(PROJECT)
    master = {each.symbol: each for each in settings.instruments}
    container = StrategyContainer(strategy, {}, master, settings.base_currency, name=NAME)
    backtest = Backtest(
        book_spec([NAME], tuple(settings.instruments), currency=settings.base_currency),
        PaperVenue(quick_venue(), settings.instruments),
        {NAME: container},
        lambda _events, _ledger: None,
        lambda _step, _ledger: None,
    )
    gc.collect()
    began = time.process_time()
    ledger = backtest.run(steps)
    return time.process_time() - began, ledger
