"""What tests of the decision core share: an engine, a paper venue, short words, a second fold that must agree."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from tests.tools.limit_kit import FAR_AWAY
from tests.tools.venue_kit import SECOND, USD, settings, step, stock
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.fold import apply
from toolkit.domain.identifiers import order_id
from toolkit.domain.inbox import FillBooked, InboxItem, OrderChanged
from toolkit.domain.instruments import Currency, Instrument
from toolkit.domain.intents import CancelIntent, Intent, ModifyIntent, PlaceOrder, TargetPosition
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode, MarketEvent, Quote, SessionOpened
from toolkit.domain.orders import Order, OrderType, Side, Terms
from toolkit.domain.ports import Lease
from toolkit.domain.requests import CancelOrder, QueryOrder, ReplaceOrder, SubmitOrder, VenueReport, VenueRequest
from toolkit.domain.results import confirmed_results
from toolkit.domain.time import NANOSECONDS, FeedTime, MonoTime, Now, WallTime
from toolkit.engine.engine import Engine
from toolkit.engine.messages import AbsenceProven, EngineSettings, Message, Output, TimePassed, Valuation
from toolkit.engine.risk.controls import CONTROLS, Control
from toolkit.simulation.matching import PaperVenue

ANNA = cm.Who(identity="unix:anna", verified=False, source="cli")
START = cm.Who(identity="files", verified=True, source="up")
NEVER = MonoTime(2**62)
PERMISSIVE = {
    "max_order_value": "100000000",
    "max_order_quantity": "100000",
    "max_position": "100000",
    "max_working_orders": "1000",
    "message_rate": "1000",
    "cancel_reserve": "0",
    "duplicate_window": "0",
    "permitted": "*",
    "permitted_venues": "*",
    "max_quote_age": "3600",
    "price_collar": "50",
    "exit_collar": "90",
    "max_price_drift": "1000",
    "drift_window": "60",
    "max_executions": "1000000",
    "burst_value": "1000000000",
    "burst_quantity": "1000000",
    "burst_window": "1",
    **{name: str(value) for name, value in FAR_AWAY.items()},
    "self_match": "cancel_resting",
}


def limits(*extra: cm.LimitRow, **book: str | None) -> tuple[cm.LimitRow, ...]:
    """A table that lets all pass, with some of the book's rows set otherwise; None leaves one unset."""
    rows = {**PERMISSIVE, **book}
    return (*(limit(name, value) for name, value in rows.items() if value is not None), *extra)


def limit(name: str, value: str, scope: str = "book", of: str = "", line: int = 12) -> cm.LimitRow:
    return cm.LimitRow(scope=scope, name=of, limit=name, value=value, source=f"config/limits.yaml:{line}")


SWITCHED_OFF: frozenset[int] = frozenset()
"""Controls that no engine has while their mutation runs (`mutations`)."""


def without(*numbers: int) -> tuple[Control, ...]:
    """The registry with some controls switched off: what a mutation test breaks."""
    return tuple(control for control in CONTROLS if control.number not in numbers)


