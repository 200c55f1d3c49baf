import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.recordings import BTCUSDT, IBM, binance, lean_trades, nyse_ibm
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import FeedGap, Quote, SessionClosed, SessionOpened, Step, Trade
from toolkit.domain.raw_rows import Number, RawQuote, RawTrade
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.market_data import MarketDataListener, Problem, StepOrder
from toolkit.engine.raw_rows import Fault

QUOTE = Quote(instrument="IBM", bid=18200, ask=18202, bid_size=3, ask_size=4)


def listener(**silence: float) -> MarketDataListener:
    return MarketDataListener((BTCUSDT, IBM), label="test", longest_silence=silence)


def seconds(count: float) -> FeedTime:
    return FeedTime(round(count * NANOSECONDS))


def quote(at: float = 1, number: int | None = None, previous: int | None = None, **changed: Number) -> RawQuote:
    sides = {"bid": "182.00", "ask": "182.02", "bid_size": 3, "ask_size": 4} | changed
    return RawQuote("IBM", seconds(at), *sides.values(), f"file.csv:{at:g}", number, previous)


def trade(at: float = 1, number: int | None = None, previous: int | None = None, price: Number = "182.01") -> RawTrade:
    return RawTrade("IBM", seconds(at), price, 100, f"file.csv:{at:g}", number, previous)


def take(rows: Sequence[RawQuote | RawTrade]) -> tuple[list[Step], list[Problem]]:
    taken = [feed.take(row) for feed in (listener(),) for row in rows]
    return [one.step for one in taken if one.step], [problem for one in taken for problem in one.problems]


def test_a_good_quote_becomes_a_numbered_step_of_ticks_and_lots() -> None:
    steps, problems = take([quote(1), quote(2, bid="182.01")])
    assert steps[0] == Step(number=1, time=seconds(1), label="test", events=(QUOTE,))
    assert (steps[1].number, steps[1].events) == (
        2,
        (Quote(instrument="IBM", bid=18201, ask=18202, bid_size=3, ask_size=4),),
    )
    assert problems == []


@pytest.mark.parametrize("price", ["182.010", 182.01, Decimal("182.01")])
def test_a_price_may_come_as_text_as_a_float_or_as_a_decimal(price: Number) -> None:
    (step,), problems = take([trade(price=price)])
    assert (step.events, problems) == ((Trade(instrument="IBM", price=18201, size=100),), [])


def test_a_missing_side_is_a_fact_and_no_fault() -> None:
    (step,), problems = take([quote(ask=None, ask_size=None)])
    assert (step.events, problems) == ((Quote(instrument="IBM", bid=18200, ask=0, bid_size=3, ask_size=0),), [])


@pytest.mark.parametrize(
    ("changed", "fault", "what"),
    [
        ({"bid": float("nan")}, Fault.NOT_A_NUMBER, "bid is nan; look at the venue's message"),
        ({"ask": "Infinity"}, Fault.NOT_A_NUMBER, "ask is 'Infinity'"),
        ({"bid": "1e999999"}, Fault.NOT_A_NUMBER, "bid is '1e999999'"),
        ({"bid": ""}, Fault.NOT_A_NUMBER, "bid is ''"),
        ({"bid": None}, Fault.NOT_A_NUMBER, "bid is None"),
        ({"bid": "-182.00"}, Fault.NEGATIVE, "bid is -182.00; .* must be above 0"),
        ({"ask_size": -4}, Fault.NEGATIVE, "ask size is -4"),
        ({"bid": 0}, Fault.ZERO, "bid is 0"),
        ({"bid": 0, "ask": 0, "bid_size": 0, "ask_size": 0}, Fault.ZERO, "neither bid nor ask"),
        (
            {"bid": "182.005"},
            Fault.OFF_TICK,
            r"bid 182\.005 is not a multiple of 0\.01; check tick 0\.01 of IBM in config",
        ),
        ({"bid_size": "0.5"}, Fault.OFF_LOT, r"bid size 0\.5 is not a multiple of 1; check lot 1 of IBM in config"),
    ],
)
def test_a_bad_quote_is_told_with_place_and_mend_and_a_gap_stands_in_its_place(
    changed: dict[str, Number], fault: Fault, what: str
) -> None:
    (step,), (problem,) = take([quote(7, **changed)])
    assert step.events == (FeedGap(instrument="IBM"),)
    assert problem.fault is fault
    assert re.match(rf"file\.csv:7: IBM: {what}", str(problem))


