"""Which orders trade against a quote, a print or a bar, at what price, for how much; who may trade is decided before.

An eager order (new, or still reaching through the quote) takes: the quote's price and what slippage and impact add,
never beyond its limit. A resting order gives: its own limit, when the other side comes to it; only a bar that opens
beyond the limit fills it at the open. A bar is walked open, nearer extreme, other extreme, close, and an order that
took effect after the bar began waits for the next one, because nobody knows what came first. A fill-or-kill order
trades whole or not at all. What triggers a waiting stop stands in `stops`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from toolkit.domain.market import Bar, Quote, Trade
from toolkit.domain.orders import BUY, SELL, Side, Status, TimeInForce
from toolkit.domain.requests import Liquidity
from toolkit.domain.stops import walk
from toolkit.domain.time import FeedTime
from toolkit.simulation.draws import Purpose, draw, draw_key, happens
from toolkit.simulation.paper_account import Account
from toolkit.simulation.paper_book import OPEN, Market, PaperOrder, Register
from toolkit.simulation.paper_reports import Reporter
from toolkit.simulation.paper_settings import PaperSettings, Remainder
from toolkit.simulation.stops import Stops
from toolkit.simulation.surprises import BustFill, CorrectFill, LateFill, Unexpected
from toolkit.simulation.volumes import Volumes

NO_END = 1 << 62
MAKER, TAKER = Liquidity.MAKER, Liquidity.TAKER
PARTIALLY_FILLED, FILLED, FOK = Status.PARTIALLY_FILLED, Status.FILLED, TimeInForce.FOK


class Filler:
    """Trades orders with the market and writes the venue's own books: filled quantity, fees, positions."""

    def __init__(self, settings: PaperSettings, register: Register, reporter: Reporter, account: Account) -> None:
        self._settings = settings
        self._register = register
        self._reporter = reporter
        self._account = account
        self._quote_touch = int(settings.quote_touch_fills)
        self._trade_touch = int(settings.trade_touch_fills)
        self._stops = Stops(register, reporter)
        self.volumes = Volumes()
        self._gives_up = Status.EXPIRED if settings.remainder is Remainder.EXPIRED else Status.CANCELED

    def would_trade(self, market: Market, order: PaperOrder) -> bool:
        """Whether an arriving order reaches the other side of the standing quote."""
        price = _opposite(market.quote, order.side) if market.quote and not order.waits else 0
        return price > 0 and order.reaches(price)

    def arrive(self, market: Market, order: PaperOrder, trading: bool, time: FeedTime) -> None:
        """An order that stands in no queue meets the standing quote, or waits for a market to meet."""
        if order.waits:
            if trading:
                self._stops.sees_quote(market, order, time)
            if order.waits:
                market.put(order)
                return
        if trading and market.quote is not None:
            self._meet(market, order, market.quote, time)
        else:
            market.put(order)

    def on_quote(self, market: Market, quote: Quote, time: FeedTime) -> None:
        """A new quote: its whole size is there again. Returns at once when nothing can come of it."""
        if market.waiting:
            for order in self._stops.look(market, quote, time):
                market.put(order)
        buys, sells, touch = market.buys, market.sells, self._quote_touch
        if not (
            market.eager
            or market.ask_taken
            or market.bid_taken
            or (buys and 0 < quote.ask < (buys[0].price or 0) + touch)
            or (sells and quote.bid > (sells[0].price or 0) - touch)
        ):
            return
        market.bid_taken = market.ask_taken = 0
        for order in _emptied(market):
            self._meet(market, order, quote, time)
        if quote.ask > 0:
            size = self._share(quote.ask_size) - market.ask_taken
            market.ask_taken += self._give(market, BUY, quote.ask, touch, size, time)
        if quote.bid > 0:
            size = self._share(quote.bid_size) - market.bid_taken
            market.bid_taken += self._give(market, SELL, quote.bid, touch, size, time)
        market.settle()

    def on_trade(self, market: Market, trade: Trade, time: FeedTime) -> int:
        """A print: resting orders that it went through. Eager ones take from it where there are no quotes at all.

        Lots of it that can still be had.
        """
        size = self._share(trade.size)
        if market.waiting:
            for order in self._stops.look(market, trade, time):
                self.arrive(market, order, True, time)
        if market.quote is None:
            for order in _emptied(market):
                size -= self._take(market, order, trade.price, size, time)
        size -= self._give(market, BUY, trade.price, self._trade_touch, size, time)
        size -= self._give(market, SELL, trade.price, self._trade_touch, size, time)
        market.settle()
        return size

    def on_bar(self, market: Market, bar: Bar, time: FeedTime) -> int:
        """A bar of a feed that has only bars; its volume is what can be had in all. Lots that can still be had."""
        size = self._share(bar.volume)
        for order in _emptied(market):
            if order.active > bar.start:
                market.put(order)
            else:
                size -= self._take(market, order, bar.open, size, time)

        def take(order: PaperOrder, price: int) -> None:
            nonlocal size
            size -= self._take(market, order, price, size, time)

        if market.waiting:
            self._stops.at_open(market, bar, time, take)
        for index, point in enumerate(walk(bar)[:3]):
            if index == 1 and market.waiting:
                self._stops.within(market, bar, time, take)
            for side in (BUY, SELL):
                size -= self._give(
                    market, side, point, self._trade_touch, size, time, since=bar.start, gap=point == bar.open
                )
        market.settle()
        return size

    def fill(
        self, market: Market, order: PaperOrder, price: int, quantity: int, liquidity: Liquidity, time: FeedTime
    ) -> None:
        """Book one trade and say so. An order that is wholly filled leaves its queue."""
        order.filled += quantity
        order.fills += 1
        volume = self._volume(market, price, quantity, time) if market.tariff.tiers else 0
        order.fee_exact += market.tariff.exact(liquidity is MAKER, price, quantity, volume)
        order.fee_most += market.tariff.exact_most(price, quantity)
        charged = market.tariff.rounded(order.fee_exact, order.fee_most)
        fee, order.fee_charged = charged - order.fee_charged, charged
        self._account.trade(market.instrument, order.side * quantity, price, fee, market.tariff.asset, order.owner)
        self._reporter.filled(order, price, quantity, fee, market.tariff.asset, liquidity, time)
        if order.group:
            self._stops.share(market, order, quantity, time)
        if order.status not in OPEN:
            return
        if order.filled < order.quantity:
            order.status = PARTIALLY_FILLED
        else:
            market.remove(order)
            self._register.close(order, FILLED)

    def _volume(self, market: Market, price: int, quantity: int, time: FeedTime) -> int:
        """What counts for this trade's tier; the trade itself counts for those of the days to come."""
        instrument = market.instrument
        volume = self.volumes.before(instrument.currency, time)
        self.volumes.note(instrument.currency, instrument.value(price, quantity), time)
        return volume

    def end(self, order: PaperOrder, status: Status, text: str, time: FeedTime) -> None:
        """What is left of an order that stands in no queue is canceled or expires."""
        self._register.close(order, status)
        self._reporter.ended(order, status, text, time)

    def surprise(self, market: Market, order: PaperOrder, surprise: Unexpected, time: FeedTime) -> None:
        """Book and report what somebody told the venue to do against its rules, in whatever status the order is."""
        match surprise:
            case LateFill():
                self.fill(market, order, surprise.price, surprise.quantity, surprise.liquidity, time)
            case BustFill():
                self._change(order, -surprise.quantity)
                self._reporter.busted(surprise.order_id, surprise.execution_id, time)
            case CorrectFill():
                self._change(order, surprise.quantity - surprise.old_quantity)
                self._reporter.corrected(surprise, time)

    def _change(self, order: PaperOrder, lots: int) -> None:
        order.filled += lots
        self._account.move(order.instrument, order.side * lots, order.owner)
        self._account.lose_count()

    def _meet(self, market: Market, order: PaperOrder, quote: Quote, time: FeedTime) -> None:
        if order.side is BUY:
            size = self._share(quote.ask_size) - market.ask_taken
            market.ask_taken += self._take(market, order, quote.ask, size, time)
        else:
            size = self._share(quote.bid_size) - market.bid_taken
            market.bid_taken += self._take(market, order, quote.bid, size, time)
        if market.ask_taken or market.bid_taken:
            market.busy = True

    def _take(self, market: Market, order: PaperOrder, price: int, size: int, time: FeedTime) -> int:
        """An order in no queue trades what it can at `price`, then ends, stays eager, or rests. Lots that it took."""
        if order.status not in OPEN:  # the other side of its bracket has just filled
            return 0
        reaching = price > 0 and order.reaches(price)
        if reaching and order.post_only:
            self.end(order, Status.CANCELED, "post-only: it would trade", time)
            return 0
        if order.time_in_force is FOK:
            quantity = order.remaining if reaching and size >= order.remaining else 0
        else:
            quantity = self._part(order, min(order.remaining, size)) if reaching and size > 0 else 0
        if quantity:
            self.fill(market, order, self._slipped(market, order, price, quantity), quantity, TAKER, time)
        if not order.remaining:
            return quantity
        if order.ends_unfilled:
            self.end(order, self._gives_up, "nothing more to trade with" if reaching else "not marketable", time)
        else:
            order.eager = reaching
            market.put(order)
        return quantity

    def _give(
        self,
        market: Market,
        side: Side,
        point: int,
        touch: int,
        size: int,
        time: FeedTime,
        since: FeedTime | None = None,
        gap: bool = False,
    ) -> int:
        """Resting orders of one side that `point` has come to, best first, up to `size` lots. Lots that were given."""
        queue = market.buys if side is BUY else market.sells
        given = 0
        for order in tuple(takewhile(lambda order: (_limit(order) - point) * side + touch > 0, queue)):
            if size <= given:
                break
            if since is None or order.active <= since:
                quantity = self._part(order, min(order.remaining, size - given))
                if not quantity:
                    continue  # the other side of its bracket has just filled
                given += quantity
                self.fill(market, order, point if gap else _limit(order), quantity, MAKER, time)
        return given

    def _part(self, order: PaperOrder, quantity: int) -> int:
        """All of `quantity`, or a drawn part of it."""
        settings = self._settings
        if quantity > 1 and happens(
            settings.partial_fills_per_million, settings.seed, order.ids[0], Purpose.PARTIAL, order.fills
        ):
            return 1 + draw(settings.seed, draw_key(order.ids[0]), Purpose.PART, order.fills) % (quantity - 1)
        return quantity

    def _share(self, size: int) -> int:
        return NO_END if self._settings.unlimited_size else size * self._settings.participation_percent // 100

    def _slipped(self, market: Market, order: PaperOrder, price: int, quantity: int) -> int:
        """The taker's price; a seller never gets below one tick."""
        slippage = self._settings.slippage_ticks
        if market.quote is None:
            slippage += self._settings.half_spread_ticks
        if market.impact is not None:
            slippage += market.impact.ticks(price, order.filled + quantity)
        if not slippage:
            return price
        slipped = max(1, price + order.side * slippage)
        return slipped if order.reaches(slipped) else _limit(order)


def _opposite(quote: Quote, side: Side) -> int:
    return quote.ask if side is BUY else quote.bid


def _limit(order: PaperOrder) -> int:
    if order.price is None:
        raise AssertionError(f"{order.order_id} has no limit and cannot rest")
    return order.price


def _emptied(market: Market) -> Iterable[PaperOrder]:
    """The eager orders, taken out of their queue; whoever takes them puts back what stays."""
    orders, market.eager = market.eager, []
    return orders
