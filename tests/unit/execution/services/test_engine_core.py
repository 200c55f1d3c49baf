"""The way out without a journal, against a disk and a venue that refuse for a while; what was sent is kept cheaply."""

import time
from types import SimpleNamespace
from typing import cast

import pytest

from execution.services import engine_core
from execution.services.engine_core import EngineCore
from execution.services.engine_parts import EngineParts, EnginePlan
from execution.services.journal_writer import JournalWriter
from tests.tools.core_kit import Core
from toolkit.adapters.clock import SystemClock
from toolkit.domain.errors import TransportError
from toolkit.domain.ports import Lease
from toolkit.domain.requests import CancelOrder, QueryOrder, VenueState
from toolkit.domain.time import NANOSECONDS, FeedTime, MonoTime


class Refusing:
    """A lifeboat and a venue in one: each refuses so many times, then takes what it is given."""

    def __init__(self, disk: int, line: int) -> None:
        self.disk, self.line = disk, line
        self.recorded: list[str] = []
        self.sent: list[str] = []

    def record(self, cancel: CancelOrder, *_: object) -> None:
        if self.disk:
            self.disk -= 1
            raise TransportError("No space left on device")
        self.recorded.append(cancel.order_id)

    async def send(self, cancels: list[CancelOrder]) -> tuple[()]:
        if self.line:
            self.line -= 1
            raise TransportError("cut")
        assert {cancel.order_id for cancel in cancels} <= set(self.recorded), "on the disk before it leaves"
        self.sent += [cancel.order_id for cancel in cancels]
        return ()

    async def state(self) -> VenueState:
        return VenueState(venue="paper", last_report=0, step=0, open_orders=(), positions=())

    async def connect(self, within: float) -> None:
        return


@pytest.mark.parametrize(("disk", "line"), [(0, 0), (2, 0), (0, 2), (2, 2)])
async def test_what_refuses_is_tried_again_while_there_is_a_lease(
    disk: int, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_core, "CONNECT_WITHIN", 0.01)
    refusing = Refusing(disk, line)
    core, order = engine_with_a_resting_entry(refusing, seconds=5.0)
    assert await core.abandon() == []
    assert refusing.sent == [order]


async def test_what_could_not_be_cancelled_before_the_lease_ended_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_core, "CONNECT_WITHIN", 0.01)
    refusing = Refusing(disk=10**9, line=0)
    core, order = engine_with_a_resting_entry(refusing, seconds=0.05)
    assert await core.abandon() == [order]
    assert refusing.sent == []


async def test_what_was_sent_costs_the_same_after_a_hundred_thousand_orders() -> None:
    core, _ = engine_with_a_resting_entry(Refusing(0, 0), seconds=5.0)
    took = []
    for begins in range(0, 160_000, 20_000):
        requests = [
            QueryOrder(venue="paper", order_id="x"),
            *(cancel(f"{number}") for number in range(begins, begins + 20_000)),
        ]
        began = time.process_time()
        core._note_sent(requests)
        took.append(time.process_time() - began)
    assert not core._was_sent("x"), "a question asks for nothing that could arrive"
    assert not core._was_sent("0")
    assert core._was_sent("159999")
    assert len(core._sent) == engine_core.SENT_KEPT
    assert max(took[4:]) < 6 * max(took[:2]), f"it grows: {took}"


def cancel(order_id: str) -> CancelOrder:
    return CancelOrder(
        venue="paper", order_id=order_id, strategy="", instrument="", time=FeedTime(0), epoch=1, send_by=MonoTime(0)
    )


def engine_with_a_resting_entry(refusing: Refusing, seconds: float) -> tuple[EngineCore, str]:
    kit, clock = Core(), SystemClock()
    kit.buy(1, price=9_000)
    (order,) = kit.ledger.open_orders()
    lease = Lease(epoch=1, send_by=MonoTime(clock.mono() + int(seconds * NANOSECONDS)))
    parts = SimpleNamespace(venues={"paper": refusing}, lifeboat=refusing, clock=clock)
    return (
        EngineCore(
            kit.engine,
            cast(JournalWriter, SimpleNamespace(lease=lease)),
            cast(EngineParts, parts),
            cast(EnginePlan, SimpleNamespace(quarantine_seconds=0.3)),
        ),
        order.order_id,
    )
