"""A strategy of brackets decides the same twice, with less data, and with everything lost in between."""

import msgspec

import toolkit as tk


class Guarded(tk.Strategy):
    """Buys or sells what is flat, protected in turn at the venue, in the engine, and by a stop that trails."""

    instruments = ("AAPL", "IBM")
    bar = "1d"

    class State(msgspec.Struct):
        count: int = 0

    def on_bar(self, bar):
        quote = self.quote(bar.instrument)
        if self.position(bar.instrument) or any(order.instrument == bar.instrument for order in self.orders):
            return
        self.state.count += 1
        kind, sign = self.state.count % 3, 1 if self.state.count % 2 else -1
        price = self.instruments[bar.instrument].price
        self.bracket(
            "buy" if sign > 0 else "sell",
            bar.instrument,
            50,
            stop=price(quote.mid * (1 - sign * 0.01)),
            target=price(quote.mid * (1 + sign * 0.02)) if kind else None,
            trail=price(quote.mid * 0.01) if kind == 2 else None,
            held="engine" if kind == 1 else None,
        )


def test_brackets_survive_a_restart_at_any_step_and_use_no_future() -> None:
    data = tk.data.sample(12, ["AAPL", "IBM"])
    checked = tk.check(Guarded, data)
    assert checked.passed, checked
    result = tk.backtest(Guarded, data)
    kinds = set(result.orders["type"])
    assert {"stop", "trailing_stop", "limit", "market"} <= kinds
    assert len(result.fills) > 20
