"""What a strategy asks for and sees: exact requests, refusals that teach, views in human units."""

import re
from collections.abc import Callable
from decimal import Decimal
from math import inf, isnan, nan

import msgspec
import pytest

from tests.unit.toolkit.engine.strategy_kit import ONE, TWO, USD, Feed, fill, instrument, nothing, order, quote, started
from toolkit.domain.errors import ConfigError, DomainError
from toolkit.domain.inbox import CapitalChanged
from toolkit.domain.instruments import Currency
from toolkit.domain.intents import (
    MOST_REQUESTS,
    CancelIntent,
    MalformedIntent,
    ModifyIntent,
    PlaceOrder,
    Signal,
    TargetPosition,
)
from toolkit.domain.orders import OrderType, Side, Status, TimeInForce
from toolkit.engine import strategy_market
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_context import MOST_INTENTS
from toolkit.engine.strategy_runner import StrategyContainer

FIRST = "an order that works"


def said(ask: Callable[[Strategy], object], several: bool = False) -> tuple[object, ...]:
    """The intents after a strategy was asked, once, to do something."""

    class Once(Strategy):
        def on_quote(self, quote: strategy_market.Quote) -> None:
            ask(self)

    container = started(Once, TWO if several else ONE)
    return container.process((), Feed().step(quote(10000, 10002))).intents


def problem(ask: Callable[[Strategy], object], several: bool = False) -> tuple[int, str]:
    (intent,) = said(ask, several)
    assert isinstance(intent, MalformedIntent)
    return intent.control, intent.problem


def place(**changes: object) -> PlaceOrder:
    values: dict[str, object] = {
        "intent_id": "1.0.0",
        "instrument": "AAPL",
        "side": Side.BUY,
        "quantity": 10,
        "order_type": OrderType.LIMIT,
        "price": 10123,
        **changes,
    }
    return PlaceOrder(**values)


class TestRequests:
    @pytest.mark.parametrize("price", [101.23, Decimal("101.23"), Decimal("101.230")])
    @pytest.mark.parametrize("quantity", [10, 10.0, Decimal(10)])
    def test_numbers_of_every_kind_become_ticks_and_lots_exactly(self, price: float, quantity: float) -> None:
        assert said(lambda self: self.buy(quantity, price)) == (place(),)

    def test_numbers_of_numpy_are_numbers(self) -> None:
        numpy = pytest.importorskip("numpy")
        assert said(lambda self: self.buy(numpy.int64(10), numpy.float64(101.23))) == (place(),)

    def test_the_symbol_comes_first_where_there_are_several(self) -> None:
        assert said(lambda self: self.sell("MSFT", 10, 101.23), several=True) == (
            place(instrument="MSFT", side=Side.SELL),
        )

    def test_without_a_price_it_is_a_market_order(self) -> None:
        assert said(lambda self: self.buy(10)) == (place(order_type=OrderType.MARKET, price=None),)

    def test_conditions_and_reason_are_passed_on(self) -> None:
        asked = said(lambda self: self.buy(10, price=101.23, tif="day", post_only=True, reduce_only=True, reason="why"))
        assert asked == (place(time_in_force=TimeInForce.DAY, post_only=True, reduce_only=True, reason="why"),)

    def test_a_target_raises_a_signal_too(self) -> None:
        class Target(Strategy):
            def on_quote(self, quote: strategy_market.Quote) -> None:
                self.target_position(-5, reason="down")

        answer = started(Target).process((), Feed().step(quote(1, 3)))
        assert answer.signals == (Signal(instrument="AAPL", target=-5, reason="down"),)
        assert answer.intents == (TargetPosition(intent_id="1.0.0", instrument="AAPL", quantity=-5, reason="down"),)

    def test_cancel_and_modify_name_the_intent(self) -> None:
        def ask(self: Strategy) -> None:
            bought = self.buy(10, 101.23)
            self.modify(bought, price=101.24)
            self.cancel(bought)

        assert said(ask)[1:] == (
            ModifyIntent(intent_id="1.0.1", target="1.0.0", price=10124),
            CancelIntent(intent_id="1.0.2", target="1.0.0"),
        )


