"""Quoting: a bid and an offer around the market, leaning against what is held. A model of style, not of profit."""

import toolkit as tk


class Quoting(tk.Strategy):
    """Rests a bid and an offer `edge` basis points from the middle and moves them when the market moves.

    What it holds pushes both prices the other way, and a side that could break the inventory limit is taken down. Its
    orders are post-only and end with the session; nothing needs to be remembered, for `orders` and `position` come back.
    """

    instruments = ("IBM", "MSFT")

    edge: float = 60.0  # basis points from the middle
    lean: float = 1.0  # how many edges a full inventory pushes the prices
    size: float = 50.0  # of each order
    most: float = 200.0  # inventory, long or short
    requote: int = 5  # ticks that the price must be off before an order is moved
    short: bool = True  # whether it may offer what it does not hold; not so on a spot market

    def on_quote(self, quote):
        if not quote.bid < quote.ask:  # one-sided (NaN), locked or crossed: no market to quote around
            return
        instrument, held = self.instruments[quote.instrument], self.position(quote.instrument)
        edge = quote.mid * self.edge / 10_000
        middle = quote.mid - edge * self.lean * held / self.most
        bid = min(instrument.price(middle - edge, "down"), quote.bid)
        offer = max(instrument.price(middle + edge, "up"), quote.ask)
        self.keep(instrument, self.buy, bid, room=self.most - held)
        self.keep(instrument, self.sell, offer, room=held + (self.most if self.short else 0))

    def keep(self, instrument, side, price, room):
        """Have one order on this side, at this price, within the room that the inventory leaves."""
        mine = [
            order
            for order in self.orders
            if order.instrument == instrument.symbol and order.is_buy == (side == self.buy)
        ]
        if not mine and room > 0:
            side(instrument.symbol, min(self.size, room), price, tif="day", post_only=True, reason="quote")
        for order in mine:
            if order.status not in ("NEW", "PARTIALLY_FILLED"):
                continue  # something is on its way; the next quote looks again
            if order.remaining > room:
                self.cancel(order.intent_id)
            elif round(abs(order.price - price) / instrument.tick) > self.requote:
                self.modify(order.intent_id, price=price)
