"""Client order ids: at most 16 of [0-9A-Z], carrying desk, epoch and order number; never reused."""

from __future__ import annotations

from functools import lru_cache

from toolkit.domain.errors import ConfigError, DomainError

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DESK_LENGTH = 3
EPOCH_LENGTH = 5
NUMBER_LENGTH = 8

_PAIRS = tuple(high + low for high in DIGITS for low in DIGITS)


def order_id(desk: str, epoch: int, number: int) -> str:
    """The id of order `number` of the book, first sent by the holder of `epoch`."""
    before, last = divmod(number, len(_PAIRS))
    return _beginning(desk, epoch, before) + _PAIRS[last]


@lru_cache(maxsize=64)
def _beginning(desk: str, epoch: int, before: int) -> str:
    """All but the last two digits, which is what an order shares with most of its neighbours."""
    return desk + base36(epoch, EPOCH_LENGTH) + base36(before, NUMBER_LENGTH - 2)


def lifeboat_id(desk: str, number: int) -> str:
    """The id of an order that leaves without an engine: of an epoch that no engine ever holds. `number` must be new."""
    return order_id(desk, len(DIGITS) ** EPOCH_LENGTH - 1, number)


def is_of_lifeboat(identifier: str) -> bool:
    """Whether an order left without an engine."""
    return identifier[DESK_LENGTH : DESK_LENGTH + EPOCH_LENGTH] == DIGITS[-1] * EPOCH_LENGTH


def order_number(identifier: str) -> int:
    """The order's number within its book, independent of desk and epoch; random draws hang on it."""
    return int(identifier[DESK_LENGTH + EPOCH_LENGTH :], 36)


def order_epoch(identifier: str) -> int:
    return int(identifier[DESK_LENGTH : DESK_LENGTH + EPOCH_LENGTH], 36)


def belongs_to(desk: str, identifier: str) -> bool:
    """Whether an id found at a venue is one of this desk's."""
    length = DESK_LENGTH + EPOCH_LENGTH + NUMBER_LENGTH
    return len(identifier) == length and identifier.startswith(desk) and set(identifier) <= set(DIGITS)


def check_desk(code: str) -> str:
    """The desk code, or a ConfigError that says what one looks like."""
    if len(code) != DESK_LENGTH or not set(code) <= set(DIGITS):
        raise ConfigError(f"desk code {code!r} must be {DESK_LENGTH} characters of 0-9 and A-Z, for instance DSK")
    return code


def base36(number: int, length: int) -> str:
    """`number` in base 36, filled with zeros; DomainError when it does not fit."""
    if not 0 <= number < 36**length:
        raise DomainError(f"{number} does not fit into {length} characters of base 36")
    pairs: list[str] = []
    rest = number
    for _ in range((length + 1) // 2):
        rest, pair = divmod(rest, 1296)
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs))[-length:]
