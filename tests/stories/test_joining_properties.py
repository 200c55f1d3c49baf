"""Over random joins, fills, busts, cancels, changes, losses and restarts the books of joined orders stay exact."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tools.core_kit import NEVER
from tests.tools.joined_kit import STRATEGIES, Joining
from toolkit.domain import requests as rq
from toolkit.domain.joined_orders import Part, split_amount, split_fill
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode
from toolkit.domain.orders import ENTRY, NO_DOUBT, Status
from toolkit.domain.ports import Lease
from toolkit.engine.engine import Engine
from toolkit.engine.messages import AbsenceProven, Message, Output
from toolkit.simulation.surprises import BustFill, RefuseCancels

PARTS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 60), st.integers(0, 60)).map(
        lambda each: Part(min(each[0], each[1]), each[1], min(each[1], each[2]))
    ),
    min_size=1,
    max_size=6,
)


@given(PARTS, st.integers(1, 200))
def test_a_split_adds_up_takes_nothing_back_and_stays_within_what_is_there(parts: list[Part], quantity: int) -> None:
    shares = split_fill(quantity, parts)
    assert sum(shares) == quantity
    assert all(share >= 0 for share in shares)
    room = sum(part.quantity - part.filled for part in parts)
    if quantity <= room:
        assert all(part.filled + share <= part.quantity for part, share in zip(parts, shares, strict=True))
    staying = sum(max(0, part.cap - part.filled) for part in parts)
    if quantity <= staying:
        assert all(share == 0 or part.filled + share <= part.cap for part, share in zip(parts, shares, strict=True))


@given(st.lists(st.integers(1, 500), min_size=1, max_size=6), st.lists(st.integers(1, 90), max_size=40))
def test_from_the_first_fill_to_the_last_nobody_is_a_lot_off_his_part(sizes: list[int], fills: list[int]) -> None:
    """What is split is the sum of what has filled, not each fill: many small ones do not drift."""
    whole, done = sum(sizes), [0] * len(sizes)
    for fill in fills:
        fill = min(fill, whole - sum(done))
        if not fill:
            break
        shares = split_fill(fill, [Part(had, size, size) for had, size in zip(done, sizes, strict=True)])
        done = [had + share for had, share in zip(done, shares, strict=True)]
        exact = [sum(done) * size / whole for size in sizes]
        assert all(abs(had - due) <= len(sizes) for had, due in zip(done, exact, strict=True))
        if len(sizes) == 2:
            assert all(abs(had - due) < 1 for had, due in zip(done, exact, strict=True))


@given(st.integers(-10_000, 10_000), st.lists(st.integers(0, 50), min_size=1, max_size=6))
def test_an_amount_of_either_sign_adds_up(amount: int, weights: list[int]) -> None:
    assert sum(split_amount(amount, weights)) == amount


PENDING = (Status.PENDING_NEW, Status.PENDING_CANCEL, Status.PENDING_REPLACE)


class Desk(Joining):
    """What the venue does not know is proof at once; an engine can die and start again."""

    def do(self, message: Message) -> Output:
        if isinstance(message, rq.OrderNotFound):
            message = AbsenceProven(venue=message.venue, order_id=message.order_id)
        output = super().do(message)
        for order in self.ledger.orders.values():
            assert order.filled == sum(fill.quantity for fill in self.ledger.fills.get(order.chain[0], ()))
            assert order.filled <= order.quantity or order.status is Status.FILLED
        return output

    def restart(self) -> None:
        """A new engine on the stored books; what was on its way to the old one is asked for anew."""
        old, epoch = self.engine, self.ledger.epoch + 1
        self.engine = Engine(Ledger.from_bytes(old.ledger.to_bytes()), self.make_settings(self.mode))
        vars(self.engine.view).update(vars(old.view))
        self.take(self.engine.begin_epoch(self.now(), Lease(epoch=epoch, send_by=NEVER), "here", 2))
        self.hear_withheld()

    mode = FeedMode.LOCKSTEP

    def settle(self) -> None:
        """Everything is heard again, and asked for until nothing is open."""
        self.deaf = False
        self.hear_withheld()
        for _ in range(30):
            self.wait(5)
            busy = [
                order for order in self.ledger.open_orders() if order.status in PENDING or order.doubt is not NO_DOUBT
            ]
            if not busy:
                return
        raise AssertionError(f"still open after all was heard: {busy}")


class Free(Desk):
    mode = FeedMode.FREE


SIZE = st.integers(1, 30)
TOGETHER = st.tuples(st.just("together"), SIZE, SIZE, SIZE)
CANCEL = st.tuples(st.just("cancel"), st.integers(0, 7))
MODIFY = st.tuples(st.just("modify"), st.integers(0, 7), SIZE, st.sampled_from([None, 9_000, 9_001]))
TRADE = st.tuples(st.just("trade"), st.integers(1, 40))
WAIT = st.tuples(st.just("wait"), st.sampled_from([0.3, 1, 5]))
MISHAP = st.tuples(st.sampled_from(["mute", "hear", "deaf", "listen", "restart", "bust", "refuse"]))
OTHER = st.one_of(
    st.tuples(st.just("buy"), st.integers(0, 2), SIZE, st.sampled_from([9_000, 9_001, None])),
    st.tuples(st.sampled_from(["disable", "enable"]), st.integers(0, 2)),
)
MOVES = st.lists(st.one_of(TOGETHER, CANCEL, CANCEL, MODIFY, TRADE, WAIT, MISHAP, OTHER), min_size=6, max_size=40)


@pytest.mark.parametrize("kind", [Desk, Free])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=MOVES)
def test_whatever_happens_what_the_venue_has_is_the_sum_of_what_ours_have(kind: type[Desk], moves: list[Any]) -> None:
    core = kind(mode=kind.mode, acknowledges_before_fill=True)
    intents: list[tuple[str, str]] = []
    intents += zip(core.together(10, 20, 30), STRATEGIES, strict=True)
    for what, *rest in moves:
        move(core, intents, what, *rest)
    core.settle()
    resting = {order.order_id: order for order in core.venue.state().open_orders}
    ours = {}
    for order in core.ledger.open_orders():
        known_as = core.engine.at_venue(order)
        ours[known_as] = ours.get(known_as, 0) + order.remaining
    assert {identifier: order.quantity - order.filled for identifier, order in resting.items()} == ours
    positions = dict(core.venue.state().positions)
    assert positions.get("AAPL", 0) == sum(core.held(strategy) for strategy in (*STRATEGIES, "house", "manual"))
    assert all(order.order_class is ENTRY for order in map(core.ledger.orders.__getitem__, core.ledger.joined.parts))
    again = Ledger.from_bytes(core.ledger.to_bytes())
    assert again.digest() == core.shadow.digest()


def move(core: Desk, intents: list[tuple[str, str]], what: str, *rest: Any) -> None:
    if what in ("cancel", "modify"):
        if intents:
            change(core, *intents[-1 - rest[0] % len(intents)], *rest[1:])
    elif what == "together":
        intents += zip(core.together(*rest), STRATEGIES, strict=True)
    elif what == "buy":
        strategy = STRATEGIES[rest[0]]
        intents.append((core.buy(rest[1], rest[2], strategy=strategy), strategy))
    elif what == "trade":
        core.quote(8_998, 9_000, size=rest[0])
    elif what == "wait":
        core.wait(rest[0])
    elif what == "disable":
        core.disable(STRATEGIES[rest[0]])
    elif what == "enable":
        core.enable(STRATEGIES[rest[0]])
    else:
        mishap(core, what)


def change(core: Desk, intent: str, strategy: str, *to: Any) -> None:
    if not to:
        core.cancel(intent, strategy)
    elif strategy == STRATEGIES[0]:
        core.modify(intent, *to)


def mishap(core: Desk, what: str) -> None:
    if what in ("mute", "deaf"):
        setattr(core, what, True)
    elif what == "hear":
        core.hear_withheld()
    elif what == "listen":
        core.deaf = False
    elif what == "restart":
        core.restart()
    elif what == "refuse":
        core.venue.process(RefuseCancels(count=1))
    else:
        bust_the_last(core)


def bust_the_last(core: Desk) -> None:
    gone = {report.execution_id for report in core.heard if isinstance(report, rq.Busted)}
    fills = [report for report in core.heard if isinstance(report, rq.Filled) and report.execution_id not in gone]
    if fills:
        last = fills[-1]
        bust = BustFill(order_id=last.order_id, execution_id=last.execution_id, quantity=last.quantity)
        core._hear(core.venue.process(bust))
