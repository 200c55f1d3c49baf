"""The feed that everybody has: simulated quotes in real bars."""

from datetime import UTC, datetime
from itertools import islice

import toolkit as tk
from toolkit.domain.market import Quote, SessionClosed, SessionOpened
from toolkit.simulation.data import sample_histories


def test_a_session_is_one_real_bar_opened_into_quotes() -> None:
    steps = list(islice(tk.data.sample(instruments=["IBM"]), 15))

    assert isinstance(steps[0].events[0], SessionOpened)
    assert isinstance(steps[-1].events[0], SessionClosed)
    quotes = [event for step in steps for event in step.events if isinstance(event, Quote)]
    middles = [(quote.bid + quote.ask) // 2 for quote in quotes]
    bar = sample_histories()["IBM"].bars[0]
    assert (middles[0], max(middles), min(middles), middles[-1]) == (bar.open, bar.high, bar.low, bar.close)


def test_every_price_says_that_it_is_simulated() -> None:
    data = tk.data.sample(sessions=3)
    assert {step.label for step in data} == {"simulated quotes in real bars"}
    assert "simulated quotes in real bars" in data._repr_html_()


def test_it_trades_on_any_day_because_it_has_its_own_clock() -> None:
    times = [datetime.fromtimestamp(int(step.time) / 1e9, UTC) for step in tk.data.sample(sessions=400)]
    assert times[0].isoformat() == "2012-05-18T13:30:00+00:00"
    assert times[-1].year == 2013
    assert {time.isoweekday() for time in times} == {1, 2, 3, 4, 5}


def test_two_people_see_the_same_quotes_and_another_seed_shows_others() -> None:
    mine, yours = (list(tk.data.sample(sessions=5)) for _ in range(2))
    assert mine == yours
    assert list(tk.data.sample(sessions=5, seed=8)) != mine


def test_a_look_at_it_is_a_table() -> None:
    table = tk.data.sample(sessions=20).frame("IBM")
    assert (table["ask"] - table["bid"]).round(2).eq(0.02).all()
    assert str(table.index.tz) == "UTC"
