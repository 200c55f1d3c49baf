"""Control 2 in another currency: what an order is worth at the rate of now, and that a stale or missing one denies."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.tools.core_kit import Core, limit, limits, without
from tests.tools.venue_kit import USD, stock
from toolkit.domain import events as ev
from toolkit.domain.instruments import Currency
from toolkit.engine.messages import Valuation

EUR = Currency(code="EUR", quantum=Decimal("0.01"))
SAP, EURUSD = stock("SAP", currency="EUR"), stock("EURUSD")
BY_PAIR = (Valuation(asset="EUR", instrument="EURUSD"),)
TEN_SECONDS = limit("max_rate_age", "10", line=7)


def desk(*off: int, rates: tuple[Valuation, ...] = BY_PAIR, **book: str | None) -> Core:
    """SAP trades at 100 EUR, a EUR at 1.09 USD."""
    core = Core(
        rows=limits(TEN_SECONDS, **book),
        instruments=(SAP, EURUSD),
        controls=without(*off),
        currencies=(USD, EUR),
        exchange_rates=rates,
    )
    core.quote(108, 110, symbol="EURUSD")
    core.quote(9_999, 10_001, symbol="SAP")
    return core


def buy(core: Core, quantity: int = 1) -> None:
    core.buy(quantity, 10_000, symbol="SAP")


def test_an_order_counts_in_the_base_currency_at_the_rate_of_its_decision() -> None:
    core = desk(max_order_value="1090")
    buy(core, 10)
    buy(core, 11)
    assert [order.quantity for order in core.orders_received()] == [10]
    denial = core.denial()
    assert (denial.control, denial.observed, denial.limit) == (2, "1,199.00 USD", "1,090.00 USD")
    assert denial.would_pass == "10 would"
    assert [mark.rate for mark in core.of(ev.FxMarked)] == [Decimal("1.09")]


def test_a_currency_that_prices_its_own_pair_is_worth_the_inverse() -> None:
    core = desk(rates=(Valuation(asset="EUR", instrument="SAP"),))
    buy(core)
    assert core.ledger.rates["EUR"] == Decimal("0.01")
    assert len(core.orders_received()) == 1


def test_a_written_rate_never_grows_old() -> None:
    core = desk(rates=(Valuation(asset="EUR", price=Decimal("1.1")),))
    core.wait(60)
    core.quote(9_999, 10_001, symbol="SAP", seconds=60)
    buy(core)
    assert len(core.orders_received()) == 1


@pytest.mark.proves(2, "edge")
def test_a_rate_that_is_as_old_as_it_may_be_passes() -> None:
    core = desk()
    core.quote(9_999, 10_001, symbol="SAP", seconds=9)
    buy(core)
    assert len(core.orders_received()) == 1


def stale_by_feed(core: Core) -> None:
    core.quote(9_999, 10_001, symbol="SAP", seconds=10)


def stale_by_clock(core: Core) -> None:
    core.wait(10)


@pytest.mark.proves(2, "breach")
@pytest.mark.parametrize("breach", [stale_by_feed, stale_by_clock])
def test_a_stale_rate_denies_entries_and_says_how_old_it_is(breach: Callable[[Core], None]) -> None:
    core, unguarded = desk(), desk(2)
    for each in (core, unguarded):
        breach(each)
        buy(each)
    assert core.orders_received() == []
    denial = core.denial()
    assert (denial.control, denial.observed, denial.limit) == (2, "rate EUR/USD 11 s old", "10 s")
    assert denial.source == "config/limits.yaml:7"
    assert len(unguarded.orders_received()) == 1


def test_a_crossed_quote_values_nothing_and_the_last_good_one_grows_old() -> None:
    core = desk()
    buy(core)
    core.quote(110, 108, symbol="EURUSD", seconds=9)
    core.quote(9_999, 10_001, symbol="SAP")
    buy(core, 2)
    assert len(core.orders_received()) == 1
    assert core.denial().observed == "rate EUR/USD 11 s old"
    assert core.ledger.rates["EUR"] == Decimal("1.09")


def test_a_fresh_quote_of_the_currency_opens_again() -> None:
    core = desk()
    core.quote(9_999, 10_001, symbol="SAP", seconds=10)
    core.quote(118, 120, symbol="EURUSD")
    buy(core)
    assert [mark.rate for mark in core.of(ev.FxMarked)] == [Decimal("1.19")]
    assert len(core.orders_received()) == 1


def test_a_missing_rate_denies() -> None:
    core = desk(rates=())
    buy(core)
    assert core.orders_received() == []
    assert (core.denial().control, core.denial().observed) == (2, "no rate EUR/USD")


@pytest.mark.proves(2, "unset")
def test_without_a_limit_of_its_age_no_rate_counts() -> None:
    core = Core(rows=limits(), instruments=(SAP, EURUSD), currencies=(USD, EUR), exchange_rates=BY_PAIR)
    core.quote(9_999, 10_001, symbol="SAP")
    buy(core)
    assert core.orders_received() == []
    assert (core.denial().control, core.denial().observed) == (2, "max_rate_age")
    assert core.denial().limit == "LIMIT_NOT_SET"


def test_an_exit_needs_no_rate() -> None:
    core = desk()
    buy(core, 5)
    core.quote(9_999, 10_000, symbol="SAP", seconds=1)
    assert core.held(symbol="SAP") == 5
    core.feed(seconds=60)
    core.sell(5, 9_000, symbol="SAP")
    assert core.held(symbol="SAP") == 0


def test_a_rate_is_marked_once_a_second_while_the_books_hang_on_it_and_not_before() -> None:
    core = desk()
    for ask in range(111, 115):
        core.quote(108, ask, symbol="EURUSD")
    assert not core.of(ev.FxMarked)
    buy(core, 5)
    for ask in range(115, 118):
        core.quote(108, ask, symbol="EURUSD", seconds=0.5)
    assert [int(mark.time) / 10**9 for mark in core.of(ev.FxMarked)] == [9, 10]


def test_the_age_of_a_rate_survives_a_restart() -> None:
    core = desk()
    buy(core)
    assert core.shadow.rate_times == core.ledger.rate_times
    assert type(core.ledger).from_bytes(core.ledger.to_bytes()).rate_times == core.ledger.rate_times
