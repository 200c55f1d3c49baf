"""The last look before the write: a shut latch stops every order of its scope but the way out and what protects."""

from pathlib import Path

import msgspec
import pytest

from tests.tools.venue_kit import cancel, order, replace, submit
from toolkit.adapters.latch import Latch
from toolkit.adapters.send_gate import sort_out
from toolkit.domain.orders import OrderClass, Side
from toolkit.domain.requests import VenueRequest
from toolkit.domain.time import MonoTime

SCOPES = ("venue:paper", "strategy:trend")
ENTRY = submit(order(1), Side.BUY, 1)
EXIT = submit(order(2), Side.SELL, 1, order_class=OrderClass.EXIT)
STOP = submit(order(3), Side.SELL, 1, order_class=OrderClass.PROTECTIVE)
MOVED_STOP = replace(order(3), order(4), 1, None, order_class=OrderClass.PROTECTIVE)
CANCEL = cancel(order(1))


def leave(folder: Path, shut: str, *requests: VenueRequest, flattened: frozenset[str] = frozenset()) -> list[str]:
    latch = Latch.create(folder / "latch", SCOPES)
    latch.shut(shut)
    may, dropped = sort_out(requests, latch, MonoTime(0), flattened)
    latch.close()
    assert len(may) + len(dropped) == len(requests)
    return [request.order_id for request in may]


def test_a_strategy_that_is_shut_keeps_its_protection(tmp_path: Path) -> None:
    assert leave(tmp_path, "strategy:trend", ENTRY, EXIT, STOP, MOVED_STOP, CANCEL) == [order(3), order(3), order(1)]


@pytest.mark.parametrize("scope", ["book", "venue:paper"])
def test_a_book_or_venue_that_is_shut_lets_only_cancels_out(tmp_path: Path, scope: str) -> None:
    assert leave(tmp_path, scope, ENTRY, EXIT, STOP, MOVED_STOP, CANCEL) == [order(1)]


def test_a_persons_flatten_asks_no_latch(tmp_path: Path) -> None:
    assert leave(tmp_path, "book", ENTRY, EXIT, flattened=frozenset({order(2)})) == [order(2)]


def test_nothing_but_a_question_leaves_after_its_time(tmp_path: Path) -> None:
    late = [msgspec.structs.replace(request, send_by=MonoTime(-1)) for request in (ENTRY, STOP, CANCEL)]
    assert leave(tmp_path, "strategy:other", *late) == []
