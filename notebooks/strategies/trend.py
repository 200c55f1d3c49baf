"""Trend following: hold what rises. A model of style, not of profit."""

import toolkit as tk


class Trend(tk.Strategy):
    """Holds an instrument while the average of its last `fast` closes is above that of its last `slow` ones.

    It decides on the close and trades at the open: a session's bar is told with the first quote of the next one.
    """

    instruments = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    bar = "1d"

    fast: int = 10  # sessions
    slow: int = 40
    invested: float = 0.9  # share of the capital, split evenly over the instruments

    @property
    def warmup(self):
        return self.slow

    def on_bar(self, bar):
        rises = self.average(bar.instrument, self.fast) > self.average(bar.instrument, self.slow)
        holds = self.position(bar.instrument) > 0
        if rises and not holds:
            self.target_position(bar.instrument, self.size(bar), reason="rises")
        elif holds and not rises:
            self.target_position(bar.instrument, 0, reason="no longer rises")

    def average(self, instrument, count):
        return sum(self.history.closes(instrument, count)) / count

    def size(self, bar):
        budget = self.capital * self.invested / len(self.instruments)
        return self.instruments[bar.instrument].quantity(budget / bar.close, "down")
