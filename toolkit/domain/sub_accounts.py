"""The names of sub-accounts: a strategy's own, and those of versions of it that run beside it; who runs is elsewhere.

A strategy's only version, or its champion, has the strategy's own name. One that runs beside it has a sub-account of
its own, `trend@8`: orders, position, cash, capital, inbox and commands go by that name. What is said of `trend` (a
limit, a state, a latch, a person's stop) holds for both; what is said of `trend@8` for that version alone.
"""

from __future__ import annotations

from typing import Final

BESIDE: Final = "@"
"""No strategy's own name has one: names of strategies are names of Python modules."""


def sub_account(strategy: str, version: int) -> str:
    """The sub-account of a version that runs beside another one of its strategy."""
    return f"{strategy}{BESIDE}{version}"


def strategy_of(name: str) -> str:
    """The strategy that a sub-account belongs to; `house` and `manual` belong to themselves."""
    return name.partition(BESIDE)[0]


def is_of(name: str, whose: str) -> bool:
    """Whether what is said of `whose` holds for the sub-account `name`."""
    return name == whose or strategy_of(name) == whose
