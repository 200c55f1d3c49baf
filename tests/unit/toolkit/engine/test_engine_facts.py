"""Any facts of a venue, legal or not, in any order: the engine never raises and its books stay exact."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.tools.core_kit import ANNA, NEVER, Core, limits, number
from tests.tools.venue_kit import stock, submit
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain import requests as rq
from toolkit.domain.inbox import INBOX_ITEMS
from toolkit.domain.ledger import HOUSE, Ledger
from toolkit.domain.market import FeedMode, SessionClosed
from toolkit.domain.orders import Doubt, HeldAt, Order, OrderClass, Side, Status, TimeInForce
from toolkit.domain.ports import Lease
from toolkit.domain.positions import Interval
from toolkit.domain.time import FeedTime, WallTime
from toolkit.engine.engine import Engine
from toolkit.engine.messages import EngineSettings, LineLost, Looked, NotSent
from toolkit.simulation.surprises import RefuseCancels

SIDES = st.sampled_from(list(Side))
LOTS = st.integers(1, 30)
PRICES = st.integers(9_900, 10_100)
REASONS = st.sampled_from(list(rq.RejectReason))
FOREIGN = "XXX0000100000001"
LOST = number(9_999)


class AnyFacts(RuleBasedStateMachine):
    """A venue without manners. Numbered and unnumbered reports mix; times do not matter here."""

    mode = FeedMode.LOCKSTEP

    def __init__(self) -> None:
        super().__init__()
        self.core = Core(mode=self.mode, rows=limits(max_position="200"), instruments=(stock(),))
        self.core.deaf = True
        self.report = 0
        self.executions = 0
        self.booked: Counter[str] = Counter()  # lots by sub-account, counted by hand
        self.cash: Counter[str] = Counter()
        self.trades: list[tuple[str, str, int, int, int, Side]] = []
        self.seen: list[rq.VenueReport] = []

    # ---- what we ask for

    @rule(side=SIDES, quantity=LOTS, price=st.none() | PRICES)
    def place(self, side: Side, quantity: int, price: int | None) -> None:
        self.core.place(side, quantity, price)

    @rule(quantity=st.integers(-60, 60))
    def target(self, quantity: int) -> None:
        self.core.target(quantity)

    @precondition(lambda self: self.core.ledger.intents.get("trend"))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.core.cancel(data.draw(st.sampled_from(sorted(self.core.ledger.intents["trend"]))))

    @precondition(lambda self: self.core.ledger.intents.get("trend"))
    @rule(data=st.data(), quantity=st.none() | LOTS, price=st.none() | PRICES)
    def modify(self, data: st.DataObject, quantity: int | None, price: int | None) -> None:
        target = data.draw(st.sampled_from(sorted(self.core.ledger.intents["trend"])))
        self.core.modify(target, quantity, price)

    # ---- what the venue says

    @rule(data=st.data(), numbered=st.booleans(), quantity=LOTS, price=PRICES, fee=st.integers(-5, 9))
    def fill(self, data: st.DataObject, numbered: bool, quantity: int, price: int, fee: int) -> None:
        identifier = self.an_id(data)
        order = self.core.ledger.order(identifier)
        if identifier == FOREIGN:
            return
        side = order.side if order is not None else data.draw(SIDES)
        self.executions += 1
        told = rq.Filled(
            venue="paper",
            report=self.next_report(numbered),
            order_id=identifier,
            venue_order_id="V",
            execution_id=f"E{self.executions}",
            instrument="AAPL",
            side=side,
            price=price,
            quantity=quantity,
            fee=fee,
            fee_asset="USD",
            liquidity=rq.Liquidity.TAKER,
            time=FeedTime(0),
            wall=WallTime(0),
        )
        who = HOUSE if order is None else order.strategy
        self.booked[who] += int(side) * quantity
        self.cash[who] -= int(side) * quantity * price + fee
        if order is not None:
            self.trades.append((identifier, told.execution_id, price, quantity, fee, side))
        self.hear(told)

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def say_it_again(self, data: st.DataObject) -> None:
        """A repeated report: by its number, or a fill by id, price and quantity, it counts once."""
        again = data.draw(st.sampled_from(self.seen))
        if isinstance(again, rq.Filled) or getattr(again, "report", 0):
            self.core.do(again)

    @precondition(lambda self: self.trades)
    @rule(data=st.data())
    def bust(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.trades) - 1))
        identifier, execution, price, quantity, fee, side = self.trades.pop(index)
        self.seen = [told for told in self.seen if getattr(told, "execution_id", "") != execution]
        self.booked["trend"] -= int(side) * quantity
        self.cash["trend"] += int(side) * quantity * price + fee
        self.hear(
            rq.Busted(
                venue="paper",
                report=self.next_report(True),
                order_id=identifier,
                execution_id=execution,
                time=FeedTime(0),
                wall=WallTime(0),
            )
        )

    @precondition(lambda self: self.trades)
    @rule(data=st.data(), price=PRICES, quantity=st.integers(0, 40), fee=st.integers(0, 9))
    def correct(self, data: st.DataObject, price: int, quantity: int, fee: int) -> None:
        index = data.draw(st.integers(0, len(self.trades) - 1))
        identifier, execution, old_price, old_quantity, old_fee, side = self.trades[index]
        self.seen = [told for told in self.seen if getattr(told, "execution_id", "") != execution]
        self.trades[index] = identifier, execution, price, quantity, fee, side
        self.booked["trend"] += int(side) * (quantity - old_quantity)
        self.cash["trend"] -= int(side) * (quantity * price - old_quantity * old_price) + fee - old_fee
        self.hear(
            rq.Corrected(
                venue="paper",
                report=self.next_report(True),
                order_id=identifier,
                execution_id=execution,
                price=price,
                quantity=quantity,
                fee=fee,
                time=FeedTime(0),
                wall=WallTime(0),
            )
        )

    @rule(data=st.data(), kind=st.sampled_from(["ack", "canceled", "expired"]), numbered=st.booleans())
    def status(self, data: st.DataObject, kind: str, numbered: bool) -> None:
        identifier, report = self.an_id(data), self.next_report(numbered)
        told = {"venue": "paper", "report": report, "order_id": identifier, "time": FeedTime(0), "wall": WallTime(0)}
        made: dict[str, Callable[[], rq.VenueReport]] = {
            "ack": lambda: rq.Acknowledged(venue_order_id="V1", **told),
            "canceled": lambda: rq.Canceled(**told),
            "expired": lambda: rq.Expired(**told),
        }
        self.hear(made[kind]())

    @rule(data=st.data(), reason=REASONS, kind=st.sampled_from([rq.Rejected, rq.CancelRefused]), numbered=st.booleans())
    def refuse(self, data: st.DataObject, reason: rq.RejectReason, kind: type, numbered: bool) -> None:
        self.hear(
            kind(
                venue="paper",
                report=self.next_report(numbered),
                order_id=self.an_id(data),
                reason=reason,
                text="no",
                time=FeedTime(0),
                wall=WallTime(0),
            )
        )

    @rule(data=st.data(), quantity=LOTS, price=PRICES, refused=st.booleans(), own_id=st.booleans())
    def replaced(self, data: st.DataObject, quantity: int, price: int, refused: bool, own_id: bool) -> None:
        identifier = self.an_id(data)
        order = self.core.ledger.order(identifier)
        new_id = order.replacing_id if order is not None and order.replacing_id else "VENUE-OWN-ID"
        if own_id:
            new_id = f"V-{self.report}"
        number, time, wall = self.next_report(True), FeedTime(0), WallTime(0)
        if refused:
            self.hear(
                rq.ReplaceRefused(
                    venue="paper",
                    report=number,
                    order_id=identifier,
                    new_id=new_id,
                    reason=rq.RejectReason.OTHER,
                    text="",
                    time=time,
                    wall=wall,
                )
            )
            return
        self.hear(
            rq.Replaced(
                venue="paper",
                report=number,
                order_id=identifier,
                new_id=new_id,
                quantity=quantity,
                price=price,
                time=time,
                wall=wall,
            )
        )

    @rule(data=st.data(), status=st.sampled_from(list(Status)), filled=st.integers(0, 30), quantity=LOTS)
    def answer_question(self, data: st.DataObject, status: Status, filled: int, quantity: int) -> None:
        self.hear(
            rq.OrderFound(
                venue="paper",
                order_id=self.an_id(data),
                venue_order_id="V1",
                status=status,
                quantity=quantity,
                price=10_000,
                filled=filled,
                time=FeedTime(0),
                wall=WallTime(0),
            )
        )

    @rule(data=st.data(), proven=st.booleans())
    def not_found(self, data: st.DataObject, proven: bool) -> None:
        identifier = self.an_id(data)
        if proven:
            self.core.prove_absent(identifier)
        else:
            self.core.do(rq.OrderNotFound(venue="paper", order_id=identifier, time=FeedTime(0), wall=WallTime(0)))

    # ---- what happens besides

    @precondition(lambda self: self.core.lost)
    @rule(data=st.data())
    def drop_unsent(self, data: st.DataObject) -> None:
        self.core.do(NotSent(requests=(data.draw(st.sampled_from(self.core.lost)),), cause="latched"))

    @rule()
    def lose_line(self) -> None:
        self.core.do(LineLost(venue="paper"))

    @rule(seconds=st.integers(0, 12))
    def time_passes(self, seconds: int) -> None:
        self.core.wait(seconds)

    @rule(bid=st.integers(9_990, 10_005), spread=st.integers(0, 4))
    def step(self, bid: int, spread: int) -> None:
        self.core.quote(bid, bid + spread)

    @rule(flatten=st.booleans())
    def disable(self, flatten: bool) -> None:
        self.core.disable(flatten=flatten)

    @rule()
    def enable(self) -> None:
        self.core.enable()

    @rule()
    def restart(self) -> None:
        """Another engine takes the book from a snapshot."""
        core = self.core
        restored = Ledger.from_bytes(core.ledger.to_bytes())
        assert restored.digest() == core.ledger.digest()
        view = core.engine.view
        core.engine = Engine(restored, EngineSettings(feed_mode=self.mode))
        core.engine.view.__dict__.update(view.__dict__)
        lease = Lease(epoch=restored.epoch + 1, send_by=NEVER)
        core.take(core.engine.begin_epoch(core.now(), lease, "here", 1))

    # ---- what must hold after each of them

    @invariant()
    def positions_are_sums_of_fills(self) -> None:
        ledger = self.core.ledger
        for who in ("trend", HOUSE):
            assert ledger.position(who, "AAPL").lots == self.booked[who]
            assert ledger.cash.get(who, {}).get("USD", 0) == self.cash[who]

    @invariant()
    def sub_accounts_add_up_to_the_venue(self) -> None:
        ledger = self.core.ledger
        total = sum(ledger.position(who, "AAPL").lots for who in ledger.positions)
        assert ledger.venue_positions.get("paper", {}).get("AAPL", 0) == total

    @invariant()
    def cost_and_realised_add_up_to_cash(self) -> None:
        ledger = self.core.ledger
        for who, held in ledger.positions.items():
            position, fees = held["AAPL"], ledger.fees.get(who, {}).get("USD", 0)
            assert position.realised - position.cost - fees == self.cash[who]
            assert (position.cost == 0) or position.lots

    @invariant()
    def interval_holds_every_outcome(self) -> None:
        ledger = self.core.ledger
        interval, lots = ledger.interval("trend", "AAPL"), self.booked["trend"]
        entries = [order for order in ledger.open_orders("trend") if order.order_class is OrderClass.ENTRY]
        buys = sum(order.remaining for order in entries if order.side is Side.BUY)
        sells = sum(order.remaining for order in entries if order.side is Side.SELL)
        assert interval.low <= lots - sells
        assert interval.high >= lots + buys
        for order in ledger.open_orders("trend"):
            after = lots + int(order.side) * order.remaining
            assert interval.low <= after <= interval.high

    @invariant()
    def interval_is_what_a_scan_finds(self) -> None:
        ledger = self.core.ledger
        orders = ledger.open_orders("trend")
        for without in ("", *(order.chain[0] for order in orders)):
            others = [order for order in orders if order.chain[0] != without]
            scanned = scan(self.booked["trend"], others)
            assert ledger.interval("trend", "AAPL", without) == scanned
            account = Interval(low=scanned.low + self.booked[HOUSE], high=scanned.high + self.booked[HOUSE])
            assert ledger.account_interval("AAPL", without) == account
            entries = [order for order in others if order.order_class is OrderClass.ENTRY]
            assert ledger.interval("trend", "AAPL", without, entries_only=True) == scan(self.booked["trend"], entries)

    @invariant()
    def indexes_are_right(self) -> None:
        ledger = self.core.ledger
        open_ = {root for root, order in ledger.orders.items() if order.is_open}
        assert open_ == {order.chain[0] for order in ledger.open_orders()}
        assert sum(ledger.open_by_strategy.values()) == sum(ledger.open_by_instrument.values()) == len(open_)
        assert ledger.open_count == len(open_)
        assert set(ledger.doubtful) == {r for r, order in ledger.orders.items() if order.doubt is not Doubt.NONE}
        holders = sum(1 for held in ledger.positions.values() for position in held.values() if position.lots)
        assert sum(ledger.held.values()) == holders

    @invariant()
    def every_fold_agrees(self) -> None:
        assert self.core.shadow.digest() == self.core.ledger.digest()

    # ---- helpers

    def an_id(self, data: st.DataObject) -> str:
        known = [identifier for order in self.core.ledger.orders.values() for identifier in order.chain]
        return data.draw(st.sampled_from([*known, LOST, FOREIGN]))

    def next_report(self, numbered: bool) -> int:
        self.report += numbered
        return self.report if numbered else 0

    def hear(self, told: rq.VenueReport) -> None:
        self.seen.append(told)
        self.core.do(told)


def scan(lots: int, orders: Iterable[Order]) -> Interval:
    """[low, high] the slow way: entries add up, of exits only the largest counts."""
    entries: Counter[Side] = Counter()
    exits: Counter[Side] = Counter()
    for order in orders:
        if order.order_class is OrderClass.ENTRY:
            entries[order.side] += order.remaining
        else:
            exits[order.side] = max(exits[order.side], order.remaining)
    both = entries + exits
    return Interval(low=lots - both[Side.SELL], high=lots + both[Side.BUY])


class AnyFactsInFreeFlow(AnyFacts):
    mode = FeedMode.FREE


TestAnyFacts = AnyFacts.TestCase
TestAnyFacts.settings = hypothesis_settings(max_examples=40, stateful_step_count=40)
TestAnyFactsInFreeFlow = AnyFactsInFreeFlow.TestCase
TestAnyFactsInFreeFlow.settings = hypothesis_settings(max_examples=25, stateful_step_count=40)


def test_each_event_makes_the_inbox_items_that_the_fold_counts() -> None:
    """The fold numbers an inbox without making its items; `Core` checks each number on its way."""
    core = Core()
    everything_that_happens_to_orders(core)
    happened = {type(event) for event in core.events}
    assert INBOX_ITEMS.keys() <= happened
    counted = sum(INBOX_ITEMS.get(type(event), 0) for event in core.events)
    assert counted == core.numbers["trend"] == len(core.inbox["trend"])


def everything_that_happens_to_orders(core: Core) -> None:
    core.place(Side.BUY, 0)  # denied
    core.cancel("nobody")  # refused
    first = core.buy(10, 9_990)
    core.modify(first, price=9_995)  # replaced
    core.quote(9_990, 9_994)  # filled
    fill = core.of(ev.OrderFilled)[-1]
    trade = {"order_id": fill.order_id, "execution_id": fill.execution_id, **AT_ONCE}
    core.do(rq.Corrected(price=9_990, quantity=8, fee=1, **trade))
    core.do(rq.Busted(**trade))
    core.buy(5, 9_000, time_in_force=TimeInForce.DAY)
    core.venue.process(RefuseCancels(count=1))
    second = core.buy(7, 9_000)
    core.cancel(second)  # cancel refused, in doubt, found working, asked again, canceled
    core.wait(2)
    core.deaf = True
    third = core.order(core.buy(3, 9_000)).order_id
    core.wait(6)  # doubted
    core.do(rq.Acknowledged(order_id=third, venue_order_id="V9", **AT_ONCE))
    core.modify(core.ledger.orders[third].intent_id, price=9_001)
    refusal = {"order_id": third, "reason": rq.RejectReason.OTHER, "text": "", **AT_ONCE}
    core.do(rq.ReplaceRefused(new_id=core.ledger.orders[third].replacing_id, **refusal))
    core.do(rq.Rejected(**refusal))
    core.deaf = False
    core.buy(2)
    core.sell(core.held(), stop=9_900, held_at=HeldAt.ENGINE)
    core.quote(9_900, 9_902)  # triggered, released
    core.feed(SessionClosed(calendar="XNYS", session="2026-01-05"))  # expired
    adopt_a_foreign_order(core)


def adopt_a_foreign_order(core: Core) -> None:
    core._hear(core.venue.process(submit("SOMEBODY", Side.BUY, 10, 9_000, time=FeedTime(core.time))))
    for seconds in (0, 5):
        core.mono += seconds * 10**9
        core.do(Looked(state=core.venue.state(), at=core.now().mono))
    core.command(
        cm.AdoptBreak(
            venue="paper", kind="foreign_order", subject="SOMEBODY", sub_account="trend", price=None, who=ANNA,
            reason="test",
        )
    )  # fmt: skip


AT_ONCE: dict[str, Any] = {"venue": "paper", "report": 0, "time": FeedTime(0), "wall": WallTime(0)}
