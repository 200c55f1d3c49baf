"""An order as the books know it, and the closed sets its fields come from; transitions stand in `order_tables`."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from toolkit.domain.time import FeedTime, WallTime


class Side(IntEnum):
    BUY = 1
    SELL = -1


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"


class TimeInForce(StrEnum):
    GTC = "gtc"
    DAY = "day"
    IOC = "ioc"


class OrderClass(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"
    PROTECTIVE = "protective"


class Status(StrEnum):
    """FIX's order statuses and our DENIED (refused by ourselves, never sent)."""

    __hash__ = str.__hash__  # Enum's own is Python code; the order tables are looked up for every fact

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    PENDING_REPLACE = "PENDING_REPLACE"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    DENIED = "DENIED"


FINAL = frozenset({Status.FILLED, Status.CANCELED, Status.REJECTED, Status.EXPIRED, Status.DENIED})


class Doubt(StrEnum):
    """What we asked for and do not know the outcome of."""

    __hash__ = str.__hash__

    NONE = "none"
    NEW = "new"
    CANCEL = "cancel"
    REPLACE = "replace"


class TradingState(IntEnum):
    """Per scope; the strictest (highest) wins."""

    ACTIVE = 0
    REDUCING = 1
    HALTED = 2


# Names of their own: looking a member up on its enum is Python code on 3.11, which is felt where every order does it.
BUY, SELL = Side.BUY, Side.SELL
ENTRY, EXIT = OrderClass.ENTRY, OrderClass.EXIT
NO_DOUBT = Doubt.NONE


class Order(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="order"):
    """One order, replace chain included. Prices in ticks, quantities in lots, `cost` in ticks × lots of what filled.

    `requested` is when the newest request about it was decided.
    """

    order_id: str
    chain: tuple[str, ...]
    strategy: str
    version: str
    intent_id: str
    instrument: str
    venue: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    order_class: OrderClass
    quantity: int
    price: int | None
    post_only: bool
    reduce_only: bool
    status: Status
    doubt: Doubt
    step: int
    decided: WallTime
    created: FeedTime
    filled: int = 0
    cost: int = 0
    venue_order_id: str = ""
    replacing_id: str = ""
    replacing_quantity: int | None = None
    replacing_price: int | None = None
    reason: str = ""
    requested: FeedTime = FeedTime(0)

    @property
    def remaining(self) -> int:
        """Lots that may still trade in the worst case: 0 once nothing can, the larger size while a replace is open."""
        if self.status in FINAL and self.doubt is NO_DOUBT:
            return 0
        largest, replacing = self.quantity, self.replacing_quantity
        if replacing is not None and replacing > largest:
            largest = replacing
        return largest - self.filled if largest > self.filled else 0

    @property
    def is_open(self) -> bool:
        return self.status not in FINAL or self.doubt is not NO_DOUBT

    @property
    def shown_status(self) -> str:
        """What people see: UNKNOWN while there is doubt."""
        return self.status.value if self.doubt is Doubt.NONE else "UNKNOWN"
