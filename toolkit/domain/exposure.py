"""What open orders of one instrument may still trade, kept up to date order by order; it never looks at a position."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from toolkit.domain.orders import BUY, ENTRY, Order


class Exposure(msgspec.Struct, kw_only=True, array_like=True):
    """Lots that entries may still buy and sell, of one strategy or of all, and the exits that may still trade.

    Entries add up and are kept as sums. Exits do not (`largest_exits`), so they are kept by their first ids.
    """

    buys: int = 0
    sells: int = 0
    exits: dict[str, None] = {}

    def entries_without(self, order: Order) -> tuple[int, int]:
        """Lots that entries may buy and sell, one of the orders left out."""
        if order.order_class is not ENTRY:
            return self.buys, self.sells
        if order.side is BUY:
            return self.buys - order.remaining, self.sells
        return self.buys, self.sells - order.remaining


def expose(own: Exposure, account: Exposure, order: Order, remaining: int, by: int) -> None:
    """Take in, for its strategy and for all, that `by` lots more (or fewer) of an order may trade, `remaining` now."""
    if order.order_class is not ENTRY:
        for exits in (own.exits, account.exits):
            if remaining:
                exits[order.chain[0]] = None
            else:
                exits.pop(order.chain[0], None)
    elif order.side is BUY:
        own.buys += by
        account.buys += by
    else:
        own.sells += by
        account.sells += by


def largest_exits(exits: Iterable[Order]) -> tuple[int, int]:
    """Lots that exits may buy and sell. Those of one bracket close the same lots: only the largest of them counts."""
    buys: dict[str, int] = {}
    sells: dict[str, int] = {}
    for order in exits:
        largest = buys if order.side is BUY else sells
        key = (order.terms.group if order.terms is not None else "") or order.chain[0]
        largest[key] = max(largest.get(key, 0), order.remaining)
    return sum(buys.values()), sum(sells.values())
