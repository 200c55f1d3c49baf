"""What both ways of running an engine share: commit before send, doubt before belief, the way out without a journal."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from execution.services.engine_parts import EngineParts, EnginePlan, VenueLine
from execution.services.journal_writer import JournalWriter, LedgerCopy
from execution.services.venue_link import VenueLink
from toolkit.domain.commands import LimitRow
from toolkit.domain.errors import TransportError
from toolkit.domain.orders import Doubt, Order, OrderClass, Status
from toolkit.domain.ports import Lease
from toolkit.domain.requests import (
    CancelOrder,
    QueryOrder,
    ReplaceOrder,
    SubmitOrder,
    VenueRequest,
)
from toolkit.domain.time import NANOSECONDS, FeedTime, MonoTime, Now
from toolkit.engine.engine import Engine
from toolkit.engine.messages import Output, SnapshotKept
from toolkit.engine.risk import venue_limits

EXIT, PROTECTIVE = OrderClass.EXIT, OrderClass.PROTECTIVE
CONNECT_WITHIN = 2.0
SENT_KEPT = 50_000
FORGET_EVERY = 500


class Sent(NamedTuple):
    """What did not leave: requests that may not, and those of venues to which there is no line."""

    dropped: list[VenueRequest]
    cut: dict[str, list[VenueRequest]]


class EngineCore:
    """One engine with its writer and the links to its venues."""

    def __init__(self, engine: Engine, writer: JournalWriter, parts: EngineParts, plan: EnginePlan) -> None:
        self.engine = engine
        self.writer = writer
        self.parts = parts
        self.plan = plan
        self._wall, self._mono = parts.clock.wall, parts.clock.mono
        self._began = parts.clock.mono()
        self._sent: OrderedDict[str, MonoTime] = OrderedDict()  # a dict looks for its first behind all that went
        self.links = {
            name: VenueLink(name, line, engine.ledger, parts, plan, self._quarantine_left)
            for name, line in parts.venues.items()
        }
        self._table: tuple[LimitRow, ...] = ()
        self._heed_table()

    def now(self) -> Now:
        return Now(self.engine.view.time, self._wall(), self._mono())

    def lease_renewed(self, lease: Lease) -> None:
        self.writer.lease = lease
        self.engine.lease_renewed(lease)

    async def commit(self, output: Output) -> None:
        """Make the events of an output durable."""
        await self.writer.commit(output.events, output.inbox)
        if self.engine.ledger.limits is not self._table:
            self._heed_table()

    def dead_men(self) -> Mapping[str, float]:
        """Venue → after how much silence (seconds) it cancels by itself, as it is in force."""
        if not venue_limits.are_in(self._table):
            return self.plan.dead_man
        found = venue_limits.dead_men(self._table)
        return {name: float(each.after) for name, each in found.items() if each.by == "venue" and name in self.links}

    def _heed_table(self) -> None:
        """The rates that the table in force allows, whatever file this engine was started with."""
        self._table = table = self.engine.ledger.limits
        if venue_limits.are_in(table):
            self.parts.budgets.replan(venue_limits.budgets(table, self.plan.venues))

    async def send(self, requests: Sequence[VenueRequest]) -> Sent:
        """Release durable requests, each to its venue; tells what may not leave, and where there is no line."""
        flattening = self.engine.ledger.flattening
        by_person = frozenset(
            request.order_id
            for request in (requests if flattening else ())
            if isinstance(request, SubmitOrder) and request.order_class is EXIT and request.strategy in flattening
        )
        self._note_sent(requests)
        for request in requests:
            if isinstance(request, SubmitOrder) and request.order_class is PROTECTIVE:
                self.parts.reach("before_protection_leaves")
        sent = Sent([], {})
        for venue, some in _by_venue(requests).items():
            try:
                sent.dropped.extend(await self.links[venue].line.send(some, by_person))
            except TransportError:
                sent.cut[venue] = some
        if not sent.cut:
            self.engine.sent(requests, self.parts.clock.wall())
        elif left := [request for request in requests if request.venue not in sent.cut]:
            self.engine.sent(left, self.parts.clock.wall())
        self.parts.reach("after_send")
        return sent

    async def keep(self, copy: LedgerCopy) -> SnapshotKept:
        """Put a copy of the ledger on the disk; what became of it is for the engine to hear."""
        try:
            return await self.writer.keep(copy)
        except TransportError as problem:
            return SnapshotKept(problem=str(problem))

    async def forget_commands(self) -> None:
        """Let the streams go of what has taken effect; only called when that is durable."""
        taken = {name: f"{known.incarnation}-{known.number}" for name, known in self.engine.ledger.producers.items()}
        with suppress(TransportError):  # the next time
            await self.parts.journal.forget_commands(taken)

    # ---- absence of evidence

    def _quarantine_left(self, order_id: str) -> float:
        since = max(int(self._began), int(self._sent.get(order_id, self._began)))
        return self.plan.quarantine_seconds - (int(self.parts.clock.mono()) - since) / NANOSECONDS

    def _note_sent(self, requests: Sequence[VenueRequest]) -> None:
        sent, now = self._sent, self.parts.clock.mono()
        for request in requests:
            if isinstance(request, QueryOrder):
                continue
            sent[request.new_id if isinstance(request, ReplaceOrder) else request.order_id] = now
            if len(sent) > SENT_KEPT:
                sent.popitem(last=False)

    # ---- the journal is gone

    async def abandon(self) -> list[str]:
        """The way out without a journal: cancel our committed entry orders through the lifeboat until the lease ends.

        Returns the entry orders that the venues still show then.
        """
        lease = self.writer.lease
        survivors = self._cancellable()
        if lease is None:
            return [order_id for orders in survivors.values() for order_id in orders]
        with suppress(TimeoutError):
            async with asyncio.timeout((lease.send_by - self.parts.clock.mono()) / NANOSECONDS):
                while any(survivors.values()):
                    for venue, orders in survivors.items():
                        if orders:
                            survivors[venue] = await self._cancel_at(self.links[venue].line, venue, orders, lease)
        return [order_id for orders in survivors.values() for order_id in orders]

    async def _cancel_at(self, line: VenueLine, venue: str, orders: list[str], lease: Lease) -> list[str]:
        """Cancel these, each on the disk before it leaves; returns those that the venue still shows.

        A disk or a venue that refuses now is tried again for as long as there is a lease.
        """
        cancels = [self._cancel(venue, order_id, lease) for order_id in orders]
        try:
            for cancel in cancels:
                self.parts.lifeboat.record(cancel, self.parts.clock.wall(), "the journal is gone")
            await line.send(cancels)
            resting = {order.order_id for order in (await line.state()).open_orders}
        except TransportError:
            await asyncio.sleep(CONNECT_WITHIN / 10)
            await _reconnect(line)
            return orders
        survivors = [order_id for order_id in orders if order_id in resting]
        if survivors:
            await asyncio.sleep(CONNECT_WITHIN / 10)
        return survivors

    def _cancellable(self) -> dict[str, list[str]]:
        """Entry orders that may rest, by venue and by the ids that it knows; several of ours may stand for one."""
        found: dict[str, dict[str, None]] = {}
        for order in self.engine.ledger.open_orders():
            if order.order_class is not OrderClass.ENTRY or order.in_engine:
                continue
            known_as = self.engine.at_venue(order)
            if not _is_unsent(order) or self._was_sent(known_as):
                found.setdefault(order.venue, {})[known_as] = None
        return {venue: list(orders) for venue, orders in found.items()}

    def _was_sent(self, order_id: str) -> bool:
        return order_id in self._sent

    def _cancel(self, venue: str, order_id: str, lease: Lease) -> CancelOrder:
        order = self.engine.ledger.order(order_id)
        return CancelOrder(
            venue=venue,
            order_id=order_id,
            strategy=order.strategy if order else "",
            instrument=order.instrument if order else "",
            time=FeedTime(0),  # long ago: the feed may stand still, and a venue's latency with it
            epoch=lease.epoch,
            send_by=lease.send_by,
        )


async def _reconnect(line: VenueLine) -> None:
    try:
        await line.connect(CONNECT_WITHIN / 10)
    except TransportError:
        return


def _by_venue(requests: Sequence[VenueRequest]) -> dict[str, list[VenueRequest]]:
    found: dict[str, list[VenueRequest]] = {}
    for request in requests:
        found.setdefault(request.venue, []).append(request)
    return found


def _is_unsent(order: Order) -> bool:
    return order.status is Status.PENDING_NEW and order.doubt is Doubt.NONE
