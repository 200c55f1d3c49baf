"""Requests that wait for an answer, also while another engine takes up where theirs stood; nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

import msgspec

from toolkit.domain.market import FeedMode
from toolkit.domain.orders import Doubt, Order, Status
from toolkit.domain.requests import CancelOrder, ReplaceOrder, SubmitOrder, VenueReport, VenueRequest
from toolkit.domain.time import FeedTime, MonoTime, Now


class Unanswered(msgspec.Struct, frozen=True, gc=False):
    """A request without an answer: what was asked and since when."""

    kind: Doubt
    since: MonoTime


class OnItsWay(NamedTuple):
    """A request, and its order as the books have it."""

    order: Order
    request: SubmitOrder | ReplaceOrder | CancelOrder


def submitted_at(order: Order) -> FeedTime:
    """When a new order left: one that the engine held until its stop was triggered left only then."""
    return order.requested if order.status is Status.PENDING_NEW else order.created


def answered_at(report: VenueReport, now: Now, stepped: FeedTime, mode: FeedMode) -> MonoTime:
    """When an answer came, on the engine's clock; `stepped` is the time of the last step that it has seen.

    In lockstep an answer cannot be heard before the next step, which may be half an hour later. What is certain: when
    the venue gave it, and that it was not there yet with the step before.
    """
    return MonoTime(max(int(report.time), int(stepped))) if mode is FeedMode.LOCKSTEP else now.mono


def as_decided(waiting: Iterable[OnItsWay], rounds: Mapping[str, int]) -> list[OnItsWay]:
    """By feed time, round and number: ids end with numbers that go up as they are decided."""
    return sorted(waiting, key=lambda each: (*_round(each, rounds), _newest(each)[-8:]))


def as_sent(
    decided: Iterable[OnItsWay], rounds: Mapping[str, int], sort: Callable[[list[VenueRequest]], None]
) -> list[VenueRequest]:
    """In the order in which they left: `sort` puts those of one strategy and round in theirs."""
    found: list[VenueRequest] = []
    for _, together in groupby(decided, key=lambda each: (*_round(each, rounds), each.order.strategy)):
        requests: list[VenueRequest] = [each.request for each in together]
        sort(requests)
        found += requests
    return found


def _round(waiting: OnItsWay, rounds: Mapping[str, int]) -> tuple[FeedTime, int]:
    return waiting.request.time, rounds.get(_newest(waiting), 0)


def _newest(waiting: OnItsWay) -> str:
    """The id that a request is about."""
    request = waiting.request
    return request.new_id if isinstance(request, ReplaceOrder) else request.order_id