def test_a_trade_between_ticks_is_dropped_alone() -> None:
    steps, (problem,) = take([trade(price="182.0050")])
    assert (steps, problem.fault) == ([], Fault.OFF_TICK)


def test_an_unknown_instrument_is_dropped_and_told() -> None:
    steps, (problem,) = take([trade()._replace(instrument="IBN")])
    assert steps == []
    assert str(problem) == (
        "file.csv:1: IBN: unknown instrument (known: BTCUSDT, IBM); "
        "define it in config/instruments.yaml or unsubscribe it"
    )


@pytest.mark.parametrize(
    ("again", "what"), [(quote(1), "the row came before"), (quote(2, number=5), "number 5 came before")]
)
def test_a_repeat_counts_once(again: RawQuote, what: str) -> None:
    steps, (problem,) = take([quote(1, number=again.number), again])
    assert (len(steps), problem.fault, problem.what) == (1, Fault.DUPLICATE, what)


def test_two_equal_trades_without_numbers_are_two_trades() -> None:
    steps, problems = take([trade(), trade()])
    assert (len(steps), problems) == (2, [])


def test_a_row_from_the_past_is_dropped() -> None:
    steps, (problem,) = take([quote(5), quote(4)])
    assert (len(steps), problem.fault, problem.what) == (1, Fault.DISORDER, "time goes back by 1 s")


def test_a_smaller_number_is_dropped_whatever_its_time() -> None:
    steps, (problem,) = take([quote(5, number=9), quote(6, number=8)])
    assert (len(steps), problem.fault, problem.what) == (1, Fault.DISORDER, "number 8 comes after 9")


def test_a_larger_number_passes_though_the_venues_clock_went_back() -> None:
    steps, (problem,) = take([quote(5, number=8), quote(4, number=9)])
    assert [step.time for step in steps] == [seconds(5), seconds(5)]
    assert problem.fault is Fault.DISORDER


def test_two_instruments_may_interleave_with_clocks_of_their_own() -> None:
    bitcoin = RawTrade("BTCUSDT", seconds(3), "60000.00", "0.00001", "x")
    steps, problems = take([quote(5), bitcoin])
    assert [step.time for step in steps] == [seconds(5), seconds(5)]
    assert problems == []


def test_a_hole_in_contiguous_numbers_puts_a_gap_before_the_row() -> None:
    steps, (problem,) = take([trade(1, 10, 9), trade(2, 14, 13), trade(3, 15, 14)])
    assert [len(step.events) for step in steps] == [1, 2, 1]
    assert steps[1].events[0] == FeedGap(instrument="IBM")
    assert (problem.fault, problem.what) == (Fault.GAP, "numbers 11 to 13 are missing")


def test_numbers_that_may_jump_leave_no_gap() -> None:
    steps, problems = take([quote(1, number=10), quote(2, number=14)])
    assert (len(steps), problems) == (2, [])


@pytest.mark.parametrize(("ask", "fault"), [("181.99", Fault.CROSSED), ("182.00", Fault.LOCKED)])
def test_a_crossed_or_locked_quote_passes_and_is_told(ask: str, fault: Fault) -> None:
    (step,), (problem,) = take([quote(ask=ask)])
    assert isinstance(step.events[0], Quote)
    assert problem.fault is fault


def test_silence_is_told_once_while_the_calendar_is_open_and_ends_with_a_fresh_quote() -> None:
    feed = listener(IBM=10)
    assert feed.stale(seconds(100)) == ()  # nothing is known of the calendar: closed
    feed.tell(seconds(100), SessionOpened(calendar="XNYS", session="2013-10-07"))
    assert feed.stale(seconds(110)) == ()
    (problem,) = feed.stale(seconds(111))
    assert str(problem).startswith(
        "test: IBM: no quote since the feed began while XNYS is open; look at the line to nyse"
    )
    assert feed.stale(seconds(112)) == ()
    feed.take(quote(113))
    assert [problem.what for problem in feed.stale(seconds(124))] == ["no quote for 11 s while XNYS is open"]
    feed.take(quote(125))
    feed.tell(seconds(126), SessionClosed(calendar="XNYS", session="2013-10-07"))
    assert feed.stale(seconds(1_000)) == ()
    assert feed.counts["IBM", Fault.STALE] == 2


