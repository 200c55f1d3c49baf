from itertools import islice, pairwise

import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Instrument
from toolkit.domain.market import Quote, Step
from toolkit.domain.time import FeedTime
from toolkit.research.data import FeedData, sample
from toolkit.simulation.data import sample_histories
from toolkit.simulation.sample_bars import common_span
from toolkit.simulation.sample_feed import SampleFeed, sample_instruments


def test_the_sample_is_every_real_bar_once_and_the_same_every_time() -> None:
    data = sample()
    steps = list(data)
    feed = SampleFeed(common_span(sample_histories()))
    assert steps == list(islice(feed.steps(), 196 * 15))
    assert steps == list(data)
    assert len(data) == len(steps)
    assert tk.data.sample is sample


def test_more_sessions_than_bars_go_on_with_dates_that_count_on() -> None:
    data = sample(sessions=300)
    assert (data.summary.sessions, len(data)) == (300, 300 * 15)
    assert all(earlier.time < later.time for earlier, later in pairwise(data))


def test_fewer_instruments_may_span_more_years() -> None:
    data = sample(instruments=["IBM", "AAPL"])
    assert [instrument.symbol for instrument in data.instruments] == ["AAPL", "IBM"]
    assert repr(data).startswith(
        "Sample feed (simulated quotes in real bars): AAPL, IBM; 3270 sessions from 2000-03-01 to 2013-03-01"
    )


@pytest.mark.parametrize("sessions", [0, -1])
def test_no_session_is_refused(sessions: int) -> None:
    with pytest.raises(ConfigError, match=f"sessions is {sessions}; give 1 or more"):
        sample(sessions=sessions)


def test_an_unknown_symbol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no sample bars of TSLA; there are AAPL, FB, GOOG, IBM, MSFT"):
        sample(instruments=["TSLA"])
    with pytest.raises(ConfigError, match="no data of 'TSLA'; there are AAPL, FB"):
        sample(sessions=1).frame("TSLA")


def test_a_frame_is_in_human_units_utc_and_float64() -> None:
    table = sample(sessions=2).frame("IBM")
    assert list(table.columns) == ["bid", "ask", "mid", "bid_size", "ask_size"]
    assert isinstance(table.index, pd.DatetimeIndex)
    assert (str(table.index.tz), table.index.name, len(table)) == ("UTC", "time", 26)
    assert set(table.dtypes.astype(str)) == {"float64"}
    assert table.attrs["label"] == "simulated quotes in real bars"
    np.testing.assert_allclose(table["ask"] - table["bid"], 0.02, atol=1e-9)
    first = sample_histories()["IBM"]
    assert table["mid"].iloc[0] == first.bars[-196].open / 100


def test_the_frame_of_all_instruments_names_each() -> None:
    table = sample(sessions=1).frame()
    assert list(table.columns[:2]) == ["instrument", "bid"]
    assert table["instrument"].value_counts().to_dict() == dict.fromkeys(["AAPL", "FB", "GOOG", "IBM", "MSFT"], 13)


def test_a_price_in_the_frame_is_the_float_nearest_to_it_and_a_missing_side_is_nan() -> None:
    quote = Quote(instrument="IBM", bid=110, ask=0, bid_size=3, ask_size=0)
    data = one_quote(quote)
    table = data.frame("IBM")
    assert table["bid"].iloc[0] == 1.10  # 110 * 0.01 is 1.1 and a bit
    assert table[["ask", "mid"]].isna().all(axis=None)
    assert data.summary.lowest == {}


def one_quote(quote: Quote, instruments: tuple[Instrument, ...] = sample_instruments(["IBM"])) -> FeedData:
    step = Step(number=1, time=FeedTime(0), label="x", events=(quote,))
    return FeedData(lambda: iter((step,)), instruments, title="One & only", label="<test>")


def test_it_shows_itself_with_span_counts_and_label() -> None:
    page = sample()._repr_html_()
    for text in (
        "simulated quotes in real bars",
        "196 sessions",
        "2012-05-18 – 2013-03-01",
        "2,940 steps",
        "2,548",
        "IBM",
    ):
        assert text in page


def test_what_it_shows_is_escaped() -> None:
    page = one_quote(Quote(instrument="IBM", bid=1, ask=2, bid_size=1, ask_size=1))._repr_html_()
    assert "<test>" not in page
    assert "One &amp; only" in page
    assert "<td>0.015</td>" in page
