"""Mean reversion: what went too far comes back. A model of style, not of profit."""

from statistics import fmean, stdev

import toolkit as tk


class MeanReversion(tk.Strategy):
    """Buys what closed far below its average and sells short what closed far above, until it is near again.

    Far is `enter` standard deviations of the last `window` closes, near is `leave`. It decides on the close
    and trades at the open: a session's bar is told with the first quote of the next one.
    """

    instruments = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    bar = "1d"

    window: int = 20  # sessions
    enter: float = 1.5
    leave: float = 0.5
    invested: float = 0.8  # share of the capital, split evenly over the instruments

    @property
    def warmup(self):
        return self.window

    def on_bar(self, bar):
        score = self.score(bar.instrument, bar.close)
        held = self.position(bar.instrument)
        if held and (abs(score) < self.leave or score * held > 0):  # near again, or beyond the average
            self.target_position(bar.instrument, 0, reason="came back")
        elif not held and abs(score) > self.enter:
            away = -1 if score > 0 else 1
            self.target_position(bar.instrument, away * self.size(bar), reason="went too far")

    def score(self, instrument, close):
        closes = self.history.closes(instrument, self.window)
        spread = stdev(closes)
        return (close - fmean(closes)) / spread if spread else 0.0

    def size(self, bar):
        budget = self.capital * self.invested / len(self.instruments)
        return self.instruments[bar.instrument].quantity(budget / bar.close, "down")
