"""What the tests of the paper venue share: one instrument, plain settings, short ways to write requests and steps."""

import itertools
from decimal import Decimal
from typing import Any

import msgspec

from toolkit.domain.identifiers import order_id
from toolkit.domain.instruments import Currency, Instrument, describe
from toolkit.domain.market import Bar, MarketEvent, Quote, SessionClosed, SessionOpened, Step, Trade
from toolkit.domain.orders import Ability, OrderClass, OrderType, Side, Terms, TimeInForce
from toolkit.domain.requests import CancelOrder, QueryOrder, ReplaceOrder, SubmitOrder, VenueReport
from toolkit.domain.time import FeedTime, MonoTime
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import (
    ExecutionIds,
    FeeSchedule,
    PaperSettings,
    QuoteAsset,
    Remainder,
    UnknownCancel,
)

USD = Currency(code="USD", quantum=Decimal("0.01"))
NEVER = MonoTime(2**60)

FREE_OF_CHARGE = FeeSchedule(
    maker_basis_points=Decimal(0),
    taker_basis_points=Decimal(0),
    maker_per_unit=Decimal(0),
    taker_per_unit=Decimal(0),
    minimum=None,
    maximum_basis_points=None,
    tiers=(),
    asset=QuoteAsset(),
)

PLAIN = PaperSettings(
    name="paper",
    seed=7,
    submit_latency=0,
    cancel_latency=0,
    replace_latency=0,
    report_latency=0,
    delays_per_million=0,
    delay=0,
    rejects_per_million=0,
    silences_per_million=0,
    partial_fills_per_million=0,
    participation_percent=100,
    unlimited_size=False,
    slippage_ticks=0,
    half_spread_ticks=0,
    impact=None,
    quote_touch_fills=True,
    trade_touch_fills=False,
    queue=None,
    supports=tuple(Ability),
    remainder=Remainder.CANCELED,
    unknown_cancel=UnknownCancel.REFUSED,
    closed_until_opened=False,
    acknowledges_before_fill=True,
    execution_ids=ExecutionIds.UNIQUE,
    keeps_book_on_restart=True,
    closed_orders_kept=10_000,
    dead_man=None,
    fees=FREE_OF_CHARGE,
)


def settings(**changes: Any) -> PaperSettings:
    """The plain venue (no latency, no luck, no fees, all of the displayed size) with some choices changed."""
    return msgspec.structs.replace(PLAIN, **changes)


def stock(symbol: str = "AAPL", **changes: Any) -> Instrument:
    plain = describe(
        symbol=symbol,
        tick=Decimal("0.01"),
        lot=Decimal(1),
        currency=USD,
        calendar="XNYS",
        venue="paper",
        maximum=10_000,
    )
    made = msgspec.structs.replace(plain, **changes)
    worth = int(made.tick * made.lot * made.multiplier / made.currency_quantum)
    return msgspec.structs.replace(made, tick_value=worth)


class Desk:
    """A venue and short words for what is said to it. Steps number themselves, one second apart."""

    def __init__(self, *instruments: Instrument, **changes: Any) -> None:
        self.settings = settings(**changes)
        self.instruments = instruments or (stock(),)
        self.venue = PaperVenue(self.settings, self.instruments)
        self.time = 0
        self.ids = (order_id("DSK", 1, number) for number in itertools.count(1))

    def feed(self, *events: MarketEvent, at: int | None = None) -> tuple[VenueReport, ...]:
        self.time = self.time + SECOND if at is None else at
        return self.venue.advance(step(self.venue.last_step + 1, self.time, *events))

    def quote(
        self, bid: int, ask: int, bid_size: int = 100, ask_size: int = 100, **more: Any
    ) -> tuple[VenueReport, ...]:
        return self.feed(quote(bid, ask, bid_size, ask_size), **more)

    def submit(self, side: Side, quantity: int, price: int | None = None, **more: Any) -> tuple[VenueReport, ...]:
        more.setdefault("time", self.time)
        return self.venue.process(submit(next(self.ids), side, quantity, price, **more))

    def buy(self, quantity: int, price: int | None = None, **more: Any) -> tuple[VenueReport, ...]:
        return self.submit(Side.BUY, quantity, price, **more)

    def sell(self, quantity: int, price: int | None = None, **more: Any) -> tuple[VenueReport, ...]:
        return self.submit(Side.SELL, quantity, price, **more)

    def cancel(self, number: int, **more: Any) -> tuple[VenueReport, ...]:
        more.setdefault("time", self.time)
        return self.venue.process(cancel(order(number), **more))

    def replace(self, number: int, quantity: int, price: int | None, **more: Any) -> tuple[VenueReport, ...]:
        more.setdefault("time", self.time)
        return self.venue.process(replace(order(number), next(self.ids), quantity, price, **more))

    def query(self, number: int) -> VenueReport:
        return self.venue.process(QueryOrder(venue="paper", order_id=order(number)))[0]


