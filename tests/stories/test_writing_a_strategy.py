"""Writing a strategy: what it declares, what it is told, what it may ask for, and what it keeps."""

import msgspec
import pytest

import toolkit as tk
from tests.unit.toolkit.engine.strategy_kit import ONE, Feed, fill, nothing, quote, run, started
from toolkit.domain.errors import ConfigError
from toolkit.domain.intents import MalformedIntent, PlaceOrder, Signal, TargetPosition
from toolkit.domain.orders import Side


class Breakout(tk.Strategy):
    """Holds `size` after a session that closed above the highest prices of the three before it."""

    bar = "1d"
    warmup = 4
    size: int = 100

    class State(msgspec.Struct):
        breakouts: int = 0

    def on_bar(self, bar):
        if bar.close > max(self.history.highs(4)[:-1]):
            self.state.breakouts += 1
            self.target_position(self.size, reason=f"breakout {self.state.breakouts}")


def sessions(*closes):
    feed = Feed()
    for close in closes:
        feed.session(close)
    return feed


def then_open(feed, mid):
    """A daily bar is told at the next open: decide on the close, trade at the open."""
    feed.opening(mid)
    return feed


def test_it_is_asked_once_its_warm_up_is_there_and_says_what_it_wants_and_why():
    *quiet, last = run(started(Breakout), then_open(sessions(10000, 10100, 10050, 10200), 10210).steps)
    assert not any(answer.intents for answer in quiet)
    assert last.signals == (Signal(instrument="AAPL", target=100, reason="breakout 1"),)
    assert isinstance(last.intents[0], TargetPosition)


def test_parameters_are_annotated_attributes_and_a_misspelt_one_is_answered_with_the_nearest():
    answers = run(started(Breakout, size=50), then_open(sessions(10000, 10100, 10050, 10200), 10210).steps)
    assert answers[-1].intents[0].quantity == 50
    with pytest.raises(ConfigError, match=r"no parameter 'sise'; did you mean 'size'\?"):
        started(Breakout, sise=50)


def test_what_it_keeps_is_its_state_and_that_survives_a_restart():
    before = then_open(sessions(10000, 10100, 10050, 10200), 10210)
    kept = run(started(Breakout), before.steps)[-1].state
    again = started(Breakout, ONE, nothing(step=len(before.steps), state=kept), before.steps)
    assert run(again, [*before.session(10300), *before.opening(10310)])[-1].signals[0].reason == "breakout 2"


def test_what_it_does_not_declare_it_cannot_keep():
    class Forgetful(tk.Strategy):
        def on_quote(self, quote):
            self.last = quote.mid

    with pytest.raises(AttributeError, match=r"would not survive a restart: declare it in Forgetful\.State"):
        run(started(Forgetful), [Feed().step(quote(10000, 10002))])


def test_prices_are_floats_and_off_the_grid_they_are_refused_with_the_mend_never_rounded():
    class Pricing(tk.Strategy):
        def on_quote(self, quote):
            self.buy(10, quote.mid)
            self.buy(10, self.instrument.price(quote.mid, "down"), tif="day", post_only=True)

    refused, placed = run(started(Pricing), [Feed().step(quote(10000, 10001))])[0].intents
    assert isinstance(refused, MalformedIntent)
    assert "100.005 is not a multiple of the tick 0.01" in refused.problem
    assert "the instrument's .price(100.005) rounds to 100.0" in refused.problem
    assert isinstance(placed, PlaceOrder)
    assert placed.price == 10000


def test_its_own_orders_and_fills_come_back_before_the_next_prices():
    class Once(tk.Strategy):
        def on_quote(self, quote):
            if not self.orders and not self.position:
                self.buy(10, quote.bid)

        def on_fill(self, fill):
            self.sell(fill.quantity, fill.price + 1)

    feed, container = Feed(), started(Once)
    bought = container.process((), feed.step(quote(10000, 10002)))
    waiting = container.process((), feed.step(quote(10000, 10002)))
    sold = container.process([(1, fill(position=10))], feed.step(quote(10000, 10002)))
    assert [intent.side for answer in (bought, waiting, sold) for intent in answer.intents] == [Side.BUY, Side.SELL]


def test_time_is_the_feeds_and_a_timer_is_due_with_the_first_step_after_it():
    class Punctual(tk.Strategy):
        def on_start(self):
            self.set_timer(60, "minute")

        def on_timer(self, name):
            self.log(f"{name} at {self.now:%H:%M:%S}")

    feed = Feed()
    answers = run(started(Punctual), [feed.step(at=0), feed.step(at=59), feed.step(at=61.5)])
    assert [answer.logs for answer in answers] == [(), (), ("minute at 00:01:01",)]
