"""What a venue may send and a file may hold: each fault is told with its place and its mend, and trading goes on."""

from decimal import Decimal
from pathlib import Path

import pytest

from toolkit.adapters.step_files import StepFile, write_steps
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import FeedGap, Quote
from toolkit.domain.raw_rows import Number, RawQuote
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.market_data import MarketDataListener
from toolkit.research.data import sample
from toolkit.simulation.sample_feed import sample_instruments


@pytest.fixture
def listener() -> MarketDataListener:
    return MarketDataListener(sample_instruments(["IBM"]), label="test", longest_silence={"IBM": 60})


def quote(second: int, bid: Number, ask: Number) -> RawQuote:
    return RawQuote("IBM", FeedTime(second * NANOSECONDS), bid, ask, 100, 100, f"quotes.csv:{second}")


def test_a_good_quote_becomes_whole_ticks(listener: MarketDataListener) -> None:
    step, problems = listener.take(quote(1, "182.01", Decimal("182.03")))
    assert step is not None
    assert step.events == (Quote(instrument="IBM", bid=18201, ask=18203, bid_size=100, ask_size=100),)
    assert problems == ()


def test_not_a_number_is_told_and_the_old_price_is_no_longer_trusted(listener: MarketDataListener) -> None:
    step, (problem,) = listener.take(quote(2, float("nan"), "182.03"))
    assert step is not None
    assert step.events == (FeedGap(instrument="IBM"),)
    assert str(problem) == "quotes.csv:2: IBM: bid is nan; look at the venue's message and how it is parsed"


def test_a_price_between_ticks_names_the_setting_to_look_at(listener: MarketDataListener) -> None:
    _, (problem,) = listener.take(quote(3, "182.015", "182.03"))
    assert "bid 182.015 is not a multiple of 0.01; check tick 0.01 of IBM in config/instruments.yaml" in str(problem)


def test_a_negative_price_does_not_stop_the_next_good_one(listener: MarketDataListener) -> None:
    listener.take(quote(4, "-1", "182.03"))
    step, problems = listener.take(quote(5, "182.01", "182.03"))
    assert step is not None
    assert (step.number, problems) == (2, ())


def test_a_row_twice_counts_once_and_a_row_from_the_past_not_at_all(listener: MarketDataListener) -> None:
    listener.take(quote(7, "182.01", "182.03"))
    assert listener.take(quote(7, "182.01", "182.03")).step is None
    assert listener.take(quote(6, "182.01", "182.03")).step is None
    assert {fault.value: count for (_, fault), count in listener.counts.items()} == {"duplicate": 1, "disorder": 1}


def test_a_truncated_recording_says_where_it_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "monday.steps"
    write_steps(path, sample(sessions=2))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        ConfigError, match=r"monday\.steps is cut short at byte \d+, after \d+ whole steps; copy it again"
    ):
        StepFile(path)