class TestValuesThatDoNotFit:
    @pytest.mark.parametrize(
        ("ask", "message"),
        [
            (lambda self: self.buy(10, 101.234), r"multiple of the tick 0.01; .*\.price\(101.234\) rounds to 101.23"),
            (lambda self: self.buy(10.5), r"10.5 is not a multiple of the lot 1; .*\.quantity\(10.5\) rounds to 10.0"),
            (lambda self: self.buy(10, nan), "price is nan; give a finite number"),
            (lambda self: self.buy(inf), "quantity is inf; give a finite number"),
            (lambda self: self.buy(Decimal("NaN")), "quantity is NaN"),
            (lambda self: self.buy(0), "quantity is 0; give a number above 0"),
            (lambda self: self.buy(-10), "quantity is -10; give a number above 0"),
            (lambda self: self.buy(10, -1.0), "price is -1.0; give a number above 0"),
            (lambda self: self.buy(1e300), "too large"),
            (lambda self: self.buy(Decimal("1e999999")), "too large"),
            (lambda self: self.buy(Decimal("1e-999999")), "not a multiple of the lot"),
            (lambda self: self.buy(Decimal("1.0000000000000000000000000000000000001")), "not a multiple of the lot"),
            (lambda self: self.buy(10, post_only=True), "post_only needs a price"),
            (lambda self: self.target_position(nan), "quantity is nan"),
            (lambda self: self.modify("unknown", price=1.0), "no open order of intent 'unknown'"),
        ],
    )
    def test_they_are_refused_with_the_mend_and_nothing_is_rounded(
        self, ask: Callable[[Strategy], object], message: str
    ) -> None:
        control, text = problem(ask)
        assert control == 18
        assert re.search(message, text), text

    def test_an_unknown_symbol_is_refused_as_not_permitted(self) -> None:
        assert problem(lambda self: self.buy("MSTF", 1), several=True) == (
            16,
            "'MSTF' is not an instrument of this strategy; did you mean 'MSFT'?",
        )

    def test_what_was_refused_still_has_an_id_of_its_own(self) -> None:
        intents = said(lambda self: (self.buy(nan), self.buy(1)))
        assert [intent.intent_id for intent in intents] == ["1.0.0", "1.0.1"]


class TestProgrammingErrors:
    @pytest.mark.parametrize(
        "ask",
        [
            lambda self: self.buy("AAPL"),
            lambda self: self.buy("AAPL", "10"),
            lambda self: self.buy(True),
            lambda self: self.buy(1, 2.0, 3.0),
            lambda self: self.buy(1, tif="soon"),
            lambda self: self.cancel(5),
            lambda self: self.modify("1.0.0"),
            lambda self: self.set_timer(-1),
            lambda self: self.set_timer(nan),
            lambda self: self.history.closes(1),
            lambda self: self.instruments["XXX"],
            lambda self: self.buy(10, [1]),
        ],
    )
    def test_they_raise(self, ask: Callable[[Strategy], object]) -> None:
        with pytest.raises((TypeError, ValueError, KeyError)):
            said(ask)

    def test_the_symbol_is_missing_where_there_are_several(self) -> None:
        with pytest.raises(TypeError, match="AAPL, MSFT: name the one that you mean first"):
            said(lambda self: self.buy(10), several=True)

    def test_what_would_not_survive_is_not_kept(self) -> None:
        with pytest.raises(AttributeError, match=r"declare it in Once\.State"):
            said(lambda self: setattr(self, "holding", True))

    def test_outside_of_a_run_there_is_nothing_to_ask(self) -> None:
        with pytest.raises(RuntimeError, match=r"tk.backtest\(Strategy, data\)"):
            Strategy().buy(1)


