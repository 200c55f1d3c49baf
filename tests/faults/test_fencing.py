"""One writer: an engine that slept while another took the book over appends nothing and sends nothing any more."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from execution.child import ExitCode
from execution.wiring import engine as engine_wiring
from tests.tools.desk_kit import PATIENCE, DeskKit, desk
from tests.tools.parity import assert_same_as_backtest
from tests.tools.servers_kit import administrator
from tests.tools.truth import assert_one_story, venue_took
from toolkit.adapters import keys
from toolkit.adapters.clock import SystemClock
from toolkit.domain.events import CancelRequested, OrderSubmitted, ReplaceRequested
from toolkit.domain.identifiers import order_epoch
from toolkit.domain.requests import CancelOrder, ReplaceOrder, SubmitOrder, VenueRequest
from toolkit.domain.time import NANOSECONDS
from toolkit.domain.venue_line import Advance, CancelOnSilence
from toolkit.simulation.silence import FellSilent

pytestmark = pytest.mark.faults

STEPS_AFTER = 120
ASKED = (OrderSubmitted, ReplaceRequested, CancelRequested)

_message = msgspec.msgpack.Decoder(VenueRequest | Advance | CancelOnSilence | FellSilent)


async def test_what_an_engine_had_in_hand_when_it_was_replaced_is_never_sent_by_it(tmp_path: Path) -> None:
    """It is stopped with appended, unsent requests, once between two steps; each time another takes the book over."""
    async with desk(tmp_path / "home") as kit:
        await kit.until_step(kit.ledger.step + 50)
        replaced, in_hand = [], set[str]()
        for place in ("after_append_before_mirror", "after_mirror_before_send", "after_release"):
            old = kit.processes["engine"]
            if place == "after_release":
                await stop_at(kit, place)
            else:
                in_hand |= await sleep_with_requests_in_hand(kit, place)
            await take_over(kit)
            os.kill(old.pid, signal.SIGCONT)
            assert await asyncio.to_thread(old.wait, PATIENCE) == ExitCode.FENCED, kit.last_words()
            replaced.append(old.pid)
            await kit.until_step(kit.ledger.step + 20)
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        await assert_one_story(kit)
        assert_each_ended_before_the_next_began(kit, replaced)
        assert_sent_by_a_successor(kit, in_hand)
        assert assert_same_as_backtest(kit) > 0


@pytest.mark.chaos
async def test_of_two_engines_that_start_together_one_trades_and_the_other_waits_for_its_turn(tmp_path: Path) -> None:
    async with desk(tmp_path / "home") as kit:
        kit.launch("engine", known_as="engine-2")
        await kit.kill("engine")
        await kit.until_step(kit.ledger.step + 20)
        first = kit.ledger.epoch
        holder, standby = await holder_and_standby(kit)
        await kit.kill(holder)
        await kit.until(lambda: kit.ledger.epoch > first)
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        assert kit.processes[standby].poll() is None
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0


@pytest.mark.chaos
async def test_a_lease_that_ends_too_early_is_given_back_while_nobody_wants_the_book(tmp_path: Path) -> None:
    async with desk(tmp_path / "home") as kit:
        await kit.until_step(kit.ledger.step + 20)
        epoch = kit.ledger.epoch
        for _ in range(3):
            end_the_lease(kit)
            await kit.until_step(kit.ledger.step + 20)
        assert kit.ledger.epoch == epoch
        assert kit.processes["engine"].poll() is None


async def test_a_lease_that_ends_too_early_goes_to_whoever_waits_and_the_first_engine_ends_fenced(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path / "home") as kit:
        await kit.until_step(kit.ledger.step + 50)
        old, epoch = kit.processes["engine"], kit.ledger.epoch
        kit.processes["engine-1"] = kit.processes.pop("engine")
        kit.launch("engine")
        async with asyncio.timeout(60):
            while kit.ledger.epoch == epoch:
                end_the_lease(kit)
                await asyncio.sleep(0.02)
        assert await asyncio.to_thread(old.wait, PATIENCE) == ExitCode.FENCED, kit.last_words()
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        await assert_one_story(kit)
        assert_each_ended_before_the_next_began(kit, [old.pid])
        assert assert_same_as_backtest(kit) > 0


@pytest.mark.chaos
async def test_a_wall_clock_that_is_set_moves_neither_the_lease_nor_a_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, stops = SystemClock(), list[Callable[[], None]]()
    monkeypatch.setattr(engine_wiring, "SystemClock", lambda: clock)
    monkeypatch.setattr(engine_wiring, "when_told_to_stop", lambda stop, in_order: stops.append(stop))
    thresholds = gc.get_threshold()
    async with desk(tmp_path / "home") as kit:
        await kit.until_step(kit.ledger.step + 20)
        await kit.end("engine")
        before = kit.ledger.epoch
        here = asyncio.create_task(engine_wiring.trade(kit.home, kit.settings, kit.line.password("engine")))
        for hours in (0, 1, -2, 48):
            clock.wall_offset += hours * 3600 * NANOSECONDS
            await kit.until_step(kit.ledger.step + 15)
            assert kit.ledger.epoch == before + 1
        stops[0]()
        await here
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        kit.launch("engine")
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0


# ---------------------------------------------------------------- helpers


async def sleep_with_requests_in_hand(kit: DeskKit, place: str) -> set[str]:
    """Stop the engine at a place where something it has just decided is not sent; returns the ids of that."""
    for _ in range(500):
        await stop_at(kit, place)
        await kit.caught_up()
        if in_hand := {_asked_id(event) for event in kit.batches[-1].events if isinstance(event, ASKED)}:
            return in_hand
        os.kill(kit.processes["engine"].pid, signal.SIGCONT)
    raise AssertionError("no batch with a request")


async def stop_at(kit: DeskKit, place: str) -> None:
    kit.arm("engine", f"{place}:stop")
    await kit.until_stopped("engine")
    kit.arm("engine")


async def take_over(kit: DeskKit) -> None:
    """A second engine waits for the lease to run out and goes on."""
    epoch, step = kit.ledger.epoch, kit.ledger.step
    kit.processes[f"engine-{epoch}"] = kit.processes.pop("engine")
    kit.launch("engine")
    await kit.until(lambda: kit.ledger.epoch > epoch)
    await kit.until_step(step + 5)


async def holder_and_standby(kit: DeskKit) -> tuple[str, str]:
    beats = await kit.line.beats() or {}
    names = sorted(("engine", "engine-2"), key=lambda name: kit.processes[name].pid != beats["engine"].pid)
    return names[0], names[1]


def end_the_lease(kit: DeskKit) -> None:
    with administrator(kit.line.servers) as line:
        line.ask("PEXPIRE", keys.lease(kit.settings.desk.book), "1")


def assert_each_ended_before_the_next_began(kit: DeskKit, replaced: list[int]) -> None:
    """In the venue's own ledger nothing of an engine stands behind the first word of its successor."""
    clients = [took.client for took in venue_took(kit) if took.client.startswith("engine ")]
    for old in replaced:
        last = max(place for place, client in enumerate(clients) if client == f"engine {old}")
        began = clients.index(f"engine {old}")
        assert set(clients[began : last + 1]) == {f"engine {old}"}
        assert len(clients) > last + 1


def assert_sent_by_a_successor(kit: DeskKit, in_hand: set[str]) -> None:
    """What was in hand reached the venue under a later epoch than the one that decided it."""
    for identifier in in_hand:
        epochs = [
            message.epoch
            for message in (_message.decode(took.message) for took in venue_took(kit))
            if isinstance(message, SubmitOrder | ReplaceOrder | CancelOrder)
            and identifier in (message.order_id, getattr(message, "new_id", ""))
        ]
        assert epochs, f"{identifier} never arrived"
        assert max(epochs) > order_epoch(identifier), (identifier, epochs)


def _asked_id(event: OrderSubmitted | ReplaceRequested | CancelRequested) -> str:
    return event.new_id if isinstance(event, ReplaceRequested) else event.order_id
