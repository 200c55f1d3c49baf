"""One venue of an engine: what has been heard on its line, and what of that may be believed; it decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from execution.services.engine_parts import EngineParts, EnginePlan, VenueLine
from execution.services.recalling import is_forgotten, remembered
from toolkit.domain.errors import TransportError
from toolkit.domain.ledger import Ledger
from toolkit.domain.requests import OrderFound, OrderNotFound, QueryOrder, VenueReport, VenueState
from toolkit.engine.messages import AbsenceProven, Message

CONNECT_WITHIN = 2.0
SILENT_AFTER = 5.0

Answer = TypeVar("Answer")


class VenueLink:
    """`quarantine_left` tells for how many seconds a "not found" of an order proves nothing yet."""

    def __init__(
        self,
        name: str,
        line: VenueLine,
        ledger: Ledger,
        parts: EngineParts,
        plan: EnginePlan,
        quarantine_left: Callable[[str], float],
    ) -> None:
        self.name = name
        self.line = line
        self._ledger = ledger
        self._parts = parts
        self._plan = plan
        self._quarantine_left = quarantine_left
        self._heard = ledger.venue_reports.get(name, 0)

    async def rejoin(self) -> Sequence[VenueReport]:
        """A new line to the venue, and every report that none before it brought. TransportError when it is silent."""
        await self.line.connect(CONNECT_WITHIN)
        self._heard = self._ledger.venue_reports.get(self.name, 0)
        return await self._whole((), missed=True)

    @property
    def heard(self) -> int:
        """The number of the last report that was heard, whether or not it is in the books yet."""
        return self._heard

    async def state(self) -> VenueState:
        """What the venue says of itself. TransportError when it says nothing."""
        return await self.within_reason(self.line.state())

    def is_next(self, report: VenueReport) -> bool:
        """Whether it follows the last one heard, as most do: then nothing is missing before it and nothing is asked."""
        if _number(report) != self._heard + 1 or is_forgotten(self._ledger, report):
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

    async def within_reason(self, answer: Awaitable[Answer]) -> Answer:
        """A venue's answer. The line to one that says nothing for too long is cut: TransportError."""
        patience = max(SILENT_AFTER, self._plan.quarantine_seconds)
        try:
            async with asyncio.timeout(patience):
                return await answer
        except TimeoutError:
            self.line.close()  # whoever listens on it hears that, and entries go elsewhere
            raise TransportError(f"venue {self.name} has said nothing for {patience:g} s") from None

    async def _whole(self, reports: Sequence[VenueReport], *, missed: bool) -> Sequence[VenueReport]:
        """These reports and those that are missing before them, which are asked for.

        `missed` asks in any case: the venue's word on an order says nothing of the fills that led there.
        """
        numbers = [number for report in reports if (number := _number(report)) > self._heard]
        if missed or numbers != list(range(self._heard + 1, self._heard + 1 + len(numbers))):
            replayed = await self.within_reason(self.line.replay(self._heard))
            answers = [report for report in reports if not _number(report)]
            reports, numbers = [*replayed, *answers], [_number(report) for report in replayed]
        self._heard = max(numbers, default=self._heard)
        return reports

    async def _remembered(self, report: VenueReport) -> Message:
        if not is_forgotten(self._ledger, report):
            return report
        return await remembered(self._parts.journal, self._parts.archive, self._parts.codec, report)

    async def _ask_again(self, report: OrderNotFound) -> list[Message]:
        await self.line.send((QueryOrder(venue=report.venue, order_id=report.order_id),))
        return await self.believe(await self.within_reason(self.line.sync()), patient=True)


def _number(report: VenueReport) -> int:
    """The venue's number of a report; 0 for an answer to a question."""
    return getattr(report, "report", 0)