class TestViews:
    def test_of_one_instrument_the_position_is_a_number(self) -> None:
        container = started(Strategy, restored=nothing(positions=(("AAPL", 30),)))
        position = container.strategy.position
        assert position == 30.0
        assert position("AAPL") == 30.0

    def test_of_several_it_is_asked_by_name(self) -> None:
        position = started(Strategy, TWO, nothing(positions=(("MSFT", -3),))).strategy.position
        assert (position("AAPL"), position["MSFT"]) == (0.0, -3.0)
        assert repr(position) == "{'AAPL': 0.0, 'MSFT': -3.0}"
        with pytest.raises(TypeError):
            assert position > 0

    def test_an_instrument_rounds_when_asked(self) -> None:
        view = started(Strategy).strategy.instrument
        assert (view.tick, view.lot, view.price(101.237), view.quantity(2.5)) == (0.01, 1.0, 101.24, 2.0)
        assert (view.price(101.237, "down"), view.price(101.231, "up")) == (101.23, 101.24)
        assert view.quantity(2.9, "down") == 2.0
        assert isnan(view.price(nan))

    @pytest.mark.parametrize("ticks", [1, 10123, 999999, 123456789])
    def test_prices_are_the_floats_a_person_would_type(self, ticks: int) -> None:
        view = started(Strategy).strategy.instrument
        assert view.price_of(ticks) == float(f"{ticks / 100:.2f}")
        assert Decimal(repr(view.price_of(ticks))) == Decimal(ticks) / 100

    def test_small_lots_come_back_exactly(self) -> None:
        fine = Currency(code="USDT", quantum=Decimal("1e-8"))
        bitcoin = instrument("BTC", lot="0.00001", currency=fine)
        container = started(Strategy, {"BTC": bitcoin}, nothing(positions=(("BTC", 3),)))
        assert container.strategy.position == 0.00003

    def test_capital_follows_the_inbox(self) -> None:
        class Told(Strategy):
            def on_capital(self, capital: float) -> None:
                self.log(capital)

        container = started(Told)
        answer = container.process([(1, CapitalChanged(amount=5_000_50))], Feed().step())
        assert answer.logs == ("5000.5",)
        assert container.strategy.capital == 5000.50

    def test_orders_show_what_was_asked_for_until_it_is_answered_and_then_what_is_open(self) -> None:
        class Buyer(Strategy):
            def on_quote(self, quote: strategy_market.Quote) -> None:
                if not self.orders:
                    self.buy(10, 100)

        container, feed = started(Buyer), Feed()
        container.process((), feed.step(quote(9990, 10010)))
        assert [(one.status, one.order_id) for one in container.strategy.orders] == [(Status.PENDING_NEW, "")]
        assert not container.process((), feed.step(quote(9990, 10010))).intents
        container.process([(1, order("1.0.0"))], None)
        (known,) = container.strategy.orders
        assert (known.status, known.price, known.remaining) == (Status.NEW, 100.0, 10.0)
        answer = container.process([(2, order("1.0.0", Status.CANCELED))], feed.step(quote(9990, 10010)))
        assert [intent.intent_id for intent in answer.intents] == ["3.2.0"]

    def test_a_replaced_order_is_one_order_under_its_new_id(self) -> None:
        container = started(Strategy)
        news = [
            order("1.0.0", order_id="A"),
            order("1.0.0", Status.PENDING_REPLACE, order_id="A"),
            order("1.0.0", order_id="B", price=10100),
            order("1.0.1", order_id="C"),
        ]
        container.process(list(enumerate(news, 1)), Feed().step())
        assert [(one.order_id, one.price) for one in container.strategy.orders] == [("B", 101.0), ("C", 100.0)]

    def test_a_change_that_is_made_while_its_cancel_is_under_way_leaves_no_order_behind(self) -> None:
        container = started(Strategy)
        news = [
            order("1.0.0", Status.PENDING_REPLACE, order_id="A"),
            order("1.0.0", Status.PENDING_CANCEL, order_id="A"),
            order("1.0.0", Status.PENDING_CANCEL, order_id="B", price=10100),
        ]
        container.process(list(enumerate(news, 1)), Feed().step())
        assert [(one.order_id, one.price) for one in container.strategy.orders] == [("B", 101.0)]
        container.process([(4, order("1.0.0", Status.CANCELED, order_id="B"))], None)
        assert list(container.strategy.orders) == []

    def test_news_from_before_a_restart_leave_no_order_behind(self) -> None:
        restored = nothing(orders=(order("1.0.0", order_id="B", price=10100),))
        container = started(Strategy, restored=restored)
        news = [order("1.0.0", Status.PENDING_REPLACE, order_id="A"), order("1.0.0", order_id="B", price=10100)]
        container.process(list(enumerate(news, 1)), Feed().step())
        assert [one.order_id for one in container.strategy.orders] == ["B"]

    def test_a_fill_arrives_in_human_units_with_the_position_after_it(self) -> None:
        class Filled(Strategy):
            def on_fill(self, fill: strategy_market.Fill) -> None:
                self.log(f"{fill.side.name} {fill.quantity} at {fill.price}, fee {fill.fee}, now {self.position}")

        answer = started(Filled).process([(1, fill(position=10))], Feed().step())
        assert answer.logs == ("BUY 10.0 at 101.23, fee 0.35, now 10.0",)

    def test_the_clock_is_the_feeds(self) -> None:
        container = started(Strategy)
        container.process((), Feed().step(at=61))
        assert container.strategy.now.isoformat() == "1970-01-01T00:01:01+00:00"

    def test_a_missing_side_is_nan(self) -> None:
        container = started(Strategy)
        assert container.strategy.quote() is None
        container.process((), Feed().step(quote(0, 10000)))
        seen = container.strategy.quote()
        assert seen is not None
        assert isnan(seen.bid)
        assert seen.ask == 100.0


