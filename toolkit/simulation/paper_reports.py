"""The paper venue's voice: numbers its reports without a gap and hands them over in order; decides nothing."""

from __future__ import annotations

from toolkit.domain.orders import Status
from toolkit.domain.requests import (
    Acknowledged,
    Busted,
    Canceled,
    CancelOrder,
    CancelRefused,
    Corrected,
    Expired,
    Filled,
    Liquidity,
    OrderFound,
    OrderNotFound,
    Rejected,
    RejectReason,
    Replaced,
    ReplaceOrder,
    ReplaceRefused,
    Triggered,
    VenueReport,
)
from toolkit.domain.time import FeedTime, WallTime
from toolkit.simulation.paper_book import PaperOrder
from toolkit.simulation.paper_settings import ExecutionIds
from toolkit.simulation.surprises import CorrectFill


class Reporter:
    """Collects what the venue says about one message; `wall` is the host's clock, set for each message."""

    def __init__(self, venue: str, execution_ids: ExecutionIds) -> None:
        self._venue = venue
        self._by_clock = execution_ids is ExecutionIds.CLOCK
        self._said: list[VenueReport] = []
        self.wall = WallTime(0)
        self.last = 0
        self.executions = 0

    def hand_over(self) -> tuple[VenueReport, ...]:
        """What was said since the last time."""
        if not self._said:
            return ()
        said = tuple(self._said)
        self._said.clear()
        return said

    def acknowledged(self, order: PaperOrder, time: FeedTime) -> None:
        self._said.append(
            Acknowledged(
                venue=self._venue,
                report=self._next(),
                order_id=order.order_id,
                venue_order_id=order.venue_order_id,
                time=time,
                wall=self.wall,
            )
        )

    def filled(
        self, order: PaperOrder, price: int, quantity: int, fee: int, asset: str, liquidity: Liquidity, time: FeedTime
    ) -> None:
        self._said.append(
            Filled(
                venue=self._venue,
                report=self._next(),
                order_id=order.order_id,
                venue_order_id=order.venue_order_id,
                execution_id=self._execution(time),
                instrument=order.instrument,
                side=order.side,
                price=price,
                quantity=quantity,
                fee=fee,
                fee_asset=asset,
                liquidity=liquidity,
                time=time,
                wall=self.wall,
            )
        )

    def ended(self, order: PaperOrder, status: Status, text: str, time: FeedTime) -> None:
        """Canceled or expired."""
        kind = Expired if status is Status.EXPIRED else Canceled
        self._said.append(
            kind(
                venue=self._venue,
                report=self._next(),
                order_id=order.order_id,
                time=time,
                wall=self.wall,
                text=text,
            )
        )

    def rejected(self, order_id: str, reason: RejectReason, text: str, time: FeedTime) -> None:
        self._said.append(
            Rejected(
                venue=self._venue,
                report=self._next(),
                order_id=order_id,
                reason=reason,
                text=text,
                time=time,
                wall=self.wall,
            )
        )

    def replaced(self, order: PaperOrder, old_id: str, time: FeedTime) -> None:
        self._said.append(
            Replaced(
                venue=self._venue,
                report=self._next(),
                order_id=old_id,
                new_id=order.order_id,
                quantity=order.quantity,
                price=order.price,
                time=time,
                wall=self.wall,
                stop=order.stop,
            )
        )

    def triggered(self, order: PaperOrder, price: int, time: FeedTime) -> None:
        self._said.append(
            Triggered(
                venue=self._venue,
                report=self._next(),
                order_id=order.order_id,
                price=price,
                time=time,
                wall=self.wall,
            )
        )

    def cancel_refused(self, request: CancelOrder, reason: RejectReason, text: str, time: FeedTime) -> None:
        self._said.append(
            CancelRefused(
                venue=self._venue,
                report=self._next(),
                order_id=request.order_id,
                reason=reason,
                text=text,
                time=time,
                wall=self.wall,
            )
        )

    def replace_refused(self, request: ReplaceOrder, reason: RejectReason, text: str, time: FeedTime) -> None:
        self._said.append(
            ReplaceRefused(
                venue=self._venue,
                report=self._next(),
                order_id=request.order_id,
                new_id=request.new_id,
                reason=reason,
                text=text,
                time=time,
                wall=self.wall,
            )
        )

    def busted(self, order_id: str, execution_id: str, time: FeedTime) -> None:
        self._said.append(
            Busted(
                venue=self._venue,
                report=self._next(),
                order_id=order_id,
                execution_id=execution_id,
                time=time,
                wall=self.wall,
            )
        )

    def corrected(self, correction: CorrectFill, time: FeedTime) -> None:
        self._said.append(
            Corrected(
                venue=self._venue,
                report=self._next(),
                order_id=correction.order_id,
                execution_id=correction.execution_id,
                price=correction.price,
                quantity=correction.quantity,
                fee=correction.fee,
                time=time,
                wall=self.wall,
            )
        )

    def found(self, order_id: str, order: PaperOrder | None, time: FeedTime) -> None:
        """The answer to a question, under the id that was asked for; it has no number because nothing happened."""
        if order is None:
            self._said.append(OrderNotFound(venue=self._venue, order_id=order_id, time=time, wall=self.wall))
            return
        self._said.append(
            OrderFound(
                venue=self._venue,
                order_id=order_id,
                venue_order_id=order.venue_order_id,
                status=order.status,
                quantity=order.quantity,
                price=order.price,
                filled=order.filled,
                time=time,
                wall=self.wall,
                stop=order.stop,
            )
        )

    def _next(self) -> int:
        self.last += 1
        return self.last

    def _execution(self, time: FeedTime) -> str:
        self.executions += 1
        return str(int(time) // 1_000_000) if self._by_clock else f"X{self.executions}"
