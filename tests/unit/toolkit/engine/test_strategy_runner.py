"""The container: when hooks are called, what a restart brings back, and that the same inputs give the same answers."""

import msgspec
import pytest

from tests.unit.toolkit.engine.strategy_kit import ONE, TWO, Feed, fill, nothing, order, quote, run, started
from toolkit.domain.commands import RunnerAnswer
from toolkit.domain.errors import DomainError
from toolkit.domain.inbox import CapitalChanged, InboxItem
from toolkit.domain.intents import MalformedIntent
from toolkit.domain.market import FeedGap, Step, Trade
from toolkit.engine import strategy_market
from toolkit.engine.strategy import Strategy


class Diary(Strategy):
    """Writes down which hooks were called."""

    warmup = 2

    def on_start(self) -> None:
        self.log("start")

    def on_quote(self, quote: strategy_market.Quote) -> None:
        self.log(f"quote {quote.instrument}")

    def on_trade(self, trade: strategy_market.Trade) -> None:
        self.log(f"trade {trade.price} {trade.size}")

    def on_bar(self, bar: strategy_market.Bar) -> None:
        self.log(f"bar {bar.instrument}")

    def on_timer(self, name: str) -> None:
        self.log(f"timer {name}")

    def on_order(self, order: strategy_market.OrderView) -> None:
        self.log(f"order {order.status}")

    def on_fill(self, fill: strategy_market.Fill) -> None:
        self.log(f"fill {fill.position}")

    def on_capital(self, capital: float) -> None:
        self.log(f"capital {capital}")

    def on_gap(self, instrument: str) -> None:
        self.log(f"gap {instrument}")

    def on_stop(self) -> None:
        self.log("stop")


def logs(answers: list[RunnerAnswer]) -> list[str]:
    return [line for answer in answers for line in answer.logs]


class TestWarmUp:
    def test_no_hook_is_called_before_the_bars_are_there(self) -> None:
        feed = Feed()
        first, second = feed.session(100, 101), feed.session(102)
        assert logs(run(started(Diary), [*first, *second[:-1]])) == []

    def test_the_bar_that_fills_the_warm_up_is_the_first_that_is_delivered(self) -> None:
        feed = Feed()
        feed.session(100)
        feed.session(101)
        feed.opening(101)
        assert logs(run(started(Diary), feed.steps)) == ["start", "bar AAPL", "quote AAPL"]

    def test_history_fills_it_without_a_word_and_the_first_live_step_starts(self) -> None:
        feed = Feed()
        history = [*feed.session(100), *feed.session(101)]
        container = started(Diary, ONE, nothing(step=len(history)), history)
        assert container.strategy.history.closes() == [1.0, 1.01]
        assert logs(run(container, [feed.step(quote(100, 102))])) == ["start", "quote AAPL"]

    def test_history_is_as_long_as_the_warm_up_however_long_it_runs(self) -> None:
        feed = Feed()
        for price in (100, 101, 102, 103):
            feed.session(price)
        container = started(Diary)
        run(container, feed.steps)
        assert container.strategy.history.closes() == [1.02, 1.03]
        with pytest.raises(ValueError, match="declare a larger warmup"):
            container.strategy.history.closes(3)

    def test_each_instrument_has_its_own(self) -> None:
        feed = Feed()
        feed.session(100)
        feed.session(101, symbols=("AAPL", "MSFT"))
        feed.opening(101, symbols=("MSFT", "AAPL"))
        assert logs(run(started(Diary, TWO), feed.steps)) == ["start", "bar AAPL", "quote AAPL"]

    def test_news_that_came_before_is_delivered_after_the_start(self) -> None:
        feed = Feed()
        container = started(Diary)
        early = container.process([(1, fill(position=10))], feed.step(quote(100, 102)))
        assert (early.logs, early.inbox) == ((), 1)
        answers = run(container, [*feed.session(100), *feed.session(101), *feed.opening(102)])
        assert logs(answers) == ["start", "fill 10.0", "bar AAPL", "quote AAPL"]

    def test_news_of_a_restart_is_taken_as_of_the_step_before_it(self) -> None:
        """As without the restart: a timer that a fill sets is due at the same feed time, whatever was lost between."""

        class Setting(Strategy):
            def on_fill(self, fill: strategy_market.Fill) -> None:
                self.set_timer(10, "after the fill")

            def on_timer(self, name: str) -> None:
                self.log(f"{name} {self.now.second}")

        feed = Feed()
        steps = [feed.step(quote(100, 102), at=second) for second in (5, 8, 14, 15, 18)]
        news: list[tuple[int, InboxItem]] = [(1, fill(position=10))]
        whole, again = started(Setting), started(Setting, ONE, nothing(step=1), steps[:1])
        whole.process((), steps[0])
        for container in (whole, again):
            container.process(news, steps[1])
            assert logs(run(container, steps[2:])) == ["after the fill 15"]

    def test_without_one_the_first_live_step_starts(self) -> None:
        assert logs(run(started(Diary, warmup=0), [Feed().step()])) == ["start"]

    def test_a_history_that_begins_inside_of_a_session_does_not_count_that_bar(self) -> None:
        feed = Feed()
        feed.step(quote(1, 3))
        history = [*feed.session(100)[1:], *feed.session(101)]
        container = started(Diary, ONE, nothing(step=len(feed.steps)), history)
        assert logs(run(container, [feed.step(quote(100, 102))])) == []


