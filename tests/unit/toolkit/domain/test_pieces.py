"""A ledger in pieces is the ledger, as of the moment in which it was asked for."""

from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core_kit import Core
from toolkit.domain import pieces
from toolkit.domain.ledger import Ledger
from toolkit.domain.pieces import ledger_in_pieces


@given(st.integers(0, 40), st.integers(1, 7))
def test_the_pieces_are_the_bytes(orders: int, at_once: int) -> None:
    core = Core()
    for number in range(orders):
        core.buy(1 + number, price=90 if number % 2 else None)
    pieces.AT_ONCE, before = at_once, pieces.AT_ONCE
    try:
        assert b"".join(ledger_in_pieces(core.ledger)) == core.ledger.to_bytes()
    finally:
        pieces.AT_ONCE = before


def test_what_happens_meanwhile_is_not_in_them() -> None:
    core = Core()
    core.buy(5)
    as_of_then, coming = core.ledger.to_bytes(), ledger_in_pieces(core.ledger)
    first = next(coming)
    core.buy(7)
    core.buy(3, price=90)
    assert b"".join((first, *coming)) == as_of_then
    assert Ledger.from_bytes(as_of_then).digest() != core.ledger.digest()


def test_a_map_says_how_long_it_is_as_msgpack_does() -> None:
    ledger = Ledger()
    for count in (15, 16, 2**16 - 1, 2**16):
        ledger.closed = {f"{number}": None for number in range(count)}
        ledger.fills = {f"{number}": [] for number in range(count)}
        assert b"".join(ledger_in_pieces(ledger)) == ledger.to_bytes()
