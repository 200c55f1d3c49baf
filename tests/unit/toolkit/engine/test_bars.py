"""Bars: when they begin, when they are proven to have ended, and what counts into them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.toolkit.engine.strategy_kit import TWO, Feed, quote, run, started
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Bar, FeedGap, Trade
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine import strategy_market
from toolkit.engine.bars import SESSION, bar_size
from toolkit.engine.strategy import Strategy


class Collector(Strategy):
    bar = "1m"
    warmup = 1

    def on_start(self) -> None:
        self.seen: list[strategy_market.Bar] = []

    def on_bar(self, bar: strategy_market.Bar) -> None:
        self.seen.append(bar)


def collected(feed: Feed, **parameters: object) -> list[strategy_market.Bar]:
    container = started(Collector, TWO, None, (), **parameters)
    run(container, feed.steps)
    strategy = container.strategy
    assert isinstance(strategy, Collector)
    return getattr(strategy, "seen", [])  # it has none before it started


def closes(bars: list[strategy_market.Bar]) -> list[float]:
    return [bar.close for bar in bars]


@pytest.mark.parametrize(("text", "size"), [("30s", 30), ("5m", 300), ("1h", 3600), ("1d", SESSION)])
def test_sizes(text: str, size: int) -> None:
    assert bar_size(text) == size * NANOSECONDS


@pytest.mark.parametrize("text", ["", "m", "0m", "1w", "1.5m", "-1m", "1M"])
def test_an_unknown_size_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(ConfigError, match="30s, 5m, 1h, 1d"):
        bar_size(text)


def test_a_timed_bar_is_delivered_by_the_step_that_proves_its_end() -> None:
    feed = Feed()
    feed.step(quote(100, 102), at=0)
    feed.step(quote(110, 112), at=30)
    feed.step(quote(90, 92), at=59)
    assert collected(feed) == []
    feed.step(at=60)  # nothing but a later time
    (bar,) = collected(feed)
    assert (bar.open, bar.high, bar.low, bar.close) == (1.01, 1.11, 0.91, 0.91)
    assert (bar.start.second, bar.time.minute, bar.whole) == (0, 1, True)


def test_a_price_at_the_end_belongs_to_the_next_bar() -> None:
    feed = Feed()
    feed.step(quote(100, 102), at=0)
    feed.step(quote(200, 202), at=60)
    feed.step(at=120)
    assert closes(collected(feed)) == [1.01, 2.01]


def test_an_interval_without_a_price_has_no_bar() -> None:
    feed = Feed()
    feed.step(quote(100, 102), at=0)
    feed.step(quote(200, 202), at=600)
    feed.step(at=660)
    assert [bar.start.minute for bar in collected(feed)] == [0, 10]


def test_the_mid_on_a_half_tick_is_exact() -> None:
    feed = Feed()
    feed.step(quote(10123, 10124), at=0)
    feed.step(at=60)
    assert closes(collected(feed)) == [101.235]


def test_a_crossed_or_one_sided_quote_is_no_price() -> None:
    feed = Feed()
    feed.step(quote(100, 102), at=0)
    feed.step(quote(105, 104), quote(0, 300), quote(50, 0), at=1)
    feed.step(at=60)
    assert closes(collected(feed)) == [1.01]


def test_a_session_bar_ends_with_its_session_and_all_are_in_history_before_the_first_is_delivered() -> None:
    class Both(Collector):
        bar = "1d"

        def on_bar(self, bar: strategy_market.Bar) -> None:
            self.log(f"{bar.instrument} {self.history.closes('AAPL', 1)} {self.history.closes('MSFT', 1)}")

    feed = Feed()
    feed.session(1000, 1010, symbols=("AAPL", "MSFT"))
    feed.opening(1020, symbols=("MSFT", "AAPL"))
    answers = run(started(Both, TWO), feed.steps)
    assert answers[-1].logs == ("AAPL [10.1] [10.1]", "MSFT [10.1] [10.1]")
    assert not any(answer.logs for answer in answers[:-1])


def test_trades_make_bars_when_declared_and_volume_always() -> None:
    feed = Feed()
    feed.step(quote(100, 102), Trade(instrument="AAPL", price=105, size=3), at=0)
    feed.step(Trade(instrument="AAPL", price=107, size=4), at=1)
    feed.step(at=60)
    assert [(bar.close, bar.volume) for bar in collected(feed, bar_price="trade")] == [(1.07, 7.0)]
    assert [(bar.close, bar.volume) for bar in collected(feed, bar_price="mid")] == [(1.01, 7.0)]


def test_volume_before_the_first_price_of_a_bar_belongs_to_none() -> None:
    feed = Feed()
    feed.step(Trade(instrument="AAPL", price=105, size=3), at=0)
    feed.step(quote(100, 102), Trade(instrument="AAPL", price=105, size=4), at=1)
    feed.step(at=60)
    assert [bar.volume for bar in collected(feed)] == [4.0]


def feed_bar(minute: int, price: int) -> Bar:
    return Bar(
        instrument="AAPL",
        start=FeedTime(minute * 60 * NANOSECONDS),
        open=price,
        high=price + 2,
        low=price - 2,
        close=price + 1,
        volume=10,
    )


def test_bars_of_the_feed_are_joined_and_the_last_one_proves_the_end() -> None:
    feed = Feed()
    for minute in range(5):
        feed.step(feed_bar(minute, 100 + minute), at=(minute + 1) * 60)
    (bar,) = collected(feed, bar="5m")
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (1.0, 1.06, 0.98, 1.05, 50.0)
    assert bar.time.minute == 5


def test_quotes_beside_bars_of_the_feed_do_not_count_twice() -> None:
    feed = Feed()
    feed.step(feed_bar(0, 100), quote(500, 502), at=60)
    feed.step(feed_bar(1, 100), at=120)
    assert closes(collected(feed)) == [1.01, 1.01]


def test_bars_longer_than_declared_are_refused() -> None:
    feed = Feed()
    feed.step(feed_bar(0, 100), at=3600)
    with pytest.raises(ConfigError, match="3600 s, longer than the declared 60 s"):
        collected(feed)


def test_a_bar_with_lost_data_is_delivered_but_not_whole() -> None:
    feed = Feed()
    feed.step(quote(100, 102), at=0)
    feed.step(quote(100, 102), at=60)
    feed.step(FeedGap(instrument="AAPL"), at=90)
    feed.step(at=120)
    feed.step(quote(100, 102), at=130)
    feed.step(at=180)
    assert [bar.whole for bar in collected(feed)] == [True, False, True]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 200), st.sampled_from(["AAPL", "MSFT"])), max_size=60),
    st.sampled_from(["7s", "30s", "1m"]),
)
def test_timed_bars_equal_a_plain_grouping(prices: list[tuple[int, int, str]], size: str) -> None:
    feed, time = Feed(), 0
    grouped: dict[tuple[int, str], list[int]] = {}
    for wait, price, symbol in prices:
        time += wait
        feed.step(quote(price, price + 1, symbol), at=time)
        grouped.setdefault((time * NANOSECONDS // bar_size(size), symbol), []).append(2 * price + 1)
    feed.step(at=time + 100)
    expected = {
        (interval, symbol): tuple(twice / 200 for twice in (group[0], max(group), min(group), group[-1]))
        for (interval, symbol), group in grouped.items()
    }
    found = {
        (bar.start_nanoseconds // bar_size(size), bar.instrument): (bar.open, bar.high, bar.low, bar.close)
        for bar in delivered(feed, size)
    }
    assert found == expected


def delivered(feed: Feed, size: str) -> list[strategy_market.Bar]:
    """Every bar, also the one that fills the warm-up."""
    return collected(feed, bar=size, warmup=0)
