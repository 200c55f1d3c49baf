"""What both ways of running an engine share: commit before send, doubt before belief, the way out without a journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

from execution.services.engine_parts import EngineParts, EnginePlan
from execution.services.journal_writer import JournalWriter, LedgerCopy
from execution.services.recalling import is_forgotten, remembered
from toolkit.domain.errors import TransportError
from toolkit.domain.orders import Doubt, Order, OrderClass, Status
from toolkit.domain.ports import Lease
from toolkit.domain.requests import (
    CancelOrder,
    OrderFound,
    OrderNotFound,
    QueryOrder,
    ReplaceOrder,
    SubmitOrder,
    VenueReport,
    VenueRequest,
)
from toolkit.domain.time import NANOSECONDS, FeedTime, MonoTime, Now
from toolkit.engine.engine import Engine
from toolkit.engine.messages import AbsenceProven, Message, Output, SnapshotKept

CONNECT_WITHIN = 2.0
SILENT_AFTER = 5.0
SENT_KEPT = 50_000
FORGET_EVERY = 500

Answer = TypeVar("Answer")


class EngineCore:
    """One engine with its writer and its venue line."""

    def __init__(self, engine: Engine, writer: JournalWriter, parts: EngineParts, plan: EnginePlan) -> None:
        self.engine = engine
        self.writer = writer
        self.parts = parts
        self.plan = plan
        self._began = parts.clock.mono()
        self._sent: dict[str, MonoTime] = {}
        self._heard = engine.ledger.venue_reports.get(plan.venue, 0)

    def now(self) -> Now:
        return Now(self.engine.view.time, self.parts.clock.wall(), self.parts.clock.mono())

    def lease_renewed(self, lease: Lease) -> None:
        self.writer.lease = lease
        self.engine.lease_renewed(lease)

    async def commit(self, output: Output) -> None:
        """Make the events of an output durable."""
        await self.writer.commit(output.events, output.inbox)

    async def send(self, requests: Sequence[VenueRequest]) -> Sequence[VenueRequest]:
        """Release durable requests; returns those that may not leave. TransportError when the line is cut."""
        by_person = frozenset(
            request.order_id
            for request in requests
            if isinstance(request, SubmitOrder)
            and request.order_class is OrderClass.EXIT
            and request.strategy in self.engine.ledger.flattening
        )
        for request in requests:
            self._note_sent(request)
            if isinstance(request, SubmitOrder) and request.order_class is OrderClass.PROTECTIVE:
                self.parts.reach("before_protection_leaves")
        dropped = await self.parts.venue.send(requests, by_person)
        self.engine.sent(requests, self.parts.clock.wall())
        self.parts.reach("after_send")
        return dropped

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

    async def rejoin(self) -> Sequence[VenueReport]:
        """A new line to the venue, and every report that none before it brought. TransportError when it is silent."""
        await self.parts.venue.connect(CONNECT_WITHIN)
        self._heard = self.engine.ledger.venue_reports.get(self.plan.venue, 0)
        return await self._whole((), missed=True)

    @property
    def heard(self) -> int:
        """The number of the last report that was heard, whether or not it is in the books yet."""
        return self._heard

    def is_next(self, report: VenueReport) -> bool:
        """Whether it follows the last one heard, as most do: then nothing is missing before it and nothing is asked."""
        if _number(report) != self._heard + 1 or is_forgotten(self.engine.ledger, report):
            return False
        self._heard += 1
        return True

    async def believe(self, reports: Iterable[VenueReport], *, patient: bool) -> list[Message]:
        """Reports as the engine may take them: without a hole; "not found" counts once the quarantine has passed.

        Until then it is dropped. With `patient` it is waited for: in lockstep feed time stands still meanwhile.
        """
        heard = list(reports)
        whole = await self._whole(heard, missed=any(isinstance(report, OrderFound) for report in heard))
        believed: list[Message] = [
            await self._remembered(report) for report in whole if not isinstance(report, OrderNotFound)
        ]
        for report in whole:
            if not isinstance(report, OrderNotFound):
                continue
            if (left := self._quarantine_left(report.order_id)) <= 0:
                believed.append(AbsenceProven(venue=report.venue, order_id=report.order_id))
            elif patient:
                await asyncio.sleep(left)
                believed += await self._ask_again(report)
        return believed

    async def _whole(self, reports: Sequence[VenueReport], *, missed: bool) -> Sequence[VenueReport]:
        """These reports and those that are missing before them, which are asked for.

        `missed` asks in any case: the venue's word on an order says nothing of the fills that led there.
        """
        numbers = [number for report in reports if (number := _number(report)) > self._heard]
        if missed or numbers != list(range(self._heard + 1, self._heard + 1 + len(numbers))):
            replayed = await self.within_reason(self.parts.venue.replay(self._heard))
            answers = [report for report in reports if not _number(report)]
            reports, numbers = [*replayed, *answers], [_number(report) for report in replayed]
        self._heard = max(numbers, default=self._heard)
        return reports

    async def _remembered(self, report: VenueReport) -> Message:
        if not is_forgotten(self.engine.ledger, report):
            return report
        return await remembered(self.parts.journal, self.parts.archive, self.parts.codec, report)

    async def _ask_again(self, report: OrderNotFound) -> list[Message]:
        await self.parts.venue.send((QueryOrder(venue=report.venue, order_id=report.order_id),))
        return await self.believe(await self.within_reason(self.parts.venue.sync()), patient=True)

    async def within_reason(self, answer: Awaitable[Answer]) -> Answer:
        """A venue's answer. One that says nothing for too long is as good as a cut line: TransportError."""
        patience = max(SILENT_AFTER, self.plan.quarantine_seconds)
        try:
            async with asyncio.timeout(patience):
                return await answer
        except TimeoutError:
            raise TransportError(f"venue {self.plan.venue} has said nothing for {patience:g} s") from None

    def _quarantine_left(self, order_id: str) -> float:
        since = max(int(self._began), int(self._sent.get(order_id, self._began)))
        return self.plan.quarantine_seconds - (int(self.parts.clock.mono()) - since) / NANOSECONDS

    def _note_sent(self, request: VenueRequest) -> None:
        if isinstance(request, QueryOrder):
            return
        asked_by = request.new_id if isinstance(request, ReplaceOrder) else request.order_id
        self._sent[asked_by] = self.parts.clock.mono()
        if len(self._sent) > SENT_KEPT:
            del self._sent[next(iter(self._sent))]

    # ---- the journal is gone

    async def abandon(self) -> list[str]:
        """The way out without a journal: cancel our committed entry orders through the lifeboat until the lease ends.

        Returns the entry orders that the venue still shows then.
        """
        lease = self.writer.lease
        survivors = self._cancellable()
        if lease is None:
            return survivors
        with suppress(TimeoutError):
            async with asyncio.timeout((lease.send_by - self.parts.clock.mono()) / NANOSECONDS):
                while survivors:
                    survivors = await self._cancel_at_the_venue(survivors, lease)
        return survivors

    async def _cancel_at_the_venue(self, orders: list[str], lease: Lease) -> list[str]:
        """Cancel these, each on the disk before it leaves; returns those that the venue still shows.

        A disk or a venue that refuses now is tried again for as long as there is a lease.
        """
        cancels = [self._cancel(order_id, lease) for order_id in orders]
        try:
            for cancel in cancels:
                self.parts.lifeboat.record(cancel, self.parts.clock.wall(), "the journal is gone")
            await self.parts.venue.send(cancels)
            resting = {order.order_id for order in (await self.parts.venue.state()).open_orders}
        except TransportError:
            await asyncio.sleep(CONNECT_WITHIN / 10)
            await self._reconnect()
            return orders
        survivors = [order_id for order_id in orders if order_id in resting]
        if survivors:
            await asyncio.sleep(CONNECT_WITHIN / 10)
        return survivors

    def _cancellable(self) -> list[str]:
        """Entry orders that may rest, by the ids that their venue knows; several may stand for one."""
        found = [
            (order, self.engine.at_venue(order))
            for order in self.engine.ledger.open_orders()
            if order.order_class is OrderClass.ENTRY and not order.in_engine
        ]
        resting = [known_as for order, known_as in found if not _is_unsent(order) or self._was_sent(known_as)]
        return list(dict.fromkeys(resting))

    def _was_sent(self, order_id: str) -> bool:
        return order_id in self._sent

    def _cancel(self, order_id: str, lease: Lease) -> CancelOrder:
        order = self.engine.ledger.order(order_id)
        return CancelOrder(
            venue=self.plan.venue,
            order_id=order_id,
            strategy=order.strategy if order else "",
            instrument=order.instrument if order else "",
            time=FeedTime(0),  # long ago: the feed may stand still, and a venue's latency with it
            epoch=lease.epoch,
            send_by=lease.send_by,
        )

    async def _reconnect(self) -> None:
        try:
            await self.parts.venue.connect(CONNECT_WITHIN / 10)
        except TransportError:
            return


def _number(report: VenueReport) -> int:
    """The venue's number of a report; 0 for an answer to a question."""
    return getattr(report, "report", 0)


def _is_unsent(order: Order) -> bool:
    return order.status is Status.PENDING_NEW and order.doubt is Doubt.NONE
