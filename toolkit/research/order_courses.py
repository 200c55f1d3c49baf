"""The course of each order of a backtest that reached its venue: decided, met the market, ended; nothing is judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from toolkit.domain import events as ev
from toolkit.domain.orders import Order, Status
from toolkit.research.recording import Fact
from toolkit.research.result_tables import BookedFill

ENDED: Final = (ev.OrderCanceled, ev.OrderExpired, ev.OrderRejected)


class OrderCourse(NamedTuple):
    """One order. Times are feed times (ns), `arrival` and `ended_middle` twice the middle in ticks (0: not known).

    One that still works at the last step ended there.
    """

    order: Order
    arrival: int
    fills: tuple[BookedFill, ...]
    ended: int
    ended_middle: int

    @property
    def filled(self) -> int:
        """Lots that filled, after busts."""
        return sum(abs(fill.quantity) for fill in self.fills)


def order_courses(
    orders: Mapping[str, Order],
    facts: Sequence[Fact],
    fills: Iterable[BookedFill],
    last_time: int,
    last_middles: Mapping[str, int],
) -> list[OrderCourse]:
    """Every order that was sent, by first id; `last_middles` are twice the middles at the last step, by instrument."""
    arrivals, ends, by_order = _arrivals(facts), _ends(facts), dict[str, list[BookedFill]]()
    for fill in fills:
        by_order.setdefault(fill.order_id, []).append(fill)
    courses = []
    for root, order in orders.items():
        if order.status is Status.DENIED:
            continue
        of_order = tuple(by_order.get(root, ()))
        ended, middle = last_time, last_middles.get(order.instrument, 0)
        if order.status is Status.FILLED and of_order:
            ended, middle = of_order[-1].time, of_order[-1].middle
        for identifier in order.chain:
            ended, middle = ends.get(identifier, (ended, middle))
        courses.append(OrderCourse(order, arrivals.get(root, 0), of_order, ended, middle))
    return courses


def _arrivals(facts: Sequence[Fact]) -> dict[str, int]:
    seen = ((fact.event.order_id, fact.event.seen) for fact in facts if isinstance(fact.event, ev.OrderSubmitted))
    return {identifier: quote.bid + quote.ask if quote.bid and quote.ask else 0 for identifier, quote in seen}


def _ends(facts: Sequence[Fact]) -> dict[str, tuple[int, int]]:
    return {fact.event.order_id: (fact.time, fact.middle) for fact in facts if isinstance(fact.event, ENDED)}
