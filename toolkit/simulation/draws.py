"""Random numbers that hang on the order and not on the moment; there is no generator and nothing to seed twice."""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b

from toolkit.domain.identifiers import DESK_LENGTH, DIGITS, EPOCH_LENGTH, NUMBER_LENGTH, order_number
from toolkit.simulation.paper_settings import MILLION

_LENGTH = DESK_LENGTH + EPOCH_LENGTH + NUMBER_LENGTH
_ALPHABET = frozenset(DIGITS)


class Purpose(StrEnum):
    """What a draw decides; each has its own sequence, so that one setting does not shift another's luck."""

    REJECT = "reject"
    SUBMIT_SILENCE = "submit_silence"
    CANCEL_SILENCE = "cancel_silence"
    REPLACE_SILENCE = "replace_silence"
    SUBMIT_DELAY = "submit_delay"
    CANCEL_DELAY = "cancel_delay"
    REPLACE_DELAY = "replace_delay"
    PARTIAL = "partial"
    PART = "part"
    SUBMIT_LATENCY = "submit_latency"
    CANCEL_LATENCY = "cancel_latency"
    REPLACE_LATENCY = "replace_latency"
    REPORT_LATENCY = "report_latency"
    UNSEEN_TOUCH = "unseen_touch"


def draw(seed: int, number: int, purpose: Purpose, k: int) -> int:
    """The `k`-th number for this order and purpose, uniform over 64 bits, the same in every run and machine."""
    text = f"{seed}.{number}.{purpose.value}.{k}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def happens(per_million: int, seed: int, order_id: str, purpose: Purpose, k: int) -> bool:
    """Whether something with this probability happens to an order; what never happens costs no hash."""
    return per_million > 0 and draw(seed, draw_key(order_id), purpose, k) % MILLION < per_million


def draw_key(order_id: str) -> int:
    """What draws for an order hang on: its number within its book, or for a foreign id a hash of the whole id."""
    if len(order_id) == _LENGTH and _ALPHABET.issuperset(order_id):
        return order_number(order_id)
    return int.from_bytes(blake2b(order_id.encode(), digest_size=8).digest(), "big")
