"""Stops and brackets at the paper venue: which waiting stop an event triggers and at what price it then trades, and how
the orders of a bracket share their quantity; queues and fills of other orders stand in `filling`.

A stop that a quote triggers meets that quote like a market order (a stop-limit like a limit order that has just come):
after a gap it trades at the price behind the gap, never at its own. One that a print triggers meets the standing quote,
or without quotes the print. In a bar it trades at the open where the bar opens beyond it, else at its own price.

Nobody knows what came first within a bar. It is taken to have hurt: a stop that lies in a bar is triggered before any
resting order fills in it, but for those that the open itself fills. So of a bracket whose stop and target lie in one
bar the stop is taken.
"""

from __future__ import annotations

from collections.abc import Callable

from toolkit.domain.market import Bar, Quote, Trade
from toolkit.domain.orders import Status, Terms, Trigger
from toolkit.domain.stops import is_through, prices_seen, trailed, walk, watched
from toolkit.domain.time import FeedTime
from toolkit.simulation.paper_book import OPEN, Market, PaperOrder, Register
from toolkit.simulation.paper_reports import Reporter

Take = Callable[[PaperOrder, int], None]
"""Let an order that has just been triggered trade at a price of a bar."""


class Stops:
    """The waiting stops of every market of one venue."""

    def __init__(self, register: Register, reporter: Reporter) -> None:
        self._register = register
        self._reporter = reporter

    def look(self, market: Market, event: Quote | Trade, time: FeedTime) -> list[PaperOrder]:
        """What this event triggers, oldest first; these orders wait no more and stand in no queue yet."""
        triggered = []
        for order in tuple(market.waiting):
            for price in prices_seen(event, _trigger(order)):
                if self._sees(order, price):
                    self._trigger(market, order, price, time)
                    triggered.append(order)
        return triggered

    def at_open(self, market: Market, bar: Bar, time: FeedTime, take: Take) -> None:
        """Stops beyond which a bar opens trade at its open."""
        for order in tuple(market.waiting):
            if order.active <= bar.start and self._sees(order, bar.open):
                self._trigger(market, order, bar.open, time)
                take(order, bar.open)

    def within(self, market: Market, bar: Bar, time: FeedTime, take: Take) -> None:
        """Stops that the rest of a bar goes through trade at their own price, or where they had trailed to."""
        for order in tuple(market.waiting):
            if order.active > bar.start:
                continue
            for price in walk(bar)[1:]:
                if self._sees(order, price):
                    reached = _stop(order)
                    self._trigger(market, order, reached, time)
                    take(order, reached)
                    break

    def sees_quote(self, market: Market, order: PaperOrder, time: FeedTime) -> None:
        """A stop that has just come looks at the standing quote at once."""
        if market.quote is not None:
            for price in prices_seen(market.quote, _trigger(order)):
                if self._sees(order, price):
                    self._trigger(market, order, price, time)

    def share(self, market: Market, order: PaperOrder, quantity: int, time: FeedTime) -> None:
        """What one order of a bracket filled, none of the others can fill any more; one that has nothing left ends."""
        for other in self._register.group(order.group):
            if other is order or other.status not in OPEN:
                continue
            other.quantity = max(other.filled, other.quantity - quantity)
            if not other.remaining:
                market.remove(other)
                self._register.close(other, Status.CANCELED)
                self._reporter.ended(other, Status.CANCELED, "the other side of its bracket has filled", time)

    def _sees(self, order: PaperOrder, price: int) -> bool:
        """Whether this price triggers the order; one that trails has followed it before."""
        terms = order.terms or Terms()
        if terms.offset is not None:
            order.stop = trailed(order.side, _stop(order), terms.offset, price)
        return is_through(order.side, _stop(order), price)

    def _trigger(self, market: Market, order: PaperOrder, price: int, time: FeedTime) -> None:
        market.remove(order)
        order.triggered, order.eager = True, True
        self._reporter.triggered(order, price, time)


def _trigger(order: PaperOrder) -> Trigger:
    return watched(order.side, order.terms.trigger if order.terms else None)


def _stop(order: PaperOrder) -> int:
    if order.stop is None:
        raise AssertionError(f"{order.order_id} waits without a stop")
    return order.stop
