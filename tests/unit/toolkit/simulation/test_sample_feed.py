from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Quote, SessionClosed, SessionOpened, Step
from toolkit.simulation.data import sample_histories
from toolkit.simulation.sample_bars import DailyBar, DailyBars, common_span
from toolkit.simulation.sample_feed import LABEL, SYMBOLS, SampleFeed, sample_instruments

BARS = common_span(sample_histories())
FEED = SampleFeed(BARS)


def session_of(feed: SampleFeed, index: int) -> list[Step]:
    return list(islice(feed.steps(feed.last_step(index)), feed.steps_per_session))


def middles(feed: SampleFeed, index: int, symbol: str) -> list[int]:
    return [
        quote.bid + (quote.ask - quote.bid) // 2
        for quote in quotes(session_of(feed, index))
        if quote.instrument == symbol
    ]


def quotes(steps: list[Step]) -> Iterator[Quote]:
    return (event for step in steps for event in step.events if isinstance(event, Quote))


def test_steps_are_numbered_from_one_without_a_gap_and_time_only_grows() -> None:
    steps = list(islice(FEED.steps(), 15 * 800))
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert all(earlier.time < later.time for earlier, later in pairwise(steps))


@given(after=st.integers(0, 15 * 2_000), seed=st.integers(0, 5), path_points=st.integers(0, 4))
def test_a_feed_goes_on_from_any_number_as_if_it_had_never_stopped(after: int, seed: int, path_points: int) -> None:
    feed = SampleFeed(BARS, seed=seed, path_points=path_points)
    again = SampleFeed(BARS, seed=seed, path_points=path_points)
    index, place = divmod(after, feed.steps_per_session)
    whole = [*again.session(index), *again.session(index + 1)]
    assert list(islice(feed.steps(after), feed.steps_per_session)) == whole[place : place + feed.steps_per_session]
    assert whole[place].number == after + 1


@pytest.mark.parametrize("path_points", [0, 1, 3, 7])
def test_a_session_opens_the_bar_into_open_nearer_extreme_other_extreme_close(path_points: int) -> None:
    feed = SampleFeed(BARS, path_points=path_points)
    for index in range(len(BARS.days)):
        for symbol in SYMBOLS:
            bar, prices = BARS.bars[symbol][index], middles(feed, index, symbol)
            anchors = prices[:: path_points + 1]
            assert (anchors[0], anchors[-1]) == (bar.open, bar.close)
            assert sorted(anchors[1:3]) == [bar.low, bar.high]
            assert abs(anchors[1] - bar.open) <= abs(anchors[2] - bar.open)
            assert bar.low <= min(prices) <= max(prices) <= bar.high


def test_as_near_to_both_extremes_the_low_comes_first() -> None:
    feed = SampleFeed(DailyBars((734_000,), {"X": (DailyBar(100, 110, 90, 105),)}), path_points=0)
    assert middles(feed, 0, "X") == [100, 90, 110, 105]


def test_all_instruments_are_quoted_in_one_step_between_the_two_bells() -> None:
    first, *between, last = session_of(FEED, 5)
    assert first.events == (SessionOpened(calendar="SAMPLE", session="2012-05-25"),)
    assert last.events == (SessionClosed(calendar="SAMPLE", session="2012-05-25"),)
    assert all(tuple(q.instrument for q in quotes([step])) == SYMBOLS for step in between)
    assert {step.label for step in (first, *between, last)} == {LABEL} == {"simulated quotes in real bars"}


def test_the_spread_is_the_configured_one_and_sizes_stay_in_their_range() -> None:
    feed = SampleFeed(BARS, spread_ticks=6, minimum_size=5, maximum_size=7)
    told = list(quotes(session_of(feed, 0)))
    assert {quote.ask - quote.bid for quote in told} == {6}
    assert {size for quote in told for size in (quote.bid_size, quote.ask_size)} == {5, 6, 7}


def test_after_the_last_bar_time_runs_back_through_the_bars_and_then_forward_again() -> None:
    count = len(BARS.days)
    for symbol in SYMBOLS:
        forward = [middles(FEED, index, symbol) for index in (count - 1, 0)]
        back = [middles(FEED, index, symbol) for index in (count, 2 * count - 1)]
        assert [(p[0], p[-1], min(p), max(p)) for p in back] == [(p[-1], p[0], min(p), max(p)) for p in forward]
        again = middles(FEED, 2 * count, symbol)
        assert (again[0], again[-1]) == (forward[1][0], forward[1][-1])


def test_dates_count_on_past_the_last_bar() -> None:
    dates = [session_of(FEED, index)[0].events[0] for index in (195, 196, 197, 392)]
    assert [event.session for event in dates if isinstance(event, SessionOpened)] == [
        "2013-03-01", "2013-03-04", "2013-03-05", "2013-12-03",
    ]  # fmt: skip
    assert datetime.fromtimestamp(int(FEED.session(392)[0].time) / 1e9, UTC).isoformat() == "2013-12-03T14:30:00+00:00"


def test_another_seed_moves_the_path_but_neither_open_extremes_nor_close() -> None:
    one, other = (middles(SampleFeed(BARS, seed=seed), 0, "IBM") for seed in (1, 2))
    assert one != other
    assert one[::4] == other[::4]


def test_choosing_other_instruments_or_a_longer_span_changes_no_quote() -> None:
    chosen = SampleFeed(common_span(sample_histories(), ["AAPL", "IBM"]))
    day = BARS.days[7]
    index = chosen.bars.days.index(day)
    assert middles(chosen, index, "IBM") == middles(FEED, 7, "IBM")


@pytest.mark.parametrize(
    ("wrong", "mend"),
    [
        ({"spread_ticks": 3}, "spread_ticks is 3; give an even number"),
        ({"spread_ticks": 0}, "spread_ticks is 0; give an even number"),
        ({"spread_ticks": 100_000}, "goes down to .* ticks; give a smaller spread"),
        ({"path_points": -1}, "path_points is -1; give 0 or more"),
        ({"minimum_size": 0}, "give 1 ≤ minimum_size"),
        ({"minimum_size": 9, "maximum_size": 8}, "give 1 ≤ minimum_size ≤ maximum_size"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_mend(wrong: dict[str, int], mend: str) -> None:
    with pytest.raises(ConfigError, match=mend):
        SampleFeed(BARS, **wrong)


def test_the_instruments_are_cents_and_single_shares() -> None:
    assert {(i.tick_value, i.calendar, i.venue, i.currency) for i in sample_instruments()} == {
        (100, "SAMPLE", "paper", "USD")
    }
    assert tuple(instrument.symbol for instrument in sample_instruments()) == SYMBOLS
