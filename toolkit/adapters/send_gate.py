"""The last look before a request leaves: latch and `send_by`; called right before the write and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from toolkit.domain.orders import OrderClass
from toolkit.domain.requests import TOGETHER, CancelOrder, QueryOrder, ReplaceOrder, VenueRequest
from toolkit.domain.time import MonoTime


class OpenFor(Protocol):
    """Whatever can say whether a scope is open, such as the latch."""

    def open_for(self, strategy: str, venue: str) -> bool:
        """Whether an order of `strategy` may go to `venue` now; "" asks for book and venue alone."""


def sort_out(
    requests: Sequence[VenueRequest], latch: OpenFor, now: MonoTime, by_person: frozenset[str]
) -> tuple[tuple[VenueRequest, ...], tuple[VenueRequest, ...]]:
    """Requests that may leave at `now`, and those that must not. Cancels and `by_person` ask no latch."""
    looked: dict[tuple[str, str], bool] = {}  # they leave in one frame: one look for each scope is the last one
    may = tuple(request for request in requests if _may_leave(request, latch, now, by_person, looked))
    if len(may) == len(requests):
        return may, ()
    leaving = {id(request) for request in may}
    return may, tuple(request for request in requests if id(request) not in leaving)


def earliest_send_by(requests: Sequence[VenueRequest]) -> MonoTime | None:
    """When the first of these may not leave any more; None when all of them always may."""
    limits = [request.send_by for request in requests if not isinstance(request, QueryOrder)]
    return min(limits) if limits else None


def _may_leave(
    request: VenueRequest, latch: OpenFor, now: MonoTime, by_person: frozenset[str], looked: dict[tuple[str, str], bool]
) -> bool:
    if isinstance(request, QueryOrder):
        return True
    if now > request.send_by:
        return False
    if isinstance(request, CancelOrder) or request.order_id in by_person:
        return True
    if isinstance(request, ReplaceOrder) and request.reduces:
        return True
    # what protects a position stands when its strategy is disabled: it asks for book and venue alone
    scope = "" if request.order_class is OrderClass.PROTECTIVE else request.strategy, request.venue
    if scope not in looked:
        strategies, venue = scope
        looked[scope] = all(latch.open_for(strategy, venue) for strategy in strategies.split(TOGETHER))
    return looked[scope]