def test_silence_of_an_instrument_that_nobody_defined_is_refused() -> None:
    with pytest.raises(ConfigError, match="longest_silence names IBN: define it"):
        listener(IBN=1)


def test_after_an_interruption_everything_is_lost_and_numbers_may_start_anew() -> None:
    feed = listener()
    feed.take(trade(1, 10, 9))
    assert feed.interrupted(seconds(2)).events == (FeedGap(),)
    again = feed.take(trade(3, 1, 0))
    assert (again.problems, again.step and again.step.number) == ((), 3)


def test_what_was_wrong_is_counted_by_instrument_and_fault() -> None:
    feed = listener()
    for at in (1, 2, 3):
        feed.take(quote(at, bid=float("nan")))
    feed.take(quote(4, ask="182.00"))
    assert feed.counts == {("IBM", Fault.NOT_A_NUMBER): 3, ("IBM", Fault.LOCKED): 1}


NUMBERS = st.none() | st.floats() | st.integers() | st.decimals() | st.text(max_size=12)
MAYBE = st.none() | st.integers(-3, 6)


@given(
    st.lists(
        st.builds(
            RawQuote,
            st.sampled_from(["IBM", "?"]),
            st.integers(0, 5).map(seconds),
            *[NUMBERS] * 4,
            st.just("x"),
            MAYBE,
            MAYBE,
        )
        | st.builds(
            RawTrade,
            st.sampled_from(["IBM", "?"]),
            st.integers(0, 5).map(seconds),
            NUMBERS,
            NUMBERS,
            st.just("x"),
            MAYBE,
            MAYBE,
        )
    )
)
def test_nothing_that_a_venue_can_write_stops_the_feed(rows: list[RawQuote | RawTrade]) -> None:
    steps, problems = take(rows)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert all(earlier.time <= later.time for earlier, later in pairwise(steps))
    assert all(event.bid >= 0 <= event.ask for step in steps for event in step.events if isinstance(event, Quote))
    assert len(steps) + len(problems) >= len(rows), "a row is told or told of, never swallowed"


def test_a_reader_of_steps_puts_a_gap_where_numbers_are_missing_and_drops_repeats() -> None:
    order = StepOrder(4)
    steps = [Step(number=n, time=seconds(n), label="x", events=(QUOTE,)) for n in (4, 5, 5, 8, 7, 9)]
    read = [order.take(step) for step in steps]
    assert [step and (step.number, len(step.events)) for step in read] == [None, (5, 1), None, (8, 2), None, (9, 1)]
    assert read[3] is not None
    assert read[3].events[0] == FeedGap()


def test_a_real_recording_of_binance_has_no_gap_and_nothing_wrong(recordings: Path) -> None:
    feed = listener()
    rows = list(binance(recordings))
    steps = [feed.take(row).step for row in rows]
    assert feed.counts == {}
    assert [step.number for step in steps if step] == list(range(1, 28_040 + 9_757 + 1))


def test_two_files_of_binance_go_on_without_a_gap_in_trade_ids(recordings: Path) -> None:
    feed = listener()
    for name in ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"):
        for row in binance(recordings, name):
            if isinstance(row, RawTrade):
                feed.take(row)
    assert feed.counts == {}


def test_losing_one_trade_of_binance_is_noticed_and_nothing_else(recordings: Path) -> None:
    rows = [row for row in binance(recordings) if isinstance(row, RawTrade)][:1_000]
    steps, (problem,) = take([*rows[:500], *rows[501:]])
    assert problem.what == f"numbers {rows[500].number} to {rows[500].number} are missing"
    assert steps[500].events[0] == FeedGap(instrument="BTCUSDT")


def test_real_quotes_of_one_exchange_cross_now_and_then_and_never_go_back(recordings: Path) -> None:
    """The oracle of the recordings: one exchange alone is crossed in 1–6 % of rows; time never goes back."""
    feed = listener()
    rows = list(nyse_ibm(recordings))
    for row in rows:
        feed.take(row)
    assert set(feed.counts) == {("IBM", Fault.CROSSED), ("IBM", Fault.LOCKED)}
    assert 0.01 < feed.counts["IBM", Fault.CROSSED] / len(rows) < 0.06


def test_real_trades_of_all_exchanges_pass(recordings: Path) -> None:
    steps, problems = take(list(lean_trades(recordings, "IBM", "20131007")))
    assert (len(steps), problems) == (24_293, [])
