"""An engine and a paper venue in this process, with a book of any size: no server, no file, no clock."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from execution.settings import read_settings
from tests.tools.desk_kit import PROJECT
from tests.tools.limit_kit import FAR_AWAY, OF_BOOK
from toolkit.domain.commands import Envelope, LimitRow, RunnerAnswer, RunnerHello, Who
from toolkit.domain.events import Event
from toolkit.domain.instruments import Currency, Instrument, describe
from toolkit.domain.intents import Intent
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode, Quote, SessionOpened, Step
from toolkit.domain.ports import Lease
from toolkit.domain.requests import VenueRequest
from toolkit.domain.time import NANOSECONDS, FeedTime, MonoTime, Now, WallTime
from toolkit.engine.book import BookSpec, StrategySpec, setup_commands
from toolkit.engine.engine import Engine
from toolkit.engine.messages import EngineSettings, Output
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import PaperSettings

WHO = Who(identity="benchmark", verified=True, source="up")
USD = Currency(code="USD", quantum=Decimal("0.01"))
BOOK, DESK, VENUE, CALENDAR = "paper", "DSK", "paper", "24/7"
MANY = 10**9
OF_ALL: Mapping[str, object] = {
    "max_order_value": MANY, "max_order_quantity": MANY, "max_position": MANY, "max_working_orders": MANY,
    "message_rate": MANY, "cancel_reserve": 20, "duplicate_window": 1, "permitted": "*", "permitted_venues": "*",
    "permitted_sides": "buy,sell", "max_quote_age": MANY, "fresh_quotes": 1,
    "price_collar": 50, "exit_collar": 90, "max_price_drift": 50, "drift_window": 60, "max_executions": MANY,
    "burst_value": MANY, "burst_quantity": MANY, "burst_window": 1, "self_match": "cancel_resting",
    **FAR_AWAY,
}  # fmt: skip
OF_VENUE = ("message_rate", "cancel_reserve", "max_working_orders")


def instruments(count: int) -> tuple[Instrument, ...]:
    return tuple(
        describe(
            symbol=f"S{number:03d}", tick=Decimal("0.01"), lot=Decimal(1), currency=USD, calendar=CALENDAR, venue=VENUE
        )
        for number in range(count)
    )


def limits(strategies: Iterable[str], master: Iterable[Instrument], max_var: object = "*") -> tuple[LimitRow, ...]:
    """Every limit for the book, each strategy and each instrument; all of them far away."""
    values = {**OF_ALL, "max_var": max_var}
    scopes: list[tuple[str, str, Iterable[str]]] = [("book", "", OF_ALL), ("venue", VENUE, OF_VENUE)]
    scopes += [("strategy", name, OF_ALL.keys() - OF_BOOK) for name in strategies]
    scopes += [("instrument", each.symbol, ("max_order_quantity", "max_position")) for each in master]
    return tuple(
        LimitRow(scope=scope, name=name, limit=limit, value=str(values[limit]), source=f"config/limits.yaml:{line}")
        for line, (scope, name, limit) in enumerate(((s, n, x) for s, n, rows in scopes for x in sorted(rows)), 1)
    )


def quick_venue() -> PaperSettings:
    """The shipped venue without latency, failures and shortage."""
    shipped = read_settings(PROJECT).venues[VENUE]
    return msgspec.structs.replace(
        shipped, submit_latency=0, cancel_latency=0, replace_latency=0, rejects_per_million=0,
        partial_fills_per_million=0, unlimited_size=True,
    )  # fmt: skip


def book_spec(
    strategies: Sequence[str], master: tuple[Instrument, ...], max_var: object = "*", currency: Currency = USD
) -> BookSpec:
    return BookSpec(
        book=BOOK,
        desk=DESK,
        base_currency=currency.code,
        currencies=(currency,),
        venues=(VENUE,),
        instruments=master,
        limits=limits(strategies, master, max_var),
        limits_checksum="benchmark",
        strategies=tuple(
            StrategySpec(
                name=name, version=1, digest="0" * 64, path="", instruments=tuple(each.symbol for each in master),
                capital=Decimal(1_000_000), enabled=True,
            )
            for name in strategies
        ),
    )  # fmt: skip


class Workshop:
    """A running book. `batches` are the events since the start, as an engine process would have appended them.

    With `minutes` prices have moved for so long before, each as it pleased, and the value at risk has a limit.
    """

    def __init__(self, *, symbols: int, strategies: Sequence[str], minutes: int = 0) -> None:
        self.master = instruments(symbols)
        self.ledger = Ledger()
        self.engine = Engine(self.ledger, EngineSettings(feed_mode=FeedMode.FREE))
        self.venue = PaperVenue(quick_venue(), self.master)
        self.time = NANOSECONDS
        self.step = 0
        self.batches: list[list[Event]] = []
        self._numbers = dict.fromkeys(strategies, 0)
        self._move(minutes)
        self._open(strategies, MANY if minutes else "*")

    @property
    def now(self) -> Now:
        return Now(FeedTime(self.time), WallTime(self.time), MonoTime(self.time))

    def answer(self, strategy: str, *intents: Intent) -> None:
        """A strategy's answer and everything that follows from it at the venue; two batches."""
        self.time += 1_000_000
        self._numbers[strategy] += 1
        body = RunnerAnswer(strategy=strategy, step=self.step, inbox=self._inbox(strategy), intents=intents)
        self._say(strategy, body)

    def quote(self, *, open_session: bool = False) -> None:
        """One step with a price for everything."""
        self.step += 1
        quotes = tuple(
            Quote(instrument=each.symbol, bid=9_999, ask=10_001, bid_size=500, ask_size=500) for each in self.master
        )
        opening = (SessionOpened(calendar=CALENDAR, session="2024-01-02"),) if open_session else ()
        step = Step(number=self.step, time=FeedTime(self.time), label="benchmark", events=(*opening, *quotes))
        self.venue.advance(step)
        self._settle(self.engine.process(self.now, step))

    def _move(self, minutes: int) -> None:
        draw = random.Random(1)
        for _ in range(minutes):
            self.step, self.time = self.step + 1, self.time + 60 * NANOSECONDS
            moved = ((each.symbol, draw.randint(9_900, 10_100)) for each in self.master)
            quotes = tuple(
                Quote(instrument=symbol, bid=price - 1, ask=price + 1, bid_size=500, ask_size=500)
                for symbol, price in moved
            )
            self.engine.warm(Step(number=self.step, time=FeedTime(self.time), label="before", events=quotes))

    def _inbox(self, strategy: str) -> int:
        return self.ledger.inbox_numbers.get(strategy, 0)

    def _say(self, strategy: str, body: RunnerAnswer | RunnerHello) -> None:
        envelope = Envelope(producer=strategy, incarnation=1, number=self._numbers[strategy], body=body)
        self._settle(self.engine.process(self.now, envelope))

    def _settle(self, output: Output) -> None:
        """Send what is to be sent; its reports are one batch, as they come in one frame."""
        requests = self._keep([output])
        while requests:
            reports = [report for request in requests for report in self.venue.process(request, WallTime(self.time))]
            requests = self._keep([self.engine.process(self.now, report) for report in reports])

    def _keep(self, outputs: Sequence[Output]) -> list[VenueRequest]:
        events = [event for output in outputs for event in output.events]
        if events:
            self.ledger.step = self.step
            self.batches.append(events)
        return [request for output in outputs for request in output.requests]

    def _open(self, strategies: Sequence[str], max_var: object) -> None:
        engine, now = self.engine, self.now
        opened = engine.open_book(
            now, book=BOOK, desk=DESK, base=USD.code, currencies=(USD,), venues=(VENUE,), first_step=self.step
        )
        self._settle(opened)
        self._settle(engine.begin_epoch(now, Lease(1, MonoTime(2**62)), "benchmark", 1))
        for number, command in enumerate(setup_commands(book_spec(strategies, self.master, max_var), WHO), 1):
            self._settle(engine.process(now, Envelope(producer="operator", incarnation=1, number=number, body=command)))
        self.quote(open_session=True)
        refused = [event for events in self.batches for event in events if getattr(event, "refused", "")]
        assert not refused, f"the book does not open: {refused}"
        for name in strategies:
            self._numbers[name] += 1
            self._say(name, RunnerHello(strategy=name, version="v1", digest="0" * 64))