class TestWhatIsSaid:
    def test_logs_are_bounded_and_say_so(self) -> None:
        class Chatty(Strategy):
            def on_quote(self, quote: strategy_market.Quote) -> None:
                for _ in range(25):
                    self.log("x" * 600)

        logs = started(Chatty).process((), Feed().step(quote(1, 3))).logs
        assert len(logs) == 21
        assert max(map(len, logs)) == 500
        assert logs[-1] == "… and 5 more; an answer carries 20 lines"

    def test_a_long_reason_is_cut_with_a_mark(self) -> None:
        class Verbose(Strategy):
            def on_quote(self, quote: strategy_market.Quote) -> None:
                self.buy(1, reason="x" * 600)
                self.target_position(1, reason="x" * 600)
                self.signal(1, reason="x" * 600)
                self.cancel("x" * 600)
                self.buy("x" * 600, 1)

        answer = started(Verbose).process((), Feed().step(quote(1, 3)))
        place, target, cancel, malformed = answer.intents
        assert isinstance(place, PlaceOrder)
        assert isinstance(target, TargetPosition)
        assert isinstance(cancel, CancelIntent)
        assert isinstance(malformed, MalformedIntent)
        cut = (place.reason, target.reason, *(signal.reason for signal in answer.signals), cancel.target)
        assert {(len(text), text[-1]) for text in (*cut, malformed.instrument, malformed.problem)} == {(500, "…")}

    def test_requests_beyond_what_an_answer_carries_are_refused_in_one(self) -> None:
        class Greedy(Strategy):
            def on_quote(self, quote: strategy_market.Quote) -> None:
                ids = {self.buy(1, price=round(1 + count / 100, 2)) for count in range(MOST_INTENTS + 50)}
                self.signal(1)
                self.cancel(FIRST)
                self.cancel(FIRST)
                object.__setattr__(self, "ids", ids)

        container = started(Greedy)
        working = order(status=Status.NEW, intent_id=FIRST)
        feed = Feed()
        answer = container.process([(1, working)], feed.step(quote(1, 3)))
        *_, last, notice, way_out = answer.intents
        assert isinstance(notice, MalformedIntent)
        assert notice.problem.startswith("52 more requests in one answer, which carries 999")
        assert way_out == CancelIntent(intent_id=f"1.1.{MOST_INTENTS}", target=FIRST), "of what works it passes, once"
        assert len({intent.intent_id for intent in answer.intents}) == len(answer.intents) == MOST_REQUESTS + 1
        assert vars(container.strategy)["ids"] == {intent.intent_id for intent in answer.intents} - {way_out.intent_id}
        assert len(container.strategy.orders) == MOST_INTENTS + 1, "what was left out is not waited for"
        assert last.intent_id == f"1.1.{MOST_INTENTS - 1}"
        assert len(container.process((), feed.step(quote(1, 3))).intents) == MOST_REQUESTS + 1, "it is counted anew"

    def test_an_answer_that_says_nothing_is_quiet(self) -> None:
        answer = started(Strategy).process((), Feed().step(quote(1, 3)))
        assert (answer.signals, answer.intents, answer.state, answer.logs) == ((), (), None, ())
        assert (answer.strategy, answer.step, answer.inbox) == ("test", 1, 0)