class TestOrderOfThings:
    def test_news_comes_before_the_step_and_timers_after_it(self) -> None:
        class Timed(Diary):
            warmup = 0

            def on_start(self) -> None:
                self.set_timer(1, "a late one")
                self.set_timer(0.5, "early")

        feed, container = Feed(), started(Timed)
        container.process((), feed.step())
        news: list[tuple[int, InboxItem]] = [(1, order("x")), (2, CapitalChanged(amount=100))]
        answer = container.process(news, feed.step(quote(1, 3), Trade(instrument="AAPL", price=2, size=3)))
        assert answer.logs[:4] == ("order NEW", "capital 1.0", "quote AAPL", "trade 0.02 3.0")
        assert answer.logs[4:] == ("timer early", "timer a late one")
        assert logs(run(container, [feed.step()])) == []

    def test_a_timer_may_set_itself_again(self) -> None:
        class Ticking(Strategy):
            def on_start(self) -> None:
                self.set_timer(10, "tick")

            def on_timer(self, name: str) -> None:
                self.log(self.now.second)
                self.set_timer(10, name)

        feed = Feed()
        steps = [feed.step(at=second) for second in (0, 9, 10, 15, 21, 30, 31)]
        assert logs(run(started(Ticking), steps)) == ["10", "21", "31"]

    @pytest.mark.parametrize("number", [1, 2])
    def test_a_step_twice_or_backwards_is_an_error(self, number: int) -> None:
        feed, container = Feed(), started(Diary)
        run(container, [feed.step(), feed.step()])
        with pytest.raises(DomainError, match=f"step {number} came after step 2"):
            container.process((), feed.steps[number - 1])

    @pytest.mark.parametrize("number", [0, 2])
    def test_a_missing_or_repeated_inbox_item_is_an_error(self, number: int) -> None:
        with pytest.raises(DomainError, match=f"inbox item {number} came after item 0"):
            started(Diary).process([(number, CapitalChanged(amount=1))], None)

    def test_at_the_end_only_words_count(self) -> None:
        class Last(Strategy):
            def on_stop(self) -> None:
                self.log("bye")
                self.buy(1)

        container = started(Last)
        run(container, [Feed().step()])
        with pytest.raises(RuntimeError, match="not in on_stop"):
            container.stop()

    def test_a_strategy_that_never_started_is_not_stopped(self) -> None:
        assert started(Diary).stop() == ()


class Greedy(Strategy):
    """Buys on every bar and sells one on every quote."""

    warmup = 2

    def on_bar(self, bar: strategy_market.Bar) -> None:
        self.buy(10, reason="entry")

    def on_quote(self, quote: strategy_market.Quote) -> None:
        self.sell(1, reason="exit")


