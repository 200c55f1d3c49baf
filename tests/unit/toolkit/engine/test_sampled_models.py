"""Price models that are told the last quote of an interval say what those say that see every quote."""

from math import isnan

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.venue_kit import SECOND
from toolkit.domain.market import FeedGap, MarketEvent, Quote, SessionClosed, Step
from toolkit.domain.time import FeedTime
from toolkit.engine.price_models import PriceModels
from toolkit.engine.sampled_models import HALF_LIFE, INTERVAL
from toolkit.engine.view import View

CALENDARS = {"A": "X", "B": "X", "C": "Y"}
EVENTS = st.one_of(
    st.builds(
        lambda symbol, bid, spread: Quote(instrument=symbol, bid=bid, ask=bid + spread, bid_size=1, ask_size=1),
        st.sampled_from("ABC"), st.integers(90, 110), st.sampled_from([-1, 1, 1, 1, 2, 3]),
    ),
    st.builds(lambda symbol: FeedGap(instrument=symbol), st.sampled_from(["A", "B", ""])),
    st.builds(lambda calendar: SessionClosed(calendar=calendar, session="s"), st.sampled_from("XY")),
)  # fmt: skip
STEPS = st.lists(st.tuples(st.integers(1, 100), st.lists(EVENTS, min_size=1, max_size=3)), min_size=5, max_size=60)


@given(STEPS)
@settings(max_examples=150)
def test_volatility_and_correlation_are_the_same(told: list[tuple[int, list[MarketEvent]]]) -> None:
    view, whole = View(), PriceModels(CALENDARS, interval=INTERVAL, half_life=HALF_LIFE)
    view.models.trades_on(CALENDARS)
    seconds = 0
    for number, (later, events) in enumerate([*told, (100, []), (100, [])], 1):
        seconds += later
        step = Step(number=number, time=FeedTime(seconds * SECOND), label="", events=tuple(events))
        view.update(step)
        whole.take(step)
    for one in "ABC":
        assert same(view.models.volatility(one), whole.volatility(one))
        for other in "ABC":
            assert same(view.models.correlation(one, other), whole.correlation(one, other))


def same(one: float, other: float) -> bool:
    return one == other or (isnan(one) and isnan(other))
