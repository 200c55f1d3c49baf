"""The kinds of difference between our books and a venue, and how the ledger names one; who finds them is elsewhere."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class BreakKind(StrEnum):
    """What differs. The subject of a break is an order's id, an instrument or an asset."""

    FOREIGN_ORDER = "foreign_order"
    """An order at the venue whose id is not ours."""
    LOST_ORDER = "lost_order"
    """One of ours by its id that the books do not have."""
    CLOSED_ORDER = "closed_order"
    """One that is over in the books and rests at the venue."""
    MISSING_FILL = "missing_fill"
    """The venue's order has filled more than the books know."""
    UNKNOWN_FILL = "unknown_fill"
    """The books know of more fills of an order than the venue does."""
    ORDER_TERMS = "order_terms"
    """Quantity or price of an order differ."""
    POSITION = "position"
    """Lots of an instrument that no known fill explains."""
    CASH = "cash"
    """Quanta of an asset."""


OF_ORDERS: Final = frozenset(BreakKind) - {BreakKind.POSITION, BreakKind.CASH}
ADOPTABLE: Final = frozenset({BreakKind.FOREIGN_ORDER, BreakKind.LOST_ORDER, BreakKind.POSITION, BreakKind.CASH})


def break_key(venue: str, kind: str, subject: str) -> str:
    """How the ledger names a break."""
    return f"{venue}/{kind}/{subject}"
