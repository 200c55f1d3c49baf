"""Exact arithmetic on integers of quanta; never a float."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from toolkit.domain.errors import DomainError

LARGEST: Final = 10**18
"""The most quanta, lots or ticks that one number may count: the journal has 64 bits, and several are added up."""


def divide_half_even(numerator: int, denominator: int) -> int:
    """Round `numerator / denominator` half to even. Raises ZeroDivisionError for a zero denominator."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, remainder = divmod(numerator, denominator)
    doubled = 2 * remainder
    if doubled > denominator or (doubled == denominator and quotient & 1):
        return quotient + 1
    return quotient


def split_by_largest_remainder(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split `total` in proportion to non-negative `weights`, exactly; ties go to the earlier weight."""
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise DomainError(f"cannot split {total} by weights {tuple(weights)}: they must be ≥ 0 and not all 0")
    sign, size = (-1, -total) if total < 0 else (1, total)
    shares = [divmod(size * weight, whole) for weight in weights]
    missing = size - sum(share for share, _ in shares)
    order = sorted(range(len(weights)), key=lambda i: (-shares[i][1], i))
    extra = set(order[:missing])
    return tuple(sign * (share + (i in extra)) for i, (share, _) in enumerate(shares))


def to_quanta(value: Decimal, quantum: Decimal, what: str) -> int:
    """`value / quantum` as an integer.

    Raises DomainError when it is not a whole number of quanta, not finite, or more than `LARGEST` of them.
    """
    if not value.is_finite():
        raise DomainError(f"{what} is {value}; give a finite number")
    if value.copy_abs() > (most := LARGEST * quantum):
        raise DomainError(f"{what} is {value}; give at most {most:f}")
    if (whole := int(value / quantum)) * quantum != value:
        raise DomainError(f"{what} {value} is not a multiple of {quantum}")
    return whole


def from_quanta(quanta: int, quantum: Decimal) -> Decimal:
    """The decimal that `quanta` stands for."""
    return quantum * quanta


def whole(quanta: int | Decimal) -> int:
    """Quanta rounded half to even; whole ones, as nearly always, as they are."""
    return quanta if isinstance(quanta, int) else int(quanta.to_integral_value())
