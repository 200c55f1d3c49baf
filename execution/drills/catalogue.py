"""The drills: what each breaks, what must notice it, when the desk is safe, and what the venue's ledger must say then.

Each leaves the desk as it found it, so that they share one. They know nothing but what a person could see: the
journal, the venue's own word, the venue's own ledger.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import msgspec

from execution.drills.outcome import Finding
from execution.services.venue_drill import PlaceForeign, SetBehaviour
from execution.wiring.drill_desk import PATIENCE, DrillDesk
from execution.wiring.drill_home import BREAKER_OPEN_SECONDS, BREAKER_REJECTS, FRESH_QUOTES, LARGEST_ORDER, QUOTE_AGE
from toolkit.domain import events as ev
from toolkit.domain.errors import ExecutionError
from toolkit.domain.identifiers import order_id
from toolkit.domain.intents import CancelIntent, PlaceOrder
from toolkit.domain.orders import Doubt, Order, OrderClass, OrderType, Side, TimeInForce
from toolkit.domain.requests import CancelOrder, Filled, SubmitOrder, VenueRequest
from toolkit.domain.time import FeedTime, MonoTime
from toolkit.domain.venue_line import Advance, CancelOnSilence
from toolkit.simulation.silence import FellSilent
from toolkit.simulation.surprises import RejectOrders, Surprise

SYMBOL, FAR = "ALPHA", 9_500
_numbers = count(int(time.time()) % 1_000_000_000)
_request = msgspec.msgpack.Decoder(VenueRequest | Advance | CancelOnSilence | FellSilent | Surprise)


@dataclass
class Run:
    """One run of a drill, filled in as it goes: a drill that stops half-way shows how far it came."""

    desk: DrillDesk
    injected: str = ""
    began: float = 0.0
    found: dict[str, object] = field(default_factory=dict)

    def inject(self, words: str, at: float | None = None) -> None:
        self.injected, self.began = words, time.monotonic() if at is None else at

    def detected(self, by: str, at: float) -> None:
        self.found |= {"detected_by": by, "detect_seconds": at - self.began}

    def safe(self, when: str, at: float) -> None:
        self.found |= {"safe_when": when, "safe_seconds": at - self.began}

    def ended(self, words: str) -> None:
        self.found["ended"] = words

    def proven(self, passed: bool, venue_says: str) -> None:
        self.found |= {"passed": passed, "venue_says": venue_says}

    def finding(self) -> Finding:
        return msgspec.convert({"injected": self.injected, **self.found}, Finding)


async def broker_outage(run: Run) -> None:
    """The venue dies with an order in flight."""
    desk = run.desk
    await _rest(desk)
    stopped = desk.send_signal("venue-paper", signal.SIGSTOP)
    run.inject("kill -9 of the venue while an order is on its way to it", stopped)
    intent = _place(Side.BUY, 7, FAR)
    await desk.ask(intent)
    with suppress(ExecutionError):
        await desk.until(lambda: _order(desk, intent.intent_id) is not None, 5)
    desk.send_signal("venue-paper", signal.SIGKILL)
    at, _ = await desk.event(lambda event: isinstance(event, ev.OrderDoubted), run.began)
    run.detected("the engine: the line is lost, the order is UNKNOWN and counts in the worst case", at)
    at = await desk.until(lambda: _agrees(desk))
    run.safe("the venue is back, no order is in doubt, books and venue list the same orders", at)
    resolved = _last(desk, ev.DoubtResolved, run.began)
    run.ended(f"the order was found to be {resolved.outcome}" if isinstance(resolved, ev.DoubtResolved) else "no doubt")
    times = _arrived(desk, intent.intent_id)
    run.proven(times <= 1 and _none_twice(desk), f"its ledger has the order {('not at all', 'once')[times > 0]}")


async def reject_burst(run: Run) -> None:
    """The venue rejects one order after the other."""
    desk = run.desk
    await desk.until(lambda: desk.venue() is not None)
    desk.script(RejectOrders(count=BREAKER_REJECTS))
    run.inject(f"the venue rejects the next {BREAKER_REJECTS} orders")
    for _ in range(BREAKER_REJECTS):
        await desk.ask(_place(Side.BUY, 1, FAR))
    at, _ = await desk.event(lambda event: _is_alarm(event, "breaker_open"), run.began)
    run.detected("control 23: the route's breaker opens", at)
    intent = _place(Side.BUY, 1, FAR)
    await desk.ask(intent)
    at, _ = await desk.event(lambda event: _is_denied(event, 23), run.began)
    run.safe("the next entry is denied by control 23", at)
    rejected = sum(isinstance(event, ev.OrderRejected) for _, event in _since(desk, run.began))
    await _until_entries_pass(desk)
    run.ended(f"{rejected} rejects; {BREAKER_OPEN_SECONDS} s later one order went to try, was taken, and entries pass")
    run.proven(_arrived(desk, intent.intent_id) == 0, "its ledger has no order sent while the breaker was open")


async def delayed_data(run: Run) -> None:
    """Quotes of one instrument stop while the feed goes on."""
    desk = run.desk
    run.inject(f"no quote of {SYMBOL} any more, while the others go on")
    desk.quoted.discard(SYMBOL)
    try:
        at = await _denied_by(desk, run, 19)
        run.detected(f"control 19: {SYMBOL}'s last quote is older than {QUOTE_AGE} s", at)
        run.safe("that entry is denied, and so is each one after it", at)
    finally:
        desk.quoted.add(SYMBOL)
    await _until_entries_pass(desk)
    run.ended(f"{FRESH_QUOTES} fresh quotes later entries pass again")
    run.proven(_none_of_the_denied_arrived(desk, run.began), "its ledger has none of the denied orders")


async def bad_tick(run: Run) -> None:
    """A crossed quote."""
    desk = run.desk
    run.inject(f"{SYMBOL} bid 120.00, ask 80.00: crossed")
    desk.odd[SYMBOL] = (12_000, 8_000)
    before = desk.ledger.states.copy()
    try:
        at = await _denied_by(desk, run, 19)
        run.detected("control 19: bid ≥ ask", at)
        run.safe("no entry is decided on it", at)
    finally:
        desk.odd.clear()
    await _until_entries_pass(desk)
    halted = "and no state changed" if desk.ledger.states == before else f"states: {desk.ledger.states}"
    run.ended(f"{FRESH_QUOTES} good quotes later entries pass again, {halted}")
    passed = _none_of_the_denied_arrived(desk, run.began) and desk.ledger.states == before
    run.proven(passed, "its ledger has none of the denied orders")


async def limit_breach(run: Run) -> None:
    """An order that is too large."""
    desk = run.desk
    intent = _place(Side.BUY, LARGEST_ORDER + 1, FAR)
    run.inject(f"an order of {LARGEST_ORDER + 1}, with max_order_quantity {LARGEST_ORDER}")
    await desk.ask(intent)
    at, event = await desk.event(lambda event: _is_denied(event, 3), run.began)
    run.detected("control 3: order quantity", at)
    run.safe("it is denied before anything is sent", at)
    run.ended(f"denied; what would pass: {getattr(event, 'would_pass', '')}")
    run.proven(_arrived(desk, intent.intent_id) == 0, "its ledger has no such order")


async def engine_death(run: Run) -> None:
    """kill -9 of the engine, with entries that rest."""
    desk = run.desk
    await _rest(desk)
    epoch = desk.ledger.epoch
    run.inject("kill -9 of the engine, with entries resting", desk.send_signal("engine", signal.SIGKILL))
    at = await desk.until(lambda: any(when >= run.began and name == "engine" for when, name in desk.ended))
    run.detected("the supervisor: the process has ended", at)
    at = await desk.until(lambda: desk.ledger.epoch > epoch and _agrees(desk))
    state = desk.venue()
    entries = sum(order.order_class is OrderClass.ENTRY for order in state.open_orders) if state else 0
    run.safe("a new engine holds the book, no doubt is left, books and venue list the same orders", at)
    how = "it was quicker than the dead man: they rest, watched" if entries else "the dead man had cancelled them"
    run.ended(f"epoch {desk.ledger.epoch}; of the entries {entries} rest ({how})")
    run.proven(_none_twice(desk), "its ledger has no order twice")


async def redis_death(run: Run) -> None:
    """kill -9 of the journal's server, with entries that rest.

    It stays away until the engine has noticed: one that is back before the engine's next word to it harms nobody.
    """
    desk = run.desk
    await _rest(desk)
    epoch = desk.ledger.epoch
    before = len(_cancels(desk))
    desk.revives_servers = False
    try:
        at = desk.send_signal("journal-server", signal.SIGKILL)
        run.inject("kill -9 of the journal's server, which stays away, with entries resting", at)
        at = await desk.until(lambda: any(when >= run.began and name == "engine" for when, name in desk.ended))
        run.detected("the engine: it decides nothing more, cancels through the lifeboat and ends", at)
    finally:
        desk.revives_servers = True
    at = await desk.until(lambda: desk.ledger.epoch > epoch and _agrees(desk))
    cancels = _cancels(desk)[before:]
    run.safe("server and engine are back, books and venue list the same orders", at)
    run.ended(f"epoch {desk.ledger.epoch}; {len(desk.ledger.open_orders())} orders work")
    run.proven(bool(cancels) and _none_twice(desk), f"its ledger has {len(cancels)} cancels, and no order twice")


async def unknown_order(run: Run) -> None:
    """An order in our account that nobody here has placed."""
    desk = run.desk
    foreign = _foreign()
    run.inject("an order of somebody else in our account, placed at the venue's own screen")
    desk.script(PlaceForeign(order=foreign))
    at, event = await desk.event(
        lambda event: isinstance(event, ev.Alarmed) and event.subject == foreign.order_id, run.began
    )
    run.detected(f"the engine: alarm {getattr(event, 'kind', '')}", at)
    open_before = len(desk.ledger.open_orders())
    gone = desk.cancel_at_venue(foreign.order_id)
    at = await desk.until(lambda: foreign.order_id not in desk.resting())
    run.safe("a person has cancelled it at the venue (here: the drill)", at)
    untouched = len(desk.ledger.open_orders()) == open_before
    run.ended("our own orders were not touched" if untouched else "our own orders changed")
    run.proven(gone and untouched, "it lists the order no more, and its ledger has no order of ours against it")


async def duplicate_fills(run: Run) -> None:
    """The venue reports every fill twice."""
    desk = run.desk
    held = desk.ledger.position(desk.strategy, SYMBOL).lots
    desk.script(SetBehaviour(repeat=("filled",)))
    run.inject("every fill is reported twice")
    intent = _place(Side.BUY, 10)
    await desk.ask(intent)
    at, _ = await desk.event(lambda event: isinstance(event, ev.OrderFilled), run.began)
    run.detected("the engine: a report whose number was heard is not booked again", at)
    desk.script(SetBehaviour())
    sell = _place(Side.SELL, 10)
    await desk.ask(sell)
    at = await desk.until(lambda: _agrees(desk) and desk.ledger.position(desk.strategy, SYMBOL).lots == held)
    run.safe("books and venue hold the same", at)
    booked = [event for _, event in _since(desk, run.began) if isinstance(event, ev.OrderFilled)]
    theirs = sum(isinstance(report, Filled) for took in desk.took() for report in took.reports)
    ours = sum(isinstance(event, ev.OrderFilled) for _, event in desk.heard)
    run.ended(f"{len(booked)} fills booked")
    run.proven(theirs == ours, f"its ledger has {theirs} fills, the journal {ours}")


DRILLS: dict[str, tuple[Callable[[Run], Awaitable[None]], str]] = {
    "limit-breach": (limit_breach, "limit-breach.md"),
    "bad-tick": (bad_tick, "bad-tick.md"),
    "delayed-data": (delayed_data, "delayed-data.md"),
    "duplicate-fills": (duplicate_fills, "duplicate-fills.md"),
    "unknown-order": (unknown_order, "unknown-order.md"),
    "reject-burst": (reject_burst, "reject-burst.md"),
    "broker-outage": (broker_outage, "broker-outage.md"),
    "engine-death": (engine_death, "engine-death.md"),
    "redis-death": (redis_death, "redis-death.md"),
}
"""Name → the drill, and the page of its real counterpart in runbooks/. The gentle ones come first: all share a desk."""


async def run_drill(desk: DrillDesk, name: str) -> Finding:
    """One run. What does not come true in its time is a finding that did not pass, and says how far it came."""
    drill, _ = DRILLS[name]
    run = Run(desk)
    try:
        await _until_entries_pass(desk)
        await drill(run)
    except (TimeoutError, ExecutionError) as problem:
        run.ended(f"NOT as it should: {str(problem) or f'nothing within {PATIENCE:.0f} s'}")
        run.proven(False, _venue_words(desk))
    finally:
        await _tidy(desk)
    return run.finding()


# ---- parts


def _place(side: Side, quantity: int, price: int | None = None) -> PlaceOrder:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return PlaceOrder(
        intent_id=f"d.{next(_numbers)}", instrument=SYMBOL, side=side, quantity=quantity, order_type=kind, price=price,
        reason="drill",
    )  # fmt: skip


def _foreign() -> SubmitOrder:
    return SubmitOrder(
        venue="paper", order_id=order_id("ZZZ", 1, next(_numbers) % 1_000_000), strategy="", instrument=SYMBOL,
        side=Side.BUY, quantity=3, order_type=OrderType.LIMIT, price=FAR, time_in_force=TimeInForce.GTC,
        order_class=OrderClass.ENTRY, post_only=False, reduce_only=False, time=FeedTime(0), epoch=1,
        send_by=MonoTime(2**62),
    )  # fmt: skip


async def _rest(desk: DrillDesk, orders: int = 3) -> None:
    """So many entries that rest at the venue and in the books."""
    wanted = len(desk.resting()) + orders
    await desk.ask(*(_place(Side.BUY, number + 1, FAR - number) for number in range(orders)))
    await desk.until(lambda: len(desk.resting()) == wanted and _agrees(desk))


async def _tidy(desk: DrillDesk) -> None:
    """Nothing works, nothing is in doubt, and the venue behaves."""
    with suppress(TimeoutError, ExecutionError):
        await desk.until(lambda: desk.venue() is not None)
        desk.script(SetBehaviour())
        await desk.until(lambda: _agrees(desk))
        working = [order.intent_id for order in desk.ledger.open_orders()]
        if working:
            await desk.ask(*(CancelIntent(intent_id=f"d.{next(_numbers)}", target=target) for target in working))
            await desk.until(lambda: not desk.ledger.open_orders() and not desk.resting())


async def _denied_by(desk: DrillDesk, run: Run, control: int) -> float:
    """Ask for entries until one is denied by a control; when that was."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        await desk.ask(_place(Side.BUY, 1, FAR))
        with suppress(TimeoutError):
            at, _ = await desk.event(lambda event: _is_denied(event, control), run.began, 0.2)
            return at
    raise TimeoutError(f"no entry was denied by control {control}")