SECOND = 1_000_000_000
TERMS = ("stop", "offset", "trigger", "expires", "group")


def order(number: int) -> str:
    """The id of the `number`-th order of a desk."""
    return order_id("DSK", 1, number)


def step(number: int, time: int, *events: MarketEvent) -> Step:
    return Step(number=number, time=FeedTime(time), label="test", events=events)


def quote(bid: int, ask: int, bid_size: int = 100, ask_size: int = 100, symbol: str = "AAPL") -> Quote:
    return Quote(instrument=symbol, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)


def trade(price: int, size: int = 100, symbol: str = "AAPL") -> Trade:
    return Trade(instrument=symbol, price=price, size=size)


def bar(start: int, prices: tuple[int, int, int, int], volume: int = 1000, symbol: str = "AAPL") -> Bar:
    """A bar of open, high, low, close."""
    first, high, low, last = prices
    return Bar(instrument=symbol, start=FeedTime(start), open=first, high=high, low=low, close=last, volume=volume)


def opened(calendar: str = "XNYS") -> SessionOpened:
    return SessionOpened(calendar=calendar, session="2026-01-05")


def closed(calendar: str = "XNYS") -> SessionClosed:
    return SessionClosed(calendar=calendar, session="2026-01-05")


def submit(identifier: str, side: Side, quantity: int, price: int | None = None, **more: Any) -> SubmitOrder:
    """A limit order, or without a price a market order; with `stop`, `offset` or `expires` one with such terms."""
    named = {name: more.pop(name) for name in TERMS if name in more}
    plain: dict[str, Any] = {
        "venue": "paper",
        "order_id": identifier,
        "strategy": "trend",
        "instrument": "AAPL",
        "side": side,
        "quantity": quantity,
        "order_type": OrderType.MARKET if price is None else OrderType.LIMIT,
        "price": price,
        "time_in_force": TimeInForce.GTC,
        "order_class": OrderClass.ENTRY,
        "post_only": False,
        "reduce_only": False,
        "time": FeedTime(0),
        "epoch": 1,
        "send_by": NEVER,
        "terms": Terms(**named) if named else None,
    }
    if "offset" in named:
        plain["order_type"] = OrderType.TRAILING_STOP
    elif "stop" in named:
        plain["order_type"] = OrderType.STOP if price is None else OrderType.STOP_LIMIT
    return SubmitOrder(**(plain | more))


def cancel(identifier: str, **more: Any) -> CancelOrder:
    plain: dict[str, Any] = {
        "venue": "paper",
        "order_id": identifier,
        "strategy": "trend",
        "instrument": "AAPL",
        "time": FeedTime(0),
        "epoch": 1,
        "send_by": NEVER,
    }
    return CancelOrder(**(plain | more))


def replace(identifier: str, new_id: str, quantity: int, price: int | None, **more: Any) -> ReplaceOrder:
    plain: dict[str, Any] = {
        "venue": "paper",
        "order_id": identifier,
        "new_id": new_id,
        "strategy": "trend",
        "instrument": "AAPL",
        "quantity": quantity,
        "price": price,
        "time": FeedTime(0),
        "epoch": 1,
        "send_by": NEVER,
    }
    return ReplaceOrder(**(plain | more))


def said(reports: tuple[VenueReport, ...]) -> list[str]:
    """The kinds of reports in short, for instance `["acknowledged", "filled"]`."""
    return [str(report.__struct_config__.tag) for report in reports]