class TestGap:
    def test_after_lost_data_exits_pass_and_entries_wait_for_a_new_warm_up(self) -> None:
        feed = Feed()
        history = [*feed.session(100), *feed.session(101)]
        container = started(Greedy, ONE, nothing(step=len(history), positions=(("AAPL", 3),)), history)
        run(container, [feed.step(FeedGap())])
        answers = run(container, feed.session(102))
        refused, exit_ = answers[1].intents
        assert isinstance(refused, MalformedIntent)
        assert (refused.control, type(exit_).__name__) == (19, "PlaceOrder")
        assert "only 0 of 2 whole bars" in refused.problem
        run(container, feed.session(103))
        entry, _ = run(container, feed.opening(104))[-1].intents
        assert type(entry).__name__ == "PlaceOrder"

    def test_an_exit_counts_what_already_works(self) -> None:
        feed = Feed()
        history = [*feed.session(100), *feed.session(101)]
        container = started(Greedy, ONE, nothing(step=len(history), positions=(("AAPL", 1),)), history)
        run(container, [feed.step(FeedGap(instrument="AAPL"))])
        first, second = run(container, [feed.step(quote(1, 3)), feed.step(quote(1, 3))])
        assert [type(answer.intents[0]).__name__ for answer in (first, second)] == ["PlaceOrder", "MalformedIntent"]

    def test_an_order_that_would_turn_the_position_is_an_entry(self) -> None:
        class Turning(Strategy):
            warmup = 2

            def on_quote(self, quote: strategy_market.Quote) -> None:
                self.sell(4)
                self.target_position(-1)
                self.sell(4, reduce_only=True)
                self.target_position(1)

        feed = Feed()
        history = [*feed.session(100), *feed.session(101)]
        container = started(Turning, ONE, nothing(step=len(history), positions=(("AAPL", 3),)), history)
        _, answer = run(container, [feed.step(FeedGap()), feed.step(quote(1, 3))])
        names = [type(intent).__name__ for intent in answer.intents]
        assert names == ["MalformedIntent", "MalformedIntent", "PlaceOrder", "MalformedIntent"]

    def test_a_hole_in_the_numbers_is_a_gap(self) -> None:
        feed = Feed()
        container = started(Diary, warmup=0)
        run(container, [feed.step()])
        feed.step()
        assert logs(run(container, [feed.step()])) == ["gap "]

    def test_a_gap_of_another_instrument_is_nobodys(self) -> None:
        feed = Feed()
        assert logs(run(started(Diary, warmup=0), [feed.step(FeedGap(instrument="MSFT"))])) == ["start"]


class Averaging(Strategy):
    """Has everything that must come back: bars, state, a timer, and answers that hang on all of them."""

    warmup = 3
    bar = "1m"

    class State(msgspec.Struct):
        bought: int = 0
        seen: dict[str, int] = {}

    def on_bar(self, bar: strategy_market.Bar) -> None:
        closes = self.history.closes(3)
        if bar.close > sum(closes) / 3:
            self.state.bought += 1
            self.state.seen[f"{self.state.bought % 3}"] = self.state.bought
            self.buy(self.state.bought, reason=",".join(self.state.seen))
            self.set_timer(90, "review")

    def on_timer(self, name: str) -> None:
        self.signal(self.position, reason=name)

    def on_fill(self, fill: strategy_market.Fill) -> None:
        self.state.bought -= 1


def long_feed() -> list[Step]:
    feed = Feed()
    return [feed.step(quote(mid - 1, mid + 1), at=20 * i) for i in range(200) for mid in [1000 + (i * 37) % 41]]


