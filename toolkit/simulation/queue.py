"""Fills at the touch by the place in the queue: how much is ahead of a resting order, and what takes it away.

The display never says where one order stands, so its place is estimated, after E. Rigtorp, "Estimating order queue
position" (2013), with the probability that a cancellation was ahead in proportion to the size ahead; the same estimate
is in C. C. Moallemi and K. Yuan, "A model for queue position valuation in a limit order book" (2016), and in
hftbacktest's queue models. For an order at price P on the side whose best price is b and displays D:

- Joining: with b = P, `ahead_percent` of D is ahead (rounded up). Better than b, nothing is. Worse than b nobody sees
  its level: ahead is what is displayed when b comes to P for the first time.
- A print of s lots at P first takes what is ahead; only what is left over reaches the order, and of that at most the
  participation in s. What an earlier order of ours took is gone as well.
- A quote with b = P and D' < D: the prints at P since the last quote explain t of what vanished. Of the rest
  u = D − t − D', `unprinted_traded_percent` were trades, which take from the front as a print would, and c lots were
  canceled, in proportion: ahead · (1 − c / (c + D')), rounded up, and never more than D'. A larger D' joined behind.
- A quote with b worse than P: the whole display is gone (D' = 0); after it nothing is ahead.
- A quote or print through P, or a bar beyond it, fills as always: whoever was ahead is filled too.
- Bars, and prints of a feed without quotes, show no queue: a bar that turns exactly at P, or a print there, fills the
  order `unseen_touch_per_million` of the times, drawn per order and touch.

So a feed with prints wants `unprinted_traded_percent` 0, and one with quotes alone some share: its trades show nowhere
else. Lots at one price are one queue, first come, first served; pro-rata venues are not modelled.
"""

from __future__ import annotations

from itertools import groupby, takewhile

from toolkit.domain.market import Bar, Quote, Trade
from toolkit.domain.orders import Side
from toolkit.domain.requests import Liquidity
from toolkit.domain.time import FeedTime
from toolkit.simulation.draws import Purpose, happens
from toolkit.simulation.filling import NO_END, Filler
from toolkit.simulation.paper_account import Account
from toolkit.simulation.paper_book import Market, PaperOrder, Register
from toolkit.simulation.paper_reports import Reporter
from toolkit.simulation.paper_settings import PaperSettings, QueueModel


