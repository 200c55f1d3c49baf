"""The reserve for cancels is resolved per scope, like the rate it is taken from."""

from decimal import Decimal

from toolkit.domain.commands import LimitRow
from toolkit.engine.risk.limits import LimitTable


def reserve(scope: str, name: str, value: str) -> LimitRow:
    return LimitRow(scope=scope, name=name, limit="cancel_reserve", value=value, source="limits.yaml:1")


def table(*rows: LimitRow) -> LimitTable:
    return LimitTable(rows, Decimal("0.01"))


def test_a_scope_has_its_own_reserve() -> None:
    both = table(reserve("book", "", "20"), reserve("venue", "paper", "10"))
    assert both.cancel_reserve("venue", "paper") == 10
    assert both.cancel_reserve("book", "") == 20


def test_without_one_it_is_the_books() -> None:
    assert table(reserve("book", "", "20")).cancel_reserve("strategy", "trend") == 20


def test_of_two_rows_of_one_scope_the_larger_is_stricter() -> None:
    assert table(reserve("venue", "*", "5"), reserve("venue", "paper", "10")).cancel_reserve("venue", "paper") == 10


def test_none_at_all_reserves_nothing() -> None:
    assert table().cancel_reserve("venue", "paper") == 0
