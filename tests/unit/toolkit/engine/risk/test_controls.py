"""Each control by what the venue received: legal, edge, breach, unset, and that its test fails without it."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.tools.core_kit import Core, limit, limits, without
from tests.tools.venue_kit import SECOND, stock
from toolkit.domain import events as ev
from toolkit.domain.commands import LimitRow
from toolkit.domain.instruments import Instrument, Shortable
from toolkit.domain.market import FeedGap, MarketEvent, SessionClosed, TradingHalted
from toolkit.domain.orders import Bracket, OrderClass, OrderType, TimeInForce
from toolkit.domain.time import FeedTime
from toolkit.engine.risk.answers import LIMIT_NOT_SET
from toolkit.engine.risk.controls import CONTROLS
from toolkit.engine.risk.limits import SCOPES

Act = Callable[[Core], None]
CLOSED = SessionClosed(calendar="XNYS", session="2026-01-05")


NAMES_HERE = {"venue": "paper", "account": "paper", "strategy": "trend", "instrument": "AAPL", "stage": "PAPER"}


UNRECORDED = frozenset({4, 22, 23})
"""Controls that leave no check on the record of an ordinary order: nothing is unset, no stop, no breaker."""


class Case(NamedTuple):
    """A set-up, what just passes in it and what does not, and how the refusal reads."""

    control: int
    name: str
    rows: tuple[LimitRow, ...]
    edge: Act
    breach: Act
    observed: str
    would_pass: str
    instrument: Instrument = stock()
    denied_by: int = 0
    also_off: tuple[int, ...] = ()
    kept_off: tuple[int, ...] = ()


def nothing(_: Core) -> None:
    """Nothing of this kind is legal here."""


def buy(quantity: int, price: int | None = 10_000, times: int = 1, **more: object) -> Act:
    def act(core: Core) -> None:
        for _ in range(times):
            core.buy(quantity, price, **more)

    return act


def sell(quantity: int, price: int | None = 10_000) -> Act:
    def act(core: Core) -> None:
        core.sell(quantity, price)

    return act


def after(prepare: Act, then: Act) -> Act:
    def act(core: Core) -> None:
        prepare(core)
        then(core)

    return act


def feed(*events: MarketEvent) -> Act:
    def act(core: Core) -> None:
        core.feed(*events)

    return act


def quote(bid: int, ask: int) -> Act:
    def act(core: Core) -> None:
        core.quote(bid, ask)

    return act


def disable(core: Core) -> None:
    core.disable()


def later(seconds: float) -> Act:
    def act(core: Core) -> None:
        core.feed(seconds=seconds)

    return act


WORTH_500 = stock(minimum_value=500 * 100)
SCARCE = stock(shortable=Shortable.NO)
LOCATED = stock(shortable=Shortable.LOCATE)
RESTRICTED = limit("restricted", "MSFT, AAPL")
CASES = (
    Case(
        1, "collar above", limits(price_collar="10"), buy(1, 11_000), buy(1, 11_001), "110.01 with", "90.00 to 110.00"
    ),
    Case(1, "collar below", limits(price_collar="10"), buy(1, 9_000), buy(1, 8_999), "89.99 with", "90.00 to 110.00"),
    Case(1, "collar of a sale", limits(price_collar="10"), sell(1, 9_000), sell(1, 8_999), "89.99", "90.00 to 110.00"),
    Case(
        1,
        "collar in ticks, nearer",
        limits(limit("price_collar_ticks", "5"), price_collar="10"),
        buy(1, 10_005),
        buy(1, 10_006),
        "100.06 with",
        "99.95 to 100.05",
    ),
    Case(
        1,
        "collar of a stop",
        limits(price_collar="10"),
        buy(1, None, stop=11_000),
        buy(1, None, stop=11_001),
        "110.01",
        "90.00 to 110.00",
    ),
    Case(
        1,
        "drift",
        limits(max_price_drift="1", drift_window="60"),
        after(quote(10_099, 10_101), buy(1)),
        after(quote(10_100, 10_102), buy(1)),
        "AAPL went from 100.00 to 101.01, +1.01 %",
        "once a window has passed",
    ),
    Case(
        1,
        "missing reference",
        limits(),
        nothing,
        after(quote(10_001, 0), buy(1, 9_000)),
        "AAPL: bid 10001, ask 0",
        "once a fresh good quote arrives",
        also_off=(19, 11),
        kept_off=(19,),
    ),
    Case(
        1,
        "zero reference",
        limits(),
        nothing,
        after(quote(0, 0), buy(1, 9_000)),
        "AAPL: bid 0, ask 0",
        "once a fresh good quote arrives",
        also_off=(19, 11),
        kept_off=(19,),
    ),
    Case(
        1,
        "stale reference",
        limits(max_quote_age="10"),
        after(later(10), buy(1)),
        after(later(11), buy(1)),
        "AAPL: a quote 11 s old",
        "once a fresh good quote arrives",
        also_off=(19,),
        kept_off=(19,),
    ),
    Case(
        7,
        "repeated execution",
        limits(max_executions="3"),
        buy(1, 10_001, times=3),
        buy(1, 10_001, times=4),
        "3 entries filled and 0 that may",
        "execution enable trend",
    ),
    Case(
        7,
        "what works may fill",
        limits(max_executions="3"),
        after(buy(1, 10_001, times=2), buy(1, 9_000)),
        after(buy(1, 10_001), buy(1, 9_000, times=3)),
        "1 entries filled and 2 that may",
        "ended without a fill",
    ),
    Case(
        15,
        "self-match",
        limits(self_match="refuse_new"),
        after(sell(1, 10_010), buy(1, 10_009)),
        after(sell(1, 10_010), buy(1, 10_010)),
        "would trade with DSK0000100000001 of trend",
        "or at a price that does not reach 100.10",
    ),
    Case(
        14,
        "burst of value",
        limits(burst_value="1000", burst_window="5"),
        buy(1, times=10),
        buy(1, times=11),
        "1,100.00 USD within 5 s (book)",
        "after 5 s",
    ),
    Case(
        14,
        "burst of quantity",
        limits(limit("burst_quantity", "10", "strategy", "trend"), burst_window="5"),
        buy(3, 9_000, times=3),
        buy(3, 9_000, times=4),
        "12 AAPL within 5 s (strategy)",
        "1 would, or after 5 s",
    ),
    Case(
        14,
        "burst after its window",
        limits(limit("burst_quantity", "10", "account", "paper"), burst_window="5"),
        after(buy(10, 9_000), after(later(5), buy(10, 9_000))),
        after(buy(10, 9_000), after(later(4), buy(10, 9_000))),
        "20 AAPL within 5 s (account)",
        "after 5 s",
    ),
    Case(2, "order value", limits(max_order_value="1000"), buy(10), buy(11), "1,100.00 USD", "10 would"),
    Case(
        2,
        "value of a sale with a low limit",
        limits(max_order_value="1000"),
        sell(10, 9_000),
        sell(11, 9_000),
        "1,099.89 USD",
        "10 would",
    ),
    Case(3, "order quantity", limits(max_order_quantity="50"), buy(50), buy(51), "51", "50 would"),
    Case(4, "unset limit", limits(message_rate=None), nothing, buy(1), "message_rate", "set message_rate for the book"),
    Case(
        5,
        "message rate",
        limits(message_rate="3"),
        buy(1, times=3),
        buy(1, times=4),
        "4 messages in a second of book:",
        "within a second",
    ),
    Case(
        22,
        "a date that has passed",
        limits(),
        buy(1, 9_000, time_in_force=TimeInForce.GTD, expires=FeedTime(9 * SECOND)),
        buy(1, 9_000, time_in_force=TimeInForce.GTD, expires=FeedTime(SECOND)),
        "limit gtd",
        "an instant after now",
    ),
    Case(
        22,
        "a bracket's stop beyond its entry",
        limits(),
        buy(1, 9_000, bracket=Bracket(stop=8_999)),
        buy(1, 9_000, bracket=Bracket(stop=9_000)),
        "limit with stop 90.00",
        "a stop below the entry at 90.00",
    ),
    Case(
        6,
        "reserve of cancels",
        limits(limit("cancel_reserve", "2"), message_rate="5"),
        buy(1, times=3),
        buy(1, times=4),
        "4 messages in a second of book:",
        "within a second",
        denied_by=5,
        also_off=(5,),
    ),
    Case(
        8,
        "working orders",
        limits(max_working_orders="2"),
        buy(1, 9_000, times=2),
        buy(1, 9_000, times=3),
        "3 of book",
        "after one of them has ended",
    ),
    Case(
        9,
        "sent counts at once",
        limits(max_position="10"),
        buy(5, 9_000, times=2),
        buy(5, 9_000, times=3),
        "15",
        "no further order on this side",
        denied_by=10,
        also_off=(10,),
    ),
    Case(10, "position", limits(max_position="10"), buy(10), buy(11), "11", "10 would"),
    Case(10, "position short", limits(max_position="10"), sell(10), sell(11), "11", "10 would"),
    Case(
        13,
        "duplicate order",
        limits(duplicate_window="5"),
        after(buy(1, 9_000), after(later(5), buy(1, 9_000))),
        after(buy(1, 9_000), after(later(4), buy(1, 9_000))),
        "same order 4 s ago",
        "after the window",
    ),
    Case(
        13,
        "duplicate intent",
        limits(),
        buy(1, 9_000, intent_id="a"),
        buy(1, 9_000, 2, intent_id="a"),
        "intent a again",
        "a new intent",
    ),
    Case(
        16,
        "permitted instrument",
        limits(limit("permitted", "MSFT, AAPL", "strategy", "trend")),
        buy(1),
        after(lambda core: core.limit(limits(limit("permitted", "MSFT", "strategy", "trend"))), buy(1)),
        "AAPL",
        "one of MSFT",
    ),
    Case(16, "permitted side", limits(limit("permitted_sides", "buy")), buy(1), sell(1), "sell", "a buy order"),
    Case(
        16,
        "short sale",
        limits(),
        after(buy(5, 10_001), sell(5, 10_050)),
        after(buy(5, 10_001), sell(6, 10_050)),
        "short sale of 6 with 5 certain to be held",
        "5 lots would",
        instrument=SCARCE,
    ),
    Case(
        16,
        "short sale of what was located",
        limits(limit("located", "7", "instrument", "AAPL")),
        after(buy(5, 10_001), sell(12, 10_050)),
        after(buy(5, 10_001), sell(13, 10_050)),
        "short sale of 13 with 5 certain to be held",
        "12 lots would",
        instrument=LOCATED,
    ),
    Case(
        16,
        "short sale of what nobody located",
        limits(),
        after(buy(5, 10_001), sell(5, 10_050)),
        after(buy(5, 10_001), sell(6, 10_050)),
        "short sale of 6 with 5 certain to be held",
        "5 lots would",
        instrument=LOCATED,
    ),
    Case(
        16,
        "permitted venue",
        limits(limit("permitted_venues", "paper, other", "strategy", "trend")),
        buy(1),
        after(lambda core: core.limit(limits(limit("permitted_venues", "other", "strategy", "trend"))), buy(1)),
        "venue paper",
        "at other",
    ),
    Case(
        16,
        "restricted list, on the next order",
        limits(limit("restricted", "MSFT")),
        buy(1),
        after(buy(1, 10_001), after(lambda core: core.limit(limits(RESTRICTED)), buy(2, 10_001))),
        "AAPL",
        "an exit would",
    ),
    Case(17, "closed session", limits(), buy(1), after(feed(CLOSED), buy(1)), "closed", "within the next session"),
    Case(
        17,
        "halt",
        limits(),
        after(feed(TradingHalted(instrument="AAPL", halted=False)), buy(1)),
        after(feed(TradingHalted(instrument="AAPL", halted=True)), buy(1)),
        "halted",
        "once the venue resumes it",
    ),
    Case(
        17,
        "expiry",
        limits(),
        buy(1),
        after(later(3), buy(1)),
        "expired",
        "an instrument that has not expired",
        instrument=stock(expiry=FeedTime(5_000_000_000)),
    ),
    Case(18, "minimum", limits(), buy(5), buy(4), "quantity 4, price 10000", "at least 5", instrument=stock(minimum=5)),
    Case(
        18, "maximum", limits(), buy(9), buy(10), "quantity 10, price 10000", "at most 9", instrument=stock(maximum=9)
    ),
    Case(
        18,
        "negative price",
        limits(price_collar="1000"),
        buy(1, 1),
        buy(1, -1),
        "quantity 1, price -1",
        "a price above 0",
        also_off=(2,),
    ),
    Case(
        18,
        "least value at the limit price",
        limits(),
        buy(5),
        buy(4),
        "quantity 4, price 10000",
        "an order worth 500.00 USD or more, which is 5 at 100.00",
        instrument=WORTH_500,
    ),
    Case(
        18,
        "least value of a market order at the opposite side",
        limits(),
        buy(5, None),
        buy(4, None),
        "quantity 4, price None",
        "an order worth 500.00 USD or more, which is 5 at 100.01",
        instrument=WORTH_500,
    ),
    Case(18, "negative quantity", limits(), buy(1), buy(-5), "quantity -5, price 10000", "at least 1"),
    Case(
        19,
        "stale quote",
        limits(max_quote_age="10"),
        after(later(10), buy(1)),
        after(later(11), buy(1)),
        "AAPL: 11 s old",
        "once fresh good quotes arrive",
        also_off=(1,),
    ),
    Case(
        19,
        "frozen feed",
        limits(max_quote_age="10"),
        after(lambda core: core.wait(10), buy(1)),
        after(lambda core: core.wait(11), buy(1)),
        "AAPL: 11 s old",
        "once fresh good quotes arrive",
        also_off=(1,),
    ),
    Case(
        19,
        "crossed",
        limits(),
        buy(1),
        after(quote(10_002, 10_001), buy(1, 9_000)),
        "AAPL: bid 10002 ≥ ask 10001",
        "once fresh good quotes arrive",
        also_off=(1, 11),
    ),
    Case(
        19,
        "locked",
        limits(),
        buy(1),
        after(quote(10_001, 10_001), buy(1, 9_000)),
        "AAPL: bid 10001 ≥ ask 10001",
        "once fresh good quotes arrive",
        also_off=(1, 11),
    ),
    Case(
        19,
        "one-sided",
        limits(),
        buy(1),
        after(quote(10_001, 0), buy(1, 9_000)),
        "AAPL: no two-sided quote",
        "once fresh good quotes arrive",
        also_off=(1, 11),
    ),
    Case(
        19,
        "gap",
        limits(),
        after(feed(FeedGap(instrument="AAPL")), after(quote(9_999, 10_001), buy(1))),
        after(feed(FeedGap()), buy(1)),
        "AAPL: 0 good quotes in a row",
        "once fresh good quotes arrive",
    ),
    Case(
        19,
        "k fresh quotes",
        limits(limit("fresh_quotes", "2")),
        after(quote(3, 2), after(quote(9_998, 10_001), after(quote(9_999, 10_001), buy(1)))),
        after(quote(3, 2), after(quote(9_999, 10_001), buy(1))),
        "AAPL: 1 good quotes in a row",
        "once fresh good quotes arrive",
    ),
    Case(24, "halted", limits(), buy(1), after(disable, buy(1)), "HALTED", "nothing until a person enables it"),
)
IDS = [f"{case.control}-{case.name}".replace(" ", "-") for case in CASES]


def every_case(kind: str) -> pytest.MarkDecorator:
    """Each case as a proof of this kind."""
    marked = [
        pytest.param(case, id=name, marks=pytest.mark.proves(case.control, kind))
        for case, name in zip(CASES, IDS, strict=True)
        if kind != "edge" or case.edge is not nothing
    ]
    return pytest.mark.parametrize("case", marked)


def desk(case: Case, *off: int) -> Core:
    core = Core(rows=case.rows, instruments=(case.instrument,), controls=without(*off))
    core.quote(9_999, 10_001)
    return core


@every_case("edge")
def test_what_is_at_the_edge_reaches_the_venue(case: Case) -> None:
    core = desk(case, *case.kept_off)
    case.edge(core)
    assert not core.of(ev.OrderDenied)
    assert core.orders_received()


@every_case("breach")
def test_a_breach_stays_here_and_its_refusal_teaches(case: Case) -> None:
    core, unguarded = desk(case, *case.kept_off), breaking(case)
    case.breach(core)
    assert len(core.orders_received()) == len(unguarded.orders_received()) - 1
    denial = core.denial()
    assert denial.control == (case.denied_by or case.control)
    assert denial.observed.startswith(case.observed)
    assert case.would_pass in denial.would_pass
    assert denial.limit
    assert denial.source


@every_case("mutation")
def test_without_the_control_the_breach_reaches_the_venue(case: Case) -> None:
    """The mutation: what proves a control fails when it is switched off."""
    assert not breaking(case).of(ev.OrderDenied)


def breaking(case: Case) -> Core:
    core = desk(case, case.control, *case.also_off)
    case.breach(core)
    return core


UNSET = (
    ("max_order_value", 2),
    ("max_order_quantity", 3),
    ("max_position", 10),
    ("max_working_orders", 8),
    ("message_rate", 5),
    ("duplicate_window", 13),
    ("max_quote_age", 19),
    ("permitted", 16),
    ("permitted_venues", 16),
    ("price_collar", 1),
    ("exit_collar", 1),
    ("max_price_drift", 1),
    ("drift_window", 1),
    ("max_executions", 7),
    ("burst_value", 14),
    ("burst_quantity", 14),
    ("burst_window", 14),
    ("self_match", 15),
    ("cancel_reserve", 6),
    ("max_position", 9),
)


@pytest.mark.parametrize(
    ("name", "control"),
    [pytest.param(name, control, marks=pytest.mark.proves(control, "unset")) for name, control in UNSET],
)
def test_an_unset_limit_denies_and_says_which(name: str, control: int) -> None:
    core = Core(rows=limits(**{name: None}))
    core.buy(1)
    assert core.orders_received() == []
    denial = core.denial()
    assert denial.limit == LIMIT_NOT_SET
    assert denial.control in (4, 10 if control == 9 else control)
    assert name in f"{denial.observed} {denial.would_pass}"
    assert denial.source == "config/limits.yaml"


@pytest.mark.parametrize(
    "control",
    [
        pytest.param(control.number, marks=pytest.mark.proves(control.number, "legal"))
        for control in CONTROLS
        if control.number not in UNRECORDED
    ],
)
def test_an_ordinary_order_reaches_the_venue_and_its_record_has_each_check(control: int) -> None:
    core = Core(rows=limits(duplicate_window="1"))
    core.buy(1)
    assert [order.quantity for order in core.orders_received()] == [1]
    assert control in [check.control for check in core.of(ev.OrderSubmitted)[0].checks]


@pytest.mark.proves(4, "legal")
@pytest.mark.proves(6, "legal")
@pytest.mark.proves(9, "legal")
@pytest.mark.proves(23, "legal")
def test_an_ordinary_order_passes_what_leaves_no_check_of_its_own() -> None:
    core = Core(rows=limits(duplicate_window="1"))
    core.buy(1)
    assert [order.quantity for order in core.orders_received()] == [1]


@pytest.mark.proves(22, "legal")
def test_an_ordinary_stop_reaches_the_venue_and_its_record_has_the_check() -> None:
    core = Core(rows=limits())
    core.buy(1, stop=10_050)
    assert [order.order_type for order in core.orders_received()] == [OrderType.STOP]
    assert 22 in [check.control for check in core.of(ev.OrderSubmitted)[0].checks]


@pytest.mark.proves(4, "edge")
def test_one_row_for_the_instrument_alone_is_enough() -> None:
    core = Core(rows=limits(limit("max_position", "5", "instrument", "AAPL"), max_position=None))
    core.buy(5)
    assert len(core.orders_received()) == 1


@pytest.mark.proves(4, "unset")
@pytest.mark.proves(18, "unset")
def test_an_instrument_without_a_row_of_its_own_has_no_order() -> None:
    """Without a definition there is no tick and no lot to hold it against."""
    core = Core(rows=limits())
    core.buy(1, symbol="MSFT")
    assert core.orders_received() == []
    (refused,) = core.of(ev.IntentRefused)
    assert "unknown instrument 'MSFT'; known: AAPL" in refused.reason


@pytest.mark.proves(17, "unset")
def test_a_calendar_that_nobody_spoke_of_is_closed() -> None:
    core = Core(rows=limits(), trading=False)
    core.quote(9_999, 10_001)
    core.buy(1)
    assert core.orders_received() == []
    assert (core.denial().control, core.denial().source) == (17, "calendar XNYS")


@pytest.mark.proves(22, "unset")
def test_a_venue_that_does_not_say_what_it_takes_gets_no_stop() -> None:
    core = Core(rows=limits())
    core.engine._proposer._abilities = {}
    core.buy(1, stop=10_050)
    assert core.orders_received() == []
    (refused,) = core.of(ev.IntentRefused)
    assert (refused.control, "does not say which order types it takes" in refused.reason) == (22, True)


@pytest.mark.proves(24, "unset")
def test_a_strategy_that_was_never_deployed_has_no_order() -> None:
    core = Core(rows=limits())
    core.buy(1, strategy="stranger")
    assert core.orders_received() == []


def test_without_any_limits_nothing_goes_out() -> None:
    core = Core(rows=())
    core.buy(1)
    assert core.orders_received() == []


@pytest.mark.parametrize("scope", SCOPES)
def test_of_all_limits_that_apply_the_strictest_wins_and_is_named(scope: str) -> None:
    of = {**NAMES_HERE, "book": ""}[scope]
    core = Core(rows=limits(limit("max_order_quantity", "7", scope, of, line=44)))
    core.buy(8)
    core.buy(7)
    assert [order.quantity for order in core.orders_received()] == [7]
    assert (core.denial().limit, core.denial().source) == ("7", "config/limits.yaml:44")


@pytest.mark.parametrize("scope", NAMES_HERE)
def test_a_limit_of_another_name_does_not_bind(scope: str) -> None:
    core = Core(rows=limits(limit("max_order_quantity", "7", scope, "LIVE_10" if scope == "stage" else "other")))
    core.buy(8)
    assert len(core.orders_received()) == 1


@pytest.mark.parametrize(("scope", "observed"), [("venue", "venue"), ("account", "venue"), ("stage", "trend")])
def test_working_orders_are_counted_where_their_limit_stands(scope: str, observed: str) -> None:
    core = Core(rows=limits(limit("max_working_orders", "1", scope, NAMES_HERE[scope])))
    core.buy(1, 9_000)
    core.buy(2, 9_000)
    assert len(core.orders_received()) == 1
    assert core.denial().observed == f"2 of {observed}"


@pytest.mark.parametrize("scope", ["venue", "account", "strategy", "stage"])
def test_a_message_rate_binds_where_it_stands(scope: str) -> None:
    core = Core(rows=limits(limit("message_rate", "1", scope, NAMES_HERE[scope])))
    core.buy(1, 9_000)
    core.buy(2, 9_000)
    assert len(core.orders_received()) == 1
    assert core.denial().control == 5


def test_no_quote_decides_whether_an_exit_is_worth_enough() -> None:
    """The exchange may refuse it; what we hold of its prices may be old, and does not shut the way out."""
    core = Core(rows=limits(), instruments=[WORTH_500])
    core.buy(5, 10_001)
    core.sell(1, None)
    assert core.held() == 4


def test_a_restricted_instrument_can_be_left() -> None:
    core = Core(rows=limits())
    core.buy(5, 10_001)
    core.limit(limits(RESTRICTED))
    core.sell(5)
    assert core.held() == 0


def test_the_account_counts_all_strategies_together() -> None:
    core = Core(rows=limits(max_position="10"), strategies=("trend", "quoting"))
    core.buy(6, 9_000)
    core.buy(5, 9_001, strategy="quoting")
    core.buy(4, 9_001, strategy="quoting")
    assert [order.quantity for order in core.orders_received()] == [6, 4]


def test_a_quantity_typed_as_notional_is_stopped_by_its_value() -> None:
    core = Core(rows=limits(max_order_value="100000"))
    core.buy(50_000)
    assert core.orders_received() == []
    assert core.denial().control == 18  # the instrument's own maximum comes first
    core.buy(5_000)
    assert core.denial().control == 2


def test_a_market_order_is_valued_at_the_other_side_of_the_quote() -> None:
    core = Core(rows=limits(max_order_value="1000"))
    core.buy(10)
    assert core.denial().observed == "1,000.10 USD"


def test_refused_tries_count_as_messages_of_their_strategy() -> None:
    core = Core(rows=limits(limit("message_rate", "3", "strategy", "trend"), max_order_quantity="5"))
    for _ in range(3):
        core.buy(6)
    core.buy(1)
    assert core.denial().control == 5


def test_refused_tries_of_one_strategy_take_nothing_from_another() -> None:
    core = Core(rows=limits(message_rate="3", max_order_quantity="5"), strategies=("trend", "quoting"))
    for _ in range(30):
        core.buy(6)
    core.buy(5, 9_000, strategy="quoting")
    assert [order.strategy for order in core.orders_received()] == ["quoting"]


def test_a_strategy_that_asks_all_the_time_sends_at_its_rate_and_is_not_locked_out() -> None:
    core = Core(rows=limits(limit("message_rate", "3", "strategy", "trend")))
    for _ in range(100):
        core.buy(1, 9_000)
        core.wait(0.05)
    assert 12 <= len(core.orders_received()) <= 15


def test_the_reserve_is_for_cancels_and_exits_alone() -> None:
    rows = limits(limit("cancel_reserve", "2"), message_rate="5")
    core, unreserved = Core(rows=rows), Core(rows=limits(message_rate="5"))
    for desk in (core, unreserved):
        for _ in range(5):
            desk.buy(1, 10_001)
        desk.sell(1, 10_050)
    assert [order.order_class for order in core.orders_received()].count(OrderClass.ENTRY) == 3
    assert [order.order_class for order in unreserved.orders_received()].count(OrderClass.ENTRY) == 5


def test_after_a_second_the_rate_is_free_again() -> None:
    core = Core(rows=limits(message_rate="1"))
    core.buy(1)
    core.wait(0.999)
    core.buy(1)
    assert len(core.orders_received()) == 1
    core.wait(0.001)
    core.buy(1)
    assert len(core.orders_received()) == 2


def test_each_check_that_an_order_passed_is_on_its_record() -> None:
    core = Core(rows=limits(duplicate_window="1"))
    core.buy(1)
    checks = [check.control for check in core.of(ev.OrderSubmitted)[0].checks]
    assert checks == [control.number for control in CONTROLS if control.number not in UNRECORDED]


def test_a_market_order_has_no_price_and_a_limit_order_has_one() -> None:
    core = Core()
    core.buy(1, 10_000, order_type=OrderType.MARKET)
    core.buy(1, None, order_type=OrderType.LIMIT)
    assert core.orders_received() == []
