"""The reserve for cancels is resolved per scope, like the rate it is taken from."""

from decimal import Decimal

import pytest

from tests.tools.core_kit import limit
from toolkit.domain.commands import LimitRow
from toolkit.engine.risk.limits import LimitTable, loosened, loosening, problem_with, stricter


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


@pytest.mark.parametrize(
    ("old", "new", "is_looser"), [("AAPL", "AAPL,FB", False), ("AAPL,FB", "AAPL", True), ("AAPL", "*", False)]
)
def test_a_shorter_restricted_list_is_looser(old: str, new: str, is_looser: bool) -> None:
    assert bool(loosened([limit("restricted", old)], [limit("restricted", new)])) is is_looser


def test_more_located_is_looser() -> None:
    assert loosened([limit("located", "5")], [limit("located", "6")])
    assert not loosened([limit("located", "5")], [limit("located", "4")])


def test_a_limit_says_where_it_means_something() -> None:
    assert problem_with(limit("message_rate", "5", "instrument", "AAPL")) == (
        "config/limits.yaml:12: message_rate means nothing for one instrument; "
        "set it for one of book, venue, account, strategy, stage"
    )
    assert "no scope; known: book, venue" in problem_with(limit("max_position", "5", "desk", "main"))


@pytest.mark.parametrize("name", ["burst_window", "drift_window"])
def test_a_window_has_a_length(name: str) -> None:
    assert "give seconds above 0" in problem_with(limit(name, "0"))
    assert not problem_with(limit(name, "0.001"))


@pytest.mark.parametrize(
    ("name", "value", "before"),
    [
        ("located", "1000000", "not set, which denies"),
        ("max_rate_age", "900000000", "not set, which denies"),
        ("var_confidence", "0.5", "not set, which is 0.99"),
        ("var_horizon", "1", "not set, which is 86400"),
    ],
)
def test_a_first_row_that_lets_through_what_was_denied_without_it_is_looser(name: str, value: str, before: str) -> None:
    (change,) = loosening([], [limit(name, value)])
    assert (change.before, change.after) == (before, value)
    assert stricter([], [limit(name, value)]) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [("var_confidence", "0.999"), ("var_horizon", "864000"), ("var_sessions", "5"), ("restricted", "A")],
)
def test_a_first_row_that_is_stricter_than_none_tightens(name: str, value: str) -> None:
    assert not loosening([], [limit(name, value)])
    assert stricter([], [limit(name, value)]) == (limit(name, value),)


@pytest.mark.parametrize(("of_venue", "is_looser"), [("19", True), ("20", False), ("21", False)])
def test_a_reserve_of_its_own_is_looser_where_it_is_smaller_than_the_one_it_replaces(
    of_venue: str, is_looser: bool
) -> None:
    old = [reserve("book", "", "20")]
    new = [*old, reserve("venue", "paper", of_venue)]
    assert bool(loosened(old, new)) is is_looser
    in_force = LimitTable(stricter(old, new), Decimal("0.01")).cancel_reserve("venue", "paper")
    assert in_force == max(20, int(of_venue))


def test_more_located_for_one_strategy_than_for_the_book_is_not_looser() -> None:
    book = limit("located", "5")
    assert not loosening([book], [book, limit("located", "500", "strategy", "trend")])
    assert loosening([limit("located", "5", "strategy", "trend")], [book, limit("located", "5", "strategy", "trend")])