async def _until_entries_pass(desk: DrillDesk) -> None:
    """Ask for entries until the venue has one."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        intent = _place(Side.BUY, 1, FAR)
        await desk.ask(intent)
        with suppress(TimeoutError):
            await desk.until(partial(_rests, desk, intent.intent_id), 0.5)
            return
    raise TimeoutError("entries did not pass again")


def _rests(desk: DrillDesk, intent_id: str) -> bool:
    order = _order(desk, intent_id)
    return order is not None and order.order_id in desk.resting()


def _order(desk: DrillDesk, intent_id: str) -> Order | None:
    return desk.ledger.order_of_intent(desk.strategy, intent_id)


def _agrees(desk: DrillDesk) -> bool:
    """Nothing is in doubt, and the venue lists what the books have, orders and positions."""
    state = desk.venue()
    if state is None:
        return False
    ledger = desk.ledger
    working = ledger.open_orders()
    ours = {order.order_id for order in working if not order.in_engine}
    held = {symbol: lots for symbol, lots in ledger.venue_positions.get(state.venue, {}).items() if lots}
    doubtful = any(order.doubt is not Doubt.NONE for order in working)
    return not doubtful and ours == {order.order_id for order in state.open_orders} and held == dict(state.positions)


def _since(desk: DrillDesk, began: float) -> list[tuple[float, ev.Event]]:
    return [(at, event) for at, event in desk.heard if at >= began]


def _last(desk: DrillDesk, kind: type, began: float) -> ev.Event | None:
    return next((event for _, event in reversed(_since(desk, began)) if isinstance(event, kind)), None)


def _is_denied(event: ev.Event, control: int) -> bool:
    return isinstance(event, ev.OrderDenied) and event.control == control


def _is_alarm(event: ev.Event, kind: str) -> bool:
    return isinstance(event, ev.Alarmed) and event.kind == kind


def _submissions(desk: DrillDesk) -> Counter[str]:
    """How often each order arrived at the venue, by its own ledger."""
    return Counter(
        message.order_id
        for took in desk.took()
        if isinstance(message := _request.decode(took.message), SubmitOrder) and not took.ignored
    )


def _cancels(desk: DrillDesk) -> list[str]:
    """Which orders an engine asked the venue to cancel, by the venue's own ledger."""
    return [
        message.order_id
        for took in desk.took()
        if isinstance(message := _request.decode(took.message), CancelOrder) and took.client.startswith("engine")
    ]


def _arrived(desk: DrillDesk, intent_id: str) -> int:
    """How often the venue was sent the order of an intent; 0 for one that was denied."""
    order = _order(desk, intent_id)
    return 0 if order is None else sum(_submissions(desk)[name] for name in order.chain)


def _none_of_the_denied_arrived(desk: DrillDesk, began: float) -> bool:
    denied = [event.order_id for _, event in _since(desk, began) if isinstance(event, ev.OrderDenied)]
    arrived = _submissions(desk)
    return bool(denied) and not any(arrived[name] for name in denied)


def _none_twice(desk: DrillDesk) -> bool:
    return all(times == 1 for times in _submissions(desk).values())


def _venue_words(desk: DrillDesk) -> str:
    state = desk.venue()
    if state is None:
        return "it does not answer"
    return f"{len(state.open_orders)} orders rest there, {len(state.positions)} positions"
