"""A desk to which anything happens, drawn from a seed: orders, facts against expectation, cut lines, restarts, people.

What is promised at every moment is asserted where it happens, and after each step; `come_to_rest` asserts the end.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from decimal import Decimal

import msgspec

from tests.tools.core_kit import ANNA, NEVER, Core, limit, limits
from tests.tools.venue_kit import cancel, stock, submit
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain import requests as rq
from toolkit.domain.breaks import BreakKind
from toolkit.domain.errors import DomainError
from toolkit.domain.ledger import HOUSE, MANUAL, Ledger
from toolkit.domain.market import FeedMode, MarketEvent, Step
from toolkit.domain.orders import ENTRY, FINAL, NO_DOUBT, Order, Side, Status, TradingState
from toolkit.domain.ports import Lease
from toolkit.domain.time import FeedTime
from toolkit.engine.engine import Engine
from toolkit.engine.messages import LineLost, Looked, TimePassed
from toolkit.engine.risk.controls import CONTROLS, Control
from toolkit.simulation.surprises import BustFill, CorrectFill, LateFill, RefuseCancels, Surprise

STRATEGIES = ("trend", "other")
SYMBOLS = ("AAPL", "MSFT")
MOST_HELD, MOST_ORDERED, MOST_WORKING, RATE = 60, 25, 5, 8
DIGEST_EVERY = 250
KEPT_STEPS = 20
MIDDLE = 10_000
BY = {"who": ANNA, "reason": "a random test"}


class RandomDesk(Core):
    """`act` does one thing. Two strategies, two instruments, strangers at the venue, people who move things."""

    def __init__(self, seed: int, controls: Sequence[Control] = CONTROLS) -> None:
        self.dice = dice = random.Random(seed)
        self.controls = controls
        self.kept: list[Step] = []
        self.done, self.epoch, self.strangers = 0, 1, 0
        self.told_wrongly = False
        self.revised: set[str] = set()
        self.venue_cash = 0
        self.kept_back: list[rq.VenueRequest] | None = None
        self.trades: dict[tuple[str, str], tuple[Side, int, int, int]] = {}
        super().__init__(
            rows=limits(
                *(limit("max_position", str(MOST_HELD), "strategy", name) for name in STRATEGIES),
                *(limit("max_working_orders", str(MOST_WORKING), "strategy", name) for name in STRATEGIES),
                limit("message_rate", str(RATE), "venue", "paper"),
                limit("cancel_reserve", "2", "venue", "paper"),
                max_order_quantity=str(MOST_ORDERED),
                max_position=str(2 * MOST_HELD),
            ),
            strategies=STRATEGIES,
            instruments=tuple(stock(symbol) for symbol in SYMBOLS),
            controls=controls,
            mode=dice.choice(list(FeedMode)),
            seed=seed,
            silences_per_million=dice.choice([0, 20_000]),
            rejects_per_million=dice.choice([0, 50_000]),
            partial_fills_per_million=dice.choice([0, 400_000]),
            submit_latency=dice.choice([0, 0, 1_500_000_000]),
            acknowledges_before_fill=dice.random() < 0.8,
        )
        weighted: tuple[tuple[Callable[[], None], int], ...] = (
            (self.ask_for_an_order, 20),
            (self.aim, 8),
            (self.leave, 8),
            (self.take_back, 10),
            (self.change, 6),
            (self.tick, 25),
            (self.pause, 5),
            (self.surprise, 4),
            (self.stranger, 2),
            (self.disconnect, 1),
            (self.reconnect, 4),
            (self.restart, 1),
            (self.give, 4),
            (self.stop_or_start, 3),
            (self.look, 6),
            (self.look_wrongly, 1),
            (self.adopt, 6),
        )
        self._actions = [action for action, _ in weighted]
        self._weights = [weight for _, weight in weighted]

    def act(self) -> None:
        """One random thing, then what must always hold."""
        self.dice.choices(self._actions, self._weights)[0]()
        self.done += 1
        self.assert_sums()
        if self.done % DIGEST_EVERY == 0:
            assert self.shadow.digest() == self.ledger.digest()

    # ---- what strategies do

    def ask_for_an_order(self) -> None:
        side, quantity = self.dice.choice(list(Side)), self.dice.randint(1, MOST_ORDERED + 3)
        near = MIDDLE + self.dice.randint(-8, 8)
        kind = self.dice.random()
        if kind < 0.3:
            self.place(side, quantity, **self._whose())
        elif kind < 0.9:
            self.place(side, quantity, near, **self._whose())
        else:
            self.place(side, quantity, stop=near + 5 * side, **self._whose())

    def aim(self) -> None:
        self.target(self.dice.randint(-40, 40), self.dice.choice(STRATEGIES))

    def leave(self) -> None:
        """What surely shrinks a position passes in ACTIVE and REDUCING, whatever limits say."""
        whose = self._whose()
        strategy, symbol = whose["strategy"], whose["symbol"]
        interval = self.ledger.interval(strategy, symbol)
        certain = interval.low if interval.low > 0 else min(interval.high, 0)
        if not certain:
            return
        state, _ = self.ledger.trading_state(strategy, "paper")
        side = Side.SELL if certain > 0 else Side.BUY
        intent = self.place(side, self.dice.randint(1, min(abs(certain), MOST_ORDERED)), **whose)
        if state is TradingState.HALTED or strategy in self.ledger.flattening:
            return
        order = self.ledger.order_of_intent(strategy, intent)
        waiting = self.ledger.waiting_exits.get(strategy, {}).get(symbol)
        assert order is not None or (waiting is not None and waiting.intent_id == intent), "an exit was refused"
        assert order is None or order.status is not Status.DENIED, order

    def take_back(self) -> None:
        """A cancel of what is open is never refused."""
        mine = [order for order in self.ledger.open_orders() if order.strategy in STRATEGIES and _asked_for(order)]
        if not mine:
            return
        order = self.dice.choice(mine)
        before = len(self.events)
        self.cancel(order.intent_id, order.strategy)
        refused = [event for event in self.events[before:] if isinstance(event, ev.IntentRefused)]
        assert not refused, (order, refused)
        after = self.ledger.order(order.order_id)
        assert after is None or after.withdrawn or not after.is_open, after

    def change(self) -> None:
        mine = [order for order in self.ledger.open_orders("trend") if _asked_for(order)]
        if mine:
            order = self.dice.choice(mine)
            price = MIDDLE + self.dice.randint(-8, 8) if order.price is not None else None
            self.modify(order.intent_id, self.dice.randint(1, MOST_ORDERED + 3), price)

    def _whose(self) -> dict[str, str]:
        return {"strategy": self.dice.choice(STRATEGIES), "symbol": self.dice.choice(SYMBOLS)}

    # ---- what the market, the venue and strangers do

    def tick(self) -> None:
        middle, half = MIDDLE + self.dice.randint(-8, 8), self.dice.randint(1, 3)
        self.quote(middle - half, middle + half, self.dice.choice(SYMBOLS), self.dice.choice([5, 50, 1_000]))

    def pause(self) -> None:
        self.wait(self.dice.choice([0.2, 1, 6]))

    def surprise(self) -> None:
        """A late fill, a bust, a correction, or cancels that are refused; each trade is revised once at most."""
        if self.mute or self.deaf:
            return
        happened = self._surprise()
        if happened is not None:
            with suppress(DomainError):  # the venue never had that order, or has forgotten it
                self._hear(self.venue.process(happened))

    def _surprise(self) -> Surprise | None:
        roots = [root for root in self.ledger.fills if self.ledger.fills[root] and root in self.ledger.orders]
        if self.dice.random() < 0.2 or not roots:
            return RefuseCancels(count=self.dice.randint(1, 2))
        order = self.ledger.orders[self.dice.choice(roots)]
        fill = self.dice.choice(self.ledger.fills[order.chain[0]])
        if self.dice.random() < 0.4 or fill.execution_id in self.revised:
            return LateFill(
                order_id=order.order_id, price=MIDDLE, quantity=self.dice.randint(1, 5), liquidity=rq.Liquidity.MAKER
            )
        self.revised.add(fill.execution_id)
        if self.dice.random() < 0.5:
            return BustFill(order_id=order.order_id, execution_id=fill.execution_id, quantity=fill.quantity)
        return CorrectFill(
            order_id=order.order_id, execution_id=fill.execution_id, old_quantity=fill.quantity,
            quantity=self.dice.randint(0, fill.quantity), price=fill.price + 1, fee=0,
        )  # fmt: skip

    def stranger(self) -> None:
        """Somebody else trades on the same account, or takes his order back."""
        theirs = [order.order_id for order in self.venue.state().open_orders if order.order_id.startswith("X")]
        if theirs and self.dice.random() < 0.5:
            self._hear(self.venue.process(cancel(self.dice.choice(theirs), time=FeedTime(self.time))))
            return
        self.strangers += 1
        price = None if self.dice.random() < 0.5 else MIDDLE + self.dice.randint(-12, 12)
        made = submit(
            f"X{self.strangers:015d}", self.dice.choice(list(Side)), self.dice.randint(1, 5), price,
            instrument=self.dice.choice(SYMBOLS), time=FeedTime(self.time),
        )  # fmt: skip
        self._hear(self.venue.process(made))

    # ---- lines and processes

    def disconnect(self) -> None:
        if self.deaf or self.mute:
            return
        self.deaf, self.mute = self.dice.choice([(True, True), (True, False), (False, True)])
        self.do(LineLost(venue="paper"))

    def reconnect(self) -> None:
        """A new line: what numbered reports say is replayed, answers to questions are lost with the old one."""
        if not (self.deaf or self.mute):
            return
        self.do(LineLost(venue="paper"))
        self.deaf = self.mute = False
        self._replay()
        self.do(TimePassed())

    def restart(self) -> None:
        """kill -9 and a successor: the ledger is the fold of the journal, all else is forgotten."""
        self.epoch += 1
        engine = Engine(Ledger.from_bytes(self.ledger.to_bytes()), self.engine._settings, self.controls)
        assert engine.ledger.digest() == self.ledger.digest()
        for step in self.kept:
            engine.warm(step)
        self.engine = engine
        self.take(engine.begin_epoch(self.now(), Lease(epoch=self.epoch, send_by=NEVER), "there", self.epoch))
        self.deaf = self.mute = False
        self._replay()
        self.do(TimePassed())
        self.take(engine.reconcile(self.now(), self.venue.state()))

    def _replay(self) -> None:
        """What was missed is heard as a whole before anything that follows from it leaves."""
        self.withheld.clear()
        self.kept_back = kept_back = []
        for report in list(self.heard):
            if getattr(report, "report", 0) > self.ledger.venue_reports.get("paper", 0):
                self.do(report)
        self.kept_back = None
        for request in kept_back:
            self._send(request)

    # ---- what people do

    def give(self) -> None:
        accounts = (*STRATEGIES, HOUSE, MANUAL)
        source, target, symbol = self.dice.choice(accounts), self.dice.choice(accounts), self.dice.choice(SYMBOLS)
        quantity = self.dice.choice([None, Decimal(self.dice.randint(1, 20))])
        price = self.dice.choice([None, Decimal("99.50")])
        bodies: list[cm.Command] = [
            cm.TransferPosition(source=source, target=target, instrument=symbol, quantity=quantity, price=price, **BY),
            cm.TransferCash(source=source, target=target, asset="USD", amount=Decimal("3.21"), **BY),
            cm.DistributeCash(
                kind="dividend", instrument=symbol, asset="USD", per_unit=Decimal("0.017"), amount=None, **BY
            ),
        ]
        self.command(self.dice.choice(bodies))

    def stop_or_start(self) -> None:
        name = self.dice.choice(STRATEGIES)
        if self.dice.random() < 0.25:
            self.disable(name, flatten=self.dice.random() < 0.5)
        else:
            self.enable(name)

    def look(self, seconds: int = 5) -> None:
        """Two looks at the truth find nothing but what strangers have there."""
        for _ in range(2):
            self.mono += seconds * 10**9
            self.do(Looked(state=self.venue.state(), at=self.now().mono))
        if self._all_heard():
            self.told_wrongly = False
        if not self.told_wrongly:
            kinds = {found.kind for found in self.ledger.breaks.values()}
            assert kinds <= {BreakKind.FOREIGN_ORDER.value}, self.ledger.breaks

    def look_wrongly(self) -> None:
        """The venue's account is wrong for once: trading is reduced, and nothing is traded for it."""
        truth, sent = self.venue.state(), len(self.received) + len(self.lost)
        wrong = msgspec.structs.replace(truth, positions=(*dict(truth.positions).items(), ("MSFT", 1_000_000)))
        for _ in range(2):
            self.mono += 5 * 10**9
            self.do(Looked(state=wrong, at=self.now().mono))
        self.told_wrongly = True
        asked = [*self.received, *self.lost][sent:]
        assert not [request for request in asked if isinstance(request, rq.SubmitOrder)]

    def adopt(self) -> None:
        foreign = [found for found in self.ledger.breaks.values() if found.kind == BreakKind.FOREIGN_ORDER]
        if foreign:
            found = self.dice.choice(foreign)
            self.command(
                cm.AdoptBreak(
                    venue="paper", kind=found.kind, subject=found.subject, price=None,
                    sub_account=self.dice.choice([MANUAL, "trend"]), **BY,
                )
            )  # fmt: skip

    # ---- the end

    def come_to_rest(self) -> None:
        """Lines are back, strategies are flattened, strangers go home: then every order has ended."""
        self.reconnect()
        self.look()
        for name in STRATEGIES:
            self.disable(name, flatten=True)
        for _ in range(300):
            self._strangers_go_home()
            for symbol in SYMBOLS:
                self.quote(MIDDLE - 1, MIDDLE + 1, symbol)
            if self._is_over():
                break
        self.look()
        assert self._is_over(), (self.ledger.open_orders(), self.ledger.positions)
        assert not self.ledger.breaks
        assert self._all_heard()
        assert self.venue.state().open_orders == ()
        for order in self.ledger.orders.values():
            assert order.status in FINAL, order
            assert order.doubt is NO_DOUBT, order
        self.assert_sums()
        assert self.shadow.digest() == self.ledger.digest()

    def _strangers_go_home(self) -> None:
        for order in self.venue.state().open_orders:
            known = self.ledger.order(order.order_id)
            if known is None or known.strategy == MANUAL:
                self._hear(self.venue.process(cancel(order.order_id, time=FeedTime(self.time))))

    def _is_over(self) -> bool:
        held = [self.ledger.position(name, symbol).lots for name in STRATEGIES for symbol in SYMBOLS]
        return not (self.ledger.open_orders() or self.ledger.doubtful or any(held) or self.venue.state().open_orders)

    # ---- what must hold

    def assert_sums(self) -> None:
        """Sub-accounts add up to the account of the venue, and once all is heard that is the venue's own."""
        ledger = self.ledger
        ours = {symbol: sum(ledger.position(name, symbol).lots for name in ledger.positions) for symbol in SYMBOLS}
        account = ledger.venue_positions.get("paper", {})
        assert ours == {symbol: account.get(symbol, 0) for symbol in SYMBOLS}
        cash = sum(held.get("USD", 0) for held in ledger.cash.values())
        assert cash == ledger.venue_cash.get("paper", {}).get("USD", 0)
        if self._all_heard():
            assert dict(self.venue.state().positions) == {symbol: lots for symbol, lots in ours.items() if lots}
            assert cash == self.venue_cash

    def noticed(self, event: ev.Event) -> None:
        """What a control let through keeps its limits in the worst case, also counting everything in doubt."""
        if isinstance(event, ev.CashMoved):
            self.venue_cash += event.amount
        elif isinstance(event, ev.OrderSubmitted | ev.ReplaceRequested):
            order = self.shadow.order(event.order_id)
            assert order is not None
            changes_into_exit = isinstance(event, ev.ReplaceRequested) and self._only_closes(order)
            if order.order_class is ENTRY and order.version != "adopted" and not changes_into_exit:
                self._assert_limits(order)
        elif isinstance(event, ev.OrderDenied) and event.order_class is not ENTRY:
            state, _ = self.shadow.trading_state(event.strategy, event.venue)
            assert state is TradingState.HALTED or event.control in (16, 17, 18), event
        elif isinstance(event, ev.PositionTransferred) and event.target in STRATEGIES:
            interval = self.shadow.interval(event.target, event.instrument)
            assert interval.largest <= MOST_HELD or abs(interval.largest) >= abs(event.lots), event

    def _only_closes(self, order: Order) -> bool:
        """Whether all of it opens no position any more: others have gone through flat since it was sent as an entry."""
        interval = self.shadow.interval(order.strategy, order.instrument)
        return interval.high <= 0 if order.side is Side.BUY else interval.low >= 0

    def _assert_limits(self, order: Order) -> None:
        shadow, side = self.shadow, order.side
        own, account = shadow.interval(order.strategy, order.instrument), shadow.account_interval(order.instrument)
        reach = max(order.quantity, order.replacing_quantity or 0)
        assert reach <= MOST_ORDERED, order
        for interval, most in ((own, MOST_HELD), (account, 2 * MOST_HELD)):
            worst = interval.high if side is Side.BUY else -interval.low
            assert worst <= most, (order, interval)
        assert shadow.open_by_strategy[order.strategy] <= MOST_WORKING, order

    def _all_heard(self) -> bool:
        return self.venue.last_report == self.ledger.venue_reports.get("paper", 0)

    # ---- machinery

    def feed(self, *events: MarketEvent, seconds: float = 1) -> None:
        self.kept = [*self.kept[:1], *self.kept[1:][-KEPT_STEPS:], *self._made(events, seconds)]  # the first opens
        super().feed(*events, seconds=seconds)

    def _made(self, events: tuple[MarketEvent, ...], seconds: float) -> list[Step]:
        time = self.time + int(seconds * 10**9)
        return [Step(number=self.engine.view.step + 1, time=FeedTime(time), label="test", events=events)]

    def _send(self, request: rq.VenueRequest) -> None:
        if self.kept_back is not None:
            self.kept_back.append(request)
        else:
            super()._send(request)

    def _hear(self, reports: Iterable[rq.VenueReport]) -> None:
        """A venue in the same process cannot have lost what it does not know, once it is asked on a whole line."""
        said = list(reports)
        for report in said:
            self._count(report)
        super()._hear([report for report in said if not isinstance(report, rq.OrderNotFound)])
        for report in said:
            if isinstance(report, rq.OrderNotFound) and not self.mute:
                self.prove_absent(report.order_id)

    def _count(self, report: rq.VenueReport) -> None:
        """The venue's cash by its own words."""
        if isinstance(report, rq.Filled):
            self.trades[report.order_id, report.execution_id] = (report.side, report.price, report.quantity, report.fee)
            self.venue_cash += _flow(report.side, report.price, report.quantity, report.fee)
        elif isinstance(report, rq.Busted | rq.Corrected):
            key = next(key for key in self.trades if key[1] == report.execution_id)
            side, *old = self.trades.pop(key)
            self.venue_cash -= _flow(side, *old)
            if isinstance(report, rq.Corrected):
                self.trades[key] = (side, report.price, report.quantity, report.fee)
                self.venue_cash += _flow(side, report.price, report.quantity, report.fee)


def _flow(side: Side, price: int, quantity: int, fee: int) -> int:
    return -int(side) * price * quantity - fee


def _asked_for(order: Order) -> bool:
    """Whether a strategy asked for it; one that a person adopted has no intent that it knows."""
    return order.version != "adopted"
