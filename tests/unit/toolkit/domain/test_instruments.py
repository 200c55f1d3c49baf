from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.venue_kit import USD, stock
from toolkit.domain.errors import ConfigError, DomainError
from toolkit.domain.instruments import Instrument, InstrumentMaster, describe
from toolkit.domain.time import FeedTime


def future(**changes: object) -> Instrument:
    plain: dict[str, object] = {
        "symbol": "ES",
        "tick": Decimal("0.25"),
        "lot": Decimal(1),
        "multiplier": Decimal(50),
        "currency": USD,
        "calendar": "CME",
        "venue": "paper",
    }
    return describe(**{**plain, **changes})


def test_a_tick_on_a_lot_is_worth_a_whole_number_of_quanta() -> None:
    assert future().tick_value == 1250
    assert future().value(ticks=4, lots=2) == 4 * 2 * 1250


@pytest.mark.parametrize("bad", ["0", "-1", "NaN", "Infinity"])
def test_a_tick_that_is_no_positive_number_is_refused_by_name(bad: str) -> None:
    with pytest.raises(ConfigError, match="ES: tick is"):
        future(tick=Decimal(bad))


def test_a_tick_worth_less_than_a_quantum_asks_for_a_smaller_one() -> None:
    with pytest.raises(ConfigError, match="give USD a smaller quantum"):
        future(tick=Decimal("0.0001"), multiplier=Decimal(1))


@pytest.mark.parametrize("bad", ["1e-30", "1e30", "1e999999999"])
def test_a_tick_beyond_every_market_is_refused_by_name(bad: str) -> None:
    with pytest.raises(ConfigError, match=r"ES: tick is .*; it must be from 1E-18 to"):
        future(tick=Decimal(bad))


def test_a_tick_worth_more_quanta_than_the_books_keep_is_refused() -> None:
    with pytest.raises(ConfigError, match="give a smaller tick, lot or multiplier"):
        future(tick=Decimal("1e10"), multiplier=Decimal("1e10"))


def test_prices_off_the_grid_are_refused_never_rounded() -> None:
    assert future().ticks(Decimal("4500.25")) == 18001
    with pytest.raises(DomainError, match=r"not a multiple of 0\.25"):
        future().ticks(Decimal("4500.30"))


@given(st.floats(0.01, 1e6))
def test_rounding_happens_on_request_and_lands_on_the_grid(value: float) -> None:
    price = future().price(value)
    assert future().price_of(future().ticks(price)) == price
    assert abs(price - Decimal(repr(value))) <= Decimal("0.125")


def test_a_float_that_is_no_number_is_refused() -> None:
    with pytest.raises(DomainError, match="finite"):
        future().price(float("nan"))


def test_the_definition_in_force_is_the_newest_that_has_begun() -> None:
    master = InstrumentMaster()
    old, new = stock(effective_from=FeedTime(0)), stock(effective_from=FeedTime(100), maximum=7)
    master.add(new)
    master.add(old)
    assert master.find("AAPL", FeedTime(99)) == old
    assert master.find("AAPL", FeedTime(100)) == master.find("AAPL") == new


def test_before_its_first_date_an_instrument_is_not_there() -> None:
    master = InstrumentMaster()
    master.add(stock(effective_from=FeedTime(100)))
    assert master.find("AAPL", FeedTime(99)) is None


def test_an_unknown_symbol_names_the_known_ones() -> None:
    master = InstrumentMaster()
    master.add(stock())
    with pytest.raises(DomainError, match="unknown instrument 'APPL'; known: AAPL"):
        master.require("APPL")
