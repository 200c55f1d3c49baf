"""The short way to a result, for who has everything in the base currency, ends where the long one does."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from toolkit.domain import results
from toolkit.domain.instruments import Currency, describe
from toolkit.domain.ledger import Ledger
from toolkit.domain.money import divide_half_even
from toolkit.domain.positions import Mark, Position
from toolkit.domain.standing import Standing
from toolkit.domain.time import FeedTime

CENT = Decimal("0.01")
CURRENCIES = {"HOME": "USD", "ABROAD": "EUR"}
amounts = st.integers(-(10**12), 10**12)
by_currency = st.dictionaries(st.sampled_from(("USD", "EUR")), amounts)
prices = st.integers(0, 10**6)


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    """A book in dollars with one sub-account, which may have euros as well; marks may be missing."""
    ledger = Ledger(base_currency="USD", rates={"EUR": Decimal("1.1")})
    ledger.currencies = {code: Currency(code=code, quantum=CENT) for code in ("USD", "EUR")}
    for symbol, code in CURRENCIES.items():
        ledger.instruments.add(
            describe(
                symbol=symbol, tick=CENT, lot=Decimal(1), currency=ledger.currencies[code], calendar="24/7", venue="x"
            )
        )
    ledger.cash, ledger.moved = ({"one": kept} if kept else {} for kept in (draw(by_currency), draw(by_currency)))
    held = draw(st.dictionaries(st.sampled_from(tuple(CURRENCIES)), st.integers(-99, 99)))
    ledger.positions = {"one": {symbol: Position(lots=lots) for symbol, lots in held.items()}}
    marked = draw(st.dictionaries(st.sampled_from(tuple(CURRENCIES)), prices))
    ledger.marks = {symbol: Mark(twice=twice, step=1, time=FeedTime(1)) for symbol, twice in marked.items()}
    three = st.tuples(prices, prices, prices)
    ledger.standing = Standing(marks=draw(st.dictionaries(st.sampled_from(tuple(CURRENCIES)), three)))
    return ledger


@given(ledgers())
def test_both_ways_to_a_result_end_at_the_same(ledger: Ledger) -> None:
    short = results.plain_result(ledger, "one")
    if short is not None:
        whole = results._halves(ledger, "one")
        assert whole is not None
        assert short.pnl(ledger.standing.price) == divide_half_even(whole.pop("USD", 0), 2)
        assert not whole, "something was left out that is in another currency"


def test_who_has_dollars_alone_takes_the_short_way_and_who_has_euros_does_not() -> None:
    ledger = Ledger(base_currency="USD", cash={"one": {"USD": 3}, "two": {"USD": 3, "EUR": 1}})
    assert results.plain_result(ledger, "one") == (6, ())
    assert results.plain_result(ledger, "two") is None
