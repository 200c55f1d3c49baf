"""What holds for every mixture of orders, quotes, prints, bars, sessions and settings."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.tools.venue_kit import (
    SECOND,
    bar,
    cancel,
    closed,
    opened,
    order,
    quote,
    replace,
    settings,
    step,
    stock,
    submit,
    trade,
)
from toolkit.domain.market import MarketEvent, Step, TradingHalted
from toolkit.domain.orders import Side, TimeInForce, Trigger
from toolkit.domain.requests import (
    Canceled,
    CancelOrder,
    Expired,
    Filled,
    Liquidity,
    OrderFound,
    OrderNotFound,
    QueryOrder,
    Replaced,
    ReplaceOrder,
    SubmitOrder,
    VenueReport,
)
from toolkit.domain.time import FeedTime
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import (
    ExecutionIds,
    Impact,
    LogNormal,
    OrdinaryDay,
    PaperSettings,
    QueueModel,
    Remainder,
    Uniform,
)

Message = Step | SubmitOrder | CancelOrder | ReplaceOrder | QueryOrder

INSTRUMENTS = (stock("AAPL", maximum=60), stock("IBM", maximum=60))
SYMBOLS = st.sampled_from(["AAPL", "IBM"])
PRICES = st.integers(95, 105)
SIZES = st.integers(1, 40)

chances = st.sampled_from([0, 0, 200_000])
waits = st.sampled_from([0, 0, SECOND // 2, 5 * SECOND // 2])
latencies = waits | st.sampled_from(
    [Uniform(low=0, high=3 * SECOND), LogNormal(median=SECOND // 2, p99=4 * SECOND)],
)
queues = st.none() | st.builds(
    QueueModel,
    ahead_percent=st.sampled_from([0, 30, 100]),
    unprinted_traded_percent=st.sampled_from([0, 50, 100]),
    unseen_touch_per_million=st.sampled_from([0, 500_000, 1_000_000]),
)
days = {symbol: OrdinaryDay(volatility_percent=Decimal(5), volume=Decimal(90)) for symbol in ("AAPL", "IBM")}
impacts = st.sampled_from([None, Impact(coefficient=Decimal("0.7"), days=days)])


def _chosen(**choices: Any) -> PaperSettings:
    if choices["queue"] is not None:
        choices |= {"quote_touch_fills": False, "trade_touch_fills": False}
    return settings(**choices)


choices = st.builds(
    _chosen,
    seed=st.integers(0, 3),
    submit_latency=latencies,
    cancel_latency=latencies,
    replace_latency=latencies,
    report_latency=latencies,
    delays_per_million=chances,
    delay=waits,
    rejects_per_million=chances,
    silences_per_million=chances,
    partial_fills_per_million=st.sampled_from([0, 500_000, 1_000_000]),
    participation_percent=st.sampled_from([10, 100]),
    unlimited_size=st.booleans(),
    slippage_ticks=st.integers(0, 3),
    half_spread_ticks=st.integers(0, 2),
    impact=impacts,
    queue=queues,
    quote_touch_fills=st.booleans(),
    trade_touch_fills=st.booleans(),
    remainder=st.sampled_from(Remainder),
    closed_until_opened=st.booleans(),
    acknowledges_before_fill=st.booleans(),
    execution_ids=st.sampled_from(ExecutionIds),
    closed_orders_kept=st.sampled_from([0, 3, 1000]),
    dead_man=st.none(),
)

quotes = st.builds(
    lambda symbol, bid, spread, size: quote(bid, bid + spread, size, size, symbol),
    SYMBOLS,
    PRICES,
    st.integers(1, 4),
    SIZES,
)
trades = st.builds(trade, PRICES, SIZES, SYMBOLS)
halts = st.builds(TradingHalted, instrument=SYMBOLS, halted=st.booleans())
sessions = st.sampled_from([opened(), opened(), closed()])


@st.composite
def bars(draw: st.DrawFn) -> MarketEvent:
    prices = draw(st.tuples(PRICES, PRICES, PRICES, PRICES))
    return bar(draw(st.integers(0, 30)) * SECOND, (prices[0], max(prices), min(prices), prices[3]), draw(SIZES))


events = st.lists(quotes | quotes | trades | bars() | halts | sessions, max_size=3)


def _terms(stop: int, offset: int | None, trigger: Trigger | None, group: str) -> dict[str, Any]:
    return {"stop": stop, "trigger": trigger, "group": group} | ({} if offset is None else {"offset": offset})


stops = st.builds(
    _terms, PRICES, st.none() | st.integers(1, 4), st.none() | st.sampled_from(Trigger), st.sampled_from(["", "G", "H"])
)
special = st.just({}) | st.just({}) | stops | st.sampled_from([{"group": "G"}, {"group": "H"}])


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Steps and requests as an engine would mix them, ids and step numbers in order."""
    said: list[Message] = []
    number = ids = 0
    for kind in draw(st.lists(st.sampled_from("sssooooccrrq"), min_size=1, max_size=40)):
        time = FeedTime(number * SECOND)
        if kind == "s":
            number += 1
            said.append(step(number, number * SECOND, *draw(events)))
        elif kind == "o":
            ids += 1
            price = draw(st.none() | PRICES | PRICES)
            in_force = draw(st.sampled_from(TimeInForce))
            terms = draw(special)
            if in_force is TimeInForce.GTD:
                terms = terms | {"expires": FeedTime((number + draw(st.integers(-1, 4))) * SECOND)}
            if "offset" in terms:
                price = None
            said.append(
                submit(
                    order(ids),
                    draw(st.sampled_from(Side)),
                    draw(st.integers(1, 60)),
                    price,
                    instrument=draw(SYMBOLS),
                    time_in_force=in_force,
                    post_only=draw(st.booleans()) and price is not None,
                    time=time,
                    **terms,
                )
            )
        elif kind == "c":
            said.append(cancel(order(draw(st.integers(1, ids + 1))), time=time))
        elif kind == "r":
            target = draw(st.integers(1, ids + 1))
            ids += 1
            said.append(replace(order(target), order(ids), draw(st.integers(1, 60)), draw(PRICES), time=time))
        else:
            said.append(QueryOrder(venue="paper", order_id=order(draw(st.integers(1, ids + 1)))))
    return said


