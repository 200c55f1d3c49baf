"""A running engine asks the venue for its own account again and again, and holds it against the books."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from execution.services.engine_core import EngineCore
from execution.services.engine_free import FreeEngine
from execution.services.engine_lockstep import LockstepEngine
from execution.services.venue_link import VenueLink
from tests.tools.core_kit import Core
from toolkit.domain.errors import TransportError
from toolkit.domain.events import BreakConfirmed, Event
from toolkit.domain.requests import VenueState
from toolkit.domain.time import NANOSECONDS, MonoTime
from toolkit.engine.messages import Looked


class Fake:
    """A core with a venue that says what a test wants, and a clock that the test moves."""

    def __init__(self, kit: Core, *wrong: tuple[str, int], last_report: int | None = None) -> None:
        truth = kit.venue.state()
        self.account = msgspec.structs.replace(
            truth,
            positions=wrong or truth.positions,
            last_report=truth.last_report if last_report is None else last_report,
        )
        self.engine = kit.engine
        self.heard = truth.last_report
        self.asked = self.silent = 0
        self.time = 0
        self.events: list[Event] = []
        self.plan = SimpleNamespace(reconcile_seconds=5.0, strategies=())
        clock = SimpleNamespace(mono=lambda: MonoTime(self.time), wall=lambda: 0)
        self.name = "paper"
        self.links = {self.name: self}
        self.parts = SimpleNamespace(clock=clock, budgets=(), bank=None)
        self.writer = self

    async def state(self) -> VenueState:
        self.asked += 1
        if self.silent:
            self.silent -= 1
            raise TransportError("cut")
        return self.account

    async def commit(self, events: Sequence[Event], inbox: object) -> None:
        self.events += events


def faked(fake: Fake) -> EngineCore:
    return cast(EngineCore, fake)


def link_of(fake: Fake) -> VenueLink:
    return cast(VenueLink, fake)


async def test_in_lockstep_two_looks_by_the_clock_confirm_though_feed_time_stands_still() -> None:
    fake = Fake(Core(), ("AAPL", 5))
    engine = LockstepEngine(faked(fake))
    for seconds in (1, 2, 7, 8):
        fake.time = seconds * NANOSECONDS
        await engine._look_when_due()
    assert fake.asked == 2, "one look in five seconds"
    assert [event.subject for event in fake.events if isinstance(event, BreakConfirmed)] == ["AAPL"]


async def test_in_lockstep_a_venue_that_is_ahead_is_looked_at_later() -> None:
    kit = Core()
    fake = Fake(kit, ("AAPL", 5))
    fake.account = msgspec.structs.replace(fake.account, step=kit.ledger.step + 2)
    engine = LockstepEngine(faked(fake))
    for seconds in (1, 7):
        fake.time = seconds * NANOSECONDS
        await engine._look_when_due()
    assert fake.events == []


async def pumped(fake: Fake, asked: int) -> list[Any]:
    """The looks that an engine gets from a venue that is asked so often."""
    fake.plan.reconcile_seconds = 0.01
    engine = FreeEngine(faked(fake))
    pump = asyncio.create_task(engine._pump_looks(link_of(fake)))
    async with asyncio.timeout(60):
        while fake.asked < asked:
            await asyncio.sleep(0.01)
    pump.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await pump
    return [message for message in engine._mail if isinstance(message, Looked)]


async def test_on_a_free_feed_looks_are_handed_to_the_engine_over_and_over() -> None:
    fake = Fake(Core())
    fake.silent = 2
    looks = await pumped(fake, fake.silent + 3)
    assert len(looks) >= 2, "a line that was cut ends nothing"
    assert looks[0].state == fake.account


async def test_on_a_free_feed_a_look_waits_for_the_reports_that_were_said_before_it() -> None:
    fake = Fake(Core(), last_report=9)
    assert await pumped(fake, 3) == []
    fake.heard = 9
    assert await pumped(fake, fake.asked + 2)
