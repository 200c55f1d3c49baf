"""The paper venue's orders and where they stand: queues per instrument and the register of ids; no rule of matching."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from toolkit.domain.instruments import Instrument
from toolkit.domain.market import Quote
from toolkit.domain.orders import BUY, OrderClass, Side, Status, Terms, TimeInForce
from toolkit.domain.time import FeedTime
from toolkit.simulation.fees import Tariff
from toolkit.simulation.impact import ImpactCurve

OPEN = frozenset({Status.NEW, Status.PARTIALLY_FILLED})
_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class PaperOrder(msgspec.Struct, array_like=True):
    """One order on the venue's side. `ids` is its replace chain, the last in force; a market order has no price.

    `stop` is where a stop stands now; until it is `triggered` it waits and meets no market.
    `queued` is its place in time, `active` when it took effect. `eager` orders have not met the market yet or still
    reach through it: they take from each new quote; the others rest at their price. `fee_exact` and `fee_most` are the
    exact totals of `fees`; `ahead` (None while unknown), `shown`, `printed` and `touches` belong to `queue`.
    """

    ids: list[str]
    venue_order_id: str
    instrument: str
    side: Side
    quantity: int
    price: int | None
    time_in_force: TimeInForce
    order_class: OrderClass
    post_only: bool
    reduce_only: bool
    status: Status
    queued: int
    active: FeedTime
    eager: bool = True
    filled: int = 0
    fills: int = 0
    fee_exact: int = 0
    fee_charged: int = 0
    fee_most: int = 0
    ahead: int | None = None
    shown: int = 0
    printed: int = 0
    touches: int = 0
    terms: Terms | None = None
    stop: int | None = None
    triggered: bool = False
    owner: str = ""

    @property
    def order_id(self) -> str:
        return self.ids[-1]

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled

    @property
    def ends_unfilled(self) -> bool:
        """Whether what cannot trade at once is given up."""
        return self.price is None or self.time_in_force in _AT_ONCE

    @property
    def waits(self) -> bool:
        """Whether it is a stop that has not seen its price yet."""
        return self.stop is not None and not self.triggered

    @property
    def group(self) -> str:
        """The bracket that it belongs to, if any."""
        return "" if self.terms is None else self.terms.group

    def reaches(self, price: int) -> bool:
        """Whether its limit allows a trade at `price`."""
        return self.price is None or (self.price - price) * self.side >= 0


def _eager_key(order: PaperOrder) -> tuple[int, int]:
    return 0, order.queued


def _buy_key(order: PaperOrder) -> tuple[int, int]:
    return -(order.price or 0), order.queued


def _sell_key(order: PaperOrder) -> tuple[int, int]:
    return order.price or 0, order.queued


class Market:
    """One instrument at the venue: its last quote, what we took of that quote, and our orders in order of priority."""

    __slots__ = (
        "ask_taken",
        "bid_taken",
        "busy",
        "buys",
        "eager",
        "halted",
        "impact",
        "instrument",
        "priced",
        "quote",
        "sells",
        "tariff",
        "waiting",
    )

    def __init__(self, instrument: Instrument, tariff: Tariff, impact: ImpactCurve | None) -> None:
        self.instrument = instrument
        self.tariff = tariff
        self.impact = impact
        self.quote: Quote | None = None
        self.bid_taken = 0
        self.ask_taken = 0
        self.priced = False
        self.halted = False
        self.busy = False
        self.buys: list[PaperOrder] = []
        self.sells: list[PaperOrder] = []
        self.eager: list[PaperOrder] = []
        self.waiting: list[PaperOrder] = []

    def orders(self) -> Iterable[PaperOrder]:
        """All open orders by the time they were queued."""
        return sorted((*self.buys, *self.sells, *self.eager, *self.waiting), key=lambda order: order.queued)

    def put(self, order: PaperOrder) -> None:
        """Put an order into the queue that its `eager` says."""
        self.busy = True
        queue, key = self._place(order)
        insort(queue, order, key=key)

    def remove(self, order: PaperOrder) -> None:
        """Take an order out of its queue. Orders that are in none (yet) are left alone."""
        queue, key = self._place(order)
        index = bisect_left(queue, key(order), key=key)
        if index < len(queue) and queue[index] is order:
            del queue[index]
        self.settle()

    def _place(self, order: PaperOrder) -> tuple[list[PaperOrder], Callable[[PaperOrder], tuple[int, int]]]:
        if order.stop is not None and not order.triggered:
            return self.waiting, _eager_key
        if order.eager:
            return self.eager, _eager_key
        return (self.buys, _buy_key) if order.side is BUY else (self.sells, _sell_key)

    def settle(self) -> None:
        """Work out whether the next quote needs a look at all."""
        self.busy = bool(self.buys or self.sells or self.eager or self.waiting or self.bid_taken or self.ask_taken)


class Register:
    """Every id that the venue remembers: open orders, and the latest finished ones up to a number."""

    def __init__(self, closed_kept: int) -> None:
        self._kept = closed_kept
        self._orders: dict[str, PaperOrder] = {}
        self._groups: dict[str, list[PaperOrder]] = {}
        self.closed: deque[PaperOrder] = deque()

    def find(self, order_id: str) -> PaperOrder | None:
        return self._orders.get(order_id)

    def add(self, order: PaperOrder) -> None:
        for order_id in order.ids:
            self._orders[order_id] = order
        if order.group:
            self._groups.setdefault(order.group, []).append(order)

    def group(self, name: str) -> tuple[PaperOrder, ...]:
        """The orders of a bracket that the venue remembers."""
        return tuple(self._groups.get(name, ()))

    def rename(self, order: PaperOrder, new_id: str) -> None:
        order.ids.append(new_id)
        self._orders[new_id] = order

    def forget(self, order: PaperOrder) -> None:
        for order_id in order.ids:
            self._orders.pop(order_id, None)
        if order.group and order in (group := self._groups.get(order.group, [])):
            group.remove(order)
            if not group:
                del self._groups[order.group]

    def close(self, order: PaperOrder, status: Status) -> None:
        """An order is over. The oldest finished one is forgotten when there are too many."""
        order.status = status
        self.closed.append(order)
        if len(self.closed) > self._kept:
            self.forget(self.closed.popleft())