def run(venue: PaperVenue, messages: Sequence[Message]) -> list[VenueReport]:
    return [report for message in messages for report in venue.process(message)]


class Orders:
    """An independent account of every order, kept from requests and reports alone."""

    def __init__(self, messages: Sequence[Message], reports: Sequence[VenueReport]) -> None:
        self.sides: dict[str, Side] = {}
        self.limits: dict[str, int | None] = {}
        self.totals: dict[str, int] = {}
        self.first: dict[str, str] = {}
        self.filled: dict[str, int] = defaultdict(int)
        self.positions: dict[str, int] = defaultdict(int)
        self.over: set[str] = set()
        for message in messages:
            if isinstance(message, SubmitOrder):
                self.first[message.order_id] = message.order_id
                self.sides[message.order_id] = message.side
                self.limits[message.order_id] = message.price
                self.totals[message.order_id] = message.quantity
        for report in reports:
            self.hear(report)

    def hear(self, report: VenueReport) -> None:
        match report:
            case Replaced():
                root = self.first[report.new_id] = self.first[report.order_id]
                self.limits[root], self.totals[root] = report.price, report.quantity
            case Filled():
                self.fill(report, self.first[report.order_id])
            case Canceled() | Expired():
                self.over.add(self.first[report.order_id])

    def fill(self, fill: Filled, root: str) -> None:
        assert root not in self.over
        self.filled[root] += fill.quantity
        self.positions[fill.instrument] += fill.side * fill.quantity
        assert fill.quantity > 0
        assert fill.side is self.sides[root]
        assert self.filled[root] <= self.totals[root], "filled above its quantity"
        limit = self.limits[root]
        if limit is not None:
            assert (limit - fill.price) * fill.side >= 0, "filled beyond its limit"
        else:
            assert fill.liquidity is Liquidity.TAKER


@given(choices, conversations())
def test_fills_stay_within_quantity_and_limit_and_add_up_to_positions_and_open_orders(
    chosen: PaperSettings, messages: list[Message]
) -> None:
    venue = PaperVenue(chosen, INSTRUMENTS)
    orders = Orders(messages, run(venue, messages))
    state = venue.state()
    assert dict(state.positions) == {symbol: lots for symbol, lots in orders.positions.items() if lots}
    for listed in state.open_orders:
        root = orders.first[listed.order_id]
        assert root not in orders.over
        assert listed.filled == orders.filled[root]
        assert chosen.report_latency or listed.quantity == orders.totals[root]
        assert listed.filled < listed.quantity


@given(choices, conversations())
def test_reports_are_numbered_without_a_gap_and_never_go_back_in_time(
    chosen: PaperSettings, messages: list[Message]
) -> None:
    reports = run(PaperVenue(chosen, INSTRUMENTS), messages)
    numbered = [report for report in reports if not isinstance(report, (OrderFound, OrderNotFound))]
    assert [report.report for report in numbered] == list(range(1, len(numbered) + 1))
    times = [int(report.time) for report in reports]
    assert times == sorted(times)


@given(choices, conversations(), st.data())
def test_the_same_again_and_restored_at_any_point_says_the_same(
    chosen: PaperSettings, messages: list[Message], data: st.DataObject
) -> None:
    whole = PaperVenue(chosen, INSTRUMENTS)
    reports = run(whole, messages)
    cut = data.draw(st.integers(0, len(messages)))

    first = PaperVenue(chosen, INSTRUMENTS)
    before = run(first, messages[:cut])
    second = PaperVenue.restore(chosen, INSTRUMENTS, first.snapshot())
    assert second.snapshot() == first.snapshot()
    after = run(second, messages[cut:])

    assert before + after == reports
    assert second.snapshot() == whole.snapshot()


@given(choices, conversations(), st.integers(0, 100_000))
def test_a_step_sent_again_changes_nothing(chosen: PaperSettings, messages: list[Message], place: int) -> None:
    again: list[Message] = []
    seen: list[Message] = []
    for message in messages:
        again.append(message)
        if isinstance(message, Step):
            seen.append(message)
            again.append(seen[place % len(seen)])
    once, twice = PaperVenue(chosen, INSTRUMENTS), PaperVenue(chosen, INSTRUMENTS)
    assert run(once, messages) == run(twice, again)
    assert once.snapshot() == twice.snapshot()


@given(conversations())
def test_without_luck_every_request_is_answered(messages: list[Message]) -> None:
    venue = PaperVenue(settings(), INSTRUMENTS)
    for message in messages:
        answers: Any = venue.process(message)
        assert isinstance(message, Step) or answers
