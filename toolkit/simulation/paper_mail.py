"""Requests on their way to the paper venue: latency, drawn delays and drawn silence; what they do is decided later."""

from __future__ import annotations

from heapq import heappop, heappush

import msgspec

from toolkit.domain.orders import Side
from toolkit.domain.requests import CancelOrder, ReplaceOrder, SubmitOrder
from toolkit.domain.time import FeedTime
from toolkit.simulation.draws import Purpose, happens
from toolkit.simulation.latency import drawn_latency
from toolkit.simulation.paper_settings import Latency, PaperSettings

TimedRequest = SubmitOrder | CancelOrder | ReplaceOrder


_PURPOSES: dict[type[TimedRequest], tuple[Purpose, Purpose, Purpose]] = {
    SubmitOrder: (Purpose.SUBMIT_SILENCE, Purpose.SUBMIT_DELAY, Purpose.SUBMIT_LATENCY),
    CancelOrder: (Purpose.CANCEL_SILENCE, Purpose.CANCEL_DELAY, Purpose.CANCEL_LATENCY),
    ReplaceOrder: (Purpose.REPLACE_SILENCE, Purpose.REPLACE_DELAY, Purpose.REPLACE_LATENCY),
}


class Pending(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A request and the feed time from which it is in effect; `number` keeps those of one moment in order."""

    due: FeedTime
    number: int
    request: TimedRequest


class Mail:
    """A heap of requests by the time they take effect. `silences` counts the losses per purpose and id: a second
    try of the same request has its own luck."""

    def __init__(self, settings: PaperSettings) -> None:
        self._settings = settings
        self._latencies: dict[type[TimedRequest], Latency] = {
            SubmitOrder: settings.submit_latency,
            CancelOrder: settings.cancel_latency,
            ReplaceOrder: settings.replace_latency,
        }
        drawn = settings.silences_per_million or settings.delays_per_million
        self._fixed = None if drawn else _fixed(self._latencies)
        self.heap: list[tuple[FeedTime, int, TimedRequest]] = []
        self.received = 0
        self.silences: dict[str, int] = {}

    def take(self, request: TimedRequest, now: FeedTime) -> FeedTime | None:
        """The time at which the request takes effect if that is now, else None: it is kept, or lost for good."""
        wait = self._wait(request)
        if wait is None:
            return None
        due = request.time + wait
        if not wait or due <= now:
            return max(due, now)
        self.received += 1
        heappush(self.heap, (due, self.received, request))
        return None

    def next_due(self, until: FeedTime) -> tuple[FeedTime, TimedRequest] | None:
        """Take out the earliest request that is in effect by `until`."""
        if not self.heap or self.heap[0][0] > until:
            return None
        due, _, request = heappop(self.heap)
        return due, request

    def concerns(self, order_id: str) -> bool:
        """Whether something about an order, by this id, is still on its way."""
        return any(
            order_id == request.order_id or (isinstance(request, ReplaceOrder) and order_id == request.new_id)
            for _, _, request in self.heap
        )

    def lose_all(self) -> None:
        self.heap.clear()

    def pending(self) -> list[Pending]:
        """What is on its way, earliest first."""
        return [Pending(due=due, number=number, request=request) for due, number, request in sorted(self.heap)]

    def on_the_way(self, instrument: str, side: Side) -> int:
        """Lots of new orders that are not in effect yet."""
        new = (request for _, _, request in self.heap if isinstance(request, SubmitOrder))
        return sum(each.quantity for each in new if (each.instrument, each.side) == (instrument, side))

    def put_back(self, pending: list[Pending]) -> None:
        """Take what `pending` gave; a sorted list is a heap."""
        self.heap = [(one.due, one.number, one.request) for one in pending]

    def _wait(self, request: TimedRequest) -> int | None:
        """Nanoseconds until the request takes effect; None when it is lost without an answer."""
        if self._fixed is not None:
            return self._fixed[type(request)]
        key = request.new_id if isinstance(request, ReplaceOrder) else request.order_id
        return self._drawn(key, self._latencies[type(request)], *_PURPOSES[type(request)])

    def _drawn(self, key: str, latency: Latency, silence: Purpose, delay: Purpose, purpose: Purpose) -> int | None:
        settings = self._settings
        attempt = self.silences.get(f"{silence}/{key}", 0)
        if happens(settings.silences_per_million, settings.seed, key, silence, attempt):
            self.silences[f"{silence}/{key}"] = attempt + 1
            return None
        wait = drawn_latency(latency, settings.seed, key, purpose, attempt)
        late = happens(settings.delays_per_million, settings.seed, key, delay, attempt)
        return wait + settings.delay if late else wait


def _fixed(latencies: dict[type[TimedRequest], Latency]) -> dict[type[TimedRequest], int] | None:
    """The same when none of them is drawn, else None."""
    fixed = {kind: latency for kind, latency in latencies.items() if isinstance(latency, int)}
    return fixed if len(fixed) == len(latencies) else None
