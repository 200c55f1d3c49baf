"""Trend following: hold what rises. A model of style, not of profit."""

import msgspec

import toolkit as tk


class Trend(tk.Strategy):
    """Holds an instrument while the average of its last `fast` closes is above that of its last `slow` ones.

    The decision falls at the close, when the market is shut, and is traded at the first quote of the next session.
    """

    instruments = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    bar = "1d"

    fast: int = 10  # sessions
    slow: int = 40
    invested: float = 0.9  # share of the capital, split evenly over the instruments

    class State(msgspec.Struct):
        wanted: dict[str, float] = {}  # decided at the close, to be traded at the open

    @property
    def warmup(self):
        return self.slow

    def on_bar(self, bar):
        rises = self.average(bar.instrument, self.fast) > self.average(bar.instrument, self.slow)
        if rises != (self.position(bar.instrument) > 0):
            self.state.wanted[bar.instrument] = self.size(bar) if rises else 0

    def on_quote(self, quote):
        wanted = self.state.wanted.pop(quote.instrument, None)
        if wanted is not None:
            self.target_position(quote.instrument, wanted, reason="rises" if wanted else "no longer rises")

    def average(self, instrument, count):
        return sum(self.history.closes(instrument, count)) / count

    def size(self, bar):
        budget = self.capital * self.invested / len(self.instruments)
        return self.instruments[bar.instrument].quantity(budget / bar.close, "down")
