"""The SMA cross in backtrader, for its speed alone; prints bars a second as JSON. Runs in `.venv-peers` alone."""

import json
import sys
import time
from importlib.metadata import version

import backtrader
import pandas as pd
from bokeh_sampledata.stocks import GOOG

FAST, SLOW, STAKE, CAPITAL = (int(text) for text in sys.argv[1:5])
COMMISSION = float(sys.argv[5])
REPEATS = 5


class SmaCross(backtrader.Strategy):
    def __init__(self):
        fast, slow = (backtrader.indicators.SMA(self.data.close, period=period) for period in (FAST, SLOW))
        self.cross = backtrader.indicators.CrossOver(fast, slow)

    def next(self):
        if self.cross[0]:
            shares = int(STAKE // self.data.close[0])
            self.order_target_size(target=shares if self.cross[0] > 0 else -shares)


def run(frame):
    """Seconds of one run, without the making of the feed."""
    cerebro = backtrader.Cerebro(stdstats=False)
    cerebro.adddata(backtrader.feeds.PandasData(dataname=frame))
    cerebro.addstrategy(SmaCross)
    cerebro.broker.setcash(CAPITAL)
    cerebro.broker.setcommission(COMMISSION)
    began = time.process_time()
    cerebro.run()
    seconds = time.process_time() - began
    assert abs(cerebro.broker.getvalue() - CAPITAL) > 1, "it did not trade"
    return seconds


def main():
    frame = pd.DataFrame(GOOG)
    frame.index = pd.DatetimeIndex(pd.to_datetime(frame["date"]))
    frame = frame[["open", "high", "low", "close", "volume"]]
    seconds = sorted(run(frame) for _ in range(REPEATS))[REPEATS // 2]
    print(json.dumps({"peer": f"backtrader {version('backtrader')}", "bars_per_second": len(frame) / seconds}))


if __name__ == "__main__":
    main()
