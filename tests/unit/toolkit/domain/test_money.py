from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.domain.errors import DomainError
from toolkit.domain.money import divide_half_even, from_quanta, split_by_largest_remainder, to_quanta

NUMBERS = st.integers(-(10**18), 10**18)


@given(NUMBERS, NUMBERS.filter(bool))
def test_division_rounds_half_to_even_like_an_exact_fraction(numerator: int, denominator: int) -> None:
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(("numerator", "rounded"), [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2), (-5, -2), (4, 2)])
def test_halves_go_to_the_even_neighbour(numerator: int, rounded: int) -> None:
    assert divide_half_even(numerator, 2) == rounded


@given(NUMBERS, st.lists(st.integers(0, 10**9), min_size=1, max_size=8).filter(any))
def test_a_split_is_exact_and_within_one_quantum_of_fair(total: int, weights: list[int]) -> None:
    shares = split_by_largest_remainder(total, weights)
    assert sum(shares) == total
    assert all(abs(Fraction(total * w, sum(weights)) - s) < 1 for w, s in zip(weights, shares, strict=True))
    assert all(share == 0 for share, weight in zip(shares, weights, strict=True) if not weight)


def test_what_is_left_over_goes_to_the_largest_remainder_then_to_the_earlier() -> None:
    assert split_by_largest_remainder(10, [1, 1, 1]) == (4, 3, 3)
    assert split_by_largest_remainder(-10, [1, 1, 1]) == (-4, -3, -3)
    assert split_by_largest_remainder(7, [3, 1]) == (5, 2)


@pytest.mark.parametrize("weights", [[0, 0], [1, -1], [3, -1]])
def test_nothing_is_split_by_nothing(weights: list[int]) -> None:
    with pytest.raises(DomainError, match="cannot split"):
        split_by_largest_remainder(5, weights)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "0.015"])
def test_only_whole_quanta_come_in(value: str) -> None:
    with pytest.raises(DomainError, match="price"):
        to_quanta(Decimal(value), Decimal("0.01"), "price")


@given(st.integers(-(10**15), 10**15))
def test_quanta_go_out_and_in_unchanged(quanta: int) -> None:
    assert to_quanta(from_quanta(quanta, Decimal("0.01")), Decimal("0.01"), "amount") == quanta


@pytest.mark.parametrize("value", ["1e17", "-1e17", "1e999999999"])
def test_more_quanta_than_the_journal_can_count_are_refused(value: str) -> None:
    with pytest.raises(DomainError, match=r"give at most 10000000000000000\.00"):
        to_quanta(Decimal(value), Decimal("0.01"), "capital")


def test_an_amount_too_small_for_decimal_to_divide_is_not_nothing() -> None:
    with pytest.raises(DomainError, match="not a multiple"):
        to_quanta(Decimal("1e-9999999"), Decimal("0.01"), "capital")
