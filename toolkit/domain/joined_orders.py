"""Orders that went to a venue as one, and how what it does is split between them; nothing is decided or sent here.

A fill is split by cumulative largest remainder: each order gets what brings it nearest to its part of everything that
has filled so far, in whole lots, never less than it has, ties in the order in which they joined. While a part is being
taken out, fills go to what stays first. Whatever was split once is taken back as it was split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from toolkit.domain.orders import Order
from toolkit.domain.time import FeedTime, WallTime


class OrdersJoined(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="orders_joined"):
    """Orders that are equal in all but their size and owner went out as one: `order_id` is what their venue knows.

    `children` are their first ids, in the order in which they joined.
    """

    order_id: str
    venue: str
    children: tuple[str, ...]
    time: FeedTime
    wall: WallTime


class JoinedReduceRequested(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="joined_reduce_requested"
):
    """A joined order is to become smaller, to `quantity` in all: `caps` is what each of its orders is left with."""

    order_id: str
    new_id: str
    quantity: int
    caps: tuple[int, ...]
    time: FeedTime
    wall: WallTime


class JoinedReduceAnswered(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="joined_reduce_answered"
):
    """Whether the venue made a joined order smaller; events of its orders follow."""

    order_id: str
    new_id: str
    made: bool
    report: int
    time: FeedTime
    wall: WallTime


class JoinedOrder(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a venue knows as one order: `order_id` now, `ids` since ever, its size, and a reduction that is pending.

    `time` is when it went out.
    """

    order_id: str
    ids: tuple[str, ...]
    venue: str
    children: tuple[str, ...]
    quantity: int
    time: FeedTime
    reducing_id: str = ""
    reducing_to: int = 0
    caps: tuple[int, ...] = ()


class Joined(msgspec.Struct, kw_only=True, array_like=True):
    """The orders that venues know of several of ours, by their first id; `ids` leads there from any of their ids, and
    `parts` from the first id of each of ours."""

    orders: dict[str, JoinedOrder] = {}
    ids: dict[str, str] = {}
    parts: dict[str, str] = {}

    def keeps(self, child: str, orders: Mapping[str, Order]) -> bool:
        """Whether an order that has ended is needed still: it is part of a joined one that has not."""
        joined = self.orders.get(self.parts.get(child, "")) if self.parts else None
        return joined is not None and any(
            (order := orders.get(other)) is not None and order.is_open for other in joined.children
        )

    def forget(self, child: str) -> None:
        """A joined order is kept for as long as one of those that it was made of."""
        root = self.parts.pop(child, None) if self.parts else None
        if root is None or any(other in self.parts for other in self.orders[root].children):
            return
        for identifier in self.orders.pop(root).ids:
            del self.ids[identifier]


class Part(msgspec.Struct, frozen=True, gc=False):
    """What one order has of a joined one: filled so far, its size, and the size that it is being left with."""

    filled: int
    quantity: int
    cap: int


def split_fill(quantity: int, parts: Sequence[Part]) -> list[int]:
    """Lots of a fill by part. They add up to `quantity`, whatever it is: a venue's fact is never refused."""
    shares = [0] * len(parts)
    for sizes in ([part.cap for part in parts], [part.quantity for part in parts]):
        filled = [part.filled + share for part, share in zip(parts, shares, strict=True)]
        rooms = [max(0, size - done) for size, done in zip(sizes, filled, strict=True)]
        fitting = min(quantity - sum(shares), sum(rooms))
        for index, more in enumerate(_cumulative(fitting, filled, sizes, rooms)):
            shares[index] += more
    beyond = quantity - sum(shares)
    if beyond:  # more than was asked for
        for index, more in enumerate(split_amount(beyond, [part.quantity for part in parts])):
            shares[index] += more
    return shares


def split_amount(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount of either sign by largest remainder, ties to the first; the parts add up to it."""
    total = sum(weights)
    if total <= 0:
        return [amount, *[0] * (len(weights) - 1)]
    size = abs(amount)
    shares = [size * weight // total for weight in weights]
    _add_to_largest(shares, size - sum(shares), [size * weight % total for weight in weights])
    return [-share for share in shares] if amount < 0 else shares


def _cumulative(quantity: int, filled: Sequence[int], sizes: Sequence[int], rooms: Sequence[int]) -> list[int]:
    """Lots of `quantity` (no more than the rooms hold) by how far each with room is behind its part of all that filled.

    Among those that are behind, in proportion to how far, by largest remainder. In units of one lot over all sizes.
    """
    active = [index for index, room in enumerate(rooms) if room]
    total = sum(sizes[index] for index in active)
    done = sum(filled[index] for index in active) + quantity
    behind = [0] * len(sizes)
    for index in active:
        behind[index] = max(0, done * sizes[index] - filled[index] * total)
    whole = sum(behind)
    if not quantity or not whole:
        return [0] * len(sizes)
    shares = [quantity * each // whole for each in behind]
    _add_to_largest(shares, quantity - sum(shares), [quantity * each % whole for each in behind])
    return shares


def _add_to_largest(shares: list[int], count: int, remainders: Sequence[int]) -> None:
    for index in sorted(range(len(shares)), key=lambda each: -remainders[each])[:count]:
        shares[index] += 1
