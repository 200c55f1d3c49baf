"""An order as the books know it, and the closed sets its fields come from; transitions stand in `order_tables`."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from toolkit.domain.time import FeedTime, WallTime


class Side(IntEnum):
    BUY = 1
    SELL = -1


class OrderType(StrEnum):
    __hash__ = str.__hash__

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """`FOK`: all at once or nothing. `GTD`: until an instant of feed time."""

    __hash__ = str.__hash__

    GTC = "gtc"
    DAY = "day"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"


class Trigger(StrEnum):
    """The price that a stop watches."""

    LAST = "last"
    BID = "bid"
    ASK = "ask"


class HeldAt(StrEnum):
    """Where a stop waits: at its venue, which acts without us, or in the engine, which must run to act."""

    __hash__ = str.__hash__

    VENUE = "venue"
    ENGINE = "engine"


EXECUTIONS = "executions"
"""The cause of a trading state that control 7 set; a person who ends it arms the strategy again."""


TRADING_STATE = 24
"""The control that refuses what a trading state does not let pass."""


class Ability(StrEnum):
    """What a venue can do beyond market and limit orders.

    `OCO`: one order of a group cancels the other. `REPLACE`: an order can be changed; elsewhere it is cancelled, and
    the rest that the venue confirms goes out anew.
    """

    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"
    FOK = "fok"
    GTD = "gtd"
    OCO = "oco"
    REPLACE = "replace"


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
ENTRY, EXIT, PROTECTIVE = OrderClass.ENTRY, OrderClass.EXIT, OrderClass.PROTECTIVE
NO_DOUBT = Doubt.NONE
AT_VENUE, IN_ENGINE = HeldAt.VENUE, HeldAt.ENGINE
STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


def needed(order_type: OrderType, time_in_force: TimeInForce) -> set[Ability]:
    """What a venue must be able to do to take such an order itself."""
    names = {order_type.value, time_in_force.value}
    return {ability for ability in Ability if ability.value in names}


class Bracket(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What protects the fills of an entry: a stop (with `limit` a stop-limit, with `offset` a trailing one) and, unless
    None, a target. Prices and offset in ticks."""

    stop: int
    limit: int | None = None
    offset: int | None = None
    trigger: Trigger | None = None
    held_at: HeldAt | None = None
    target: int | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What an order says beyond price and quantity; a plain order has none. Prices and offset in ticks.

    `stop` is the price at which a stop is triggered, `offset` how far a trailing one stays behind the best price.
    `held_at` None leaves the place to the engine: at the venue where that can, else in the engine. `group` is the first
    id of the entry whose bracket the order belongs to: of its orders one cancels the other. `watched` is set where the
    engine, not the venue, sees to it that the order ends when it `expires`.
    """

    stop: int | None = None
    offset: int | None = None
    trigger: Trigger | None = None
    expires: FeedTime | None = None
    held_at: HeldAt | None = None
    group: str = ""
    bracket: Bracket | None = None
    watched: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What an order is to become: its total quantity in lots, its price and its stop in ticks (None: as they are)."""

    quantity: int
    price: int | None
    stop: int | None = None


class Order(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="order"):
    """One order, replace chain included. Prices in ticks, quantities in lots, `cost` in ticks × lots of what filled.

    `requested` is when the newest request about it was decided, `withdrawn` whether we asked for its end. A stop that
    was `triggered` is a market or limit order from then on. A market order with a `cap` (ticks) goes to its venue as a
    limit order there that trades at once or not at all.
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
    terms: Terms | None = None
    replacing_stop: int | None = None
    triggered: bool = False
    withdrawn: bool = False
    cap: int | None = None

    @property
    def in_engine(self) -> bool:
        """Whether the engine holds it, so that the venue does not know of it yet."""
        return self.terms is not None and self.terms.held_at is IN_ENGINE

    @property
    def is_on_its_way(self) -> bool:
        """Whether its venue has not said yet that it has it."""
        return not self.venue_order_id and self.status in (Status.PENDING_NEW, Status.PENDING_CANCEL)

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
