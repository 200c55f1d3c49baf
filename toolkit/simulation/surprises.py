"""What real venues do against expectation, as messages for tests and drills; unasked, the paper venue never does it."""

from __future__ import annotations

import msgspec

from toolkit.domain.requests import Liquidity


class RefuseCancels(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="refuse_cancels"):
    """The next `count` cancels of open orders (with `order_id` of this one alone) are refused; the orders stay."""

    count: int
    order_id: str = ""


class RejectOrders(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="reject_orders"):
    """The next `count` orders are rejected for a reason of the venue's own."""

    count: int


class LateFill(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="late_fill"):
    """A fill in whatever status the order is: after its cancel, or for more than its quantity."""

    order_id: str
    price: int
    quantity: int
    liquidity: Liquidity


class BustFill(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="bust_fill"):
    """Take a trade of `quantity` lots back; the filled quantity falls."""

    order_id: str
    execution_id: str
    quantity: int


class CorrectFill(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="correct_fill"):
    """Change price, fee and quantity (from `old_quantity`) of a trade."""

    order_id: str
    execution_id: str
    old_quantity: int
    quantity: int
    price: int
    fee: int


Unexpected = LateFill | BustFill | CorrectFill
Surprise = RefuseCancels | RejectOrders | Unexpected
