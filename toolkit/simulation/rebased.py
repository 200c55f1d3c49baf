"""A replay that begins where a running book stands: its books, its open orders, its strategies as they were kept.

So it never carries a position of its own from one stretch into the next: what it earns differently, it earned there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from toolkit.domain.inbox import InboxEntry, Restored
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Step
from toolkit.domain.orders import Doubt, Order, Status
from toolkit.domain.ports import Lease
from toolkit.domain.requests import VenueReport, VenueRequest
from toolkit.domain.time import MonoTime, Now
from toolkit.engine.engine import Engine
from toolkit.engine.messages import EngineSettings
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.in_process import NEVER, NO_WALL, InProcess, Recorder
from toolkit.simulation.lockstep import absorb
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_book import PaperOrder
from toolkit.simulation.paper_settings import PaperSettings
from toolkit.simulation.paper_snapshot import VenueSnapshot

EXECUTIONS: Final = 1 << 40
"""Where the numbers of a replay's trades begin: none is mistaken for one that the book has already."""


class Rebased(InProcess):
    """Goes on from `ledger`, a copy of a book's own as it stood after the last step of `history`.

    `history` warms View, venues and strategies up. `unread` are the items of each strategy's inbox that its runner had
    not read by then. Ids of orders go on as the book's own would, so the same decision has the same id, and the same
    draws of the venue.
    """

    def __init__(
        self, ledger: Ledger, settings: EngineSettings, venues: Sequence[PaperSettings],
        containers: Mapping[str, StrategyContainer], record: Recorder, after_step: Callable[[Step, Ledger], None],
        history: Sequence[Step], unread: Mapping[str, Sequence[InboxEntry]],
    ) -> None:  # fmt: skip
        engine = Engine(ledger, settings)
        ledger.step = history[-1].number if history else ledger.step
        super().__init__(engine, PaperVenues(venues, ledger, history), containers, record, after_step, history)
        self._unread = unread
        self._incarnation = 1 + max((known.incarnation for known in ledger.producers.values()), default=0)
        for step in history:
            engine.warm(step)
        self._begin(history)

    def _begin(self, history: Sequence[Step]) -> None:
        """As a desk does at a start; under the same epoch, so that ids go on."""
        ledger = self.engine.ledger
        now = Now(history[-1].time, NO_WALL, MonoTime(int(history[-1].time)))
        lease = Lease(epoch=ledger.epoch, send_by=NEVER)
        on_their_way = self.engine.go_on(now, lease)
        self._carry_out(absorb(self.engine, [said for request in on_their_way for said in self._send(request)], now))
        for name in self._containers:
            deployed = ledger.deployments[name]
            self._greet(name, f"v{deployed.version}", deployed.digest, now)

    def _greet(self, name: str, version: str, digest: str, now: Now) -> None:
        """As a runner does it: the newest `Restored`, then every item of the inbox that was not read."""
        super()._greet(name, version, digest, now)
        told = self._inboxes[name]
        read = next(entry.item for entry in reversed(told) if isinstance(entry.item, Restored)).inbox
        self._inboxes[name] = [entry for entry in (*self._unread.get(name, ()), *told) if entry.number > read]


class PaperVenues:
    """The paper venues of a book as one, each holding the orders and positions that the book has there."""

    def __init__(self, settings: Iterable[PaperSettings], ledger: Ledger, history: Iterable[Step]) -> None:
        self._venues: dict[str, PaperVenue] = {}
        for each in sorted(settings, key=lambda one: one.name):
            venue = PaperVenue(each, ledger.instruments.all())
            for step in history:
                venue.advance(step)
            self._venues[each.name] = _holding(venue, ledger)

    def advance(self, step: Step) -> Iterable[VenueReport]:
        """Match a step everywhere."""
        return [report for venue in self._venues.values() for report in venue.advance(step)]

    def process(self, message: VenueRequest) -> Iterable[VenueReport]:
        return self._venues[message.venue].process(message)


def _holding(venue: PaperVenue, ledger: Ledger) -> PaperVenue:
    name = venue.settings.name
    known = VenueSnapshot.decode(venue.snapshot())
    orders = [order for order in ledger.open_orders() if order.venue == name and _rests(order)]
    stored = msgspec.structs.replace(
        known, positions=dict(ledger.venue_positions.get(name, {})), last_report=ledger.venue_reports.get(name, 0),
        executions=EXECUTIONS, orders=len(orders), queued=len(orders),
        open_orders=[_resting(order, place) for place, order in enumerate(orders, 1)],
    )  # fmt: skip
    return PaperVenue.restore(venue.settings, ledger.instruments.all(), stored.encode())


def _rests(order: Order) -> bool:
    """Whether its venue has it, as far as the book knows; one in doubt may be there."""
    return not order.in_engine and (order.doubt is not Doubt.NONE or not order.is_on_its_way)


def _resting(order: Order, place: int) -> PaperOrder:
    return PaperOrder(
        ids=[name for name in order.chain if name != order.replacing_id],
        venue_order_id=order.venue_order_id or f"V{place}", instrument=order.instrument, side=order.side,
        quantity=order.quantity, price=order.cap if order.price is None else order.price,
        time_in_force=order.time_in_force, order_class=order.order_class, post_only=order.post_only,
        reduce_only=order.reduce_only, status=Status.PARTIALLY_FILLED if order.filled else Status.NEW, queued=place,
        active=order.created, eager=False, filled=order.filled, terms=order.terms,
        stop=None if order.terms is None else order.terms.stop, triggered=order.triggered,
    )  # fmt: skip
