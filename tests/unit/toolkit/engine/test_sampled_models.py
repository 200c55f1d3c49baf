"""Price models that are told the last quote of an interval say what those say that see every quote."""

from math import isnan

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.venue_kit import SECOND
from toolkit.domain.commands import LimitRow
from toolkit.domain.market import FeedGap, MarketEvent, Quote, SessionClosed, Step
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.price_models import PriceModels
from toolkit.engine.risk.windows import windows_of
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


def test_nothing_is_kept_up_that_nobody_asks_for_and_it_begins_when_a_limit_does() -> None:
    """A step of a backtest without a limit for its value at risk would spend more on that than on all else."""
    rows = [LimitRow(scope="book", name="", limit="max_var", value=value, source="here:1") for value in ("*", "1000")]
    view = View()
    view.watch(windows_of(rows[:1]))
    for minute in range(10):
        view.update(quotes(minute))
    assert view.models.version == 0
    view.watch(windows_of(rows[1:]))
    for minute in range(10, 20):
        view.update(quotes(minute))
    assert view.models.version > 0
    assert view.models.volatility("A") > 0


def quotes(minute: int) -> Step:
    quote = Quote(instrument="A", bid=100 + minute % 3, ask=102 + minute % 3, bid_size=1, ask_size=1)
    return Step(number=minute + 1, time=FeedTime(minute * 60 * NANOSECONDS), label="", events=(quote,))
