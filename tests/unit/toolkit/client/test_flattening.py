"""How a flatten past the engine is split: each sub-account closes its own, and never more than the venue holds."""

from hypothesis import given
from hypothesis import strategies as st

from toolkit.client.flattening import Holding, down_to

LOTS = st.integers(-50, 50)


def holdings(**lots: int) -> list[Holding]:
    return [Holding(name, "paper", "AAPL", held) for name, held in sorted(lots.items()) if held]


def test_where_books_and_venue_agree_each_closes_its_own_also_against_each_other() -> None:
    held = holdings(trend=10, quoting=-4)
    assert list(down_to({"AAPL": 6}, held, "paper")) == held


def test_what_the_venue_does_not_hold_is_not_closed_and_what_nobody_claims_is_manuals() -> None:
    assert list(down_to({"AAPL": 6}, holdings(trend=10), "paper")) == holdings(trend=6)
    assert list(down_to({"AAPL": 13}, holdings(trend=10), "paper")) == [*holdings(trend=10), *holdings(manual=3)]
    assert list(down_to({"AAPL": -2}, holdings(trend=10), "paper")) == holdings(manual=-2)
    assert list(down_to({}, holdings(trend=10), "paper")) == []


@given(LOTS, LOTS, LOTS)
def test_the_venue_is_flat_afterwards_whatever_the_books_say(trend: int, quoting: int, shown: int) -> None:
    closed = list(down_to({"AAPL": shown}, holdings(trend=trend, quoting=quoting), "paper"))
    assert sum(holding.lots for holding in closed) == shown
