"""The SMA cross of `tests/tools/sma_cross.py` in backtesting.py; prints trades, equity and speed as JSON.

Runs in `.venv-peers` alone and imports nothing of ours. Arguments: fast, slow, stake, capital, commission.
"""

import json
import sys
import time
import warnings
from importlib.metadata import version

import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from bokeh_sampledata.stocks import GOOG

FAST, SLOW, STAKE, CAPITAL = (int(text) for text in sys.argv[1:5])
COMMISSION = float(sys.argv[5])
REPEATS = 5


def average(closes, count):
    return pd.Series(closes).rolling(count).mean()


class SmaCross(Strategy):
    def init(self):
        self.fast = self.I(average, self.data.Close, FAST)
        self.slow = self.I(average, self.data.Close, SLOW)

    def next(self):
        shares = int(STAKE // self.data.Close[-1])
        if crossover(self.fast, self.slow):
            self.position.close()
            self.buy(size=shares)
        elif crossover(self.slow, self.fast):
            self.position.close()
            self.sell(size=shares)


def row(trade):
    """Entry, exit (None while it is open), signed shares and prices of one trade."""
    closed = trade.exit_time is not None
    return {
        "opened": trade.entry_time.date().isoformat(),
        "closed": trade.exit_time.date().isoformat() if closed else None,
        "shares": int(trade.size),
        "entry": float(trade.entry_price),
        "exit": float(trade.exit_price) if closed else None,
    }


def main():
    frame = pd.DataFrame(GOOG)
    frame.index = pd.DatetimeIndex(pd.to_datetime(frame["date"]))
    frame = frame.rename(columns=str.capitalize)[["Open", "High", "Low", "Close", "Volume"]]
    test = Backtest(frame, SmaCross, cash=CAPITAL, commission=COMMISSION, finalize_trades=False)
    seconds = []
    for _ in range(REPEATS):
        began = time.process_time()
        stats = test.run()
        seconds.append(time.process_time() - began)
    strategy = stats["_strategy"]
    answer = {
        "peer": f"backtesting.py {version('backtesting')}",
        "trades": [row(trade) for trade in (*strategy.closed_trades, *strategy.trades)],
        "final_equity": float(stats["Equity Final [$]"]),
        "bars_per_second": len(frame) / sorted(seconds)[REPEATS // 2],
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
