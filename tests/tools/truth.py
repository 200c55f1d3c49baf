"""Whether journal, ledger and venue tell one story: the venue's own ledger, which no engine writes, is the oracle."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator

import msgspec

from execution.services.venue_ledger import Took, read_ledger
from tests.tools.desk_kit import PATIENCE, DeskKit
from toolkit.adapters import codec
from toolkit.adapters.clock import mono_time
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.snapshots import SnapshotStore
from toolkit.domain.events import (
    Batch,
    Event,
    OrderFilled,
    OrderRejected,
    OrderReleased,
    OrderSubmitted,
    ReplaceRequested,
    SnapshotTaken,
)
from toolkit.domain.fold import apply_batch
from toolkit.domain.ledger import FOLD_VERSION, Ledger
from toolkit.domain.orders import HeldAt, Order, Status
from toolkit.domain.requests import Filled, RejectReason, ReplaceOrder, SubmitOrder, VenueRequest, VenueState
from toolkit.domain.time import WallTime
from toolkit.domain.venue_line import Advance, CancelOnSilence
from toolkit.simulation.silence import FellSilent

QUIET_LOOKS = 3

_message = msgspec.msgpack.Decoder(VenueRequest | Advance | CancelOnSilence | FellSilent)


@contextlib.asynccontextmanager
async def standing_still(kit: DeskKit, seconds: float = PATIENCE) -> AsyncIterator[VenueState]:
    """The desk between two moves: its runners are stopped, the engine waits for them, nothing is on its way."""
    runners = [process for name, process in kit.processes.items() if name.startswith("runner-")]
    for process in runners:
        process.send_signal(signal.SIGSTOP)
    try:
        yield await _quiet(kit, seconds)
    finally:
        for process in runners:
            process.send_signal(signal.SIGCONT)


async def _quiet(kit: DeskKit, seconds: float) -> VenueState:
    """Looks that agree count while the engine beats on: one that gets no turn of the machine is not at rest."""
    looks: list[tuple[int, VenueState]] = []
    walls: set[WallTime] = set()
    async with asyncio.timeout(seconds):
        while True:
            beat = (await kit.line.beats() or {}).get("engine")
            state = await asyncio.to_thread(kit.venue)
            look = (kit.ledger.sequence, state)
            waits = beat is not None and beat.state.startswith("waiting for ")
            if not waits or await kit.head() != kit.ledger.sequence or looks[-1:] != [look]:
                looks, walls = [], set()
            looks.append(look)
            if beat is not None:
                walls.add(beat.wall)
            if waits and min(len(looks), len(walls)) >= QUIET_LOOKS:
                return state
            await asyncio.sleep(0.15)


async def assert_one_story(kit: DeskKit) -> None:
    """No order lost, none doubled; the ledger is the fold from empty, the fold from the snapshot, and the venue's."""
    async with standing_still(kit) as state:
        batches = await _journal(kit)
        ledger = assert_folds_agree(kit, batches)
        assert ledger.digest() == kit.ledger.digest(), "the replica is another fold"
        took = venue_took(kit)
    events = [event for batch, _ in batches for event in batch.events]
    assert_orders_arrived_once(took, events)
    assert_fills_agree(took, events)
    assert_books_agree(ledger, state)


async def _journal(kit: DeskKit) -> list[tuple[Batch, bytes]]:
    """Every batch of the stream, with its digest."""
    address = kit.line.address(ServerRole.JOURNAL)
    journal = RedisJournal(address, kit.settings.desk.book, mono=mono_time)
    try:
        return [(codec.open_batch(sealed.payload), sealed.digest) async for sealed in journal.read(0)]
    finally:
        await journal.close()