class Counting(Strategy):
    class State(msgspec.Struct):
        count: int = 0
        blob: bytes = b""

    size: int = 0
    wrong: bool = False

    def on_quote(self, quote: strategy_market.Quote) -> None:
        if quote.bid > 1:
            self.state.count += 1
        self.state.blob = b"x" * self.size
        if self.wrong:
            self.state.count = "one"  # nothing stops it where it is written


class TestState:
    def test_it_is_part_of_an_answer_only_when_it_changed(self) -> None:
        container, feed = started(Counting), Feed()
        states = [container.process((), feed.step(quote(bid, bid + 2))).state for bid in (50, 200, 50, 200)]
        assert [state is not None for state in states] == [False, True, False, True]

    def test_too_much_of_it_stops_the_strategy(self) -> None:
        with pytest.raises(DomainError, match=r"state has 70\d\d\d bytes of 65536"):
            started(Counting, size=70_000).process((), Feed().step(quote(200, 202)))

    def test_a_value_of_the_wrong_type_is_found_at_once(self) -> None:
        with pytest.raises(ConfigError, match=r"Expected `int`, got `str`"):
            started(Counting, wrong=True).process((), Feed().step(quote(200, 202)))

    def test_numbers_of_other_classes_are_kept_as_what_they_are(self) -> None:
        class Keeping(Strategy):
            class State(msgspec.Struct):
                held: float = 0.0
                count: int = 0

            def on_quote(self, quote: strategy_market.Quote) -> None:
                self.state.held = self.position
                self.state.count = Side.BUY

        container = started(Keeping, restored=nothing(positions=(("AAPL", 30),)))
        assert container.process((), Feed().step(quote(200, 202))).state is not None
        assert (container.strategy.state.held, container.strategy.state.count) == (30.0, 1)

    def test_what_cannot_be_kept_says_so(self) -> None:
        class Keeping(Strategy):
            class State(msgspec.Struct):
                held: object = None

            def on_quote(self, quote: strategy_market.Quote) -> None:
                self.state.held = self

        with pytest.raises(DomainError, match="a Keeping cannot be kept"):
            started(Keeping).process((), Feed().step(quote(200, 202)))

    def test_a_kept_state_of_another_shape_is_refused(self) -> None:
        class Other(Strategy):
            class State(msgspec.Struct, forbid_unknown_fields=True):
                other: int = 0

        kept = started(Counting).process((), Feed().step(quote(200, 202))).state
        with pytest.raises(ConfigError, match="kept state does not fit"):
            started(Other, restored=nothing(state=kept))


def test_books_in_another_currency_are_refused() -> None:
    with pytest.raises(ConfigError, match="the book is kept in EUR, not in USD"):
        started(Strategy, restored=nothing(base_currency="EUR"))


def test_no_instruments_are_refused() -> None:
    with pytest.raises(ConfigError, match="no instruments"):
        StrategyContainer(Strategy, {}, {}, USD)