class QueueFiller(Filler):
    """A filler whose resting orders wait for the queue ahead of them. Their places are fields of the orders."""

    def __init__(
        self,
        queue: QueueModel,
        settings: PaperSettings,
        register: Register,
        reporter: Reporter,
        account: Account,
    ) -> None:
        super().__init__(settings, register, reporter, account)
        self._queue = queue

    def arrive(self, market: Market, order: PaperOrder, trading: bool, time: FeedTime) -> None:
        order.ahead, order.shown, order.printed = None, 0, 0
        super().arrive(market, order, trading, time)
        if market.quote is not None and not order.eager and order.remaining:
            self._join(order, *_best(market.quote, order.side))

    def on_quote(self, market: Market, quote: Quote, time: FeedTime) -> None:
        for side in (Side.BUY, Side.SELL):
            orders = _from(market, side, _best(quote, side)[0])
            if orders:
                self._see(market, orders, *_best(quote, side), time)
        super().on_quote(market, quote, time)

    def on_trade(self, market: Market, trade: Trade, time: FeedTime) -> int:
        for side in (Side.BUY, Side.SELL):
            for order in _from(market, side, trade.price):
                if order.price != trade.price:
                    order.ahead = 0
        left = super().on_trade(market, trade, time)
        for side in (Side.BUY, Side.SELL):
            if orders := _at(market, side, trade.price):
                left -= self._printed(market, orders, trade, left, time)
        market.settle()
        return left

    def on_bar(self, market: Market, bar: Bar, time: FeedTime) -> int:
        left = super().on_bar(market, bar, time)
        for side, turn in ((Side.BUY, bar.low), (Side.SELL, bar.high)):
            orders = [order for order in _at(market, side, turn) if order.active <= bar.start]
            left -= self._touch(market, orders, left, time)
        market.settle()
        return left

    def _printed(self, market: Market, orders: list[PaperOrder], trade: Trade, left: int, time: FeedTime) -> int:
        if market.quote is None:
            return self._touch(market, orders, left, time)
        for order in orders:
            order.printed += trade.size
        return self._reach(market, orders, trade.size, left, time)

    def _touch(self, market: Market, orders: list[PaperOrder], most: int, time: FeedTime) -> int:
        """A touch where no queue is displayed: luck decides for each order. Lots given."""
        given = 0
        for order in orders:
            order.touches += 1
            chance, seed = self._queue.unseen_touch_per_million, self._settings.seed
            if most > given and happens(chance, seed, order.ids[0], Purpose.UNSEEN_TOUCH, order.touches):
                quantity = self._part(order, min(order.remaining, most - given))
                given += quantity
                self.fill(market, order, order.price or 0, quantity, Liquidity.MAKER, time)
        return given

    def _see(self, market: Market, orders: list[PaperOrder], best: int, size: int, time: FeedTime) -> None:
        """What a display says about the places of the orders at the best price of their side, or better than it."""
        for price, level in groupby(orders, key=_price):
            placed = [order for order in level if not self._join_first(order, best, size)]
            if placed:
                self._vanish(market, placed, size if price == best else 0, time)
        market.settle()

    def _join_first(self, order: PaperOrder, best: int, size: int) -> bool:
        """Whether the order had no place before this display."""
        if order.ahead is not None:
            return False
        self._join(order, best, size)
        return True

    def _join(self, order: PaperOrder, best: int, size: int) -> None:
        """Take a place where the display shows one: at the best price or before it."""
        if _price(order) == best:
            order.ahead, order.shown = -(-size * self._queue.ahead_percent // 100), size
        elif (_price(order) - best) * order.side > 0:
            order.ahead, order.shown = 0, 0

    def _vanish(self, market: Market, orders: list[PaperOrder], size: int, time: FeedTime) -> None:
        """The display at the price of these orders is `size` now: part of what is gone was traded, part canceled."""
        gone = [max(0, order.shown - order.printed - size) for order in orders]
        traded = min(gone) * self._queue.unprinted_traded_percent // 100  # the order that saw most prints knows best
        if traded:
            self._reach(market, orders, traded, self._share(traded), time)
        for order, lots in zip(orders, gone, strict=True):
            ahead, canceled = order.ahead or 0, lots - traded
            if canceled:
                ahead = -(-ahead * size // (canceled + size))
            order.ahead, order.shown, order.printed = min(ahead, size), size, 0

    def _reach(self, market: Market, orders: list[PaperOrder], size: int, most: int, time: FeedTime) -> int:
        """`size` lots trade at the price of these orders: first what is ahead, then they, up to `most`. Lots given."""
        given = 0
        for order in orders:
            if order.ahead is None:
                continue
            passing, ahead = size - given, order.ahead
            order.ahead = max(0, ahead - passing)
            quantity = min(order.remaining, passing - ahead, most - given)
            if quantity > 0:
                quantity = self._part(order, quantity)
                given += quantity
                self.fill(market, order, _price(order), quantity, Liquidity.MAKER, time)
        return given


def make_filler(settings: PaperSettings, register: Register, reporter: Reporter, account: Account) -> Filler:
    """The filler that the settings ask for; without a queue there is nothing of it to pay for."""
    if settings.queue is None:
        return Filler(settings, register, reporter, account)
    return QueueFiller(settings.queue, settings, register, reporter, account)


def _price(order: PaperOrder) -> int:
    return order.price or 0


def _best(quote: Quote, side: Side) -> tuple[int, int]:
    """Price and size of the best of our own side; no buyers are a price of 0, no sellers one beyond all others."""
    if side is Side.BUY:
        return quote.bid, quote.bid_size
    return (quote.ask, quote.ask_size) if quote.ask > 0 else (NO_END, 0)


def _from(market: Market, side: Side, price: int) -> list[PaperOrder]:
    """Resting orders of one side at this price or better than it, best first."""
    queue = market.buys if side is Side.BUY else market.sells
    return list(takewhile(lambda order: (_price(order) - price) * side >= 0, queue))


def _at(market: Market, side: Side, price: int) -> list[PaperOrder]:
    """Resting orders of one side at exactly this price, earliest first."""
    return [order for order in _from(market, side, price) if order.price == price]
