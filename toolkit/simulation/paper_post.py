"""Reports on their way back to the desk: latency in feed time, nothing overtakes; what they say is decided before.

A report is told with the first step at or after its time and latency, and never before the report before it. The
latency is drawn per order and time, so that reports of one order at one moment travel together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from toolkit.domain.requests import (
    Busted,
    Canceled,
    Corrected,
    Expired,
    Filled,
    OrderFound,
    OrderNotFound,
    Replaced,
    VenueOrder,
    VenueReport,
    VenueState,
)
from toolkit.domain.time import FeedTime
from toolkit.simulation.draws import Purpose
from toolkit.simulation.latency import drawn_latency
from toolkit.simulation.paper_book import PaperOrder, Register
from toolkit.simulation.paper_settings import PaperSettings

_ANSWERS = (OrderFound, OrderNotFound)


class Posted(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A report and the feed time at which it arrives, unless one before it is still on its way."""

    due: FeedTime
    report: VenueReport


class Post:
    """The line back, first in, first out."""

    def __init__(self, settings: PaperSettings) -> None:
        self._latency = settings.report_latency
        self._seed = settings.seed
        self._line: deque[Posted] = deque()

    def __bool__(self) -> bool:
        return bool(self._line)

    def deliver(self, said: Iterable[VenueReport], now: FeedTime) -> tuple[VenueReport, ...]:
        """Take what was said and hand over what has arrived by `now`. Answers to questions travel alone, at once."""
        answers = []
        for report in said:
            if isinstance(report, _ANSWERS):
                answers.append(report)
            else:
                self._line.append(Posted(due=self._due(report), report=report))
        arrived: list[VenueReport] = []
        while self._line and self._line[0].due <= now:
            arrived.append(self._line.popleft().report)
        return (*arrived, *answers)

    def last_told(self, last_said: int) -> int:
        """Number of the last report that was handed over."""
        return last_said - len(self._line)

    def untold(self) -> list[VenueReport]:
        return [posted.report for posted in self._line]

    def concerns(self, order_id: str) -> bool:
        """Whether something about an order, by this id, is still on its way."""
        return any(order_id in _ids(posted.report) for posted in self._line)

    def posted(self) -> list[Posted]:
        return list(self._line)

    def put_back(self, posted: Iterable[Posted]) -> None:
        """Take what `posted` gave."""
        self._line = deque(posted)

    def _due(self, report: VenueReport) -> FeedTime:
        time = report.time
        wait = drawn_latency(self._latency, self._seed, report.order_id, Purpose.REPORT_LATENCY, int(time))
        return FeedTime(int(time) + wait)


def as_told(state: VenueState, untold: Iterable[VenueReport], register: Register) -> VenueState:
    """The state as the reports so far tell it: without the fills, endings and new ids that are still on their way.

    Cash is not told while a trade is on its way. Quantity and price of a replace are those in force, and a bust or a
    correction is not undone: their reports do not say what was before.
    """
    untold = list(untold)
    cash = None if any(isinstance(report, Filled | Busted | Corrected) for report in untold) else state.cash
    positions, orders = dict(state.positions), {order.order_id: order for order in state.open_orders}
    for report in reversed(untold):
        if not isinstance(report, Filled | Canceled | Expired | Replaced):
            continue
        filled, last_id = 0, report.order_id
        if isinstance(report, Filled):
            filled = report.quantity
            positions[report.instrument] = positions.get(report.instrument, 0) - report.side * filled
        elif isinstance(report, Replaced):
            last_id = report.new_id
        shown = orders.pop(last_id, None)
        if shown is None and (order := register.find(last_id)) is not None:
            shown = listed(order)
        if shown is not None:
            told = msgspec.structs.replace(shown, order_id=report.order_id, filled=shown.filled - filled)
            orders[report.order_id] = told
    return msgspec.structs.replace(
        state,
        cash=cash,
        open_orders=tuple(orders.values()),
        positions=tuple(sorted((symbol, lots) for symbol, lots in positions.items() if lots)),
    )


def listed(order: PaperOrder) -> VenueOrder:
    """An order as the venue lists it."""
    return VenueOrder(
        order_id=order.order_id,
        venue_order_id=order.venue_order_id,
        instrument=order.instrument,
        side=order.side,
        quantity=order.quantity,
        filled=order.filled,
        price=order.price,
        order_class=order.order_class,
        stop=order.stop,
    )


def _ids(report: VenueReport) -> tuple[str, ...]:
    return (report.order_id, report.new_id) if isinstance(report, Replaced) else (report.order_id,)