def with_news(number: int) -> list[tuple[int, InboxItem]]:
    """A fill after every 25th step."""
    return [(number // 25, fill(position=number // 25))] if number % 25 == 0 else []


def test_the_same_inputs_give_the_same_answers() -> None:
    def answers() -> list[RunnerAnswer]:
        container = started(Averaging)
        return [container.process(with_news(step.number), step) for step in long_feed()]

    assert answers() == answers()
    assert sum(bool(answer.intents) for answer in answers()) > 10


@pytest.mark.parametrize("stopped", [1, 30, 75, 76, 100, 133, 199])
def test_a_restart_anywhere_goes_on_as_if_nothing_had_happened(stopped: int) -> None:
    """The journal has the answers that said something; the rest is asked again and comes out the same."""
    steps = long_feed()
    container = started(Averaging)
    unbroken = [container.process(with_news(step.number), step) for step in steps]

    journaled = [a for a in unbroken[:stopped] if a.signals or a.intents or a.state or a.logs]
    last = journaled[-1] if journaled else unbroken[0]
    if not journaled:
        last = RunnerAnswer(strategy="test", step=0, inbox=0)
    states = [a.state for a in journaled if a.state is not None]
    restored = nothing(
        step=last.step, inbox=last.inbox, state=states[-1] if states else None, positions=(("AAPL", last.inbox),)
    )
    again = started(Averaging, ONE, restored, steps[: last.step])
    answers = [again.process(with_news(step.number), step) for step in steps[last.step :]]
    assert answers == unbroken[last.step :]


def test_a_timer_that_survived_is_not_moved_by_the_next_start() -> None:
    class Hourly(Strategy):
        def on_start(self) -> None:
            self.set_timer(10, "tick")

        def on_timer(self, name: str) -> None:
            self.log("tick")

    feed = Feed()
    first = started(Hourly).process((), feed.step(at=0))
    again = started(Hourly, ONE, nothing(step=1, state=first.state), feed.steps[:1])
    assert logs(run(again, [feed.step(at=5), feed.step(at=10)])) == ["tick"]


class TestHeldBack:
    """A host that is too slow holds quotes back: bars see all of them, the strategy the newest of each instrument."""

    def test_the_newest_quote_of_each_instrument_is_told_when_the_hold_ends_and_trades_at_once(self) -> None:
        feed, container = Feed(), started(Seer, TWO)
        said = []
        events = [quote(1, 3), quote(5, 7, "MSFT"), Trade(instrument="AAPL", price=2, size=1), quote(2, 4)]
        for event in events:
            said += container.process((), feed.step(event), hold=True).logs
        assert said == ["trade 0.02"]
        assert list(container.process((), None).logs) == ["quote AAPL 0.02", "quote MSFT 0.05"]
        assert container.process((), None).logs == ()

    def test_a_quote_that_a_gap_has_overtaken_is_not_told(self) -> None:
        feed, container = Feed(), started(Seer, TWO)
        for event in (quote(1, 3), quote(5, 7, "MSFT"), FeedGap(instrument="AAPL")):
            container.process((), feed.step(event), hold=True)
        assert list(container.process((), None).logs) == ["quote MSFT 0.05"]

    def test_a_newer_quote_that_ends_the_hold_is_told_once(self) -> None:
        feed, container = Feed(), started(Seer, TWO)
        container.process((), feed.step(quote(1, 3)), hold=True)
        assert list(container.process((), feed.step(quote(2, 4))).logs) == ["quote AAPL 0.02"]

    def test_bars_are_those_of_all_quotes(self) -> None:
        feed = Feed()
        steps = [feed.step(quote(mid - 1, mid + 1), at=20 * count) for count, mid in enumerate((100, 140, 90, 110, 95))]

        def closed(*, hold: bool) -> list[tuple[float, float, float]]:
            container = started(Minutes)
            for step in steps:
                container.process((), step, hold=hold)
            return [(bar.high, bar.low, bar.close) for bar in container.strategy.history.bars()]

        assert closed(hold=True) == closed(hold=False) != []


class Seer(Strategy):
    warmup = 0

    def on_quote(self, quote: strategy_market.Quote) -> None:
        self.log(f"quote {quote.instrument} {quote.bid}")

    def on_trade(self, trade: strategy_market.Trade) -> None:
        self.log(f"trade {trade.price}")


class Minutes(Strategy):
    bar = "1m"
    warmup = 1
