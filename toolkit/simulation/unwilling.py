"""What a drill wants the paper venue to refuse, and how often still; unasked it refuses nothing of this."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from toolkit.simulation.surprises import RefuseCancels, RejectOrders


class Unwilling(msgspec.Struct, kw_only=True, array_like=True):
    """Cancels to refuse, of any order and by id, and orders to reject. Part of a venue's stored state."""

    cancels: int = 0
    cancels_of: dict[str, int] = {}
    orders: int = 0

    def hear(self, wish: RefuseCancels | RejectOrders) -> None:
        if isinstance(wish, RejectOrders):
            self.orders = wish.count
        elif wish.order_id:
            self.cancels_of[wish.order_id] = wish.count
        else:
            self.cancels = wish.count

    def refuses_cancel(self, order_ids: Iterable[str]) -> bool:
        """Whether this cancel is one of those; it counts."""
        stubborn = next((name for name in order_ids if self.cancels_of.get(name)), None)
        if stubborn is not None:
            self.cancels_of[stubborn] -= 1
        elif self.cancels:
            self.cancels -= 1
        else:
            return False
        return True

    def rejects_order(self) -> bool:
        """Whether this order is one of those; it counts."""
        self.orders -= (rejects := self.orders > 0)
        return rejects