class Core:
    """An engine on a paper venue, driven by hand. Time moves with `feed` and `wait` only.

    `received` is what the venue was told, `heard` what it said. With `deaf` requests are lost on their way, with `mute`
    reports are kept in `withheld`. Each event is folded a second time into `shadow`.
    """

    def __init__(
        self,
        *,
        rows: Sequence[cm.LimitRow] | None = None,
        strategies: Sequence[str] = ("trend",),
        instruments: Sequence[Instrument] = (),
        controls: Sequence[Control] = CONTROLS,
        mode: FeedMode = FeedMode.LOCKSTEP,
        trading: bool = True,
        currencies: Sequence[Currency] = (USD,),
        exchange_rates: Sequence[Valuation] = (),
        **venue: Any,
    ) -> None:
        self.instruments = tuple(instruments) or (stock(),)
        self.currencies, self.exchange_rates = tuple(currencies), tuple(exchange_rates)
        self.venue = self.make_venue(**venue)
        self.controls = tuple(control for control in controls if control.number not in SWITCHED_OFF)
        self.engine = Engine(Ledger(), self.make_settings(mode), self.controls)
        self.shadow = Ledger()
        self.time = self.mono = 0
        self.deaf = self.mute = False
        self.received: list[VenueRequest] = []
        self.heard: list[VenueReport] = []
        self.withheld: list[VenueReport] = []
        self.line: deque[VenueReport] = deque()
        self.hearing = False
        self.lost: list[VenueRequest] = []
        self.events: list[ev.Event] = []
        self.inbox: dict[str, list[InboxItem]] = {}
        self.numbers: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self._open(strategies, limits() if rows is None else rows)
        if trading:
            self.feed(SessionOpened(calendar="XNYS", session="2026-01-05"))
            for instrument in self.instruments:
                self.quote(9_999, 10_001, symbol=instrument.symbol)

    @property
    def ledger(self) -> Ledger:
        return self.engine.ledger

    # ---- in

    def do(self, message: Message) -> Output:
        """Let the engine process one message and the venue what follows, until it is quiet."""
        output = self.engine.process(self.now(), message)
        self.take(output)
        results = self.engine._guard.portfolio.running
        assert results.now() == confirmed_results(self.ledger), "somebody did not say that the books changed"
        return output

    def command(self, body: cm.Command, producer: str = "operator") -> None:
        number = self.counts[producer] = self.counts.get(producer, 0) + 1
        self.do(cm.Envelope(producer=producer, incarnation=1, number=number, body=body))

    def feed(self, *events: MarketEvent, seconds: float = 1) -> None:
        """One step: the venue matches it, then the engine sees it."""
        self.time += int(seconds * SECOND)
        self.mono += int(seconds * SECOND)
        made = step(self.engine.view.step + 1, self.time, *events)
        self._hear(self.venue.advance(made))
        self.do(made)
        self.ledger.step = self.shadow.step = made.number

    def quote(self, bid: int, ask: int, symbol: str = "AAPL", size: int = 1_000, seconds: float = 1) -> None:
        self.feed(Quote(instrument=symbol, bid=bid, ask=ask, bid_size=size, ask_size=size), seconds=seconds)

    def wait(self, seconds: float) -> None:
        """The clock goes on, the feed does not."""
        self.mono += int(seconds * NANOSECONDS)
        self.do(TimePassed())

    def intend(self, *intents: Intent, strategy: str = "trend") -> None:
        answer = cm.RunnerAnswer(strategy=strategy, step=self.engine.view.step, inbox=0, intents=intents)
        self.command(answer, producer=strategy)

    def buy(self, quantity: int, price: int | None = None, **more: Any) -> str:
        return self.place(Side.BUY, quantity, price, **more)

    def sell(self, quantity: int, price: int | None = None, **more: Any) -> str:
        return self.place(Side.SELL, quantity, price, **more)

    def place(
        self,
        side: Side,
        quantity: int,
        price: int | None = None,
        *,
        strategy: str = "trend",
        symbol: str = "AAPL",
        **more: Any,
    ) -> str:
        """Ask for an order; returns the id of the intent. `stop`, `offset`, `expires` and their like make its terms."""
        named = {name: more.pop(name) for name in Terms.__struct_fields__ if name in more}
        if "offset" in named:
            more["order_type"] = OrderType.TRAILING_STOP
        elif "stop" in named:
            more["order_type"] = OrderType.STOP if price is None else OrderType.STOP_LIMIT
        intent_id = more.pop("intent_id", self._intent_id())
        kind = more.pop("order_type", OrderType.MARKET if price is None else OrderType.LIMIT)
        self.intend(
            PlaceOrder(
                intent_id=intent_id,
                instrument=symbol,
                side=side,
                quantity=quantity,
                order_type=kind,
                price=price,
                terms=Terms(**named) if named else None,
                **more,
            ),
            strategy=strategy,
        )
        return intent_id

    def cancel(self, target: str, strategy: str = "trend") -> None:
        self.intend(CancelIntent(intent_id=self._intent_id(), target=target), strategy=strategy)

    def modify(
        self, target: str, quantity: int | None = None, price: int | None = None, stop: int | None = None
    ) -> None:
        changed = ModifyIntent(intent_id=self._intent_id(), target=target, quantity=quantity, price=price, stop=stop)
        self.intend(changed)

    def target(self, quantity: int, strategy: str = "trend") -> str:
        intent_id = self._intent_id()
        self.intend(TargetPosition(intent_id=intent_id, instrument="AAPL", quantity=quantity), strategy=strategy)
        return intent_id

    def limit(self, rows: Iterable[cm.LimitRow]) -> None:
        self.command(cm.SetLimits(rows=tuple(rows), checksum=str(len(self.events)), who=START, reason="test"))

    def throttle_venue(self, rate: str) -> None:
        self.command(cm.SetThrottle(scope="venue", name="paper", rate=Decimal(rate), who=ANNA, reason="test"))

    def disable(self, strategy: str = "trend", *, flatten: bool = False) -> None:
        self.command(cm.DisableStrategy(strategy=strategy, flatten=flatten, who=ANNA, reason="test"))

    def enable(self, strategy: str = "trend") -> None:
        self.command(cm.EnableStrategy(strategy=strategy, who=ANNA, reason="test"))

    def hear_withheld(self) -> None:
        """The line comes back: what the venue said meanwhile arrives."""
        self.mute, kept, self.withheld = False, self.withheld, []
        self._hear(kept)

    def prove_absent(self, identifier: str) -> None:
        self.do(AbsenceProven(venue="paper", order_id=identifier))

    def now(self) -> Now:
        return Now(FeedTime(self.time), WallTime(self.mono), MonoTime(self.mono))

    # ---- out

    def order(self, intent_id: str, strategy: str = "trend") -> Order:
        found = self.ledger.order_of_intent(strategy, intent_id)
        assert found is not None, f"no order came of {intent_id}"
        return found

    def held(self, strategy: str = "trend", symbol: str = "AAPL") -> int:
        return self.ledger.position(strategy, symbol).lots

    def at_venue(self) -> list[str]:
        """Ids of the orders that rest at the venue."""
        return [order.order_id for order in self.venue.state().open_orders]

    def orders_received(self) -> list[SubmitOrder]:
        return [request for request in self.received if isinstance(request, SubmitOrder)]

    def cancels_received(self) -> list[CancelOrder]:
        return [request for request in self.received if isinstance(request, CancelOrder)]

    def replaces_received(self) -> list[ReplaceOrder]:
        return [request for request in self.received if isinstance(request, ReplaceOrder)]

    def of(self, kind: type[Any]) -> list[Any]:
        """Events of one kind, oldest first."""
        return [event for event in self.events if type(event) is kind]

    def denial(self) -> ev.OrderDenied:
        denied: ev.OrderDenied = self.of(ev.OrderDenied)[-1]
        return denied

    def alarms(self) -> list[str]:
        return [event.kind for event in self.of(ev.Alarmed)]

    def told(self, intent_id: str, strategy: str = "trend") -> list[str]:
        """The statuses a strategy was told of one of its intents, UNKNOWN while there was doubt."""
        return [
            item.status.value if item.doubt.value == "none" else "UNKNOWN"
            for item in self.inbox.get(strategy, [])
            if isinstance(item, OrderChanged) and item.intent_id == intent_id
        ]

    def fills_told(self, strategy: str = "trend") -> list[int]:
        return [item.quantity for item in self.inbox.get(strategy, []) if isinstance(item, FillBooked)]

    # ---- machinery

    def make_venue(self, **venue: Any) -> Any:
        return PaperVenue(settings(**venue), self.instruments)

    def make_settings(self, mode: FeedMode) -> EngineSettings:
        return EngineSettings(
            feed_mode=mode, abilities=self.venue.settings.abilities, exchange_rates=self.exchange_rates
        )

    def take(self, output: Output) -> None:
        for event in output.events:
            apply(self.shadow, event)
            self.noticed(event)
        self.events += output.events
        for strategy, entries in output.inbox.items():
            for entry in entries:
                assert entry.number == self.numbers.get(strategy, 0) + 1, "an inbox has no gaps"
                self.numbers[strategy] = entry.number
                self.inbox.setdefault(strategy, []).append(entry.item)
        self.engine.sent(output.requests, self.now().wall)
        for request in output.requests:
            self._send(request)

    def noticed(self, event: ev.Event) -> None:
        """Called with each event, when `shadow` has folded it and nothing after it."""

    def _send(self, request: VenueRequest) -> None:
        if self.deaf:
            self.lost.append(request)
            return
        self.received.append(request)
        self._hear(self.venue.process(request))

    def _hear(self, reports: Iterable[VenueReport]) -> None:
        """One report after the other, as on a line: what an answer leads to is heard after what was said before it."""
        self.line.extend(reports)
        if self.hearing:
            return
        self.hearing = True
        try:
            while self.line:
                report = self.line.popleft()
                self.heard.append(report)
                if self.mute:
                    self.withheld.append(report)
                else:
                    self.do(report)
        finally:
            self.hearing = False

    def _intent_id(self) -> str:
        self.counts["intents"] = self.counts.get("intents", 0) + 1
        return f"i{self.counts['intents']}"

    def _open(self, strategies: Sequence[str], rows: Sequence[cm.LimitRow]) -> None:
        engine, now = self.engine, self.now()
        self.take(
            engine.open_book(
                now, book="main", desk="DSK", base="USD", currencies=self.currencies, venues=("paper",), first_step=0
            )
        )
        self.take(engine.begin_epoch(now, Lease(epoch=1, send_by=NEVER), "here", 1))
        self.command(cm.DefineInstruments(instruments=self.instruments, who=START, reason="test"))
        self.limit(rows)
        for name in strategies:
            self.command(
                cm.RegisterVersion(
                    strategy=name, version=1, digest="d1", path="p", instruments=("AAPL",), who=START, reason="test"
                )
            )
            self.command(cm.AllocateCapital(strategy=name, amount=Decimal(100_000), who=START, reason="test"))
            self.command(cm.RunnerHello(strategy=name, version="v1", digest="d1"), producer=name)


def number(count: int) -> str:
    """The id of the count-th order of the book."""
    return order_id("DSK", 1, count)


def asked(core: Core) -> list[str]:
    """Ids the venue was asked about."""
    return [request.order_id for request in (*core.received, *core.lost) if isinstance(request, QueryOrder)]


Breach = Callable[[Core], None]