def assert_folds_agree(kit: DeskKit, batches: list[tuple[Batch, bytes]]) -> Ledger:
    """The fold from empty equals every ledger that was hashed into the journal, and the one from the snapshot."""
    ledger = Ledger()
    events = [event for batch, _ in batches for event in batch.events]
    taken = {event.sequence: event for event in events if isinstance(event, SnapshotTaken)}
    for batch, digest in batches:
        apply_batch(ledger, batch, digest)
        if (kept := taken.pop(ledger.sequence, None)) is not None:
            ledger.step = kept.step  # the engine had gone on to this step when it took the snapshot
            assert ledger.digest() == kept.digest, f"event {kept.sequence}: the running ledger was another one"
    assert not taken, f"snapshots of events that end no batch: {sorted(taken)}"
    snapshot = SnapshotStore(kit.home.book(kit.settings.desk.book) / "snapshots").newest(
        kit.settings.desk.book, FOLD_VERSION
    )
    if snapshot is not None:
        resumed = Ledger.from_bytes(snapshot.state)
        for batch, digest in batches:
            if batch.first > snapshot.sequence:
                apply_batch(resumed, batch, digest)
        assert resumed.digest() == ledger.digest(), "the fold from the snapshot differs"
    return ledger


def assert_orders_arrived_once(took: list[Took], events: list[Event]) -> None:
    """Each order and change of the journal was received by the venue exactly once, and nothing else was."""
    dropped = {
        event.order_id for event in events if isinstance(event, OrderRejected) and event.reason is RejectReason.NOT_SENT
    }
    released = {event.order_id for event in events if isinstance(event, OrderReleased)}
    submitted = (event for event in events if isinstance(event, OrderSubmitted))
    decided = {event.order_id for event in submitted if _left(event, released)} - dropped
    changed = {event.new_id for event in events if isinstance(event, ReplaceRequested)}
    received = Counter(
        message.new_id if isinstance(message, ReplaceOrder) else message.order_id
        for message in (_message.decode(entry.message) for entry in took if not entry.ignored)
        if isinstance(message, SubmitOrder | ReplaceOrder)
    )
    assert not (doubled := {name: count for name, count in received.items() if count > 1}), f"doubled: {doubled}"
    assert not (lost := decided - received.keys()), f"lost: {sorted(lost)}"
    assert not (unknown := received.keys() - decided - changed), f"not in the journal: {sorted(unknown)}"


def _left(event: OrderSubmitted, released: set[str]) -> bool:
    """Whether an order was for the venue: one that the engine holds leaves when it is released."""
    held = event.terms is not None and event.terms.held_at is HeldAt.ENGINE
    return not held or event.order_id in released


def assert_fills_agree(took: list[Took], events: list[Event]) -> None:
    """Every trade of the venue is in the books once, at its price, size and fee."""
    ours = Counter(
        (event.execution_id, event.order_id, event.price, event.quantity, event.fee)
        for event in events
        if isinstance(event, OrderFilled)
    )
    theirs = Counter(
        (report.execution_id, report.order_id, report.price, report.quantity, report.fee)
        for entry in took
        for report in entry.reports
        if isinstance(report, Filled)
    )
    assert ours == theirs


def assert_books_agree(ledger: Ledger, state: VenueState) -> None:
    """Positions, reports and open orders; what the venue does not list yet is on its way there."""
    assert ledger.venue_reports.get(state.venue, 0) == state.last_report
    assert {k: v for k, v in ledger.venue_positions.get(state.venue, {}).items() if v} == dict(state.positions)
    ours = {order.order_id: order for order in ledger.open_orders() if not order.in_engine}
    theirs = {order.order_id: order for order in state.open_orders}
    for name, listed in theirs.items():
        assert name in ours, f"the venue lists {listed}, the books do not"
        assert (listed.quantity, listed.filled, listed.price) in _may_stand_as(ours[name]), f"{ours[name]}, {listed}"
    for missing in ours.keys() - theirs.keys():
        order = ledger.order(missing)
        assert order is not None
        assert order.status is Status.PENDING_NEW, f"{missing} is {order.shown_status} and the venue does not list it"


def _may_stand_as(order: Order) -> set[tuple[int, int, int | None]]:
    """Quantity, filled and price; a change that was asked for may be in force there, and the word of it on its way."""
    known = {(order.quantity, order.filled, order.price)}
    if order.replacing_id:
        price = order.price if order.replacing_price is None else order.replacing_price
        known.add((order.replacing_quantity or order.quantity, order.filled, price))
    return known


def venue_took(kit: DeskKit) -> list[Took]:
    """Everything that the venue wrote into its own ledger, in order."""
    path = kit.home.venue("paper") / "ledger"
    return [record.entry for record in read_ledger(path) if isinstance(record.entry, Took)]
